"""The ledger: entries of gates' journals stored exactly once, in order, and the server's own decisions.

Entries go in by one executemany a batch, without objects: this is the hot path (`bench/ledger.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import insert, select, update

from access_protocol.codec import MalformedReportError
from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.events import (
    FIRST_HASH,
    DecisionEntry,
    EntryBody,
    JournalBatch,
    JournalEntry,
    JournalPosition,
    Outcome,
    OutcomeEntry,
    Receipt,
    body_text,
    chained,
)
from access_protocol.ids import (
    AccessPointId,
    CredentialId,
    DeviceId,
    EventId,
    JournalId,
    PortalId,
    SiteCode,
)
from access_protocol.topics import SERVER
from server.access import presence, rules, witnesses
from server.access.models import AccessEvent, AlarmKind, EntryKind, Journal, LedgerAlarm
from server.access.presence import Points
from server.devices.actions import DoorReported
from server.kernel import live
from server.kernel.events import Event
from server.kernel.upsert import insert_once, table_of
from server.kernel.work import Work

_EVENTS = table_of(AccessEvent)
_JOURNALS = table_of(Journal)


@dataclass(frozen=True, kw_only=True)
class AccessDecided(Event):
    """A gate, or the server for an operator, granted or denied access."""

    audited: ClassVar[bool] = False

    event: EventId
    gate: DeviceId
    site: SiteCode
    portal: PortalId | None
    access_point: AccessPointId
    reason: DenyReason | None
    credential: CredentialId | None
    credential_class: CredentialClass | None = None

    @property
    def granted(self) -> bool:
        """Whether access was granted."""
        return self.reason is None


@dataclass(frozen=True, kw_only=True)
class ReportedOutcome:
    """What became of one granted access, by the controller's word."""

    event: EventId
    access_point: AccessPointId
    outcome: Outcome
    at: datetime
    credential: CredentialId | None
    """Who was let in; None where that is not known, or the gate does not serve this access point."""


@dataclass(frozen=True, kw_only=True)
class OutcomesReported(Event):
    """What became of granted accesses: all that one batch of a journal tells, so that it is looked up at once."""

    audited: ClassVar[bool] = False

    gate: DeviceId
    site: SiteCode
    outcomes: tuple[ReportedOutcome, ...]


@dataclass(frozen=True, kw_only=True)
class LedgerAlarmRaised(Event):
    """Something is wrong with a gate's journal."""

    gate: DeviceId
    site: SiteCode
    journal: JournalId
    sequence: int
    kind: AlarmKind


@dataclass(frozen=True, slots=True)
class Source:
    """Whose journal it is: a gate of a site, or the server itself."""

    gate: DeviceId
    site: SiteCode


def ingest(work: Work, source: Source, batch: JournalBatch) -> Receipt:
    """Store what is new in a batch, and return the receipt that may go out once this work is committed.

    Entries after a gap or a break in the chain are not stored, and the receipt does not reach beyond it.
    """
    head = _locked(work, source, JournalId(batch.journal))
    reading = rules.read_batch(batch, head.position)
    differs_from = _compare(work, head, reading.repeated)
    if reading.stopped is rules.Break.CHAIN and reading.stopped_at is not None:
        _alarm(work, head, reading.stopped_at, AlarmKind.BROKEN_CHAIN, head.position.hash)
        differs_from = differs_from or reading.stopped_at.sequence
    if reading.new:
        _append(work, head, reading.new)
    last = reading.new[-1].sequence if reading.new else head.position.sequence
    return Receipt(
        journal=batch.journal,
        sequence=last,
        up_to=batch.entries[-1].sequence,
        differs_from=differs_from,
    )


def append_own(work: Work, site: SiteCode, body: EntryBody) -> None:
    """Journal a decision or outcome of the server itself, in the site's own chain."""
    head = lock_own(work, site)
    text = body_text(body)
    digest = chained(head.position.hash, text)
    entry = JournalEntry(sequence=head.position.sequence + 1, hash=digest.hex(), body=text)
    _append(work, head, (entry,))


def lock_own(work: Work, site: SiteCode) -> "_Head":
    """Keep the server's other work at the site from deciding until this one ends, and return where its chain is.

    Whoever locks it before looking at what happened decides after all that was decided before.
    """
    journal = JournalId(str(uuid5(NAMESPACE_URL, f"genkan:server:{site}")))
    return _locked(work, Source(SERVER, site), journal)


