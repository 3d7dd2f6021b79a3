"""Attendance: one row for each visitor who came into the room of their visit."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, Session, col, select

from access_protocol.ids import AccessPointId, EventId, SiteCode
from access_protocol.knowledge import Direction
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import AttendanceId, PersonId, RoomId, VisitId, VisitorId
from server.kernel.pagination import Page, PageQuery, paginate
from server.meetings.rules import Certainty
from server.places.models import AccessPoint, Room
from server.visits.models import Visit


class Attendance(Record, table=True):
    """Somebody's first entry into the room of their visit. It holds ids only."""

    __tablename__ = "meetings_attendance"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("visitor", "room"),
        Index(None, "room", "entered_at"),
        Index(None, "entered_at", "id"),
    )

    id: AttendanceId = Field(primary_key=True, sa_type=ID_COLUMN)
    visit: VisitId = Field(sa_type=ID_COLUMN, foreign_key="visits_visit.id", index=True)
    visitor: VisitorId = Field(sa_type=ID_COLUMN, foreign_key="visits_visitor.id")
    room: RoomId = Field(sa_type=ID_COLUMN, foreign_key="places_room.id")
    entered_at: datetime
    certainty: Certainty = Field(sa_type=stored_as_text(Certainty))
    event: EventId = Field(sa_type=text(36))
    """The access that it follows from, as the ledger names it."""


def of_visitors(
    session: Session, visitors: Iterable[VisitorId]
) -> dict[tuple[VisitorId, RoomId], Attendance]:
    """Return the attendance of these visitors, by visitor and room, with one query."""
    statement = select(Attendance).where(col(Attendance.visitor).in_(list(visitors)))
    return {(each.visitor, each.room): each for each in session.exec(statement).all()}


def rooms_behind(
    session: Session, site: SiteCode, points: Iterable[AccessPointId]
) -> dict[AccessPointId, set[RoomId]]:
    """Return the rooms that these access points lead into: those whose own door has the point on its outer side."""
    statement = select(AccessPoint.id, Room.id).where(
        AccessPoint.site == site,
        AccessPoint.direction == Direction.IN,
        col(AccessPoint.id).in_(list(points)),
        Room.site == AccessPoint.site,
        Room.portal == AccessPoint.portal,
    )
    found: dict[AccessPointId, set[RoomId]] = {}
    for point, room in session.exec(statement).all():
        found.setdefault(AccessPointId(point), set()).add(RoomId(room))
    return found


def by_visit(session: Session, visits: Iterable[VisitId]) -> dict[VisitId, list[Attendance]]:
    """Return who came to each of the visits, in the order in which they came, with one query."""
    statement = select(Attendance).where(col(Attendance.visit).in_(list(visits)))
    found: dict[VisitId, list[Attendance]] = {}
    for each in session.exec(statement.order_by(col(Attendance.entered_at))).all():
        found.setdefault(each.visit, []).append(each)
    return found


def attendance(
    session: Session,
    query: PageQuery,
    *,
    visit: VisitId | None = None,
    room: RoomId | None = None,
    since: datetime | None = None,
    of_host: PersonId | None = None,
) -> Page[Attendance]:
    """Return attendance, newest first; `of_host` leaves only what belongs to this host's visits."""
    statement = select(Attendance)
    if visit is not None:
        statement = statement.where(Attendance.visit == visit)
    if room is not None:
        statement = statement.where(Attendance.room == room)
    if since is not None:
        statement = statement.where(col(Attendance.entered_at) >= since)
    if of_host is not None:
        own = select(Visit.id).where(Visit.host == of_host)
        statement = statement.where(col(Attendance.visit).in_(own))
    order = [col(Attendance.entered_at), col(Attendance.id)]
    return paginate(session, statement, order, query, newest_first=True)
