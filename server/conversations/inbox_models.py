"""What reception keeps for its inbox: ready answers, and the hours in which somebody is there."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Index
from sqlmodel import Field, Session, col, func, or_, select

from access_protocol.ids import SiteCode
from server.conversations.models import Conversation, Message
from server.conversations.rules import Author, Channel, State
from server.kernel.database import ID_COLUMN, Record, text
from server.kernel.ids import CannedAnswerId, ConversationId, PersonId
from server.kernel.pagination import Page, PageQuery, paginate
from server.visits.models import Visitor


class CannedAnswer(Record, table=True):
    """An answer that is often given, in each language, with places for what differs."""

    __tablename__ = "conversations_canned_answer"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "site", "position"),)

    id: CannedAnswerId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code")
    position: int
    name: str = Field(max_length=60)
    """What reception calls it."""
    texts: dict[str, str] = Field(sa_type=JSON)
    """By language; `canned.PLACES` names what may stand in braces."""
    changed_at: datetime
    changed_by: PersonId | None = Field(default=None, sa_type=ID_COLUMN)


class OfficeHours(Record, table=True):
    """When somebody of reception is there, by the clocks of the site; a site without a row is always staffed."""

    __tablename__ = "conversations_office_hours"  # pyright: ignore[reportAssignmentType]

    site: SiteCode = Field(primary_key=True, sa_type=text(3), foreign_key="places_site.code")
    days: dict[str, list[str]] = Field(sa_type=JSON)
    """By day of the week, 0 for Monday: from when to when, as ["09:00", "18:00"]; a day that is missing is closed."""
    country: str = Field(default="", max_length=2)
    """Whose public holidays are kept (ISO 3166-1); empty: none."""
    closed: list[str] = Field(default_factory=list[str], sa_type=JSON)
    """Further days off, as YYYY-MM-DD."""
    changed_at: datetime


class Show(StrEnum):
    """Which conversations a list shows."""

    WAITING = "waiting"
    MINE = "mine"
    OPEN = "open"
    CLOSED = "closed"


def canned_of(session: Session, site: SiteCode) -> Sequence[CannedAnswer]:
    """Return the ready answers of a site in their order."""
    statement = select(CannedAnswer).where(CannedAnswer.site == site)
    order = (col(CannedAnswer.position), col(CannedAnswer.id))
    return session.exec(statement.order_by(*order)).all()


def listed(
    session: Session,
    sites: Iterable[SiteCode],
    show: Show,
    person: PersonId | None,
    query: PageQuery,
    search: str = "",
) -> Page[Conversation]:
    """Return conversations of these sites: who waits longest first where they wait, else the newest words first."""
    statement = select(Conversation).where(
        col(Conversation.site).in_(list(sites)), col(Conversation.last_number) > 0
    )
    match show:
        case Show.WAITING:
            statement = statement.where(col(Conversation.waiting_since).is_not(None))
        case Show.MINE:
            statement = statement.where(
                Conversation.person == person, Conversation.state != State.CLOSED
            )
        case Show.OPEN:
            statement = statement.where(Conversation.state != State.CLOSED)
        case Show.CLOSED:
            statement = statement.where(Conversation.state == State.CLOSED)
    if search:
        statement = statement.where(_fits(search))
    waiting = show is Show.WAITING
    at = col(Conversation.waiting_since) if waiting else col(Conversation.last_at)
    order = [at, col(Conversation.id)]
    return paginate(session, statement, order, query, newest_first=not waiting)


def count_waiting(session: Session, sites: Iterable[SiteCode]) -> int:
    """Return how many conversations wait for a person's answer."""
    statement = (
        select(func.count())
        .select_from(Conversation)
        .where(
            col(Conversation.site).in_(list(sites)), col(Conversation.waiting_since).is_not(None)
        )
    )
    return session.exec(statement).one()


def newest_words(
    session: Session, conversations: Iterable[ConversationId]
) -> dict[ConversationId, Message]:
    """Return what was said last in each conversation, with one query; lines of the system say nothing."""
    newest = (
        select(Message.conversation, func.max(Message.number).label("number"))
        .where(col(Message.conversation).in_(list(conversations)), Message.author != Author.SYSTEM)
        .group_by(col(Message.conversation))
        .subquery()
    )
    statement = select(Message).join(
        newest,
        (col(Message.conversation) == newest.c.conversation)
        & (col(Message.number) == newest.c.number),
    )
    return {each.conversation: each for each in session.exec(statement).all()}


def ways_of(
    session: Session, conversations: Iterable[ConversationId]
) -> dict[ConversationId, list[Channel]]:
    """Return by which ways each visitor wrote, with one query."""
    statement = (
        select(Message.conversation, Message.channel)
        .where(col(Message.conversation).in_(list(conversations)), Message.author == Author.VISITOR)
        .distinct()
    )
    found: dict[ConversationId, list[Channel]] = {}
    for conversation, channel in session.exec(statement).all():
        found.setdefault(ConversationId(conversation), []).append(Channel(channel))
    return {each: sorted(ways) for each, ways in found.items()}


def _fits(words: str):  # noqa: ANN202  a condition of SQLAlchemy, typed by what makes it
    said = select(Message.conversation).where(col(Message.text).icontains(words, autoescape=True))
    guests = select(Visitor.id).where(
        or_(
            col(Visitor.name).icontains(words, autoescape=True),
            col(Visitor.company).icontains(words, autoescape=True),
            col(Visitor.email).icontains(words, autoescape=True),
        )
    )
    return or_(
        col(Conversation.nickname).icontains(words, autoescape=True),
        col(Conversation.visitor).in_(guests),
        col(Conversation.id).in_(said),
    )
