"""Attendance follows from what doors report, in whatever order the reports arrive."""

from datetime import timedelta
from itertools import permutations
from uuid import UUID

from sqlalchemy import event
from sqlmodel import Session, select

from access_protocol.events import Outcome
from access_protocol.ids import (
    AccessPointId,
    CredentialId,
    DeviceId,
    EventId,
)
from server.access.actions import OutcomesReported, ReportedOutcome
from server.kernel.pagination import PageQuery
from server.meetings import actions, models
from server.meetings.models import Attendance
from server.meetings.rules import Certainty
from server.visits.models import Visit, Visitor
from tests.fakes.reception import MAIN_GATE, NOW, ROOM_DOOR, SITE, SYSTEM, Reception


def a_passage(
    credential: CredentialId, minutes: int, point: AccessPointId = ROOM_DOOR
) -> OutcomesReported:
    return reported(minutes, credential, point, Outcome.PASSED)


def reported(
    minutes: int, credential: CredentialId | None, point: AccessPointId, outcome: Outcome
) -> OutcomesReported:
    one = ReportedOutcome(
        event=EventId(str(UUID(int=minutes))),
        access_point=point,
        outcome=outcome,
        at=NOW + timedelta(minutes=minutes),
        credential=credential,
    )
    return OutcomesReported(gate=DeviceId("gate-1"), site=SITE, outcomes=(one,))


def guest_of(reception: Reception, visit: Visit) -> Visitor:
    with Session(reception.office.engine) as session:
        return session.exec(select(Visitor).where(Visitor.visit == visit.id)).one()


def report(reception: Reception, *passages: OutcomesReported) -> list[Attendance]:
    for passage in passages:
        with reception.office.begin(SYSTEM) as work:
            work.record(passage)
    with Session(reception.office.engine) as session:
        return list(session.exec(select(Attendance)).all())


def test_the_first_passage_into_the_visits_room_is_attendance(reception: Reception) -> None:
    visit = reception.invite()
    guest = guest_of(reception, visit)
    (row,) = report(reception, a_passage(guest.credential, 61))
    assert (row.visit, row.visitor, row.room) == (visit.id, guest.id, reception.room)
    assert (row.entered_at, row.certainty) == (NOW + timedelta(minutes=61), Certainty.PASSED)


def test_another_door_or_an_unknown_credential_is_no_attendance(reception: Reception) -> None:
    guest = guest_of(reception, reception.invite())
    assert not report(
        reception,
        a_passage(guest.credential, 61, MAIN_GATE),
        a_passage(CredentialId(bytes(16)), 62),
        a_passage(guest.credential, 63, AccessPointId("no-such-point")),
    )


def test_the_earliest_entry_counts_whatever_order_reports_arrive_in(reception: Reception) -> None:
    for order in permutations((61, 75, 90)):
        guest = guest_of(reception, reception.invite())
        report(reception, *(a_passage(guest.credential, minutes) for minutes in order))
        with Session(reception.office.engine) as session:
            known = models.of_visitors(session, [guest.id])
        assert known[guest.id, reception.room].entered_at == NOW + timedelta(minutes=61)


def openings(
    *credentials: CredentialId | None, point: AccessPointId = ROOM_DOOR
) -> OutcomesReported:
    each = [
        reported(number, credential, point, Outcome.OPENED).outcomes[0]
        for number, credential in enumerate(credentials, 1)
    ]
    return OutcomesReported(gate=DeviceId("gate-1"), site=SITE, outcomes=tuple(each))


def test_one_batch_of_openings_notes_each_visitor_once(reception: Reception) -> None:
    one, other = (guest_of(reception, reception.invite()) for _ in range(2))
    opened = [CredentialId(guest.credential) for guest in (one, other, one)]
    with reception.office.begin(SYSTEM) as work:
        work.record(openings(None, *opened, CredentialId(bytes(16))))
    with Session(reception.office.engine) as session:
        rows = models.of_visitors(session, [one.id, other.id])
    assert {key[0]: row.entered_at for key, row in rows.items()} == {
        one.id: NOW + timedelta(minutes=2),
        other.id: NOW + timedelta(minutes=3),
    }
    assert {row.certainty for row in rows.values()} == {Certainty.UNLOCKED}


def test_a_long_batch_asks_the_database_no_more_often_than_a_short_one(
    reception: Reception,
) -> None:
    guest = CredentialId(guest_of(reception, reception.invite()).credential)
    asked: list[str] = []

    def note(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    event.listen(reception.office.engine, "before_cursor_execute", note)
    costs: list[int] = []
    for batch in ((guest,), (guest,), (guest,) * 100):
        asked.clear()
        with reception.office.begin(SYSTEM) as work:
            actions.note_outcomes(work, openings(*batch))
        costs.append(len(asked))
    # The first notes the visitor's coming; the others bring nothing new.
    assert costs[1] == costs[2] < costs[0]


def test_hosts_see_who_came_to_their_own_visits(reception: Reception) -> None:
    guest = guest_of(reception, reception.invite())
    report(reception, a_passage(guest.credential, 61))
    seen: dict[str, int] = {}
    for name in ("host", "other", "security"):
        with reception.work(name) as work:
            seen[name] = len(actions.find(work, PageQuery(limit=10)).items)
    assert seen == {"host": 1, "other": 0, "security": 1}
