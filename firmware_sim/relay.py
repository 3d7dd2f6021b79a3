"""A relay with limits of its own: how long on, how long off between, how often; whoever commands."""

from collections import deque
from collections.abc import Callable
from datetime import timedelta

from firmware_sim.portal import Timings
from firmware_sim.scheduler import Scheduler, Timer

_MINUTE = timedelta(minutes=1)


class Relay:
    """Drives one output within the limits of `Timings`; `drive` sets the pin."""

    def __init__(
        self, drive: Callable[[bool], None], scheduler: Scheduler, timings: Timings
    ) -> None:
        """Begin off, as after every boot."""
        self._drive = drive
        self._scheduler = scheduler
        self._timings = timings
        self._wanted = False
        self._on = False
        self._off_since: timedelta | None = None
        self._next: Timer | None = None
        self._pulses: deque[timedelta] = deque(maxlen=timings.pulses_a_minute)

    @property
    def exhausted(self) -> bool:
        """Whether one pulse more would be one too many in this minute."""
        full = len(self._pulses) == self._timings.pulses_a_minute
        return not self._wanted and full and self._scheduler.now() - self._pulses[0] < _MINUTE

    def on(self) -> None:
        """Switch on, as soon as it has been off for long enough."""
        if self._wanted:
            return
        self._wanted = True
        self._pulses.append(self._scheduler.now())
        self._switch_on_when_rested()

    def off(self) -> None:
        """Switch off, at once."""
        self._wanted = False
        self._switch_off()

    def _switch_on_when_rested(self) -> None:
        now, rested = self._scheduler.now(), self._scheduler.now()
        if self._off_since is not None:
            rested = self._off_since + self._timings.shortest_off
        if rested > now:
            self._plan(rested - now, self._switch_on_when_rested)
            return
        self._on = True
        self._plan(self._timings.longest_on, self._rest)
        self._drive(True)  # noqa: FBT003 - what the pin says

    def _rest(self) -> None:
        """It has been on for as long as any coil may: off for a moment, whoever still waits."""
        self._switch_off()
        self._switch_on_when_rested()

    def _switch_off(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._on:
            self._off_since = self._scheduler.now()
        self._on = False
        self._drive(False)  # noqa: FBT003 - what the pin says

    def _plan(self, delay: timedelta, action: Callable[[], None]) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = self._scheduler.after(delay, action)
