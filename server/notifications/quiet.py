"""Quiet hours: when a host is not to be disturbed, in their own time zone. Pure; clocks may change meanwhile."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_MOST_STRETCHES = 8
"""Quiet times that follow on each other without a gap, for example whole days at a weekend."""


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """From when until when, on which days."""

    begin: time
    end: time
    """Not after `begin`: on the next day. The same: a whole day."""
    days: frozenset[int]
    """ISO weekdays (Monday is 1) on which they begin."""
    zone: ZoneInfo


def quiet_until(hours: QuietHours | None, at: datetime) -> datetime | None:
    """Return when the quiet time that includes `at` ends (UTC); None where `at` is in none."""
    if hours is None:
        return None
    end: datetime | None = None
    for _ in range(_MOST_STRETCHES):
        later = _end_of_stretch(hours, end or at)
        if later is None:
            return end
        end = later
    return end


def _end_of_stretch(hours: QuietHours, at: datetime) -> datetime | None:
    today = at.astimezone(hours.zone).date()
    # A stretch lasts a day at most, so it began today or yesterday; on two days the clock may jump between.
    ends = [
        end
        for begin, end in (_stretch(hours, today - back * _DAY) for back in range(3))
        if begin is not None and begin <= at < end
    ]
    return max(ends, default=None)


def _stretch(hours: QuietHours, day: date) -> tuple[datetime | None, datetime]:
    last = day if hours.begin < hours.end else day + _DAY
    end = _moment(hours, last, hours.end)
    return (_moment(hours, day, hours.begin) if day.isoweekday() in hours.days else None), end


def _moment(hours: QuietHours, day: date, local: time) -> datetime:
    """Return a local time as UTC: of two the first, and a time that is skipped counts as before the jump (PEP 495)."""
    naive = datetime.combine(day, local)
    return naive.replace(tzinfo=hours.zone).astimezone(ZoneInfo("UTC"))
