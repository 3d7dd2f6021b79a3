"""The ledger on SQLite and on PostgreSQL: each entry once, in order, with its chain."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import select

from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.events import (
    FIRST_HASH,
    DecisionEntry,
    EntryBody,
    JournalBatch,
    JournalEntry,
    Outcome,
    OutcomeEntry,
    Receipt,
    body_text,
    chained,
)
from access_protocol.ids import EventId
from server.access import ledger, models
from server.access.ledger import AccessDecided, LedgerAlarmRaised, Source
from server.access.models import AccessEvent, AlarmKind, EntryKind, LedgerAlarm, Presence
from server.access.presence import PassageReported
from server.kernel.events import Event
from server.kernel.outbox import OutboxRow
from server.kernel.pagination import PageQuery
from server.kernel.work import Office
from tests.fakes.site import CREDENTIAL, GATE, MAIN_GATE, MAIN_IN, NOW, SYSTEM, TYO, enrolled_site

JOURNAL = str(UUID(int=7))
HERE = Source(GATE, TYO)


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    made = enrolled_site(database_url, tmp_path)
    yield made
    made.close()


def event(number: int) -> EventId:
    return EventId(str(UUID(int=1000 + number)))


def granted(number: int, credential: bytes = CREDENTIAL) -> DecisionEntry:
    return DecisionEntry(
        at=NOW + timedelta(seconds=number),
        event=event(number),
        access_point=MAIN_IN,
        reason=None,
        credential=credential.hex(),
        credential_class=CredentialClass.STATIC,
        generation=1,
    )


def denied(number: int, reason: DenyReason = DenyReason.EXPIRED) -> DecisionEntry:
    return DecisionEntry(
        at=NOW + timedelta(seconds=number), event=event(number), access_point=MAIN_IN, reason=reason
    )


def passed(number: int) -> OutcomeEntry:
    return OutcomeEntry(
        at=NOW + timedelta(seconds=number, milliseconds=500),
        event=event(number),
        access_point=MAIN_IN,
        outcome=Outcome.PASSED,
    )


def journal(*bodies: EntryBody) -> list[JournalEntry]:
    entries: list[JournalEntry] = []
    before = FIRST_HASH
    for sequence, body in enumerate(bodies, 1):
        text = body_text(body)
        before = chained(before, text)
        entries.append(JournalEntry(sequence=sequence, hash=before.hex(), body=text))
    return entries


def batch(entries: list[JournalEntry]) -> JournalBatch:
    return JournalBatch(journal=JOURNAL, previous="", entries=tuple(entries))


def upload(office: Office, entries: list[JournalEntry]) -> Receipt:
    with office.begin(SYSTEM) as work:
        return ledger.ingest(work, HERE, batch(entries))


class PowerCut(Exception):
    pass


def upload_and_crash(office: Office, entries: list[JournalEntry]) -> None:
    with office.begin(SYSTEM) as work:
        ledger.ingest(work, HERE, batch(entries))
        raise PowerCut


def stored(office: Office) -> list[AccessEvent]:
    with office.reading(SYSTEM) as work:
        statement = select(AccessEvent).where(AccessEvent.gate == GATE)
        return sorted(work.session.exec(statement).all(), key=lambda row: row.sequence)


def alarms(office: Office) -> list[tuple[AlarmKind, int]]:
    with office.reading(SYSTEM) as work:
        rows = work.session.exec(select(LedgerAlarm)).all()
        return sorted((row.kind, row.sequence) for row in rows)


def recorded(office: Office, kind: type[Event]) -> list[Event]:
    happened: list[Event] = []
    office.reactions.on(kind, lambda _work, one: happened.append(one))
    return happened


def test_a_batch_is_stored_in_order_and_its_receipt_names_the_last_entry(office: Office) -> None:
    decided = recorded(office, AccessDecided)
    receipt = upload(office, journal(granted(1), passed(1), denied(2)))
    assert receipt == Receipt(journal=JOURNAL, sequence=3, up_to=3)
    rows = stored(office)
    assert [row.sequence for row in rows] == [1, 2, 3]
    assert [row.kind for row in rows] == [
        EntryKind.DECISION,
        EntryKind.OUTCOME,
        EntryKind.DECISION,
    ]
    assert [row.granted for row in rows] == [True, None, False]
    assert rows[0].portal == MAIN_GATE
    assert rows[0].at == NOW + timedelta(seconds=1)
    assert rows[2].reason is DenyReason.EXPIRED
    assert [one.granted for one in decided if isinstance(one, AccessDecided)] == [True, False]


def test_the_same_batch_twice_is_stored_once_and_gets_the_same_receipt(office: Office) -> None:
    entries = journal(granted(1), passed(1))
    decided = recorded(office, AccessDecided)
    assert upload(office, entries) == upload(office, entries)
    assert len(stored(office)) == 2
    assert len(decided) == 1
    assert alarms(office) == []


def test_a_batch_that_overlaps_the_one_before_adds_only_what_is_new(office: Office) -> None:
    entries = journal(granted(1), passed(1), denied(2), denied(3))
    upload(office, entries[:3])
    assert upload(office, entries[1:]).sequence == 4
    assert len(stored(office)) == 4


def test_behind_a_gap_nothing_is_stored_and_the_receipt_stays_before_it(office: Office) -> None:
    entries = journal(denied(1), denied(2), denied(3))
    assert upload(office, entries[2:]).sequence == 0
    assert upload(office, entries[:1]).sequence == 1
    assert upload(office, [entries[0], entries[2]]).sequence == 1
    assert len(stored(office)) == 1
    assert upload(office, entries[1:]).sequence == 3
    assert alarms(office) == []


def test_changed_history_raises_one_alarm_and_the_first_is_kept(office: Office) -> None:
    raised = recorded(office, LedgerAlarmRaised)
    upload(office, journal(denied(1), denied(2)))
    other = journal(denied(1, DenyReason.REVOKED), denied(2))
    assert upload(office, other).sequence == 2
    assert upload(office, other).sequence == 2
    assert alarms(office) == [(AlarmKind.CHANGED_HISTORY, 1), (AlarmKind.CHANGED_HISTORY, 2)]
    assert len(raised) == 2
    assert stored(office)[0].reason is DenyReason.EXPIRED


def test_an_entry_that_does_not_follow_is_refused_with_an_alarm(office: Office) -> None:
    upload(office, journal(denied(1)))
    other = journal(denied(1, DenyReason.REVOKED), denied(2))
    assert upload(office, other[1:]).sequence == 1
    assert alarms(office) == [(AlarmKind.BROKEN_CHAIN, 2)]
    assert len(stored(office)) == 1


def test_what_stands_before_a_break_in_the_chain_is_stored(office: Office) -> None:
    entries = journal(denied(1), denied(2))
    forged = JournalEntry(sequence=2, hash="00" * 32, body=entries[1].body)
    assert upload(office, [entries[0], forged]).sequence == 1
    assert alarms(office) == [(AlarmKind.BROKEN_CHAIN, 2)]


def test_an_unreadable_entry_is_kept_as_it_came_and_the_chain_goes_on(office: Office) -> None:
    nonsense = '{"kind":"dance","\\u0000":1}'
    first = chained(FIRST_HASH, nonsense)
    text = body_text(denied(2))
    entries = [
        JournalEntry(sequence=1, hash=first.hex(), body=nonsense),
        JournalEntry(sequence=2, hash=chained(first, text).hex(), body=text),
    ]
    assert upload(office, entries).sequence == 2
    rows = stored(office)
    assert rows[0].kind is EntryKind.UNREADABLE
    assert rows[0].body == nonsense.encode()
    assert alarms(office) == [(AlarmKind.UNREADABLE_ENTRY, 1)]


def test_a_crash_before_the_commit_leaves_nothing_and_no_receipt(office: Office) -> None:
    entries = journal(granted(1), passed(1))
    with pytest.raises(PowerCut):
        upload_and_crash(office, entries)
    assert stored(office) == []
    with office.reading(SYSTEM) as work:
        assert work.session.exec(select(Presence)).all() == []
        assert (
            work.session.exec(select(OutboxRow).where(OutboxRow.reference == JOURNAL)).all() == []
        )
    assert upload(office, entries).sequence == 2


def test_a_lost_receipt_is_given_again(office: Office) -> None:
    entries = journal(denied(1))
    upload(office, entries)
    assert upload(office, entries).sequence == 1


def test_two_workers_at_once_store_each_entry_once(office: Office) -> None:
    entries = journal(*(denied(number) for number in range(1, 41)))
    start = threading.Barrier(4)
    receipts: list[int] = []

    def work_on() -> None:
        start.wait()
        receipts.extend(upload(office, entries[:end]).sequence for end in (10, 20, 30, 40))

    workers = [threading.Thread(target=work_on) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [row.sequence for row in stored(office)] == list(range(1, 41))
    assert max(receipts) == 40
    assert len(receipts) == 16


def test_a_passage_moves_its_bearer_inside(office: Office) -> None:
    passages = recorded(office, PassageReported)
    upload(office, journal(granted(1)))
    upload(office, journal(granted(1), passed(1)))
    with office.reading(SYSTEM) as work:
        (present,) = models.inside(work.session, TYO)
    assert (present.credential, present.zone, present.portal) == (CREDENTIAL, 2, MAIN_GATE)
    assert present.since == NOW + timedelta(seconds=1, milliseconds=500)
    assert len(passages) == 1


def test_a_door_whose_contact_saw_it_open_moves_its_bearer_inside_once(office: Office) -> None:
    passages = recorded(office, PassageReported)
    opened = OutcomeEntry(at=NOW, event=event(1), access_point=MAIN_IN, outcome=Outcome.OPENED)
    upload(office, journal(granted(1), opened, passed(1)))
    with office.reading(SYSTEM) as work:
        (present,) = models.inside(work.session, TYO)
    assert (present.credential, present.since) == (CREDENTIAL, NOW)
    assert len(passages) == 1


def test_a_grant_without_a_passage_moves_nobody(office: Office) -> None:
    not_passed = OutcomeEntry(
        at=NOW, event=event(1), access_point=MAIN_IN, outcome=Outcome.NOT_PASSED
    )
    upload(office, journal(granted(1), not_passed))
    with office.reading(SYSTEM) as work:
        assert models.inside(work.session) == []


def test_a_passage_that_was_denied_or_is_not_the_gates_own_moves_nobody(office: Office) -> None:
    upload(office, journal(denied(1), passed(1)))
    with office.begin(SYSTEM) as work:
        stranger = Source(ledger.DeviceId("gate-9"), TYO)
        ledger.ingest(work, stranger, batch(journal(granted(2), passed(2))))
    with office.reading(SYSTEM) as work:
        assert models.inside(work.session) == []


def test_the_list_is_newest_first_and_filtered_and_paged(office: Office) -> None:
    upload(office, journal(granted(1), passed(1), denied(2), denied(3, DenyReason.REVOKED)))
    with office.reading(SYSTEM) as work:
        newest = models.decisions(work.session, models.EventQuery(limit=2, cursor=None))
        assert [row.event for row in newest.items] == [event(3), event(2)]
        rest = models.decisions(work.session, models.EventQuery(limit=2, cursor=newest.next_cursor))
        assert [row.event for row in rest.items] == [event(1)]
        assert rest.next_cursor is None
        only = models.EventQuery(limit=9, cursor=None, reason=DenyReason.REVOKED, portal=MAIN_GATE)
        assert [row.event for row in models.decisions(work.session, only).items] == [event(3)]
        outcomes = models.outcomes_of(work.session, [event(1)])
    assert outcomes == {(GATE, event(1)): [Outcome.PASSED]}
    assert PageQuery.model_fields.keys() <= models.EventQuery.model_fields.keys()


@pytest.mark.parametrize(
    "at",
    [
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(1969, 12, 31, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ],
)
def test_a_passage_at_a_time_that_no_clock_of_ours_shows_stops_no_journal(
    office: Office, at: datetime
) -> None:
    outcome = OutcomeEntry(at=at, event=event(1), access_point=MAIN_IN, outcome=Outcome.PASSED)
    assert upload(office, journal(granted(1), outcome, denied(2))).sequence == 3
    assert alarms(office) == [(AlarmKind.UNREADABLE_ENTRY, 2)]
