"""What is allowed in the description of a place, and what follows from it."""

from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from access_protocol import presence
from access_protocol.commands import LONGEST_PULSE
from access_protocol.credential import PASSES, CredentialClass
from access_protocol.ids import HIGHEST_ZONE
from access_protocol.presence import Presence
from access_protocol.wording import Language
from server.kernel.live import EVERY_SITE
from server.kernel.text import Line, Lines

SHORTEST_PULSE = timedelta(milliseconds=100)


class PortalKind(StrEnum):
    """What stands in the way."""

    TURNSTILE = "turnstile"
    DOOR = "door"
    VENDING = "vending"


class FailMode(StrEnum):
    """What a portal does without power; a way out never depends on it."""

    SAFE = "safe"
    """It opens."""
    SECURE = "secure"
    """It stays locked from outside."""


AT_A_MACHINE: presence.Ways = frozenset({frozenset({Presence.KEY})})
"""What a vending machine's poster asks for where nobody chose: the visitor's own page, which has the drink offered."""


def usual_classes(kind: PortalKind) -> tuple[CredentialClass, ...]:
    """Return the classes that an access point takes where nobody chose."""
    return (CredentialClass.VOUCHER,) if kind is PortalKind.VENDING else PASSES


def usual_ways(kind: PortalKind) -> presence.Ways:
    """Return what a poster's reader must show at an access point where nobody chose."""
    return AT_A_MACHINE if kind is PortalKind.VENDING else presence.DEFAULT


def why_not_classes(kind: PortalKind, chosen: Collection[CredentialClass]) -> str | None:
    """Say what is wrong with the classes chosen for an access point, if anything is."""
    if kind is PortalKind.VENDING:
        fits = set(chosen) == {CredentialClass.VOUCHER}
        return None if fits else "a vending machine takes vouchers and nothing else"
    return "vouchers are for vending machines" if CredentialClass.VOUCHER in chosen else None


def admitted_classes(
    accepted: Collection[CredentialClass], zone: int, static_zones: Collection[int]
) -> frozenset[CredentialClass]:
    """Return the classes admitted at an access point: static ones only into the zones the site names."""
    if zone in static_zones:
        return frozenset(accepted)
    return frozenset(accepted) - {CredentialClass.STATIC}


def _safe_ways(chosen: list[list[Presence]]) -> list[list[Presence]]:
    return [[Presence(each) for each in way] for way in presence.written(presence.ways(chosen))]


def unread_exits(entries: Collection[str], exits: Collection[str]) -> list[str]:
    """Return the portals that lead into a zone and have no reader on the way out of it."""
    return sorted(set(entries) - set(exits))


def _known_time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is not a time zone; write for example Asia/Tokyo")
    return name


def _not_reserved(code: str) -> str:
    if code == EVERY_SITE:
        raise ValueError(f"{EVERY_SITE} is reserved; choose another code")
    return code


SiteCodeText = Annotated[
    str, Field(pattern="^[A-Z]{1,3}$", description="One to three capitals, for example TYO.")
]
NewSiteCode = Annotated[SiteCodeText, AfterValidator(_not_reserved)]
Slug = Annotated[str, Field(pattern="^[a-z0-9-]{1,32}$", description="For example main-gate.")]
DeviceText = Annotated[str, Field(pattern="^[a-z0-9-]{3,32}$", description="For example gate-1.")]
ZoneNo = Annotated[int, Field(ge=1, le=HIGHEST_ZONE)]
Name = Annotated[Line, Field(min_length=1, max_length=80)]
Translations = Annotated[
    dict[Language, Name],
    Field(max_length=len(Language), description="The name in other languages, by language."),
]
Address = Annotated[Lines, Field(max_length=300)]
TimeZone = Annotated[Line, Field(max_length=64), AfterValidator(_known_time_zone)]
StalenessHours = Annotated[int, Field(ge=1, le=24 * 30)]
ForgivenAfterMinutes = Annotated[int, Field(ge=1, le=60 * 24 * 7)]
PresenceWays = Annotated[
    list[Annotated[list[Presence], Field(min_length=1, max_length=len(Presence))]],
    Field(
        min_length=1,
        max_length=8,
        description="What a visitor who scanned the poster must show: any one of these, in full. "
        "A position alone is never enough.",
    ),
    AfterValidator(_safe_ways),
]
PulseMs = Annotated[
    int,
    Field(
        ge=SHORTEST_PULSE // timedelta(milliseconds=1),
        le=LONGEST_PULSE // timedelta(milliseconds=1),
        description="How long the lock is released, in milliseconds.",
    ),
]
