"""The timeline's part of the meeting: begun, ended, who did not come, and what the host set right."""

from collections.abc import Iterator

from server.kernel.ids import VisitorId
from server.meetings import actions as meetings
from server.meetings.actions import Fact, MeetingRecord
from server.meetings.models import Correction
from server.pages.meetings import duration, lateness
from server.pages.meetings import told as in_words
from server.pages.states import Badge
from server.pages.timeline.entry import Entry, Kind, Told
from server.web.formats import local, same_day
from server.web.languages import gettext


def meeting(told: Told) -> Iterator[Entry]:
    """Tell what the doors' reports say of the meeting, to the second at which they say it."""
    if told.visit.room is None:
        return
    record = meetings.records_of(told.work, [told.visit])[told.visit.id]
    if record.started is not None:
        badge = Badge("good", "room", gettext("The meeting began"))
        yield _fact(told, "began", record.started, badge, _began(told, record))
    if record.ended is not None:
        over = (
            gettext("%(over)s over time", over=duration(record.over_by)) if record.over_by else ""
        )
        badge = Badge("", "room", gettext("The meeting ended"))
        yield _fact(told, "ended", record.ended, badge, over)
    yield from _no_shows(told, record)


def corrections(told: Told) -> Iterator[Entry]:
    """Tell what was set right beside the record; a visitor reads of the times and of themselves."""
    badge = Badge("", "edit", gettext("The record was corrected"))
    for said in meetings.corrections_of(told.work, told.visit):
        words = _set_right(told, said)
        if words or not told.to_visitor:
            detail = "\n".join(part for part in (words, told.staff(said.reason)) if part)
            who = told.names.person(said.made_by)
            yield Entry(Kind.MEETING, said.id, said.made_at, badge, detail=detail, who=who)


def _fact(told: Told, what: str, fact: Fact, badge: Badge, more: str) -> Entry:
    doubt = in_words(fact, told.visit.starts_at).doubt
    room = told.names.room(told.visit.room)
    detail = " · ".join(part for part in (room, more, doubt) if part)
    return Entry(Kind.MEETING, f"{told.visit.id}-{what}", fact.at, badge, detail=detail)


def _began(told: Told, record: MeetingRecord) -> str:
    """Return by how much it began late; which side was late is for staff."""
    if not record.late_by:
        return ""
    if told.to_visitor:
        return gettext("%(late)s late", late=duration(record.late_by))
    return lateness(record)


def _no_shows(told: Told, record: MeetingRecord) -> Iterator[Entry]:
    after = told.work.settings.no_show_after
    due = told.visit.ends_at
    if after:
        due = min(due, told.visit.starts_at + after)
    badge = Badge("bad", "cancelled", gettext("Did not come to the meeting"))
    for visitor in record.no_shows:
        if visitor in told.called:
            yield Entry(Kind.MEETING, f"{visitor}-no-show", due, badge, visitor)


def _set_right(told: Told, said: Correction) -> str:
    day = told.visit.starts_at
    parts: list[str] = []
    for word, ids in (
        (gettext("Was there"), said.came),
        (gettext("Was not there"), said.stayed_away),
    ):
        theirs = [VisitorId(each) for each in ids if VisitorId(each) in told.called]
        names = ", ".join(told.called[each] for each in theirs if told.called[each])
        if theirs:
            parts.append(f"{word}: {names}" if names else word)
    for word, at in ((gettext("Began"), said.started_at), (gettext("Ended"), said.ended_at)):
        if at is not None:
            parts.append(f"{word}: {local(at, 'time' if same_day(at, day) else 'both')}")
    return " · ".join(parts)
