"""Files that people send: told by their content, bounded before anything is unpacked, pictures drawn anew.

A picture is decoded and encoded again, so that nothing of the file itself is kept: no place where it was taken, no
name of a camera, no second file behind the first. PDF is kept as it is and never shown inside our pages. Everything
else, archives among it, is refused with the reason.
"""

import io
import threading
import unicodedata
import warnings
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image, ImageOps, UnidentifiedImageError

from server.kernel.errors import Invalid
from server.kernel.text import on_one_line

LARGEST_FILE = 10 * 1024 * 1024
"""Bytes of one file."""
MOST_PIXELS = 16_000_000
"""Width times height, as the file's header says before anything is decoded: a 5K screen has 15 MP."""
MOST_PIXELS_OF_PHOTO = 50_000_000
"""The same of a JPEG, which is decoded at a fraction of its size; the largest phones' cameras take 50 MP."""
LONGEST_SIDE = 2560
"""Pixels of a kept picture; a larger one is made smaller."""
PORTRAIT_SIDE = 256
LONGEST_NAME = 100
PDF = "application/pdf"
JPEG, PNG = "image/jpeg", "image/png"
_PICTURES = {"JPEG": JPEG, "PNG": PNG, "WEBP": "image/webp", "GIF": "image/gif"}
_ENDINGS = {
    "JPEG": {"jpg", "jpeg", "jpe", "jfif"},
    "PNG": {"png"},
    "WEBP": {"webp"},
    "GIF": {"gif"},
    PDF: {"pdf"},
}
_ARCHIVES = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x07\x08",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x28\xb5\x2f\xfd",
)
_QUALITY = 85
_PACKED = 3
_PDF_TAIL = 2048
_AT_ONCE = threading.BoundedSemaphore(2)
"""Pictures decoded at the same time: each may need 200 MB for a moment."""


class Refusal(StrEnum):
    """Why a file is not taken, in words for its sender; pages say it in their language, with the file's name."""

    EMPTY = "“%(name)s” is empty."
    TOO_LARGE = "“%(name)s” is larger than 10 MB. Please send a smaller one."
    ARCHIVE = (
        "“%(name)s” is an archive or office document, which we do not take. "
        "Please send it as a picture or PDF."
    )
    DAMAGED = "“%(name)s” is damaged. Please send it again."
    UNKNOWN = "“%(name)s” is neither a picture (JPEG, PNG, WebP, GIF) nor a PDF."
    TOO_MANY_PIXELS = "“%(name)s” has too many pixels. Please send it smaller."
    NOT_AS_NAMED = "“%(name)s” is not what its name says. Please send the file itself."


class FileRefused(Invalid):
    """A file that is not taken: why, and what it is called."""

    def __init__(self, refusal: Refusal, name: str) -> None:
        """Say it in English; a page says it in the language of its reader."""
        super().__init__([("files", refusal.value % {"name": name})])
        self.refusal, self.name = refusal, name


@dataclass(frozen=True)
class Checked:
    """A file that may be kept, as it will be kept."""

    name: str
    media_type: str
    content: bytes
    width: int | None = None
    height: int | None = None


def checked(name: str, content: bytes) -> Checked:
    """Return a file as it may be kept, or raise `FileRefused` (field `files`) with what is wrong."""
    shown = shown_name(name)
    if not content:
        raise FileRefused(Refusal.EMPTY, shown)
    if len(content) > LARGEST_FILE:
        raise FileRefused(Refusal.TOO_LARGE, shown)
    if content.startswith(_ARCHIVES):
        raise FileRefused(
            Refusal.ARCHIVE,
            shown,
        )
    if content.startswith(b"%PDF-"):
        _check_ending(shown, PDF)
        if b"%%EOF" not in content[-_PDF_TAIL:]:
            raise FileRefused(Refusal.DAMAGED, shown)
        return Checked(_with_ending(shown, "pdf"), PDF, content)
    return _picture(shown, content)


