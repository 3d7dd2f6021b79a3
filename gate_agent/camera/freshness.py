"""Tells whether a living camera's picture is a new one, and notices one that froze or went black."""

import time
import zlib
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import cast

import numpy as np

from gate_agent.camera.base import CameraLost, Frame
from gate_agent.vision import Image, cv2

STILL_AFTER = timedelta(seconds=3)
"""A living camera's picture is never twice the same, because of its noise. Three seconds forgive a
driver that repeats a frame now and then, and an exposure that is still finding its way."""

LONGEST_PATIENCE = timedelta(minutes=1)
"""A camera that stays so after it was opened anew is opened anew ever more seldom, up to this."""

STANDS_STILL = "the camera's picture stands still"
SHOWS_NOTHING = "the camera's picture is black, or all of one colour: is something before its lens?"

_REMEMBERED = 8
"""A driver that hangs may hand out its few buffers in turn."""
_CELLS = (16, 9)
_FLAT = 1.5
"""Grey levels: the spread of a picture's cells that shows nothing but noise."""
_BLACK = 12
"""Grey levels: no cell of a black picture is brighter."""


class Freshness:
    """Of one reader's camera, also across reopenings; asked about each frame, one after the other."""

    def __init__(
        self,
        *,
        still_after: timedelta = STILL_AFTER,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        """`moment` counts seconds."""
        self._still_after = self._patience = still_after.total_seconds()
        self._moment = moment
        self._prints: deque[int] = deque(maxlen=_REMEMBERED)
        self._since = 0.0

    def is_new(self, frame: Frame) -> bool:
        """Whether to read this frame.

        Raises `CameraLost` when there was none to read for too long, so that the camera is opened
        anew.
        """
        now = self._moment()
        if frame.number == 1:
            self._since = now  # what was before the camera was opened counts no more
        print_ = zlib.crc32(frame.image[::4, ::4].tobytes())
        if print_ in self._prints:
            trouble = STANDS_STILL
        else:
            self._prints.append(print_)
            trouble = SHOWS_NOTHING if shows_nothing(frame.image) else None
        if trouble is None:
            self._since, self._patience = now, self._still_after
            return True
        if now - self._since >= self._patience:
            self._since = now
            longest = max(LONGEST_PATIENCE.total_seconds(), self._still_after)
            self._patience = min(self._patience * 2, longest)
            raise CameraLost(trouble)
        return False


def shows_nothing(image: Image) -> bool:
    """Whether `image` is black or of one colour all over, but for noise."""
    cells = cast("Image", cv2.resize(image[::4, ::4], _CELLS, interpolation=cv2.INTER_AREA))
    spread = float(np.max(np.std(cells, axis=(0, 1))))
    return spread < _FLAT or int(cells.max()) < _BLACK
