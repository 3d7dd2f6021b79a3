"""A camera for which time passes only when it is read, and that can be unplugged, frozen or stuck."""

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

    `stuck` counts the reads that hang; they go on once `released` is set.
    """

    def __init__(self, time: FakeTime, told: Callable[["LivingCamera", int], None]) -> None:
        self.plugged_in = True
        self.frozen = False
        self.opened_at: list[float] = []
        self.hangs = 0
        self.stuck = threading.Semaphore(0)
        self.released = threading.Event()
        self._time = time
        self._told = told
        self._numbers = itertools.count(1)
        self._image = noise(0)

    def open(self) -> None:
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
            assert self.released.wait(20)
        if not self.plugged_in:
            raise CameraLost("camera 0 sends no picture")
        if not self.frozen:
            self._image = noise(number)
        return Frame(self._image, number, self._time.now)

    def close(self) -> None:
        pass


def noise(seed: int) -> Image:
    return np.random.default_rng(seed).integers(100, 110, (72, 128), dtype=np.uint8)
