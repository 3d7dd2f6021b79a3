"""A simulated vending machine: one order, one turn, at most one bottle, and one word on what came of it."""

from pathlib import Path

import pytest

from access_protocol.commands import Action
from access_protocol.decision import CommandRefusal
from access_protocol.events import Alarm, Contact, Lock, SlotCondition
from access_protocol.events import ControllerEventKind as Kind
from access_protocol.topics import SERVER
from firmware_sim.installation import WATCHDOG, PortalKind
from firmware_sim.machine import FALLS_AT
from firmware_sim.metal import MetalFile, SpiralStands
from firmware_sim.people import Attendant
from firmware_sim.portal import Timings
from tests.fakes.controller_scene import OBEYED, Obeyed, Scene, Sender, done, refused

DISPENSE = Action.DISPENSE
MACHINE_KEYS = tuple(Obeyed(one.sender, one.public, frozenset(Action)) for one in OBEYED)


@pytest.fixture
def scene() -> Scene:
    return Scene(PortalKind.VENDING).start(MACHINE_KEYS)


def conditions(scene: Scene) -> dict[int, SlotCondition]:
    return {slot.slot: slot.condition for slot in scene.state.slots}


def refusal(gate: Sender, scene: Scene, slot: int = 1) -> CommandRefusal | None:
    word = gate.do(scene.event(), DISPENSE, slot=slot)
    assert word is not None
    return word.refusal


def test_an_order_gives_one_bottle_and_says_so(scene: Scene) -> None:
    event = scene.event()
    assert scene.sender().do(event, DISPENSE, slot=3) == done(event)
    assert scene.told(event) == [Kind.DISPENSING]
    scene.advance(10)
    assert scene.told(event) == [Kind.DISPENSING, Kind.DISPENSED]
    assert scene.machine.fallen == [3]
    assert scene.machine.motor is None
    assert scene.events[-1].detail == "slot 3"


def test_a_fresh_machine_says_which_slots_it_has(scene: Scene) -> None:
    assert conditions(scene) == dict.fromkeys(range(1, 7), SlotCondition.READY)
    assert (scene.state.lock, scene.state.contact) == (Lock.LOCKED, Contact.CLOSED)


def test_the_last_bottle_is_told_and_the_next_order_is_refused() -> None:
    scene = Scene(PortalKind.VENDING, stock={1: 1, 2: 0}).start(MACHINE_KEYS)
    gate, event = scene.sender(), scene.event()
    assert refusal(gate, scene, slot=2) is CommandRefusal.SLOT_EMPTY
    gate.do(event, DISPENSE)
    scene.advance(10)
    assert scene.told()[-2:] == [Kind.DISPENSED, Kind.EMPTY]
    assert refusal(gate, scene) is CommandRefusal.SLOT_EMPTY
    assert conditions(scene)[1] is SlotCondition.EMPTY


def test_a_slot_that_is_not_there_is_refused_by_name(scene: Scene) -> None:
    assert refusal(scene.sender(), scene, slot=7) is CommandRefusal.SLOT_UNKNOWN


def test_a_second_order_waits_for_nobody_it_is_refused(scene: Scene) -> None:
    gate = scene.sender()
    gate.do(scene.event(), DISPENSE, slot=1)
    assert refusal(gate, scene, slot=2) is CommandRefusal.BUSY
    scene.advance(10)
    assert refusal(gate, scene, slot=2) is None


