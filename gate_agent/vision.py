"""The one place that loads OpenCV, so that its limits are set before it is loaded.

Everything in the agent that needs OpenCV takes it from here::

    from gate_agent.vision import cv2
"""

import contextlib
import ctypes
import os
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

# OpenCV reads these once, when its library is loaded, and never again.
# A picture file that unpacks to more than 64 megapixels is refused before memory is taken for it.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(64 * 1024 * 1024))
# A camera that stops sending is noticed after 2 seconds instead of 10.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")
# What OpenCV would write to stderr is reported by us as an error with the name of the camera.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2  # after the limits, on purpose

# The C library otherwise keeps the memory of every size of picture it has seen; so it gives back
# what is larger than 256 KiB. -3 is M_MMAP_THRESHOLD in glibc; other C libraries have no mallopt.
with contextlib.suppress(OSError, AttributeError):
    ctypes.CDLL(None).mallopt(-3, 256 * 1024)

# Our pictures are small; threads cost more than they bring, and the other cores have other work.
cv2.setNumThreads(1)

GrayImage: TypeAlias = NDArray[np.uint8]
"""Height x width, one byte a pixel, 0 is black."""

Image: TypeAlias = NDArray[np.uint8]
"""A `GrayImage`, or height x width x 3 in the order blue, green, red."""

__all__ = ["GrayImage", "Image", "cv2"]
