"""What conversations are made of: who speaks, through which channel, whose turn it is, and how much may be said."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from server.kernel.text import Line, Lines

LONGEST_MESSAGE = 2000
"""Characters of one message."""
MOST_FILES = 4
"""Files in one message."""
MOST_MESSAGES = 2000
"""Messages in one conversation; whoever has said so much is asked to call."""
MOST_FILES_KEPT = 60
"""Files in one conversation."""
MOST_BEGUN = 60
"""Conversations that phones without a visit may begin at one site within `BEGUN_WITHIN`."""
BEGUN_WITHIN = timedelta(minutes=10)
MOST_OF_STRANGERS = 512 * 1024 * 1024
"""Bytes of files that a site keeps of those without a visit: anybody may scan a sign, and nobody fills our disk."""
MOST_A_MINUTE = 12
"""Messages of one visitor in a minute: more is no conversation."""
HOST_REACTS_WITHIN = timedelta(minutes=3)
"""As long as a visitor waits for the host before reception takes over, where the site says nothing else."""
LONGEST_NICKNAME = 100
"""As long as a visitor's name: nobody is called by half of theirs."""
LONGEST_KEY = 200
AVATARS = ("mountain", "leaf", "wave", "fish", "bird", "lantern", "cup", "moon")
"""The drawn pictures that somebody may choose instead of a photo; each is a symbol in icons.svg."""

Nickname = Annotated[Line, Field(max_length=LONGEST_NICKNAME)]
MessageText = Annotated[Lines, Field(max_length=LONGEST_MESSAGE)]


class State(StrEnum):
    """Whose turn it is to answer the visitor."""

    BOT = "bot"
    """The site's list of questions answers."""
    HOST = "host"
    RECEPTION = "reception"
    CLOSED = "closed"
    """Nobody waits for anything; the visitor's next words open it again."""


class Author(StrEnum):
    """Who said something."""

    VISITOR = "visitor"
    BOT = "bot"
    HOST = "host"
    RECEPTION = "reception"
    SYSTEM = "system"
    """Nobody: a line that says what became of the conversation."""


class Side(StrEnum):
    """Who reads: each side has its own read mark."""

    VISITOR = "visitor"
    HOST = "host"
    RECEPTION = "reception"


class Channel(StrEnum):
    """The way by which a message came."""

    PAGE = "page"
    LINE = "line"
    WECOM = "wecom"
    MAIL = "mail"


class Note(StrEnum):
    """What bot and system say besides answers from the list: worded in the reader's language, see `wording`."""

    GREETING = "greeting"
    UNKNOWN = "unknown"
    """The bot does not know, and asks a person."""
    FILE_RECEIVED = "file_received"
    """A file came while the bot answers: a person looks at it."""
    ASKED_HOST = "asked_host"
    ASKED_RECEPTION = "asked_reception"
    HOST_SILENT = "host_silent"
    """The host did not answer in time: reception is asked."""
    HOST_AWAY = "host_away"
    """The host is outside their hours: reception is asked."""
    PASSED_TO_RECEPTION = "passed_to_reception"
    PASSED_TO_HOST = "passed_to_host"
    GIVEN_BACK = "given_back"
    """A person let the bot answer again."""
    CLOSED = "closed"
    CALLED = "called"
    """They spoke; the message's text is the number of minutes."""
    CALL_MISSED = "call_missed"
    CALL_DECLINED = "call_declined"


ON_THE_SIDE = {
    Author.VISITOR: Side.VISITOR,
    Author.HOST: Side.HOST,
    Author.RECEPTION: Side.RECEPTION,
}
"""Whose words count as read by whom as soon as they are said."""


def after_person(author: Author) -> State:
    """Return the state once a person spoke for the house: they have taken over, and the bot is quiet."""
    return State.HOST if author is Author.HOST else State.RECEPTION


def bot_may_speak(state: State) -> bool:
    """Tell whether the bot may say something now."""
    return state is State.BOT


def mark(before: int, read: int, last: int) -> int:
    """Return a read mark moved on: never back, and never beyond what was said."""
    return max(before, min(read, last))
