"""What is kept of conversations: who speaks with whom, what was said, the files, and the bot's list of questions."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import JSON, BigInteger, Index, UniqueConstraint, func, or_
from sqlmodel import Field, Session, col, select

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.conversations.rules import LONGEST_NICKNAME, Author, Channel, Note, State
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import (
    AttachmentId,
    ContactPointId,
    ConversationId,
    MessageId,
    PersonId,
    QuestionId,
    VisitId,
    VisitorId,
)
from server.visits.models import Visit

LONGEST_QUESTION = 200
LONGEST_ANSWER = 1000


class ContactPoint(Record, table=True):
    """A posted "contact us" QR: whoever scans it can write to the house without any visit."""

    __tablename__ = "conversations_contact_point"  # pyright: ignore[reportAssignmentType]

    id: ContactPointId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code", index=True)
    code: str = Field(max_length=16, unique=True)
    """Stands in the address behind the QR; nobody's secret."""
    check_number: str = Field(max_length=4)
    note: str = Field(default="", max_length=100)
    """Where it hangs."""
    made_at: datetime
    made_by: PersonId | None = Field(default=None, sa_type=ID_COLUMN)
    ended_at: datetime | None = None
    scans: int = Field(default=0, sa_type=BigInteger)
    scanned_at: datetime | None = None


class Conversation(Record, table=True):
    """What one visitor, or one stranger's phone, and the house say to each other."""

    __tablename__ = "conversations_conversation"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("stranger", "site"),
        Index(None, "site", "state", "last_at"),
        Index(None, "state", "due_at"),
    )

    id: ConversationId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code")
    visit: VisitId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="visits_visit.id", index=True
    )
    visitor: VisitorId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="visits_visitor.id", unique=True
    )
    """Set together with `visit`; otherwise `stranger` is set, or neither where they wrote by mail or messenger."""
    stranger: str | None = Field(default=None, max_length=64)
    """SHA-256 of the phone's cookie: an id that says nothing of the person."""
    contact_point: ContactPointId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="conversations_contact_point.id"
    )
    language: Language = Field(sa_type=stored_as_text(Language))
    nickname: str = Field(default="", max_length=LONGEST_NICKNAME)
    avatar: str = Field(default="", max_length=16)
    """One of `rules.AVATARS`, if they chose one."""
    picture: str = Field(default="", max_length=32)
    """The file of their own picture, if they sent one."""
    state: State = Field(default=State.BOT, sa_type=stored_as_text(State))
    person: PersonId | None = Field(default=None, sa_type=ID_COLUMN, foreign_key="people_person.id")
    """Who spoke for the house last, or was given it."""
    started_at: datetime
    last_at: datetime
    """When something was said last."""
    last_number: int = 0
    """The number of the newest message."""
    due_at: datetime | None = None
    """When reception takes over, unless the host has answered by then."""
    waiting_since: datetime | None = None
    """Since when a visitor's word waits for a person's answer."""
    visitor_read: int = 0
    """The number of the newest message that this side has read; the same for the two below."""
    host_read: int = 0
    reception_read: int = 0


class Message(Record, table=True):
    """Something that was said, in its order."""

    __tablename__ = "conversations_message"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("conversation", "number"),
        UniqueConstraint("conversation", "key"),
    )

    id: MessageId = Field(primary_key=True, sa_type=ID_COLUMN)
    conversation: ConversationId = Field(
        sa_type=ID_COLUMN, foreign_key="conversations_conversation.id", ondelete="CASCADE"
    )
    number: int
    """1, 2, 3 …: the order in which they were said, without a gap."""
    author: Author = Field(sa_type=stored_as_text(Author))
    person: PersonId | None = Field(default=None, sa_type=ID_COLUMN, foreign_key="people_person.id")
    text: str = Field(default="", max_length=2000)
    note: Note | None = Field(default=None, sa_type=stored_as_text(Note))
    """What bot or system say without a text of their own."""
    question: QuestionId | None = Field(default=None, sa_type=ID_COLUMN)
    """From which question of the list the bot answered; the list may have changed since."""
    channel: Channel = Field(sa_type=stored_as_text(Channel))
    key: str | None = Field(default=None, max_length=200)
    """Given by the sender: the same message twice is said once."""
    at: datetime