def test_an_order_that_comes_twice_gives_one_bottle(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    nonce = gate.ask(event)
    assert nonce is not None
    message = gate.sealed(nonce, event, DISPENSE)
    assert gate.send(message) == gate.send(message) == done(event)
    scene.advance(10)
    assert gate.send(message) == done(event)
    scene.advance(10)
    assert scene.machine.fallen == [1]


def test_a_machine_opens_no_door(scene: Scene) -> None:
    event = scene.event()
    word = scene.sender(SERVER).do(event, Action.UNLOCK)
    assert word == refused(event, CommandRefusal.ACTION_NOT_ALLOWED)


def test_a_locked_down_machine_gives_nothing_and_finishes_what_it_began(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    gate.do(event, DISPENSE)
    scene.sender(SERVER).do(scene.event(), Action.LOCK_DOWN)
    assert refusal(gate, scene) is CommandRefusal.LOCKED_DOWN
    scene.advance(10)
    assert scene.told(event)[-1] is Kind.DISPENSED
    assert scene.state.lock is Lock.LOCKED_DOWN


def test_a_jam_stops_the_motor_is_told_and_puts_the_slot_out_of_order(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    scene.machine.jam(1)
    gate.do(event, DISPENSE)
    scene.advance(7)
    assert scene.told(event) == [Kind.DISPENSING, Kind.JAMMED]
    assert scene.machine.motor is None
    assert scene.state.alarms == (Alarm.JAMMED,)
    assert conditions(scene)[1] is SlotCondition.OUT_OF_ORDER
    assert refusal(gate, scene, slot=1) is CommandRefusal.OUT_OF_ORDER
    assert refusal(gate, scene, slot=2) is None


def test_a_blind_drop_sensor_ends_in_timed_out_and_never_in_a_second_turn(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    scene.machine.break_drop_sensor()
    gate.do(event, DISPENSE)
    scene.advance(60)
    assert scene.told(event) == [Kind.DISPENSING, Kind.TIMED_OUT]
    assert scene.machine.fallen == [1]
    assert refusal(gate, scene) is CommandRefusal.OUT_OF_ORDER


@pytest.mark.parametrize(("cut_after", "fallen"), [(0.1, []), (2.3, []), (2.5, [1]), (2.99, [1])])
def test_power_lost_in_a_turn_ends_in_unknown_and_never_in_a_second_bottle(
    scene: Scene, cut_after: float, fallen: list[int]
) -> None:
    gate, event = scene.sender(), scene.event()
    gate.do(event, DISPENSE)
    scene.advance(cut_after)
    scene.cut_power()
    scene.advance(60)
    scene.restore_power()
    scene.advance(60)
    assert scene.machine.fallen == fallen
    assert scene.machine.motor is None
    assert [(told.what, told.detail) for told in scene.events[-2:]] == [
        (Kind.STARTED, None),
        (Kind.INTERRUPTED, "slot 1"),
    ]
    assert (Kind.DISPENSED in scene.told(event)) is bool(fallen)
    assert refusal(gate, scene) is CommandRefusal.OUT_OF_ORDER


def test_a_processor_that_hangs_in_a_turn_is_reset_before_a_second_bottle_falls(
    scene: Scene,
) -> None:
    assert WATCHDOG < FALLS_AT
    for hangs_after in (0.1, 1.5, 2.39, 2.5, 2.99):
        fallen = len(scene.machine.fallen)
        scene.sender().do(scene.event(), DISPENSE)
        scene.advance(hangs_after)
        scene.installation.freeze()
        scene.advance(30)
        assert len(scene.machine.fallen) <= fallen + 1
        assert scene.machine.motor is None
        scene.machine.open_service()
        scene.machine.restock(1, 8)
        scene.machine.close_service()


def test_opening_the_service_door_stops_the_motor_and_ends_the_order(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    gate.do(event, DISPENSE)
    scene.advance(1)
    scene.machine.open_service()
    assert scene.machine.motor is None
    assert scene.told(event) == [Kind.DISPENSING, Kind.INTERRUPTED]
    assert scene.state.contact is Contact.OPEN
    assert refusal(gate, scene, slot=2) is CommandRefusal.OUT_OF_ORDER
    scene.machine.close_service()
    assert refusal(gate, scene, slot=1) is CommandRefusal.OUT_OF_ORDER
    assert refusal(gate, scene, slot=2) is None


def test_somebody_with_the_key_brings_every_slot_back() -> None:
    scene = Scene(PortalKind.VENDING, stock={1: 1, 2: 4}).start(MACHINE_KEYS)
    Attendant(scene.machine, scene.scheduler)
    gate = scene.sender()
    scene.machine.jam(2)
    gate.do(scene.event(), DISPENSE, slot=1)
    scene.advance(10)
    gate.do(scene.event(), DISPENSE, slot=2)
    scene.advance(600)
    assert Kind.RESTOCKED in scene.told()
    assert scene.state.alarms == ()
    assert conditions(scene)[1] is SlotCondition.READY
    assert refusal(gate, scene, slot=1) is None


def test_a_bottle_that_somebody_shakes_loose_is_told_without_an_order(scene: Scene) -> None:
    scene.machine.shake(1)
    assert (scene.events[-1].what, scene.events[-1].detail) == (
        Kind.DISPENSED,
        "without an order",
    )


def test_an_opened_case_is_told_until_it_is_closed(scene: Scene) -> None:
    scene.machine.open_case()
    assert scene.state.alarms == (Alarm.TAMPER,)
    scene.machine.close_case()
    assert scene.state.alarms == ()
    assert scene.told()[-2:] == [Kind.TAMPERED, Kind.ALARM_CLEARED]


def test_the_motor_is_not_started_more_often_than_its_limit_in_a_minute() -> None:
    scene = Scene(PortalKind.VENDING, timings=Timings(pulses_a_minute=2), stock={1: 8}).start(
        MACHINE_KEYS
    )
    gate = scene.sender()
    for _ in range(2):
        assert refusal(gate, scene) is None
        scene.advance(5)
    assert refusal(gate, scene) is CommandRefusal.RELAY_LIMIT
    scene.advance(60)
    assert refusal(gate, scene) is None


def test_the_metal_outlives_a_simulator_that_is_killed_in_the_middle_of_a_turn(
    tmp_path: Path,
) -> None:
    file = tmp_path / "machine.json"
    before = Scene(PortalKind.VENDING, stock={1: 4, 2: 4}, metal=MetalFile(file))
    before.start(MACHINE_KEYS)
    before.sender().do(before.event(), DISPENSE, slot=2)
    before.advance(10)
    before.sender().do(before.event(), DISPENSE, slot=1)
    before.advance(0.01)

    after = Scene(PortalKind.VENDING, stock={1: 4, 2: 4}, metal=MetalFile(file))
    after.start(MACHINE_KEYS)

    assert [after.machine.stock(slot) for slot in (1, 2)] == [4, 3]
    told = [(each.what, each.detail, each.event) for each in after.events]
    assert told[:2] == [(Kind.STARTED, None, None), (Kind.INTERRUPTED, "slot 1", None)]
    assert conditions(after) == {1: SlotCondition.OUT_OF_ORDER, 2: SlotCondition.READY}


def test_a_file_of_another_machine_says_nothing_of_this_one(tmp_path: Path) -> None:
    file = tmp_path / "machine.json"
    MetalFile(file).note({1: SpiralStands(stock=0), 2: SpiralStands(stock=0)})

    assert MetalFile(file).found({1: 5}) == {1: SpiralStands(stock=5)}
    file.write_bytes(b"{")
    assert MetalFile(file).found({1: 5}) == {1: SpiralStands(stock=5)}
