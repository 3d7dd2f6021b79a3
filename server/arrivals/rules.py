"""What a crossing is, in which order crossings make sense, and when a visitor may be watched. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

QUIET_AFTER_LEAVING = timedelta(hours=1)
"""Somebody who leaves and comes back within this time is not announced a second time."""
EARLIEST = timedelta(hours=3)
"""A visit early in the morning is watched from this long before its beginning, although that is the day before."""
MOST_CROSSINGS = 60
"""Crossings kept of one visitor; more are no visit but a game."""


class CrossingKind(StrEnum):
    """What was noticed of a visitor on the way."""

    ON_MY_WAY = "on_my_way"
    """They set out, and said so."""
    APPROACHING = "approaching"
    """They came into the wider fence of the site."""
    NEAR = "near"
    """They came into the inner one."""
    HERE = "here"
    """They said that they are at the entrance."""
    LEFT = "left"
    """They left the wider fence again."""


class CrossingSource(StrEnum):
    """How a crossing was noticed."""

    PAGE = "page"
    """By the open page, which watched the position."""
    OWNTRACKS = "owntracks"
    BUTTON = "button"
    """By the visitor's own word."""


_ORDER = {
    kind: place
    for place, kind in enumerate(
        (
            CrossingKind.LEFT,
            CrossingKind.ON_MY_WAY,
            CrossingKind.APPROACHING,
            CrossingKind.NEAR,
            CrossingKind.HERE,
        )
    )
}
_CAN_BE_LEFT = frozenset({CrossingKind.APPROACHING, CrossingKind.NEAR, CrossingKind.HERE})


class Known(Protocol):
    """A crossing as far as the order of crossings is concerned."""

    kind: CrossingKind
    at: datetime
    told: bool


class Verdict(StrEnum):
    """What becomes of a crossing that is reported."""

    KNOWN = "known"
    """It says nothing new: nothing is kept and nobody told."""
    NOTED = "noted"
    """It is kept, but people were told of its like a short while ago."""
    TOLD = "told"
    """It is kept and people are told."""


def weigh(before: Sequence[Known], kind: CrossingKind, now: datetime) -> Verdict:
    """Return what becomes of a crossing, given all that were kept of the visitor, oldest first.

    Whoever is near is not approaching any more, and each kind is told once until they leave. After that it counts
    again, and is told again unless it was within the last hour.
    """
    since_left = _round(before)
    if len(before) >= MOST_CROSSINGS:
        return Verdict.KNOWN
    if kind is CrossingKind.LEFT:
        counts = any(each.kind in _CAN_BE_LEFT for each in since_left)
    else:
        counts = all(_ORDER[each.kind] < _ORDER[kind] for each in since_left)
    if not counts:
        return Verdict.KNOWN
    lately = any(
        each.told and each.kind is kind and now - each.at < QUIET_AFTER_LEAVING for each in before
    )
    return Verdict.NOTED if lately else Verdict.TOLD


def _round(before: Sequence[Known]) -> Sequence[Known]:
    """Return the crossings since they last left."""
    for index in range(len(before) - 1, -1, -1):
        if before[index].kind is CrossingKind.LEFT:
            return before[index + 1 :]
    return before


def watched_from(starts_at: datetime, time_zone: str) -> datetime:
    """Return from when on a visitor can be on the way: the first moment of the day of the visit, at the site."""
    local = starts_at.astimezone(ZoneInfo(time_zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return min(midnight.astimezone(starts_at.tzinfo), starts_at - EARLIEST)


class AnswerKind(StrEnum):
    """What a host answers somebody who is on the way or stands in the hall."""

    COMING_DOWN = "coming_down"
    FIVE_MINUTES = "five_minutes"
    PLEASE_WAIT = "please_wait"
    TEXT = "text"
    """Words of their own."""