class Attachment(Record, table=True):
    """A file in a message; what it holds lies in the data folder under a random name."""

    __tablename__ = "conversations_attachment"  # pyright: ignore[reportAssignmentType]

    id: AttachmentId = Field(primary_key=True, sa_type=ID_COLUMN)
    conversation: ConversationId = Field(
        sa_type=ID_COLUMN,
        foreign_key="conversations_conversation.id",
        ondelete="CASCADE",
        index=True,
    )
    message: MessageId = Field(
        sa_type=ID_COLUMN,
        foreign_key="conversations_message.id",
        ondelete="CASCADE",
        index=True,
    )
    name: str = Field(max_length=100)
    """What the sender called it, made fit to be shown."""
    media_type: str = Field(max_length=40)
    stored: str = Field(max_length=32, unique=True)
    """Its name in the data folder."""
    size: int = Field(sa_type=BigInteger)
    width: int | None = None
    """Pixels, for pictures."""
    height: int | None = None
    at: datetime


class Question(Record, table=True):
    """Something that visitors ask, in each language several ways, and what the bot answers."""

    __tablename__ = "conversations_question"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "site", "position"),)

    id: QuestionId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code")
    position: int
    """Its place in the list: the first ones are offered as buttons."""
    asked: dict[str, list[str]] = Field(sa_type=JSON)
    """By language, how people ask it; the first of each is how the button says it."""
    answers: dict[str, str] = Field(sa_type=JSON)
    """By language, what the bot answers."""
    active: bool = True
    changed_at: datetime
    changed_by: PersonId | None = Field(default=None, sa_type=ID_COLUMN)


class ChatPolicy(Record, table=True):
    """How a site answers; a site without a row has the defaults."""

    __tablename__ = "conversations_policy"  # pyright: ignore[reportAssignmentType]

    site: SiteCode = Field(primary_key=True, sa_type=text(3), foreign_key="places_site.code")
    host_reacts_within_min: int = 3


def of_visitor(session: Session, visitor: VisitorId) -> Conversation | None:
    """Return the conversation of a visitor, if there is one."""
    return session.exec(select(Conversation).where(Conversation.visitor == visitor)).first()


def of_stranger(session: Session, stranger: str, site: SiteCode) -> Conversation | None:
    """Return the conversation of a phone at a site, if there is one."""
    statement = select(Conversation).where(
        Conversation.stranger == stranger, Conversation.site == site
    )
    return session.exec(statement).first()


def of_visits(session: Session, visits: Iterable[VisitId]) -> Sequence[Conversation]:
    """Return the conversations in these visits, newest words first."""
    statement = select(Conversation).where(col(Conversation.visit).in_(list(visits)))
    return session.exec(statement.order_by(col(Conversation.last_at).desc())).all()


def of_host(session: Session, person: PersonId, limit: int) -> Sequence[Conversation]:
    """Return the conversations in a host's visits, newest words first."""
    statement = (
        select(Conversation)
        .join(Visit, col(Visit.id) == col(Conversation.visit))
        .where(or_(col(Visit.host) == person, col(Conversation.person) == person))
        .where(col(Conversation.last_number) > 0)
    )
    return session.exec(statement.order_by(col(Conversation.last_at).desc()).limit(limit)).all()


def messages(
    session: Session, conversation: ConversationId, limit: int, before: int | None = None
) -> list[Message]:
    """Return the newest messages, oldest first; those with a lower number than `before`, if one is given."""
    statement = select(Message).where(Message.conversation == conversation)
    if before is not None:
        statement = statement.where(col(Message.number) < before)
    found = session.exec(statement.order_by(col(Message.number).desc()).limit(limit)).all()
    return list(reversed(found))


def attachments_of(
    session: Session, conversation: ConversationId
) -> dict[MessageId, list[Attachment]]:
    """Return the files of a conversation by message, with one query."""
    statement = select(Attachment).where(Attachment.conversation == conversation)
    found: dict[MessageId, list[Attachment]] = {}
    for each in session.exec(statement.order_by(col(Attachment.id))).all():
        found.setdefault(each.message, []).append(each)
    return found


