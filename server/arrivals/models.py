"""What is kept of arrivals: fences, crossings and what belongs to them; never a position."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, func, or_
from sqlmodel import Field, Session, col, select

from access_protocol.ids import AccessPointId, EventId, PortalId, SiteCode
from access_protocol.wording import Language
from server.arrivals.entry_rules import CODE_LENGTH, Answer
from server.arrivals.rules import AnswerKind, CrossingKind, CrossingSource
from server.arrivals.watching import Place
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import (
    ApprovalId,
    CrossingId,
    KioskId,
    PersonId,
    PosterId,
    VisitId,
    VisitorId,
    WalkInId,
)


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
    place: Place = Field(sa_type=stored_as_text(Place))
    near_fixes: int
    near_since_s: int = Field(sa_type=BigInteger)
    """Seconds since 1970, as everywhere in OwnTracks' messages."""
    approaching_fixes: int
    approaching_since_s: int = Field(sa_type=BigInteger)
    outside_fixes: int
    outside_since_s: int = Field(sa_type=BigInteger)
    last_s: int = Field(sa_type=BigInteger)
    by_region: bool = False
    """Whether the phone's own system watches that they stay, so that time alone decides."""


class Tracker(Record, table=True):
    """The OwnTracks app of one visitor: credentials that end with the visit."""

    __tablename__ = "arrivals_tracker"  # pyright: ignore[reportAssignmentType]

    visitor: VisitorId = Field(primary_key=True, sa_type=ID_COLUMN, foreign_key="visits_visitor.id")
    name: str = Field(max_length=32, unique=True)
    """Its user name, over HTTP and at the broker; says nothing of the person."""
    secret_hash: str = Field(max_length=64)
    """SHA-256 of its password, which has 256 random bits."""
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
        or_(col(HostAnswer.visitor).is_(None), col(HostAnswer.visitor) == visitor),
    )
    return session.exec(statement.order_by(col(HostAnswer.id).desc()).limit(1)).first()


class Poster(Record, table=True):
    """A posted QR at one side of a portal; `access_point` None: it names a machine and opens nothing."""

    __tablename__ = "arrivals_poster"  # pyright: ignore[reportAssignmentType]

    id: PosterId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code", index=True)
    portal: PortalId = Field(sa_type=text(32))
    access_point: AccessPointId | None = Field(default=None, sa_type=text(32))
    code: str = Field(max_length=CODE_LENGTH, unique=True)
    """Stands in the address behind the QR; nobody's secret."""
    check_number: str = Field(max_length=4)
    """Printed on the paper and shown after scanning, so that a sticker pasted over it is noticed."""
    note: str = Field(default="", max_length=100)
    """Where it hangs, for those who look after it."""
    made_at: datetime
    made_by: PersonId | None = Field(default=None, sa_type=ID_COLUMN)
    ended_at: datetime | None = None
    """Replaced or taken down: whoever scans it is told that the paper is old."""
    scans: int = Field(default=0, sa_type=BigInteger)
    scanned_at: datetime | None = None


class Kiosk(Record, table=True):
    """A small screen at an entrance that shows the changing code; known by the secret in its address."""

    __tablename__ = "arrivals_kiosk"  # pyright: ignore[reportAssignmentType]

    id: KioskId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code", index=True)
    access_point: AccessPointId = Field(sa_type=text(32))
    name: str = Field(max_length=80)
    secret_hash: str = Field(max_length=64, unique=True)
    """SHA-256 of the secret, which has 256 random bits."""
    made_at: datetime
    made_by: PersonId | None = Field(default=None, sa_type=ID_COLUMN)
    revoked_at: datetime | None = None
    seen_at: datetime | None = None
    """When the screen last asked for codes."""


class WalkIn(Record, table=True):
    """Somebody without an invitation who registered at a poster and waits for a host or guard."""

    __tablename__ = "arrivals_walk_in"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "site", "answer", "asked_at"), Index(None, "phone_hash", "id"))

    id: WalkInId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code")
    poster: PosterId = Field(sa_type=ID_COLUMN, foreign_key="arrivals_poster.id")
    phone_hash: str = Field(max_length=64)
    name: str = Field(max_length=100)
    company: str = Field(default="", max_length=100)
    email: str = Field(default="", max_length=254)
    whom: str = Field(max_length=254)
    """Whom they want to see, in their own words or by a mail address."""
    host: PersonId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="people_person.id", index=True
    )
    """Whom that names for certain; None where only a guard can tell."""
    purpose: str = Field(max_length=200)
    language: Language = Field(sa_type=stored_as_text(Language))
    asked_at: datetime
    answer: Answer = Field(default=Answer.WAITING, sa_type=stored_as_text(Answer))
    answered_at: datetime | None = None
    answered_by: PersonId | None = Field(default=None, sa_type=ID_COLUMN)
    reason: str = Field(default="", max_length=500)
    visitor: VisitorId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="visits_visitor.id"
    )
    """Who they are in the visit that an approval made."""


