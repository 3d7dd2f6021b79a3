"""The Raspberry Pi's own camera, through picamera2, which comes from Raspberry Pi OS."""

import time
from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from gate_agent.camera.base import CameraLost, Frame
from gate_agent.camera.device import FRAMES_A_SECOND, HEIGHT, WIDTH
from gate_agent.vision import Image

READ_WITHIN_S = 2.0

_MANUAL_FOCUS = 0
"""libcamera's AfModeManual."""


class Picamera2(Protocol):
    """What this module uses of picamera2's class of that name, as its manual describes it."""

    def create_video_configuration(self, **configuration: object) -> object:
        """The configuration for a flow of frames."""
        ...

    def configure(self, configuration: object, /) -> None:
        """Take a configuration over."""
        ...

    def set_controls(self, controls: dict[str, object], /) -> None:
        """Set the camera's controls, such as its focus."""
        ...

    def start(self) -> None:
        """Let the frames flow."""
        ...

    def capture_array(self, name: str = "main", *, wait: float) -> Image:
        """The next frame of a flow; raises TimeoutError where it does not come in time."""
        ...

    def close(self) -> None:
        """Stop, and let go of the camera."""
        ...


OpenCamera = Callable[[int], Picamera2]


def open_picamera2(number: int) -> Picamera2:
    """The Raspberry Pi's camera `number`.

    Raises ImportError or ValueError where picamera2 cannot be used, and RuntimeError, IndexError or
    OSError where the camera cannot.
    """
    module = import_module("picamera2")
    return cast("Picamera2", module.Picamera2(number))


class PiCamera:
    """Frames in grey from the camera on the Raspberry Pi's ribbon cable."""

    def __init__(
        self,
        number: int = 0,
        *,
        focus: float | None = None,
        open_camera: OpenCamera = open_picamera2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`focus` is 1 / distance in metres, for a camera whose focus can be set."""
        self._number_of_camera = number
        self._focus = focus
        self._open_camera = open_camera
        self._clock = clock
        self._camera: Picamera2 | None = None
        self._number = 0

    def open(self) -> None:
        """See `Source.open`."""
        self.close()
        try:
            camera = self._open_camera(self._number_of_camera)
        except (ImportError, ValueError) as why:  # ValueError: built for another NumPy
            raise CameraLost(
                "picamera2 cannot be used: apt install python3-picamera2 on Debian 13 or newer, and "
                f"make the virtual environment with --system-site-packages ({why})"
            ) from None
        except (RuntimeError, IndexError, OSError) as why:
            raise CameraLost(
                f"the Raspberry Pi's camera {self._number_of_camera} cannot be opened: is its cable "
                f"in, and does no other program use it? ({why})"
            ) from None
        self._camera = camera
        self._number = 0
        # YUV420's first plane is the grey picture that the decoders want; 1280 needs no padding.
        main = {"size": (WIDTH, HEIGHT), "format": "YUV420"}
        rate = {"FrameRate": FRAMES_A_SECOND}
        try:
            camera.configure(camera.create_video_configuration(main=main, controls=rate))
            if self._focus is not None:
                camera.set_controls({"AfMode": _MANUAL_FOCUS, "LensPosition": self._focus})
            camera.start()
        except (RuntimeError, OSError) as why:
            self.close()
            raise CameraLost(f"the Raspberry Pi's camera does not start: {why}") from None

    def read(self) -> Frame:
        """See `Source.read`."""
        if self._camera is None:
            raise CameraLost("the Raspberry Pi's camera is not open")
        try:
            planes = self._camera.capture_array("main", wait=READ_WITHIN_S)
        except (TimeoutError, RuntimeError, OSError) as why:
            raise CameraLost(f"the Raspberry Pi's camera sends no picture ({why})") from None
        self._number += 1
        return Frame(planes[:HEIGHT, :WIDTH], self._number, self._clock())

    def close(self) -> None:
        """See `Source.close`."""
        if self._camera is not None:
            self._camera.close()
            self._camera = None
