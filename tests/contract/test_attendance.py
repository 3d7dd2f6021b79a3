"""Attendance follows from what doors report, in whatever order the reports arrive."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import Session, select

from access_protocol.ids import AccessPointId, CredentialId, EventId, PortalId, ZoneNumber
from access_protocol.knowledge import Direction
from server.access.actions import PassageReported
from server.kernel.pagination import PageQuery
from server.meetings import actions, models
from server.meetings.models import Attendance
from server.meetings.rules import Certainty
from server.visits.models import Visit, Visitor
from tests.fakes.reception import MAIN_GATE, NOW, ROOM_DOOR, SITE, SYSTEM, Reception, open_reception


@pytest.fixture
def reception(database_url: str, tmp_path: Path) -> Iterator[Reception]:
    found = open_reception(database_url, tmp_path)
    with closing(found.office):
        yield found


def a_passage(
    credential: CredentialId, minutes: int, point: AccessPointId = ROOM_DOOR
) -> PassageReported:
    return PassageReported(
        event=EventId(str(UUID(int=minutes))),
        credential=credential,
        site=SITE,
        portal=PortalId("sakura-door"),
        access_point=point,
        zone=ZoneNumber(3),
        direction=Direction.IN,
        at=NOW + timedelta(minutes=minutes),
    )


def guest_of(reception: Reception, visit: Visit) -> Visitor:
    with Session(reception.office.engine) as session:
        return session.exec(select(Visitor).where(Visitor.visit == visit.id)).one()


def report(reception: Reception, *passages: PassageReported) -> list[Attendance]:
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
            row = models.of_visitor(session, guest.id, reception.room)
        assert row is not None
        assert row.entered_at == NOW + timedelta(minutes=61)


def test_hosts_see_who_came_to_their_own_visits(reception: Reception) -> None:
    guest = guest_of(reception, reception.invite())
    report(reception, a_passage(guest.credential, 61))
    seen: dict[str, int] = {}
    for name in ("host", "other", "security"):
        with reception.work(name) as work:
            seen[name] = len(actions.find(work, PageQuery(limit=10)).items)
    assert seen == {"host": 1, "other": 0, "security": 1}
