"""The code that changes on a screen at an entrance: TOTP (RFC 6238) with SHA-256, eight digits, a new one every 15 s.

It says that whoever gives it could see the screen a moment ago. It says nothing about who that is, and it can be
told to somebody elsewhere while it counts.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives import constant_time
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.twofactor.totp import TOTP

KEY_BYTES = 32
DIGITS = 8
STEP = timedelta(seconds=15)
"""How long a code is shown; it is accepted for one step more."""


class MalformedEntranceKeyError(ValueError):
    """A key that does not have 32 bytes."""


@dataclass(frozen=True, slots=True)
class EntranceCode:
    """What a screen shows: the digits, and when the next ones come."""

    digits: str
    ends: datetime


def code_at(key: bytes, at: datetime) -> EntranceCode:
    """Return the code of the step in which `at` lies."""
    step = _step(at)
    ends = datetime.fromtimestamp((step + 1) * STEP.total_seconds(), UTC)
    return EntranceCode(_digits(key, step), ends)


def accepts(key: bytes, digits: str, at: datetime) -> bool:
    """Tell whether these are the digits of the present step or the one before, in constant time."""
    given = digits.encode("ascii", errors="replace")
    step = _step(at)
    right = [
        constant_time.bytes_eq(given, _digits(key, each).encode()) for each in (step, step - 1)
    ]
    return any(right)


def _step(at: datetime) -> int:
    return int(at.timestamp() // STEP.total_seconds())


def _digits(key: bytes, step: int) -> str:
    if len(key) != KEY_BYTES:
        message = f"the key of an entrance has {KEY_BYTES} bytes"
        raise MalformedEntranceKeyError(message)
    seconds = int(STEP.total_seconds())
    return TOTP(key, DIGITS, SHA256(), seconds).generate(step * seconds).decode()
