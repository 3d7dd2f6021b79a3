"""What a device may be called and how its one-time code and its broker password are written. Pure."""

import base64
import hashlib
from datetime import timedelta

CODE_LIFE = timedelta(minutes=15)
MOST_TRIES = 5
"""Wrong tries that a code survives less one; and free tries of an address before it must wait."""
CODE_BYTES = 10
GROUP = 4
PASSWORD_ITERATIONS = 101
"""Mosquitto's own number: it checks a password at each connect, and these have 256 random bits."""
SALT_BYTES = 12


def written_code(random: bytes) -> str:
    """Return ten random bytes as four groups of four Base32 letters (RFC 4648, 6)."""
    letters = base64.b32encode(random).decode("ascii")
    return "-".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP))


def mosquitto_hash(password: str, salt: bytes) -> str:
    """Return the password as Mosquitto stores it: ``$7$iterations$salt$PBKDF2-HMAC-SHA512``."""
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PASSWORD_ITERATIONS)
    written = (base64.b64encode(part).decode("ascii") for part in (salt, made))
    return f"$7${PASSWORD_ITERATIONS}${'$'.join(written)}"
