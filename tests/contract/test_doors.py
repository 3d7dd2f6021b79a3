"""Operators at doors: decided, journaled, asked, signed, acknowledged, and never late; on both databases."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import select

from access_protocol.commands import Acknowledgement, Result
from access_protocol.decision import CommandRefusal, DenyReason
from access_protocol.events import (
    Contact,
    ControllerEvent,
    ControllerEventKind,
    ControllerState,
    Lock,
    Outcome,
)
from access_protocol.ids import DeviceId, PortalId
from access_protocol.topics import SERVER, Subject
from access_protocol.transport.memory import MemoryBroker
from server.access import actions, models
from server.access.actions import OpenPortal
from server.access.models import AccessEvent, CommandState, DoorCommand, EntryKind
from server.devices.actions import public_keys
from server.devices.models import KeyPurpose
from server.kernel.clock import FixedClock
from server.kernel.errors import NotFound, SignInNeeded
from server.kernel.principal import Principal, Right
from server.kernel.work import Office
from tests.fakes.site import (
    DOOR,
    HOST,
    NOW,
    OPERATOR,
    SAKURA_DOOR,
    SYSTEM,
    TURNSTILE,
    TYO,
    enrolled_site,
)
from tests.fakes.worker import FakeController, FakeWorker

WISH = OpenPortal(reason="Delivery")


class Scene:
    def __init__(self, office: Office, clock: FixedClock) -> None:
        self.office, self.clock, self.broker = office, clock, MemoryBroker()
        with office.begin(SYSTEM) as work:
            (key,) = public_keys(work, TYO, KeyPurpose.COMMAND)
        self.worker = FakeWorker(office, self.broker)
        self.door = FakeController(self.broker, DOOR, key)
        self.door.is_here()
        self.worker.send()

    def open(self, who: Principal = OPERATOR) -> DoorCommand:
        with self.office.begin(who) as work:
            return actions.open_portal(work, TYO, SAKURA_DOOR, WISH)

    def command(self, asked: DoorCommand) -> DoorCommand:
        with self.office.reading(SYSTEM) as work:
            return work.session.get_one(DoorCommand, asked.event)

    def outcomes(self, asked: DoorCommand) -> list[Outcome]:
        with self.office.reading(SYSTEM) as work:
            found = models.outcomes_of(work.session, [asked.event])
        return found.get((SERVER, asked.event), [])

    def late(self) -> None:
        self.clock.advance(timedelta(seconds=8))
        self.worker.tick()


def done(asked: DoorCommand) -> Acknowledgement:
    return Acknowledgement(event=asked.event, result=Result.DONE)


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    clock = FixedClock(NOW)
    office = enrolled_site(database_url, tmp_path, clock)
    yield Scene(office, clock)
    office.close()


def test_an_operators_command_is_asked_signed_and_done_by_the_controllers_word(
    scene: Scene,
) -> None:
    asked = scene.open()
    assert asked.state is CommandState.WAITING
    scene.worker.send()
    (obeyed,) = scene.door.obeyed
    assert (obeyed.controller, obeyed.event, obeyed.nonce) == (DOOR, asked.event, b"n" * 16)
    assert obeyed.pulse == timedelta(seconds=3)
    assert scene.command(asked).state is CommandState.DONE
    assert scene.outcomes(asked) == [Outcome.OPENED]


def test_the_servers_own_decisions_stand_in_the_ledger_as_a_chain(scene: Scene) -> None:
    asked = scene.open()
    scene.worker.send()
    with scene.office.reading(SYSTEM) as work:
        own = select(AccessEvent).where(AccessEvent.gate == SERVER)
        rows = sorted(work.session.exec(own).all(), key=lambda row: row.sequence)
    assert [(row.sequence, row.kind) for row in rows] == [
        (1, EntryKind.DECISION),
        (2, EntryKind.OUTCOME),
    ]
    assert rows[0].event == asked.event
    assert rows[0].granted


def test_an_acknowledgement_is_not_the_door(scene: Scene) -> None:
    scene.open()
    scene.worker.send()
    with scene.office.reading(OPERATOR) as work:
        doors = {door.portal.id: door for door in actions.list_doors(work, TYO)}
    assert doors[SAKURA_DOOR].state is None
    scene.door.say(
        Subject.STATE,
        ControllerState(
            boot=str(UUID(int=1)),
            uptime_ms=5,
            since_ms=5,
            lock=Lock.UNLOCKED,
            contact=Contact.OPEN,
        ),
        retain=True,
    )
    with scene.office.reading(OPERATOR) as work:
        (door,) = [each for each in actions.list_doors(work) if each.portal.id == SAKURA_DOOR]
    assert door.state is not None
    assert (door.state.lock, door.state.contact) == (Lock.UNLOCKED, Contact.OPEN)


def test_a_refusal_by_the_controller_keeps_its_reason(scene: Scene) -> None:
    scene.door.refuses = CommandRefusal.LOCKED_DOWN
    asked = scene.open()
    scene.worker.send()
    settled = scene.command(asked)
    assert (settled.state, settled.refusal) == (
        CommandState.REFUSED,
        CommandRefusal.LOCKED_DOWN,
    )
    assert scene.outcomes(asked) == [Outcome.REFUSED]


def test_without_the_right_the_refusal_is_journaled_and_nothing_is_sent(scene: Scene) -> None:
    asked = scene.open(Principal.for_person(HOST, {Right.ACCESS_READ}))
    assert (asked.state, asked.denied) == (CommandState.DENIED, DenyReason.NOT_PERMITTED)
    scene.worker.send()
    assert scene.door.asked == []
    with scene.office.reading(SYSTEM) as work:
        (row,) = models.decisions(work.session, models.EventQuery(limit=5, cursor=None)).items
    assert row.reason is DenyReason.NOT_PERMITTED


def test_nobody_unknown_opens_a_door_and_no_door_that_is_not_there_is_opened(scene: Scene) -> None:
    with pytest.raises(SignInNeeded):
        scene.open(Principal.anonymous())
    with pytest.raises(NotFound), scene.office.begin(OPERATOR) as work:
        actions.open_portal(work, TYO, PortalId("nowhere"), WISH)


def test_a_command_that_found_no_worker_in_time_expires_and_is_never_sent(scene: Scene) -> None:
    asked = scene.open()
    scene.clock.advance(timedelta(seconds=5))
    scene.worker.send()
    assert scene.door.asked == []
    scene.late()
    assert scene.command(asked).state is CommandState.EXPIRED
    assert scene.outcomes(asked) == [Outcome.NO_ANSWER]


def test_an_answer_after_the_deadline_is_not_signed(scene: Scene) -> None:
    scene.door.answers = False
    asked = scene.open()
    scene.worker.send()
    (ask,) = scene.door.asked
    scene.clock.advance(timedelta(seconds=5))
    scene.door.answer(ask)
    assert scene.door.obeyed == []
    scene.late()
    assert scene.command(asked).state is CommandState.NO_ANSWER


def test_a_question_is_answered_once_and_only_by_the_door_that_was_asked(scene: Scene) -> None:
    scene.door.answers = False
    scene.open()
    scene.worker.send()
    (ask,) = scene.door.asked
    stranger = FakeController(scene.broker, TURNSTILE, b"k" * 32)
    stranger.answer(ask)
    assert scene.door.obeyed == []
    scene.door.answer(ask)
    scene.door.answer(ask)
    assert len(scene.door.obeyed) == 1


def test_a_broker_that_is_away_for_a_moment_costs_nothing_but_time(scene: Scene) -> None:
    asked = scene.open()
    scene.broker.lose()
    scene.worker.send()
    scene.clock.advance(timedelta(seconds=2))
    scene.broker.restore()
    scene.worker.send()
    assert scene.command(asked).state is CommandState.DONE


def test_a_late_word_of_the_controller_still_counts(scene: Scene) -> None:
    scene.door.acknowledges = False
    asked = scene.open()
    scene.worker.send()
    scene.late()
    assert scene.command(asked).state is CommandState.NO_ANSWER
    scene.door.acknowledges = True
    scene.door.answers = False
    scene.door.say(Subject.ACKNOWLEDGEMENT, done(asked))
    scene.door.say(Subject.ACKNOWLEDGEMENT, done(asked))
    assert scene.command(asked).state is CommandState.DONE
    assert scene.outcomes(asked) == [Outcome.NO_ANSWER, Outcome.OPENED]


def test_who_passed_after_an_operators_command_is_journaled(scene: Scene) -> None:
    asked = scene.open()
    scene.worker.send()
    happened = ControllerEvent(
        boot=str(UUID(int=1)),
        sequence=1,
        uptime_ms=9,
        what=ControllerEventKind.PASSED,
        event=asked.event,
    )
    scene.door.say(Subject.EVENT, happened)
    scene.door.say(Subject.EVENT, happened)
    assert scene.outcomes(asked) == [Outcome.OPENED, Outcome.PASSED]


def test_a_message_of_a_stranger_is_refused_and_stops_nothing(scene: Scene) -> None:
    stranger = FakeController(scene.broker, DeviceId("door-nobody"), b"k" * 32)
    stranger.is_here()
    assert scene.worker.malformed == ["not from a device that is enrolled at this site"]
    scene.open()
    scene.worker.send()
    assert len(scene.door.obeyed) == 1
