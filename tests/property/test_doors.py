"""Whatever happens at a door, and in whatever order: it opens for a command, by hand, or not at all."""

from datetime import timedelta

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from access_protocol.commands import Action, Result
from access_protocol.events import ControllerEventKind as Kind
from access_protocol.events import Lock
from access_protocol.topics import SERVER
from firmware_sim.faults import BounceContact
from firmware_sim.installation import WATCHDOG, PortalKind
from firmware_sim.physical import FailMode
from firmware_sim.portal import Timings
from tests.fakes.controller_scene import PULSE, Scene, seconds

REST = Timings().shortest_off


class Doors(RuleBasedStateMachine):
    """Commands, lockdowns, people, fire, bounces, hangs and power cuts at one door.

    The model keeps until when the relay may be on, and whether anybody used force.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()
        self.relay_until = timedelta()
        self.forced = self.stuck = False

    @initialize(fails=st.sampled_from(FailMode))
    def build(self, fails: FailMode) -> None:
        self.scene = Scene(PortalKind.DOOR, fails).start()
        self.gate, self.server = self.scene.sender(), self.scene.sender(SERVER)

    @rule(pulse=st.sampled_from([0.2, 2, 5]))
    def unlock(self, pulse: float) -> None:
        event = self.scene.event()
        nonce = self.gate.ask(event)
        if nonce is None:
            assert not self.scene.installation.running
            return
        word = self.gate.send(self.gate.sealed(nonce, event, pulse=seconds(pulse)))
        assert word is not None
        if word.result is Result.DONE:
            until = self.scene.scheduler.now() + min(PULSE, seconds(pulse))
            self.relay_until = max(self.relay_until, until)

    @rule(action=st.sampled_from([Action.LOCK_DOWN, Action.RELEASE]))
    def lock_down_or_release(self, action: Action) -> None:
        event = self.scene.event()
        nonce = self.server.ask(event)
        if nonce is None:
            return
        self.server.send(self.server.sealed(nonce, event, action))
        if action is Action.LOCK_DOWN:
            assert not self.scene.circuit.relay
            self.relay_until = self.scene.scheduler.now()

    @rule(for_seconds=st.sampled_from([0.01, 0.1, 0.7, 3, 6, 30]))
    def wait(self, for_seconds: float) -> None:
        self.scene.advance(for_seconds)

    @rule()
    def push(self) -> None:
        released, was_open = self.scene.circuit.released, self.scene.doorway.leaf_open
        assert self.scene.doorway.push() is (released or was_open)

    @rule()
    def leave(self) -> None:
        assert self.scene.doorway.leave(), "the way out is always open"

    @rule()
    def shut(self) -> None:
        self.scene.doorway.shut()

    @rule()
    def force(self) -> None:
        self.forced = True
        self.scene.doorway.force()

    @rule(demanded=st.booleans())
    def fire(self, *, demanded: bool) -> None:
        circuit = self.scene.circuit
        if demanded:
            circuit.demand_fire_release()
            assert circuit.released
        else:
            circuit.end_fire_demand()
            circuit.reset_fire_release()

    @rule(times=st.integers(1, 12))
    def bounce(self, times: int) -> None:
        self.scene.saboteur.inject(BounceContact(times=times))
        self.scene.advance(0.2)

    @rule(stuck=st.booleans())
    def stick(self, *, stuck: bool) -> None:
        self.stuck = stuck
        self.scene.circuit.stick_bolt() if stuck else self.scene.circuit.free_bolt()

    @rule()
    def hang(self) -> None:
        if self.scene.installation.running and self.scene.circuit.relay:
            reset = self.scene.scheduler.now() + WATCHDOG
            self.relay_until = max(self.relay_until, reset)
        self.scene.installation.freeze()

    @rule(off_for=st.sampled_from([0, 1, 30]))
    def lose_power(self, off_for: float) -> None:
        self.scene.cut_power()
        assert not self.scene.circuit.relay
        self.relay_until = self.scene.scheduler.now()
        self.scene.advance(off_for)
        self.scene.restore_power()

    @rule()
    def lose_and_restore_the_broker(self) -> None:
        self.scene.broker.lose()
        self.scene.advance(1)
        self.scene.broker.restore()

    @invariant()
    def the_relay_is_on_only_for_a_command(self) -> None:
        if self.scene.circuit.relay:
            assert self.scene.scheduler.now() <= self.relay_until

    @invariant()
    def the_lock_lets_go_only_for_a_reason(self) -> None:
        circuit = self.scene.circuit
        if circuit.released and not self.stuck:
            assert circuit.relay or circuit.exit_pressed or circuit.fire or not circuit.powered

    @invariant()
    def what_is_told_is_what_is(self) -> None:
        scene = self.scene
        if scene.installation.running and scene.states:
            assert (scene.state.lock is Lock.UNLOCKED) is scene.circuit.released

    @invariant()
    def nobody_is_accused_who_used_no_force(self) -> None:
        if not self.forced:
            assert Kind.FORCED_OPEN not in self.scene.told()


TestDoors = Doors.TestCase
TestDoors.settings = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=150,
    stateful_step_count=30,
)
