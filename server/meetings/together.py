"""When host or staff and visitors of one meeting were in the room together, told apart from its neighbours. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from server.meetings.stays import (
    INSTANT,
    Appointment,
    Certainty,
    Fact,
    Stay,
    Who,
    by_the_weaker,
)

EARLY = timedelta(minutes=30)
"""So long before an appointment somebody of the staff may come in for it."""
AFTER = timedelta(hours=2)
"""So long after it they may still be there for it."""

Stays = Mapping[Who, Sequence[Stay]]


@dataclass
class Span:
    """What the sweep over one meeting found."""

    stays: Stays
    together: list[tuple[datetime, datetime]] = field(
        default_factory=list[tuple[datetime, datetime]]
    )
    """When both sides were inside, in order; times that follow on each other are one."""
    there: dict[Who, list[tuple[datetime, datetime]]] = field(
        default_factory=dict[Who, list[tuple[datetime, datetime]]]
    )
    """When each of the staff was there for this meeting."""
    guests: tuple[Who, ...] = ()
    host: Who | None = None

    @property
    def visitors(self) -> datetime | None:
        """When the first visitor came in."""
        entries = [stay.entered.at for who in self.guests for stay in self.stays.get(who, ())]
        return min(entries, default=None)

    @property
    def staff(self) -> datetime | None:
        """When the first of the staff was there for this meeting."""
        first = [
            times[0][0] for who, times in self.there.items() if who == self.host or self.met(who)
        ]
        return min(first, default=None)

    def met(self, who: Who) -> bool:
        """Tell whether one of the staff was there while visitors were: others only looked in."""
        return any(
            begins < ended and began < ends
            for begins, ends in self.there.get(who, ())
            for began, ended in self.together
        )

    def beginning(self, moment: datetime) -> Fact:
        """Return from when on both sides were inside, and how sure that is."""
        certainty = self.certainty_at(moment)
        unseen = certainty is Certainty.AT_THE_LATEST
        return Fact(moment + INSTANT if unseen else moment, certainty)

    def belongs(self, who: Who, stay: Stay) -> bool:
        """Tell whether somebody's time in the room was one for this meeting."""
        return any(
            stay.begins < ends and (stay.left is None or stay.left.at > begins)
            for begins, ends in self.there.get(who, ())
        )

    def certainty_at(self, moment: datetime) -> Certainty:
        """Return how sure it is that both sides are inside from this moment on."""
        return by_the_weaker(
            self._surest(self.guests, moment), self._surest(tuple(self.there), moment)
        )

    def leaving_at(self, moment: datetime) -> Certainty:
        """Return how sure it is that they were together up to this moment and no longer."""
        words = [
            stay.left.certainty
            for who in (*self.guests, *self.there)
            for stay in self.stays.get(who, ())
            if stay.left is not None and stay.left.at == moment
        ]
        return by_the_weaker(*words) if words else Certainty.AT_THE_LATEST

    def _surest(self, people: Sequence[Who], moment: datetime) -> Certainty:
        words = [
            stay.entered.certainty
            for who in people
            for stay in self.stays.get(who, ())
            if stay.begins <= moment and (stay.left is None or stay.left.at > moment)
        ]
        if not words:
            return Certainty.AT_THE_LATEST
        order = (Certainty.PASSED, Certainty.UNLOCKED, Certainty.AT_THE_LATEST)
        return next(each for each in order if each in words)


def spans(
    meeting: Appointment, others: Iterable[Appointment], stays: Stays, horizon: datetime
) -> Span:
    """Go through the times between two changes, and see who was in the room for which meeting."""
    every = sorted({meeting, *others}, key=lambda each: (each.starts_at, each.ends_at, each.visit))
    found = Span(stays, guests=meeting.guests, host=Who.person(meeting.host))
    # What happened at the very moment up to which we look has happened.
    moments = _moments(every, stays, horizon + INSTANT)
    staff = sorted(who for who in stays if not who.is_visitor)
    for begins, ends in pairwise(moments):
        here = {who for who, times in stays.items() if any(stay.covers(ends) for stay in times)}
        claimed = [
            who
            for who in staff
            if who in here and _claims(who, every, here, begins) == meeting.visit
        ]
        for who in claimed:
            _extend(found.there.setdefault(who, []), begins, ends)
        if claimed and any(guest in here for guest in meeting.guests):
            _extend(found.together, begins, ends)
    return found


def _moments(every: Sequence[Appointment], stays: Stays, horizon: datetime) -> list[datetime]:
    edges = {horizon}
    for each in every:
        edges |= {each.starts_at - EARLY, each.starts_at, each.ends_at, each.ends_at + AFTER}
    for times in stays.values():
        for stay in times:
            edges.add(stay.begins)
            if stay.left is not None:
                edges.add(stay.left.at)
    return sorted(edge for edge in edges if edge <= horizon)


def _extend(spans: list[tuple[datetime, datetime]], begins: datetime, ends: datetime) -> None:
    if spans and spans[-1][1] == begins:
        spans[-1] = (spans[-1][0], ends)
    else:
        spans.append((begins, ends))


def _claims(who: Who, every: Sequence[Appointment], here: set[Who], moment: datetime) -> str | None:
    """Return the meeting for which one of the staff is in the room.

    Their own comes first, then the one whose visitors sit there, then the one whose time it is.
    """
    near = [
        each
        for each in every
        if each.starts_at - EARLY <= moment < each.ends_at + AFTER or _occupied(each, here)
    ]
    if not near:
        return None
    own = [each for each in near if Who.person(each.host) == who]
    best = min(
        own or near,
        key=lambda each: (
            not _occupied(each, here),
            not each.starts_at <= moment < each.ends_at,
            abs(each.starts_at - moment),
            each.visit,
        ),
    )
    return best.visit


def _occupied(meeting: Appointment, here: set[Who]) -> bool:
    return any(guest in here for guest in meeting.guests)
