"""Visits and their visitors: the few tables that hold personal data of guests, and their queries."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, UniqueConstraint, or_
from sqlmodel import Field, Session, col, select

from access_protocol.ids import CREDENTIAL_ID_BYTES, CredentialId, SiteCode, ZoneNumber
from access_protocol.wording import Language
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import (
    CompanionId,
    PersonId,
    RoomId,
    SeriesId,
    TermsId,
    VisitId,
    VisitorId,
    WishId,
)
from server.kernel.pagination import Page, PageQuery, paginate
from server.people.models import Person
from server.visits.link_models import PhoneBinding, RetiredLink
from server.visits.rules import Answer, MailState, TermsKind, VisitFilter, VisitState


class Visit(Record, table=True):
    """An appointment: a host expects visitors at a site, from then till then."""

    __tablename__ = "visits_visit"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(None, "starts_at", "id"),
        Index(None, "host", "starts_at"),
        Index(None, "state", "ends_at"),
    )

    id: VisitId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code", index=True)
    room: RoomId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="places_room.id", index=True
    )
    zones: list[int] = Field(sa_type=JSON)
    """The zones that its visitors may enter: numbers of `ZoneNumber`, one to four."""
    host: PersonId = Field(sa_type=ID_COLUMN, foreign_key="people_person.id")
    created_by: PersonId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="people_person.id"
    )
    title: str = Field(max_length=200)
    note: str = Field(default="", max_length=2000)
    bring: str = Field(default="", max_length=1000)
    """What to bring to this visit, beside what the site asks of everybody."""
    language: Language = Field(sa_type=stored_as_text(Language))
    starts_at: datetime
    ends_at: datetime
    state: VisitState = Field(sa_type=stored_as_text(VisitState))
    decided_by: PersonId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="people_person.id"
    )
    decided_at: datetime | None = None
    reason: str = Field(default="", max_length=500)
    """Why it was declined or cancelled, in the words of who did it."""
    sequence: int = Field(default=0, sa_type=BigInteger)
    """Counts the changes that its calendar entry went through (RFC 5545, 3.8.7.4)."""
    series: SeriesId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="visits_series.id", index=True
    )
    slot: str | None = Field(default=None, max_length=16)
    """Which date of its series it is: where it stood at first, in the site's own time; it never changes."""
    created_at: datetime
    changed_at: datetime

    @property
    def zone_numbers(self) -> tuple[ZoneNumber, ...]:
        """The zones that its visitors may enter."""
        return tuple(ZoneNumber(number) for number in self.zones)


class Visitor(Record, table=True):
    """One person invited to one visit; the credential's id and the link name them, and nothing else does."""

    __tablename__ = "visits_visitor"  # pyright: ignore[reportAssignmentType]

    id: VisitorId = Field(primary_key=True, sa_type=ID_COLUMN)
    visit: VisitId = Field(sa_type=ID_COLUMN, foreign_key="visits_visit.id", index=True)
    name: str = Field(max_length=100)
    email: str = Field(max_length=254)
    company: str = Field(default="", max_length=100)
    language: Language = Field(sa_type=stored_as_text(Language))
    credential: CredentialId = Field(sa_type=LargeBinary(CREDENTIAL_ID_BYTES), unique=True)  # pyright: ignore[reportArgumentType]
    link_hash: str = Field(max_length=64, unique=True)
    """SHA-256 of the token in the visitor's link; whoever holds the link is the visitor."""
    sealed_link: bytes
    """The token sealed with the master key: a later mail carries the same link."""
    link_revoked_at: datetime | None = None
    mail: MailState = Field(default=MailState.NONE, sa_type=stored_as_text(MailState))
    created_at: datetime
    removed_at: datetime | None = None
    declined_at: datetime | None = None
    """When they said that they will not come; the host may ask them again."""
    address_unproven: bool = False
    """They typed it themselves at a poster and got their page on that phone: the address may be anybody's."""
    step_free: bool = False
    """Whether they need a way without steps."""
    sealed_needs: bytes = b""
    """What else they need, in their own words, sealed: it may tell of their health."""
    reminded_at: datetime | None = None
    """When a mail with the pass of this date of a series went out as its turn came."""
    forgotten_at: datetime | None = None
    """When all that told who they are was deleted; what is left is a row of ids."""

    @property
    def is_expected(self) -> bool:
        """Whether they are still invited and have not declined."""
        return self.removed_at is None and self.declined_at is None


