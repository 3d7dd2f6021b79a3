"""What a controller's protocol part asks of the portal it drives, and what the portal tells it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from access_protocol.commands import LONGEST_PULSE, Action, Command
from access_protocol.decision import CommandRefusal
from access_protocol.events import Alarm, Contact, ControllerEventKind, Lock, SlotState
from access_protocol.ids import EventId

SHORTEST_PULSE = timedelta(milliseconds=200)
"""A relay needs about 10 ms and a person more: a shorter pulse would open nothing."""


@dataclass(frozen=True, slots=True)
class Timings:
    """How a portal is set up; the installer's choice, not the sender's.

    `longest_pulse` bounds what a command may ask. `debounce` is how long a contact must rest before
    a change counts, and `restless_after` when one that never rests is tampering. `exit_grace` is how
    long after a release the leaf or the arms may still move without being called forced, `rebound`
    the same for a leaf that fell shut. `bolt_within` is how long a bolt may take. The relay's limits:
    `longest_on` at a stretch, then `shortest_off`, and so many pulses in a minute.
    """

    longest_pulse: timedelta = timedelta(seconds=10)
    held_open_after: timedelta = timedelta(seconds=20)
    held_open_warning: timedelta = timedelta(seconds=5)
    debounce: timedelta = timedelta(milliseconds=50)
    restless_after: timedelta = timedelta(seconds=2)
    exit_grace: timedelta = timedelta(seconds=3)
    rebound: timedelta = timedelta(seconds=1)
    bolt_within: timedelta = timedelta(seconds=1)
    longest_on: timedelta = timedelta(seconds=60)
    shortest_off: timedelta = timedelta(milliseconds=100)
    pulses_a_minute: int = 120

    def clamped(self, pulse: timedelta) -> timedelta:
        """Return the pulse that the relay really gets."""
        return max(SHORTEST_PULSE, min(pulse, self.longest_pulse, LONGEST_PULSE))


@dataclass(frozen=True, slots=True)
class PortalState:
    """What the portal's sense lines say now; that it is locked down is the controller's to add."""

    lock: Lock
    contact: Contact
    alarms: tuple[Alarm, ...] = ()
    slots: tuple[SlotState, ...] = ()


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
    """A door, turnstile or machine as its controller drives it; all of it on the controller's loop."""

    @property
    def actions(self) -> frozenset[Action]:
        """What it can be told to do at all."""
        ...

    def start(self, reporter: Reporter) -> None:
        """Begin to watch the sense lines and to report."""
        ...

    def hindrance(self, command: Command) -> CommandRefusal | None:
        """Say why this command, which would be obeyed, cannot be carried out now; None: it can."""
        ...

    def carry_out(self, command: Command) -> None:
        """Let somebody in, or give something out; exit and fire release are not affected."""
        ...

    def end_entry(self) -> None:
        """Take back every entry that is under way, because of a lockdown; exit goes on."""
        ...

    def state(self) -> PortalState:
        """Return what the sense lines say now."""
        ...


class Alarms:
    """What a portal complains about for as long as it lasts, told when it begins and when it ends."""

    def __init__(self, reporter: Reporter) -> None:
        """Begin without any."""
        self._reporter = reporter
        self._lasting: set[Alarm] = set()

    @property
    def lasting(self) -> tuple[Alarm, ...]:
        """Those that last, in the order of their names."""
        return tuple(sorted(self._lasting))

    def sound(
        self,
        alarm: Alarm,
        what: ControllerEventKind,
        event: EventId | None = None,
        detail: str | None = None,
    ) -> None:
        """Report what happened, and keep the alarm from now on."""
        self._lasting.add(alarm)
        self._reporter.report(what, event, detail)
        self._reporter.state_changed()

    def clear(self, *alarms: Alarm) -> None:
        """End these alarms, as far as they last."""
        for alarm in sorted(self._lasting.intersection(alarms)):
            self._lasting.remove(alarm)
            self._reporter.report(ControllerEventKind.ALARM_CLEARED, detail=alarm)
            self._reporter.state_changed()
