"""What the gate remembers of earlier presentations and passages, as its journal tells it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from access_protocol.credential import CredentialClass
from access_protocol.events import DecisionEntry, EntryBody, Outcome, OutcomeEntry
from access_protocol.ids import AccessPointId, CredentialId, EventId, ZoneNumber
from access_protocol.knowledge import AccessPoint, Direction

NOBODY_PASSED = frozenset({Outcome.NOT_PASSED, Outcome.REFUSED, Outcome.NO_ANSWER})
_BY_THE_PORTAL = frozenset({Outcome.PASSED, Outcome.NOT_PASSED})
"""After these the portal has nothing more to say about a grant."""
_MOST_PRESENTATIONS = 4096
_PRESENTATION_MATTERS_S = 600

_Key = TypeVar("_Key")
Points = Callable[[], Mapping[AccessPointId, AccessPoint]]


@dataclass(slots=True)
class Grant:
    """One granted access, and how far its portal's controller has reported on it."""

    credential: CredentialId
    point: AccessPointId
    opened: bool = False
    final: Outcome | None = None


class PassageHistory:
    """The gate's `rules.History`; fed with every journal entry in order, at start and afterwards.

    A single entry is reserved by its grant and freed only by the word that nobody passed. A grant
    whose end nobody reported stays reserved: the door may have opened. That it opened, or that
    somebody passed, is believed also after the gate took it that nothing would happen.
    """

    def __init__(self, points: Points) -> None:
        """`points` gives the policy's access points as they stand now."""
        self.points = points
        self._grants: dict[EventId, Grant] = {}
        self._entries: dict[tuple[CredentialId, AccessPointId], set[EventId]] = {}
        self._presentations: dict[tuple[CredentialId, int, AccessPointId], EventId] = {}
        self._bound: dict[CredentialId, tuple[int, EventId]] = {}
        self._passages: dict[CredentialId, dict[AccessPointId, tuple[int, EventId, datetime]]] = {}
        self._passage_count = 0

    def add(self, entry: EntryBody) -> None:
        """Take in the next entry of the journal."""
        if isinstance(entry, OutcomeEntry):
            self._add_outcome(entry)
        elif entry.credential is not None:
            self._add_decision(entry, CredentialId(bytes.fromhex(entry.credential)))

    def forget(self, entry: EntryBody) -> None:
        """Take the oldest entry out again: what is left is as if the journal began after it."""
        if isinstance(entry, OutcomeEntry) or entry.credential is None:
            return
        credential, event = CredentialId(bytes.fromhex(entry.credential)), EventId(entry.event)
        point = AccessPointId(entry.access_point)
        if entry.presented_at is not None:
            _drop(self._presentations, (credential, entry.presented_at, point), event)
        if self._bound.get(credential, (0, None))[1] == event:
            del self._bound[credential]
        if self._grants.pop(event, None) is None:
            return
        self._free(credential, point, event)
        passages = self._passages.get(credential, {})
        if point in passages and passages[point][1] == event:
            del passages[point]
            if not passages:
                del self._passages[credential]

    def grant(self, event: EventId) -> Grant | None:
        """Return the granted access with this event id, where the journal holds one."""
        return self._grants.get(event)

    def awaits(self, event: EventId, outcome: Outcome) -> bool:
        """Tell whether this outcome of a granted access is news."""
        grant = self._grants.get(event)
        if grant is None or grant.final in _BY_THE_PORTAL:
            return False
        if outcome is Outcome.PASSED:
            return True
        if outcome is Outcome.OPENED:
            return not grant.opened
        return grant.final is None and (outcome is Outcome.NOT_PASSED or not grant.opened)

    def presentation_used(
        self, credential: CredentialId, presented_at: int, point: AccessPointId
    ) -> bool:
        """See `rules.History.presentation_used`."""
        return (credential, presented_at, point) in self._presentations

    def entry_spent(self, credential: CredentialId, point: AccessPointId) -> bool:
        """See `rules.History.entry_spent`."""
        return bool(self._entries.get((credential, point)))

    def bound_generation(self, credential: CredentialId) -> int | None:
        """See `rules.History.bound_generation`."""
        used = self._bound.get(credential)
        return None if used is None else used[0]

    def inside(self, credential: CredentialId, zone: ZoneNumber, since: datetime | None) -> bool:
        """See `rules.History.inside`: the last passage at this zone's access points led in."""
        points = self.points()
        passages = [
            (order, points[point].direction, at)
            for point, (order, _, at) in tuple(self._passages.get(credential, {}).items())
            if point in points and points[point].zone == zone
        ]
        if not passages:
            return False
        _, direction, at = max(passages)
        return direction is Direction.IN and (since is None or at > since)

    def _add_decision(self, entry: DecisionEntry, credential: CredentialId) -> None:
        point, event = AccessPointId(entry.access_point), EventId(entry.event)
        if entry.presented_at is not None:
            self._presentations[credential, entry.presented_at, point] = event
            self._forget_presentations(entry.presented_at)
        if entry.reason is not None:
            return
        self._grants[event] = Grant(credential, point)
        self._entries.setdefault((credential, point), set()).add(event)
        if entry.credential_class is CredentialClass.BOUND:
            self._bound[credential] = entry.generation or 0, event

    def _add_outcome(self, entry: OutcomeEntry) -> None:
        event = EventId(entry.event)
        grant = self._grants.get(event)
        if grant is None or not self.awaits(event, entry.outcome):
            return
        if entry.outcome in NOBODY_PASSED:
            grant.final = entry.outcome
            self._free(grant.credential, grant.point, event)
            return
        self._entries.setdefault((grant.credential, grant.point), set()).add(event)
        # A door has no sensor for passages: that it was opened is all it can ever say.
        if not grant.opened:
            self._passage_count += 1
            passages = self._passages.setdefault(grant.credential, {})
            passages[grant.point] = self._passage_count, event, entry.at
        grant.opened = True
        grant.final = entry.outcome if entry.outcome is Outcome.PASSED else None

    def _free(self, credential: CredentialId, point: AccessPointId, event: EventId) -> None:
        """The event no longer spends a single entry, if it did."""
        spent_by = self._entries.get((credential, point), set[EventId]())
        spent_by.discard(event)
        if not spent_by:
            self._entries.pop((credential, point), None)

    def _forget_presentations(self, newest: int) -> None:
        """Drop presentations that are out of their time anyway, so that memory stays bounded."""
        if len(self._presentations) > _MOST_PRESENTATIONS:
            oldest = newest - _PRESENTATION_MATTERS_S
            self._presentations = {
                key: event for key, event in self._presentations.items() if key[1] >= oldest
            }


def _drop(where: dict[_Key, EventId], key: _Key, event: EventId) -> None:
    """Take the key out where this event was the last one to put it in."""
    if where.get(key) == event:
        del where[key]
