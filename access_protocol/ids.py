"""The names that travel between the programs: ids as NewTypes and directions, and the one check of each form."""

import re
from enum import StrEnum
from typing import NewType

SiteCode = NewType("SiteCode", str)
"""One to three capitals, e.g. ``TYO``; the audience of every credential of the site."""
DeviceId = NewType("DeviceId", str)
"""A gate, controller or server process: ``[a-z0-9-]{3,32}``, unique in its site."""
AccessPointId = NewType("AccessPointId", str)
"""One side of a portal where a credential is presented; a slug unique in its site."""
PortalId = NewType("PortalId", str)
"""A door, turnstile or vending machine; a slug unique in its site."""
ZoneNumber = NewType("ZoneNumber", int)
"""1 to 23: the numbers that deterministic CBOR writes in one byte."""
CredentialId = NewType("CredentialId", bytes)
"""16 random bytes; names one visitor in one visit and is shared by all classes of credential."""
EventId = NewType("EventId", str)
"""A UUID in its 36-character form; names one presentation with its decision and its command."""
JournalId = NewType("JournalId", str)
"""A UUID; names one journal of one gate, and changes when a gate starts a new one."""
KeyId = NewType("KeyId", bytes)
"""The first two bytes of SHA-256 over the raw public key; a hint, not an identity."""
Nonce = NewType("Nonce", bytes)
"""16 random bytes that a controller answers; good for one command."""


class Direction(StrEnum):
    """Whether an access point leads into its zone or out of it."""

    IN = "in"
    OUT = "out"


CREDENTIAL_ID_BYTES = 16
KEY_ID_BYTES = 2
NONCE_BYTES = 16
HIGHEST_ZONE = 23
HIGHEST_SLOT = 255
"""Slots of a vending machine are numbered from 1."""

_SITE_CODE = re.compile(r"[A-Z]{1,3}")
_DEVICE_ID = re.compile(r"[a-z0-9-]{3,32}")
_SLUG = re.compile(r"[a-z0-9-]{1,32}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class MalformedIdError(ValueError):
    """A name that does not have the form its kind asks for."""


def _matching(pattern: re.Pattern[str], text: object, what: str) -> str:
    if not isinstance(text, str) or pattern.fullmatch(text) is None:
        message = f"{what} must match {pattern.pattern}"
        raise MalformedIdError(message)
    return text


def site_code(text: object) -> SiteCode:
    """Return `text` as a site code, or raise `MalformedIdError`."""
    return SiteCode(_matching(_SITE_CODE, text, "site code"))


def device_id(text: object) -> DeviceId:
    """Return `text` as a device id, or raise `MalformedIdError`."""
    return DeviceId(_matching(_DEVICE_ID, text, "device id"))


def portal_id(text: object) -> PortalId:
    """Return `text` as a portal's id, or raise `MalformedIdError`."""
    return PortalId(_matching(_SLUG, text, "portal"))


def slot_number(value: object) -> int:
    """Return `value` as the number of a vending machine's slot, or raise `MalformedIdError`."""
    if type(value) is not int or not 1 <= value <= HIGHEST_SLOT:
        message = f"slot must be a whole number from 1 to {HIGHEST_SLOT}"
        raise MalformedIdError(message)
    return value


def event_id(text: object) -> EventId:
    """Return `text` as an event id, or raise `MalformedIdError`."""
    return EventId(_matching(_UUID, text, "event id"))


def zone_number(value: object) -> ZoneNumber:
    """Return `value` as a zone's number, or raise `MalformedIdError`."""
    if type(value) is not int or not 1 <= value <= HIGHEST_ZONE:
        message = f"zone must be a whole number from 1 to {HIGHEST_ZONE}"
        raise MalformedIdError(message)
    return ZoneNumber(value)
