"""The gate's journal: every decision and outcome, numbered, chained by hash, durable on return.

SQLite with a write-ahead log and synchronous=FULL: a power cut takes nothing that `append` returned.
"""

import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from access_protocol.codec import MalformedReportError
from access_protocol.decision import DenyReason
from access_protocol.events import (
    FIRST_HASH,
    LARGEST_BATCH,
    DecisionEntry,
    EntryBody,
    JournalBatch,
    JournalEntry,
    JournalPosition,
    body_text,
    chained,
    read_body,
)
from access_protocol.ids import JournalId
from gate_agent.history import PassageHistory

_SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
    id TEXT NOT NULL,
    acknowledged INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS entry (
    sequence INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS anchor (
    sequence INTEGER NOT NULL,
    hash BLOB NOT NULL,
    newest TEXT
);
"""
_BATCH_BYTES = 56 * 1024
"""Written forms in one upload; escaped and with their hashes they stay below a report's ceiling."""
_ENTRY_OVERHEAD = 200
PRUNED_AT_ONCE = 200
"""Entries that one call of `prune` drops, so that no decision waits for it for long."""
_REASONS = tuple(DenyReason)
_CLOCK_TRUSTED = {None, *_REASONS[_REASONS.index(DenyReason.CLOCK_UNTRUSTED) + 1 :]}
"""What `rules.decide` says only after it looked whether the clock can be trusted."""


class JournalUnavailable(Exception):
    """An entry could not be made durable: nothing may be opened on its strength."""


class JournalDamaged(Exception):
    """The journal on the disk is not the unbroken chain that was written."""


@dataclass(frozen=True, slots=True)
class _Head:
    """The last entry, or the last one that was dropped, and the newest trusted time up to there."""

    position: JournalPosition
    newest: datetime | None


_BEGINNING = _Head(JournalPosition(0, FIRST_HASH), None)


class Journal:
    """One gate's journal; several threads may share it. `history` is fed with every entry."""

    def __init__(self, path: Path, history: PassageHistory) -> None:
        """Open or begin the journal in `path`, verify its chain, and rebuild `history` from it.

        Raises `JournalDamaged` where the chain is broken, `JournalUnavailable` where the file
        cannot be used at all.
        """
        self.history = history
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(
                path, timeout=5, isolation_level=None, check_same_thread=False
            )
        except sqlite3.OperationalError as error:
            raise JournalUnavailable(f"{path}: {error}") from error
        try:
            self._prepare()
            # One moment's picture: the running gate may prune while another process only looks.
            self._connection.execute("BEGIN")
            self._load()
            self._head = self._verify()
            self._connection.execute("COMMIT")
        except JournalDamaged:
            self._connection.close()
            raise
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise JournalUnavailable(f"{path}: {error}") from error
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise JournalDamaged(f"{path}: {error}") from error

    def _prepare(self) -> None:
        connection = self._connection
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(_SCHEMA)
        if connection.execute("SELECT id FROM journal").fetchone() is None:
            row = (str(uuid.uuid4()), 0)
            connection.execute("INSERT INTO journal (id, acknowledged) VALUES (?, ?)", row)

    def _load(self) -> None:
        connection = self._connection
        name, acknowledged = connection.execute("SELECT id, acknowledged FROM journal").fetchone()
        self.id = JournalId(name)
        self._acknowledged: int = acknowledged
        row = connection.execute("SELECT sequence, hash, newest FROM anchor").fetchone()
        self._anchor = _BEGINNING
        if row is not None:
            try:
                newest = None if row[2] is None else datetime.fromisoformat(row[2])
                position = JournalPosition(int(row[0]), bytes(memoryview(row[1])))
            except (ValueError, TypeError) as error:
                raise JournalDamaged(f"the chain's anchor cannot be read: {error}") from error
            self._anchor = _Head(position, newest)

    def _verify(self) -> _Head:
        sequence, previous = self._anchor.position.sequence, self._anchor.position.hash
        newest = self._anchor.newest
        for number, digest, text in self._connection.execute(
            "SELECT sequence, hash, body FROM entry ORDER BY sequence"
        ):
            sequence += 1
            previous = chained(previous, text)
            if number != sequence or digest != previous:
                raise JournalDamaged(f"the chain is broken at entry {number}")
            try:
                body = read_body(text)
            except MalformedReportError as error:
                raise JournalDamaged(f"entry {number} cannot be read: {error}") from error
            self.history.add(body)
            newest = _later(newest, body)
        if not self._anchor.position.sequence <= self._acknowledged <= sequence:
            raise JournalDamaged(f"acknowledged to {self._acknowledged}, but ends at {sequence}")
        return _Head(JournalPosition(sequence, previous), newest)

    @property
    def position(self) -> JournalPosition:
        """How far the journal has come."""
        return self._head.position

    @property
    def pruned(self) -> int:
        """The sequence number of the last entry that was dropped; 0 where none was."""
        return self._anchor.position.sequence

    @property
    def newest(self) -> datetime | None:
        """The latest time of a decision that was made by a trusted clock; None before the first."""
        return self._head.newest

    @property
    def waiting(self) -> int:
        """How many entries the server has not acknowledged yet."""
        return self._head.position.sequence - self._acknowledged

    def append(self, body: EntryBody) -> JournalPosition:
        """Write one entry and return once it is on the disk, or raise `JournalUnavailable`."""
        text = body_text(body)
        with self._lock:
            before = self._head.position
            digest = chained(before.hash, text)
            position = JournalPosition(before.sequence + 1, digest)
            self._write(
                "INSERT INTO entry (sequence, hash, body) VALUES (?, ?, ?)",
                (position.sequence, digest, text),
            )
            self._head = _Head(position, _later(self._head.newest, body))
            self.history.add(body)
            return position

    def acknowledge(self, sequence: int) -> bool:
        """Note that the server holds everything up to and with `sequence`; tell whether that is news.

        A server that went back to an older copy of its database holds less than before: what it
        lost then waits again, as far as it was not pruned. What lies beyond the end of the journal
        changes nothing.
        """
        with self._lock:
            sequence = max(sequence, self._anchor.position.sequence)
            if sequence == self._acknowledged or sequence > self._head.position.sequence:
                return False
            self._write("UPDATE journal SET acknowledged = ?", (sequence,))
            self._acknowledged = sequence
            return True

    def next_batch(self) -> JournalBatch | None:
        """Return the oldest entries that the server has not acknowledged, or None.

        Raises `JournalUnavailable` where the disk does not give them.
        """
        with self._lock:
            first = self._acknowledged
            try:
                entries = tuple(self._within_ceiling(first))
                previous = self._hash_at(first)
            except sqlite3.Error as error:
                raise JournalUnavailable(str(error)) from error
            if not entries:
                return None
            return JournalBatch(journal=self.id, previous=previous.hex(), entries=entries)

    def prune(self, before: datetime) -> int:
        """Drop the oldest acknowledged entries up to one that a trusted clock wrote before `before`.

        What an untrusted clock wrote goes with the entries after it: the order tells its age. Drops
        about `PRUNED_AT_ONCE` and returns how many; call again until it returns 0. The last one's
        number, hash and time stay, so that the chain can be verified from there. Raises
        `JournalUnavailable`.
        """
        with self._lock:
            try:
                bodies, anchor = self._prunable(before)
                if not bodies:
                    return 0
                self._drop(anchor)
            except (sqlite3.Error, MalformedReportError) as error:
                raise JournalUnavailable(str(error)) from error
            self._anchor = anchor
            for body in bodies:
                self.history.forget(body)
            return len(bodies)

    def _prunable(self, before: datetime) -> tuple[list[EntryBody], _Head]:
        """Return what may go, and where the chain begins then."""
        bodies: list[EntryBody] = []
        count, anchor = 0, self._anchor
        rows = self._connection.execute(
            "SELECT sequence, hash, body FROM entry WHERE sequence <= ? ORDER BY sequence",
            (self._acknowledged,),
        )
        for number, digest, text in rows:
            bodies.append(read_body(text))
            written = _trusted_time(bodies[-1])
            if written is None:
                continue
            if written >= before:
                break
            count = len(bodies)
            anchor = _Head(JournalPosition(number, digest), _later(anchor.newest, bodies[-1]))
            if count >= PRUNED_AT_ONCE:
                break
        rows.close()
        return bodies[:count], anchor

    def _drop(self, anchor: _Head) -> None:
        connection, position = self._connection, anchor.position
        newest = None if anchor.newest is None else anchor.newest.isoformat()
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute("DELETE FROM entry WHERE sequence <= ?", (position.sequence,))
            connection.execute("DELETE FROM anchor")
            connection.execute(
                "INSERT INTO anchor (sequence, hash, newest) VALUES (?, ?, ?)",
                (position.sequence, position.hash, newest),
            )
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.rollback()
            raise

    def close(self) -> None:
        """Let go of the file. Closing twice is allowed."""
        with self._lock:
            self._connection.close()

    def _within_ceiling(self, after: int) -> Iterator[JournalEntry]:
        left = _BATCH_BYTES
        for number, digest, text in self._connection.execute(
            "SELECT sequence, hash, body FROM entry WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (after, LARGEST_BATCH),
        ).fetchall():
            entry = JournalEntry(sequence=number, hash=digest.hex(), body=text)
            left -= len(msgspec.json.encode(text)) + _ENTRY_OVERHEAD
            if left < 0:
                return
            yield entry

    def _hash_at(self, sequence: int) -> bytes:
        row = self._connection.execute(
            "SELECT hash FROM entry WHERE sequence = ?", (sequence,)
        ).fetchone()
        return self._anchor.position.hash if row is None else row[0]

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        """Run one statement in its own transaction, which is on the disk when this returns."""
        try:
            self._connection.execute(statement, values)
        except sqlite3.Error as error:
            # A failed COMMIT leaves the transaction open; nothing of it may be written later.
            if self._connection.in_transaction:
                self._connection.rollback()
            raise JournalUnavailable(str(error)) from error


def _later(newest: datetime | None, body: EntryBody) -> datetime | None:
    """Return the newer time. A clock that nobody set may have written any time: it does not count."""
    at = _trusted_time(body)
    if at is None or newest is None:
        return at or newest
    return max(newest, at)


def _trusted_time(body: EntryBody) -> datetime | None:
    trusted = isinstance(body, DecisionEntry) and body.reason in _CLOCK_TRUSTED
    return body.at if trusted else None


def open_or_begin_anew(
    path: Path, history_for: Callable[[], PassageHistory]
) -> tuple[Journal, str | None]:
    """Open the journal; a damaged one is set aside under another name and a new one begun.

    Returns the journal, and where the damaged one went (None where all is well). The damaged file
    is kept for people to look at: it may hold entries that the server never got.
    """
    try:
        return Journal(path, history_for()), None
    except JournalDamaged as damage:
        aside = path.with_name(f"{path.stem}-damaged-{uuid.uuid4().hex[:8]}{path.suffix}")
        for suffix in ("", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        return Journal(path, history_for()), f"{damage}; kept as {aside.name}"
