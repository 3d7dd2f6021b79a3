"""Verifies the journal's chain of hashes: its newest part before the work begins, the rest beside it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from access_protocol.events import FIRST_HASH, JournalPosition, chained
from access_protocol.ids import JournalId

VERIFIED_AT_LEAST = 1000
"""Entries at the end that are verified before the work begins, also where the server has them."""
_AT_ONCE = 500
_PAUSE_S = 0.01
"""Between two parts of the rest, so that a decision need not wait for them."""


class JournalDamaged(Exception):
    """The journal on the disk is not the unbroken chain that was written."""


def anchor_of(connection: sqlite3.Connection) -> JournalPosition:
    """Return the number and hash of the last entry that was dropped. Raises `JournalDamaged`."""
    row = connection.execute("SELECT sequence, hash FROM anchor").fetchone()
    if row is None:
        return JournalPosition(0, FIRST_HASH)
    try:
        return JournalPosition(int(row[0]), bytes(memoryview(row[1])))
    except (ValueError, TypeError) as error:
        raise JournalDamaged(f"the chain's anchor cannot be read: {error}") from error


def verify_end(
    connection: sqlite3.Connection, anchor: JournalPosition, acknowledged: int
) -> tuple[JournalPosition, JournalPosition]:
    """Verify what the server does not have yet, and the last `VERIFIED_AT_LEAST` entries.

    Returns where that begins and where the journal ends. Raises `JournalDamaged`.
    """
    last = connection.execute("SELECT max(sequence) FROM entry").fetchone()[0] or anchor.sequence
    if not anchor.sequence <= acknowledged <= last:
        raise JournalDamaged(f"acknowledged to {acknowledged}, but ends at {last}")
    begin = max(anchor.sequence, min(acknowledged, last - VERIFIED_AT_LEAST))
    since = anchor if begin == anchor.sequence else _position(connection, begin)
    return since, _follow(connection, since, last)


def verify_beginning(
    path: Path, journal: JournalId, up_to: JournalPosition, stop: Callable[[float], bool]
) -> None:
    """Verify the journal's entries up to there over a connection of its own, a few at a time.

    Ends where it is begun anew meanwhile: all hashes are new then. `stop` waits for so many seconds, and tells
    whether to give up. Raises `JournalDamaged`.
    """
    connection = sqlite3.connect(path, timeout=5, isolation_level=None)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA cache_size = -128")
        reached = JournalPosition(0, FIRST_HASH)
        while True:
            # One moment's picture: the running gate drops its oldest entries meanwhile.
            connection.execute("BEGIN")
            if connection.execute("SELECT id FROM journal").fetchone() != (journal,):
                return
            anchor = anchor_of(connection)
            if anchor.sequence >= up_to.sequence:
                return
            reached = anchor if anchor.sequence > reached.sequence else reached
            if reached.sequence >= up_to.sequence:
                break
            last = min(reached.sequence + _AT_ONCE, up_to.sequence)
            reached = _follow(connection, reached, last)
            connection.execute("COMMIT")
            if stop(_PAUSE_S):
                return
        if reached.sequence == up_to.sequence and reached.hash != up_to.hash:
            raise JournalDamaged(f"the chain is broken at entry {up_to.sequence}")
    except sqlite3.OperationalError:
        return  # the disk does not give it now; what the work itself needs is said elsewhere
    except sqlite3.DatabaseError as error:
        raise JournalDamaged(f"{path}: {error}") from error
    finally:
        connection.close()


def forge_anew(connection: sqlite3.Connection, since: JournalPosition) -> JournalPosition:
    """Chain every entry anew to `since`, which stands before the first; return the last one's position."""
    sequence, previous = since.sequence, since.hash
    some = "SELECT sequence, body FROM entry WHERE sequence > ? ORDER BY sequence LIMIT ?"
    while rows := connection.execute(some, (sequence, _AT_ONCE)).fetchall():
        for sequence, text in rows:
            previous = chained(previous, text)
            connection.execute("UPDATE entry SET hash = ? WHERE sequence = ?", (previous, sequence))
    return JournalPosition(sequence, previous)


def _position(connection: sqlite3.Connection, sequence: int) -> JournalPosition:
    row = connection.execute("SELECT hash FROM entry WHERE sequence = ?", (sequence,)).fetchone()
    if row is None:
        raise JournalDamaged(f"the chain is broken at entry {sequence}")
    return JournalPosition(sequence, row[0])


def _follow(connection: sqlite3.Connection, since: JournalPosition, last: int) -> JournalPosition:
    sequence, previous = since.sequence, since.hash
    for number, digest, text in connection.execute(
        "SELECT sequence, hash, body FROM entry WHERE sequence > ? AND sequence <= ?"
        " ORDER BY sequence",
        (since.sequence, last),
    ):
        sequence += 1
        if not isinstance(text, str):
            raise JournalDamaged(f"entry {number} is no text")
        previous = chained(previous, text)
        if number != sequence or digest != previous:
            raise JournalDamaged(f"the chain is broken at entry {number}")
    if sequence != last:
        raise JournalDamaged(f"the chain is broken at entry {sequence + 1}")
    return JournalPosition(sequence, previous)
