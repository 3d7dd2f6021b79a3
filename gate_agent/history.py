"""What the gate remembers of earlier presentations and passages, as its journal tells it.

It lies in a table of the journal's own file, written in the transaction of the entry that it follows from,
so that it can be of any size, needs no rebuilding at a start, and never says anything else than the journal.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from access_protocol.credential import HIGHEST_GENERATION, CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.events import FREEING, DecisionEntry, EntryBody, Outcome, OutcomeEntry
from access_protocol.ids import AccessPointId, CredentialId, EventId, ZoneNumber
from access_protocol.knowledge import AccessPoint, Direction
from gate_agent.logs import Log

_OF_MACHINES = frozenset({Outcome.DISPENSED, Outcome.NOT_DISPENSED})
_OF_DOORS = frozenset({Outcome.OPENED, Outcome.PASSED, Outcome.NOT_PASSED})
_BY_THE_PORTAL = frozenset({Outcome.PASSED, Outcome.NOT_PASSED, *_OF_MACHINES})
"""After these the portal has nothing more to say about a grant."""
_HAPPENED = frozenset({Outcome.PASSED, Outcome.DISPENSED})

_REASONS = tuple(DenyReason)
_CLOCK_TRUSTED = {None, *_REASONS[_REASONS.index(DenyReason.CLOCK_UNTRUSTED) + 1 :]}
"""What `rules.decide` says only after it looked whether the clock can be trusted."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS access (
    decided INTEGER PRIMARY KEY,
    event BLOB NOT NULL,
    credential BLOB NOT NULL,
    point TEXT NOT NULL,
    class TEXT,
    generation INTEGER,
    presented_at INTEGER,
    granted INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    opened INTEGER NOT NULL DEFAULT 0,
    final TEXT,
    passed INTEGER,
    passed_at TEXT
);
CREATE INDEX IF NOT EXISTS access_event ON access (event);
CREATE INDEX IF NOT EXISTS access_reserved ON access (credential, point) WHERE reserved = 1;
CREATE INDEX IF NOT EXISTS access_presented ON access (credential, presented_at)
    WHERE presented_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS access_bound ON access (credential, generation)
    WHERE granted = 1 AND class = 'bound';
CREATE INDEX IF NOT EXISTS access_inside ON access (credential, passed) WHERE passed IS NOT NULL;
CREATE INDEX IF NOT EXISTS access_passed ON access (passed) WHERE passed IS NOT NULL;
"""
"""`decided` and `passed` are sequence numbers of the journal: of the decision, and of the outcome by which
somebody passed. `reserved`: it spends a single entry."""

Points = Callable[[], Mapping[AccessPointId, AccessPoint]]

log = Log(__name__)


@dataclass(slots=True)
class Grant:
    """One granted access, and how far its portal's controller has reported on it.

    `gives_out`: a voucher was granted, so that a machine gives something out and nobody goes anywhere.
    """

    credential: CredentialId
    point: AccessPointId
    opened: bool = False
    final: Outcome | None = None
    gives_out: bool = False


@dataclass(frozen=True, slots=True)
class OwnPassage:
    """A passage at one of this gate's access points; `order` is the journal's number of its report."""

    order: int
    event: EventId
    credential: CredentialId
    credential_class: CredentialClass
    generation: int
    point: AccessPointId
    at: datetime


class PassageHistory:
    """What the journal's entries mean; fed with each of them in order, in the entry's own transaction.

    A single entry, or a voucher, is reserved by its grant and freed only by the word that nobody passed, or
    that nothing fell. A grant whose end nobody reported stays reserved: the door may have opened. That it
    opened, that somebody passed or something fell is believed also after the gate took it that nothing would
    happen.

    A look-up that the disk does not answer says that nothing is known and sets `failure`; the journal
    then takes no grant.
    """

    def __init__(
        self,
        points: Points,
        writing: sqlite3.Connection | None = None,
        reading: sqlite3.Connection | None = None,
    ) -> None:
        """`points` gives the policy's access points as they stand now.

        `reading` sees what `writing` has committed; without both the history is in memory alone.
        """
        self.points = points
        self.failure: str | None = None
        self._writing = writing or sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        self._reading = reading or self._writing
        self._writing.executescript(SCHEMA)

    def add(self, sequence: int, entry: EntryBody) -> None:
        """Take in the journal's next entry, which has this sequence number. Raises sqlite3.Error."""
        if isinstance(entry, OutcomeEntry):
            self._add_outcome(sequence, entry)
        elif entry.credential is not None:
            self._add_decision(sequence, entry, entry.credential)

    def forget(self, up_to: int) -> None:
        """Take the oldest entries out again: what is left is as if the journal began after them.

        Raises sqlite3.Error.
        """
        self._writing.execute("DELETE FROM access WHERE decided <= ?", (up_to,))

    def grant(self, event: EventId) -> Grant | None:
        """Return the granted access with this event id, where the journal holds one."""
        rows = self._look_up(_GRANT, (_event_bytes(event),))
        return _grant(rows[0]) if rows else None

    def awaits(self, event: EventId, outcome: Outcome) -> bool:
        """Tell whether this outcome of a granted access is news."""
        grant = self.grant(event)
        return grant is not None and _is_news(grant, outcome)

    def presentation_used(
        self, credential: CredentialId, presented_at: int, point: AccessPointId
    ) -> bool:
        """See `rules.History.presentation_used`."""
        return bool(
            self._look_up(
                "SELECT 1 FROM access WHERE credential = ? AND presented_at = ? AND point = ? LIMIT 1",
                (credential, presented_at, point),
            )
        )

    def entry_spent(self, credential: CredentialId, point: AccessPointId) -> bool:
        """See `rules.History.entry_spent`."""
        return bool(
            self._look_up(
                "SELECT 1 FROM access WHERE credential = ? AND point = ? AND reserved = 1 LIMIT 1",
                (credential, point),
            )
        )

    def bound_generation(self, credential: CredentialId) -> int | None:
        """See `rules.History.bound_generation`."""
        rows = self._look_up(
            "SELECT max(generation) FROM access"
            " WHERE credential = ? AND granted = 1 AND class = 'bound'",
            (credential,),
        )
        return rows[0][0] if rows else None

    def inside(self, credential: CredentialId, zone: ZoneNumber, since: datetime | None) -> bool:
        """See `rules.History.inside`: the last passage at this zone's access points led in."""
        last = self.last_passage(credential, zone)
        if last is None:
            return False
        direction = self.points()[last.point].direction
        return direction is Direction.IN and (since is None or last.at > since)

    def last_passage(self, credential: CredentialId, zone: ZoneNumber) -> OwnPassage | None:
        """Return the last passage at this zone's access points, as the policy has them now."""
        points = [id_ for id_, point in self.points().items() if point.zone == zone]
        rows = self._look_up(_LAST_PASSAGE, (credential, json.dumps(points)))
        return _passage(rows[0]) if rows else None

    def passages_after(self, order: int, most: int) -> list[OwnPassage]:
        """Return the oldest passages that were reported after the journal's entry `order`."""
        rows = self._look_up(_PASSAGES_AFTER, (order, most))
        return [_passage(row) for row in rows]

    def _look_up(self, statement: str, values: tuple[object, ...]) -> list[Any]:
        try:
            return self._reading.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            if self.failure is None:
                log.warning("history_not_read", why=str(error))
            self.failure = str(error)
            return []

    def _add_decision(self, sequence: int, entry: DecisionEntry, credential: str) -> None:
        granted = entry.reason is None
        self._writing.execute(
            "INSERT INTO access (decided, event, credential, point, class, generation,"
            " presented_at, granted, reserved) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                sequence,
                _event_bytes(entry.event),
                bytes.fromhex(credential),
                entry.access_point,
                entry.credential_class,
                entry.generation or 0,
                entry.presented_at,
                granted,
                granted,
            ),
        )

    def _add_outcome(self, sequence: int, entry: OutcomeEntry) -> None:
        event = _event_bytes(entry.event)
        row = self._writing.execute(_GRANT, (event,)).fetchone()
        if row is None or not _is_news(grant := _grant(row), entry.outcome):
            return
        if entry.outcome in FREEING:
            self._writing.execute(
                "UPDATE access SET final = ?, reserved = 0 WHERE event = ? AND granted = 1",
                (entry.outcome, event),
            )
            return
        # A door has no sensor for passages: that it was opened is all it can ever say.
        if not (grant.opened or grant.gives_out):
            self._writing.execute(
                "UPDATE access SET opened = 1, passed = ?, passed_at = ?"
                " WHERE event = ? AND granted = 1",
                (sequence, entry.at.isoformat(), event),
            )
        final = entry.outcome if entry.outcome in _HAPPENED else None
        self._writing.execute(
            "UPDATE access SET reserved = 1, final = ? WHERE event = ? AND granted = 1",
            (final, event),
        )


