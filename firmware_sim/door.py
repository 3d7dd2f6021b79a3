"""A door's program: drives the strike, watches contact, exit button and fire input, and tells."""

from datetime import timedelta
from functools import partial

from access_protocol.events import Alarm, Contact, ControllerEventKind, Lock
from access_protocol.ids import EventId
from firmware_sim.physical import Doorway, Lines
from firmware_sim.portal import PortalState, Reporter, Timings
from firmware_sim.scheduler import Scheduler, Timer


class Door:
    """A `Portal` with one leaf. It drives the relay only in `unlock`; all else it senses."""

    def __init__(self, doorway: Doorway, scheduler: Scheduler, timings: Timings) -> None:
        """Drive `doorway`; nothing is watched before `start`."""
        self._doorway = doorway
        self._circuit = doorway.circuit
        self._scheduler = scheduler
        self._timings = timings
        self._locked_down = False
        self._alarms: set[Alarm] = set()
        # The commands that released the lock and whose holders have not gone through yet.
        self._awaited: list[EventId] = []
        self._led_to_opening: EventId | None = None
        self._relock_at = timedelta()
        self._relock: Timer | None = None
        self._settle: Timer | None = None
        self._held: Timer | None = None
        # What was last reported, and how it stood when the contact began to move.
        self._open = doorway.leaf_open
        self._lines = doorway.circuit.lines
        self._may_open_until = timedelta()
        self._moved_while_allowed = False

    def start(self, reporter: Reporter, *, locked_down: bool) -> None:
        """See `Portal.start`."""
        self._reporter = reporter
        self._locked_down = locked_down
        self._open = self._doorway.leaf_open
        self._lines = self._circuit.lines
        # As an interrupt does, each edge keeps what the line said then, however late it is looked at.
        self._circuit.watch(lambda now: self._scheduler.post(partial(self._lines_changed, now)))
        self._doorway.watch(lambda now: self._scheduler.post(partial(self._contact_moved, now)))
        if self._open:
            self._await_closing()

    def unlock(self, pulse: timedelta, event: EventId) -> None:
        """See `Portal.unlock`. A second command while the lock is released lengthens, never shortens."""
        self._relock_at = max(self._relock_at, self._scheduler.now() + self._timings.clamped(pulse))
        if self._relock is not None:
            self._relock.cancel()
        self._relock = self._scheduler.after(
            self._relock_at - self._scheduler.now(), self._pulse_over
        )
        self._awaited.append(event)
        self._circuit.drive_relay(on=True)
        self._reporter.report(ControllerEventKind.UNLOCKED, event)
        if self._open:
            self._report_opened(detail="the door stood open")

    def lock_down(self) -> None:
        """See `Portal.lock_down`."""
        self._locked_down = True
        self._pulse_over()
        self._reporter.state_changed()

    def release(self) -> None:
        """See `Portal.release`."""
        self._locked_down = False
        self._reporter.state_changed()

    def state(self) -> PortalState:
        """See `Portal.state`."""
        locked = Lock.LOCKED_DOWN if self._locked_down else Lock.LOCKED
        return PortalState(
            lock=Lock.UNLOCKED if self._lines.released else locked,
            contact=Contact.OPEN if self._open else Contact.CLOSED,
            alarms=tuple(sorted(self._alarms)),
        )

    def _pulse_over(self) -> None:
        if self._relock is not None:
            self._relock.cancel()
            self._relock = None
        self._relock_at = self._scheduler.now()
        self._circuit.drive_relay(on=False)
        # A leaf that has begun to move just now is reported as opened once its contact rests.
        if self._settle is None:
            self._report_not_passed()

    def _report_not_passed(self) -> None:
        while self._awaited:
            self._reporter.report(ControllerEventKind.NOT_PASSED, self._awaited.pop(0))

    def _lines_changed(self, lines: Lines) -> None:
        """The lock's, the exit button's or the fire input's line changed."""
        before, self._lines = self._lines, lines
        if before.released or lines.released:
            self._may_open_until = self._scheduler.now() + self._timings.exit_grace
        if lines.exit_pressed and not before.exit_pressed:
            self._reporter.report(ControllerEventKind.REQUEST_TO_EXIT)
        if before.released and not lines.released:
            self._reporter.report(ControllerEventKind.LOCKED)
        if lines.released and not before.released and not lines.relay:
            detail = "fire input" if lines.fire else None
            self._reporter.report(ControllerEventKind.UNLOCKED, detail=detail)
        self._reporter.state_changed()

    def _contact_moved(self, to_open: bool) -> None:  # noqa: FBT001 - what the contact's line says
        if to_open:
            now = self._scheduler.now()
            self._moved_while_allowed = self._lines.released or now <= self._may_open_until
        if self._settle is not None:
            self._settle.cancel()
        self._settle = self._scheduler.after(self._timings.debounce, self._contact_rests)

    def _contact_rests(self) -> None:
        self._settle = None
        is_open = self._doorway.leaf_open
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
            self._raise_alarm(Alarm.FORCED_OPEN, ControllerEventKind.FORCED_OPEN)
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
        self._reporter.report(ControllerEventKind.CLOSED, self._led_to_opening)
        self._led_to_opening = None
        if self._alarms:
            self._alarms.clear()
            self._reporter.report(ControllerEventKind.ALARM_CLEARED)
        if self._relock is not None:
            self._pulse_over()

    def _await_closing(self) -> None:
        self._held = self._scheduler.after(self._timings.held_open_after, self._held_open)

    def _held_open(self) -> None:
        self._held = None
        if self._lines.fire:
            self._await_closing()  # an escape route is meant to stand open
            return
        self._raise_alarm(
            Alarm.HELD_OPEN, ControllerEventKind.HELD_OPEN, event=self._led_to_opening
        )

    def _raise_alarm(
        self, alarm: Alarm, what: ControllerEventKind, event: EventId | None = None
    ) -> None:
        self._alarms.add(alarm)
        self._reporter.report(what, event)
        self._reporter.state_changed()
