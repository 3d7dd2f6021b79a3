"""What goes wrong at a portal: each fault ends in the right word, and in nothing that opens."""

from pathlib import Path

import msgspec
import pytest

from access_protocol.commands import Action, Result
from access_protocol.decision import CommandRefusal
from access_protocol.events import Alarm, Contact, Lock
from access_protocol.events import ControllerEventKind as Kind
from access_protocol.ids import EventId, Nonce
from access_protocol.topics import SERVER
from firmware_sim import faults
from firmware_sim.faults import SENTENCES, AnyFault
from firmware_sim.installation import WATCHDOG, PortalKind
from firmware_sim.physical import FailMode
from firmware_sim.saboteur import NoSuchPart
from tests.fakes.controller_scene import Scene, done, refused, seconds


@pytest.fixture
def scene() -> Scene:
    return Scene().start()


def fault(line: str) -> AnyFault:
    return msgspec.json.decode(line, type=AnyFault)


@pytest.mark.parametrize("times", [1, 2, 7, 20])
def test_a_contact_that_bounces_raises_no_alarm(scene: Scene, times: int) -> None:
    scene.saboteur.inject(faults.BounceContact(times=times))
    scene.advance(5)
    assert scene.told() == [Kind.STARTED]
    assert scene.state.alarms == ()


def test_a_forced_door_whose_contact_bounces_is_forced_once(scene: Scene) -> None:
    scene.doorway.force()
    scene.saboteur.inject(faults.BounceContact(times=9))
    scene.advance(5)
    assert scene.told() == [Kind.STARTED, Kind.FORCED_OPEN]


def test_a_leaf_that_rebounds_as_it_falls_shut_is_not_forced(scene: Scene) -> None:
    scene.sender().do(scene.event())
    scene.doorway.push()
    scene.advance(15)  # long after the bolt engaged, and its grace
    scene.doorway.shut()
    scene.advance(0.3)
    scene.doorway.force()
    scene.advance(0.3)
    scene.doorway.shut()
    scene.advance(2)
    assert Kind.FORCED_OPEN not in scene.told()
    scene.doorway.force()
    scene.advance(1)
    assert scene.told()[-1] is Kind.FORCED_OPEN


def test_a_contact_that_never_rests_is_tampering(scene: Scene) -> None:
    scene.saboteur.inject(faults.BounceContact(times=200, every_ms=20))
    scene.advance(3)
    assert scene.state.alarms == (Alarm.TAMPER,)
    assert (scene.events[-1].what, scene.events[-1].detail) == (Kind.TAMPERED, "contact")
    scene.advance(3)
    assert scene.state.alarms == ()
    assert scene.state.contact is Contact.CLOSED


@pytest.mark.parametrize("kind", PortalKind)
def test_an_opened_case_is_an_alarm_until_it_is_closed_also_over_a_power_cut(
    kind: PortalKind,
) -> None:
    scene = Scene(kind).start()
    scene.saboteur.inject(faults.OpenCase())
    assert scene.state.alarms == (Alarm.TAMPER,)
    scene.cut_power()
    scene.restore_power()
    assert scene.state.alarms == (Alarm.TAMPER,)
    scene.saboteur.inject(faults.CloseCase())
    assert scene.state.alarms == ()
    assert scene.told()[-1] is Kind.ALARM_CLEARED


