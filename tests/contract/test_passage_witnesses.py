"""A passage counts by its gate's word or its controller's, whichever comes first, and once."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import event as sql_events
from sqlmodel import Session, select

from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.documents import DocumentKind
from access_protocol.events import (
    FIRST_HASH,
    ControllerEvent,
    ControllerEventKind,
    DecisionEntry,
    EntryBody,
    JournalBatch,
    JournalEntry,
    Outcome,
    OutcomeEntry,
    body_text,
    chained,
)
from access_protocol.ids import CredentialId, DeviceId, EventId
from access_protocol.knowledge import AntiPassback
from server.access import feeds, ledger
from server.access.actions import OutcomesReported
from server.access.ledger import Source
from server.access.models import AntiPassbackConflict, Passage, Presence
from server.access.presence import PassageReported
from server.devices import reports
from server.devices.models import Device
from server.kernel.clock import FixedClock
from server.kernel.events import Event
from server.kernel.work import Office
from server.places.models import Zone
from tests.fakes.site import (
    CREDENTIAL,
    DOOR,
    GATE,
    MAIN_IN,
    NOW,
    SYSTEM,
    TURNSTILE,
    TYO,
    enrolled_site,
)

DECIDED = NOW + timedelta(seconds=1)
HEARD = DECIDED + timedelta(milliseconds=1500)
TOLD = DECIDED + timedelta(milliseconds=1400)
PASSED = ControllerEventKind.PASSED


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def office(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Office]:
    made = enrolled_site(database_url, tmp_path, clock)
    with made.begin(SYSTEM) as work:
        work.session.get_one(Zone, (TYO, 2)).anti_passback = AntiPassback.HARD
    yield made
    made.close()


def event(number: int = 1) -> EventId:
    return EventId(str(UUID(int=1000 + number)))


def decided(number: int = 1, reason: DenyReason | None = None, at: datetime = DECIDED) -> EntryBody:
    return DecisionEntry(
        at=at,
        event=event(number),
        access_point=MAIN_IN,
        reason=reason,
        credential=CREDENTIAL.hex(),
        credential_class=CredentialClass.STATIC,
        generation=1,
    )


def told(number: int = 1, outcome: Outcome = Outcome.PASSED) -> EntryBody:
    return OutcomeEntry(at=TOLD, event=event(number), access_point=MAIN_IN, outcome=outcome)


def upload(office: Office, *bodies: EntryBody, gate: DeviceId = GATE) -> None:
    """Upload a whole journal, of which a part may be stored already."""
    entries: list[JournalEntry] = []
    before = FIRST_HASH
    for sequence, body in enumerate(bodies, 1):
        text = body_text(body)
        before = chained(before, text)
        entries.append(JournalEntry(sequence=sequence, hash=before.hex(), body=text))
    batch = JournalBatch(journal=str(UUID(int=7)), previous="", entries=tuple(entries))
    with office.begin(SYSTEM) as work:
        ledger.ingest(work, Source(gate, TYO), batch)


def hear(
    office: Office,
    number: int = 1,
    controller: DeviceId = TURNSTILE,
    what: ControllerEventKind = PASSED,
    sequence: int = 1,
) -> None:
    said = ControllerEvent(
        boot=str(UUID(int=9)),
        sequence=sequence,
        uptime_ms=sequence,
        what=what,
        event=event(number),
    )
    with office.begin(SYSTEM) as work:
        reports.door_event(work, work.session.get_one(Device, controller), said)


def passages(office: Office) -> list[Passage]:
    with Session(office.engine) as session:
        return list(session.exec(select(Passage).order_by(Passage.event)).all())


def present(office: Office) -> list[tuple[CredentialId, int | None]]:
    with Session(office.engine) as session:
        rows = session.exec(select(Presence)).all()
        return [(CredentialId(bytes(row.credential)), row.zone) for row in rows]


def recorded(office: Office, kind: type[Event]) -> list[Event]:
    happened: list[Event] = []
    office.reactions.on(kind, lambda _work, one: happened.append(one))
    return happened


def feed_version(office: Office) -> int:
    with office.reading(SYSTEM) as work:
        return feeds.versions(work, TYO)[DocumentKind.PRESENCE]


@pytest.mark.parametrize("what", [PASSED, ControllerEventKind.OPENED])
@pytest.mark.parametrize("first", ["gate", "controller"])
def test_a_passage_that_the_gate_never_heard_of_counts_by_its_controllers_word(
    office: Office, clock: FixedClock, what: ControllerEventKind, first: str
) -> None:
    moved, outcomes = recorded(office, PassageReported), recorded(office, OutcomesReported)
    before = feed_version(office)
    clock.set(HEARD)
    if first == "controller":
        hear(office, what=what)
        assert passages(office) == []
        clock.set(HEARD + timedelta(hours=3))
        upload(office, decided())
    else:
        upload(office, decided())
        hear(office, what=what)
    (row,) = passages(office)
    assert (row.event, bytes(row.credential), row.zone) == (event(), CREDENTIAL, 2)
    assert row.at == HEARD
    assert present(office) == [(CREDENTIAL, 2)]
    assert len(moved) == 1
    assert feed_version(office) > before
    (one,) = outcomes
    assert isinstance(one, OutcomesReported)
    assert [(each.credential, each.at) for each in one.outcomes] == [(CREDENTIAL, HEARD)]


@pytest.mark.parametrize("order", list(permutations(["decided", "told", "heard"])))
def test_both_words_in_whatever_order_are_one_passage_and_no_conflict(
    office: Office, clock: FixedClock, order: tuple[str, ...]
) -> None:
    moved = recorded(office, PassageReported)
    clock.set(HEARD)
    # A gate journals its decision before the outcome: whichever is sent first brings the decision.
    for step in order:
        if step == "decided":
            upload(office, decided())
        elif step == "told":
            upload(office, decided(), told())
        else:
            hear(office)
            hear(office)
            hear(office, sequence=2)
    (row,) = passages(office)
    assert row.at in {HEARD, TOLD}
    assert len(moved) == 1
    assert present(office) == [(CREDENTIAL, 2)]
    with Session(office.engine) as session:
        assert session.exec(select(AntiPassbackConflict)).all() == []


@pytest.mark.parametrize("first", ["gate", "controller"])
@pytest.mark.parametrize(
    ("entry", "gate", "controller", "what"),
    [
        pytest.param(decided(), GATE, DOOR, PASSED, id="another controller"),
        pytest.param(decided(reason=DenyReason.EXPIRED), GATE, TURNSTILE, PASSED, id="denied"),
        pytest.param(decided(), DeviceId("gate-9"), TURNSTILE, PASSED, id="another gate"),
        pytest.param(decided(number=2), GATE, TURNSTILE, PASSED, id="another event"),
        pytest.param(
            decided(), GATE, TURNSTILE, ControllerEventKind.NOT_PASSED, id="nobody passed"
        ),
    ],
)
def test_what_no_controller_of_a_granted_access_said_moves_nobody(
    office: Office,
    entry: EntryBody,
    gate: DeviceId,
    controller: DeviceId,
    what: ControllerEventKind,
    first: str,
) -> None:
    if first == "controller":
        hear(office, controller=controller, what=what)
    upload(office, entry, gate=gate)
    if first == "gate":
        hear(office, controller=controller, what=what)
    assert passages(office) == []
    assert present(office) == []


def test_the_controllers_word_stands_where_its_gate_gave_up_waiting(
    office: Office, clock: FixedClock
) -> None:
    clock.set(HEARD)
    upload(office, decided(), told(outcome=Outcome.NOT_PASSED))
    hear(office)
    assert len(passages(office)) == 1


@pytest.mark.parametrize("heard", [DECIDED - timedelta(seconds=1), DECIDED + timedelta(minutes=1)])
@pytest.mark.parametrize("first", ["gate", "controller"])
def test_a_report_that_was_under_way_for_long_counts_at_the_time_of_the_decision(
    office: Office, clock: FixedClock, heard: datetime, first: str
) -> None:
    clock.set(heard)
    if first == "controller":
        hear(office)
    upload(office, decided())
    if first == "gate":
        hear(office)
    assert [row.at for row in passages(office)] == [DECIDED]


def test_two_entries_by_the_controllers_word_are_a_conflict(
    office: Office, clock: FixedClock
) -> None:
    clock.set(HEARD)
    upload(office, decided(1), told(1), decided(2, at=DECIDED + timedelta(minutes=5)))
    clock.set(HEARD + timedelta(minutes=5))
    hear(office, 2)
    with Session(office.engine) as session:
        (found,) = session.exec(select(AntiPassbackConflict)).all()
    assert (found.first_event, found.second_event) == (event(1), event(2))


def test_a_batch_asks_once_for_what_the_controllers_said(office: Office) -> None:
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "FROM devices_door_event" in statement:
            asked.append(statement)

    sql_events.listen(office.engine, "before_cursor_execute", note)
    upload(office, *(decided(number) for number in range(1, 101)))
    assert len(asked) == 1


def test_two_workers_with_one_witness_each_miss_no_passage(office: Office) -> None:
    upload(office, *(decided(number) for number in range(1, 2)))
    for number in range(2, 12):
        start = threading.Barrier(2)

        def upload_all(upto: int = number, start: threading.Barrier = start) -> None:
            start.wait()
            upload(office, *(decided(each) for each in range(1, upto + 1)))

        def hear_it(number: int = number, start: threading.Barrier = start) -> None:
            start.wait()
            hear(office, number, sequence=number)

        workers = [threading.Thread(target=upload_all), threading.Thread(target=hear_it)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
    assert {row.event for row in passages(office)} == {event(number) for number in range(2, 12)}