def door_witnessed(work: Work, report: DoorReported) -> None:
    """Let a passage count by its controller's word: the gate may have been cut off when that came."""
    seen = witnesses.of_report(work, report)
    if seen is None:
        return
    source, bearers = Source(seen.gate, report.site), {seen.outcome.event: seen.bearer}
    _tell_outcomes(work, source, [seen.outcome], seen.points, bearers)


def new_event(work: Work) -> EventId:
    """Return a fresh event id."""
    return EventId(str(UUID(work.ids.new())))


@dataclass(frozen=True, slots=True)
class _Head:
    source: Source
    journal: JournalId
    position: JournalPosition


def _locked(work: Work, source: Source, journal: JournalId) -> _Head:
    """Return how far the journal is stored, and keep others from adding to it until this work ends."""
    connection = work.session.connection()
    where = (_JOURNALS.c.gate == source.gate, _JOURNALS.c.journal == journal)
    known = select(_JOURNALS.c.sequence, _JOURNALS.c.hash).where(*where).with_for_update()
    row = connection.execute(known).one_or_none()
    if row is None:
        insert_once(
            work.session,
            Journal,
            gate=source.gate,
            journal=journal,
            site=source.site,
            sequence=0,
            hash=FIRST_HASH,
            began_at=work.now,
        )
        row = connection.execute(known).one()
    return _Head(source, journal, JournalPosition(row.sequence, bytes(row.hash)))


def _append(work: Work, head: _Head, entries: Sequence[JournalEntry]) -> None:
    points = presence.points(work.session, head.source.site)
    read = [_read(work, head, entry) for entry in entries]
    rows = [
        _row(work, head, entry, body, points) for entry, body in zip(entries, read, strict=True)
    ]
    connection = work.session.connection()
    connection.execute(insert(_EVENTS), rows)
    connection.execute(
        update(_JOURNALS)
        .where(_JOURNALS.c.gate == head.source.gate, _JOURNALS.c.journal == head.journal)
        .values(sequence=entries[-1].sequence, hash=rules.hash_of(entries[-1]))
    )
    _tell(work, head.source, [body for body in read if body is not None], points)


def _read(work: Work, head: _Head, entry: JournalEntry) -> EntryBody | None:
    try:
        body, _ = rules.read_entry(entry.body)
    except MalformedReportError:
        _alarm(work, head, entry, AlarmKind.UNREADABLE_ENTRY, rules.hash_of(entry))
        return None
    return body


