"""The file of what a gate holds of the feeds: revocations, the day's credentials, who passed where last.

SQLite with a write-ahead log and synchronous=FULL: a chunk and the version that it leads to are on the disk
together or not at all. Whatever cannot be read counts against the credential, and a file that is damaged is
begun anew: nothing is heard then, so that nobody is admitted before the server has told everything again.
"""

import sqlite3
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from access_protocol.credential import HIGHEST_GENERATION, Credential
from access_protocol.documents import DocumentKind
from access_protocol.feeds import LastPassage, Revocation
from access_protocol.ids import CredentialId, Direction, EventId, ZoneNumber
from access_protocol.knowledge import ALL_GENERATIONS
from gate_agent.logs import Log

_SCHEMA = """
CREATE TABLE IF NOT EXISTS feed (
    kind TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    incomplete INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heard (
    at_us INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS revocation (
    id BLOB PRIMARY KEY,
    lowest INTEGER NOT NULL,
    until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS credential (
    id BLOB PRIMARY KEY,
    generation INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    message BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passage (
    id BLOB NOT NULL,
    zone INTEGER NOT NULL,
    direction TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (id, zone)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bound (
    id BLOB PRIMARY KEY,
    generation INTEGER NOT NULL,
    at_us INTEGER NOT NULL
) WITHOUT ROWID;
"""
_CACHE = "PRAGMA cache_size = -512"
PRUNED_AT_ONCE = 500
PASSAGES_KEPT = timedelta(days=30)
"""Longer than any visit: a passage before that neither keeps nor lets anybody in."""
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
"""What SQLite says of a file that is not its own, or whose tables are gone."""
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

log = Log(__name__)


class KnowledgeNotKept(Exception):
    """A chunk could not be made durable: it does not count, and is asked for again."""


@dataclass(frozen=True, slots=True)
class HeldCredential:
    """A bound credential as its issuer signed it, and what its signature says."""

    message: bytes
    claims: Credential


