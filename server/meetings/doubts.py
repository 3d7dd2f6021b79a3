"""What a door says beside names: openings that could have let more people through than it names. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from access_protocol.events import ControllerEventKind
from access_protocol.ids import EventId
from server.meetings.stays import Movement

BY_BUTTON_WITHIN = timedelta(seconds=15)
"""An opening so soon after the exit button was pressed is somebody who leaves."""
NAMED_WITHIN = timedelta(minutes=1)
"""The controller's word comes before the gate's journal says for whom it opened."""


class Flag(StrEnum):
    """Why several people may have gone through where one is named, or none."""

    HELD_OPEN = "held_open"
    FORCED_OPEN = "forced_open"
    TWO_GRANTS = "two_grants"
    """The door opened once for two accesses: who of them went through cannot be told."""
    MORE_PASSAGES = "more_passages"
    """The portal counted more people than were granted access."""
    UNNAMED_OPENING = "unnamed_opening"
    """The door opened for an access that names nobody, by a guard for example."""


@dataclass(frozen=True)
class Doubt:
    """One opening that leaves something open."""

    flag: Flag
    at: datetime


@dataclass(frozen=True)
class DoorWord:
    """One thing that the controller of the room's door reported."""

    what: ControllerEventKind
    at: datetime
    event: EventId | None = None
    boot: str = ""
    sequence: int = 0


_ALARMS = {
    ControllerEventKind.HELD_OPEN: Flag.HELD_OPEN,
    ControllerEventKind.FORCED_OPEN: Flag.FORCED_OPEN,
}


def exits_by_button(words: Iterable[DoorWord]) -> list[datetime]:
    """Return when the exit button was pressed."""
    return [each.at for each in _in_order(words) if each.what is _BUTTON]


def doubts(words: Iterable[DoorWord], movements: Iterable[Movement], now: datetime) -> list[Doubt]:
    """Return the openings that could have let more people through than are named, in their order."""
    in_order = _in_order(words)
    named = {each.event for each in movements}
    found = [Doubt(_ALARMS[each.what], each.at) for each in in_order if each.what in _ALARMS]
    found += _two_grants(in_order)
    found += _nobody_named(in_order, named, now - NAMED_WITHIN)
    return sorted(set(found), key=lambda doubt: (doubt.at, doubt.flag))


_BUTTON = ControllerEventKind.REQUEST_TO_EXIT


def _in_order(words: Iterable[DoorWord]) -> list[DoorWord]:
    """Return each word once: a controller repeats what nobody has received."""
    known = {(each.boot, each.sequence): each for each in words}
    return sorted(known.values(), key=lambda each: (each.at, each.boot, each.sequence))


def _two_grants(words: Sequence[DoorWord]) -> list[Doubt]:
    found: list[Doubt] = []
    opened_for: set[EventId] = set()
    for each in words:
        if each.what in {ControllerEventKind.CLOSED, ControllerEventKind.STARTED}:
            opened_for = set()
        elif each.what is ControllerEventKind.OPENED and each.event is not None:
            opened_for.add(each.event)
            if len(opened_for) == 2:  # noqa: PLR2004  a second one in the same opening
                found.append(Doubt(Flag.TWO_GRANTS, each.at))
    return found


def _nobody_named(
    words: Sequence[DoorWord], named: set[EventId], awaited_since: datetime
) -> list[Doubt]:
    """Return openings for unknown accesses, and passages beyond those granted."""
    buttons = [each.at for each in words if each.what is _BUTTON]
    counted: set[EventId] = set()
    found: list[Doubt] = []
    for each in words:
        if each.what is ControllerEventKind.PASSED:
            leaves = any(timedelta() <= each.at - at <= BY_BUTTON_WITHIN for at in buttons)
            if (each.event is None and not leaves) or each.event in counted:
                found.append(Doubt(Flag.MORE_PASSAGES, each.at))
            if each.event is not None:
                counted.add(each.event)
        opened = each.what in {ControllerEventKind.OPENED, ControllerEventKind.PASSED}
        unnamed = each.event is not None and each.event not in named
        if opened and unnamed and each.at <= awaited_since:
            found.append(Doubt(Flag.UNNAMED_OPENING, each.at))
    return found