class Welcome(Record, table=True):
    """What a site tells all of its visitors, and what they may do by themselves."""

    __tablename__ = "visits_welcome"  # pyright: ignore[reportAssignmentType]

    site: SiteCode = Field(primary_key=True, sa_type=text(3), foreign_key="places_site.code")
    directions: dict[str, str] = Field(default_factory=dict[str, str], sa_type=JSON)
    """How to get there, by language."""
    bring: dict[str, str] = Field(default_factory=dict[str, str], sa_type=JSON)
    """What to bring, by language."""
    most_companions: int = 3
    """So many people may the visitors of one visit bring."""
    companions_need_host: bool = True
    """Whether the host is asked first."""


class Terms(Record, table=True):
    """One version of a document that visitors agree to. Nothing changes or removes it; a newer one follows."""

    __tablename__ = "visits_terms"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("site", "kind", "version"),)

    id: TermsId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code")
    kind: TermsKind = Field(sa_type=stored_as_text(TermsKind))
    version: int
    """Counts the versions of this document at the site from 1; the highest one is in force."""
    texts: dict[str, str] = Field(sa_type=JSON)
    """The text by language."""
    in_force: bool = True
    """False: from this version on the document is not asked for."""
    written_by: PersonId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="people_person.id"
    )
    written_at: datetime


class Agreement(Record, table=True):
    """What a visitor agreed to: which version, in which language, and the hash of the very text they read."""

    __tablename__ = "visits_agreement"  # pyright: ignore[reportAssignmentType]

    visitor: VisitorId = Field(
        primary_key=True, sa_type=ID_COLUMN, foreign_key="visits_visitor.id", ondelete="CASCADE"
    )
    terms: TermsId = Field(primary_key=True, sa_type=ID_COLUMN, foreign_key="visits_terms.id")
    language: Language = Field(sa_type=stored_as_text(Language))
    text_hash: str = Field(max_length=64)
    """SHA-256 of the text in UTF-8."""
    agreed_at: datetime


class Wish(Record, table=True):
    """Another time, or something else that a visitor asks of their host."""

    __tablename__ = "visits_wish"  # pyright: ignore[reportAssignmentType]

    id: WishId = Field(primary_key=True, sa_type=ID_COLUMN)
    visit: VisitId = Field(sa_type=ID_COLUMN, foreign_key="visits_visit.id", index=True)
    visitor: VisitorId = Field(
        sa_type=ID_COLUMN, foreign_key="visits_visitor.id", ondelete="CASCADE", index=True
    )
    message: str = Field(default="", max_length=1000)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    state: Answer = Field(default=Answer.WAITING, sa_type=stored_as_text(Answer))
    made_at: datetime
    decided_at: datetime | None = None
    decided_by: PersonId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="people_person.id"
    )


class Companion(Record, table=True):
    """Somebody whom a visitor wants to bring; once accepted they are a visitor themselves."""

    __tablename__ = "visits_companion"  # pyright: ignore[reportAssignmentType]

    id: CompanionId = Field(primary_key=True, sa_type=ID_COLUMN)
    visit: VisitId = Field(sa_type=ID_COLUMN, foreign_key="visits_visit.id", index=True)
    brought_by: VisitorId = Field(
        sa_type=ID_COLUMN, foreign_key="visits_visitor.id", ondelete="CASCADE", index=True
    )
    name: str = Field(max_length=100)
    email: str = Field(max_length=254)
    company: str = Field(default="", max_length=100)
    state: Answer = Field(default=Answer.WAITING, sa_type=stored_as_text(Answer))
    visitor: VisitorId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="visits_visitor.id", ondelete="SET NULL"
    )
    """Who they are as a visitor, once accepted."""
    asked_at: datetime
    decided_at: datetime | None = None
    decided_by: PersonId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="people_person.id"
    )


