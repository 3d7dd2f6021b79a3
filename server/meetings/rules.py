"""What the doors' reports tell of one meeting: who came and left, when it began and ended, how sure that is. Pure.

The same reports lead to the same record in whatever order they arrive. Nothing is invented: where a door could have
let more people through than it names, the record says so and names nobody.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from server.kernel.ids import VisitId, VisitorId
from server.meetings import doubts as doorway
from server.meetings.doubts import DoorWord, Doubt, Flag
from server.meetings.stays import (
    INSTANT,
    Appointment,
    Certainty,
    Fact,
    Movement,
    Stay,
    Way,
    Who,
    distinct,
    stays_of,
)
from server.meetings.together import Span, spans

__all__ = [
    "Appointment",
    "Certainty",
    "DoorWord",
    "Doubt",
    "Evidence",
    "Fact",
    "Flag",
    "MeetingRecord",
    "Movement",
    "Participant",
    "Standing",
    "State",
    "Way",
    "Who",
    "record",
]

ON_TIME_WITHIN = timedelta(minutes=1)
"""Nobody is called late, and no meeting over time, for less."""
BREAK = timedelta(minutes=10)
"""Where everybody of one side is out for longer, the meeting was over when they went."""
UNSEEN_AFTER = timedelta(minutes=15)
"""So long after the appointment nobody is taken to sit there still, if somebody left by the button since."""
LONGEST_OVER_RUN = timedelta(hours=2)
"""So long after the appointment nobody is taken to sit there still whose leaving no reader saw."""


class State(StrEnum):
    """How a meeting stands."""

    NOT_RECORDED = "not_recorded"
    """Its room has no door of its own, so nothing is known of it."""
    TO_COME = "to_come"
    WAITING = "waiting"
    """Its time has come, and it has not begun."""
    RUNNING = "running"
    OVER_RUNNING = "over_running"
    ENDED = "ended"
    NOT_HELD = "not_held"
    """Its time is over, and no host and visitor were in the room together."""
    UNCLEAR = "unclear"
    """Its time is over, and the door's reports are missing, or could hide that it took place."""


class Standing(StrEnum):
    """What is known of one person in the meeting."""

    EXPECTED = "expected"
    INSIDE = "inside"
    LEFT = "left"
    LEFT_UNSEEN = "left_unseen"
    """They were in, and are no longer taken to be; no reader saw them leave."""
    CAME = "came"
    """They came to the site; the room's door never named them."""
    NO_SHOW = "no_show"
    UNCLEAR = "unclear"
    """Not named by any door, and the reports are missing or could hide that they came."""
    DECLINED = "declined"


@dataclass(frozen=True)
class Evidence:
    """All that the doors reported around one room, in any order, repeated or not."""

    movements: Sequence[Movement] = ()
    words: Sequence[DoorWord] = ()
    came: frozenset[VisitorId] = frozenset()
    """Visitors who were noticed at the site: checked in, or let through some portal."""
    silent_since: datetime | None = None
    """Since when the room's gate or controller is away: what happened since may still be reported."""
    has_door: bool = True


@dataclass(frozen=True)
class Participant:
    """One person's part: a visitor, the host or another of the staff."""

    who: Who
    standing: Standing
    entered: Fact | None = None
    """Their first entry."""
    left: Fact | None = None
    """When they left for the last time, where that is known."""


@dataclass(frozen=True)
class MeetingRecord:
    """What the doors' reports tell of one meeting."""

    visit: VisitId
    state: State
    participants: tuple[Participant, ...] = ()
    """The visitors as invited, the host, then other staff who were there."""
    started: Fact | None = None
    ended: Fact | None = None
    """None while it runs, and where nobody saw the end."""
    late_by: timedelta = timedelta()
    """How late it began; while it waits, how late it is already."""
    late_visitors: bool = False
    late_hosts: bool = False
    over_by: timedelta = timedelta()
    doubts: tuple[Doubt, ...] = ()
    exits_by_button: int = 0
    """How often somebody left by the exit button: a count, for it names nobody."""
    silent_since: datetime | None = None

    @property
    def inside(self) -> tuple[Participant, ...]:
        """Who is in the room now."""
        return tuple(each for each in self.participants if each.standing is Standing.INSIDE)

    @property
    def no_shows(self) -> tuple[VisitorId, ...]:
        """The visitors who did not come."""
        return tuple(
            VisitorId(each.who.id)
            for each in self.participants
            if each.who.is_visitor and each.standing is Standing.NO_SHOW
        )

    def of(self, who: Who) -> Participant | None:
        """Return one person's part."""
        return next((each for each in self.participants if each.who == who), None)


