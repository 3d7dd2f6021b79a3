"""Who moved where, and from that the times that each person spent in a room. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from access_protocol.ids import EventId
from server.kernel.ids import PersonId, VisitId, VisitorId

INSTANT = timedelta(microseconds=1)


class Certainty(StrEnum):
    """How sure it is that somebody came in, or left, at that moment."""

    PASSED = "passed"
    """The portal's contact or counter saw it: it opened after it had been unlocked for them."""
    UNLOCKED = "unlocked"
    """The door was unlocked for them; nobody reported whether it opened."""
    AT_THE_LATEST = "at_the_latest"
    """It happened then or before: they were seen where they could not have been otherwise."""


_SURENESS = (Certainty.AT_THE_LATEST, Certainty.UNLOCKED, Certainty.PASSED)


def by_the_weaker(*words: Certainty) -> Certainty:
    """Return the least sure of several; what follows from them all is no surer."""
    return min(words, key=_SURENESS.index)


class Who(NamedTuple):
    """A visitor or one of the staff."""

    kind: str
    id: str

    @classmethod
    def visitor(cls, visitor: VisitorId) -> "Who":
        """Return a visitor."""
        return cls("visitor", visitor)

    @classmethod
    def person(cls, person: PersonId) -> "Who":
        """Return somebody with an account."""
        return cls("person", person)

    @property
    def is_visitor(self) -> bool:
        """Whether it is a visitor."""
        return self.kind == "visitor"


@dataclass(frozen=True)
class Fact:
    """A moment, how sure it is, and the access that it follows from, as the ledger names it."""

    at: datetime
    certainty: Certainty
    event: EventId | None = None


class Way(StrEnum):
    """Which way somebody went, seen from the room."""

    IN = "in"
    OUT = "out"
    ELSEWHERE = "elsewhere"
    """Through another portal: they were not in the room then."""


@dataclass(frozen=True)
class Movement:
    """One person's passage, known by the access that it followed from."""

    who: Who
    at: datetime
    way: Way
    event: EventId
    certainty: Certainty = Certainty.PASSED


@dataclass(frozen=True)
class Appointment:
    """What was agreed: who, when, with whom."""

    visit: VisitId
    starts_at: datetime
    ends_at: datetime
    host: PersonId
    visitors: tuple[VisitorId, ...]
    declined: frozenset[VisitorId] = frozenset()

    @property
    def guests(self) -> tuple[Who, ...]:
        """The visitors."""
        return tuple(Who.visitor(visitor) for visitor in self.visitors)


@dataclass(frozen=True)
class Stay:
    """One time in the room; `left` None: nobody saw them leave."""

    entered: Fact
    left: Fact | None = None

    @property
    def begins(self) -> datetime:
        """From when on they were surely inside; somebody known only by leaving was so just before."""
        unseen = self.entered.certainty is Certainty.AT_THE_LATEST
        return self.entered.at - INSTANT if unseen else self.entered.at

    def covers(self, moment: datetime) -> bool:
        """Tell whether they were inside just before a moment."""
        return self.begins < moment and (self.left is None or moment <= self.left.at)


def distinct(movements: Iterable[Movement]) -> list[Movement]:
    """Return each passage once, by its event: as sure as the surest report, at the earliest time told."""
    known: dict[tuple[EventId, Who], Movement] = {}
    for each in movements:
        before = known.get((each.event, each.who))
        if before is None or _rank(each) < _rank(before):
            known[each.event, each.who] = each
    return sorted(known.values(), key=_order)


def _rank(movement: Movement) -> tuple[int, datetime]:
    return -_SURENESS.index(movement.certainty), movement.at


_FIRST = (Way.IN, Way.OUT, Way.ELSEWHERE)
"""Of two passages at the same moment: who goes out came in before."""


def _order(movement: Movement) -> tuple[datetime, int, str, str]:
    return movement.at, _FIRST.index(movement.way), movement.event, movement.who.id


def stays_of(movements: Iterable[Movement]) -> dict[Who, list[Stay]]:
    """Return the times in the room of each person, from distinct passages in their order."""
    found: dict[Who, list[Stay]] = {}
    begun: dict[Who, Fact] = {}
    for each in movements:
        stays = found.setdefault(each.who, [])
        inside = begun.pop(each.who, None)
        told = Fact(each.at, each.certainty, each.event)
        bound = Fact(each.at, Certainty.AT_THE_LATEST, each.event)
        match each.way:
            case Way.IN:
                if inside is not None:
                    # They came in again: meanwhile they were out, and nobody saw when they went.
                    stays.append(Stay(inside, bound))
                begun[each.who] = told
            case Way.OUT:
                if inside is not None:
                    stays.append(Stay(inside, told))
                elif each.certainty is Certainty.PASSED:
                    # Who leaves was inside, though no reader saw them come: with somebody else, perhaps.
                    stays.append(Stay(bound, told))
            case Way.ELSEWHERE:
                if inside is not None:
                    stays.append(Stay(inside, bound))
    for who, entered in begun.items():
        found[who].append(Stay(entered))
    return {who: stays for who, stays in found.items() if stays}
