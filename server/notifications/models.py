"""Channels, notices and deliveries of hosts, and the mail that the local catcher holds."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import JSON, BigInteger, Index, or_
from sqlmodel import Field, Session, col, delete, select

from access_protocol.wording import Language
from server.kernel.database import ID_COLUMN, Record, stored_as_text
from server.kernel.ids import (
    ChannelId,
    DeliveryId,
    MailId,
    NoticeId,
    PersonId,
    VisitId,
    VisitorId,
)
from server.kernel.pagination import Page, PageQuery, paginate
from server.notifications.kinds import (
    ChannelKind,
    DeliveryState,
    Failure,
    MailUse,
    NoticeKind,
    QuietWay,
)


class Channel(Record, table=True):
    """A way to reach a person that they added: one browser, or one messenger."""

    __tablename__ = "notifications_channel"  # pyright: ignore[reportAssignmentType]

    id: ChannelId = Field(primary_key=True, sa_type=ID_COLUMN)
    person: PersonId = Field(sa_type=ID_COLUMN, index=True)
    kind: ChannelKind = Field(sa_type=stored_as_text(ChannelKind))
    label: str = Field(max_length=100)
    """What the person calls it, or which browser it is."""
    goes_to: str = Field(max_length=100)
    """The host of a push endpoint or the service's name: never the address itself."""
    sealed_address: bytes
    """A push subscription as JSON, or a service's URL; it is a key and is never shown again."""
    address_hash: str | None = Field(default=None, max_length=64, unique=True)
    """Of a push endpoint, which has random parts: a browser that subscribes again is found by it."""
    created_at: datetime
    last_sent_at: datetime | None = None
    failing_since: datetime | None = None
    failure: Failure | None = Field(default=None, sa_type=stored_as_text(Failure))


class Preferences(Record, table=True):
    """How a person wants to be told; who never chose has the defaults and no row."""

    __tablename__ = "notifications_preferences"  # pyright: ignore[reportAssignmentType]

    person: PersonId = Field(primary_key=True, sa_type=ID_COLUMN)
    time_zone: str = Field(default="UTC", max_length=64)
    """IANA name of the zone in which the quiet hours are meant."""
    quiet_from: int | None = Field(default=None, sa_type=BigInteger)
    """Minutes after midnight; None: no quiet hours."""
    quiet_until: int | None = Field(default=None, sa_type=BigInteger)
    """Not after `quiet_from`: on the next day; equal: a whole day."""
    quiet_days: list[int] = Field(default_factory=list, sa_type=JSON)
    """ISO weekdays (Monday is 1) on which quiet hours begin."""
    urgent_passes: bool = True
    in_quiet: QuietWay = Field(default=QuietWay.WAIT, sa_type=stored_as_text(QuietWay))
    mail: MailUse = Field(default=MailUse.OTHERWISE, sa_type=stored_as_text(MailUse))
    hide_names: bool = False
    """Whether pushes and messengers leave out names: anybody may read a locked screen."""
    deputy_after: int = Field(default=5, sa_type=BigInteger)
    """Minutes without a reaction after which the deputy is told; 0: never."""


class Notice(Record, table=True):
    """One thing that one person is told; how it is worded is decided where it is read."""

    __tablename__ = "notifications_notice"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "person", "id"), Index(None, "reacted_at", "deputy_at"))

    id: NoticeId = Field(primary_key=True, sa_type=ID_COLUMN)
    person: PersonId = Field(sa_type=ID_COLUMN)
    kind: NoticeKind = Field(sa_type=stored_as_text(NoticeKind))
    visit: VisitId | None = Field(default=None, sa_type=ID_COLUMN)
    visitor: VisitorId | None = Field(default=None, sa_type=ID_COLUMN, index=True)
    language: Language = Field(sa_type=stored_as_text(Language))
    name: str = Field(max_length=100)
    """The person's, and their mail address: where no other channel works, the notice goes by mail."""
    email: str = Field(max_length=254)
    details: dict[str, str] = Field(sa_type=JSON)
    """What fills its wording: name, minutes, place, …"""
    path: str = Field(max_length=200)
    """Where a tap on it leads, for example `/host/visits/…`."""
    once: str | None = Field(default=None, max_length=200, unique=True)
    """The same once is told a single time."""
    created_at: datetime
    expires_at: datetime | None = None
    """Worth nothing after this moment."""
    reacted_at: datetime | None = None
    deputy_at: datetime | None = None
    """When the deputy is told unless somebody reacts before; None: never."""
    deputy_told_at: datetime | None = None
    for_notice: NoticeId | None = Field(
        default=None,
        sa_type=ID_COLUMN,
        foreign_key="notifications_notice.id",
        ondelete="SET NULL",
        index=True,
    )
    """For a deputy: the notice that nobody reacted to."""

    @property
    def opens(self) -> str:
        """The path that a tap opens: it counts as a reaction and leads on to `path`."""
        return self.path if self.kind == NoticeKind.TEST else f"/host/notices/{self.id}"


