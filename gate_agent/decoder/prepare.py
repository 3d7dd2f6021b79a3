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
_FINE_SIGMA = 1.0
_COARSE_SIGMA = 2.0
"""Pixels, on top of the fine one."""
_LIFT = 20.0


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


def lift(gray: GrayImage) -> GrayImage:
    """A difference of Gaussians: lifts what is as large as a module out of noise, blur and glare.

    Noise is finer and uneven light is coarser than a code's modules; both go, and the modules'
    edges come back. Of hard scenes zxing-cpp reads half as many again after it.
    """
    fine = cv2.GaussianBlur(gray, (0, 0), _FINE_SIGMA)
    coarse = cv2.GaussianBlur(fine, (0, 0), _COARSE_SIGMA)
    lifted = cv2.addWeighted(fine, 1 + _LIFT, coarse, -_LIFT, 0)
    return cast("GrayImage", lifted)


def lift_and_enlarge(gray: GrayImage) -> GrayImage:
    """For a code that is also too small."""
    return enlarge(lift(gray))


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
