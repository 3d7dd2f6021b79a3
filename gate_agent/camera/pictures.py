"""Reads picture files that may be anything: too large, cut short, or no pictures at all."""

from pathlib import Path
from typing import cast

import numpy as np

from gate_agent.vision import Image, cv2

MAX_FILE_BYTES = 64 * 1024 * 1024
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp"})

# A file of these kinds closes with a mark; without it, it was cut short.
_CLOSING_MARKS = {b"\x89PNG": b"IEND", b"\xff\xd8\xff": b"\xff\xd9"}
_LOOKED_THROUGH_FOR_THE_MARK = 4096


class UnreadablePicture(Exception):
    """Why a file could not be read as a picture, in words for the person who named it."""


def read_picture(path: Path) -> Image:
    """The picture in `path`, in colour (BGR).

    Raises `UnreadablePicture`, whatever the file holds. At most 64 MiB of file and
    64 megapixels of picture are taken in.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnreadablePicture("the file is larger than 64 MiB")
        content = path.read_bytes()
    except OSError as why:
        raise UnreadablePicture(why.strerror or str(why)) from None
    return unpack_picture(content)


def unpack_picture(content: bytes) -> Image:
    """The picture in the bytes of a file, in colour (BGR). Raises `UnreadablePicture`."""
    if not content:
        raise UnreadablePicture("the file is empty")
    for opening, closing in _CLOSING_MARKS.items():
        if content.startswith(opening) and closing not in content[-_LOOKED_THROUGH_FOR_THE_MARK:]:
            raise UnreadablePicture("the picture is cut short")
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        raise UnreadablePicture("the picture is damaged, or larger than 64 megapixels") from None
    if image is None:
        raise UnreadablePicture("not a picture of a known kind (PNG, JPEG, BMP, WebP …)")
    return cast("Image", image)