class Delivery(Record, table=True):
    """One notice on one channel, and what became of it."""

    __tablename__ = "notifications_delivery"  # pyright: ignore[reportAssignmentType]

    id: DeliveryId = Field(primary_key=True, sa_type=ID_COLUMN)
    notice: NoticeId = Field(
        sa_type=ID_COLUMN, foreign_key="notifications_notice.id", ondelete="CASCADE", index=True
    )
    channel: ChannelId | None = Field(
        default=None,
        sa_type=ID_COLUMN,
        foreign_key="notifications_channel.id",
        ondelete="SET NULL",
        index=True,
    )
    """None for mail, and where the channel is no more."""
    kind: ChannelKind = Field(sa_type=stored_as_text(ChannelKind))
    label: str = Field(max_length=100)
    """The channel's, as it was."""
    state: DeliveryState = Field(sa_type=stored_as_text(DeliveryState))
    failure: Failure | None = Field(default=None, sa_type=stored_as_text(Failure))
    why: str = Field(default="", max_length=500)
    """More about the failure, for whoever looks after the installation; holds no secrets."""
    due_at: datetime
    """Later than its creation where quiet hours hold it."""
    created_at: datetime
    settled_at: datetime | None = None


class PushKey(Record, table=True):
    """The installation's own key for Web Push (VAPID, RFC 8292), made when the first browser asks for it."""

    __tablename__ = "notifications_push_key"  # pyright: ignore[reportAssignmentType]

    id: int = Field(default=1, primary_key=True)
    public: str = Field(max_length=100)
    """The uncompressed point in base64url: what a page hands to `PushManager.subscribe`."""
    sealed_private: bytes
    created_at: datetime


class CaughtMail(Record, table=True):
    """One caught mail; the message as it would have gone out is sealed: it holds links and passes."""

    __tablename__ = "notifications_caught_mail"  # pyright: ignore[reportAssignmentType]

    id: MailId = Field(primary_key=True, sa_type=ID_COLUMN)
    caught_at: datetime = Field(index=True)
    recipient: str = Field(max_length=254, index=True)
    subject: str = Field(max_length=400)
    reference: str = Field(default="", max_length=64, index=True)
    size: int = Field(sa_type=BigInteger)
    """Bytes of the message."""
    sealed_message: bytes


def caught(session: Session, query: PageQuery, *, recipient: str | None = None) -> Page[CaughtMail]:
    """Return caught mails, newest first."""
    statement = select(CaughtMail)
    if recipient:
        statement = statement.where(CaughtMail.recipient == recipient)
    return paginate(session, statement, [col(CaughtMail.id)], query, newest_first=True)


def about(session: Session, reference: str) -> Sequence[CaughtMail]:
    """Return the caught mails with a reference, oldest first."""
    statement = select(CaughtMail).where(CaughtMail.reference == reference)
    return session.exec(statement.order_by(col(CaughtMail.id))).all()


def forget(session: Session, before: datetime) -> int:
    """Delete mails caught before a moment; return how many."""
    return session.exec(delete(CaughtMail).where(col(CaughtMail.caught_at) < before)).rowcount


def channels_of(session: Session, person: PersonId) -> Sequence[Channel]:
    """Return the channels that a person added, oldest first."""
    return session.exec(
        select(Channel).where(Channel.person == person).order_by(col(Channel.id))
    ).all()


def preferences_of(session: Session, person: PersonId) -> Preferences:
    """Return how a person wants to be told; the defaults where they never chose."""
    return session.get(Preferences, person) or Preferences(person=person)


def notices(session: Session, query: PageQuery, person: PersonId) -> Page[Notice]:
    """Return what a person was told, newest first; test messages are left out."""
    statement = select(Notice).where(Notice.person == person, Notice.kind != NoticeKind.TEST)
    return paginate(session, statement, [col(Notice.id)], query, newest_first=True)


def deliveries_of(session: Session, notices: Iterable[NoticeId]) -> dict[NoticeId, list[Delivery]]:
    """Return the deliveries of each of the notices, with one query."""
    statement = select(Delivery).where(col(Delivery.notice).in_(list(notices)))
    found: dict[NoticeId, list[Delivery]] = {}
    for delivery in session.exec(statement.order_by(col(Delivery.id))).all():
        found.setdefault(delivery.notice, []).append(delivery)
    return found


