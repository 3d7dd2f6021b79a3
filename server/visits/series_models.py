"""Series of visits, what each guest's calendar knows of theirs, and the queries that tie dates together."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, UniqueConstraint, func
from sqlmodel import Field, Session, col, select

from access_protocol.ids import SiteCode
from server.kernel.database import ID_COLUMN, Record, text
from server.kernel.ids import SeriesGuestId, SeriesId, VisitId
from server.visits.models import Visit, Visitor
from server.visits.rules import VisitState


class Series(Record, table=True):
    """Visits that were made in one go by a rule."""

    __tablename__ = "visits_series"  # pyright: ignore[reportAssignmentType]

    id: SeriesId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code")
    time_zone: str = Field(max_length=64)
    """The site's when it was made: calendars of guests count in it."""
    repeat: dict[str, Any] = Field(sa_type=JSON)
    """The rule as it was chosen: a `Repeat`."""
    rule: dict[str, Any] = Field(sa_type=JSON)
    """The parts of its RRULE, but for the end."""
    slots: list[str] = Field(sa_type=JSON)
    """Every date of the rule in order, also those left out."""
    created_at: datetime


class SeriesGuest(Record, table=True):
    """One mail address in one series: one entry in one calendar."""

    __tablename__ = "visits_series_guest"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("series", "email"),)

    id: SeriesGuestId = Field(primary_key=True, sa_type=ID_COLUMN)
    series: SeriesId = Field(sa_type=ID_COLUMN, foreign_key="visits_series.id")
    email: str = Field(max_length=254)
    """In small letters."""
    sequence: int = Field(default=0, sa_type=BigInteger)
    """Of the latest message to this calendar (RFC 5545, 3.8.7.4)."""
    told: dict[str, Any] = Field(default_factory=dict[str, Any], sa_type=JSON)
    """What that calendar holds: see `series_calendar.Told`."""


def visits_in(session: Session, series: SeriesId) -> Sequence[Visit]:
    """Return the visits of a series in the order of its dates."""
    statement = select(Visit).where(Visit.series == series).order_by(col(Visit.slot))
    return session.exec(statement).all()


def guest_of(session: Session, series: SeriesId, email: str) -> SeriesGuest | None:
    """Return what is known of a guest's calendar, if anything was ever sent there."""
    statement = select(SeriesGuest).where(
        SeriesGuest.series == series, SeriesGuest.email == email.lower()
    )
    return session.exec(statement).first()


def dates_of(session: Session, series: SeriesId, email: str) -> list[tuple[Visit, Visitor]]:
    """Return the dates to which an address was invited and not uninvited since, in their order."""
    statement = (
        select(Visit, Visitor)
        .where(
            Visitor.visit == Visit.id,
            Visit.series == series,
            func.lower(col(Visitor.email)) == email.lower(),
            col(Visitor.removed_at).is_(None),
        )
        .order_by(col(Visit.slot))
    )
    return list(session.exec(statement).all())


def other_dates(session: Session, visit: Visit, visitor: Visitor) -> list[tuple[Visit, Visitor]]:
    """Return the same guest's other dates of a series whose links still count."""
    if visit.series is None:
        return []
    return [
        (date, guest)
        for date, guest in dates_of(session, visit.series, visitor.email)
        if guest.id != visitor.id and guest.link_revoked_at is None
    ]


def to_remind(
    session: Session, now: datetime, ahead: timedelta, most: int
) -> list[tuple[Visit, Visitor]]:
    """Return visitors of series whose date is near and whose pass for it was not mailed yet."""
    statement = (
        select(Visit, Visitor)
        .where(
            Visitor.visit == Visit.id,
            col(Visit.series).is_not(None),
            Visit.state == VisitState.CONFIRMED,
            Visit.starts_at <= now + ahead,
            Visit.ends_at > now,
            col(Visitor.removed_at).is_(None),
            col(Visitor.declined_at).is_(None),
            col(Visitor.reminded_at).is_(None),
        )
        .order_by(col(Visit.starts_at))
        .limit(most)
    )
    return list(session.exec(statement).all())


def ever_dated(
    session: Session, series: SeriesId, email: str, slot: str
) -> list[tuple[Visit, Visitor]]:
    """Return who was ever invited to one date under an address, the latest last."""
    statement = (
        select(Visit, Visitor)
        .where(
            Visitor.visit == Visit.id,
            Visit.series == series,
            Visit.slot == slot,
            func.lower(col(Visitor.email)) == email.lower(),
        )
        .order_by(col(Visitor.id))
    )
    return list(session.exec(statement).all())


def dates_in(session: Session, series: SeriesId) -> Sequence[VisitId]:
    """Return the visits of a series in the order of its dates."""
    statement = select(Visit.id).where(Visit.series == series).order_by(col(Visit.slot))
    return [VisitId(each) for each in session.exec(statement).all()]
