"""The calendar entry that comes with a mail (iCalendar, RFC 5545; its methods, RFC 5546)."""
# pyright: reportUnknownMemberType=false
# icalendar leaves the type of a property's value open.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from enum import StrEnum
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress, vText

A_YEAR = timedelta(days=366)
FURTHEST = 4 * A_YEAR
"""So far the definition of a time zone reaches: from a year before the first date past the last that may be."""


class Method(StrEnum):
    """What a calendar shall do with the entry."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """One component of an entry: a single appointment, a whole series, or one date of a series."""

    starts_at: datetime
    ends_at: datetime
    summary: str
    description: str
    location: str
    link: str = ""
    date: datetime | None = None
    """Which date of its series it is: where that stands by the series' rule, a local time without zone."""
    rule: Mapping[str, int | str | list[str]] | None = None
    """The RRULE of a series (RFC 5545, 3.8.5.3); its first date is this occasion itself."""
    left_out: Sequence[datetime] = ()
    """The series' dates that do not take place, local times without zone."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one guest's calendar is told about one appointment or one series."""

    uid: str
    """Stays the same through all changes, so that calendars find the entry again."""
    sequence: int
    """Grows with each change; calendars ignore what is older than what they know."""
    method: Method
    at: datetime
    occasions: Sequence[Occasion]
    time_zone: str = ""
    """An IANA name: times are written in it, so that ten o'clock stays ten o'clock. Empty: in UTC."""
    organizer: str
    """A mail address, perhaps with a name before it: the sender of the mail."""
    organizer_name: str
    attendee: str
    attendee_name: str


def write(entry: Entry) -> bytes:
    """Return the iCalendar object, in UTF-8, with the definition of its time zone where it needs one."""
    calendar = Calendar()
    calendar.add("prodid", "-//Genkan//Visits//EN")
    calendar.add("version", "2.0")
    calendar.add("method", entry.method.value)
    for occasion in entry.occasions:
        calendar.add_component(_event(entry, occasion))
    if entry.time_zone:
        first = min(each.starts_at for each in entry.occasions) - A_YEAR
        calendar.add_missing_timezones(first.date(), first.date() + FURTHEST)
    return calendar.to_ical()


def _event(entry: Entry, occasion: Occasion) -> Event:
    zone = ZoneInfo(entry.time_zone) if entry.time_zone else UTC
    event = Event()
    event.add("uid", entry.uid)
    event.add("sequence", entry.sequence)
    event.add("dtstamp", entry.at)
    event.add("dtstart", occasion.starts_at.astimezone(zone))
    event.add("dtend", occasion.ends_at.astimezone(zone))
    if occasion.date is not None:
        event.add("recurrence-id", occasion.date.replace(tzinfo=zone))
    if occasion.rule is not None:
        event.add("rrule", dict(occasion.rule))
    if occasion.left_out:
        event.add("exdate", [each.replace(tzinfo=zone) for each in occasion.left_out])
    event.add("summary", occasion.summary)
    event.add("description", occasion.description)
    event.add("location", occasion.location)
    if occasion.link:
        event.add("url", occasion.link)
    event.add("status", "CANCELLED" if entry.method is Method.CANCEL else "CONFIRMED")
    event.add("class", "PRIVATE")
    event.add("transp", "OPAQUE")
    event["organizer"] = _person(parseaddr(entry.organizer)[1], entry.organizer_name)
    attendee = _person(entry.attendee, entry.attendee_name)
    attendee.params["role"] = vText("REQ-PARTICIPANT")
    attendee.params["partstat"] = vText("ACCEPTED")
    attendee.params["rsvp"] = vText("FALSE")
    event.add("attendee", attendee, encode=False)
    return event


def _person(address: str, name: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{address}")
    # A parameter cannot hold a double quote (RFC 5545, 3.2); RFC 6868's escape is not known everywhere.
    person.params["cn"] = vText(name.replace('"', "'"))
    return person
