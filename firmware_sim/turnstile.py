"""A turnstile's program: one unlock lets one person through, and says whether anybody went."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from access_protocol.events import Alarm, Contact, ControllerEventKind, Lock
from access_protocol.ids import EventId
from firmware_sim.physical import Barrier, Lines, Passage
from firmware_sim.portal import PortalState, Reporter, Timings
from firmware_sim.scheduler import Scheduler, Timer

FORCED_ALARM_LASTS = timedelta(seconds=30)
"""Arms have no contact that would say when a forced passage is over."""


@dataclass(eq=False, slots=True)
class _Grant:
    """One person who may go through until the timer says otherwise."""

    event: EventId
    timer: Timer


class Turnstile:
    """A `Portal` with arms: the relay is on while somebody granted has not gone through yet."""

    def __init__(self, barrier: Barrier, scheduler: Scheduler, timings: Timings) -> None:
        """Drive `barrier`; nothing is watched before `start`."""
        self._barrier = barrier
        self._circuit = barrier.circuit
        self._scheduler = scheduler
        self._timings = timings
        self._grants: list[_Grant] = []
        self._locked_down = False
        self._lines = barrier.circuit.lines
        self._may_leave_until = timedelta()
        self._alarm: Timer | None = None

    def start(self, reporter: Reporter, *, locked_down: bool) -> None:
        """See `Portal.start`."""
        self._reporter = reporter
        self._locked_down = locked_down
        self._lines = self._circuit.lines
        # As an interrupt does, each edge keeps what the line said then, however late it is looked at.
        self._circuit.watch(lambda now: self._scheduler.post(partial(self._lines_changed, now)))
        self._barrier.watch(lambda way: self._scheduler.post(partial(self._somebody_passed, way)))

    def unlock(self, pulse: timedelta, event: EventId) -> None:
        """See `Portal.unlock`. Each command lets one person through, within its own pulse."""
        timer = self._scheduler.after(self._timings.clamped(pulse), lambda: self._end(grant))
        grant = _Grant(event, timer)
        self._grants.append(grant)
        self._circuit.drive_relay(on=True)
        self._reporter.report(ControllerEventKind.UNLOCKED, event)

    def lock_down(self) -> None:
        """See `Portal.lock_down`."""
        self._locked_down = True
        for grant in tuple(self._grants):
            self._end(grant)
        self._reporter.state_changed()

    def release(self) -> None:
        """See `Portal.release`."""
        self._locked_down = False
        self._reporter.state_changed()

    def state(self) -> PortalState:
        """See `Portal.state`; a turnstile has no contact."""
        locked = Lock.LOCKED_DOWN if self._locked_down else Lock.LOCKED
        return PortalState(
            lock=Lock.UNLOCKED if self._lines.released else locked,
            contact=Contact.NONE,
            alarms=() if self._alarm is None else (Alarm.FORCED_OPEN,),
        )

    def _end(self, grant: _Grant) -> None:
        """The pulse is over and nobody went through."""
        self._take_back(grant)
        self._reporter.report(ControllerEventKind.NOT_PASSED, grant.event)

    def _take_back(self, grant: _Grant) -> None:
        grant.timer.cancel()
        self._grants.remove(grant)
        if not self._grants:
            self._circuit.drive_relay(on=False)

    def _lines_changed(self, lines: Lines) -> None:
        """The lock's, the exit button's or the fire input's line changed."""
        before, self._lines = self._lines, lines
        if before.exit_pressed or lines.exit_pressed or before.fire or lines.fire:
            self._may_leave_until = self._scheduler.now() + self._timings.exit_grace
        if lines.exit_pressed and not before.exit_pressed:
            self._reporter.report(ControllerEventKind.REQUEST_TO_EXIT)
        if before.released and not lines.released:
            self._reporter.report(ControllerEventKind.LOCKED)
        if lines.released and not before.released and not lines.relay:
            detail = "fire input" if lines.fire else None
            self._reporter.report(ControllerEventKind.UNLOCKED, detail=detail)
        self._reporter.state_changed()

    def _somebody_passed(self, passage: Passage) -> None:
        may_leave = self._lines.fire or self._scheduler.now() <= self._may_leave_until
        if passage is Passage.INWARD and self._grants:
            grant = self._grants[0]
            self._reporter.report(ControllerEventKind.PASSED, grant.event)
            self._take_back(grant)
        elif self._lines.exit_pressed or may_leave:
            self._reporter.report(ControllerEventKind.PASSED, detail=passage)
        else:
            self._forced()

    def _forced(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._scheduler.after(FORCED_ALARM_LASTS, self._clear_alarm)
        self._reporter.report(ControllerEventKind.FORCED_OPEN)
        self._reporter.state_changed()

    def _clear_alarm(self) -> None:
        self._alarm = None
        self._reporter.report(ControllerEventKind.ALARM_CLEARED)
        self._reporter.state_changed()