class HeldFeeds:
    """Several threads may share it. Where the disk gives no file at all, it is kept in memory alone."""

    def __init__(self, path: Path) -> None:
        """Open or begin the file in `path`."""
        self._path = path
        self._lock = threading.RLock()
        self._writing: sqlite3.Connection
        self._reading: sqlite3.Connection
        self._writing, self._reading = self._open()

    def _open(self) -> tuple[sqlite3.Connection, sqlite3.Connection]:
        for _ in range(2):
            try:
                return self._opened()
            except (sqlite3.Error, ValueError, OverflowError) as error:
                if not _is_damage(error):
                    log.warning("knowledge_in_memory_only", why=str(error))
                    break
                log.warning("knowledge_begun_anew", why=str(error))
                self._remove()
        memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._load(memory)
        return memory, memory

    def _opened(self) -> tuple[sqlite3.Connection, sqlite3.Connection]:
        with suppress(OSError):
            self._path.touch(0o600)
        # Look-ups have a connection of their own, so that none waits while a chunk is written.
        both = [
            sqlite3.connect(self._path, timeout=5, isolation_level=None, check_same_thread=False)
            for _ in range(2)
        ]
        try:
            for connection in both:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute(_CACHE)
            self._load(both[0])
        except (sqlite3.Error, ValueError, OverflowError):
            for connection in both:
                connection.close()
            raise
        return both[0], both[1]

    def _load(self, connection: sqlite3.Connection) -> None:
        connection.executescript(_SCHEMA)
        rows = connection.execute("SELECT kind, version, incomplete FROM feed").fetchall()
        self._versions = {DocumentKind(kind): int(version) for kind, version, _ in rows}
        self._incomplete = {DocumentKind(kind) for kind, _, incomplete in rows if incomplete}
        heard = connection.execute("SELECT at_us FROM heard").fetchone()
        self._heard = None if heard is None else _time(heard[0])

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file. Closing twice is allowed."""
        with self._lock:
            self._writing.close()
            self._reading.close()

    @property
    def versions(self) -> Mapping[DocumentKind, int]:
        """The number of the last change that is held of each feed."""
        return dict(self._versions)

    @property
    def heard(self) -> datetime | None:
        """As of when everything that the server knew is held; None before it ever was."""
        return self._heard

    def lowest_generation(self, credential: CredentialId) -> int:
        """See `rules.Knowledge.lowest_generation`."""
        found = self._look_up("SELECT lowest FROM revocation WHERE id = ?", credential)
        if found:
            return found[0][0]
        # Another thread may just have begun the file anew: who is not in it may have been in the last one.
        return ALL_GENERATIONS if found is None or self._heard is None else 0

    def held_credential(self, credential: CredentialId) -> bytes | None:
        """See `rules.Knowledge.held_credential`."""
        found = self._look_up("SELECT message FROM credential WHERE id = ?", credential)
        return found[0][0] if found else None

    def bound_generation(self, credential: CredentialId) -> int | None:
        """Return the newest generation of the bound credential that was used at another gate."""
        found = self._look_up("SELECT generation FROM bound WHERE id = ?", credential)
        return HIGHEST_GENERATION if found is None else found[0][0] if found else None

    def last_passage(self, credential: CredentialId, zone: ZoneNumber) -> LastPassage | None:
        """Return the newest passage at this zone's access points that the other gates or the server told.

        Raises `LookupError` where the disk does not give it.
        """
        found = self._look_up(_LAST_PASSAGE, credential, zone)
        if found is None:
            raise LookupError
        if not found:
            return None
        direction, at_us, event = found[0]
        return LastPassage(credential, zone, Direction(direction), _time(at_us), EventId(event))

    def _look_up(self, statement: str, *values: object) -> list[Any] | None:
        """Return the rows found; None where the disk does not give them."""
        reading = self._reading
        try:
            return reading.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            self._failed(error, reading)
            return None

    def _failed(self, error: sqlite3.Error, connection: sqlite3.Connection) -> None:
        """Begin anew where the file is damaged; an unwilling disk may give it next time."""
        damaged = _is_damage(error)
        with self._lock:
            # Another thread may have been here before.
            if connection not in (self._reading, self._writing):
                return
            log.warning("knowledge_not_read", why=str(error), begun_anew=damaged)
            if damaged:
                self.close()
                self._remove()
                self._writing, self._reading = self._open()

    def take_revocations(self, version: int, entries: Iterable[Revocation]) -> None:
        """Take a chunk that leads to this version. Raises `KnowledgeNotKept`."""
        rows = [(one.credential, one.lowest, int(one.until.timestamp())) for one in entries]
        with self._chunk(DocumentKind.REVOCATIONS, version) as connection:
            connection.executemany("REPLACE INTO revocation VALUES (?, ?, ?)", rows)

    def take_credentials(
        self, version: int, entries: Iterable[HeldCredential], *, complete: bool
    ) -> None:
        """Take a chunk of credentials whose signatures were checked; `complete` says: all of them.

        Raises `KnowledgeNotKept`.
        """
        rows = [
            (one.claims.id, one.claims.generation, int(one.claims.expires.timestamp()), one.message)
            for one in entries
        ]
        with self._chunk(DocumentKind.CREDENTIALS, version) as connection:
            connection.executemany(_TAKE_CREDENTIAL, rows)
            if not complete:
                connection.execute(_LEFT_OUT, (DocumentKind.CREDENTIALS,))
        if not complete:
            self._incomplete.add(DocumentKind.CREDENTIALS)

    def take_presence(self, version: int, entries: Iterable[LastPassage]) -> None:
        """Take a chunk that leads to this version. Raises `KnowledgeNotKept`."""
        rows = [_row(one) for one in entries]
        with self._chunk(DocumentKind.PRESENCE, version) as connection:
            connection.executemany(_TAKE_PASSAGE, rows)

    def note(self, passage: LastPassage, bound_generation: int | None) -> None:
        """Note what another gate told: a passage, perhaps by a bound credential of this generation.

        Raises `KnowledgeNotKept`.
        """
        row = _row(passage)
        with self._transaction() as connection:
            connection.execute(_TAKE_PASSAGE, row)
            if bound_generation is not None:
                bound = passage.credential, bound_generation, _microseconds(passage.at)
                connection.execute(_TAKE_BOUND, bound)

    @property
    def credentials_left_out(self) -> bool:
        """Whether credentials were refused for want of their issuer's key."""
        return DocumentKind.CREDENTIALS in self._incomplete

    def begin_credentials_anew(self) -> None:
        """Have the server tell all credentials again; what is held stays. Raises `KnowledgeNotKept`."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM feed WHERE kind = ?", (DocumentKind.CREDENTIALS,))
        self._incomplete.discard(DocumentKind.CREDENTIALS)
        self._versions.pop(DocumentKind.CREDENTIALS, None)

    def hear(self, at: datetime) -> None:
        """Everything that the server knew at this time is held. Raises `KnowledgeNotKept`."""
        with self._lock:
            with self._transaction() as connection:
                connection.execute("DELETE FROM heard")
                connection.execute("INSERT INTO heard VALUES (?)", (_microseconds(at),))
            # Not later: a file that is begun anew meanwhile has heard nothing.
            self._heard = at

    def prune(self, now: datetime) -> int:
        """Forget some of what no longer matters at this time; call again until it returns 0.

        Raises `KnowledgeNotKept`.
        """
        seconds, passages = int(now.timestamp()), _microseconds(now - PASSAGES_KEPT)
        with self._transaction() as connection:
            return sum(
                connection.execute(statement, (limit, PRUNED_AT_ONCE)).rowcount
                for statement, limit in zip(
                    _PRUNE, (seconds, seconds, passages, passages), strict=True
                )
            )

    @contextmanager
    def _chunk(self, kind: DocumentKind, version: int) -> Generator[sqlite3.Connection]:
        with self._lock:
            with self._transaction() as connection:
                connection.execute(_REACHED, (kind, version))
                yield connection
            # Not later: a file that is begun anew meanwhile holds nothing of this.
            self._versions[kind] = version

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            connection = self._writing
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._failed(error, connection)
                raise KnowledgeNotKept(str(error)) from error
            finally:
                with suppress(sqlite3.Error):
                    if connection.in_transaction:
                        connection.rollback()


_REACHED = """
INSERT INTO feed (kind, version) VALUES (?, ?)
ON CONFLICT (kind) DO UPDATE SET version = excluded.version
"""
_LEFT_OUT = "UPDATE feed SET incomplete = 1 WHERE kind = ?"
_LAST_PASSAGE = "SELECT direction, at_us, event FROM passage WHERE id = ? AND zone = ?"
_TAKE_CREDENTIAL = """
INSERT INTO credential VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
SET generation = excluded.generation, expires = excluded.expires, message = excluded.message
WHERE excluded.generation >= generation
"""
_TAKE_PASSAGE = """
INSERT INTO passage VALUES (?, ?, ?, ?, ?) ON CONFLICT (id, zone) DO UPDATE
SET direction = excluded.direction, at_us = excluded.at_us, event = excluded.event
WHERE excluded.at_us >= at_us
"""
_TAKE_BOUND = """
INSERT INTO bound VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE
SET generation = max(generation, excluded.generation), at_us = max(at_us, excluded.at_us)
"""
_PRUNE = (
    "DELETE FROM revocation WHERE id IN (SELECT id FROM revocation WHERE until < ? LIMIT ?)",
    "DELETE FROM credential WHERE id IN (SELECT id FROM credential WHERE expires <= ? LIMIT ?)",
    "DELETE FROM passage WHERE (id, zone) IN (SELECT id, zone FROM passage WHERE at_us < ? LIMIT ?)",
    "DELETE FROM bound WHERE id IN (SELECT id FROM bound WHERE at_us < ? LIMIT ?)",
)


def _is_damage(error: Exception) -> bool:
    """Tell whether the file is not what was written; a full or an unwilling disk is another matter."""
    if not isinstance(error, sqlite3.Error):
        return True
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE


def _row(passage: LastPassage) -> tuple[object, ...]:
    at_us = _microseconds(passage.at)
    return passage.credential, passage.zone, passage.direction, at_us, passage.event


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _time(at_us: int) -> datetime:
    return _EPOCH + at_us * _MICROSECOND
