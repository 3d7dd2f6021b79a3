"""How a person wants to be told: quiet hours, mail, names on locked screens, and when the deputy is told."""

from datetime import time
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, Field

from server.kernel.errors import Forbidden, Invalid
from server.kernel.ids import PersonId
from server.kernel.principal import Kind
from server.kernel.work import Work
from server.notifications import models
from server.notifications.kinds import MailUse, QuietWay
from server.notifications.models import Preferences
from server.notifications.quiet import QuietHours, quiet_until

DAYS = 7
LONGEST_SILENCE = 120


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("must be a time zone such as Asia/Tokyo")
    return name


class QuietHoursInput(BaseModel):
    """When a person is not to be disturbed."""

    begin: time = Field(description="In the person's time zone, to the minute.", examples=["20:00"])
    end: time = Field(
        description="Not after `begin`: on the next day; the same: a whole day.", examples=["07:30"]
    )
    days: list[Annotated[int, Field(ge=1, le=DAYS)]] = Field(
        default=list(range(1, DAYS + 1)),
        min_length=1,
        max_length=DAYS,
        description="ISO weekdays on which they begin; Monday is 1.",
    )


class PreferencesInput(BaseModel):
    """How a person wants to be told; what is left out goes back to its default."""

    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default="UTC",
        max_length=64,
        description="IANA name of the zone in which the quiet hours are meant.",
    )
    quiet_hours: QuietHoursInput | None = None
    urgent_passes: bool = Field(
        default=True, description="Whether a visitor at the door is told of in quiet hours too."
    )
    in_quiet: QuietWay = Field(
        default=QuietWay.WAIT, description="Whether the others wait until the end or go by mail."
    )
    mail: MailUse = Field(
        default=MailUse.OTHERWISE,
        description="Mail always, or only where there is no other channel or all others failed.",
    )
    hide_names: bool = Field(
        default=False, description="No names in pushes and messengers: locked screens show them."
    )
    deputy_after: int | None = Field(
        default=5,
        ge=1,
        le=LONGEST_SILENCE,
        description="Minutes without a reaction after which the deputy is told; null: never.",
    )


def preferences_of(work: Work, person: PersonId) -> PreferencesInput:
    """Return how a person wants to be told; one's own only."""
    _require_own(work, person)
    return _shown(models.preferences_of(work.session, person))


def is_quiet(work: Work, person: PersonId) -> bool:
    """Tell whether a person is not to be disturbed now; who waits for them is better sent to somebody else."""
    return quiet_until(hours_of(models.preferences_of(work.session, person)), work.now) is not None


def set_preferences(work: Work, person: PersonId, wanted: PreferencesInput) -> PreferencesInput:
    """Keep how a person wants to be told; it counts for what is told from now on."""
    _require_own(work, person)
    hours = wanted.quiet_hours
    if hours and hours.begin == hours.end and len(set(hours.days)) == DAYS:
        raise Invalid(
            [("quiet_hours", "would never end; leave out a day, or choose shorter hours")]
        )
    if hours and (hours.begin.tzinfo or hours.end.tzinfo):
        raise Invalid([("quiet_hours", "must be times without an offset, in your time zone")])
    row = work.session.get(Preferences, person) or Preferences(person=person)
    row.time_zone = wanted.time_zone
    row.quiet_from = _minutes(hours.begin) if hours else None
    row.quiet_until = _minutes(hours.end) if hours else None
    row.quiet_days = sorted(set(hours.days)) if hours else []
    row.urgent_passes, row.in_quiet = wanted.urgent_passes, wanted.in_quiet
    row.mail, row.hide_names = wanted.mail, wanted.hide_names
    row.deputy_after = wanted.deputy_after or 0
    work.session.add(row)
    work.session.flush()
    return _shown(row)


def hours_of(row: Preferences) -> QuietHours | None:
    """Return the quiet hours of stored preferences."""
    if row.quiet_from is None or row.quiet_until is None:
        return None
    return QuietHours(
        begin=_time(row.quiet_from),
        end=_time(row.quiet_until),
        days=frozenset(row.quiet_days),
        zone=ZoneInfo(row.time_zone),
    )


def _shown(row: Preferences) -> PreferencesInput:
    hours = hours_of(row)
    return PreferencesInput(
        time_zone=row.time_zone,
        quiet_hours=hours
        and QuietHoursInput(begin=hours.begin, end=hours.end, days=sorted(hours.days)),
        urgent_passes=row.urgent_passes,
        in_quiet=row.in_quiet,
        mail=row.mail,
        hide_names=row.hide_names,
        deputy_after=row.deputy_after or None,
    )


def _minutes(local: time) -> int:
    return local.hour * 60 + local.minute


def _time(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)


def _require_own(work: Work, person: PersonId) -> None:
    if work.principal.person != person and work.principal.kind is not Kind.SYSTEM:
        raise Forbidden("Everybody chooses for themselves how they are told.")