def _row(
    work: Work, head: _Head, entry: JournalEntry, body: EntryBody | None, points: Points
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(_COLUMNS)
    row |= {
        "id": work.ids.new(),
        "gate": head.source.gate,
        "journal": head.journal,
        "sequence": entry.sequence,
        "hash": rules.hash_of(entry),
        "body": entry.body.encode(),
        "kind": EntryKind.UNREADABLE,
        "site": head.source.site,
        "received_at": work.now,
        "at": work.now,
    }
    if body is None:
        return row
    point = points.get(AccessPointId(body.access_point))
    row["at"], row["event"], row["access_point"] = body.at, body.event, body.access_point
    row["portal"] = point.portal if point is not None else None
    if isinstance(body, OutcomeEntry):
        row["kind"], row["outcome"] = EntryKind.OUTCOME, body.outcome
        return row
    row["kind"], row["reason"], row["granted"] = EntryKind.DECISION, body.reason, not body.reason
    row["credential"] = bytes.fromhex(body.credential) if body.credential is not None else None
    row["credential_class"], row["generation"] = body.credential_class, body.generation
    row["presented_at"] = body.presented_at
    return row


_COLUMNS = tuple(column.name for column in _EVENTS.columns)


def _tell(work: Work, source: Source, bodies: Sequence[EntryBody], points: Points) -> None:
    """Record what happened, move who passed, and tell open pages."""
    outcomes: list[OutcomeEntry] = []
    decisions: list[DecisionEntry] = []
    for body in bodies:
        if isinstance(body, DecisionEntry):
            _record_decision(work, source, body, points)
            decisions.append(body)
        else:
            outcomes.append(body)
    # The gate's own word comes first: what its controllers said counts where the gate tells of no passage.
    told = {body.event for body in outcomes if body.outcome in witnesses.SEEN}
    untold = [body for body in decisions if body.event not in told]
    outcomes += witnesses.of_decisions(work, source.gate, points, untold)
    _tell_outcomes(work, source, outcomes, points, _bearers(work, source, bodies, outcomes))
    live.notice(work, "access", site=source.site)


def _tell_outcomes(
    work: Work,
    source: Source,
    outcomes: Sequence[OutcomeEntry],
    points: Points,
    bearers: Mapping[str, CredentialId],
) -> None:
    if outcomes:
        _record_outcomes(work, source, outcomes, points, bearers)
    passed = [body for body in outcomes if body.outcome in presence.PASSAGES]
    moved = presence.passed(work, source.gate, source.site, points, passed, bearers)
    if moved:
        live.notice(work, "occupancy", site=source.site)


def _record_decision(work: Work, source: Source, body: DecisionEntry, points: Points) -> None:
    point = points.get(AccessPointId(body.access_point))
    credential = CredentialId(bytes.fromhex(body.credential)) if body.credential else None
    work.record(
        AccessDecided(
            event=EventId(body.event),
            gate=source.gate,
            site=source.site,
            portal=point.portal if point is not None else None,
            access_point=AccessPointId(body.access_point),
            reason=body.reason,
            credential=credential,
            credential_class=body.credential_class,
        )
    )


def _record_outcomes(
    work: Work,
    source: Source,
    outcomes: Iterable[OutcomeEntry],
    points: Points,
    bearers: Mapping[str, CredentialId],
) -> None:
    own = {point.id for point in points.values() if source.gate in (point.gate, SERVER)}
    reported = tuple(
        ReportedOutcome(
            event=EventId(body.event),
            access_point=AccessPointId(body.access_point),
            outcome=body.outcome,
            at=body.at.astimezone(UTC),
            credential=bearers.get(body.event) if body.access_point in own else None,
        )
        for body in outcomes
    )
    work.record(OutcomesReported(gate=source.gate, site=source.site, outcomes=reported))


def _bearers(
    work: Work, source: Source, bodies: Iterable[EntryBody], outcomes: Sequence[OutcomeEntry]
) -> dict[str, CredentialId]:
    """Return whose credential was granted in each event, from this batch or from those before it."""
    granted = {
        body.event: CredentialId(bytes.fromhex(body.credential))
        for body in bodies
        if isinstance(body, DecisionEntry) and body.credential and body.reason is None
    }
    missing = [body.event for body in outcomes if body.event not in granted]
    if missing:
        earlier = select(_EVENTS.c.event, _EVENTS.c.credential).where(
            _EVENTS.c.event.in_(missing),
            _EVENTS.c.gate == source.gate,
            _EVENTS.c.granted.is_(True),
            _EVENTS.c.credential.is_not(None),
        )
        for event, credential in work.session.connection().execute(earlier):
            granted[event] = CredentialId(bytes(credential))
    return granted


def _compare(work: Work, head: _Head, repeated: Sequence[JournalEntry]) -> int | None:
    """Raise an alarm for each entry that came again with another hash; what came first is kept.

    Returns the number of the first of them.
    """
    if not repeated:
        return None
    stored = select(_EVENTS.c.sequence, _EVENTS.c.hash).where(
        _EVENTS.c.gate == head.source.gate,
        _EVENTS.c.journal == head.journal,
        _EVENTS.c.sequence.in_([entry.sequence for entry in repeated]),
    )
    rows = work.session.connection().execute(stored)
    kept = {sequence: bytes(digest) for sequence, digest in rows}
    differs_from: int | None = None
    for entry in repeated:
        before = kept.get(entry.sequence)
        if before is not None and not _same(before, entry):
            _alarm(work, head, entry, AlarmKind.CHANGED_HISTORY, before)
            differs_from = differs_from or entry.sequence
    return differs_from


def _same(kept: bytes, entry: JournalEntry) -> bool:
    return kept.hex() == entry.hash


def _alarm(work: Work, head: _Head, entry: JournalEntry, kind: AlarmKind, kept: bytes) -> None:
    raised = insert_once(
        work.session,
        LedgerAlarm,
        id=work.ids.new(),
        gate=head.source.gate,
        journal=head.journal,
        sequence=entry.sequence,
        kind=kind,
        site=head.source.site,
        kept=kept,
        came=rules.hash_of(entry),
        raised_at=work.now,
    )
    if not raised:
        return
    work.record(
        LedgerAlarmRaised(
            gate=head.source.gate,
            site=head.source.site,
            journal=head.journal,
            sequence=entry.sequence,
            kind=kind,
        )
    )
    live.notice(work, "alarms", about=head.source.gate, site=head.source.site)
