"""What a guest's calendar must be told, so that it holds exactly the dates of a series that stand. Pure.

The calendar keeps one entry for each guest and series (RFC 5545): a rule with its exceptions. What was told last is
kept (`Told`); each change is compared with it and becomes the smallest message that calendars understand (RFC 5546):
one date moved or cancelled is told by its RECURRENCE-ID, all else by the whole entry anew, which replaces the old one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from zoneinfo import ZoneInfo

from server.notifications.actions import SeriesDate
from server.visits.recurrence import RuleValue, at_slot, slot_of, to_local, to_utc


class Step(StrEnum):
    """What there is to tell."""

    NOTHING = "nothing"
    WHOLE = "whole"
    ONE_CHANGED = "one changed"
    SOME_GONE = "some gone"
    """One date, or the last of those to come: each is cancelled by itself."""
    ALL_GONE = "all gone"


@dataclass(frozen=True, kw_only=True)
class Date:
    """One date of a series as a guest shall know it."""

    slot: str
    starts_at: datetime
    ends_at: datetime
    title: str
    note: str
    bring: str
    place: str
    link: str
    digest: str
    """Of all that is read about it but its time."""


@dataclass(frozen=True)
class ToldDate:
    """One date as it was told last."""

    starts_at: datetime
    ends_at: datetime
    digest: str


@dataclass(frozen=True)
class Told:
    """What a guest's calendar holds."""

    dates: Mapping[str, ToldDate] = field(default_factory=dict[str, ToldDate])
    shift: timedelta = timedelta()
    """How far the entry's own time of day lies from the one that the series was made with."""

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """Return it from how it is stored; nothing stored means nothing told."""
        dates = {
            slot: ToldDate(datetime.fromisoformat(start), datetime.fromisoformat(end), digest)
            for slot, (start, end, digest) in stored.get("dates", {}).items()
        }
        return cls(dates, timedelta(minutes=stored.get("shift", 0)))

    def stored(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "dates": {
                slot: [each.starts_at.isoformat(), each.ends_at.isoformat(), each.digest]
                for slot, each in self.dates.items()
            },
            "shift": self.shift // timedelta(minutes=1),
        }


@dataclass(frozen=True)
class News:
    """What differs between what was told and what stands."""

    step: Step
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def compare(told: Told, now: Mapping[str, Date], at: datetime, *, surely: bool) -> News:
    """Return what to tell; `surely`: the message before arrived, so that this one may build on it."""
    gone = tuple(sorted(told.dates.keys() - now.keys()))
    changed = tuple(
        slot
        for slot, date in now.items()
        if slot in told.dates
        and told.dates[slot] != ToldDate(date.starts_at, date.ends_at, date.digest)
    )
    added = now.keys() - told.dates.keys()
    if not (gone or changed or added):
        return News(Step.NOTHING)
    if not now:
        return News(Step.ALL_GONE, gone=gone)
    if len(told.dates) > 1 and not added:
        coming = any(each.ends_at > at for each in now.values())
        if gone and not changed and (not coming or (surely and len(gone) == 1)):
            return News(Step.SOME_GONE, gone=gone)
        if surely and len(changed) == 1 and not gone:
            return News(Step.ONE_CHANGED, changed=changed)
    return News(Step.WHOLE, changed, gone)


def told_now(now: Mapping[str, Date], shift: timedelta) -> Told:
    """Return what the calendar holds once it was told."""
    return Told(
        {slot: ToldDate(it.starts_at, it.ends_at, it.digest) for slot, it in now.items()}, shift
    )


def whole(
    dates: Sequence[Date],
    slots: Sequence[str],
    rule: Mapping[str, RuleValue],
    zone: ZoneInfo,
    link: str,
) -> tuple[list[SeriesDate], timedelta]:
    """Return the whole entry, and how far its time of day lies from the series' own.

    The rule goes from the first date that stands to the last; what most dates share is the entry's, and each date
    that differs follows by itself. One date alone is no series.
    """
    if len(dates) == 1:
        return [_occasion(dates[0])], timedelta()
    shift, like = _usual(dates, zone)
    standing = {each.slot for each in dates}
    span = [slot for slot in slots if min(standing) <= slot <= max(standing)]
    begins = to_utc(at_slot(span[0]) + shift, zone)
    length = like.ends_at - like.starts_at
    master = replace(
        _occasion(like),
        starts_at=begins,
        ends_at=begins + length,
        link=link,
        rule={**rule, "COUNT": len(span)},
        left_out=[at_slot(slot) + shift for slot in span if slot not in standing],
    )
    return [
        master,
        *(
            one(each, shift)
            for each in dates
            if (each.starts_at, each.ends_at - each.starts_at, each.digest)
            != (to_utc(at_slot(each.slot) + shift, zone), length, like.digest)
        ),
    ], shift


def one(date: Date, shift: timedelta) -> SeriesDate:
    """Return one date, named by where the calendar's rule has it."""
    return replace(_occasion(date), date=at_slot(date.slot) + shift)


def gone(told: Told, slots: Sequence[str], like: Date) -> list[SeriesDate]:
    """Return the dates of `slots` to be taken out of the calendar; `like` has the words."""
    return [
        replace(
            _occasion(like),
            starts_at=told.dates[slot].starts_at,
            ends_at=told.dates[slot].ends_at,
            date=at_slot(slot) + told.shift,
            link="",
        )
        for slot in slots
    ]


def _usual(dates: Sequence[Date], zone: ZoneInfo) -> tuple[timedelta, Date]:
    """Return the time of day, as a distance from the series' own, and the date that is like most of them."""
    shifts = [_shift(each, zone) for each in dates]
    alike = Counter(
        (shift, each.ends_at - each.starts_at, each.digest)
        for each, shift in zip(dates, shifts, strict=True)
    )
    most = alike.most_common(1)[0][0]
    like = next(
        each
        for each, shift in zip(dates, shifts, strict=True)
        if (shift, each.ends_at - each.starts_at, each.digest) == most
    )
    return most[0], like


def _shift(date: Date, zone: ZoneInfo) -> timedelta:
    """Return how far a date was moved within its day; on another day the rule cannot follow it."""
    own = at_slot(date.slot)
    moved = to_local(date.starts_at, zone)
    if date.starts_at == to_utc(own, zone) or moved.date() != own.date():
        return timedelta()
    return moved - own


def _occasion(date: Date) -> SeriesDate:
    return SeriesDate(
        starts_at=date.starts_at,
        ends_at=date.ends_at,
        title=date.title,
        note=date.note,
        bring=date.bring,
        place=date.place,
        link=date.link,
    )


__all__ = [
    "Date",
    "News",
    "Step",
    "Told",
    "ToldDate",
    "compare",
    "gone",
    "one",
    "slot_of",
    "told_now",
    "whole",
]
