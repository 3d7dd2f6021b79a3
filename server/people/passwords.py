"""Password hashes: argon2id with the library's present parameters (RFC 9106)."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import SecretStr

from server.kernel.errors import Invalid
from server.people import rules

_HASHER = PasswordHasher()


@cache
def _nobody() -> str:
    """Return a hash that stands for no account; made at the first sign-in, not at each start of a program."""
    return _HASHER.hash("no account has this password")


def hash_password(password: str) -> str:
    """Return the hash to store. It takes some 50 ms: do it before the first query of the work."""
    return _HASHER.hash(password)


def checked_hash(password: SecretStr, email: str) -> str:
    """Return the same of a password that is good enough for this account; raises `Invalid` naming `password`."""
    why = rules.check_password(password.get_secret_value(), email)
    if why:
        raise Invalid([("password", why)])
    return hash_password(password.get_secret_value())


def password_fits(stored: str | None, password: str) -> bool:
    """Tell whether the password fits; as slow where there is no account, so that nobody learns which exist."""
    nobody = _nobody()  # asked for in either case, so that the first sign-in is slow in either case
    try:
        return _HASHER.verify(stored or nobody, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_new_hash(stored: str) -> bool:
    """Tell whether the hash was made with older parameters."""
    return _HASHER.check_needs_rehash(stored)
