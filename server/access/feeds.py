"""A site's feeds: changes of revocations, credentials and passages, numbered, pushed, and given to gates that ask.

Each key has one row with its newest change. Numbers are given while all feeds of the site are locked, so that they
follow the order of the commits: whoever holds all up to a number misses none below it. A number is the time in
milliseconds, or one more than the last: after a return to an older copy of the database new changes still have
numbers that no gate has seen.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import BigInteger, Index, LargeBinary, delete, func, select, update
from sqlmodel import Field

from access_protocol import feeds as protocol
from access_protocol.documents import DocumentKind
from access_protocol.feeds import CHUNKS_AT_ONCE, FEEDS, Chunk, LastPassage, Revocation
from access_protocol.ids import (
    CREDENTIAL_ID_BYTES,
    CredentialId,
    Direction,
    EventId,
    SiteCode,
    ZoneNumber,
)
from access_protocol.topics import Kind
from server.devices import actions as devices
from server.devices import models as device_models
from server.devices.actions import HIGHEST_VERSION, Section
from server.kernel.database import Record, stored_as_text, text
from server.kernel.upsert import insert_once, table_of, upsert
from server.kernel.work import Work

log = structlog.get_logger(__name__)

PUSHED = (DocumentKind.REVOCATIONS, DocumentKind.CREDENTIALS)
"""Passages are not: the gates of a site tell each other at once, and the minute's question brings what was missed."""
FORGOTTEN_EVERY = timedelta(minutes=10)
_KEYS_AT_ONCE = 500
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Feed(Record, table=True):
    """How far a feed of a site has come."""

    __tablename__ = "access_feed"  # pyright: ignore[reportAssignmentType]

    site: SiteCode = Field(primary_key=True, sa_type=text(3))
    kind: DocumentKind = Field(primary_key=True, sa_type=stored_as_text(DocumentKind))
    version: int = Field(default=0, sa_type=BigInteger)
    """The number of its newest change."""


class FeedChange(Record, table=True):
    """The newest change about one key; worth nothing to anybody after `until`."""

    __tablename__ = "access_feed_change"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "site", "kind", "number"), Index(None, "until"))

    site: SiteCode = Field(primary_key=True, sa_type=text(3))
    kind: DocumentKind = Field(primary_key=True, sa_type=stored_as_text(DocumentKind))
    key: bytes = Field(primary_key=True, sa_type=LargeBinary(CREDENTIAL_ID_BYTES + 1))  # pyright: ignore[reportArgumentType]
    number: int = Field(sa_type=BigInteger)
    until: datetime
    body: bytes


_FEEDS = table_of(Feed)
_CHANGES = table_of(FeedChange)


@dataclass(frozen=True, slots=True)
class Change:
    """What holds from now on about one key of a feed, as it is stored."""

    kind: DocumentKind
    key: bytes
    until: datetime
    body: bytes


def revocation(entry: Revocation) -> Change:
    """Return a revocation as a change."""
    lowest = entry.lowest.to_bytes(2, "big")
    return Change(DocumentKind.REVOCATIONS, bytes(entry.credential), entry.until, lowest)


def credential(id_: CredentialId, message: bytes, expires: datetime) -> Change:
    """Return a bound credential, as its issuer signed it, as a change."""
    return Change(DocumentKind.CREDENTIALS, bytes(id_), expires, message)


def passage(entry: LastPassage, until: datetime) -> Change:
    """Return a passage as a change."""
    at = (entry.at - _EPOCH) // _MICROSECOND
    body = entry.direction.encode()[:1] + at.to_bytes(8, "big") + UUID(entry.event).bytes
    return Change(DocumentKind.PRESENCE, bytes(entry.credential) + bytes([entry.zone]), until, body)


def publish(
    work: Work, site: SiteCode, changes: Sequence[Change], *, push_passages: bool = False
) -> None:
    """Number the changes that are news, and push them to the site's gates at the end of this work.

    A passage is news only where it is later than the one that is known. The site's feeds stay locked until then.
    """
    if not changes:
        return
    before = _locked(work, site)
    news = _news(work, site, changes)
    if not news:
        return
    clock = (work.now - _EPOCH) // timedelta(milliseconds=1)
    numbers, rows = dict(before), list[dict[str, Any]]()
    for change in news:
        numbers[change.kind] = max(numbers[change.kind] + 1, clock)
        row = {"site": site, "kind": change.kind, "key": change.key, "body": change.body}
        rows.append(row | {"number": numbers[change.kind], "until": change.until})
    write = upsert(work.session, FeedChange)
    connection = work.session.connection()
    connection.execute(
        write.on_conflict_do_update(
            index_elements=[_CHANGES.c.site, _CHANGES.c.kind, _CHANGES.c.key],
            set_={name: getattr(write.excluded, name) for name in ("number", "until", "body")},
        ),
        rows,
    )
    for kind in FEEDS:
        if numbers[kind] > before[kind]:
            _set_version(work, site, kind, numbers[kind])
    pushed = FEEDS if push_passages else PUSHED
    work.at_the_end(("feeds", site, pushed), lambda later: _push(later, site, pushed, before))


