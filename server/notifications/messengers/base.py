"""What every messenger's adapter does: lead into the chat, hear what comes from there, and write."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import requests
from pydantic import BaseModel, ConfigDict

from server.kernel import outbound
from server.kernel.ids import MessengerAccountId
from server.kernel.outbox import SendFailed
from server.notifications.kinds import MessengerFailure, MessengerKind

LONGEST_RETRY = timedelta(minutes=5)
"""After an outage news comes this late at most."""
_OK = 200


class NotGenuine(Exception):
    """A request to a hook that the messenger did not sign, or not for this account."""


class Unreadable(Exception):
    """A signed request that cannot be read."""


class Keys(BaseModel):
    """What an administrator copies from the messenger's console; each adapter has its own."""

    model_config = ConfigDict(
        extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True, frozen=True
    )


@dataclass(frozen=True)
class Account:
    """A site's account as an adapter is given it."""

    id: MessengerAccountId
    keys: Keys
    address: str = ""
    """What `set_up` returned."""
    cursor: str = ""


@dataclass(frozen=True)
class Asked:
    """One request to a hook, as it came."""

    headers: Mapping[str, str]
    """By their names in small letters."""
    query: Mapping[str, str]
    body: bytes


class EventKind(StrEnum):
    """What somebody did in the chat."""

    WROTE = "wrote"
    ENTERED = "entered"
    """They opened the chat by a link of ours; the code in it is the event's text."""
    FOLLOWED = "followed"
    LEFT = "left"
    """They blocked the account, or refuse what it writes."""
    MUTE = "mute"
    """The messenger takes nothing for them until they write."""


@dataclass(frozen=True)
class Event:
    """Something that one user of the messenger did; what the messenger says of nobody in particular is left out."""

    id: str
    kind: EventKind
    user: str
    at: datetime
    text: str = ""
    reply: str = ""
    """A token with which this very event can be answered, once and soon."""


@dataclass(frozen=True)
class Heard:
    """What a request to a hook brought."""

    events: tuple[Event, ...] = ()
    errand: str = ""
    """Where the messenger only says that there is something: what `fetch` needs to get it."""


@dataclass(frozen=True)
class Fetched:
    """Some of what was waiting at the messenger."""

    events: tuple[Event, ...]
    cursor: str
    more: bool


@dataclass(frozen=True)
class Message:
    """One text to one user. It holds a link at most: no credential, no name, no time."""

    to: str
    text: str
    key: str
    """32 hexadecimal digits, the same at each try: the messenger takes the same one once."""
    reply: str = ""


class Messenger(Protocol):
    """One messenger. What goes out raises `SendFailed`, whose reason begins with a `MessengerFailure`."""

    kind: MessengerKind
    keys: type[Keys]

    def join_url(self, account: Account, code: str) -> str:
        """Return the address that opens the chat with the code in it."""
        ...

    def greet(self, account: Account, asked: Asked) -> str:
        """Return what the messenger wants to read when it tries out the hook, or raise `NotGenuine`."""
        ...

    def hear(self, account: Account, asked: Asked) -> Heard:
        """Return what a request says; raises `NotGenuine`, and `Unreadable` for what is signed and no message."""
        ...

    def set_up(self, account: Account, http: requests.Session) -> str:
        """Try the keys and return the address of the chat."""
        ...

    def fetch(self, account: Account, http: requests.Session, errand: str) -> Fetched:
        """Get what waits after the account's cursor."""
        ...

    def send(self, account: Account, http: requests.Session, message: Message) -> None:
        """Write one message."""
        ...


def failed(
    failure: MessengerFailure,
    why: str,
    *,
    final: bool = False,
    again_in: timedelta | None = None,
) -> SendFailed:
    """Return the error that an adapter raises; its text holds no secrets."""
    return SendFailed(
        f"{failure}: {why}", final=final, again_in=again_in, longest_retry=LONGEST_RETRY
    )


def failure_in(error: str) -> tuple[MessengerFailure | None, str]:
    """Return reason and words of an error that `failed` made."""
    reason, colon, why = error.partition(": ")
    if colon and reason in set(MessengerFailure):
        return MessengerFailure(reason), why
    return None, error


def ask(http: requests.Session, method: str, url: str, **sent: Any) -> requests.Response:  # noqa: ANN401  as requests has it
    """Send one request; raises `SendFailed` where nobody answers."""
    try:
        return http.request(method, url, **sent)
    except outbound.ForbiddenAddress as error:
        raise failed(MessengerFailure.FORBIDDEN_ADDRESS, str(error), final=True) from None
    except requests.RequestException as error:
        # Without its text, which may name an address with a token in it.
        raise failed(MessengerFailure.UNREACHABLE, type(error).__name__) from None


def read_json(answer: requests.Response) -> dict[str, Any]:
    """Return the JSON object in an answer, or an empty one."""
    try:
        found: object = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def is_ok(answer: requests.Response) -> bool:
    """Tell whether an answer is 200."""
    return answer.status_code == _OK
