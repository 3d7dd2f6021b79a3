"""Keeps one reader's device going: notices that it is gone or hangs, and opens it anew.

Each device is used by a thread of its own. A thread that hangs in a driver cannot be ended: it is
given up, another one opens the device anew, and what the first may still bring is not looked at.
"""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Generic, Protocol, TypeVar

from gate_agent.camera import RecordingEnded
from gate_agent.eyes import Eyes
from gate_agent.health import ReaderGauge
from gate_agent.logs import Log
from gate_agent.source import Source, SourceLost, Wait

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 1.0
"""A device that is plugged in again is tried within a second; trying costs next to nothing."""

HUNG_AFTER = timedelta(seconds=3.5)
"""No device of ours lets a read take longer than 3 s by itself."""

OPENING_HUNG_AFTER = timedelta(seconds=10)
"""A slow webcam needs up to 5 s to be opened."""

LONGEST_REOPENING = timedelta(minutes=1)
"""One that hangs again is opened anew after the times above, doubled each time up to this."""

MOST_STUCK = 3
"""Threads given up that may hang at once; the driver is then beyond help, and each costs memory."""

_Seen = TypeVar("_Seen")
_Given = TypeVar("_Given")

log = Log(__name__)


class Watch(Protocol):
    """`start` it, call `tick` several times a second, and `join` it when the program is to stop."""

    def start(self) -> None:
        """Open the device and look, in a thread of its own."""
        ...

    def tick(self) -> None:
        """Notice a device that hangs, and open it anew in another thread."""
        ...

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended; one that hangs in a driver is not waited for."""
        ...


class SourceWatch(Generic[_Seen]):
    """A `Watch` over one camera or scan engine."""

    def __init__(
        self,
        eyes: Eyes[_Seen],
        *,
        look: Callable[[tuple[str, ...]], None],
        say: Callable[[str | None], None],
        gauge: ReaderGauge,
        stop: threading.Event,
        moment: Callable[[], float] = time.monotonic,
        wait: Wait | None = None,
    ) -> None:
        """`look` gets the texts that stand before the reader, and `say` what is wrong with the device.

        `look` gets none of them too, and `say` None when the device works again. `moment` counts
        seconds; `wait` lets them pass and returns early where the program is to stop.
        """
        self._eyes = eyes
        self._look = look
        self._say = say
        self._gauge = gauge
        self._stop = stop
        self._wait: Wait = wait or stop.wait
        self._moment = moment
        self._lock = threading.Lock()
        self._turn = 0
        self._thread: threading.Thread | None = None
        self._stuck: list[threading.Thread] = []
        self._called_at: float | None = None
        self._hung_after = HUNG_AFTER.total_seconds()
        self._factor = 1.0

    def start(self) -> None:
        """See `Watch.start`."""
        with self._lock:
            self._turn += 1
            self._called_at = None
            self._thread = threading.Thread(
                target=self._work,
                args=(self._turn,),
                name=f"reader-{self._gauge.point}-{self._turn}",
                daemon=True,
            )
        self._thread.start()

    def join(self, seconds: float) -> None:
        """See `Watch.join`."""
        if self._thread is not None:
            self._thread.join(seconds)

    def tick(self) -> None:
        """See `Watch.tick`."""
        with self._lock:
            since, thread = self._called_at, self._thread
            if since is None or thread is None or self._stop.is_set():
                return
            waited = self._moment() - since
            if waited < self._hung_after:
                return
            self._stuck = [one for one in self._stuck if one.is_alive()]
            longest = max(LONGEST_REOPENING.total_seconds(), self._hung_after)
            patience = min(self._hung_after * self._factor, longest)
            give_up = waited >= patience and len(self._stuck) < MOST_STUCK
            if give_up:
                self._stuck.append(thread)
                self._factor *= 2
                # What the stuck thread may still bring is of an earlier turn from here on.
                self._turn += 1
        self._fails(f"the {self._eyes.name} hangs")
        if give_up:
            self.start()

    def _work(self, turn: int) -> None:
        source = self._eyes.make()
        pause = FIRST_PAUSE_S
        while self._goes_on(turn):
            try:
                self._call(turn, OPENING_HUNG_AFTER, source.open)
                while self._goes_on(turn):
                    seen = self._call(turn, HUNG_AFTER, source.read)
                    pause = FIRST_PAUSE_S
                    with self._gauge.at_work():
                        if self._goes_on(turn) and self._eyes.is_new(seen):
                            self._works()
                            self._look(self._eyes.texts(seen))
            except RecordingEnded:
                log.info("recording_ended", access_point=self._gauge.point)
                self._gauge.running.set()
                self._stop.wait()
            except Exception as why:
                if not isinstance(why, SourceLost):
                    log.exception("reader_failed", access_point=self._gauge.point)
                if self._goes_on(turn):
                    self._fails(_said_of(why))
                    if not self._call(turn, HUNG_AFTER, partial(self._closed, source)):
                        source = self._eyes.make()
                    self._wait(pause)
                    pause = min(pause * 2, LONGEST_PAUSE_S)
        self._closed(source)

    def _closed(self, source: Source[_Seen]) -> bool:
        """Close it; False where its driver fails at that too: nobody knows then what it still holds."""
        try:
            source.close()
        except Exception:  # whatever a driver raises: the thread that opens it anew must go on
            log.exception("reader_not_closed", access_point=self._gauge.point)
            return False
        return True

    def _goes_on(self, turn: int) -> bool:
        return turn == self._turn and not self._stop.is_set()

    def _call(self, turn: int, at_most: timedelta, work: Callable[[], _Given]) -> _Given:
        """Do what may hang, with the time noted."""
        self._note(turn, self._moment(), at_most)
        try:
            return work()
        finally:
            self._note(turn, None, at_most)

    def _note(self, turn: int, called_at: float | None, at_most: timedelta) -> None:
        with self._lock:
            if turn == self._turn:
                self._called_at = called_at
                self._hung_after = at_most.total_seconds()

    def _works(self) -> None:
        self._factor = 1.0
        if self._gauge.trouble is not None:
            self._gauge.trouble = None
            self._say(None)
        self._gauge.running.set()

    def _fails(self, why: str) -> None:
        if self._gauge.trouble != why:
            log.warning("reader_lost", access_point=self._gauge.point, why=why)
            self._gauge.trouble = why
            self._say(why)
        self._gauge.running.set()


def _said_of(why: Exception) -> str:
    if isinstance(why, SourceLost):
        return str(why)
    return f"an error in this program: {type(why).__name__}"
