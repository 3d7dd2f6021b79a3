"""What is done to a frame before a decoder looks at it; all of it with OpenCV, in the agent."""

import math
from typing import cast

import numpy as np

from gate_agent.vision import GrayImage, Image, cv2

FRAME_PIXELS = 1280 * 720
"""The size of frame the gate works on; larger pictures are made smaller, smaller ones kept."""

_LONGEST_SIDE = 8192
_HALVED_FROM = FRAME_PIXELS // 2
_ENLARGEMENT = 1.5
_SHARPEN_SIGMA = 2.0
_SHARPEN_AMOUNT = 1.5


def to_gray(image: Image) -> GrayImage:
    """`image` in grey, at most `FRAME_PIXELS` large, its rows one after the other in memory.

    Raises ValueError for an array that is no picture.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.size == 0:
        raise ValueError(f"not a picture: {image.dtype} {image.shape}")
    height, width = image.shape[:2]
    factor = min(1.0, math.sqrt(FRAME_PIXELS / (height * width)), _LONGEST_SIDE / max(image.shape))
    if factor < 1.0:
        size = (max(1, int(width * factor)), max(1, int(height * factor)))
        image = cast("Image", cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    if image.ndim == 3:  # noqa: PLR2004  # height, width, colours
        image = cast("Image", cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    return np.ascontiguousarray(image)


def sharpen(gray: GrayImage) -> GrayImage:
    """An unsharp mask: brings back the edges of a code held out of focus."""
    blurred = cv2.GaussianBlur(gray, (0, 0), _SHARPEN_SIGMA)
    weighted = cv2.addWeighted(gray, 1 + _SHARPEN_AMOUNT, blurred, -_SHARPEN_AMOUNT, 0)
    return cast("GrayImage", weighted)


def enlarge(gray: GrayImage) -> GrayImage:
    """One and a half times the size: gives each module of a small code enough pixels."""
    return cast(
        "GrayImage",
        cv2.resize(gray, None, fx=_ENLARGEMENT, fy=_ENLARGEMENT, interpolation=cv2.INTER_CUBIC),
    )


def halve(gray: GrayImage) -> GrayImage:
    """Half the size: takes away noise, and three quarters of ZBar's time; small ones are kept."""
    if gray.size < _HALVED_FROM:
        return gray
    height, width = gray.shape
    size = (max(1, width // 2), max(1, height // 2))
    return cast("GrayImage", cv2.resize(gray, size, interpolation=cv2.INTER_AREA))