_GRANT = (
    "SELECT credential, point, opened, final, class FROM access"
    " WHERE event = ? AND granted = 1 ORDER BY decided DESC LIMIT 1"
)
_LAST_PASSAGE = (
    "SELECT passed, event, credential, class, generation, point, passed_at FROM access"
    " WHERE credential = ? AND passed IS NOT NULL"
    " AND point IN (SELECT value FROM json_each(?)) ORDER BY passed DESC LIMIT 1"
)
_PASSAGES_AFTER = (
    "SELECT passed, event, credential, class, generation, point, passed_at FROM access"
    " WHERE passed > ? ORDER BY passed LIMIT ?"
)


def _grant(row: tuple[Any, ...]) -> Grant:
    credential, point, opened, final, kind = row
    return Grant(
        credential=CredentialId(credential),
        point=AccessPointId(point),
        opened=bool(opened),
        final=None if final is None else Outcome(final),
        gives_out=kind == CredentialClass.VOUCHER,
    )


def _passage(row: tuple[Any, ...]) -> OwnPassage:
    order, event, credential, kind, generation, point, at = row
    return OwnPassage(
        order=order,
        event=_event_text(event),
        credential=CredentialId(credential),
        credential_class=CredentialClass(kind or CredentialClass.STATIC),
        generation=min(generation, HIGHEST_GENERATION),
        point=AccessPointId(point),
        at=datetime.fromisoformat(at),
    )


def _is_news(grant: Grant, outcome: Outcome) -> bool:
    if grant.final in _BY_THE_PORTAL or outcome in (_OF_DOORS if grant.gives_out else _OF_MACHINES):
        return False
    if outcome in _HAPPENED:
        return True
    if outcome is Outcome.OPENED:
        return not grant.opened
    return grant.final is None and (outcome in _BY_THE_PORTAL or not grant.opened)


def trusted_time(entry: EntryBody) -> datetime | None:
    """Return the entry's time where a clock wrote it that was trusted."""
    trusted = isinstance(entry, DecisionEntry) and entry.reason in _CLOCK_TRUSTED
    return entry.at if trusted else None


def _event_bytes(event: str) -> bytes:
    return bytes.fromhex(event.replace("-", ""))


def _event_text(event: bytes) -> EventId:
    text = event.hex()
    return EventId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")
