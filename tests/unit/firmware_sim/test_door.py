"""A simulated door: what its lock, contact, exit button and fire input do, and what it tells."""

import pytest

from access_protocol.commands import Action
from access_protocol.decision import CommandRefusal
from access_protocol.events import Alarm, Contact, Lock
from access_protocol.events import ControllerEventKind as Kind
from access_protocol.topics import SERVER
from firmware_sim.people import Walkers
from firmware_sim.physical import FailMode
from tests.fakes.controller_scene import Scene, done, refused, seconds


@pytest.fixture
def scene() -> Scene:
    return Scene().start()


def test_a_locked_door_does_not_open(scene: Scene) -> None:
    assert not scene.doorway.push()
    assert (scene.state.lock, scene.state.contact) == (Lock.LOCKED, Contact.CLOSED)


def test_a_visitor_walks_through_and_the_door_locks_behind(scene: Scene) -> None:
    Walkers(scene.doorway, scene.scheduler)
    event = scene.event()
    scene.sender().do(event)
    assert scene.state.lock is Lock.UNLOCKED
    scene.advance(1)
    assert scene.state.contact is Contact.OPEN
    scene.advance(5)
    assert scene.told()[1:] == [Kind.UNLOCKED, Kind.OPENED, Kind.CLOSED, Kind.LOCKED]
    assert scene.told(event) == [Kind.UNLOCKED, Kind.OPENED, Kind.CLOSED]
    assert (scene.state.lock, scene.state.contact) == (Lock.LOCKED, Contact.CLOSED)


def test_a_door_that_nobody_opens_says_so_when_the_pulse_ends(scene: Scene) -> None:
    event = scene.event()
    scene.sender().do(event)
    scene.advance(5)
    assert scene.told(event) == [Kind.UNLOCKED, Kind.NOT_PASSED]
    assert scene.state.lock is Lock.LOCKED


def test_a_push_at_the_last_instant_is_an_opening_and_no_alarm(scene: Scene) -> None:
    event = scene.event()
    scene.sender().do(event)
    scene.advance(4.99)
    assert scene.doorway.push()
    scene.advance(1)
    assert scene.told(event) == [Kind.UNLOCKED, Kind.OPENED]
    assert scene.state.alarms == ()


def test_two_people_granted_at_once_both_count_as_gone_through(scene: Scene) -> None:
    first, second, late = scene.event(), scene.event(), scene.event()
    gate = scene.sender()
    gate.do(first)
    gate.do(second)
    scene.doorway.push()
    scene.advance(1)
    gate.do(late)
    for event in (first, second, late):
        assert scene.told(event)[:2] == [Kind.UNLOCKED, Kind.OPENED]


def test_a_second_command_lengthens_the_pulse_and_never_shortens_it(scene: Scene) -> None:
    gate = scene.sender()
    gate.do(scene.event(), pulse=seconds(8))
    gate.do(scene.event(), pulse=seconds(1))
    scene.advance(7.9)
    assert scene.circuit.relay
    scene.advance(0.2)
    assert not scene.circuit.relay


def test_a_door_held_open_raises_an_alarm_until_it_closes(scene: Scene) -> None:
    event = scene.event()
    scene.sender().do(event)
    scene.doorway.push()
    scene.advance(19)
    assert scene.state.alarms == ()
    scene.advance(2)
    assert scene.state.alarms == (Alarm.HELD_OPEN,)
    assert scene.told(event)[-1] is Kind.HELD_OPEN
    scene.doorway.shut()
    scene.advance(1)
    assert scene.state.alarms == ()
    assert scene.told()[-2:] == [Kind.CLOSED, Kind.ALARM_CLEARED]


def test_a_contact_that_bounces_neither_closes_nor_restarts_the_wait(scene: Scene) -> None:
    scene.sender().do(scene.event())
    scene.doorway.push()
    scene.advance(15)
    scene.doorway.shut()
    scene.advance(0.02)
    scene.doorway.force()  # the same leaf rebounds
    scene.advance(6)
    assert Kind.CLOSED not in scene.told()
    assert scene.told().count(Kind.OPENED) == 1
    assert scene.state.alarms == (Alarm.HELD_OPEN,)


def test_a_door_forced_open_raises_an_alarm_until_it_closes(scene: Scene) -> None:
    scene.doorway.force()
    scene.advance(1)
    assert scene.told()[-1] is Kind.FORCED_OPEN
    assert scene.state.alarms == (Alarm.FORCED_OPEN,)
    scene.doorway.shut()
    scene.advance(1)
    assert scene.state.alarms == ()


