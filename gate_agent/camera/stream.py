"""A camera in the network: RTSP, or MJPEG over HTTP, through the FFmpeg that OpenCV brings."""

import contextlib
import time
from collections.abc import Callable
from datetime import timedelta
from typing import cast
from urllib.parse import urlsplit

from gate_agent.camera.base import CameraLost, Frame
from gate_agent.vision import Image, cv2

OPEN_WITHIN = timedelta(seconds=8)
READ_WITHIN = timedelta(seconds=2)

QUEUED = timedelta(milliseconds=15)
"""Decoding a frame of 720p takes less, and at 30 frames a second the next one is 33 ms away."""
_MOST_SKIPPED = 30


class StreamCamera:
    """Frames from a stream, the newest one each time."""

    def __init__(
        self,
        url: str,
        *,
        open_within: timedelta = OPEN_WITHIN,
        read_within: timedelta = READ_WITHIN,
        queued: timedelta = QUEUED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url` may hold a name and password; neither is ever said.

        A frame that comes sooner than `queued` after it was asked for had been waiting.
        """
        self._url = url
        self._shown = without_password(url)
        self._parameters = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            int(open_within.total_seconds() * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            int(read_within.total_seconds() * 1000),
            cv2.CAP_PROP_N_THREADS,
            1,
        ]
        self._queued_s = queued.total_seconds()
        self._clock = clock
        self._capture: cv2.VideoCapture | None = None
        self._number = 0

    def open(self) -> None:
        """See `Source.open`."""
        self.close()
        capture = cv2.VideoCapture(self._url, cv2.CAP_FFMPEG, self._parameters)
        if not capture.isOpened():
            capture.release()
            raise CameraLost(
                f"stream {self._shown} cannot be opened: is the camera on, can this machine reach "
                "it, and are address, name and password right?"
            )
        self._capture = capture
        self._number = 0

    def read(self) -> Frame:
        """See `Source.read`."""
        if self._capture is None:
            raise CameraLost(f"stream {self._shown} is not open")
        with contextlib.suppress(cv2.error):  # a frame that arrived damaged
            if self._grab_newest(self._capture):
                there, image = self._capture.retrieve()
                if there:
                    self._number += 1
                    return Frame(cast("Image", image), self._number, self._clock())
        raise CameraLost(f"stream {self._shown} sends no picture")

    def close(self) -> None:
        """See `Source.close`."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _grab_newest(self, capture: cv2.VideoCapture) -> bool:
        """Skip what waited while the last frame was read: it shows the past."""
        for _ in range(_MOST_SKIPPED):
            asked_at = time.monotonic()
            if not capture.grab():
                return False
            if time.monotonic() - asked_at > self._queued_s:
                break
        return True


def without_password(url: str) -> str:
    """`url` without user name, password and query, as it may stand in logs and on screens."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
