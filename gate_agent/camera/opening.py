"""From a camera's specification, as written in settings or on the command line, to the camera.

====================================  ==========================================================
``0``                                 the first webcam (/dev/video0)
``/dev/v4l/by-id/usb-…``              a webcam by its lasting name
``picamera:0``                        the Raspberry Pi's own camera
``picamera:0?focus=5``                its focus set to 1/5 m, where it can be set
``stream:rtsp://user:word@host/…``    a camera in the network (rtsp, rtsps, http or https)
``stream:http://host/…#still=0``      its picture may be exactly the same for ever
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
from datetime import timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from gate_agent.camera.base import Camera
from gate_agent.camera.device import DeviceCamera
from gate_agent.camera.freshness import STILL_AFTER
from gate_agent.camera.picamera import PiCamera
from gate_agent.camera.replay import (
    FRAMES_A_SECOND,
    ReplayCamera,
    WatchedFolder,
    play_folder,
    play_video,
)
from gate_agent.camera.stream import StreamCamera, without_password
from gate_agent.source import Wait, number_in, options_in
from gate_agent.vision import Image

_OPTIONS = {
    "replay": {"loop", "fps", "frames"},
    "watch": {"fps", "frames"},
    "picamera": {"focus"},
    "stream": {"still"},
}
_FRAMES_EACH = {"replay": 1, "watch": 10}
_SCHEMES = {"rtsp", "rtsps", "http", "https"}
_DIGITS = 3
_FRAMES_A_SECOND = (1, 240)
_FRAMES = (1, 10_000)
_FOCUS = (0, 30)
_STILL = (0, 3600)
_WHAT_TO_WRITE = (
    "give a number such as 0, a path below /dev, picamera:0, stream:rtsp://…, "
    "replay:/path/to/folder-or-video or watch:/path/to/folder"
)


@dataclass(frozen=True)
class CameraSpecification:
    """A camera's specification, taken apart and checked."""

    kind: str
    """device, picamera, stream, replay or watch."""
    place: str
    """The number or path of a device; the address of a stream; the path of a folder or video."""
    frames_a_second: float = FRAMES_A_SECOND
    frames_each: int = 1
    loop: bool = False
    focus: float | None = None
    """1 / distance in metres."""
    still_after: timedelta | None = None
    """For how long a living camera may show the same picture; None for no limit."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take `text` apart. Raises ValueError saying what to write instead."""
        kind, colon, rest = text.partition(":")
        if (text.isdecimal() and len(text) <= _DIGITS) or text.startswith("/dev/"):
            return cls("device", text, still_after=STILL_AFTER)
        if not colon or kind not in _OPTIONS or not rest:
            named = f"'{text}'" if kind != "stream" else "without an address"
            raise ValueError(f"camera {named} is not known: {_WHAT_TO_WRITE}")
        if kind == "stream":
            return cls._parse_stream(rest)
        place, _, query = rest.partition("?")
        options = options_in(query, _OPTIONS[kind], f"camera '{text}'")
        if kind == "picamera":
            if not (place.isdecimal() and len(place) <= _DIGITS):
                raise ValueError(f"camera '{text}': give its number, such as picamera:0")
            focus = number_in(options, "focus", 0, _FOCUS) if "focus" in options else None
            return cls(kind, place, focus=focus, still_after=STILL_AFTER)
        return cls(
            kind,
            place,
            frames_a_second=number_in(options, "fps", FRAMES_A_SECOND, _FRAMES_A_SECOND),
            frames_each=int(number_in(options, "frames", _FRAMES_EACH[kind], _FRAMES)),
            loop=options.get("loop", "0") not in {"0", "false", "no"},
        )

    @classmethod
    def _parse_stream(cls, rest: str) -> Self:
        # The question mark belongs to the stream's own address; what follows # is never sent.
        address, _, query = rest.partition("#")
        parts = urlsplit(address)
        # Never the address itself: it may hold a password.
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise ValueError(f"a stream's address begins with {', '.join(sorted(_SCHEMES))}://host")
        options = options_in(query, _OPTIONS["stream"], "camera stream:")
        still = number_in(options, "still", STILL_AFTER.total_seconds(), _STILL)
        return cls("stream", address, still_after=timedelta(seconds=still) if still > 0 else None)

    @property
    def shown(self) -> str:
        """The specification as it may stand in logs and on screens: without a password."""
        if self.kind == "device":
            return self.place
        if self.kind == "stream":
            return f"stream:{without_password(self.place)}"
        return f"{self.kind}:{self.place}"


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
    if specification.kind == "picamera":
        return PiCamera(int(place), focus=specification.focus, clock=clock)
    if specification.kind == "stream":
        return StreamCamera(place, clock=clock)
    return ReplayCamera(
        _recording(specification),
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


def _recording(specification: CameraSpecification) -> Callable[[], Iterator[Image]]:
    path = Path(specification.place).expanduser()
    if specification.kind == "watch":
        return WatchedFolder(path, frames_each=specification.frames_each).play

    def play() -> Iterator[Image]:
        if path.is_dir():
            return play_folder(path, loop=specification.loop, frames_each=specification.frames_each)
        return play_video(path, loop=specification.loop)

    return play