def test_leaving_by_the_exit_button_is_told_and_is_no_alarm(scene: Scene) -> None:
    assert scene.doorway.leave()
    scene.advance(1)
    scene.doorway.shut()
    scene.advance(1)
    told = [Kind.REQUEST_TO_EXIT, Kind.UNLOCKED, Kind.LOCKED, Kind.OPENED, Kind.CLOSED]
    assert scene.told()[1:] == told
    assert scene.relay_edges == []


def test_lockdown_stops_entry_and_never_exit(scene: Scene) -> None:
    gate, server = scene.sender(), scene.sender(SERVER)
    event, lock_down = scene.event(), scene.event()
    gate.do(event)
    assert server.do(lock_down, Action.LOCK_DOWN) == done(lock_down)
    assert not scene.circuit.relay
    assert scene.told(event) == [Kind.UNLOCKED, Kind.NOT_PASSED]
    assert scene.state.lock is Lock.LOCKED_DOWN
    event = scene.event()
    assert gate.do(event) == refused(event, CommandRefusal.LOCKED_DOWN)
    assert not scene.doorway.push()
    assert scene.doorway.leave()
    scene.doorway.shut()
    server.do(scene.event(), Action.RELEASE)
    assert scene.state.lock is Lock.LOCKED
    event = scene.event()
    assert gate.do(event) == done(event)


def test_lockdown_outlasts_a_power_cut(scene: Scene) -> None:
    scene.sender(SERVER).do(scene.event(), Action.LOCK_DOWN)
    scene.cut_power()
    scene.restore_power()
    assert scene.state.lock is Lock.LOCKED_DOWN
    event = scene.event()
    assert scene.sender().do(event) == refused(event, CommandRefusal.LOCKED_DOWN)


@pytest.mark.parametrize("fails", FailMode)
@pytest.mark.parametrize("dead", ["broker away", "hung", "no mains", "locked down"])
def test_the_exit_button_and_the_fire_input_work_whatever_is_dead(
    fails: FailMode, dead: str
) -> None:
    scene = Scene(fails=fails).start()
    if dead == "broker away":
        scene.broker.lose()
    elif dead == "hung":
        scene.installation.freeze()
    elif dead == "no mains":
        scene.cut_power()
    else:
        scene.sender(SERVER).do(scene.event(), Action.LOCK_DOWN)
    assert scene.doorway.leave()
    scene.doorway.shut()
    scene.circuit.demand_fire_release()
    assert scene.doorway.push()


def test_fire_release_is_told_and_holds_the_door_open_without_an_alarm(scene: Scene) -> None:
    scene.circuit.demand_fire_release()
    scene.doorway.push()
    scene.advance(60)
    assert scene.state.lock is Lock.UNLOCKED
    assert scene.state.alarms == ()
    assert scene.events[1].detail == "fire input"
    scene.circuit.end_fire_demand()
    scene.circuit.reset_fire_release()
    scene.advance(30)
    assert scene.state.alarms == (Alarm.HELD_OPEN,)


@pytest.mark.parametrize(("fails", "opens"), [(FailMode.SAFE, True), (FailMode.SECURE, False)])
def test_without_mains_a_door_does_what_its_fail_mode_says(fails: FailMode, *, opens: bool) -> None:
    scene = Scene(fails=fails).start()
    scene.sender().do(scene.event())
    scene.cut_power()
    assert scene.circuit.released is opens
    assert scene.doorway.push() is opens
    assert not scene.statuses[-1].online


def test_after_a_power_cut_the_door_is_locked_whatever_was_under_way(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    waiting = scene.event()
    gate.do(event)
    nonce = gate.ask(waiting)
    assert nonce is not None
    scene.cut_power()
    scene.advance(1)
    scene.restore_power()
    assert not scene.circuit.released
    word = gate.send(gate.sealed(nonce, waiting))
    assert word == refused(waiting, CommandRefusal.NO_NONCE)
    assert not scene.circuit.relay


def test_a_door_that_stood_open_over_a_power_cut_is_noticed(scene: Scene) -> None:
    scene.doorway.leave()
    scene.cut_power()
    scene.restore_power()
    assert scene.state.contact is Contact.OPEN
    scene.advance(21)
    assert scene.state.alarms == (Alarm.HELD_OPEN,)
