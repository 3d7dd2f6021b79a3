"""From a camera's specification, as written in settings or on the command line, to the camera.

====================================  ==========================================================
``0``                                 the first webcam (/dev/video0)
``/dev/v4l/by-id/usb-…``              a webcam by its lasting name
``replay:/path/folder``               the pictures of a folder, by name
``replay:/path/video.mjpeg``          a video file
``replay:/path/folder?loop=1``        for ever
``watch:/path/folder``                pictures as they appear in a folder, the empty hall between
====================================  ==========================================================

Recordings take ``fps`` (frames a second, 15 unless told) and, for pictures, ``frames`` (for how
many frames each is shown: 1 in a replay, 10 in a watched folder), such as ``…?fps=10&frames=5``.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl

from gate_agent.camera.base import Camera, CameraLost
from gate_agent.camera.device import DeviceCamera
from gate_agent.camera.replay import (
    FRAMES_A_SECOND,
    ReplayCamera,
    Wait,
    play_folder,
    play_video,
    watch_folder,
)
from gate_agent.vision import Image

_OPTIONS = {"replay": {"loop", "fps", "frames"}, "watch": {"fps", "frames"}}
_FRAMES_EACH = {"replay": 1, "watch": 10}
_DIGITS = 3
_LIMITS = {"fps": (0.1, 240.0), "frames": (1, 10_000)}


@dataclass(frozen=True)
class CameraSpecification:
    """A camera's specification, taken apart and checked."""

    kind: str
    """device, replay or watch."""
    place: str
    """The number or path of a device; the path of a folder or video."""
    frames_a_second: float = FRAMES_A_SECOND
    frames_each: int = 1
    loop: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take `text` apart. Raises ValueError saying what to write instead."""
        kind, colon, rest = text.partition(":")
        if (text.isdecimal() and len(text) <= _DIGITS) or text.startswith("/dev/"):
            return cls("device", text)
        if not colon or kind not in _OPTIONS or not rest:
            raise ValueError(
                f"camera '{text}' is not known: give a number such as 0, a path below /dev, "
                "replay:/path/to/folder-or-video or watch:/path/to/folder"
            )
        place, _, query = rest.partition("?")
        options = dict(parse_qsl(query, keep_blank_values=True))
        if unknown := options.keys() - _OPTIONS[kind]:
            raise ValueError(f"camera '{text}': no such option: {', '.join(sorted(unknown))}")
        return cls(
            kind,
            place,
            frames_a_second=_number(options, "fps", FRAMES_A_SECOND),
            frames_each=int(_number(options, "frames", _FRAMES_EACH[kind])),
            loop=options.get("loop", "0") not in {"0", "false", "no"},
        )


def _number(options: dict[str, str], name: str, default: float) -> float:
    smallest, largest = _LIMITS[name]
    text = options.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not smallest <= value <= largest:
        raise ValueError(f"camera option {name}={text}: give {smallest:g} to {largest:g}")
    return value


def camera_for(
    specification: CameraSpecification,
    *,
    clock: Callable[[], float] = time.monotonic,
    wait: Wait | None = None,
) -> Camera:
    """The camera that `specification` names, not opened yet.

    `wait` lets time pass between the frames of a recording; give the `wait` of the event that
    stops the program.
    """
    place = specification.place
    if specification.kind == "device":
        return DeviceCamera(int(place) if place.isdecimal() else place, clock=clock)
    return ReplayCamera(
        lambda: _play(specification),
        frames_a_second=specification.frames_a_second,
        clock=clock,
        wait=wait,
    )


def open_camera(
    text: str, *, clock: Callable[[], float] = time.monotonic, wait: Wait | None = None
) -> Camera:
    """The camera that `text` specifies, opened. Raises ValueError or `CameraLost`."""
    camera = camera_for(CameraSpecification.parse(text), clock=clock, wait=wait)
    camera.open()
    return camera


def _play(specification: CameraSpecification) -> Iterator[Image]:
    path = Path(specification.place).expanduser()
    if specification.kind == "watch":
        if not path.is_dir():
            raise CameraLost(f"folder {path} does not exist")
        return watch_folder(path, frames_each=specification.frames_each)
    if path.is_dir():
        return play_folder(path, loop=specification.loop, frames_each=specification.frames_each)
    return play_video(path, loop=specification.loop)
