"""A guest's calendar: takes iTIP messages (RFC 5546) as calendars do, and says which appointments it shows."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportOptionalMemberAccess=false
# pyright: reportCallIssue=false, reportUnknownParameterType=false
# icalendar leaves the type of a property's value open.

from dataclasses import dataclass, field
from datetime import UTC, datetime

from dateutil.rrule import rrulestr
from icalendar import Calendar, Event

Span = tuple[datetime, datetime]


@dataclass
class Kept:
    """One entry: its master or single appointment, what was told of single dates, and what was taken out."""

    master: Event
    dates: dict[datetime, Event] = field(default_factory=dict[datetime, Event])
    gone: set[datetime] = field(default_factory=set[datetime])
    sequences: dict[datetime | None, int] = field(default_factory=dict[datetime | None, int])


class CalendarClient:
    """Applies messages in the order in which they arrive; what is older than what it knows is ignored."""

    def __init__(self) -> None:
        """Begin empty."""
        self.entries: dict[str, Kept] = {}
        self.methods: list[str] = []

    def take(self, content: bytes) -> None:
        """Apply one message."""
        calendar = Calendar.from_ical(content)
        assert isinstance(calendar, Calendar)
        method = str(calendar["METHOD"])
        assert len({str(event["UID"]) for event in calendar.events}) == 1, "one message, one entry"
        self.methods.append(method)
        for event in calendar.events:
            if method == "REQUEST":
                self._asked(event)
            else:
                self._cancelled(event)

    def shows(self) -> set[Span]:
        """Every appointment in the calendar, from when to when, in UTC."""
        return {span for kept in self.entries.values() for span in _spans(kept)}

    def _asked(self, event: Event) -> None:
        uid, number = str(event["UID"]), int(event["SEQUENCE"])
        known = self.entries.get(uid)
        if "RECURRENCE-ID" not in event:
            if known is None or number >= known.sequences[None]:
                # The whole entry anew: single dates that it does not repeat are as the rule has them.
                self.entries[uid] = Kept(event, sequences={None: number})
            return
        assert known is not None, "a date of a series that nobody heard of"
        date = _utc(event["RECURRENCE-ID"].dt)
        assert date in dict(_ruled(known.master)), "a date that is none of the series'"
        if number >= known.sequences.get(date, known.sequences[None]):
            known.sequences[date] = number
            known.dates[date] = event
            known.gone.discard(date)

    def _cancelled(self, event: Event) -> None:
        uid, number = str(event["UID"]), int(event["SEQUENCE"])
        known = self.entries.get(uid)
        if known is None:
            # The invitation was taken back before it was sent.
            return
        assert number > known.sequences[None], "not newer than what it cancels"
        if "RECURRENCE-ID" not in event:
            del self.entries[uid]
            return
        date = _utc(event["RECURRENCE-ID"].dt)
        assert date in dict(_ruled(known.master)), "a date that is none of the series'"
        if number >= known.sequences.get(date, known.sequences[None]):
            known.sequences[date] = number
            known.gone.add(date)
            known.dates.pop(date, None)


def _spans(kept: Kept) -> list[Span]:
    if "RRULE" not in kept.master:
        return [(_utc(kept.master.DTSTART), _utc(kept.master.DTEND))]
    spans: list[Span] = []
    for date, span in _ruled(kept.master):
        if date in kept.dates:
            event = kept.dates[date]
            spans.append((_utc(event.DTSTART), _utc(event.DTEND)))
        elif date not in kept.gone:
            spans.append(span)
    return spans


def _ruled(master: Event) -> list[tuple[datetime, Span]]:
    """Every date of the rule that is no exception, counted in the time zone of the entry."""
    start, end = master.DTSTART, master.DTEND
    if "RRULE" not in master:
        return []
    zone = start.tzinfo
    rule = rrulestr(master["RRULE"].to_ical().decode(), dtstart=start.replace(tzinfo=None))
    left_out: set[datetime] = set()
    found = master.get("EXDATE", [])
    for each in found if isinstance(found, list) else [found]:
        left_out |= {_utc(day.dt) for day in each.dts}
    starts = [_utc(each.replace(tzinfo=zone)) for each in rule]
    return [
        (each, (each, each + (_utc(end) - _utc(start)))) for each in starts if each not in left_out
    ]


def _utc(moment: datetime) -> datetime:
    assert moment.tzinfo is not None
    return moment.astimezone(UTC)