def test_a_bolt_that_does_not_unlock_is_never_told_as_unlocked(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    scene.saboteur.inject(faults.StickBolt())
    assert gate.do(event) == done(event)  # it did what it can: the relay is on
    scene.advance(10)
    assert scene.told(event) == [Kind.BOLT_STUCK, Kind.NOT_PASSED]
    assert scene.state.alarms == (Alarm.BOLT_STUCK,)
    assert scene.state.lock is Lock.LOCKED
    assert not scene.doorway.push()
    scene.saboteur.inject(faults.FreeBolt())
    gate.do(scene.event())
    assert scene.state.alarms == ()
    assert scene.state.lock is Lock.UNLOCKED


def test_a_bolt_that_does_not_lock_is_shown_as_unlocked(scene: Scene) -> None:
    scene.sender().do(scene.event())
    scene.saboteur.inject(faults.StickBolt())
    scene.advance(10)
    assert scene.state.lock is Lock.UNLOCKED
    assert scene.state.alarms == (Alarm.BOLT_STUCK,)
    assert scene.events[-1].detail != "does not unlock"
    scene.saboteur.inject(faults.FreeBolt())
    assert (scene.state.lock, scene.state.alarms) == (Lock.LOCKED, ())


@pytest.mark.parametrize("fails", FailMode)
def test_the_way_out_stays_open_with_a_stuck_bolt_and_a_hung_processor(fails: FailMode) -> None:
    scene = Scene(fails=fails).start()
    scene.saboteur.inject(faults.StickBolt())
    scene.saboteur.inject(faults.Freeze())
    assert scene.doorway.leave()


def test_a_hung_processor_is_reset_and_its_relay_falls_off(scene: Scene) -> None:
    gate, event, waiting = scene.sender(), scene.event(), scene.event()
    gate.do(event, pulse=seconds(10))
    nonce = gate.ask(waiting)
    assert nonce is not None
    scene.saboteur.inject(faults.Freeze())
    assert gate.send(gate.sealed(nonce, waiting)) is None
    scene.advance(WATCHDOG.total_seconds() - 0.01)
    assert scene.circuit.relay
    scene.advance(0.02)
    assert not scene.circuit.relay
    assert scene.told()[-1] is Kind.STARTED
    assert gate.send(gate.sealed(nonce, waiting)) == refused(waiting, CommandRefusal.NO_NONCE)
    event = scene.event()
    assert gate.do(event) == done(event)


def test_a_watchdog_of_an_earlier_boot_does_not_bite_the_next(scene: Scene) -> None:
    scene.saboteur.inject(faults.Freeze())
    scene.advance(1)
    scene.cut_power()
    scene.restore_power()
    scene.advance(5)
    assert scene.saboteur.look().boots == 2


def test_power_comes_back_by_itself_where_the_fault_says_when(scene: Scene) -> None:
    scene.saboteur.inject(fault('{"do":"cut_power","for_seconds":5}'))
    scene.advance(4.9)
    assert not scene.saboteur.look().running
    scene.advance(0.2)
    assert scene.saboteur.look().running
    assert scene.saboteur.look().boots == 2


def test_fire_is_not_beaten_by_a_lockdown_and_is_reset_by_hand_only(scene: Scene) -> None:
    scene.sender(SERVER).do(scene.event(), Action.LOCK_DOWN)
    scene.saboteur.inject(faults.DemandFireRelease())
    assert scene.state.lock is Lock.UNLOCKED
    assert scene.doorway.push()
    scene.saboteur.inject(faults.ResetFireRelease())
    assert scene.circuit.released  # in vain while the panel demands it
    scene.saboteur.inject(faults.EndFireDemand())
    scene.sender(SERVER).do(scene.event(), Action.LOCK_DOWN)
    scene.cut_power()
    scene.restore_power()
    assert scene.circuit.released
    scene.saboteur.inject(faults.ResetFireRelease())
    assert scene.state.lock is Lock.LOCKED_DOWN


def test_the_sounder_asks_to_close_the_door_before_anybody_else_hears_of_it(scene: Scene) -> None:
    scene.sender().do(scene.event())
    scene.doorway.push()
    scene.advance(14.9)
    assert not scene.doorway.sounds
    scene.advance(0.3)
    assert scene.doorway.sounds
    assert scene.state.alarms == ()
    scene.doorway.shut()
    scene.advance(1)
    assert not scene.doorway.sounds
    assert Kind.HELD_OPEN not in scene.told()


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (PortalKind.TURNSTILE, '{"do":"bounce_contact"}'),
        (PortalKind.TURNSTILE, '{"do":"shut"}'),
        (PortalKind.DOOR, '{"do":"jam"}'),
        (PortalKind.VENDING, '{"do":"push"}'),
        (PortalKind.VENDING, '{"do":"stick_bolt"}'),
        (PortalKind.VENDING, '{"do":"jam","slot":99}'),
        (PortalKind.VENDING, '{"do":"restock"}'),
    ],
)
def test_what_a_portal_does_not_have_cannot_break(kind: PortalKind, line: str) -> None:
    with pytest.raises(NoSuchPart):
        Scene(kind).start().saboteur.inject(fault(line))


