"""Keeps one reader's camera going: notices that it is gone, hangs or stands still, and opens it anew.

Each camera is used by a thread of its own. A thread that hangs in a driver cannot be ended: it is
given up, another one opens the camera anew, and what the first may still bring is not looked at.
"""

import threading
import time
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from gate_agent.camera import Camera, CameraLost, Frame, RecordingEnded
from gate_agent.camera.replay import Wait
from gate_agent.health import ReaderGauge
from gate_agent.logs import Log

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
"""A camera that is plugged in again is there within a few seconds; half a minute is a bearable wait."""

FROZEN_AFTER = timedelta(seconds=10)
"""A living camera's picture is never twice the same, because of its noise. Ten seconds forgive a
driver that repeats a frame now and then."""

HUNG_AFTER = timedelta(seconds=10)
"""OpenCV gives up on a silent camera after 3 s, and a slow webcam needs up to 5 s to be opened."""

LONGEST_REOPENING = timedelta(minutes=5)
"""Frozen and hanging cameras are opened anew after the times above, doubled each time up to this."""

MOST_STUCK = 3
"""Threads given up that may hang at once; the driver is then beyond help, and each costs memory."""

_Given = TypeVar("_Given")

log = Log(__name__)


class CameraWatch:
    """`start` it, call `tick` several times a second, and `join` it once `stop` is set."""

    def __init__(
        self,
        make_camera: Callable[[], Camera],
        *,
        look: Callable[[Frame], None],
        say: Callable[[str | None], None],
        gauge: ReaderGauge,
        stop: threading.Event,
        can_freeze: bool = False,
        moment: Callable[[], float] = time.monotonic,
        wait: Wait | None = None,
    ) -> None:
        """`look` gets each new frame; `say` what is wrong with the camera, and None when it works.

        `can_freeze`: the camera is a living one, whose picture always changes a little. `moment`
        counts seconds; `wait` lets them pass and returns early where the program is to stop.
        """
        self._make_camera = make_camera
        self._look = look
        self._say = say
        self._gauge = gauge
        self._stop = stop
        self._wait: Wait = wait or stop.wait
        self._can_freeze = can_freeze
        self._moment = moment
        self._lock = threading.Lock()
        self._turn = 0
        self._thread: threading.Thread | None = None
        self._stuck: list[threading.Thread] = []
        self._called_at: float | None = None
        self._hung_after = HUNG_AFTER
        self._print: int | None = None
        self._print_since = 0.0
        self._frozen_after = FROZEN_AFTER

    def start(self) -> None:
        """Open the camera and look, in a thread of its own."""
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
        """Wait until the thread has ended; one that hangs in a driver is not waited for."""
        if self._thread is not None:
            self._thread.join(seconds)

    def tick(self) -> None:
        """Notice a camera that hangs, and open it anew in another thread."""
        with self._lock:
            since, thread = self._called_at, self._thread
            if since is None or thread is None or self._stop.is_set():
                return
            waited = self._moment() - since
            if waited < HUNG_AFTER.total_seconds():
                return
            self._stuck = [one for one in self._stuck if one.is_alive()]
            give_up = waited >= self._hung_after.total_seconds() and len(self._stuck) < MOST_STUCK
            if give_up:
                self._stuck.append(thread)
                self._hung_after = min(self._hung_after * 2, LONGEST_REOPENING)
                # What the stuck thread may still bring is of an earlier turn from here on.
                self._turn += 1
        self._fails("the camera hangs")
        if give_up:
            self.start()

    def _work(self, turn: int) -> None:
        camera = self._make_camera()
        pause = FIRST_PAUSE_S
        while self._goes_on(turn):
            try:
                self._call(turn, camera.open)
                while self._goes_on(turn):
                    frame = self._call(turn, camera.read)
                    pause = FIRST_PAUSE_S
                    if self._goes_on(turn) and self._is_new(frame):
                        self._works()
                        self._look(frame)
            except RecordingEnded:
                log.info("recording_ended", access_point=self._gauge.point)
                self._gauge.running.set()
                self._stop.wait()
            except Exception as why:
                if not isinstance(why, CameraLost):
                    log.exception("reader_failed", access_point=self._gauge.point)
                if self._goes_on(turn):
                    self._fails(_said_of(why))
                    self._call(turn, camera.close)
                    self._wait(pause)
                    pause = min(pause * 2, LONGEST_PAUSE_S)
        camera.close()

    def _goes_on(self, turn: int) -> bool:
        return turn == self._turn and not self._stop.is_set()

    def _call(self, turn: int, work: Callable[[], _Given]) -> _Given:
        """Do what may hang, with the time noted."""
        self._note(turn, self._moment())
        try:
            return work()
        finally:
            self._note(turn, None)

    def _note(self, turn: int, called_at: float | None) -> None:
        with self._lock:
            if turn == self._turn:
                self._called_at = called_at

    def _is_new(self, frame: Frame) -> bool:
        """Tell whether a living camera's frame is another than the last one, also after a reopening."""
        if not self._can_freeze:
            return True
        now, print_ = self._moment(), zlib.crc32(frame.image[::4, ::4].tobytes())
        if print_ != self._print:
            self._print, self._print_since = print_, now
            self._frozen_after = FROZEN_AFTER
            return True
        if now - self._print_since >= self._frozen_after.total_seconds():
            self._print_since = now
            self._frozen_after = min(self._frozen_after * 2, LONGEST_REOPENING)
            raise CameraLost("the camera's picture stands still")
        return False

    def _works(self) -> None:
        self._hung_after = HUNG_AFTER
        if self._gauge.trouble is not None:
            self._gauge.trouble = None
            self._say(None)
        self._gauge.running.set()

    def _fails(self, why: str) -> None:
        if self._gauge.trouble != why:
            log.warning("camera_lost", access_point=self._gauge.point, why=why)
            self._gauge.trouble = why
            self._say(why)
        self._gauge.running.set()


def _said_of(why: Exception) -> str:
    if isinstance(why, CameraLost):
        return str(why)
    return f"an error in this program: {type(why).__name__}"
