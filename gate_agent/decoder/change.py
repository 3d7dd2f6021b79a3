"""Tells which frames are worth the expensive readers of the decoder chain."""

import time
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from typing import cast

import numpy as np

from gate_agent.vision import GrayImage, cv2

_CELLS = (160, 90)
_STEP = 10
"""Grey levels by which a cell must differ; the noise of a cell's mean stays below 3."""
_CHANGED_CELLS = 12
"""Cells that must differ: a phone 10 % of the frame high covers some 40."""


class Look(Enum):
    """How hard to look at a frame."""

    GLANCE = "the cheap readers"
    ONE_MORE = "the cheap readers and one expensive one, another each time"
    THOROUGH = "all readers"


class Attention:
    """Remembers the last frame and says how hard to look at this one.

    A picture that changed gets a thorough look. One that did not gets a glance, and every `steady`
    one expensive reader more: a phone held still is read by these, in turn, and an empty hall never
    takes the time of all of them in one frame.
    """

    def __init__(
        self,
        *,
        steady: timedelta = timedelta(milliseconds=150),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` counts seconds."""
        self._steady = steady.total_seconds()
        self._clock = clock
        self._cells: GrayImage | None = None
        self._looked_at = float("-inf")

    def look(self, gray: GrayImage) -> Look:
        """How hard to look at this frame, which follows the last one given."""
        before = self._cells
        cells = cast("GrayImage", cv2.resize(gray, _CELLS, interpolation=cv2.INTER_AREA))
        self._cells = cells
        now = self._clock()
        if before is None or _differ(before, cells):
            self._looked_at = now
            return Look.THOROUGH
        if now - self._looked_at >= self._steady:
            self._looked_at = now
            return Look.ONE_MORE
        return Look.GLANCE


def _differ(before: GrayImage, after: GrayImage) -> bool:
    difference = cv2.absdiff(before, after)
    # A camera that adjusts its exposure makes everything brighter at once; that is no change.
    overall = int(np.median(difference))
    return int(np.count_nonzero(difference > _STEP + overall)) >= _CHANGED_CELLS
