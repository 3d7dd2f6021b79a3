"""The sheet of one meeting in the reader's words: the same on every page, on paper and in the table."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from server.kernel.ids import PersonId, VisitId, VisitorId
from server.kernel.work import Work
from server.meetings import actions as meetings
from server.meetings.actions import (
    Certainty,
    Doubt,
    Fact,
    Flag,
    MeetingRecord,
    Participant,
    Standing,
    State,
)
from server.meetings.models import Correction
from server.pages.names import Names
from server.pages.states import Badge
from server.visits import models as visits
from server.visits.models import Visit, Visitor
from server.web.formats import local, same_day
from server.web.languages import gettext, ngettext

MINUTE = timedelta(minutes=1)


class Told(NamedTuple):
    """A moment as it is told, and how sure it is where that is less than a passage seen by the door."""

    words: str
    doubt: str = ""
    at: datetime | None = None
    """The moment itself, for the table."""
    certainty: str = ""


class Line(NamedTuple):
    """One person in the sheet."""

    name: str
    company: str
    role: str
    state: Badge
    entered: Told
    left: Told


class Setting(NamedTuple):
    """What a host set right, beside the record."""

    key: str
    facts: Sequence[tuple[str, str]]
    reason: str
    who: str
    at: datetime


class Sheet(NamedTuple):
    """One meeting."""

    visit: VisitId
    title: str
    visitors: str
    room: str
    host: str
    starts_at: datetime
    ends_at: datetime
    state: Badge
    headline: str
    """One sentence: what matters now."""
    recorded: bool
    is_open: bool
    """Whether somebody is inside, or it is still to begin."""
    started: Told
    ended: Told
    late: str
    over: str
    people: Sequence[Line]
    notes: Sequence[str]
    """What leaves something open: openings for several, exits by the button, a gate that is away."""
    settings: Sequence[Setting]
    inside: int


def sheet(work: Work, visit: Visit, record: MeetingRecord) -> Sheet:
    """Return the sheet of a meeting. The visit is one that the caller may see."""
    return sheets(work, [(visit, record)])[0]


def sheets(work: Work, found: Sequence[tuple[Visit, MeetingRecord]]) -> list[Sheet]:
    """Return the sheets of many meetings, with the same few queries."""
    guests = visits.visitors_by_visit(work.session, [visit.id for visit, _ in found])
    names = Names(work)
    return [_sheet(work, names, visit, record, guests.get(visit.id, [])) for visit, record in found]


def _sheet(
    work: Work, names: Names, visit: Visit, record: MeetingRecord, guests: Sequence[Visitor]
) -> Sheet:
    by_id = {guest.id: guest for guest in guests}
    recorded = record.state is not State.NOT_RECORDED
    return Sheet(
        visit=visit.id,
        title=visit.title,
        visitors=", ".join(guest.name for guest in guests),
        room=names.room(visit.room) or names.site(visit.site),
        host=names.person(visit.host),
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        state=state_of(record.state),
        headline=_headline(record, visit),
        recorded=recorded,
        is_open=record.state in {State.TO_COME, State.WAITING, State.RUNNING, State.OVER_RUNNING},
        started=told(record.started, visit.starts_at),
        ended=told(record.ended, visit.starts_at),
        late=lateness(record),
        over=duration(record.over_by) if record.over_by else "",
        people=[_line(names, visit, each, by_id) for each in record.participants],
        notes=_notes(record, visit),
        settings=[
            _setting(names, visit, each, by_id) for each in meetings.corrections_of(work, visit)
        ],
        inside=len(record.inside),
    )


def state_of(state: State) -> Badge:
    """Return how a meeting's state looks."""
    looks = {
        State.TO_COME: Badge("", "clock", gettext("To come")),
        State.WAITING: Badge("waiting", "waiting", gettext("Not begun")),
        State.RUNNING: Badge("good", "visits", gettext("Running")),
        State.OVER_RUNNING: Badge("waiting", "expired", gettext("Running over")),
        State.ENDED: Badge("", "granted", gettext("Over")),
        State.NOT_HELD: Badge("bad", "cancelled", gettext("Did not take place")),
        State.UNCLEAR: Badge("waiting", "unknown", gettext("Not known")),
        State.NOT_RECORDED: Badge("", "information", gettext("Not recorded")),
    }
    return looks[state]


def standing_of(standing: Standing) -> Badge:
    """Return how one person's part looks."""
    looks = {
        Standing.EXPECTED: Badge("", "clock", gettext("Not in yet")),
        Standing.INSIDE: Badge("good", "visits", gettext("In the room")),
        Standing.LEFT: Badge("", "sign-out", gettext("Left the room")),
        Standing.LEFT_UNSEEN: Badge("", "unknown", gettext("Left, not seen when")),
        Standing.CAME: Badge("", "visits", gettext("Came, not seen in the room")),
        Standing.NO_SHOW: Badge("bad", "cancelled", gettext("Did not come")),
        Standing.UNCLEAR: Badge("waiting", "unknown", gettext("Not known")),
        Standing.DECLINED: Badge("", "cancelled", gettext("Declined")),
    }
    return looks[standing]


def duration(lasted: timedelta) -> str:
    """Return so many whole minutes in words."""
    minutes = lasted // MINUTE
    return ngettext("%(num)d minute", "%(num)d minutes", minutes)


