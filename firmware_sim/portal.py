"""What a controller's protocol part asks of the portal it drives, and what the portal tells it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from access_protocol.commands import LONGEST_PULSE, Action
from access_protocol.events import Alarm, Contact, ControllerEventKind, Lock
from access_protocol.ids import EventId

SHORTEST_PULSE = timedelta(milliseconds=200)
"""A relay needs about 10 ms and a person more: a shorter pulse would open nothing."""
PORTAL_ACTIONS = frozenset({Action.UNLOCK, Action.LOCK_DOWN, Action.RELEASE})
"""What a door or turnstile can do."""


@dataclass(frozen=True, slots=True)
class Timings:
    """How a portal is set up; the installer's choice, not the sender's.

    `longest_pulse` bounds what a command may ask. `debounce` is how long a contact must rest before
    a change counts. `exit_grace` is how long after a release the leaf or the arms may still move
    without being called forced.
    """

    longest_pulse: timedelta = timedelta(seconds=10)
    held_open_after: timedelta = timedelta(seconds=20)
    debounce: timedelta = timedelta(milliseconds=50)
    exit_grace: timedelta = timedelta(seconds=3)

    def clamped(self, pulse: timedelta) -> timedelta:
        """Return the pulse that the relay really gets."""
        return max(SHORTEST_PULSE, min(pulse, self.longest_pulse, LONGEST_PULSE))


@dataclass(frozen=True, slots=True)
class PortalState:
    """What the portal's sense lines say now."""

    lock: Lock
    contact: Contact
    alarms: tuple[Alarm, ...] = ()


class Reporter(Protocol):
    """Where a portal says what happened."""

    def report(
        self,
        what: ControllerEventKind,
        event: EventId | None = None,
        detail: str | None = None,
    ) -> None:
        """Record one event; `event` is the command's that led to it."""
        ...

    def state_changed(self) -> None:
        """The portal's state may have changed; tell who shows it."""
        ...


class Portal(Protocol):
    """A door or turnstile as its controller drives it. Everything runs on the controller's loop."""

    def start(self, reporter: Reporter, *, locked_down: bool) -> None:
        """Begin to watch the sense lines and to report."""
        ...

    def unlock(self, pulse: timedelta, event: EventId) -> None:
        """Release the lock for the clamped pulse; exit and fire release are not affected."""
        ...

    def lock_down(self) -> None:
        """End what entry is under way, and let nobody in until `release`; exit goes on."""
        ...

    def release(self) -> None:
        """End the lockdown; the portal is locked as usual."""
        ...

    def state(self) -> PortalState:
        """Return what the sense lines say now."""
        ...
