"""The closed lists of what hosts are told, through which channels, and what became of it."""

from enum import StrEnum


class NoticeKind(StrEnum):
    """What a host is told."""

    APPROACHING = "approaching"
    NEAR = "near"
    ARRIVED = "arrived"
    WALK_IN = "walk_in"
    """A stranger registered at the entrance and waits for somebody to let them in."""
    APPROVAL_ASKED = "approval_asked"
    """An expected visitor stands before a door that opens only when somebody says so."""
    CHANGE_WISHED = "change_wished"
    DECLINED = "declined"
    COMPANIONS = "companions"
    PHONE_MOVED = "phone_moved"
    """Another phone took the visit over."""
    IN_ROOM = "in_room"
    """A visitor sits in the meeting room, and nobody of the house is with them."""
    NO_SHOW = "no_show"
    """A visitor did not come."""
    MESSAGE = "message"
    CALL = "call"
    """A visitor rings, from the chat."""
    COMMENT = "comment"
    """A visitor wrote something in the survey."""
    LOW_SCORE = "low_score"
    """A visitor was not content."""
    TEST = "test"
    """The host asked for a test message on one channel."""


class ChannelKind(StrEnum):
    """A way to reach a host."""

    PUSH = "push"
    """Web Push (RFC 8030) to one browser."""
    SERVICE = "service"
    """A messenger or another service that apprise can speak to."""
    MAIL = "mail"
    """The address of the account; every host has it, so it is no channel to add or remove."""


class DeliveryState(StrEnum):
    """What became of a notice on one channel."""

    WAITING = "waiting"
    """To be sent: at once, after quiet hours, or again after an outage."""
    SENT = "sent"
    """The push service, the mail server or the messenger took it."""
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    """Not needed any more: the host reacted, newer news took its place, or the channel was removed."""
    QUIET = "quiet"
    """Not sent: quiet hours last longer than the news is worth anything."""


class Failure(StrEnum):
    """Why a delivery failed, or has not succeeded yet."""

    GONE = "gone"
    """The browser took its permission back, or the subscription has ended; the channel was removed."""
    UNREACHABLE = "unreachable"
    """Nobody answered, or not in time."""
    REFUSED = "refused"
    """The other side answered that it does not take this."""
    BUSY = "busy"
    """The other side asked to try again later."""
    FORBIDDEN_ADDRESS = "forbidden_address"
    """The address leads into a private network; see GENKAN_OUTBOUND_ALLOWED."""
    TOO_LARGE = "too_large"
    TOO_LATE = "too_late"
    """The news was worth nothing any more before it could be sent."""
    SEALED = "sealed"
    """The address was sealed with a master key that is lost."""
    OTHER = "other"


class QuietWay(StrEnum):
    """What happens during quiet hours to what may not pass."""

    WAIT = "wait"
    MAIL = "mail"


class MailUse(StrEnum):
    """When a host is told by mail."""

    OTHERWISE = "otherwise"
    """Where there is no other channel, or all others failed."""
    ALWAYS = "always"


URGENT = frozenset(
    {
        NoticeKind.NEAR,
        NoticeKind.ARRIVED,
        NoticeKind.WALK_IN,
        NoticeKind.APPROVAL_ASKED,
        NoticeKind.IN_ROOM,
        NoticeKind.LOW_SCORE,
        NoticeKind.CALL,
    }
)
"""A visitor stands at the door, or soon will, or left discontented: may pass quiet hours where the host allows it."""

ON_THE_WAY = frozenset({NoticeKind.APPROACHING, NoticeKind.NEAR, NoticeKind.ARRIVED})
"""Where a visitor is: a newer one of these takes the place of an older one."""

WANTS_REACTION = ON_THE_WAY | {NoticeKind.WALK_IN, NoticeKind.APPROVAL_ASKED, NoticeKind.MESSAGE}
"""When nobody reacts to these, the deputy is told."""

TOLD_ONCE = ON_THE_WAY | {NoticeKind.WALK_IN, NoticeKind.IN_ROOM, NoticeKind.NO_SHOW}
"""Told once a day for each visitor, however often it is noticed."""

WORTHLESS_AFTERWARDS = ON_THE_WAY | {NoticeKind.WALK_IN, NoticeKind.APPROVAL_ASKED}
"""Not sent any more when the visit is over."""


class MessengerKind(StrEnum):
    """A messenger that a visit can be joined to."""

    LINE = "line"
    WECOM = "wecom"
    """WeChat Work's customer service: the visitor writes from their own WeChat."""


class AccountState(StrEnum):
    """Whether a site's account at a messenger can be used."""

    CHECKING = "checking"
    """Its keys were set up and have not been tried yet."""
    READY = "ready"
    FAILING = "failing"
    """The messenger refuses the keys; somebody has to look after them."""


class JoinState(StrEnum):
    """Whether a joined visitor can be written to."""

    JOINED = "joined"
    MUTE = "mute"
    """The messenger lets us write again only once the visitor has written."""
    BLOCKED = "blocked"
    """The visitor blocked the account, or took it off their list."""


class NewsKind(StrEnum):
    """What a joined visitor is told: that there is something to read on their page, never what."""

    ANSWERED = "answered"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    PASS = "pass"  # noqa: S105  news of one, not a secret
    MESSAGE = "message"
    """Somebody wrote to them in the chat of their visit."""
    DRINK = "drink"
    """A machine on their way offers them a drink, or gives back what it could not dispense."""


class MessengerFailure(StrEnum):
    """Why a message to a messenger was not taken."""

    REMOVED = "removed"
    """The site's account is no more."""
    OUR_KEYS = "our_keys"
    """The messenger refuses the account's keys, or lets the account send nothing."""
    QUOTA = "quota"
    """The account may send no more messages in this month."""
    BLOCKED = "blocked"
    MUTE = "mute"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    FORBIDDEN_ADDRESS = "forbidden_address"
    REFUSED = "refused"
    SEALED = "sealed"
