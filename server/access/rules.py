"""Reading an uploaded batch: which entries follow from what is stored, and where the chain breaks. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from access_protocol.codec import MalformedReportError
from access_protocol.credential import HIGHEST_GENERATION
from access_protocol.events import (
    DecisionEntry,
    EntryBody,
    JournalBatch,
    JournalEntry,
    JournalPosition,
    chained,
    read_body,
)
from access_protocol.ids import CREDENTIAL_ID_BYTES

LONGEST_CREDENTIAL_TEXT = 2 * CREDENTIAL_ID_BYTES
LATEST_UNIX_TIME = (1 << 32) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime.fromtimestamp(LATEST_UNIX_TIME, UTC)


class Break(StrEnum):
    """Why the rest of a batch was not taken."""

    GAP = "gap"
    """Entries are missing before it; the receipt tells the gate where we are."""
    CHAIN = "chain"
    """A hash does not follow from the one before."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is to be done with a batch. `repeated` were stored before and are to be compared."""

    repeated: tuple[JournalEntry, ...]
    new: tuple[JournalEntry, ...]
    stopped: Break | None = None
    stopped_at: JournalEntry | None = None


def read_batch(batch: JournalBatch, stored: JournalPosition) -> Reading:
    """Say which entries of a batch are known, which are new, and where it must stop."""
    repeated: list[JournalEntry] = []
    new: list[JournalEntry] = []
    at = stored
    for entry in batch.entries:
        if entry.sequence <= stored.sequence:
            repeated.append(entry)
            continue
        if entry.sequence <= at.sequence:
            return Reading(tuple(repeated), tuple(new), Break.CHAIN, entry)
        if entry.sequence != at.sequence + 1:
            return Reading(tuple(repeated), tuple(new), Break.GAP, entry)
        if chained(at.hash, entry.body).hex() != entry.hash:
            return Reading(tuple(repeated), tuple(new), Break.CHAIN, entry)
        new.append(entry)
        at = JournalPosition(entry.sequence, bytes.fromhex(entry.hash))
    return Reading(tuple(repeated), tuple(new))


def hash_of(entry: JournalEntry) -> bytes:
    """Return the hash that came with an entry, cut or filled to 32 bytes where a gate sent nonsense."""
    return bytes.fromhex(entry.hash)[:32].ljust(32, b"\0")


def read_entry(text: str) -> tuple[EntryBody, datetime]:
    """Return an entry and its time in UTC; raise `MalformedReportError` for what no gate of ours writes."""
    body = read_body(text)
    try:
        at = body.at.astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise MalformedReportError(str(error)) from error
    if not _EPOCH <= at <= _LATEST:
        raise MalformedReportError(f"no clock of a gate shows {at}")
    if isinstance(body, DecisionEntry):
        _check_decision(body)
    return body, at


def _check_decision(body: DecisionEntry) -> None:
    wrong = (
        (body.credential is not None and len(body.credential) != LONGEST_CREDENTIAL_TEXT)
        or not 0 <= (body.generation or 0) <= HIGHEST_GENERATION
        or not 0 <= (body.presented_at or 0) <= LATEST_UNIX_TIME
    )
    if wrong:
        raise MalformedReportError("a decision's credential, generation or time is out of range")