def with_key(session: Session, conversation: ConversationId, key: str) -> Message | None:
    """Return the message that was sent under this key."""
    statement = select(Message).where(Message.conversation == conversation, Message.key == key)
    return session.exec(statement).first()


def unread(session: Session, conversation: ConversationId, read: int, by: Iterable[Author]) -> int:
    """Return how many messages of these authors have a higher number than the read mark."""
    statement = (
        select(func.count())
        .select_from(Message)
        .where(
            Message.conversation == conversation,
            col(Message.number) > read,
            col(Message.author).in_(list(by)),
        )
    )
    return session.exec(statement).one()


def said_since(session: Session, conversation: ConversationId, author: Author, at: datetime) -> int:
    """Return how many messages an author said since a moment."""
    statement = (
        select(func.count())
        .select_from(Message)
        .where(Message.conversation == conversation, Message.author == author, col(Message.at) > at)
    )
    return session.exec(statement).one()


def files_in(session: Session, conversation: ConversationId) -> int:
    """Return how many files a conversation holds."""
    statement = (
        select(func.count()).select_from(Attachment).where(Attachment.conversation == conversation)
    )
    return session.exec(statement).one()


def begun_by_strangers(session: Session, site: SiteCode, since: datetime) -> int:
    """Return how many conversations phones without a visit began at a site since a moment."""
    statement = (
        select(func.count())
        .select_from(Conversation)
        .where(
            Conversation.site == site,
            col(Conversation.stranger).is_not(None),
            Conversation.started_at > since,
        )
    )
    return session.exec(statement).one()


def bytes_of_strangers(session: Session, site: SiteCode) -> int:
    """Return the size of all files that those without a visit sent to a site."""
    statement = (
        select(func.coalesce(func.sum(Attachment.size), 0))
        .where(Attachment.conversation == Conversation.id)
        .where(Conversation.site == site, col(Conversation.stranger).is_not(None))
    )
    return int(session.exec(statement).one())


def overdue(session: Session, now: datetime) -> Sequence[Conversation]:
    """Return the conversations whose host did not answer in time, locked until the end of the work."""
    statement = select(Conversation).where(
        Conversation.state == State.HOST, col(Conversation.due_at) <= now
    )
    return session.exec(statement.order_by(col(Conversation.id)).with_for_update()).all()


def questions_of(
    session: Session, site: SiteCode, *, active_only: bool = False
) -> Sequence[Question]:
    """Return the list of a site in its order."""
    statement = select(Question).where(Question.site == site)
    if active_only:
        statement = statement.where(col(Question.active).is_(True))
    return session.exec(statement.order_by(col(Question.position), col(Question.id))).all()


def contact_point_with(session: Session, code: str) -> ContactPoint | None:
    """Return the contact point with this code, also one that was taken down."""
    return session.exec(select(ContactPoint).where(ContactPoint.code == code)).first()


def contact_points(session: Session, site: SiteCode | None) -> Sequence[ContactPoint]:
    """Return the contact points that hang."""
    statement = select(ContactPoint).where(col(ContactPoint.ended_at).is_(None))
    if site is not None:
        statement = statement.where(ContactPoint.site == site)
    return session.exec(statement.order_by(col(ContactPoint.id))).all()


def policy_of(session: Session, site: SiteCode) -> ChatPolicy:
    """Return how a site answers."""
    return session.get(ChatPolicy, site) or ChatPolicy(site=site)


def stored_names(session: Session) -> set[str]:
    """Return the names in the data folder that something here refers to."""
    files = session.exec(select(Attachment.stored)).all()
    pictures = session.exec(
        select(Conversation.picture).where(col(Conversation.picture) != "")
    ).all()
    return {*files, *pictures}


def with_person(session: Session, person: PersonId) -> Sequence[Conversation]:
    """Return the conversations that are not closed and in which this person spoke for the house last."""
    statement = select(Conversation).where(
        Conversation.person == person, Conversation.state != State.CLOSED
    )
    return session.exec(statement.order_by(col(Conversation.id))).all()
