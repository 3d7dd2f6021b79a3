"""What is kept of arrivals: fences, crossings and what belongs to them; never a position."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, func, or_
from sqlmodel import Field, Session, col, select

from access_protocol.ids import SiteCode
from server.arrivals.rules import AnswerKind, CrossingKind, CrossingSource
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import CrossingId, PersonId, VisitId, VisitorId


class Fence(Record, table=True):
    """Where a site begins for who comes near: two shapes, one within the other."""

    __tablename__ = "arrivals_fence"  # pyright: ignore[reportAssignmentType]

    site: SiteCode = Field(primary_key=True, sa_type=text(3), foreign_key="places_site.code")
    near: dict[str, Any] = Field(sa_type=JSON)
    """The inner shape, as `shapes.Shape` writes it (GeoJSON, degrees WGS 84)."""
    approaching: dict[str, Any] = Field(sa_type=JSON)
    """The wider shape around it."""
    near_dwell_s: int
    """So many seconds within the inner shape, and they are near."""
    approaching_dwell_s: int
    changed_at: datetime


class Crossing(Record, table=True):
    """That a visitor set out, came near, stood at the entrance or left; where they were is kept nowhere."""

    __tablename__ = "arrivals_crossing"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "visitor", "id"),)

    id: CrossingId = Field(primary_key=True, sa_type=ID_COLUMN)
    visitor: VisitorId = Field(sa_type=ID_COLUMN, foreign_key="visits_visitor.id")
    visit: VisitId = Field(sa_type=ID_COLUMN, foreign_key="visits_visit.id", index=True)
    kind: CrossingKind = Field(sa_type=stored_as_text(CrossingKind))
    source: CrossingSource = Field(sa_type=stored_as_text(CrossingSource))
    at: datetime
    expected_at: datetime | None = None
    """When they will be at the entrance, by estimate or by their own word."""
    told: bool
    """Whether people were told; not when somebody comes back after a few minutes."""


class Watch(Record, table=True):
    """How far OwnTracks' messages of one visitor have been weighed: counts and times, no position."""

    __tablename__ = "arrivals_watch"  # pyright: ignore[reportAssignmentType]

    visitor: VisitorId = Field(primary_key=True, sa_type=ID_COLUMN, foreign_key="visits_visitor.id")
    place: str = Field(max_length=16)
    seen: str = Field(max_length=16)
    count: int
    since_s: int = Field(sa_type=BigInteger)
    """When the first of the counted fixes was taken: seconds since 1970."""
    last_s: int = Field(sa_type=BigInteger)
    by_region: bool = False
    """Whether the phone itself watches that they stay, so that time alone decides."""


class Tracker(Record, table=True):
    """The OwnTracks app of one visitor: credentials that end with the visit."""

    __tablename__ = "arrivals_tracker"  # pyright: ignore[reportAssignmentType]

    visitor: VisitorId = Field(primary_key=True, sa_type=ID_COLUMN, foreign_key="visits_visitor.id")
    name: str = Field(max_length=32, unique=True)
    """Its user name, over HTTP and at the broker; says nothing of the person."""
    secret_hash: str = Field(max_length=64)
    """SHA-256 of its password, which has 256 random bits."""
    serial: str = Field(default="", max_length=40)
    """Serial number (hexadecimal) of the certificate by which it signs in at the broker."""
    created_at: datetime
    ends_at: datetime


class HostAnswer(Record, table=True):
    """What a host answered a visitor, or everybody in a visit."""

    __tablename__ = "arrivals_answer"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "visit", "id"),)

    id: str = Field(primary_key=True, sa_type=ID_COLUMN)
    visit: VisitId = Field(sa_type=ID_COLUMN, foreign_key="visits_visit.id")
    visitor: VisitorId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="visits_visitor.id", index=True
    )
    """Whom it is for; None: everybody in the visit."""
    person: PersonId | None = Field(default=None, sa_type=ID_COLUMN, foreign_key="people_person.id")
    kind: AnswerKind = Field(sa_type=stored_as_text(AnswerKind))
    text: str = Field(default="", max_length=200)
    at: datetime


def answer_to(session: Session, visit: VisitId, visitor: VisitorId) -> HostAnswer | None:
    """Return the newest answer that is for this visitor."""
    statement = select(HostAnswer).where(
        HostAnswer.visit == visit,
        or_(col(HostAnswer.visitor).is_(None), HostAnswer.visitor == visitor),
    )
    return session.exec(statement.order_by(col(HostAnswer.id).desc()).limit(1)).first()


def crossings_of(session: Session, visitor: VisitorId) -> Sequence[Crossing]:
    """Return all that was noticed of a visitor, oldest first."""
    statement = select(Crossing).where(Crossing.visitor == visitor)
    return session.exec(statement.order_by(col(Crossing.id))).all()


def newest_crossings(session: Session, visitors: Iterable[VisitorId]) -> dict[VisitorId, Crossing]:
    """Return the newest crossing of each of the visitors of whom there is one, with one query."""
    newest = (
        select(func.max(Crossing.id))
        .where(col(Crossing.visitor).in_(list(visitors)))
        .group_by(col(Crossing.visitor))
    )
    statement = select(Crossing).where(col(Crossing.id).in_(newest))
    return {each.visitor: each for each in session.exec(statement).all()}


def ended_trackers(session: Session, now: datetime) -> Sequence[Tracker]:
    """Return the trackers whose time is over."""
    return session.exec(select(Tracker).where(col(Tracker.ends_at) <= now)).all()


def forget_tracker(session: Session, tracker: Tracker) -> None:
    """Delete a tracker and what was weighed of its messages."""
    watch = session.get(Watch, tracker.visitor)
    if watch is not None:
        session.delete(watch)
    session.delete(tracker)
    session.flush()
