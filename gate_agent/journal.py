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
"""
_BATCH_BYTES = 56 * 1024
"""Written forms in one upload; escaped and with their hashes they stay below a report's ceiling."""
_ENTRY_OVERHEAD = 200
_REASONS = tuple(DenyReason)
_CLOCK_TRUSTED = {None, *_REASONS[_REASONS.index(DenyReason.CLOCK_UNTRUSTED) + 1 :]}
"""What `rules.decide` says only after it looked whether the clock can be trusted."""


class JournalUnavailable(Exception):
    """An entry could not be made durable: nothing may be opened on its strength."""


class JournalDamaged(Exception):
    """The journal on the disk is not the unbroken chain that was written."""


@dataclass(frozen=True, slots=True)
class _Head:
    position: JournalPosition
    newest: datetime | None


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
            self._head = self._verify()
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
        row = connection.execute("SELECT id, acknowledged FROM journal").fetchone()
        if row is None:
            row = (str(uuid.uuid4()), 0)
            connection.execute("INSERT INTO journal (id, acknowledged) VALUES (?, ?)", row)
        self.id = JournalId(row[0])
        self._acknowledged: int = row[1]

    def _verify(self) -> _Head:
        sequence, previous, newest = 0, FIRST_HASH, None
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
        if self._acknowledged > sequence:
            raise JournalDamaged(f"acknowledged to {self._acknowledged}, but ends at {sequence}")
        return _Head(JournalPosition(sequence, previous), newest)

    @property
    def position(self) -> JournalPosition:
        """How far the journal has come."""
        return self._head.position

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
        lost then waits again. What lies beyond the end of the journal changes nothing.
        """
        with self._lock:
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
        return FIRST_HASH if row is None else row[0]

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
    if not isinstance(body, DecisionEntry) or body.reason not in _CLOCK_TRUSTED:
        return newest
    return body.at if newest is None else max(newest, body.at)


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