def told(fact: Fact | None, day: datetime) -> Told:
    """Return a moment in words, with the date where it is another day than `day`."""
    if fact is None:
        return Told("")
    words = local(fact.at, "seconds" if same_day(fact.at, day) else "exact")
    match fact.certainty:
        case Certainty.PASSED:
            doubt = ""
        case Certainty.UNLOCKED:
            doubt = gettext("door unlocked, opening not seen")
        case Certainty.AT_THE_LATEST:
            doubt = gettext("at the latest")
    return Told(words, doubt, fact.at, fact.certainty)


def lateness(record: MeetingRecord) -> str:
    """Return by how much it began late, and who was; nothing where it is on time."""
    if not record.late_by:
        return ""
    late = duration(record.late_by)
    if record.late_visitors and record.late_hosts:
        return gettext("%(late)s late (both sides)", late=late)
    if record.late_hosts:
        return gettext("%(late)s late (the host's side)", late=late)
    if record.late_visitors:
        return gettext("%(late)s late (the visitors)", late=late)
    return gettext("%(late)s late", late=late)


def _headline(record: MeetingRecord, visit: Visit) -> str:
    """Return one sentence about how it stands."""
    over = duration(record.over_by)
    if record.state is State.NOT_RECORDED and visit.room is None:
        return gettext("No room was set for this visit, so no door tells of the meeting.")
    if record.state is State.ENDED and record.ended is not None:
        late = gettext("It ended %(over)s late.", over=over)
        return late if record.over_by else gettext("It is over.")
    words = {
        State.NOT_RECORDED: gettext(
            "This room has no door with a reader of its own, so nothing is recorded of the meeting."
        ),
        State.TO_COME: gettext("It begins at %(time)s.", time=local(visit.starts_at)),
        State.WAITING: _waiting(record),
        State.RUNNING: gettext("They are together in the room."),
        State.OVER_RUNNING: gettext("It has run over by %(over)s.", over=over),
        State.ENDED: gettext("It is over; no reader saw when."),
        State.NOT_HELD: gettext(
            "Its time is over, and host and visitors were not in the room together."
        ),
        State.UNCLEAR: gettext(
            "Its time is over, and the door's reports do not tell what happened."
        ),
    }
    return words[record.state]


def _waiting(record: MeetingRecord) -> str:
    inside = {each.who.is_visitor for each in record.inside}
    if inside == {True}:
        return gettext("The visitors are in the room; the host's side is not.")
    if inside == {False}:
        return gettext("The host's side is in the room; the visitors are not.")
    return gettext("Its time has come, and nobody is in the room yet.")


def _line(names: Names, visit: Visit, part: Participant, guests: dict[VisitorId, Visitor]) -> Line:
    guest = guests.get(VisitorId(part.who.id)) if part.who.is_visitor else None
    if part.who.is_visitor:
        name, role = guest.name if guest else "", gettext("Visitor")
    else:
        name = names.person(PersonId(part.who.id))
        role = gettext("Host") if part.who.id == visit.host else gettext("Staff")
    return Line(
        name=name,
        company=guest.company if guest else "",
        role=role,
        state=standing_of(part.standing),
        entered=told(part.entered, visit.starts_at),
        left=told(part.left, visit.starts_at),
    )


def _notes(record: MeetingRecord, visit: Visit) -> list[str]:
    notes = [_doubt(each, visit) for each in record.doubts]
    if record.exits_by_button:
        notes.append(
            ngettext(
                "Somebody left by the exit button once; it does not say who.",
                "Somebody left by the exit button %(num)d times; it does not say who.",
                record.exits_by_button,
            )
        )
    if record.silent_since is not None:
        since = local(record.silent_since, "both")
        notes.append(
            gettext(
                "The room's door has not reported since %(time)s. What happened meanwhile appears here once it does.",
                time=since,
            )
        )
    return notes


def _doubt(doubt: Doubt, visit: Visit) -> str:
    time = local(doubt.at, "seconds" if same_day(doubt.at, visit.starts_at) else "exact")
    match doubt.flag:
        case Flag.HELD_OPEN:
            return gettext("%(time)s: the door was held open; others may have come in.", time=time)
        case Flag.FORCED_OPEN:
            return gettext("%(time)s: the door was forced open.", time=time)
        case Flag.TWO_GRANTS:
            return gettext(
                "%(time)s: the door opened once for two people; it cannot tell who went through.",
                time=time,
            )
        case Flag.MORE_PASSAGES:
            return gettext("%(time)s: more people passed than were let in by name.", time=time)
        case Flag.UNNAMED_OPENING:
            return gettext("%(time)s: the door opened for somebody without a name.", time=time)


def _setting(
    names: Names, visit: Visit, said: Correction, guests: dict[VisitorId, Visitor]
) -> Setting:
    facts: list[tuple[str, str]] = []
    for word, ids in (
        (gettext("Was there"), said.came),
        (gettext("Was not there"), said.stayed_away),
    ):
        called = [guests[VisitorId(each)].name for each in ids if each in guests]
        if called:
            facts.append((word, ", ".join(called)))
    for word, at in ((gettext("Began"), said.started_at), (gettext("Ended"), said.ended_at)):
        if at is not None:
            facts.append((word, local(at, "time" if same_day(at, visit.starts_at) else "both")))
    return Setting(said.id, facts, said.reason, names.person(said.made_by), said.made_at)
