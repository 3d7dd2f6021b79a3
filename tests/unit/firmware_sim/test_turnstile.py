"""A simulated turnstile: one unlock, one passage."""

import pytest

from access_protocol.commands import Action
from access_protocol.events import Alarm, Contact, Lock
from access_protocol.events import ControllerEventKind as Kind
from access_protocol.topics import SERVER
from firmware_sim.installation import PortalKind
from firmware_sim.people import Walkers
from firmware_sim.physical import FailMode
from tests.fakes.controller_scene import Scene, seconds


@pytest.fixture
def scene() -> Scene:
    return Scene(PortalKind.TURNSTILE, FailMode.SAFE).start()


def test_one_unlock_lets_one_person_through_and_locks_again(scene: Scene) -> None:
    event = scene.event()
    scene.sender().do(event)
    assert scene.barrier.push()
    assert not scene.barrier.push()
    assert scene.told(event) == [Kind.UNLOCKED, Kind.PASSED]
    assert (scene.state.lock, scene.state.contact) == (Lock.LOCKED, Contact.NONE)


def test_a_turnstile_that_nobody_passes_says_so_when_the_pulse_ends(scene: Scene) -> None:
    event = scene.event()
    scene.sender().do(event)
    scene.advance(5)
    assert scene.told(event) == [Kind.UNLOCKED, Kind.NOT_PASSED]
    assert not scene.barrier.push()


def test_two_unlocks_let_two_people_through_each_for_an_own_event(scene: Scene) -> None:
    Walkers(scene.barrier, scene.scheduler)
    gate, first, second = scene.sender(), scene.event(), scene.event()
    gate.do(first)
    scene.advance(0.5)
    gate.do(second)
    scene.advance(4)
    assert scene.told(first) == scene.told(second) == [Kind.UNLOCKED, Kind.PASSED]
    assert not scene.circuit.relay


def test_one_of_two_stays_behind_and_only_that_one_is_told_as_not_passed(scene: Scene) -> None:
    gate, first, second = scene.sender(), scene.event(), scene.event()
    gate.do(first, pulse=seconds(3))
    gate.do(second, pulse=seconds(3))
    scene.barrier.push()
    scene.advance(3)
    assert scene.told(first)[-1] is Kind.PASSED
    assert scene.told(second)[-1] is Kind.NOT_PASSED


def test_leaving_during_somebodys_unlock_does_not_spend_it(scene: Scene) -> None:
    event = scene.event()
    scene.sender().do(event)
    assert scene.barrier.leave()
    assert Kind.PASSED not in scene.told(event)
    assert scene.barrier.push()
    assert scene.told(event)[-1] is Kind.PASSED


def test_leaving_is_told_and_is_no_alarm(scene: Scene) -> None:
    assert scene.barrier.leave()
    assert (scene.events[-2].what, scene.events[-2].detail) == (Kind.PASSED, "outward")
    assert scene.state.alarms == ()


def test_jumping_over_the_arms_raises_an_alarm_for_a_while(scene: Scene) -> None:
    scene.barrier.force()
    assert scene.state.alarms == (Alarm.FORCED_OPEN,)
    scene.advance(31)
    assert scene.state.alarms == ()
    assert scene.told()[-2:] == [Kind.FORCED_OPEN, Kind.ALARM_CLEARED]


def test_lockdown_takes_back_what_was_granted(scene: Scene) -> None:
    event = scene.event()
    scene.sender().do(event)
    scene.sender(SERVER).do(scene.event(), Action.LOCK_DOWN)
    assert scene.told(event)[-1] is Kind.NOT_PASSED
    assert not scene.barrier.push()
    assert scene.barrier.leave()
    assert scene.state.lock is Lock.LOCKED_DOWN


def test_fire_lets_everybody_through(scene: Scene) -> None:
    scene.circuit.demand_fire_release()
    assert all(scene.barrier.push() for _ in range(20))
    assert scene.state.alarms == ()


@pytest.mark.parametrize(("fails", "opens"), [(FailMode.SAFE, True), (FailMode.SECURE, False)])
def test_without_mains_the_arms_do_what_the_fail_mode_says(fails: FailMode, *, opens: bool) -> None:
    scene = Scene(PortalKind.TURNSTILE, fails).start()
    scene.sender().do(scene.event())
    scene.cut_power()
    assert scene.barrier.push() is opens
    assert scene.barrier.leave()
