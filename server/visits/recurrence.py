"""How a visit repeats: the rule that people choose, and the dates that follow from it. Pure."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import islice, takewhile
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, rrule, weekday, weekdays
from pydantic import AfterValidator, Field, model_validator

from server.visits.rules import FURTHEST_AHEAD, Input

MOST_DATES = 52
LONGEST_STEP = 12
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
SLOT = "%Y-%m-%dT%H:%M"
"""How a date of a series is written: in the site's own time, to the minute."""
RuleValue = int | str | list[str]


class Frequency(StrEnum):
    """In which way a visit repeats."""

    DAILY = "daily"
    WEEKDAYS = "weekdays"
    """From Monday to Friday."""
    WEEKLY = "weekly"
    MONTHLY_DATE = "monthly_date"
    """On the same date of the month; months without it are left out."""
    MONTHLY_WEEKDAY = "monthly_weekday"
    """On the same weekday of the month, for example on the second Tuesday."""
    MONTHLY_LAST_WEEKDAY = "monthly_last_weekday"
    """For example on the last Friday of the month."""


def _in_order(days: list[int]) -> list[int]:
    return sorted(set(days))


class Repeat(Input):
    """A rule by which a visit repeats; its first date is the first one that fits the rule."""

    frequency: Frequency
    every: int = Field(
        default=1, ge=1, le=LONGEST_STEP, description="Every so many days, weeks or months."
    )
    weekdays: Annotated[list[Annotated[int, Field(ge=0, le=6)]], AfterValidator(_in_order)] = Field(
        default_factory=list[int],
        max_length=7,
        description="For `weekly`: 0 is Monday. Left out: the weekday of the beginning.",
    )
    until: date | None = Field(default=None, description="The last day on which it may fall.")
    times: int | None = Field(
        default=None, ge=2, le=MOST_DATES, description="So many dates; those left out count."
    )
    leave_out: list[date] = Field(
        default_factory=list[date], max_length=MOST_DATES, description="Dates that are left out."
    )

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if (self.until is None) == (self.times is None):
            raise ValueError("say until when it repeats, or how often: one of the two")
        return self


class NoDates(ValueError):
    """The rule gives no series; `field` says what of it is at fault."""

    def __init__(self, field: str, why: str) -> None:
        """Say which field of `Repeat`, and why."""
        super().__init__(why)
        self.field, self.why = field, why


def pattern(repeat: Repeat, begins: datetime) -> list[datetime]:
    """Return every date of the rule from `begins` on (a local time without zone), also those left out.

    Raises `NoDates` where they are fewer than two, too many, or nobody could say how far they reach.
    """
    if repeat.until is not None and repeat.until < begins.date():
        raise NoDates("until", "must not lie before the first date")
    # Every second week counts from the first date that fits, not from the week in which somebody thought of it.
    begins = next(
        iter(rrule(**_parts(repeat.model_copy(update={"every": 1}), begins), dtstart=begins))
    )
    rule = rrule(**_parts(repeat, begins), dtstart=begins, count=repeat.times)
    last = repeat.until or (begins + FURTHEST_AHEAD * 2).date()
    # One more than allowed tells that there would be more; a rule such as "on the 31st" ends by its days.
    fitting = takewhile(lambda each: each.date() <= last, rule)
    found = list(islice(fitting, MOST_DATES + 1))
    if len(found) > MOST_DATES:
        raise NoDates("until", f"gives more than {MOST_DATES} dates: choose an earlier day")
    return found


def chosen(repeat: Repeat, every: Sequence[datetime]) -> list[datetime]:
    """Return the dates that are not left out, or raise `NoDates`."""
    known = {each.date() for each in every}
    for day in repeat.leave_out:
        if day not in known:
            raise NoDates("leave_out", f"{day.isoformat()} is none of the dates")
    left = [each for each in every if each.date() not in set(repeat.leave_out)]
    if len(left) < 2:  # noqa: PLR2004  one date is no series
        field = "leave_out" if repeat.leave_out else "until"
        raise NoDates(field, "leaves fewer than two dates")
    return left


def calendar_rule(repeat: Repeat, begins: datetime) -> dict[str, RuleValue]:
    """Return the parts of the RRULE (RFC 5545, 3.3.10) but for its end, which depends on what stands."""
    day = DAYS[begins.weekday()]
    parts: dict[str, RuleValue]
    match repeat.frequency:
        case Frequency.DAILY:
            parts = {"FREQ": "DAILY"}
        case Frequency.WEEKDAYS:
            parts = {"FREQ": "WEEKLY", "BYDAY": list(DAYS[:5])}
        case Frequency.WEEKLY:
            parts = {"FREQ": "WEEKLY", "BYDAY": [DAYS[each] for each in _days(repeat, begins)]}
        case Frequency.MONTHLY_DATE:
            parts = {"FREQ": "MONTHLY", "BYMONTHDAY": begins.day}
        case Frequency.MONTHLY_WEEKDAY:
            parts = {"FREQ": "MONTHLY", "BYDAY": [f"{_nth(begins)}{day}"]}
        case Frequency.MONTHLY_LAST_WEEKDAY:
            parts = {"FREQ": "MONTHLY", "BYDAY": [f"-1{day}"]}
    if repeat.every > 1 and repeat.frequency is not Frequency.WEEKDAYS:
        parts["INTERVAL"] = repeat.every
    return parts


def to_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment of a local time; one that a change of clocks leaves out is read as RFC 5545 reads it."""
    return local.replace(tzinfo=zone).astimezone(UTC)


def to_local(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return the local time of a moment, without its zone."""
    return moment.astimezone(zone).replace(tzinfo=None)


def slot_of(local: datetime) -> str:
    """Return a date of a series as it is stored."""
    return local.strftime(SLOT)


def at_slot(slot: str) -> datetime:
    """Return the local time of a date of a series as it was stored."""
    return datetime.strptime(slot, SLOT)  # noqa: DTZ007  local on purpose


def _parts(repeat: Repeat, begins: datetime) -> dict[str, Any]:
    on = weekday(begins.weekday())
    step = repeat.every
    match repeat.frequency:
        case Frequency.DAILY:
            return {"freq": DAILY, "interval": step}
        case Frequency.WEEKDAYS:
            return {"freq": WEEKLY, "byweekday": weekdays[:5]}
        case Frequency.WEEKLY:
            days = [weekdays[each] for each in _days(repeat, begins)]
            return {"freq": WEEKLY, "interval": step, "byweekday": days}
        case Frequency.MONTHLY_DATE:
            return {"freq": MONTHLY, "interval": step, "bymonthday": begins.day}
        case Frequency.MONTHLY_WEEKDAY:
            return {"freq": MONTHLY, "interval": step, "byweekday": on(_nth(begins))}
        case Frequency.MONTHLY_LAST_WEEKDAY:
            return {"freq": MONTHLY, "interval": step, "byweekday": on(-1)}


def _days(repeat: Repeat, begins: datetime) -> list[int]:
    return repeat.weekdays or [begins.weekday()]


def _nth(day: datetime) -> int:
    """Return which one of its weekdays in the month a day is; the fifth is asked for as the last."""
    nth = (day.day - 1) // 7 + 1
    return nth if nth <= 4 else -1  # noqa: PLR2004
