"""Time as the controllers have it: a monotonic clock, timers, and one thing after the other.

Everything a controller does runs on its scheduler, each piece to its end before the next begins, as
in the main loop of a microcontroller. Messages and inputs come in by `post`, from any thread.
"""

import heapq
import itertools
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Protocol

Action = Callable[[], object]
"""What it returns is not looked at."""


class Timer:
    """One action at one time; cancelling it twice, or after it ran, does nothing."""

    def __init__(self, action: Action) -> None:
        """Hold the action until it is due."""
        self._action: Action | None = action

    def cancel(self) -> None:
        """Do not run the action any more."""
        self._action = None

    def run(self) -> None:
        """Run the action, once."""
        action, self._action = self._action, None
        if action is not None:
            action()


class Scheduler(Protocol):
    """A clock that only goes forward, and a loop that runs actions one after the other."""

    def now(self) -> timedelta:
        """Return the time on a monotonic clock; only differences mean anything."""
        ...

    def after(self, delay: timedelta, action: Action) -> Timer:
        """Run `action` once `delay` has passed, unless the timer is cancelled; call it on the loop."""
        ...

    def post(self, action: Action) -> None:
        """Run `action` as soon as the loop is free; call it from any thread."""
        ...


class _Timers:
    """What is due when; what is due at the same time runs in the order it was asked for."""

    def __init__(self) -> None:
        self._heap: list[tuple[timedelta, int, Timer]] = []
        self._order = itertools.count()

    def add(self, due: timedelta, action: Action) -> Timer:
        timer = Timer(action)
        heapq.heappush(self._heap, (due, next(self._order), timer))
        return timer

    def next_due(self) -> timedelta | None:
        return self._heap[0][0] if self._heap else None

    def take(self) -> tuple[timedelta, Timer]:
        due, _, timer = heapq.heappop(self._heap)
        return due, timer


class SimulatedScheduler:
    """Time that stands still until somebody advances it; everything is deterministic."""

    def __init__(self) -> None:
        """Begin at an arbitrary time."""
        self._now = timedelta(hours=1)
        self._timers = _Timers()
        self._posted: deque[Action] = deque()
        self._running = False

    def now(self) -> timedelta:
        """See `Scheduler.now`."""
        return self._now

    def after(self, delay: timedelta, action: Action) -> Timer:
        """See `Scheduler.after`."""
        return self._timers.add(self._now + delay, action)

    def post(self, action: Action) -> None:
        """Run the action now, or right after the one that is running."""
        self._posted.append(action)
        if self._running:
            return
        self._running = True
        try:
            while self._posted:
                self._posted.popleft()()
        finally:
            self._running = False
            self._posted.clear()

    def advance(self, by: timedelta) -> None:
        """Let time pass, running what becomes due, each at its own time."""
        end = self._now + by
        while (due := self._timers.next_due()) is not None and due <= end:
            due, timer = self._timers.take()
            self._now = max(self._now, due)
            self.post(timer.run)
        self._now = end


class RealScheduler:
    """The machine's monotonic clock, and a loop that runs on the thread that calls `run`."""

    def __init__(self) -> None:
        """Prepare the loop; nothing runs before `run`."""
        self._timers = _Timers()
        self._posted: SimpleQueue[Action] = SimpleQueue()
        self._stopping = False

    def now(self) -> timedelta:
        """See `Scheduler.now`."""
        return timedelta(seconds=time.monotonic())

    def after(self, delay: timedelta, action: Action) -> Timer:
        """See `Scheduler.after`."""
        return self._timers.add(self.now() + delay, action)

    def post(self, action: Action) -> None:
        """See `Scheduler.post`; safe in a signal handler too."""
        self._posted.put(action)

    def stop(self) -> None:
        """End `run` after what is running now; safe from any thread and in a signal handler."""
        self.post(self._stop)

    def run(self) -> None:
        """Run what is posted and what becomes due, until `stop`."""
        while not self._stopping:
            due = self._timers.next_due()
            wait = None if due is None else (due - self.now()).total_seconds()
            if wait is not None and wait <= 0:
                self._timers.take()[1].run()
                continue
            try:
                action = self._posted.get(timeout=wait)
            except Empty:
                continue
            action()
        self._stopping = False

    def _stop(self) -> None:
        self._stopping = True


class Died(Exception):
    """Raised inside an action where the power goes in the middle of it."""


class Processor:
    """A scheduler that dies: after `halt` nothing of what its firmware had planned happens."""

    def __init__(self, scheduler: Scheduler) -> None:
        """Run on `scheduler`, which goes on when this processor is dead."""
        self._scheduler = scheduler
        self._alive = True

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._alive

    def halt(self) -> None:
        """Die between two instructions, as at a power cut; the memory is lost."""
        self._alive = False

    def now(self) -> timedelta:
        """See `Scheduler.now`."""
        return self._scheduler.now()

    def after(self, delay: timedelta, action: Action) -> Timer:
        """See `Scheduler.after`."""
        return self._scheduler.after(delay, self._while_alive(action))

    def post(self, action: Action) -> None:
        """See `Scheduler.post`."""
        self._scheduler.post(self._while_alive(action))

    def _while_alive(self, action: Action) -> Action:
        def run() -> None:
            if not self._alive:
                return
            try:
                action()
            except Died:
                self._alive = False

        return run
