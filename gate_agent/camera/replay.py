"""Cameras that play what was recorded or rendered: a folder of pictures, a video, a watched folder.

They keep the time of a real camera (`frames_a_second`), by a clock and a way of waiting that are
given to them, so that tests do not wait and the agent can stop in the middle of a pause.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np

from gate_agent.camera.base import CameraLost, Frame, RecordingEnded
from gate_agent.camera.pictures import SUFFIXES, UnreadablePicture, read_picture
from gate_agent.source import Wait
from gate_agent.vision import Image, cv2

FRAMES_A_SECOND = 15.0
EMPTY_SCENE = "empty"
"""A picture whose name begins so is the hall without a visitor."""

_PLAIN_GREY = 128


class ReplayCamera:
    """Hands out the images of a source at an even pace."""

    def __init__(
        self,
        source: Callable[[], Iterator[Image]],
        *,
        frames_a_second: float = FRAMES_A_SECOND,
        clock: Callable[[], float] = time.monotonic,
        wait: Wait | None = None,
    ) -> None:
        """`source` starts to play each time it is called; it may raise `CameraLost`.

        `clock` counts seconds. `wait` lets time pass between two frames.
        """
        self._source = source
        self._interval = 1.0 / frames_a_second
        self._clock = clock
        self._wait: Wait = wait or threading.Event().wait
        self._images: Iterator[Image] | None = None
        self._number = 0
        self._due = 0.0

    def open(self) -> None:
        """See `Source.open`."""
        images = self._source()
        # The first one is fetched here, so that a missing file is noticed when it is opened.
        first = next(images, None)
        self._images = iter(()) if first is None else itertools.chain((first,), images)
        self._number = 0
        self._due = self._clock()

    def read(self) -> Frame:
        """See `Source.read`. Raises `RecordingEnded` after the last frame."""
        if self._images is None:
            raise CameraLost("the recording is not open")
        pause = self._due - self._clock()
        if pause > 0:
            self._wait(pause)
        now = self._clock()
        # A reader slower than the camera misses frames; it does not get them later all at once.
        due = self._due + self._interval
        self._due = due if due > now else now + self._interval
        image = next(self._images, None)
        if image is None:
            raise RecordingEnded("the recording is at its end")
        self._number += 1
        return Frame(image, self._number, now)

    def close(self) -> None:
        """See `Source.close`."""
        self._images = None


def pictures_in(folder: Path) -> list[Path]:
    """The finished picture files in `folder` by name; hidden ones are still being written."""
    try:
        return sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        )
    except OSError as why:
        raise CameraLost(f"folder {folder}: {why.strerror}") from None


def play_folder(folder: Path, *, loop: bool, frames_each: int) -> Iterator[Image]:
    """The pictures of `folder` by name, each for `frames_each` frames, once or for ever."""
    paths = pictures_in(folder)
    if not paths:
        raise CameraLost(f"folder {folder} holds no pictures")
    for path in itertools.cycle(paths) if loop else paths:
        yield from itertools.repeat(_picture(path), frames_each)


def play_video(path: Path, *, loop: bool) -> Iterator[Image]:
    """The frames of a video file, once or for ever."""
    while True:
        capture = cv2.VideoCapture(str(path))
        if not capture.isOpened():
            raise CameraLost(f"{path} cannot be played: no such file, or not a video")
        try:
            there, image = capture.read()
            if not there:
                raise CameraLost(f"{path} holds no frame that can be played")
            while there:
                yield cast("Image", image)
                there, image = capture.read()
        finally:
            capture.release()
        if not loop:
            return


class WatchedFolder:
    """What appears in a folder, each picture for some frames, and the empty hall between.

    Pictures are shown once, in the order in which they were written; those that are there at the
    beginning too. The picture last written whose name begins with "empty" is the empty hall (plain
    grey before there is one). Whoever adds a picture writes it under a hidden name (".x.png") and
    renames it.
    """

    def __init__(self, folder: Path, *, frames_each: int) -> None:
        self._folder = folder
        self._frames_each = frames_each
        self._shown: set[Path] = set()
        self._empty: Image = np.full((720, 1280), _PLAIN_GREY, np.uint8)

    def play(self) -> Iterator[Image]:
        """Show what was not shown yet, for ever; raises `CameraLost` at an unreadable picture.

        Played again after that, it goes on behind that picture.
        """
        if not self._folder.is_dir():
            raise CameraLost(f"folder {self._folder} does not exist")
        while True:
            there = pictures_in(self._folder)
            self._shown.intersection_update(there)
            fresh = [path for path in there if path not in self._shown]
            fresh.sort(key=_written_at)
            for path in fresh:
                self._shown.add(path)
                image = _picture(path)
                if path.name.startswith(EMPTY_SCENE):
                    self._empty = image
                else:
                    yield from itertools.repeat(image, self._frames_each)
            yield self._empty


def _picture(path: Path) -> Image:
    try:
        return read_picture(path)
    except UnreadablePicture as why:
        raise CameraLost(f"{path}: {why}") from None


def _written_at(path: Path) -> tuple[int, str]:
    try:
        return path.stat().st_mtime_ns, path.name
    except OSError as why:
        raise CameraLost(f"{path}: {why.strerror}") from None
