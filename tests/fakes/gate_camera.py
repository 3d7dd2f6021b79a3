"""A camera for which time passes only when it is read: it can be unplugged, freeze, go black or hang."""

import itertools
import threading
from collections.abc import Callable

import numpy as np

from gate_agent.camera import CameraLost, Frame
from gate_agent.vision import Image
from tests.fakes.pacing import FakeTime

FRAME_S = 0.5


class LivingCamera:
    """`told` is asked before each opening (0) and each frame (its number), and sets what happens.

    A frozen one hands out its last `buffers` pictures in turn. `stuck` counts the reads that hang;
    they go on once `released` is set.
    """

    def __init__(self, time: FakeTime, told: Callable[["LivingCamera", int], None]) -> None:
        self.plugged_in = True
        self.frozen = False
        self.black = False
        self.closing_fails = False
        self.buffers = 1
        self.opened_at: list[float] = []
        self.hangs = 0
        self.stuck = threading.Semaphore(0)
        self.released = threading.Event()
        self._time = time
        self._told = told
        self._numbers = itertools.count(1)
        self._pictures = [hall(0)]
        self._since_opened = 0

    def open(self) -> None:
        self._since_opened = 0
        self.opened_at.append(self._time.now)
        self._told(self, 0)
        if not self.plugged_in:
            raise CameraLost("camera 0 cannot be opened")

    def read(self) -> Frame:
        number = next(self._numbers)
        self._time.now += FRAME_S
        self._told(self, number)
        if self.hangs:
            self.hangs -= 1
            self.stuck.release()
            assert self.released.wait(120)
        if not self.plugged_in:
            raise CameraLost("camera 0 sends no picture")
        if not self.frozen:
            self._pictures.append(darkness(number) if self.black else hall(number))
        self._since_opened += 1
        shown = self._pictures[-self.buffers :]
        return Frame(shown[number % len(shown)], self._since_opened, self._time.now)

    def close(self) -> None:
        if self.closing_fails:
            raise RuntimeError("the driver is confused")


def hall(seed: int) -> Image:
    """A wall that is brighter on one side, and the sensor's noise."""
    wall = np.linspace(60, 200, 128, dtype=np.uint8)[None, :].repeat(72, axis=0)
    return wall + np.random.default_rng(seed).integers(0, 10, (72, 128), dtype=np.uint8)


def darkness(seed: int) -> Image:
    """Nothing but the sensor's noise."""
    return np.random.default_rng(seed).integers(0, 10, (72, 128), dtype=np.uint8)
