"""A turnstile's program: one unlock lets one person through, and says whether anybody went."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from access_protocol.commands import Action, Command
from access_protocol.decision import CommandRefusal
from access_protocol.events import Alarm, Contact, ControllerEventKind
from access_protocol.ids import EventId
from firmware_sim.lock_control import LockControl
from firmware_sim.physical import Barrier, Lines, Passage
from firmware_sim.portal import Alarms, PortalState, Reporter, Timings
from firmware_sim.scheduler import Scheduler, Timer

FORCED_ALARM_LASTS = timedelta(seconds=30)
"""Arms have no contact that would say when a forced passage is over."""
MOST_GRANTED = 16
"""People who may be granted access and not have passed yet; more do not fit before the arms."""


@dataclass(eq=False, slots=True)
class _Grant:
    """One person who may go through until the timer says otherwise."""

    event: EventId
    timer: Timer


class Turnstile:
    """A `Portal` with arms: the relay is on while somebody granted has not gone through yet."""

    actions = frozenset({Action.UNLOCK, Action.LOCK_DOWN, Action.RELEASE})

    def __init__(self, barrier: Barrier, scheduler: Scheduler, timings: Timings) -> None:
        """Drive `barrier`; nothing is watched before `start`."""
        self._barrier = barrier
        self._lock = LockControl(barrier.circuit, scheduler, timings)
        self._scheduler = scheduler
        self._timings = timings
        self._grants: list[_Grant] = []
        self._may_leave_until = timedelta()
        self._forced_lasts: Timer | None = None

    def start(self, reporter: Reporter) -> None:
        """See `Portal.start`."""
        self._reporter, self._alarms = reporter, Alarms(reporter)
        self._lock.start(reporter, self._alarms, self._lines_changed)
        self._barrier.wire(lambda way: self._scheduler.post(partial(self._somebody_passed, way)))

    def hindrance(self, command: Command) -> CommandRefusal | None:
        """See `Portal.hindrance`."""
        return CommandRefusal.BUSY if len(self._grants) >= MOST_GRANTED else self._lock.hindrance

    def carry_out(self, command: Command) -> None:
        """See `Portal.carry_out`. Each unlock lets one person through, within its own pulse."""
        pulse = self._timings.clamped(command.pulse)
        timer = self._scheduler.after(pulse, lambda: self._end(grant))
        grant = _Grant(command.event, timer)
        self._grants.append(grant)
        self._lock.release(command.event)

    def end_entry(self) -> None:
        """See `Portal.end_entry`."""
        for grant in tuple(self._grants):
            self._end(grant)

    def state(self) -> PortalState:
        """See `Portal.state`; a turnstile has no contact."""
        return PortalState(lock=self._lock.state, contact=Contact.NONE, alarms=self._alarms.lasting)

    def _end(self, grant: _Grant) -> None:
        """The pulse is over and nobody went through."""
        self._take_back(grant)
        self._reporter.report(ControllerEventKind.NOT_PASSED, grant.event)

    def _take_back(self, grant: _Grant) -> None:
        grant.timer.cancel()
        self._grants.remove(grant)
        if not self._grants:
            self._lock.engage()

    def _lines_changed(self, before: Lines, lines: Lines) -> None:
        if before.exit_pressed or lines.exit_pressed or before.fire or lines.fire:
            self._may_leave_until = self._scheduler.now() + self._timings.exit_grace

    def _somebody_passed(self, passage: Passage) -> None:
        lines = self._lock.lines
        may_leave = lines.exit_pressed or lines.fire
        may_leave = may_leave or self._scheduler.now() <= self._may_leave_until
        if passage is Passage.INWARD and self._grants:
            grant = self._grants[0]
            self._reporter.report(ControllerEventKind.PASSED, grant.event)
            self._take_back(grant)
        elif may_leave:
            self._reporter.report(ControllerEventKind.PASSED, detail=passage)
        else:
            self._forced()

    def _forced(self) -> None:
        if self._forced_lasts is not None:
            self._forced_lasts.cancel()
        self._forced_lasts = self._scheduler.after(FORCED_ALARM_LASTS, self._forced_is_over)
        self._alarms.sound(Alarm.FORCED_OPEN, ControllerEventKind.FORCED_OPEN)

    def _forced_is_over(self) -> None:
        self._forced_lasts = None
        self._alarms.clear(Alarm.FORCED_OPEN)
