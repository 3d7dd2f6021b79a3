"""How a device's one-time code is written, how long it lives and how often it may be tried. Pure."""

import base64
from datetime import timedelta

CODE_LIFE = timedelta(minutes=15)
MOST_TRIES = 5
"""Wrong tries that a code survives less one; and free tries of an address before it must wait."""
CODE_BYTES = 10
GROUP = 4


def written_code(random: bytes) -> str:
    """Return ten random bytes as four groups of four Base32 letters (RFC 4648, 6)."""
    letters = base64.b32encode(random).decode("ascii")
    return "-".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP))