def record(
    meeting: Appointment,
    others: Iterable[Appointment],
    evidence: Evidence,
    now: datetime,
    *,
    no_show_after: timedelta | None = None,
) -> MeetingRecord:
    """Return what is known of a meeting at `now`; `others` are the appointments of the same room around it.

    A visitor who did not come is called so when the appointment is over, or `no_show_after` its beginning.
    """
    if not evidence.has_door:
        return MeetingRecord(meeting.visit, State.NOT_RECORDED)
    movements = distinct(evidence.movements)
    # A gate's clock may be a little ahead of ours: what was reported has happened.
    now = max([now, *(each.at for each in movements)])
    by_person = stays_of(movements)
    first = min(
        (
            stay.begins
            for who, stays in by_person.items()
            if who in meeting.guests
            for stay in stays
        ),
        default=meeting.starts_at,
    )
    begins = min(first, meeting.starts_at)
    buttons = doorway.exits_by_button(evidence.words)
    horizon = _horizon(meeting, [at for at in buttons if at >= begins], now)
    both = spans(meeting, others, by_person, horizon)
    facts = _facts(meeting, both, by_person, horizon, now)
    until = facts.ended.at if facts.ended is not None else horizon
    doubts = tuple(
        each
        for each in doorway.doubts(evidence.words, movements, now)
        if begins <= each.at <= until + BREAK
    )
    judged = _Judge(meeting, evidence, bool(doubts), now, no_show_after)
    present = _participants(by_person, both, judged, horizon)
    return MeetingRecord(
        visit=meeting.visit,
        state=_state(meeting, facts, present, judged, now),
        participants=present,
        started=facts.started,
        ended=facts.ended,
        late_by=_late_by(meeting, facts, now),
        late_visitors=_late(meeting, [both.visitors], now),
        late_hosts=_late(meeting, [both.staff], now),
        over_by=_over_by(meeting, facts, now),
        doubts=doubts,
        exits_by_button=sum(begins <= at <= until + BREAK for at in buttons),
        silent_since=evidence.silent_since,
    )


def _horizon(meeting: Appointment, buttons: Sequence[datetime], now: datetime) -> datetime:
    """Return up to when somebody whose leaving nobody saw is taken to be inside."""
    longest = UNSEEN_AFTER if buttons else LONGEST_OVER_RUN
    return min(now, meeting.ends_at + longest)


@dataclass(frozen=True)
class _Facts:
    started: Fact | None
    ended: Fact | None
    is_over: bool


def _facts(
    meeting: Appointment,
    both: Span,
    by_person: dict[Who, list[Stay]],
    horizon: datetime,
    now: datetime,
) -> _Facts:
    """Return when the meeting began and ended, from the times when both sides were inside."""
    if not both.together:
        return _Facts(None, None, is_over=False)
    began, _ = both.together[0]
    _, ended = both.together[-1]
    started = both.beginning(began)
    if ended > horizon:
        # Both sides are inside as far as is known; past the horizon that is no longer taken to be so.
        return _Facts(started, None, is_over=horizon < now)
    visitors_stay = any(
        stay.covers(horizon + INSTANT) for who in meeting.guests for stay in by_person.get(who, ())
    )
    if visitors_stay and horizon == now and now - ended < BREAK:
        return _Facts(started, None, is_over=False)
    return _Facts(started, Fact(ended, both.leaving_at(ended)), is_over=True)


