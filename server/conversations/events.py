"""What conversations tell the others: something was said, a person is wanted, somebody took over, it was closed."""

from dataclasses import dataclass
from typing import ClassVar

from access_protocol.ids import SiteCode
from server.conversations.rules import Author, Channel, State
from server.kernel.events import Event
from server.kernel.ids import CallId, ConversationId, MessageId, VisitId, VisitorId


@dataclass(frozen=True, kw_only=True)
class MessageSaid(Event):
    """Somebody said something, or the bot did; lines of the system are no messages."""

    audited: ClassVar[bool] = False  # the conversation itself is the record

    message: MessageId
    conversation: ConversationId
    site: SiteCode
    visit: VisitId | None
    visitor: VisitorId | None
    author: Author
    channel: Channel
    """By which way it came; what is answered goes to the ways by which the visitor wrote."""


@dataclass(frozen=True, kw_only=True)
class AnswerWanted(Event):
    """A visitor's words wait for a person: the first ones since this side has read all."""

    audited: ClassVar[bool] = False

    conversation: ConversationId
    site: SiteCode
    visit: VisitId | None
    visitor: VisitorId | None
    of: State
    """HOST or RECEPTION."""
    number: int
    """The newest message then; with the conversation it names what is told a single time."""


@dataclass(frozen=True, kw_only=True)
class HandedOver(Event):
    """A conversation went to the host, to reception, or back to the bot."""

    conversation: ConversationId
    site: SiteCode
    visit: VisitId | None
    visitor: VisitorId | None
    before: State
    to: State


@dataclass(frozen=True, kw_only=True)
class CallBegun(Event):
    """One side rings."""

    audited: ClassVar[bool] = False

    call: CallId
    conversation: ConversationId
    site: SiteCode
    visit: VisitId | None
    visitor: VisitorId | None
    """None where they wrote from a sign, without a visit."""
    by_visitor: bool


@dataclass(frozen=True, kw_only=True)
class ConversationClosed(Event):
    """A person of the house closed a conversation."""

    conversation: ConversationId
    site: SiteCode