def last_passage(
    work: Work, site: SiteCode, credential: CredentialId, zone: ZoneNumber
) -> LastPassage | None:
    """Return the newest passage of a visitor at a zone's access points, as the gates are told it."""
    key = (site, DocumentKind.PRESENCE, bytes(credential) + bytes([zone]))
    found = work.session.get(FeedChange, key, populate_existing=True)
    return None if found is None else _passage(bytes(found.key), bytes(found.body))


def versions(work: Work, site: SiteCode) -> dict[DocumentKind, int]:
    """Return how far each feed of a site has come."""
    known = select(_FEEDS.c.kind, _FEEDS.c.version).where(_FEEDS.c.site == site)
    rows = work.session.connection().execute(known)
    return dict.fromkeys(FEEDS, 0) | {row.kind: row.version for row in rows}


def catch_up(work: Work, site: SiteCode, held: Mapping[DocumentKind, int]) -> None:
    """Move a feed past a version that a gate holds and we never gave: our database lost it.

    Then it is not known what else the gates have seen, so every change gets a new number.
    """
    known = versions(work, site)
    if not any(known[kind] < held.get(kind, 0) < HIGHEST_VERSION for kind in FEEDS):
        return
    known = _locked(work, site)
    for kind in FEEDS:
        ahead = held.get(kind, 0)
        if not known[kind] < ahead < HIGHEST_VERSION:
            continue
        log.warning("a gate knows more than we do: all changes are numbered anew", feed=kind)
        rows = (_CHANGES.c.site == site, _CHANGES.c.kind == kind)
        connection = work.session.connection()
        first = connection.execute(select(func.min(_CHANGES.c.number)).where(*rows)).scalar()
        shift = ahead + 1 - (known[kind] if first is None else first)
        moved = update(_CHANGES).where(*rows).values(number=_CHANGES.c.number + shift)
        connection.execute(moved)
        _set_version(work, site, kind, known[kind] + shift)


def chunks(work: Work, site: SiteCode, kind: DocumentKind, held: int) -> tuple[int, list[Section]]:
    """Return how far the feed is, and its changes after the number `held`, as many as one answer may have."""
    form = _FORMS[kind]
    version = versions(work, site)[kind]
    if held >= version:
        return version, []
    most = CHUNKS_AT_ONCE * protocol.CHUNK_BYTES // form.smallest
    statement = (
        select(_CHANGES.c.number, _CHANGES.c.key, _CHANGES.c.until, _CHANGES.c.body)
        .where(
            _CHANGES.c.site == site,
            _CHANGES.c.kind == kind,
            _CHANGES.c.number > held,
            # Another work may have numbered more meanwhile: those are in the next answer.
            _CHANGES.c.number <= version,
        )
        .order_by(_CHANGES.c.number)
        .limit(most + 1)
    )
    rows: Sequence[Any] = work.session.connection().execute(statement).all()
    runs = list(protocol.in_chunks([form.overhead + len(row.body) for row in rows]))
    more = len(rows) > most or len(runs) > CHUNKS_AT_ONCE
    made: list[Section] = []
    after = held
    for run in runs[:CHUNKS_AT_ONCE] or [slice(0, 0)]:
        last = run.stop >= len(rows) and not more
        # The very last one reaches the feed's version, also where rows before it were forgotten.
        upto = version if last else rows[run.stop - 1].number
        goes_on = more and len(made) == min(len(runs), CHUNKS_AT_ONCE) - 1
        made.append(Section(kind, upto, form.write(after, rows[run], goes_on)))
        after = upto
    return version, made


def forget_expired(work: Work) -> None:
    """Drop the changes that are worth nothing any more."""
    work.session.connection().execute(delete(_CHANGES).where(_CHANGES.c.until <= work.now))


