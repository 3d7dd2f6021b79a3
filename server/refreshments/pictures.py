"""Pictures of items: what was uploaded is never trusted, but written anew with nothing in it but pixels. Pure."""

import io

from PIL import Image, ImageOps

LARGEST_UPLOAD = 5_000_000
"""Bytes of a file that is looked at at all."""
MOST_PIXELS = 40_000_000
"""A small file may unpack to a large picture."""
SIDE = 480
"""Pixels of the longer side of what is kept."""
FORMATS = ("PNG", "JPEG", "WEBP")
MEDIA_TYPE = "image/webp"


class NotAPicture(ValueError):
    """What was uploaded cannot be used as a picture; the message says why."""


def rewritten(body: bytes) -> bytes:
    """Return an uploaded PNG, JPEG or WebP picture as a WebP of ours: turned upright, made small, no metadata.

    The kind is told by the content: neither name nor declared type counts. Raises `NotAPicture`.
    """
    if len(body) > LARGEST_UPLOAD:
        raise NotAPicture("is larger than 5 MB")
    try:
        with Image.open(io.BytesIO(body), formats=FORMATS) as found:
            if found.width * found.height > MOST_PIXELS:
                raise NotAPicture("has more than 40 million pixels")
            upright = ImageOps.exif_transpose(found).convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, NotAPicture):
            raise
        raise NotAPicture("is not a PNG, JPEG or WebP picture") from error
    upright.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    # On an image of its own: nothing that came with the file (place, camera, comments) goes with it.
    clean = Image.new("RGBA", upright.size)
    clean.paste(upright)
    written = io.BytesIO()
    clean.save(written, "WEBP", quality=85, method=4)
    return written.getvalue()
