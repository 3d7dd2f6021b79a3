"""The lists that grow: revocations, the day's bound credentials and who is inside, sent as chunks of changes.

A feed counts its changes for the whole site: its version is the number of the last one. A chunk is the body
of a signed document whose version is the number of the chunk's last change; it holds all changes after the
number `after` up to there, each in its newest form. A device that holds at least `after` takes it; one that
holds less asks for what it missed. An entry says what holds from now on, so that taking it twice does no harm.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from access_protocol.codec import EventIdText
from access_protocol.documents import DocumentKind, OlderDocumentError
from access_protocol.ids import (
    CREDENTIAL_ID_BYTES,
    HIGHEST_ZONE,
    CredentialId,
    Direction,
    EventId,
    ZoneNumber,
)
from access_protocol.knowledge import ALL_GENERATIONS, MalformedSectionError, dump, load

FEEDS = (DocumentKind.REVOCATIONS, DocumentKind.CREDENTIALS, DocumentKind.PRESENCE)
CHUNK_BYTES = 60 * 1024
"""A writer closes a chunk before it grows past this."""
CHUNKS_AT_ONCE = 16
"""How many chunks answer one request; the last says whether there is more to ask for."""
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Entry = TypeVar("Entry")


class MissedChangesError(ValueError):
    """A chunk that begins after changes which the device does not hold yet."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """From now on only generations from `lowest` count; the word itself may be forgotten after `until`."""

    credential: CredentialId
    lowest: int
    until: datetime


@dataclass(frozen=True, slots=True)
class LastPassage:
    """The newest passage that the site knows of one visitor at one zone's access points."""

    credential: CredentialId
    zone: ZoneNumber
    direction: Direction
    at: datetime
    event: EventId


@dataclass(frozen=True, slots=True)
class Chunk(Generic[Entry]):
    """Changes of a feed after the number `after`; `more`: there are others behind the last of them."""

    after: int
    entries: tuple[Entry, ...]
    more: bool = False


_Id = Annotated[bytes, msgspec.Meta(min_length=CREDENTIAL_ID_BYTES, max_length=CREDENTIAL_ID_BYTES)]
_Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
_Seconds = Annotated[int, msgspec.Meta(ge=0, le=(1 << 32) - 1)]


class _RevocationForm(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    id: _Id
    lowest: Annotated[int, msgspec.Meta(ge=0, le=ALL_GENERATIONS)]
    until: _Seconds


class _PassageForm(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    id: _Id
    zone: Annotated[int, msgspec.Meta(ge=1, le=HIGHEST_ZONE)]
    direction: Direction
    at_us: _Number
    event: EventIdText


class _ChunkForm(
    msgspec.Struct, Generic[Entry], frozen=True, array_like=True, forbid_unknown_fields=True
):
    after: _Number
    more: bool
    entries: list[Entry]


def write_revocations(chunk: Chunk[Revocation]) -> bytes:
    """Return the body of a chunk of revocations."""
    return _write(
        chunk,
        lambda entry: _RevocationForm(entry.credential, entry.lowest, int(entry.until.timestamp())),
    )


def read_revocations(body: bytes) -> Chunk[Revocation]:
    """Return a chunk of revocations, or raise `MalformedSectionError`."""

    def entry(form: _RevocationForm) -> Revocation:
        until = datetime.fromtimestamp(form.until, UTC)
        return Revocation(CredentialId(form.id), form.lowest, until)

    return _read(body, _RevocationForm, entry)


def write_credentials(chunk: Chunk[bytes]) -> bytes:
    """Return the body of a chunk of credentials, each as its issuer signed it."""
    return _write(chunk, lambda entry: entry)


def read_credentials(body: bytes) -> Chunk[bytes]:
    """Return a chunk of credentials, not verified yet, or raise `MalformedSectionError`."""
    return _read(body, bytes, lambda entry: entry)


def write_presence(chunk: Chunk[LastPassage]) -> bytes:
    """Return the body of a chunk of last passages."""

    def form(entry: LastPassage) -> _PassageForm:
        at_us = (entry.at - _EPOCH) // _MICROSECOND
        return _PassageForm(entry.credential, entry.zone, entry.direction, at_us, entry.event)

    return _write(chunk, form)


def read_presence(body: bytes) -> Chunk[LastPassage]:
    """Return a chunk of last passages, or raise `MalformedSectionError`."""

    def entry(form: _PassageForm) -> LastPassage:
        return LastPassage(
            CredentialId(form.id),
            ZoneNumber(form.zone),
            form.direction,
            _EPOCH + form.at_us * _MICROSECOND,
            EventId(form.event),
        )

    return _read(body, _PassageForm, entry)


def check_order(after: int, version: int, held: int) -> None:
    """Let pass a chunk that continues what is held.

    Raises `OlderDocumentError` where everything in it is held already, and `MissedChangesError` where
    changes before it are not: the device then asks, and loses nothing.
    """
    if version <= held:
        raise OlderDocumentError(f"changes up to {version}, {held} is held")
    if after > held:
        raise MissedChangesError(f"changes after {after}, only {held} is held")


def _write(chunk: Chunk[Entry], form: Callable[[Entry], object]) -> bytes:
    return dump(_ChunkForm(chunk.after, chunk.more, [form(entry) for entry in chunk.entries]))


def _read(body: bytes, form: type[Any], entry: Callable[[Any], Entry]) -> Chunk[Entry]:
    whole: _ChunkForm[Any] = load(body, _ChunkForm[form])
    try:
        entries = tuple(entry(each) for each in whole.entries)
    except (ValueError, OverflowError) as error:  # a time that no calendar holds
        raise MalformedSectionError(str(error)) from error
    return Chunk(whole.after, entries, whole.more)


def in_chunks(sizes: Sequence[int], ceiling: int = CHUNK_BYTES) -> Iterable[slice]:
    """Cut entries of these sizes (bytes) into runs that stay below `ceiling`, at least one in each."""
    start = taken = 0
    for place, size in enumerate(sizes):
        if place > start and taken + size > ceiling:
            yield slice(start, place)
            start, taken = place, 0
        taken += size
    if start < len(sizes):
        yield slice(start, len(sizes))
