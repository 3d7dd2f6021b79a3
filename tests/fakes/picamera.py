"""A stand-in with the form of picamera2's class `Picamera2`, as its manual (chapters 4 and 6) has it."""

from typing import cast

import numpy as np

from gate_agent.vision import GrayImage


class FakePicamera2:
    """Records what it is asked for; `fails` names the method that raises, and what."""

    def __init__(self, number: int, fails: dict[str, Exception] | None = None) -> None:
        self.number = number
        self.asked: list[tuple[str, object]] = []
        self.fails = fails or {}
        self.closed = False
        self._main: dict[str, object] = {}

    def create_video_configuration(self, **configuration: object) -> object:
        self._note("create_video_configuration", configuration)
        return configuration

    def configure(self, configuration: object, /) -> None:
        self._note("configure", configuration)
        self._main = cast("dict[str, dict[str, object]]", configuration)["main"]

    def set_controls(self, controls: dict[str, object], /) -> None:
        self._note("set_controls", controls)

    def start(self) -> None:
        self._note("start", None)

    def capture_array(self, name: str = "main", *, wait: float) -> GrayImage:
        """The planes of YUV420, one below the other: all of Y, then U and V at half the size."""
        self._note("capture_array", (name, wait))
        assert self._main["format"] == "YUV420"
        width, height = cast("tuple[int, int]", self._main["size"])
        planes = np.full((height * 3 // 2, width), 128, np.uint8)
        planes[:height] = 200
        return planes

    def close(self) -> None:
        self.closed = True

    def _note(self, method: str, argument: object) -> None:
        self.asked.append((method, argument))
        if method in self.fails:
            raise self.fails[method]