def _late_by(meeting: Appointment, facts: _Facts, now: datetime) -> timedelta:
    if facts.started is not None:
        return _counted(facts.started.at - meeting.starts_at)
    return _counted(now - meeting.starts_at) if now < meeting.ends_at else timedelta()


def _late(meeting: Appointment, sides: Sequence[datetime | None], now: datetime) -> bool:
    """Tell whether a side came after the appointment began, or has not come though it has."""
    return any(_counted((at or now) - meeting.starts_at) > timedelta() for at in sides)


def _over_by(meeting: Appointment, facts: _Facts, now: datetime) -> timedelta:
    if facts.started is None:
        return timedelta()
    if facts.ended is not None:
        return _counted(facts.ended.at - meeting.ends_at)
    return timedelta() if facts.is_over else _counted(now - meeting.ends_at)


def _counted(by: timedelta) -> timedelta:
    return by if by >= ON_TIME_WITHIN else timedelta()


@dataclass(frozen=True)
class _Judge:
    """Says what follows from somebody's absence, which no report tells."""

    meeting: Appointment
    evidence: Evidence
    has_doubts: bool
    now: datetime
    no_show_after: timedelta | None

    def absent(self, visitor: VisitorId) -> Standing:
        """Return how a visitor stands whom the room's door never named."""
        if visitor in self.meeting.declined:
            return Standing.DECLINED
        if visitor in self.evidence.came:
            return Standing.CAME
        due = self.meeting.ends_at
        if self.no_show_after is not None:
            due = min(due, self.meeting.starts_at + self.no_show_after)
        if self.now < due:
            return Standing.EXPECTED
        return Standing.NO_SHOW if self.heard_until(due) else Standing.UNCLEAR

    def heard_until(self, moment: datetime) -> bool:
        """Tell whether what is not reported up to a moment did not happen."""
        silent = self.evidence.silent_since
        return not self.has_doubts and (silent is None or silent >= moment)


def _participants(
    by_person: dict[Who, list[Stay]], both: Span, judged: _Judge, horizon: datetime
) -> tuple[Participant, ...]:
    meeting = judged.meeting
    found: list[Participant] = []
    for who in meeting.guests:
        stays = by_person.get(who, [])
        absent = judged.absent(VisitorId(who.id))
        found.append(_part(who, stays, horizon, judged.now, absent))
    host = Who.person(meeting.host)
    others = sorted(who for who in both.there if who != host and both.met(who))
    for who in (host, *others):
        stays = [stay for stay in by_person.get(who, []) if both.belongs(who, stay)]
        absent = Standing.EXPECTED if judged.now < meeting.ends_at else Standing.UNCLEAR
        if absent is Standing.UNCLEAR and judged.heard_until(meeting.ends_at):
            absent = Standing.NO_SHOW
        found.append(_part(who, stays, horizon, judged.now, absent))
    return tuple(found)


def _part(
    who: Who, stays: Sequence[Stay], horizon: datetime, now: datetime, absent: Standing
) -> Participant:
    if not stays:
        return Participant(who, absent)
    entered, last = stays[0].entered, stays[-1]
    if last.left is not None:
        return Participant(who, Standing.LEFT, entered, last.left)
    inside = Standing.INSIDE if horizon == now else Standing.LEFT_UNSEEN
    return Participant(who, inside, entered)


def _state(
    meeting: Appointment,
    facts: _Facts,
    present: Sequence[Participant],
    judged: _Judge,
    now: datetime,
) -> State:
    if facts.started is not None:
        if facts.is_over:
            return State.ENDED
        return State.OVER_RUNNING if _over_by(meeting, facts, now) else State.RUNNING
    if now < meeting.starts_at:
        return State.TO_COME
    waits = any(each.standing is Standing.INSIDE for each in present if each.who.is_visitor)
    if now < meeting.ends_at or waits:
        return State.WAITING
    return State.NOT_HELD if judged.heard_until(meeting.ends_at) else State.UNCLEAR