def checked_portrait(content: bytes) -> bytes:
    """Return somebody's picture of themselves as a small square JPEG, or raise `Invalid` for the field `picture`."""
    try:
        with _AT_ONCE, _opened("", content) as picture:
            _draft(picture, 2 * PORTRAIT_SIDE)
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            square = ImageOps.fit(upright, (PORTRAIT_SIDE, PORTRAIT_SIDE))
            return _encoded(square, "JPEG")
    except FileRefused as refused:
        why = "Please choose a photo (JPEG or PNG)."
        if refused.refusal is Refusal.TOO_MANY_PIXELS:
            why = "This picture has too many pixels. Please choose a smaller one."
        raise Invalid([("picture", why)]) from None
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError):
        raise Invalid([("picture", "This picture is damaged. Please choose another.")]) from None


def shown_name(name: str) -> str:
    """Return what a file is called, fit to be shown and saved: one line, no folders, nothing that turns the eye."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = on_one_line(unicodedata.normalize("NFC", last)).strip(". ")
    kept = "".join("_" if each in '<>:"|?*%;' else each for each in plain)
    stem, dot, ending = kept.rpartition(".")
    if dot and stem:
        return f"{stem[: LONGEST_NAME - len(ending) - 1]}.{ending}"[:LONGEST_NAME]
    return kept[:LONGEST_NAME] or "file"


def _picture(name: str, content: bytes) -> Checked:
    try:
        with _AT_ONCE, _opened(name, content) as picture:
            kind = str(picture.format)
            _check_ending(name, kind)
            _draft(picture, LONGEST_SIDE)
            drawn = ImageOps.exif_transpose(picture)
            drawn.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            clear = drawn.has_transparency_data
            # Drawings keep their sharp edges, photographs stay small.
            to = "PNG" if kind in {"PNG", "GIF"} or clear else "JPEG"
            drawn = drawn.convert("RGBA" if clear else "RGB")
            made = _encoded(drawn, to)
    except Invalid:
        raise
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError):
        raise FileRefused(Refusal.DAMAGED, name) from None
    return Checked(
        _with_ending(name, to.lower().replace("jpeg", "jpg")),
        _PICTURES[to],
        made,
        drawn.width,
        drawn.height,
    )


def _opened(name: str, content: bytes) -> Image.Image:
    """Open a picture: only its header is read, and what it claims to be is weighed before anything is decoded."""
    try:
        with warnings.catch_warnings():
            # Our own bound, below, is the one that counts.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=list(_PICTURES))
    except UnidentifiedImageError:
        raise FileRefused(Refusal.UNKNOWN, name) from None
    except Image.DecompressionBombError:
        raise FileRefused(Refusal.TOO_MANY_PIXELS, name) from None
    most = MOST_PIXELS_OF_PHOTO if picture.format == "JPEG" else MOST_PIXELS
    if picture.width * picture.height > most:
        raise FileRefused(Refusal.TOO_MANY_PIXELS, name)
    return picture


def _draft(picture: Image.Image, side: int) -> None:
    """Let a JPEG that is much larger than what is kept be decoded smaller at once; others cannot."""
    if picture.format == "JPEG":
        picture.draft("RGB", (side, side))


def _encoded(picture: Image.Image, kind: str) -> bytes:
    # Pixels and nothing else: what Pillow would write along lies in `info`.
    bare = Image.new(picture.mode, picture.size)
    bare.paste(picture)
    written = io.BytesIO()
    # Trying every way to pack a PNG would take seconds for a tenth of its size.
    bare.save(written, kind, quality=_QUALITY, compress_level=_PACKED)
    return written.getvalue()


def _check_ending(name: str, kind: str) -> None:
    """Refuse a file whose name says something else than its content."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    known = set[str]().union(*_ENDINGS.values())
    if ending and ending not in _ENDINGS[kind] and (kind == PDF or ending not in known - {"pdf"}):
        raise FileRefused(Refusal.NOT_AS_NAMED, name)


def _with_ending(name: str, ending: str) -> str:
    stem, dot, last = name.rpartition(".")
    known = set[str]().union(*_ENDINGS.values())
    kept = stem if dot and last.lower() in known else name
    return f"{kept[: LONGEST_NAME - len(ending) - 1]}.{ending}"
