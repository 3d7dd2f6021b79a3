"""Cameras: where the frames come from. `open_camera` gives the one that a specification names."""

from gate_agent.camera.base import Camera, CameraLost, Frame, RecordingEnded
from gate_agent.camera.opening import CameraSpecification, camera_for, open_camera

__all__ = [
    "Camera",
    "CameraLost",
    "CameraSpecification",
    "Frame",
    "RecordingEnded",
    "camera_for",
    "open_camera",
]
