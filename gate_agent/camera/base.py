"""What every camera can do, and how it says that it cannot."""

from dataclasses import dataclass
from typing import Protocol

from gate_agent.source import Source, SourceLost
from gate_agent.vision import Image


class CameraLost(SourceLost):
    """There is no picture."""


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


class Camera(Source[Frame], Protocol):
    """A source of frames; each is handed out as soon as there is one. Raises `CameraLost`."""
