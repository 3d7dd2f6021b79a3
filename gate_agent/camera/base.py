"""What every camera can do, and how it says that it cannot."""

from dataclasses import dataclass
from typing import Protocol

from gate_agent.vision import Image


class CameraLost(Exception):
    """There is no picture: not there, unplugged, taken by another program, or broken.

    Close the camera, wait, and open it again.
    """


class RecordingEnded(CameraLost):
    """A recording was shown to its end; opening it again shows it from the start."""


@dataclass(frozen=True)
class Frame:
    """One picture, as the camera saw it."""

    image: Image
    """Grey (height x width) or BGR (height x width x 3), never changed once handed out."""
    number: int
    """Counts up by one from 1 since the camera was opened."""
    captured_at: float
    """Seconds of the camera's clock, monotonic unless another one was given."""


class Camera(Protocol):
    """A source of frames, used by one thread: open, read again and again, close."""

    def open(self) -> None:
        """Get ready to read. Raises `CameraLost`. Opening an open camera starts it anew."""
        ...

    def read(self) -> Frame:
        """The next frame, as soon as there is one. Raises `CameraLost`."""
        ...

    def close(self) -> None:
        """Let go of the device. Closing a closed camera does nothing."""
        ...
