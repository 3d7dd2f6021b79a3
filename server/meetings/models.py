"""Meetings: what was told of each, who came into the room of their visit, and what hosts set right."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, Session, col, select

from access_protocol.ids import EventId
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import AttendanceId, MeetingId, PersonId, RoomId, VisitId, VisitorId
from server.kernel.pagination import Page, PageQuery, paginate
from server.meetings.rules import Certainty, State
from server.visits.models import Visit, VisitState


class Meeting(Record, table=True):
    """What was told of a meeting so far, so that it is told once. The record itself follows from the doors' reports."""

    __tablename__ = "meetings_meeting"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "is_settled", "starts_at"),)

    visit: VisitId = Field(primary_key=True, sa_type=ID_COLUMN, foreign_key="visits_visit.id")
    starts_at: datetime
    """When the appointment begins, as the visit says."""
    state: State = Field(sa_type=stored_as_text(State))
    started_at: datetime | None = None
    ended_at: datetime | None = None
    over_ran: bool = False
    no_shows: list[str] = Field(default_factory=list[str], sa_type=JSON)
    """The visitors who were told not to have come; ids of `VisitorId`."""
    fingerprint: str = Field(default="", max_length=64)
    """SHA-256 of the record as it was last shown: open pages are told when it changes."""
    is_settled: bool = False
    """Whether time alone changes nothing any more; a late report still does."""


class Correction(Record, table=True):
    """What a host set right. It stands beside the record; a later one counts instead, and none is ever changed."""

    __tablename__ = "meetings_correction"  # pyright: ignore[reportAssignmentType]

    id: MeetingId = Field(primary_key=True, sa_type=ID_COLUMN)
    visit: VisitId = Field(sa_type=ID_COLUMN, foreign_key="visits_visit.id", index=True)
    came: list[str] = Field(default_factory=list[str], sa_type=JSON)
    """The visitors who were there; ids of `VisitorId`."""
    stayed_away: list[str] = Field(default_factory=list[str], sa_type=JSON)
    """Those who were not."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str = Field(max_length=500)
    made_by: PersonId = Field(sa_type=ID_COLUMN, foreign_key="people_person.id")
    made_at: datetime


class Attendance(Record, table=True):
    """Somebody's first entry into the room of their visit, as the record of the meeting says. It holds ids only."""

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


def corrections_of(session: Session, visits: Iterable[VisitId]) -> dict[VisitId, list[Correction]]:
    """Return what was set right in each of the visits, the first first, with one query."""
    statement = select(Correction).where(col(Correction.visit).in_(list(visits)))
    found: dict[VisitId, list[Correction]] = {}
    for each in session.exec(statement.order_by(col(Correction.id))).all():
        found.setdefault(each.visit, []).append(each)
    return found


def unsettled(session: Session, until: datetime) -> list[VisitId]:
    """Return the meetings that began before a moment, and which time alone may still change."""
    statement = select(Meeting.visit).where(
        col(Meeting.is_settled).is_(False), Meeting.starts_at <= until
    )
    return [
        VisitId(found) for found in session.exec(statement.order_by(col(Meeting.starts_at))).all()
    ]


def unnoticed(session: Session, since: datetime, until: datetime) -> list[VisitId]:
    """Return the confirmed visits with a room that began in between and of which nothing was noted yet."""
    noted = select(Meeting.visit)
    statement = select(Visit.id).where(
        Visit.state == VisitState.CONFIRMED,
        col(Visit.room).is_not(None),
        Visit.starts_at >= since,
        Visit.starts_at <= until,
        col(Visit.id).not_in(noted),
    )
    return [
        VisitId(found) for found in session.exec(statement.order_by(col(Visit.starts_at))).all()
    ]


def in_rooms(
    session: Session, rooms: Iterable[RoomId], since: datetime, until: datetime
) -> list[Visit]:
    """Return the confirmed visits in these rooms that lie in between, at least partly."""
    statement = select(Visit).where(
        Visit.state == VisitState.CONFIRMED,
        col(Visit.room).in_(list(rooms)),
        Visit.ends_at >= since,
        Visit.starts_at <= until,
    )
    return list(session.exec(statement.order_by(col(Visit.starts_at), col(Visit.id))).all())


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
