"""Accounts, their roles, browser sessions and API tokens."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import JSON, UniqueConstraint, bindparam
from sqlmodel import Field, Session, col, delete, select

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import GroupId, PersonId, SessionId, TokenId
from server.kernel.pagination import Page, PageQuery, paginate
from server.people.rules import Role, same_email


class Person(Record, table=True):
    """Someone with an account."""

    __tablename__ = "people_person"  # pyright: ignore[reportAssignmentType]

    id: PersonId = Field(primary_key=True, sa_type=ID_COLUMN)
    email: str = Field(max_length=254, unique=True)
    name: str = Field(max_length=100)
    language: Language = Field(sa_type=stored_as_text(Language))
    password_hash: str | None = Field(default=None, max_length=200)
    """An argon2id hash; None: cannot sign in with a password."""
    link_hash: str | None = Field(default=None, max_length=64, unique=True)
    """Of the mailed link that sets a password, until it was used."""
    link_ends_at: datetime | None = None
    active: bool = True
    deputy: PersonId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="people_person.id", ondelete="SET NULL"
    )
    """Who is told of a visitor when this person does not react."""
    created_at: datetime


class RoleOfPerson(Record, table=True):
    """One role that a person has."""

    __tablename__ = "people_role"  # pyright: ignore[reportAssignmentType]

    person: PersonId = Field(
        primary_key=True, sa_type=ID_COLUMN, foreign_key="people_person.id", ondelete="CASCADE"
    )
    role: Role = Field(primary_key=True, sa_type=stored_as_text(Role))


class BrowserSession(Record, table=True):
    """One sign-in of one browser; the cookie holds a secret of which only the hash is kept."""

    __tablename__ = "people_session"  # pyright: ignore[reportAssignmentType]

    id: SessionId = Field(primary_key=True, sa_type=ID_COLUMN)
    person: PersonId = Field(
        sa_type=ID_COLUMN, foreign_key="people_person.id", ondelete="CASCADE", index=True
    )
    secret_hash: str = Field(max_length=64, unique=True)
    csrf_token: str = Field(max_length=64)
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str = Field(default="", max_length=64)
    user_agent: str = Field(default="", max_length=200)


class ApiToken(Record, table=True):
    """A secret with which a program acts for a person, within its scopes."""

    __tablename__ = "people_token"  # pyright: ignore[reportAssignmentType]

    id: TokenId = Field(primary_key=True, sa_type=ID_COLUMN)
    person: PersonId = Field(
        sa_type=ID_COLUMN, foreign_key="people_person.id", ondelete="CASCADE", index=True
    )
    name: str = Field(max_length=100)
    secret_hash: str = Field(max_length=64, unique=True)
    scopes: list[str] = Field(sa_type=JSON)
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class Group(Record, table=True):
    """People of a site who look after something together, for example what visitors say afterwards."""

    __tablename__ = "people_group"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("site", "name"),)

    id: GroupId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code")
    name: str = Field(max_length=100)
    email: str = Field(default="", max_length=254)
    """A mailbox that they share; empty: each of them is told, and nobody else."""
    created_at: datetime


class GroupMember(Record, table=True):
    """That a person belongs to a group."""

    __tablename__ = "people_group_member"  # pyright: ignore[reportAssignmentType]

    group: GroupId = Field(
        primary_key=True, sa_type=ID_COLUMN, foreign_key="people_group.id", ondelete="CASCADE"
    )
    person: PersonId = Field(
        primary_key=True,
        sa_type=ID_COLUMN,
        foreign_key="people_person.id",
        ondelete="CASCADE",
        index=True,
    )


def groups(session: Session, site: SiteCode | None = None) -> Sequence[Group]:
    """Return the groups of a site, or all of them, by site and name."""
    statement = select(Group).order_by(col(Group.site), col(Group.name))
    if site is not None:
        statement = statement.where(Group.site == site)
    return session.exec(statement).all()


def members_of(session: Session, group: GroupId) -> Sequence[Person]:
    """Return the people of a group whose accounts are open, by name."""
    statement = (
        select(Person)
        .where(GroupMember.group == group, GroupMember.person == Person.id, col(Person.active))
        .order_by(col(Person.name), col(Person.id))
    )
    return session.exec(statement).all()


def hash_of(secret: str) -> str:
    """Return the hash under which a random secret is stored (it has 256 bits: no slow hash is needed)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def by_email(session: Session, email: str) -> Person | None:
    """Return the account with this address, active or not."""
    return session.exec(select(Person).where(Person.email == same_email(email))).first()


def with_link(session: Session, secret: str, *, held: bool = False) -> Person | None:
    """Return whose password a mailed link sets, whether it still counts or not; `held` until the end of the work."""
    statement = select(Person).where(Person.link_hash == hash_of(secret))
    return session.exec(statement.with_for_update() if held else statement).first()


def end_sessions(session: Session, person: PersonId) -> None:
    """End every session of a person."""
    session.exec(delete(BrowserSession).where(col(BrowserSession.person) == person))


def deputy_of(session: Session, person: PersonId) -> Person | None:
    """Return who stands in for a person; None where nobody does, or whose account is closed."""
    found = session.get(Person, person)
    deputy = session.get(Person, found.deputy) if found and found.deputy else None
    return deputy if deputy and deputy.active else None


def roles_of(session: Session, person: PersonId) -> frozenset[Role]:
    """Return the roles of a person."""
    found = session.exec(_ROLES_OF, params={"person": person})
    return frozenset(Role(role) for role in found.all())


def people(
    session: Session, query: PageQuery, *, role: Role | None = None, active: bool | None = None
) -> Page[Person]:
    """Return accounts in the order of their addresses."""
    statement = select(Person)
    if role is not None:
        of_role = select(RoleOfPerson.person).where(RoleOfPerson.role == role)
        statement = statement.where(col(Person.id).in_(of_role))
    if active is not None:
        statement = statement.where(Person.active == active)
    return paginate(session, statement, [col(Person.email)], query)


def active_in(session: Session, role: Role) -> Sequence[Person]:
    """Return everybody in a role whose account is open, by name."""
    statement = (
        select(Person)
        .where(RoleOfPerson.person == Person.id, RoleOfPerson.role == role, col(Person.active))
        .order_by(col(Person.name), col(Person.id))
    )
    return session.exec(statement).all()


def session_with(session: Session, secret: str) -> tuple[BrowserSession, Person] | None:
    """Return the session that a cookie's secret belongs to, with its person."""
    return session.exec(_SESSION_WITH, params={"hash": hash_of(secret)}).first()


# Asked on every request: made once, since to put a statement together takes as long as to run it.
_SESSION_WITH = select(BrowserSession, Person).where(
    BrowserSession.secret_hash == bindparam("hash"), BrowserSession.person == Person.id
)
_ROLES_OF = select(RoleOfPerson.role).where(RoleOfPerson.person == bindparam("person"))


def token_with(session: Session, secret: str) -> tuple[ApiToken, Person] | None:
    """Return the API token that a secret belongs to, with its owner."""
    statement = (
        select(ApiToken, Person)
        .where(ApiToken.secret_hash == hash_of(secret))
        .where(ApiToken.person == Person.id)
    )
    return session.exec(statement).first()


def tokens_of(session: Session, person: PersonId, query: PageQuery) -> Page[ApiToken]:
    """Return a person's tokens, newest first."""
    statement = select(ApiToken).where(ApiToken.person == person)
    return paginate(session, statement, [col(ApiToken.id)], query, newest_first=True)