def _locked(work: Work, site: SiteCode) -> dict[DocumentKind, int]:
    """Return how far the feeds are, and keep others from numbering until this work ends."""
    locked = (
        select(_FEEDS.c.kind, _FEEDS.c.version)
        .where(_FEEDS.c.site == site)
        .order_by(_FEEDS.c.kind)
        .with_for_update()
    )
    connection = work.session.connection()
    found = {row.kind: row.version for row in connection.execute(locked)}
    if len(found) < len(FEEDS):
        for kind in sorted(FEEDS):
            insert_once(work.session, Feed, site=site, kind=kind, version=0)
        found = {row.kind: row.version for row in connection.execute(locked)}
    return found


def _set_version(work: Work, site: SiteCode, kind: DocumentKind, version: int) -> None:
    row = (_FEEDS.c.site == site, _FEEDS.c.kind == kind)
    work.session.connection().execute(update(_FEEDS).where(*row).values(version=version))


def _news(work: Work, site: SiteCode, changes: Sequence[Change]) -> list[Change]:
    newest = {(change.kind, change.key): change for change in sorted(changes, key=_order)}
    known: dict[tuple[DocumentKind, bytes], Change] = {}
    for kind in FEEDS:
        keys = [key for of, key in newest if of is kind]
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            statement = select(_CHANGES.c.key, _CHANGES.c.until, _CHANGES.c.body).where(
                _CHANGES.c.site == site,
                _CHANGES.c.kind == kind,
                _CHANGES.c.key.in_(keys[start : start + _KEYS_AT_ONCE]),
            )
            for key, until, body in work.session.connection().execute(statement):
                known[kind, bytes(key)] = Change(kind, bytes(key), until, bytes(body))
    return [change for where, change in newest.items() if _is_news(change, known.get(where))]


def _order(change: Change) -> bytes:
    """Of several passages at one place the latest counts; of anything else the last one given."""
    return change.body[1:] if change.kind is DocumentKind.PRESENCE else b""


def _is_news(change: Change, known: Change | None) -> bool:
    if known is None:
        return True
    if change.kind is DocumentKind.PRESENCE:
        return _order(change) > _order(known)
    return (change.body, change.until) != (known.body, known.until)


def _push(
    work: Work,
    site: SiteCode,
    kinds: Iterable[DocumentKind],
    before: Mapping[DocumentKind, int],
) -> None:
    sections = [each for kind in kinds for each in chunks(work, site, kind, before[kind])[1]]
    if not sections:
        return
    gates = device_models.devices(work.session, site=site, kind=Kind.GATE)
    devices.send_many(work, site, [(gate.id, sections) for gate in gates if gate.admitted])


@dataclass(frozen=True, slots=True)
class _Form:
    """How the rows of a feed become a chunk, and how many bytes an entry has beside its stored body."""

    write: Callable[[int, Iterable[Any], bool], bytes]
    overhead: int
    smallest: int


def _write_revocations(after: int, rows: Iterable[Any], more: bool) -> bytes:  # noqa: FBT001
    entries = tuple(
        Revocation(CredentialId(bytes(row.key)), int.from_bytes(row.body, "big"), row.until)
        for row in rows
    )
    return protocol.write_revocations(Chunk(after, entries, more))


def _write_credentials(after: int, rows: Iterable[Any], more: bool) -> bytes:  # noqa: FBT001
    return protocol.write_credentials(Chunk(after, tuple(bytes(row.body) for row in rows), more))


def _write_presence(after: int, rows: Iterable[Any], more: bool) -> bytes:  # noqa: FBT001
    entries = tuple(_passage(bytes(row.key), bytes(row.body)) for row in rows)
    return protocol.write_presence(Chunk(after, entries, more))


_DIRECTIONS = {direction.encode()[:1]: direction for direction in Direction}


def _passage(key: bytes, body: bytes) -> LastPassage:
    return LastPassage(
        credential=CredentialId(key[:CREDENTIAL_ID_BYTES]),
        zone=ZoneNumber(key[-1]),
        direction=_DIRECTIONS[body[:1]],
        at=_EPOCH + int.from_bytes(body[1:9], "big") * _MICROSECOND,
        event=EventId(str(UUID(bytes=body[9:]))),
    )


_FORMS = {
    DocumentKind.REVOCATIONS: _Form(_write_revocations, overhead=26, smallest=24),
    DocumentKind.CREDENTIALS: _Form(_write_credentials, overhead=3, smallest=150),
    DocumentKind.PRESENCE: _Form(_write_presence, overhead=50, smallest=64),
}
