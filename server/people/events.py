"""What happens to accounts, for others to react to. `actions` offers these events to them."""

from dataclasses import dataclass

from server.kernel.events import Event
from server.kernel.ids import PersonId, SessionId, TokenId
from server.kernel.principal import Right
from server.people.rules import Role


@dataclass(frozen=True, kw_only=True)
class PersonCreated(Event):
    """An account was created."""

    person: PersonId
    roles: tuple[Role, ...]


@dataclass(frozen=True, kw_only=True)
class PersonChanged(Event):
    """An account was changed."""

    person: PersonId
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PasswordLinkSent(Event):
    """Somebody was mailed a link with which they set their password."""

    person: PersonId


@dataclass(frozen=True, kw_only=True)
class HostLeft(Event):
    """Somebody leaves, and another one takes over all that they still had to do here."""

    person: PersonId
    successor: PersonId


@dataclass(frozen=True, kw_only=True)
class PersonDeactivated(Event):
    """An account was closed: its sessions and tokens ended with it."""

    person: PersonId


@dataclass(frozen=True, kw_only=True)
class SignedIn(Event):
    """Someone signed in."""

    person: PersonId
    session: SessionId


@dataclass(frozen=True, kw_only=True)
class SignInFailed(Event):
    """A sign-in failed; `person` is empty where there is no such account."""

    person: PersonId
    address: str


@dataclass(frozen=True, kw_only=True)
class SignedOut(Event):
    """A session was ended by its person."""

    person: PersonId
    session: SessionId


@dataclass(frozen=True, kw_only=True)
class TokenCreated(Event):
    """An API token was made."""

    token: TokenId
    scopes: tuple[Right, ...]


@dataclass(frozen=True, kw_only=True)
class TokenRevoked(Event):
    """An API token was taken back."""

    token: TokenId


@dataclass(frozen=True, kw_only=True)
class DeputyChanged(Event):
    """Somebody named who is told when they do not react themselves; None: nobody any more."""

    person: PersonId
    deputy: PersonId | None
