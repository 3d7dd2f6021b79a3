"""Reads the CBOR maps that stand in signed payloads, whose keys are all whole numbers."""

from typing import cast

import cbor2

UNREADABLE = (KeyError, TypeError, ValueError, OverflowError, OSError)
"""What taking a signed map apart may raise where it does not have the expected form."""


class NotAMapError(ValueError):
    """Bytes that are no CBOR map with whole numbers as keys."""


def load_map(payload: bytes) -> dict[int, object]:
    """Return the map in `payload`, or raise `NotAMapError`."""
    try:
        loaded: object = cbor2.loads(payload)
    except (cbor2.CBORDecodeError, *UNREADABLE, RecursionError, MemoryError) as error:
        raise NotAMapError(str(error)) from error
    if not isinstance(loaded, dict):
        raise NotAMapError("not a map")
    if not all(type(key) is int for key in cast("dict[object, object]", loaded)):
        raise NotAMapError("a key is not a whole number")
    return cast("dict[int, object]", loaded)


def bytes_at(fields: dict[int, object], key: int) -> bytes:
    """Return the byte string under `key`; raise KeyError or TypeError where there is none."""
    value = fields[key]
    if not isinstance(value, bytes):
        raise TypeError(f"{key} must be a byte string")
    return value


def int_at(fields: dict[int, object], key: int) -> int:
    """Return the whole number under `key`; raise KeyError or TypeError where there is none."""
    value = fields[key]
    if type(value) is not int:
        raise TypeError(f"{key} must be a whole number")
    return value
