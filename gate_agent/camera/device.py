"""A camera that is plugged in: any UVC webcam, by its number or its path below /dev."""

import contextlib
import time
from collections.abc import Callable
from typing import cast

from gate_agent.camera.base import CameraLost, Frame
from gate_agent.vision import Image, cv2

WIDTH = 1280
HEIGHT = 720
FRAMES_A_SECOND = 30


class DeviceCamera:
    """Frames from Video4Linux, the newest one each time."""

    def __init__(self, device: int | str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`device` is 0 for /dev/video0, or a path such as /dev/v4l/by-id/usb-…-index0."""
        self._device = device
        self._clock = clock
        self._capture: cv2.VideoCapture | None = None
        self._number = 0

    def open(self) -> None:
        """See `Source.open`."""
        self.close()
        capture = cv2.VideoCapture(self._device, cv2.CAP_V4L2)
        if not capture.isOpened():
            capture.release()
            raise CameraLost(
                f"camera {self._device} cannot be opened: is it plugged in, does no other program "
                "use it, and is this user in the group 'video'?"
            )
        # MJPEG first: over USB 2, uncompressed 720p comes at 10 frames a second or fewer.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, WIDTH)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, HEIGHT)
        capture.set(cv2.CAP_PROP_FPS, FRAMES_A_SECOND)
        # A frame that waited in a queue shows the past.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self._capture = capture
        self._number = 0

    def read(self) -> Frame:
        """See `Source.read`."""
        if self._capture is None:
            raise CameraLost(f"camera {self._device} is not open")
        with contextlib.suppress(cv2.error):  # a frame that arrived damaged
            there, image = self._capture.read()
            if there:
                self._number += 1
                return Frame(cast("Image", image), self._number, self._clock())
        raise CameraLost(f"camera {self._device} sends no picture")

    def close(self) -> None:
        """See `Source.close`."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None
