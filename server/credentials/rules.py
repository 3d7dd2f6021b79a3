"""How long a credential counts around its visit, and how its QR picture is drawn. Pure."""

import io
from bisect import bisect_left
from datetime import datetime, timedelta

from qrcode.constants import ERROR_CORRECT_H, ERROR_CORRECT_L, ERROR_CORRECT_M, ERROR_CORRECT_Q
from qrcode.image.pil import PilImage
from qrcode.main import QRCode
from qrcode.util import BIT_LIMIT_TABLE, QRData

LEAD = timedelta(hours=1)
"""How long before the visit a credential begins to count: guests come early."""
GRACE = timedelta(hours=1)
"""How long after the visit it still counts: meetings run over, and the way out must open."""
CLOCK_SLACK = timedelta(seconds=5)
"""What is signed for the next minutes counts from a little before, for gates whose clocks are behind."""
QUIET_ZONE = 4
"""Modules of white around the code (ISO/IEC 18004, 9.1)."""
_LEVELS_UPWARDS = (ERROR_CORRECT_L, ERROR_CORRECT_M, ERROR_CORRECT_Q, ERROR_CORRECT_H)


def window(
    starts_at: datetime, ends_at: datetime, *, lead: timedelta = LEAD, grace: timedelta = GRACE
) -> tuple[datetime, datetime]:
    """Return from when and until when a credential of a visit counts, in whole seconds."""
    return (starts_at - lead).replace(microsecond=0), (ends_at + grace).replace(microsecond=0)


def qr_shape(text: str, *, for_print: bool = False) -> tuple[int, int]:
    """Return version and error correction level (of `qrcode.constants`) for a text.

    On a screen the size of the modules counts most: the smallest version that level L allows, and then the
    highest level that fits into it. Print suffers scratches and folds: level Q.
    """
    level = ERROR_CORRECT_Q if for_print else ERROR_CORRECT_L
    code = _code(text, None, level)
    version = code.best_fit()
    if for_print:
        return version, level
    fitting = [each for each in _LEVELS_UPWARDS if _bits(text, version) <= _capacity(each, version)]
    return version, fitting[-1]


def qr_png(text: str, *, for_print: bool = False, module: int = 8) -> bytes:
    """Return the QR code of an alphanumeric text as PNG, `module` pixels a module, black on white."""
    version, level = qr_shape(text, for_print=for_print)
    code = _code(text, version, level)
    code.box_size = module
    code.make(fit=False)
    picture = io.BytesIO()
    code.make_image(fill_color="black", back_color="white").save(picture, "PNG")
    return picture.getvalue()


def _code(text: str, version: int | None, level: int) -> QRCode[PilImage]:
    code = QRCode(
        version=version, error_correction=level, border=QUIET_ZONE, image_factory=PilImage
    )
    code.add_data(QRData(text))
    return code


def _capacity(level: int, version: int) -> int:
    """Return how many bits of data a version holds at a level."""
    return BIT_LIMIT_TABLE[level][version]


def _bits(text: str, version: int) -> int:
    """Return the bits of an alphanumeric text: mode, count, 11 a pair and 6 for a last single one."""
    count = (9, 11, 13)[bisect_left((9, 26), version)]
    return 4 + count + 11 * (len(text) // 2) + 6 * (len(text) % 2)
