"""Tells which frames are worth the expensive stages of the decoder chain."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import cast

import numpy as np

from gate_agent.vision import GrayImage, cv2

_CELLS = (160, 90)
_STEP = 10
"""Grey levels by which a cell must differ; the noise of a cell's mean stays below 3."""
_CHANGED_CELLS = 12
"""Cells that must differ: a phone 10 % of the frame high covers some 40."""


class Attention:
    """Remembers the last frame and says whether this one deserves a thorough look.

    It does when the picture changed, and every `steady` even if not: a phone held still is read
    by a later frame's noise, or by a later stage.
    """

    def __init__(
        self,
        *,
        steady: timedelta = timedelta(milliseconds=500),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` counts seconds."""
        self._steady = steady.total_seconds()
        self._clock = clock
        self._cells: GrayImage | None = None
        self._looked_at = float("-inf")

    def deserved(self, gray: GrayImage) -> bool:
        """Whether this frame, which follows the last one given, deserves a thorough look."""
        before = self._cells
        cells = cast("GrayImage", cv2.resize(gray, _CELLS, interpolation=cv2.INTER_AREA))
        self._cells = cells
        now = self._clock()
        if (
            before is not None
            and now - self._looked_at < self._steady
            and not _differ(before, cells)
        ):
            return False
        self._looked_at = now
        return True


def _differ(before: GrayImage, after: GrayImage) -> bool:
    difference = cv2.absdiff(before, after)
    # A camera that adjusts its exposure makes everything brighter at once; that is no change.
    overall = int(np.median(difference))
    return int(np.count_nonzero(difference > _STEP + overall)) >= _CHANGED_CELLS