def link_hash(token: str) -> str:
    """Return the hash under which a link's token is stored (it has 256 random bits)."""
    return hashlib.sha256(token.encode()).hexdigest()


def phone_hash(secret: str) -> str:
    """Return the hash under which a phone's secret is stored (it has 256 random bits)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def visitors_of(session: Session, visit: VisitId) -> Sequence[Visitor]:
    """Return everyone invited to the visit, in the order in which they were invited."""
    return visitors_by_visit(session, [visit]).get(visit, [])


def visitors_by_visit(session: Session, visits: Iterable[VisitId]) -> dict[VisitId, list[Visitor]]:
    """Return everyone invited to each of the visits, with one query."""
    statement = select(Visitor).where(
        col(Visitor.visit).in_(list(visits)), col(Visitor.removed_at).is_(None)
    )
    found: dict[VisitId, list[Visitor]] = {}
    for visitor in session.exec(statement.order_by(col(Visitor.id))).all():
        found.setdefault(visitor.visit, []).append(visitor)
    return found


def by_link(session: Session, token: str) -> tuple[Visit, Visitor] | None:
    """Return the visit and visitor that a link's token belongs to, unless the link was revoked."""
    statement = _both().where(
        Visitor.link_hash == link_hash(token), col(Visitor.link_revoked_at).is_(None)
    )
    return session.exec(statement).first()


def is_retired(session: Session, token: str) -> bool:
    """Tell whether a link was replaced by a newer one."""
    return session.get(RetiredLink, link_hash(token)) is not None


def phone_of(session: Session, visitor: VisitorId) -> PhoneBinding | None:
    """Return which phone keeps a visitor's link, if one does yet."""
    return session.get(PhoneBinding, visitor)


def by_phone(session: Session, secret: str) -> list[tuple[Visit, Visitor]]:
    """Return every visit whose link this phone keeps, in the order in which they begin."""
    if not secret:
        return []
    statement = _both().where(
        PhoneBinding.visitor == Visitor.id,
        PhoneBinding.phone_hash == phone_hash(secret),
        col(Visitor.link_revoked_at).is_(None),
    )
    return list(session.exec(statement.order_by(col(Visit.starts_at), col(Visit.id))).all())


def by_credentials(
    session: Session, credentials: Iterable[CredentialId]
) -> dict[CredentialId, tuple[Visit, Visitor]]:
    """Return visit and visitor of each known credential, with one query."""
    statement = _both().where(col(Visitor.credential).in_(list(credentials)))
    return {CredentialId(found[1].credential): found for found in session.exec(statement).all()}


def named(
    session: Session, credentials: Iterable[CredentialId]
) -> dict[CredentialId, tuple[VisitId, str, str]]:
    """Return visit, name and company of whoever holds each known credential: what a long list shows of them."""
    columns = select(Visitor.credential, Visitor.visit, Visitor.name, Visitor.company)
    found = session.exec(columns.where(col(Visitor.credential).in_(list(credentials)))).all()
    return {CredentialId(each): (VisitId(visit), name, firm) for each, visit, name, firm in found}


def awaited(session: Session, now: datetime, starts_before: datetime) -> set[CredentialId]:
    """Return the credentials of everybody whose visit stands, is not over and begins before a moment."""
    statement = select(Visitor.credential).where(
        Visitor.visit == Visit.id,
        Visit.state == VisitState.CONFIRMED,
        Visit.ends_at > now,
        Visit.starts_at < starts_before,
        col(Visitor.removed_at).is_(None),
        col(Visitor.declined_at).is_(None),
    )
    return {CredentialId(each) for each in session.exec(statement).all()}


def expected_now(
    session: Session, now: datetime, words: str, most: int
) -> Sequence[tuple[Visit, Visitor]]:
    """Return who is expected now by name, company or host; a while before and after their visits too."""
    about = timedelta(hours=2)
    statement = (
        _both()
        .join(Person, col(Person.id) == col(Visit.host))
        .where(
            Visit.state == VisitState.CONFIRMED,
            col(Visit.starts_at) < now + about,
            col(Visit.ends_at) > now - about,
            col(Visitor.removed_at).is_(None),
        )
    )
    if words:
        within = (Visitor.name, Visitor.company, Person.name)
        statement = statement.where(
            or_(*(col(each).icontains(words, autoescape=True) for each in within))
        )
    in_order = statement.order_by(col(Visitor.name), col(Visitor.id))
    return session.exec(in_order.limit(most)).all()


