"""Whatever happens to a vending machine, and in whatever order: never two bottles, always one word."""

from collections import Counter

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from access_protocol.commands import Action, Result
from access_protocol.events import ControllerEventKind as Kind
from access_protocol.ids import EventId
from access_protocol.knowledge import Obeyed
from firmware_sim.installation import PortalKind
from tests.fakes.controller_scene import OBEYED, Scene

KEYS = tuple(Obeyed(one.sender, one.public, frozenset(Action)) for one in OBEYED)
OUTCOMES = {Kind.DISPENSED, Kind.JAMMED, Kind.TIMED_OUT, Kind.INTERRUPTED}
SLOTS = st.integers(1, 2)
LONGEST_ORDER = 10
"""Seconds within which every order has come to its end."""


class Machines(RuleBasedStateMachine):
    """Orders, power cuts, hangs, jams, blind sensors and somebody with the key, in any order.

    The model counts, for each slot, the orders that were acknowledged: so many bottles may have
    fallen at most. Once the machine has had time, every order has one outcome, or a boot after it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(PortalKind.VENDING, stock={1: 3, 2: 3}).start(KEYS)
        self.gate = self.scene.sender()
        self.ordered: Counter[int] = Counter()
        self.events: dict[EventId, int] = {}
        """Each order that was acknowledged, and how many boots there had been by then."""
        self.restocked: Counter[int] = Counter({1: 3, 2: 3})

    @property
    def boots(self) -> int:
        return self.scene.saboteur.look().boots

    @rule(slot=SLOTS)
    def order(self, slot: int) -> None:
        event = self.scene.event()
        nonce = self.gate.ask(event)
        if nonce is None:
            assert not self.scene.installation.running
            return
        message = self.gate.sealed(nonce, event, Action.DISPENSE, slot=slot)
        word = self.gate.send(message)
        assert word is not None
        assert self.gate.send(message) == word
        if word.result is Result.DONE:
            self.ordered[slot] += 1
            self.events[event] = self.boots

    @rule(for_seconds=st.sampled_from([0.1, 1, 1.9, 2.4, 2.5, 3, 5, 10]))
    def wait(self, for_seconds: float) -> None:
        self.scene.advance(for_seconds)

    @rule(off_for=st.sampled_from([0, 1, 60]))
    def lose_power(self, off_for: float) -> None:
        self.scene.cut_power()
        self.scene.advance(off_for)
        self.scene.restore_power()

    @rule()
    def hang(self) -> None:
        self.scene.installation.freeze()

    @rule(slot=SLOTS)
    def jam(self, slot: int) -> None:
        self.scene.machine.jam(slot)

    @rule(works=st.booleans())
    def change_the_drop_sensor(self, *, works: bool) -> None:
        machine = self.scene.machine
        machine.mend_drop_sensor() if works else machine.break_drop_sensor()

    @rule()
    def lose_and_restore_the_broker(self) -> None:
        self.scene.broker.lose()
        self.scene.advance(1)
        self.scene.broker.restore()

    @rule(slot=SLOTS, stays=st.sampled_from([0, 5]))
    def refill(self, slot: int, stays: float) -> None:
        machine = self.scene.machine
        machine.open_service()
        self.restocked[slot] += 3 - machine.stock(slot)
        machine.restock(slot, 3)
        self.scene.advance(stays)
        machine.close_service()

    @precondition(lambda self: self.events)
    @rule()
    def every_order_has_come_to_one_end_after_a_while(self) -> None:
        self.scene.advance(LONGEST_ORDER)
        assert self.scene.machine.motor is None
        outcomes = Counter(told.event for told in self.scene.events if told.what in OUTCOMES)
        for event, boot in self.events.items():
            assert outcomes[event] <= 1
            assert outcomes[event] == 1 or self.boots > boot, "neither an outcome nor a new boot"

    @invariant()
    def no_bottle_fell_that_nobody_ordered(self) -> None:
        fallen = Counter(self.scene.machine.fallen)
        for slot in (1, 2):
            assert fallen[slot] <= self.ordered[slot]
            assert self.scene.machine.stock(slot) == self.restocked[slot] - fallen[slot]

    @invariant()
    def what_is_told_as_dispensed_has_fallen(self) -> None:
        told = Counter(t.detail for t in self.scene.events if t.what is Kind.DISPENSED)
        fallen = Counter(f"slot {slot}" for slot in self.scene.machine.fallen)
        assert told <= fallen

    @invariant()
    def no_motor_runs_by_itself_after_a_boot(self) -> None:
        if self.scene.machine.motor is not None:
            assert self.events
            assert max(self.events.values()) == self.boots


TestMachines = Machines.TestCase
TestMachines.settings = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=120,
    stateful_step_count=30,
)