@pytest.mark.parametrize("kind", PortalKind)
@pytest.mark.parametrize("name", SENTENCES)
def test_every_fault_can_happen_and_the_controller_goes_on(kind: PortalKind, name: str) -> None:
    scene = Scene(kind).start()
    scene.saboteur.inject(faults.OpenService()) if kind is PortalKind.VENDING else None
    try:
        scene.saboteur.inject(fault(f'{{"do":"{name}"}}'))
    except NoSuchPart:
        return
    scene.advance(10)
    scene.saboteur.inject(faults.RestorePower())
    scene.saboteur.inject(faults.FreeBolt()) if kind is not PortalKind.VENDING else None
    event = scene.event()
    word = scene.sender(SERVER).do(event, Action.LOCK_DOWN)
    assert word == done(event)
    assert scene.transport.failures == 0


def test_messages_that_are_doubled_late_and_out_of_turn_move_nothing_twice(scene: Scene) -> None:
    gate = scene.sender()
    scene.saboteur.inject(
        faults.Messages(duplicate=1, reorder=0.5, longest_delay_ms=900, seed=3, for_seconds=60)
    )
    for _ in range(20):
        event = scene.event()
        gate.ask(event)
        scene.advance(2)
        for answer in gate.answers[-1:]:
            nonce, asked = Nonce(answer.nonce), EventId(answer.event)
            gate.send(gate.sealed(nonce, asked, pulse=seconds(0.2)))
        scene.advance(2)
    # Reports come twice as well, and are known by their numbers.
    told = {told.sequence: told for told in scene.events}
    unlocked = [told.event for told in told.values() if told.what is Kind.UNLOCKED]
    assert unlocked
    assert len(unlocked) == len(set(unlocked)) == scene.saboteur.look().pulses
    done_words = {w.event for w in gate.acknowledgements if w.result is Result.DONE}
    assert done_words <= set(unlocked)


def test_a_line_that_carries_nothing_is_silent_until_it_is_mended(scene: Scene) -> None:
    gate = scene.sender()
    scene.saboteur.inject(faults.Messages(drop=1))
    assert gate.ask(scene.event()) is None
    scene.doorway.force()
    scene.advance(5)
    assert scene.told() == [Kind.STARTED]
    scene.saboteur.inject(faults.MendMessages())
    event = scene.event()
    assert gate.do(event) == done(event)


def test_a_command_later_than_the_nonces_life_is_refused(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    nonce = gate.ask(event)
    assert nonce is not None
    late = faults.Messages(shortest_delay_ms=5001, longest_delay_ms=5001, way=faults.Way.IN)
    scene.saboteur.inject(late)
    gate.send(gate.sealed(nonce, event))
    scene.advance(6)
    assert gate.acknowledgements == [refused(event, CommandRefusal.NONCE_EXPIRED)]
    assert scene.relay_edges == []


def test_the_same_seed_gives_the_same_faults() -> None:
    def played() -> list[str]:
        scene = Scene().start()
        scene.saboteur.inject(faults.Messages(drop=0.4, duplicate=0.4, reorder=0.4, seed=11))
        for _ in range(30):
            scene.doorway.leave()
            scene.advance(1)
            scene.doorway.shut()
            scene.advance(1)
        return [f"{told.sequence} {told.what}" for told in scene.events]

    first = played()
    assert first == played()
    assert len(first) > 30


@pytest.mark.parametrize("name", SENTENCES)
def test_every_fault_stands_on_the_page_about_controllers(name: str) -> None:
    page = Path(__file__).parents[3] / "docs" / "controllers.md"
    assert f"`{name}`" in page.read_text(encoding="utf-8")
