"""A door's program: drives the strike, watches contact, exit button and fire input, and tells."""

from datetime import timedelta
from functools import partial

from access_protocol.commands import Action, Command
from access_protocol.decision import CommandRefusal
from access_protocol.events import Alarm, Contact, ControllerEventKind
from access_protocol.ids import EventId
from firmware_sim.lock_control import LockControl
from firmware_sim.physical import Doorway, Lines
from firmware_sim.portal import Alarms, PortalState, Reporter, Timings
from firmware_sim.scheduler import Scheduler, Timer

MOST_AWAITED = 16
"""People who may be granted access and not have gone through yet; more is nobody at a door."""


class Door:
    """A `Portal` with one leaf."""

    actions = frozenset({Action.UNLOCK, Action.LOCK_DOWN, Action.RELEASE})

    def __init__(self, doorway: Doorway, scheduler: Scheduler, timings: Timings) -> None:
        """Drive `doorway`; nothing is watched before `start`."""
        self._doorway = doorway
        self._lock = LockControl(doorway.circuit, scheduler, timings)
        self._scheduler = scheduler
        self._timings = timings
        # The commands that released the lock and whose holders have not gone through yet.
        self._awaited: list[EventId] = []
        self._led_to_opening: EventId | None = None
        self._relock_at = timedelta()
        self._relock: Timer | None = None
        self._settle: Timer | None = None
        self._restless_since: timedelta | None = None
        self._held: Timer | None = None
        # What was last reported, and how it stood when the contact began to move.
        self._open = doorway.contact_open
        self._may_open_until = timedelta()
        self._moved_while_allowed = False

    def start(self, reporter: Reporter) -> None:
        """See `Portal.start`."""
        self._reporter, self._alarms = reporter, Alarms(reporter)
        self._open = self._doorway.contact_open
        self._doorway.drive_sounder(on=False)
        self._lock.start(reporter, self._alarms, self._lines_changed)
        self._doorway.wire(lambda now: self._scheduler.post(partial(self._contact_moved, now)))
        if self._open:
            self._await_closing()

    def hindrance(self, command: Command) -> CommandRefusal | None:
        """See `Portal.hindrance`."""
        return CommandRefusal.BUSY if len(self._awaited) >= MOST_AWAITED else self._lock.hindrance

    def carry_out(self, command: Command) -> None:
        """See `Portal.carry_out`. A second unlock lengthens the pulse, and never shortens it."""
        now = self._scheduler.now()
        self._relock_at = max(self._relock_at, now + self._timings.clamped(command.pulse))
        if self._relock is not None:
            self._relock.cancel()
        self._relock = self._scheduler.after(self._relock_at - now, self._pulse_over)
        self._awaited.append(command.event)
        self._lock.release(command.event)
        if self._open:
            self._report_opened(detail="the door stood open")

    def end_entry(self) -> None:
        """See `Portal.end_entry`."""
        self._pulse_over()

    def state(self) -> PortalState:
        """See `Portal.state`."""
        return PortalState(
            lock=self._lock.state,
            contact=Contact.OPEN if self._open else Contact.CLOSED,
            alarms=self._alarms.lasting,
        )

    def _pulse_over(self) -> None:
        if self._relock is not None:
            self._relock.cancel()
            self._relock = None
        self._relock_at = self._scheduler.now()
        self._lock.engage()
        # A leaf that has begun to move just now is reported as opened once its contact rests.
        if self._settle is None:
            self._report_not_passed()

    def _report_not_passed(self) -> None:
        while self._awaited:
            self._reporter.report(ControllerEventKind.NOT_PASSED, self._awaited.pop(0))

    def _lines_changed(self, before: Lines, lines: Lines) -> None:
        if before.released or lines.released:
            self._allow_opening_for(self._timings.exit_grace)

    def _allow_opening_for(self, moment: timedelta) -> None:
        self._may_open_until = max(self._may_open_until, self._scheduler.now() + moment)

    def _contact_moved(self, to_open: bool) -> None:  # noqa: FBT001 - what the contact's line says
        now = self._scheduler.now()
        if to_open:
            self._moved_while_allowed = self._lock.lines.released or now <= self._may_open_until
        if self._settle is not None:
            self._settle.cancel()
        self._settle = self._scheduler.after(self._timings.debounce, self._contact_rests)
        if self._restless_since is None:
            self._restless_since = now
        elif now - self._restless_since >= self._timings.restless_after:
            self._lock.tampered("contact", is_so=True)

    def _contact_rests(self) -> None:
        self._settle = self._restless_since = None
        self._lock.tampered("contact", is_so=False)
        is_open = self._doorway.contact_open
        if is_open != self._open:
            self._open = is_open
            if is_open:
                self._opened()
            else:
                self._closed()
            self._reporter.state_changed()
        if self._relock is None:
            self._report_not_passed()

    def _opened(self) -> None:
        if not self._moved_while_allowed:
            self._alarms.sound(Alarm.FORCED_OPEN, ControllerEventKind.FORCED_OPEN)
            return
        self._report_opened()
        self._await_closing()

    def _report_opened(self, detail: str | None = None) -> None:
        events = self._awaited or [None]
        self._led_to_opening = events[-1]
        for event in events:
            self._reporter.report(ControllerEventKind.OPENED, event, detail)
        self._awaited = []

    def _closed(self) -> None:
        if self._held is not None:
            self._held.cancel()
            self._held = None
        self._doorway.drive_sounder(on=False)
        self._allow_opening_for(self._timings.rebound)
        self._reporter.report(ControllerEventKind.CLOSED, self._led_to_opening)
        self._led_to_opening = None
        self._alarms.clear(Alarm.HELD_OPEN, Alarm.FORCED_OPEN)
        if self._relock is not None:
            self._pulse_over()

    def _await_closing(self) -> None:
        until_warning = self._timings.held_open_after - self._timings.held_open_warning
        self._held = self._scheduler.after(max(until_warning, timedelta()), self._warn)

    def _warn(self) -> None:
        """Ask those who stand there to close it, before anybody else hears of it."""
        warning = min(self._timings.held_open_warning, self._timings.held_open_after)
        self._doorway.drive_sounder(on=not self._lock.lines.fire)
        self._held = self._scheduler.after(warning, self._held_open)

    def _held_open(self) -> None:
        self._held = None
        if self._lock.lines.fire:
            self._doorway.drive_sounder(on=False)
            self._await_closing()  # an escape route is meant to stand open
            return
        self._alarms.sound(Alarm.HELD_OPEN, ControllerEventKind.HELD_OPEN, self._led_to_opening)
