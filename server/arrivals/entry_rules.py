"""What is on a poster, and how long a walk-in, an approval or a scanned code counts. Pure."""

import io
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

from qrcode.constants import ERROR_CORRECT_Q
from qrcode.image.svg import SvgPathImage
from qrcode.main import QRCode

from server.kernel.errors import Conflict

QUIET_ZONE = 4
"""Modules of white around the code (ISO/IEC 18004, 9.1)."""

CODE_LENGTH = 6
ALPHABET = "234679ACDEFGHJKMNPQRTVWXY"
"""Crockford's base32 without what is mistaken for something else on paper: 0 1 5 8 B I L O S U Z are not in it."""
CHECK_DIGITS = 4
_TRIES = 20

WAITING = "walk-ins"
"""Live notices of this name tell panel and host's page that somebody waits, or was answered."""
WALK_IN_WAITS = timedelta(minutes=30)
"""A stranger at the door who was not answered by then has gone; they may ask again."""
MOST_WAITING_AT_SITE = 30
"""So many walk-ins may wait at one site; more are nobody standing there but a game."""
APPROVAL_WAITS = timedelta(minutes=10)
"""An approval that nobody gave by then is not wanted any more."""
APPROVAL_COUNTS = timedelta(minutes=5)
"""A given approval opens one door once, within this time."""
CODE_REMEMBERED = timedelta(seconds=60)
"""Whoever scanned the changing code has so long to press the button: mobile networks are slow, and the rules of the
house may be read first. It is short, for with the 30 s of the code itself it is how far from the entrance somebody
may be by then, or may have carried it to."""


class Answer(StrEnum):
    """What became of a walk-in or of a wish for approval."""

    WAITING = "waiting"
    GIVEN = "given"
    REFUSED = "refused"
    USED = "used"
    """It opened a door."""


def fresh_code(random_bytes: Callable[[int], bytes], bearer: Callable[[str], object | None]) -> str:
    """Return a code that no sign has yet; `bearer` returns the sign that has a code, or None."""
    for _ in range(_TRIES):
        code = _code(random_bytes)
        if bearer(code) is None:
            return code
    raise Conflict("No free code was found. Please try again.")


def _code(random_bytes: Callable[[int], bytes]) -> str:
    # 250 of 256 values are taken, so that each letter comes equally often.
    letters = ""
    while len(letters) < CODE_LENGTH:
        letters += "".join(
            ALPHABET[each % len(ALPHABET)] for each in random_bytes(16) if each < 10 * len(ALPHABET)
        )
    return letters[:CODE_LENGTH]


def new_check_number(random_bytes: Callable[[int], bytes]) -> str:
    """Return four digits, as they are kept: without the hyphen that people read."""
    return f"{int.from_bytes(random_bytes(8), 'big') % 10**CHECK_DIGITS:0{CHECK_DIGITS}d}"


def read_code(typed: str) -> str | None:
    """Return the code that somebody typed, in any case and with blanks or hyphens, or None if it is none."""
    code = "".join(each for each in typed.upper() if each not in " -_·")
    known = len(code) == CODE_LENGTH and all(each in ALPHABET for each in code)
    return code if known else None


def as_read(check_number: str) -> str:
    """Return a check number as it stands on paper: `47-12`."""
    return f"{check_number[:2]}-{check_number[2:]}"


def qr_svg(text: str) -> bytes:
    """Return a QR code as SVG, at level Q: paper is scratched and folded."""
    code = QRCode(error_correction=ERROR_CORRECT_Q, border=QUIET_ZONE, image_factory=SvgPathImage)
    code.add_data(text)
    drawn = io.BytesIO()
    code.make_image().save(drawn)
    return drawn.getvalue()
