"""The gate's journal: every decision and outcome, numbered, chained by hash, durable on return.

SQLite with a write-ahead log and synchronous=FULL: a power cut takes nothing that `append` returned.
"""

import sqlite3
import threading
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from access_protocol.codec import MalformedReportError
from access_protocol.events import (
    FIRST_HASH,
    LARGEST_BATCH,
    DecisionEntry,
    EntryBody,
    JournalBatch,
    JournalEntry,
    JournalPosition,
    Receipt,
    body_text,
    chained,
    read_body,
)
from access_protocol.ids import JournalId
from gate_agent import chain
from gate_agent.chain import JournalDamaged
from gate_agent.history import PassageHistory, Points, trusted_time

_SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
    id TEXT NOT NULL,
    acknowledged INTEGER NOT NULL DEFAULT 0,
    before INTEGER NOT NULL DEFAULT 0,
    told INTEGER NOT NULL DEFAULT 0,
    newest TEXT
);
CREATE TABLE IF NOT EXISTS entry (
    sequence INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS anchor (
    sequence INTEGER NOT NULL,
    hash BLOB NOT NULL
);
"""
"""`before`: how many entries this gate wrote before this journal began; numbers in here count on, those that go
to the server begin anew. `newest` is the latest time of a decision by a trusted clock; `told`: the other gates
know of the passages reported up to this entry; `anchor`: the last entry that was dropped."""
_CACHE = "PRAGMA cache_size = -512"
"""KiB of pages that one connection keeps: a gate has little memory, and the system keeps them too."""
_BATCH_BYTES = 56 * 1024
"""Written forms in one upload; escaped and with their hashes they stay below a report's ceiling."""
_ENTRY_OVERHEAD = 200
PRUNED_AT_ONCE = 200
"""Entries that one call of `prune` drops, so that no decision waits for it for long."""


class JournalUnavailable(Exception):
    """An entry could not be made durable: nothing may be opened on its strength."""


@dataclass(frozen=True, slots=True)
class _Head:
    """The last entry, or the last one that was dropped, and the newest trusted time up to there."""

    position: JournalPosition
    newest: datetime | None


class Journal:
    """One gate's journal; several threads may share it. `history` is what its entries mean."""

    def __init__(self, path: Path, points: Points) -> None:
        """Open or begin the journal in `path`, and verify the end of its chain.

        `points` gives the policy's access points as they stand now. Raises `JournalDamaged` where the
        chain is broken, `JournalUnavailable` where the file cannot be used at all.
        """
        self._path = path
        self._lock = threading.RLock()
        self._open: list[sqlite3.Connection] = []
        self._unnoted = False
        with suppress(OSError):
            path.touch(0o600)
        try:
            # Look-ups have a connection of their own, so that none waits while another thread writes.
            self._connection, reading = self._connect(), self._connect()
            self._connection.executescript(_SCHEMA)
            self.history = PassageHistory(points, self._connection, reading)
            self._begin()
            # One moment's picture: the running gate may prune while another process only looks.
            self._connection.execute("BEGIN")
            self._load()
            self._connection.execute("COMMIT")
        except JournalDamaged:
            self.close()
            raise
        except sqlite3.Error as error:
            self.close()
            # Without its tables or columns (SQLITE_ERROR) it is no journal of ours either.
            unwilling = isinstance(error, sqlite3.OperationalError)
            unwilling = unwilling and error.sqlite_errorcode != sqlite3.SQLITE_ERROR
            kind = JournalUnavailable if unwilling else JournalDamaged
            raise kind(f"{path}: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=5, isolation_level=None, check_same_thread=False
        )
        self._open.append(connection)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(_CACHE)
        return connection

    def _begin(self) -> None:
        connection = self._connection
        if connection.execute("SELECT id FROM journal").fetchone() is None:
            connection.execute("INSERT INTO journal (id) VALUES (?)", (str(uuid.uuid4()),))

    def _load(self) -> None:
        row = self._connection.execute(
            "SELECT id, acknowledged, told, newest, before FROM journal"
        ).fetchone()
        self.id = JournalId(row[0])
        self._acknowledged: int = row[1]
        self._told: int = row[2]
        self._before: int = row[4]
        self._anchor = chain.anchor_of(self._connection)
        self._verified_from, position = chain.verify_end(
            self._connection, self._anchor, self._acknowledged
        )
        try:
            newest = None if row[3] is None else datetime.fromisoformat(row[3])
        except (ValueError, TypeError) as error:
            raise JournalDamaged(f"the newest time cannot be read: {error}") from error
        self._head = _Head(position, newest)

    def verify_beginning(self, stop: Callable[[float], bool]) -> None:
        """Verify what was not verified at the opening: old entries, which the server has.

        Takes its time; `stop` waits for so many seconds, and tells whether to give up. Raises
        `JournalDamaged`: then the disk lost or changed something.
        """
        chain.verify_beginning(self._path, self.id, self._verified_from, stop)

    @property
    def position(self) -> JournalPosition:
        """How far the journal has come."""
        return self._head.position

    @property
    def pruned(self) -> int:
        """The sequence number of the last entry that was dropped; 0 where none was."""
        return self._anchor.sequence

    @property
    def newest(self) -> datetime | None:
        """The latest time of a decision that was made by a trusted clock; None before the first."""
        return self._head.newest

    @property
    def waiting(self) -> int:
        """How many entries the server has not acknowledged yet."""
        return self._head.position.sequence - self._acknowledged

    def append(self, body: EntryBody) -> JournalPosition:
        """Write one entry and return once it is on the disk, or raise `JournalUnavailable`.

        A grant that was decided without all of the history is not taken.
        """
        text = body_text(body)
        with self._lock:
            if isinstance(body, DecisionEntry):  # no outcome takes away what stands against it
                failure, self.history.failure = self.history.failure, None
                if failure is not None and body.reason is None:
                    raise JournalUnavailable(f"the history could not be read: {failure}")
            before = self._head.position
            position = JournalPosition(before.sequence + 1, chained(before.hash, text))
            newest = _later(self._head.newest, body)
            with self._transaction() as connection:
                connection.execute(
                    "INSERT INTO entry (sequence, hash, body) VALUES (?, ?, ?)",
                    (position.sequence, position.hash, text),
                )
                self.history.add(position.sequence, body)
                self._note(connection, newest)
            self._head = _Head(position, newest)
            return position

    def forget_newest(self) -> None:
        """The times up to now were those of a clock that was wrong, and count no longer.

        Raises `JournalUnavailable`.
        """
        with self._lock:
            with self._transaction() as connection:
                self._note(connection, None)
            self._head = _Head(self._head.position, None)

    @property
    def told(self) -> int:
        """Up to which entry the other gates know of the passages in here."""
        return self._told

    def tell(self, up_to: int) -> None:
        """Note that they do; it is written with the next entry or acknowledgement.

        Should that never come, they are told again, which does no harm.
        """
        with self._lock:
            self._told = max(self._told, up_to)

    def acknowledge(self, sequence: int) -> bool:
        """Note that the server holds this journal up to and with `sequence`; tell whether that is news.

        A server that went back to an older copy of its database holds less than before: what it
        lost then waits again, as far as it was not pruned. What lies beyond the end of the journal
        changes nothing.
        """
        with self._lock:
            sequence = max(sequence + self._before, self._anchor.sequence)
            if sequence == self._acknowledged or sequence > self._head.position.sequence:
                return False
            before, self._acknowledged = self._acknowledged, sequence
            # Of many batches only the last is written down: after a crash the others are sent again,
            # and meanwhile no decision waits for the disk because of them.
            self._unnoted = True
            if self.waiting == 0 or sequence < before:
                with self._transaction() as connection:
                    self._note(connection, self._head.newest)
            return True

    def parted(self, receipt: Receipt) -> int | None:
        """Return after which entry this journal and the server's no longer fit; None where they do.

        The gate's disk was brought back from an older copy where the server holds more, or something
        else; the server's was where it lacks what was pruned here.
        """
        with self._lock:
            held = receipt.sequence + self._before
            if receipt.differs_from is not None:
                return receipt.differs_from - 1 + self._before
            if held < self._anchor.sequence:
                return self._anchor.sequence
            if held > self._head.position.sequence and receipt.up_to is not None:
                return receipt.up_to + self._before
            return None

    def begin_anew(self, after: int) -> None:
        """Make the entries after number `after` the first ones of a new journal, so that they can be uploaded.

        What stands before them is the server's, or lost; what it means for later decisions stays.
        Raises `JournalUnavailable`.
        """
        with self._lock:
            after = min(max(after, self._anchor.sequence), self._head.position.sequence)
            name, last = str(uuid.uuid4()), JournalPosition(after, FIRST_HASH)
            with self._transaction() as connection:
                connection.execute("DELETE FROM entry WHERE sequence <= ?", (after,))
                connection.execute("DELETE FROM anchor")
                row = last.sequence, last.hash
                connection.execute("INSERT INTO anchor (sequence, hash) VALUES (?, ?)", row)
                last = chain.forge_anew(connection, last)
                connection.execute(
                    "UPDATE journal SET id = ?, before = ?, acknowledged = ?", (name, after, after)
                )
            self._anchor = self._verified_from = JournalPosition(after, FIRST_HASH)
            self.id, self._before, self._acknowledged = JournalId(name), after, after
            self._head = _Head(last, self._head.newest)

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
        number and hash stay, so that the chain can be verified from there. Raises
        `JournalUnavailable`.
        """
        with self._lock:
            try:
                anchor = self._prunable(before)
            except (sqlite3.Error, MalformedReportError) as error:
                raise JournalUnavailable(str(error)) from error
            dropped = anchor.sequence - self._anchor.sequence
            if dropped:
                with self._transaction() as connection:
                    self._drop(connection, anchor)
                self._anchor = anchor
            return dropped

    def _prunable(self, before: datetime) -> JournalPosition:
        """Return the last entry that may go."""
        anchor, count = self._anchor, 0
        rows = self._connection.execute(
            "SELECT sequence, hash, body FROM entry WHERE sequence <= ? ORDER BY sequence",
            (self._acknowledged,),
        )
        for number, digest, text in rows:
            count += 1
            written = trusted_time(read_body(text))
            if written is None:
                continue
            if written >= before:
                break
            anchor = JournalPosition(number, digest)
            if count >= PRUNED_AT_ONCE:
                break
        rows.close()
        return anchor

    def _drop(self, connection: sqlite3.Connection, anchor: JournalPosition) -> None:
        connection.execute("DELETE FROM entry WHERE sequence <= ?", (anchor.sequence,))
        self.history.forget(anchor.sequence)
        connection.execute("DELETE FROM anchor")
        row = anchor.sequence, anchor.hash
        connection.execute("INSERT INTO anchor (sequence, hash) VALUES (?, ?)", row)
        self._note(connection, self._head.newest)

    def _note(self, connection: sqlite3.Connection, newest: datetime | None) -> None:
        row = self._acknowledged, self._told, _text(newest)
        connection.execute("UPDATE journal SET acknowledged = ?, told = ?, newest = ?", row)
        self._unnoted = False

    def close(self) -> None:
        """Let go of the file. Closing twice is allowed."""
        with self._lock:
            with suppress(JournalUnavailable):
                if self._unnoted:
                    with self._transaction() as connection:
                        self._note(connection, self._head.newest)
            for connection in self._open:
                connection.close()

    def _within_ceiling(self, after: int) -> Iterator[JournalEntry]:
        left = _BATCH_BYTES
        for number, digest, text in self._connection.execute(
            "SELECT sequence, hash, body FROM entry WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (after, LARGEST_BATCH),
        ).fetchall():
            entry = JournalEntry(sequence=number - self._before, hash=digest.hex(), body=text)
            left -= len(msgspec.json.encode(text)) + _ENTRY_OVERHEAD
            if left < 0:
                return
            yield entry

    def _hash_at(self, sequence: int) -> bytes:
        row = self._connection.execute(
            "SELECT hash FROM entry WHERE sequence = ?", (sequence,)
        ).fetchone()
        return self._anchor.hash if row is None else row[0]

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        """One transaction, which is on the disk at the end. Raises `JournalUnavailable`."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise JournalUnavailable(str(error)) from error
        finally:
            # A failed COMMIT leaves the transaction open; nothing of it may be written later.
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.rollback()


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _later(newest: datetime | None, body: EntryBody) -> datetime | None:
    """Return the newer time. A clock that nobody set may have written any time: it does not count."""
    at = trusted_time(body)
    if at is None or newest is None:
        return at or newest
    return max(newest, at)


def open_or_begin_anew(path: Path, points: Points) -> tuple[Journal, str | None]:
    """Open the journal; a damaged one is set aside under another name and a new one begun.

    Returns the journal, and where the damaged one went (None where all is well). The damaged file
    is kept for people to look at: it may hold entries that the server never got.
    """
    try:
        return Journal(path, points), None
    except JournalDamaged as damage:
        aside = path.with_name(f"{path.stem}-damaged-{uuid.uuid4().hex[:8]}{path.suffix}")
        for suffix in ("", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        return Journal(path, points), f"{damage}; kept as {aside.name}"
