"""Credentials and issuer keys as the database knows them, and their queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, Session, col, select

from access_protocol.credential import CredentialClass, to_text
from access_protocol.ids import CREDENTIAL_ID_BYTES, CredentialId, SiteCode, ZoneNumber
from access_protocol.keys import KeyRing, RingKey
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import PersonId, VisitId, VisitorId

_CREDENTIAL: Any = LargeBinary(CREDENTIAL_ID_BYTES)
SLOWEST_CLOCK = timedelta(days=1)
"""A revocation stays on the list this long after the credential expired, for gates whose clocks are behind."""


class IssuerKey(Record, table=True):
    """A key that signs credentials of one site; the private part is sealed with the master key."""

    __tablename__ = "credentials_issuer_key"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("site", "number"),)

    public: bytes = Field(primary_key=True, sa_type=LargeBinary(32))  # pyright: ignore[reportArgumentType]
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code")
    number: int = Field(sa_type=BigInteger)
    """Counts the keys of the site; the highest one signs."""
    sealed_seed: bytes
    not_before: datetime
    not_after: datetime
    """Until when its signatures count; for a retired key that is when its last credential expires."""
    created_at: datetime
    retired_at: datetime | None = None


class Standing(StrEnum):
    """Whether a holder's credentials count, and if not, who may bring them back."""

    VALID = "valid"
    WITHDRAWN = "withdrawn"
    """They ended with what they were for: the visit was held, cancelled or changed."""
    REVOKED = "revoked"
    """Their host took them back, or the holder of the staff pass is no longer active."""
    BLOCKED = "blocked"
    """Security took them back: no host lifts that."""


class CredentialKind(StrEnum):
    """Whose a credential is."""

    VISIT = "visit"
    """One visitor's in one visit."""
    STAFF = "staff"
    """One person's of the house at one site; always bound to their phone."""
    VOUCHER = "voucher"
    """Nobody's: it stands for one drink, and whoever shows it gets it."""


@dataclass(frozen=True)
class Holder:
    """Who is behind a credential: a visitor in their visit, a person of the house, or nobody (a voucher)."""

    kind: CredentialKind
    visitor: VisitorId | None = None
    visit: VisitId | None = None
    person: PersonId | None = None


class Credential(Record, table=True):
    """What one holder has at a site: one id through all issues, and which of them still count."""

    __tablename__ = "credentials_credential"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(None, "person", "site"),
        CheckConstraint("(visitor IS NULL) = (kind <> 'visit')", name="visitor"),
        CheckConstraint("(visit IS NULL) = (kind <> 'visit')", name="visit"),
        CheckConstraint("(person IS NULL) = (kind <> 'staff')", name="person"),
    )

    id: CredentialId = Field(primary_key=True, sa_type=_CREDENTIAL)
    kind: CredentialKind = Field(sa_type=stored_as_text(CredentialKind))
    visitor: VisitorId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="visits_visitor.id", unique=True
    )
    """Set, with the visit, exactly for what a visitor holds."""
    visit: VisitId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="visits_visit.id", index=True
    )
    person: PersonId | None = Field(default=None, sa_type=ID_COLUMN, foreign_key="people_person.id")
    """Set exactly for what a person of the house holds."""
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code")
    generation: int = Field(default=0, sa_type=BigInteger)
    """The newest issue's."""
    lowest_valid: int = Field(default=0, sa_type=BigInteger)
    """Issues below it are revoked; 256: all of them, also those to come before the next issue."""
    standing: Standing = Field(default=Standing.VALID, sa_type=stored_as_text(Standing))
    last_expires: datetime = Field(index=True)
    """When the longest of its issues expires."""

    @property
    def revoked(self) -> bool:
        """Whether no issue counts any longer."""
        return self.generation < self.lowest_valid

    @property
    def holder(self) -> Holder:
        """Who is behind it."""
        return Holder(self.kind, self.visitor, self.visit, self.person)


class StaffAccess(Record, table=True):
    """The zones that one person of the house may enter at a site; without a row the site's own say."""

    __tablename__ = "credentials_staff_access"  # pyright: ignore[reportAssignmentType]

    person: PersonId = Field(
        primary_key=True, sa_type=ID_COLUMN, foreign_key="people_person.id", ondelete="CASCADE"
    )
    site: SiteCode = Field(primary_key=True, sa_type=text(3), foreign_key="places_site.code")
    zones: list[int] = Field(sa_type=JSON)


