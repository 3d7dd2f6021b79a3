"""The messengers of a site, the codes on their way through them, and the visitors joined to them."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import MessengerAccountId, MessengerLinkId, VisitorId
from server.notifications.kinds import AccountState, JoinState, MessengerFailure, MessengerKind


class MessengerAccount(Record, table=True):
    """A site's account at a messenger, set up by an administrator; its keys are sealed and never shown again."""

    __tablename__ = "notifications_messenger_account"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("site", "kind"),)

    id: MessengerAccountId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3))
    kind: MessengerKind = Field(sa_type=stored_as_text(MessengerKind))
    sealed_keys: bytes
    """What the administrator typed, as JSON."""
    address: str = Field(default="", max_length=500)
    """What leads a visitor into the chat: the account's public name or link, as the messenger itself told it."""
    cursor: str = Field(default="", max_length=500)
    """How far its messages were fetched, where they have to be fetched."""
    state: AccountState = Field(sa_type=stored_as_text(AccountState))
    failure: MessengerFailure | None = Field(default=None, sa_type=stored_as_text(MessengerFailure))
    why: str = Field(default="", max_length=500)
    changed_at: datetime
    heard_at: datetime | None = None
    sent_at: datetime | None = None


class MessengerCode(Record, table=True):
    """A one-time code on its way from a visitor's page through the messenger back to us."""

    __tablename__ = "notifications_messenger_code"  # pyright: ignore[reportAssignmentType]

    code_hash: str = Field(primary_key=True, max_length=64)
    account: MessengerAccountId = Field(
        sa_type=ID_COLUMN,
        foreign_key="notifications_messenger_account.id",
        ondelete="CASCADE",
        index=True,
    )
    visitor: VisitorId = Field(
        sa_type=ID_COLUMN, foreign_key="visits_visitor.id", ondelete="CASCADE", index=True
    )
    language: Language = Field(sa_type=stored_as_text(Language))
    sealed_page: bytes
    """The address of the visitor's page and the site's name, for the first message."""
    expires_at: datetime = Field(index=True)
    forget_at: datetime


class MessengerLink(Record, table=True):
    """A visitor joined to a messenger: whom to write to. Who that is, is sealed; it goes with the visitor."""

    __tablename__ = "notifications_messenger_link"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("account", "visitor"),
        Index(None, "account", "user_hash"),
    )

    id: MessengerLinkId = Field(primary_key=True, sa_type=ID_COLUMN)
    account: MessengerAccountId = Field(
        sa_type=ID_COLUMN, foreign_key="notifications_messenger_account.id", ondelete="CASCADE"
    )
    visitor: VisitorId = Field(
        sa_type=ID_COLUMN, foreign_key="visits_visitor.id", ondelete="CASCADE", index=True
    )
    user_hash: str = Field(max_length=64)
    """SHA-256 with the account; messengers make these ids of more than 100 random bits."""
    sealed_user: bytes
    language: Language = Field(sa_type=stored_as_text(Language))
    state: JoinState = Field(sa_type=stored_as_text(JoinState))
    failure: MessengerFailure | None = Field(default=None, sa_type=stored_as_text(MessengerFailure))
    """Why the latest message did not arrive."""
    joined_at: datetime
    sent_at: datetime | None = None
    forget_at: datetime = Field(index=True)


class MessengerEvent(Record, table=True):
    """An event of a webhook that was handled: the same one again changes nothing."""

    __tablename__ = "notifications_messenger_event"  # pyright: ignore[reportAssignmentType]

    account: MessengerAccountId = Field(
        primary_key=True,
        sa_type=ID_COLUMN,
        foreign_key="notifications_messenger_account.id",
        ondelete="CASCADE",
    )
    event: str = Field(primary_key=True, max_length=64)
    """SHA-256 of the id that the messenger gave it."""
    seen_at: datetime = Field(index=True)
