"""Reads the three records of one installation: what controllers wrote down, gates' journals, the server's ledger."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from access_protocol.credential import CredentialClass
from access_protocol.events import DecisionEntry, read_body
from tests.faults.history import Entry, Word


def words_in(output: str) -> Iterator[Word]:
    """What a simulated controller wrote with `--json`; a line that a kill cut short is no word."""
    for line in output.splitlines():
        if '"controller": ' not in line or not line.endswith("}"):
            continue
        told = json.loads(line)
        yield Word(
            told["controller"],
            told["boot"],
            told["sequence"],
            told["what"],
            told["event"],
            datetime.fromisoformat(told["at"]),
        )


def journaled(gate: str, files: Iterable[Path]) -> Iterator[Entry]:
    """Every entry in a gate's journals, those that were set aside too."""
    for file in files:
        with closing(_opened(file)) as connection:
            ((name,),) = connection.execute("SELECT id FROM journal").fetchall()
            rows = connection.execute("SELECT sequence, hash, body FROM entry ORDER BY sequence")
            for sequence, digest, body in rows:
                yield _entry((gate, name, sequence), digest, body)


def waiting(file: Path) -> int:
    """How many entries of a gate's present journal the server has not acknowledged."""
    with closing(_opened(file)) as connection:
        ((acknowledged,),) = connection.execute("SELECT acknowledged FROM journal").fetchall()
        ((last,),) = connection.execute("SELECT max(sequence) FROM entry").fetchall()
        return max(0, (last or 0) - acknowledged)


def stored(database: Path) -> list[Entry]:
    """Every row of the server's ledger."""
    with closing(_opened(database)) as connection:
        rows = connection.execute("SELECT gate, journal, sequence, hash, body FROM access_event")
        return [_entry(row[:3], row[3], bytes(row[4]).decode()) for row in rows]


def heard(database: Path) -> frozenset[tuple[str, str, int]]:
    """The words of controllers that the server got from them."""
    with closing(_opened(database)) as connection:
        return frozenset(
            connection.execute("SELECT device, boot, sequence FROM devices_door_event")
        )


def conflicts(database: Path) -> set[str]:
    """Whose double entries the server has found."""
    with closing(_opened(database)) as connection:
        rows = connection.execute("SELECT credential FROM access_conflict")
        return {bytes(row[0]).hex() for row in rows}


def alarms(database: Path) -> tuple[str, ...]:
    """What the server says is wrong with journals."""
    with closing(_opened(database)) as connection:
        rows = connection.execute("SELECT kind, gate, journal, sequence FROM access_ledger_alarm")
        return tuple("{} at {} of {}, entry {}".format(*row) for row in rows)


def _opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)


def _entry(place: tuple[str, str, int], digest: bytes, text: str) -> Entry:
    body = read_body(text)
    common = (*place, digest.hex(), body.event, body.access_point, body.at)
    if isinstance(body, DecisionEntry):
        return Entry(
            *common,
            granted=body.reason is None,
            credential=body.credential,
            single=body.credential_class is CredentialClass.STATIC,
        )
    return Entry(*common, outcome=body.outcome)