class Issue(Record, table=True):
    """One signed credential, as it went out. A refreshed one lives for a minute and is not kept."""

    __tablename__ = "credentials_issue"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "credential_class", "expires"),)

    credential: CredentialId = Field(
        primary_key=True, sa_type=_CREDENTIAL, foreign_key="credentials_credential.id"
    )
    generation: int = Field(primary_key=True, sa_type=BigInteger)
    credential_class: CredentialClass = Field(sa_type=stored_as_text(CredentialClass))
    zones: list[int] = Field(sa_type=JSON)
    not_before: datetime
    expires: datetime
    issuer: bytes = Field(  # pyright: ignore[reportCallIssue, reportUnknownVariableType]
        sa_type=LargeBinary(32),  # pyright: ignore[reportArgumentType]
        foreign_key="credentials_issuer_key.public",
        index=True,
    )
    message: bytes
    holder: bytes | None = Field(default=None, sa_type=LargeBinary(33))  # pyright: ignore[reportArgumentType]
    """The phone's public key as a compressed point (SEC 1, 2.3.3), where it is bound to one."""
    issued_at: datetime

    @property
    def text(self) -> str:
        """The text that stands in the QR code."""
        return to_text(self.message)

    @property
    def zone_numbers(self) -> tuple[ZoneNumber, ...]:
        """The zones that it opens."""
        return tuple(ZoneNumber(number) for number in self.zones)


def of_visitor(session: Session, visitor: VisitorId) -> Credential | None:
    """Return what a visitor holds."""
    return session.exec(select(Credential).where(Credential.visitor == visitor)).first()


def of_person(session: Session, person: PersonId, site: SiteCode) -> Credential | None:
    """Return what a person of the house holds at a site: the newest, where an older one is used up."""
    mine = select(Credential).where(Credential.person == person, Credential.site == site)
    return session.exec(
        mine.order_by(col(Credential.generation), col(Credential.last_expires).desc())
    ).first()


def bound_issue(session: Session, credential: CredentialId) -> Issue | None:
    """Return the newest issue of a credential that is bound to a phone and still counts, whoever holds it."""
    newest = (
        select(Issue)
        .join(Credential, col(Credential.id) == col(Issue.credential))
        .where(
            Issue.credential == credential,
            Issue.credential_class == CredentialClass.BOUND,
            col(Issue.generation) >= col(Credential.lowest_valid),
        )
        .order_by(col(Issue.generation).desc())
    )
    return session.exec(newest.limit(1)).first()


def current_issue(
    session: Session,
    visitor: VisitorId,
    credential_class: CredentialClass | None = CredentialClass.STATIC,
) -> Issue | None:
    """Return the visitor's newest credential of a class (None: of any) that still counts, or None."""
    newest = (
        select(Issue)
        .join(Credential, col(Credential.id) == col(Issue.credential))
        .where(
            Credential.visitor == visitor,
            col(Issue.generation) >= col(Credential.lowest_valid),
        )
        .order_by(col(Issue.generation).desc())
    )
    if credential_class is not None:
        newest = newest.where(Issue.credential_class == credential_class)
    return session.exec(newest.limit(1)).first()


def newest_issue(session: Session, visitor: VisitorId) -> Issue | None:
    """Return what a visitor was issued last, whether it still counts or not."""
    newest = select(Issue).join(Credential, col(Credential.id) == col(Issue.credential))
    mine = newest.where(Credential.visitor == visitor).order_by(col(Issue.generation).desc())
    return session.exec(mine.limit(1)).first()


def holders_of(session: Session, credentials: Iterable[CredentialId]) -> dict[CredentialId, Holder]:
    """Return who is behind the credentials, with one query; unknown ones are left out."""
    wanted = select(Credential).where(col(Credential.id).in_(list(credentials)))
    return {CredentialId(bytes(found.id)): found.holder for found in session.exec(wanted).all()}


def issuer_keys(session: Session, site: SiteCode) -> Sequence[IssuerKey]:
    """Return the site's issuer keys; the first is the one that signs."""
    statement = select(IssuerKey).where(IssuerKey.site == site)
    return session.exec(statement.order_by(col(IssuerKey.number).desc())).all()


def key_ring(session: Session, site: SiteCode, at: datetime) -> KeyRing:
    """Return the keys whose credentials count at the site now or later, oldest first."""
    return KeyRing(
        RingKey(key.public, key.not_before, key.not_after)
        for key in reversed(issuer_keys(session, site))
        if key.not_after > at
    )