def open_notices(session: Session, person: PersonId, visitor: VisitorId) -> Sequence[Notice]:
    """Return what a person was told about a visitor and did not react to, newest first."""
    statement = select(Notice).where(
        Notice.person == person, Notice.visitor == visitor, col(Notice.reacted_at).is_(None)
    )
    return session.exec(statement.order_by(col(Notice.id).desc())).all()


def open_of(session: Session, person: PersonId, now: datetime) -> Sequence[Notice]:
    """Return what a person was told, did not react to, and is still worth something, oldest first."""
    statement = select(Notice).where(
        Notice.person == person,
        Notice.kind != NoticeKind.TEST,
        col(Notice.reacted_at).is_(None),
        col(Notice.expires_at).is_(None) | (col(Notice.expires_at) > now),
    )
    return session.exec(statement.order_by(col(Notice.id))).all()


def open_about(session: Session, visitor: VisitorId) -> list[Notice]:
    """Return what anybody was told about a visitor and nobody reacted to."""
    statement = select(Notice).where(Notice.visitor == visitor, col(Notice.reacted_at).is_(None))
    return list(session.exec(statement).all())


def stood_in(session: Session, person: PersonId, visit: VisitId) -> bool:
    """Tell whether a person was told of a visit in place of who did not react."""
    statement = select(Notice.id).where(
        Notice.person == person, Notice.visit == visit, col(Notice.for_notice).is_not(None)
    )
    return session.exec(statement.limit(1)).first() is not None


def stood_in_once(session: Session, person: PersonId, once: str) -> bool:
    """Tell whether a person was told, in place of who did not react, what is told a single time under this key."""
    told = select(Notice.id).where(Notice.once == once)
    statement = select(Notice.id).where(Notice.person == person, col(Notice.for_notice).in_(told))
    return session.exec(statement.limit(1)).first() is not None


def open_once(session: Session, once: str) -> list[Notice]:
    """Return what was told under a key, also to the deputy in place of who did not react, and not reacted to."""
    told = select(Notice.id).where(Notice.once == once)
    statement = select(Notice).where(
        or_(col(Notice.once) == once, col(Notice.for_notice).in_(told)),
        col(Notice.reacted_at).is_(None),
    )
    return list(session.exec(statement).all())


def open_at(session: Session, path: str) -> list[Notice]:
    """Return what was told with this path to tap on, to whomever, and not reacted to."""
    statement = select(Notice).where(Notice.path == path, col(Notice.reacted_at).is_(None))
    return list(session.exec(statement).all())


def told_since(
    session: Session, person: PersonId, visitor: VisitorId, since: datetime
) -> Sequence[Notice]:
    """Return what a person was told about a visitor since a moment."""
    statement = select(Notice).where(
        Notice.person == person, Notice.visitor == visitor, col(Notice.created_at) >= since
    )
    return session.exec(statement).all()


def unanswered(session: Session, now: datetime) -> Sequence[Notice]:
    """Return the notices whose deputy is due to be told, oldest first, locked until the end of the work."""
    statement = select(Notice).where(
        col(Notice.reacted_at).is_(None),
        col(Notice.deputy_at) <= now,
        col(Notice.deputy_told_at).is_(None),
    )
    return session.exec(statement.order_by(col(Notice.id)).with_for_update()).all()


def waiting(session: Session, notices: Iterable[NoticeId]) -> Sequence[Delivery]:
    """Return the deliveries of the notices that are still to be sent."""
    statement = select(Delivery).where(
        col(Delivery.notice).in_(list(notices)), Delivery.state == DeliveryState.WAITING
    )
    return session.exec(statement).all()


def waiting_for(session: Session, channel: ChannelId) -> Sequence[Delivery]:
    """Return the deliveries that a channel is still to make."""
    statement = select(Delivery).where(
        Delivery.channel == channel, Delivery.state == DeliveryState.WAITING
    )
    return session.exec(statement).all()


def waiting_of(session: Session, person: PersonId) -> Sequence[Delivery]:
    """Return the deliveries that wait to be sent to a person."""
    statement = (
        select(Delivery)
        .join(Notice, col(Notice.id) == col(Delivery.notice))
        .where(Notice.person == person, Delivery.state == DeliveryState.WAITING)
    )
    return session.exec(statement).all()


def tests_of(session: Session, channel: ChannelId) -> Sequence[Delivery]:
    """Return the deliveries of test messages on a channel, newest first."""
    statement = (
        select(Delivery)
        .join(Notice, col(Notice.id) == col(Delivery.notice))
        .where(Delivery.channel == channel, Notice.kind == NoticeKind.TEST)
    )
    return session.exec(statement.order_by(col(Delivery.id).desc())).all()


def forget_notices(session: Session, before: datetime) -> int:
    """Delete notices told before a moment, with their deliveries; return how many."""
    return session.exec(delete(Notice).where(col(Notice.created_at) < before)).rowcount