class EntryApproval(Record, table=True):
    """A visitor at an entrance asked to be let in, and what host or guard said; opens one door once."""

    __tablename__ = "arrivals_entry_approval"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(None, "visitor", "access_point"),
        Index(None, "answer", "asked_at"),
    )

    id: ApprovalId = Field(primary_key=True, sa_type=ID_COLUMN)
    visitor: VisitorId = Field(sa_type=ID_COLUMN, foreign_key="visits_visitor.id")
    visit: VisitId = Field(sa_type=ID_COLUMN, foreign_key="visits_visit.id")
    site: SiteCode = Field(sa_type=text(3))
    access_point: AccessPointId = Field(sa_type=text(32))
    asked_at: datetime
    answer: Answer = Field(default=Answer.WAITING, sa_type=stored_as_text(Answer))
    answered_at: datetime | None = None
    answered_by: PersonId | None = Field(default=None, sa_type=ID_COLUMN)


class CheckIn(Record, table=True):
    """That a visitor was let in at a posted QR: the first time in a visit."""

    __tablename__ = "arrivals_check_in"  # pyright: ignore[reportAssignmentType]

    visitor: VisitorId = Field(primary_key=True, sa_type=ID_COLUMN, foreign_key="visits_visitor.id")
    visit: VisitId = Field(sa_type=ID_COLUMN, foreign_key="visits_visit.id", index=True)
    site: SiteCode = Field(sa_type=text(3))
    access_point: AccessPointId = Field(sa_type=text(32))
    event: EventId = Field(sa_type=text(36))
    """The decision that granted it."""
    at: datetime


def crossings_of(session: Session, visitor: VisitorId) -> Sequence[Crossing]:
    """Return all that was noticed of a visitor, oldest first."""
    statement = select(Crossing).where(Crossing.visitor == visitor)
    return session.exec(statement.order_by(col(Crossing.id))).all()


def answers_in(session: Session, visit: VisitId) -> Sequence[HostAnswer]:
    """Return what was answered in a visit, oldest first."""
    statement = select(HostAnswer).where(HostAnswer.visit == visit)
    return session.exec(statement.order_by(col(HostAnswer.at), col(HostAnswer.id))).all()


def crossings_by_visitor(
    session: Session, visitors: Iterable[VisitorId]
) -> dict[VisitorId, list[Crossing]]:
    """Return all that was noticed of each of the visitors, oldest first, with one query."""
    statement = select(Crossing).where(col(Crossing.visitor).in_(list(visitors)))
    found: dict[VisitorId, list[Crossing]] = {}
    for each in session.exec(statement.order_by(col(Crossing.id))).all():
        found.setdefault(each.visitor, []).append(each)
    return found


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


def tracker_named(session: Session, name: str) -> Tracker | None:
    """Return the tracker of this user name."""
    return session.exec(select(Tracker).where(Tracker.name == name)).first()


def watched_by_region(session: Session, now: datetime) -> Sequence[Tracker]:
    """Return the apps on phones that watch their regions themselves."""
    statement = select(Tracker).where(
        Watch.visitor == Tracker.visitor, col(Watch.by_region), col(Tracker.ends_at) > now
    )
    return session.exec(statement).all()


def poster_with(session: Session, code: str) -> Poster | None:
    """Return the poster that carries a code, also one that was taken down."""
    return session.exec(select(Poster).where(Poster.code == code)).first()


def poster_at(session: Session, site: SiteCode, access_point: AccessPointId) -> Poster | None:
    """Return the newest poster that hangs at an access point."""
    statement = select(Poster).where(
        Poster.site == site, Poster.access_point == access_point, col(Poster.ended_at).is_(None)
    )
    return session.exec(statement.order_by(col(Poster.id).desc())).first()


def check_ins(session: Session, visitors: Iterable[VisitorId]) -> dict[VisitorId, CheckIn]:
    """Return the check-in of each of the visitors of whom there is one, with one query."""
    statement = select(CheckIn).where(col(CheckIn.visitor).in_(list(visitors)))
    return {each.visitor: each for each in session.exec(statement).all()}


def hanging(session: Session, site: SiteCode | None = None) -> Sequence[Poster]:
    """Return the posters that hang, by site and portal."""
    statement = select(Poster).where(col(Poster.ended_at).is_(None))
    if site is not None:
        statement = statement.where(Poster.site == site)
    order = (col(Poster.site), col(Poster.portal), col(Poster.access_point), col(Poster.id))
    return session.exec(statement.order_by(*order)).all()


def kiosks(session: Session) -> Sequence[Kiosk]:
    """Return the screens that count, by site and name."""
    statement = select(Kiosk).where(col(Kiosk.revoked_at).is_(None))
    return session.exec(statement.order_by(col(Kiosk.site), col(Kiosk.name), col(Kiosk.id))).all()


def kiosk_with(session: Session, secret: str) -> Kiosk | None:
    """Return the screen with this secret, unless it was revoked."""
    return session.exec(
        select(Kiosk).where(
            Kiosk.secret_hash == secret_hash(secret), col(Kiosk.revoked_at).is_(None)
        )
    ).first()


def secret_hash(secret: str) -> str:
    """Return the hash under which a secret of 256 random bits is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def walk_ins_for(session: Session, person: PersonId) -> Sequence[WalkIn]:
    """Return those who wait for this person and were not answered."""
    waiting = select(WalkIn).where(WalkIn.host == person, WalkIn.answer == Answer.WAITING)
    return session.exec(waiting.order_by(col(WalkIn.asked_at), col(WalkIn.id))).all()