def with_visitor(session: Session, visitor: VisitorId) -> tuple[Visit, Visitor] | None:
    """Return a visitor and the visit they are invited to."""
    return session.exec(_both().where(Visitor.id == visitor)).first()


def _both():  # noqa: ANN202  its type is SQLModel's own and long
    return select(Visit, Visitor).where(Visitor.visit == Visit.id)


def visits(
    session: Session, query: PageQuery, wanted: VisitFilter, *, of_host: PersonId | None = None
) -> Page[Visit]:
    """Return visits in the order in which they begin, or the latest first; `of_host` leaves only theirs."""
    statement = select(Visit)
    host = wanted.host if of_host is None else of_host
    if of_host is not None and wanted.host not in (None, of_host):
        return Page([], None)
    for column, value in (
        (Visit.host, host),
        (Visit.site, wanted.site),
        (Visit.state, wanted.state),
        (Visit.room, wanted.room),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.ends_after is not None:
        statement = statement.where(Visit.ends_at > wanted.ends_after)
    if wanted.starts_before is not None:
        statement = statement.where(Visit.starts_at < wanted.starts_before)
    if wanted.search:
        statement = statement.where(_matches(wanted.search))
    order = [col(Visit.starts_at), col(Visit.id)]
    return paginate(session, statement, order, query, newest_first=wanted.latest_first)


def _matches(words: str):  # noqa: ANN202  a condition of SQLAlchemy, typed by what makes it
    with_such_a_visitor = select(Visitor.visit).where(
        col(Visitor.removed_at).is_(None),
        or_(
            col(Visitor.name).icontains(words, autoescape=True),
            col(Visitor.company).icontains(words, autoescape=True),
            col(Visitor.email).icontains(words, autoescape=True),
        ),
    )
    return or_(
        col(Visit.title).icontains(words, autoescape=True), col(Visit.id).in_(with_such_a_visitor)
    )


def waiting_for_approval(session: Session) -> int:
    """Return how many visits wait for somebody's approval."""
    found = select(Visit.id).where(Visit.state == VisitState.PENDING)
    return len(session.exec(found).all())


def welcome_of(session: Session, site: SiteCode) -> Welcome:
    """Return what a site tells its visitors; one that says nothing of its own has the usual values."""
    return session.get(Welcome, site) or Welcome(site=site)


def terms_in_force(session: Session, site: SiteCode) -> list[Terms]:
    """Return the newest version of each document that visitors of the site agree to."""
    newest = newest_terms(session, site)
    return [newest[kind] for kind in TermsKind if kind in newest and newest[kind].in_force]


def newest_terms(session: Session, site: SiteCode) -> dict[TermsKind, Terms]:
    """Return the newest version of each document of a site, in force or not."""
    statement = select(Terms).where(Terms.site == site).order_by(col(Terms.version))
    return {TermsKind(found.kind): found for found in session.exec(statement).all()}


def agreements_of(session: Session, visitor: VisitorId) -> list[tuple[Agreement, Terms]]:
    """Return what a visitor agreed to, the first first."""
    statement = (
        select(Agreement, Terms)
        .where(Agreement.visitor == visitor, Agreement.terms == Terms.id)
        .order_by(col(Agreement.agreed_at), col(Terms.id))
    )
    return list(session.exec(statement).all())


def wishes_of(session: Session, visit: VisitId) -> Sequence[Wish]:
    """Return what the visitors of a visit asked for, the latest first."""
    statement = select(Wish).where(Wish.visit == visit).order_by(col(Wish.id).desc())
    return session.exec(statement).all()


def companions_of(session: Session, visit: VisitId) -> Sequence[Companion]:
    """Return whom the visitors of a visit want to bring, in the order in which they asked."""
    statement = select(Companion).where(Companion.visit == visit).order_by(col(Companion.id))
    return session.exec(statement).all()
