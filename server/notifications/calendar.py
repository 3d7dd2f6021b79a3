"""The calendar entry that comes with a mail (iCalendar, RFC 5545; its methods, RFC 5546)."""
# pyright: reportUnknownMemberType=false
# icalendar leaves the type of a property's value open.

from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from enum import StrEnum

from icalendar import Calendar, Event, vCalAddress, vText


class Method(StrEnum):
    """What a calendar shall do with the entry."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One appointment in one guest's calendar."""

    uid: str
    """Stays the same through all changes, so that calendars find the entry again."""
    sequence: int
    """Grows with each change; calendars ignore what is older than what they know."""
    method: Method
    at: datetime
    starts_at: datetime
    ends_at: datetime
    summary: str
    description: str
    location: str
    link: str
    organizer: str
    """A mail address, perhaps with a name before it: the sender of the mail."""
    organizer_name: str
    attendee: str
    attendee_name: str


def write(entry: Entry) -> bytes:
    """Return the iCalendar object, in UTC and UTF-8."""
    calendar = Calendar()
    calendar.add("prodid", "-//Genkan//Visits//EN")
    calendar.add("version", "2.0")
    calendar.add("method", entry.method.value)
    event = Event()
    event.add("uid", entry.uid)
    event.add("sequence", entry.sequence)
    event.add("dtstamp", entry.at)
    event.add("dtstart", entry.starts_at)
    event.add("dtend", entry.ends_at)
    event.add("summary", entry.summary)
    event.add("description", entry.description)
    event.add("location", entry.location)
    if entry.link:
        event.add("url", entry.link)
    event.add("status", "CANCELLED" if entry.method is Method.CANCEL else "CONFIRMED")
    event.add("class", "PRIVATE")
    event.add("transp", "OPAQUE")
    event["organizer"] = _person(parseaddr(entry.organizer)[1], entry.organizer_name)
    attendee = _person(entry.attendee, entry.attendee_name)
    attendee.params["role"] = vText("REQ-PARTICIPANT")
    attendee.params["partstat"] = vText("ACCEPTED")
    attendee.params["rsvp"] = vText("FALSE")
    event.add("attendee", attendee, encode=False)
    calendar.add_component(event)
    return calendar.to_ical()


def _person(address: str, name: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{address}")
    # A parameter cannot hold a double quote (RFC 5545, 3.2); RFC 6868's escape is not known everywhere.
    person.params["cn"] = vText(name.replace('"', "'"))
    return person
