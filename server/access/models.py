"""The ledger, presence, alarms and operators' door commands: tables and their queries."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, UniqueConstraint
from sqlalchemy import text as clause
from sqlmodel import Field, Session, col, func, select

from access_protocol.commands import Action
from access_protocol.credential import CredentialClass
from access_protocol.decision import CommandRefusal, DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import (
    CREDENTIAL_ID_BYTES,
    AccessPointId,
    CredentialId,
    DeviceId,
    EventId,
    JournalId,
    PortalId,
    SiteCode,
    ZoneNumber,
)
from access_protocol.knowledge import Direction
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import PersonId, VisitorId
from server.kernel.pagination import Page, PageQuery, paginate

_DEVICE: Any = text(32)
_UUID: Any = text(36)
_HASH: Any = LargeBinary(32)
_CREDENTIAL: Any = LargeBinary(CREDENTIAL_ID_BYTES)
HASH_BYTES = 32
_INSIDE = clause("zone IS NOT NULL")


class EntryKind(StrEnum):
    """What a ledger row tells."""

    DECISION = "decision"
    OUTCOME = "outcome"
    UNREADABLE = "unreadable"
    """Kept as it came, so that the chain goes on; an alarm says so."""


class Journal(Record, table=True):
    """How far one journal of one gate is stored; locked while entries are added."""

    __tablename__ = "access_journal"  # pyright: ignore[reportAssignmentType]

    gate: DeviceId = Field(primary_key=True, sa_type=_DEVICE)
    journal: JournalId = Field(primary_key=True, sa_type=_UUID)
    site: SiteCode = Field(sa_type=text(3), index=True)
    sequence: int = Field(default=0, sa_type=BigInteger)
    hash: bytes = Field(default=bytes(HASH_BYTES), sa_type=_HASH)
    began_at: datetime


class AccessEvent(Record, table=True):
    """One entry of a journal, stored exactly once and never changed. It holds ids only, never names.

    `body` is the written form over which the chain's hash goes; the columns say the same for queries.
    """

    __tablename__ = "access_event"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("gate", "journal", "sequence"),
        Index(None, "portal", "kind", "at", "id"),
        Index(None, "kind", "at", "id"),
        Index(None, "credential", "at"),
        Index(None, "event", "kind"),
    )

    id: str = Field(primary_key=True, sa_type=ID_COLUMN)
    gate: DeviceId = Field(sa_type=_DEVICE)
    journal: JournalId = Field(sa_type=_UUID)
    sequence: int = Field(sa_type=BigInteger)
    hash: bytes = Field(sa_type=_HASH)
    body: bytes
    kind: EntryKind = Field(sa_type=stored_as_text(EntryKind))
    site: SiteCode = Field(sa_type=text(3))
    received_at: datetime
    at: datetime
    event: EventId | None = Field(default=None, sa_type=_UUID)
    access_point: AccessPointId | None = Field(default=None, sa_type=_DEVICE)
    portal: PortalId | None = Field(default=None, sa_type=_DEVICE)
    reason: DenyReason | None = Field(default=None, sa_type=stored_as_text(DenyReason))
    granted: bool | None = None
    credential: CredentialId | None = Field(default=None, sa_type=_CREDENTIAL)
    credential_class: CredentialClass | None = Field(
        default=None, sa_type=stored_as_text(CredentialClass)
    )
    generation: int | None = Field(default=None, sa_type=BigInteger)
    presented_at: int | None = Field(default=None, sa_type=BigInteger)
    outcome: Outcome | None = Field(default=None, sa_type=stored_as_text(Outcome))


class AlarmKind(StrEnum):
    """What is wrong with a journal."""

    CHANGED_HISTORY = "changed_history"
    """An entry came again with another hash; the first one was kept."""
    BROKEN_CHAIN = "broken_chain"
    """An entry's hash does not follow from the one before it; it was not stored."""
    UNREADABLE_ENTRY = "unreadable_entry"
    """An entry is in the chain but cannot be read; it was stored as it came."""


class LedgerAlarm(Record, table=True):
    """Something wrong with a journal, raised once for each differing hash."""

    __tablename__ = "access_ledger_alarm"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("gate", "journal", "sequence", "kind", "came"),)

    id: str = Field(primary_key=True, sa_type=ID_COLUMN)
    gate: DeviceId = Field(sa_type=_DEVICE)
    journal: JournalId = Field(sa_type=_UUID)
    sequence: int = Field(sa_type=BigInteger)
    kind: AlarmKind = Field(sa_type=stored_as_text(AlarmKind))
    site: SiteCode = Field(sa_type=text(3))
    kept: bytes = Field(sa_type=_HASH)
    came: bytes = Field(sa_type=_HASH)
    raised_at: datetime


class Presence(Record, table=True):
    """Where the bearer of a credential was last reported to have gone; `zone` None: outside."""

    __tablename__ = "access_presence"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(None, "site", "zone"),
        Index(None, "since", sqlite_where=_INSIDE, postgresql_where=_INSIDE),
    )

    credential: CredentialId = Field(primary_key=True, sa_type=_CREDENTIAL)
    site: SiteCode = Field(sa_type=text(3))
    zone: ZoneNumber | None = Field(default=None, sa_type=BigInteger)
    portal: PortalId = Field(sa_type=_DEVICE)
    since: datetime
    event: EventId = Field(sa_type=_UUID)


class Passage(Record, table=True):
    """One reported passage, once by event: where somebody went in or out, and when."""

    __tablename__ = "access_passage"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "credential", "at"), Index(None, "portal", "at"))

    event: EventId = Field(primary_key=True, sa_type=_UUID)
    credential: CredentialId = Field(primary_key=True, sa_type=_CREDENTIAL)
    site: SiteCode = Field(sa_type=text(3))
    access_point: AccessPointId = Field(sa_type=_DEVICE)
    portal: PortalId = Field(sa_type=_DEVICE)
    zone: ZoneNumber = Field(sa_type=BigInteger)
    direction: Direction = Field(sa_type=stored_as_text(Direction))
    at: datetime


class CommandState(StrEnum):
    """Where an operator's command stands. None of these is the door's state: that is the controller's word."""

    DENIED = "denied"
    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"
    NO_ANSWER = "no_answer"


class DoorCommand(Record, table=True):
    """A person at the panel, or a visitor who scanned the poster there, asked to open a portal or for a drink."""

    __tablename__ = "access_door_command"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(None, "state", "deadline"),
        Index(None, "portal", "asked_at"),
        Index(None, "credential", "asked_at"),
    )

    event: EventId = Field(primary_key=True, sa_type=_UUID)
    site: SiteCode = Field(sa_type=text(3))
    portal: PortalId = Field(sa_type=_DEVICE)
    access_point: AccessPointId = Field(sa_type=_DEVICE)
    controller: DeviceId = Field(sa_type=_DEVICE)
    pulse_ms: int = Field(sa_type=BigInteger)
    action: Action = Field(default=Action.UNLOCK, sa_type=stored_as_text(Action))
    slot: int | None = Field(default=None, sa_type=BigInteger)
    """What a vending machine is to give out; set exactly where the action is `DISPENSE`."""
    person: PersonId | None = Field(default=None, sa_type=ID_COLUMN)
    visitor: VisitorId | None = Field(default=None, sa_type=ID_COLUMN)
    """The visitor whose page asked. What follows is set only then, and only where an issuer vouched for it."""
    credential: CredentialId | None = Field(default=None, sa_type=_CREDENTIAL)
    credential_class: CredentialClass | None = Field(
        default=None, sa_type=stored_as_text(CredentialClass)
    )
    presented_at: int | None = Field(default=None, sa_type=BigInteger)
    shown: list[str] = Field(default_factory=list[str], sa_type=JSON)
    """What else than the phone's key was found true for this visitor there; see `access_protocol.presence`."""
    reason: str = Field(max_length=500)
    asked_at: datetime
    deadline: datetime
    state: CommandState = Field(sa_type=stored_as_text(CommandState))
    denied: DenyReason | None = Field(default=None, sa_type=stored_as_text(DenyReason))
    refusal: CommandRefusal | None = Field(default=None, sa_type=stored_as_text(CommandRefusal))
    settled_at: datetime | None = None


class Entrance(Record, table=True):
    """The changing code of one access point: its key, sealed, and the poster that screens show beside it."""

    __tablename__ = "access_entrance"  # pyright: ignore[reportAssignmentType]

    site: SiteCode = Field(primary_key=True, sa_type=text(3))
    access_point: AccessPointId = Field(primary_key=True, sa_type=_DEVICE)
    sealed_key: bytes
    made_at: datetime
    path: str = Field(default="", max_length=200)
    """Where on our own site the poster leads; empty while none hangs, and then no screen shows a code."""


class Lockdown(Record, table=True):
    """A guard locked a zone down, or the whole site (zone None), until somebody releases it."""

    __tablename__ = "access_lockdown"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "site", "released_at"),)

    id: str = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3))
    zone: ZoneNumber | None = Field(default=None, sa_type=BigInteger)
    reason: str = Field(max_length=500)
    began_at: datetime
    began_by: PersonId | None = Field(default=None, sa_type=ID_COLUMN)
    released_at: datetime | None = None
    released_by: PersonId | None = Field(default=None, sa_type=ID_COLUMN)
    release_reason: str = Field(default="", max_length=500)

    def covers(self, zone: int) -> bool:
        """Whether entry to the zone is stopped by it."""
        return self.zone in (None, zone)


class LockdownOrder(Record, table=True):
    """What a controller was last told about lockdowns, and its word on that. Its state is its own report."""

    __tablename__ = "access_lockdown_order"  # pyright: ignore[reportAssignmentType]

    controller: DeviceId = Field(primary_key=True, sa_type=_DEVICE)
    site: SiteCode = Field(sa_type=text(3), index=True)
    action: Action = Field(sa_type=stored_as_text(Action))
    event: EventId = Field(sa_type=_UUID, index=True)
    asked_at: datetime
    deadline: datetime
    state: CommandState = Field(sa_type=stored_as_text(CommandState))
    refusal: CommandRefusal | None = Field(default=None, sa_type=stored_as_text(CommandRefusal))


class Amnesty(Record, table=True):
    """A guard forgave entries up to a moment: of a zone or the whole site, of one credential or all."""

    __tablename__ = "access_amnesty"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "site", "at"),)

    id: str = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3))
    zone: ZoneNumber | None = Field(default=None, sa_type=BigInteger)
    credential: CredentialId | None = Field(default=None, sa_type=_CREDENTIAL)
    at: datetime
    person: PersonId | None = Field(default=None, sa_type=ID_COLUMN)
    reason: str = Field(max_length=500)


class AntiPassbackConflict(Record, table=True):
    """Two entries of one credential into a zone without an exit between, found when the journals met."""

    __tablename__ = "access_conflict"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("credential", "first_event", "second_event"),
        Index(None, "second_at", "id"),
    )

    id: str = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3))
    zone: ZoneNumber = Field(sa_type=BigInteger)
    credential: CredentialId = Field(sa_type=_CREDENTIAL)
    first_event: EventId = Field(sa_type=_UUID)
    first_at: datetime
    first_access_point: AccessPointId = Field(sa_type=_DEVICE)
    second_event: EventId = Field(sa_type=_UUID)
    second_at: datetime
    second_access_point: AccessPointId = Field(sa_type=_DEVICE)
    found_at: datetime
    explained_at: datetime | None = None
    """When a passage arrived that lies between the two: then they do not follow each other."""
    acknowledged_at: datetime | None = None
    acknowledged_by: PersonId | None = Field(default=None, sa_type=ID_COLUMN)
    note: str = Field(default="", max_length=500)


class EventQuery(PageQuery):
    """Which access events to list, newest first."""

    site: str | None = None
    portal: str | None = None
    granted: bool | None = None
    reason: DenyReason | None = None
    credential: bytes | None = None
    since: datetime | None = None
    until: datetime | None = None


def decisions(session: Session, query: EventQuery) -> Page[AccessEvent]:
    """Return decisions, newest first."""
    statement = select(AccessEvent).where(AccessEvent.kind == EntryKind.DECISION)
    for column, value in (
        (AccessEvent.site, query.site),
        (AccessEvent.portal, query.portal),
        (AccessEvent.granted, query.granted),
        (AccessEvent.reason, query.reason),
        (AccessEvent.credential, query.credential),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if query.since is not None:
        statement = statement.where(AccessEvent.at >= query.since)
    if query.until is not None:
        statement = statement.where(AccessEvent.at < query.until)
    order = [col(AccessEvent.at), col(AccessEvent.id)]
    return paginate(session, statement, order, query, newest_first=True)


def count_refused(session: Session, since: datetime) -> int:
    """Return how many times access was denied since a moment."""
    statement = select(func.count()).where(
        AccessEvent.kind == EntryKind.DECISION,
        AccessEvent.at >= since,
        col(AccessEvent.granted).is_(False),
    )
    return session.exec(statement).one()


Told: TypeAlias = dict[tuple[DeviceId, EventId | None], list[Any]]


def outcomes_of(session: Session, events: Iterable[EventId | None]) -> Told:
    """Return what became of each event."""
    return _told_of(session, events, AccessEvent.outcome)


def outcome_times_of(session: Session, events: Iterable[str | None]) -> Told:
    """Return when what `outcomes_of` returns was reported."""
    return _told_of(session, events, AccessEvent.at)


def _told_of(session: Session, events: Iterable[str | None], what: Any) -> Told:  # noqa: ANN401 - any column
    told = select(AccessEvent.gate, AccessEvent.event, what).where(
        AccessEvent.kind == EntryKind.OUTCOME,
        col(AccessEvent.outcome).is_not(None),
        col(AccessEvent.event).in_([event for event in events if event is not None]),
    )
    found: Told = {}
    for gate, event, value in session.exec(told.order_by(col(AccessEvent.sequence))).all():
        key = (DeviceId(gate), EventId(event) if event is not None else None)
        found.setdefault(key, []).append(value)
    return found


def commands_of(session: Session, events: Iterable[EventId]) -> dict[EventId, DoorCommand]:
    """Return the door commands of those events that have one."""
    asked = select(DoorCommand).where(col(DoorCommand.event).in_(list(events)))
    return {each.event: each for each in session.exec(asked).all()}


def inside(session: Session, site: SiteCode | None = None) -> Sequence[Presence]:
    """Return who is inside, by credential, latest first."""
    statement = select(Presence).where(col(Presence.zone).is_not(None))
    if site is not None:
        statement = statement.where(Presence.site == site)
    return session.exec(statement.order_by(col(Presence.since).desc())).all()


def passages_of(session: Session, credentials: Iterable[CredentialId]) -> Sequence[Passage]:
    """Return every reported passage of these credentials, with one query."""
    return session.exec(select(Passage).where(col(Passage.credential).in_(list(credentials)))).all()


def was_granted(session: Session, credential: CredentialId, portal: PortalId) -> bool:
    """Tell whether a portal ever granted a credential access; where none did nobody went through with it."""
    held = select(AccessEvent.id).where(AccessEvent.credential == credential)
    here = held.where(AccessEvent.portal == portal, col(AccessEvent.granted).is_(True))
    return session.exec(here.limit(1)).first() is not None


def alarms(session: Session, most: int = 50) -> Sequence[LedgerAlarm]:
    """Return the newest alarms of the ledger."""
    statement = select(LedgerAlarm).order_by(col(LedgerAlarm.raised_at).desc())
    return session.exec(statement.limit(most)).all()


def lockdowns(session: Session, site: SiteCode | None = None) -> Sequence[Lockdown]:
    """Return the lockdowns that last, the oldest first."""
    statement = select(Lockdown).where(col(Lockdown.released_at).is_(None))
    if site is not None:
        statement = statement.where(Lockdown.site == site)
    return session.exec(statement.order_by(col(Lockdown.began_at), col(Lockdown.id))).all()


def conflicts(
    session: Session, query: PageQuery, *, waiting_only: bool = False
) -> Page[AntiPassbackConflict]:
    """Return double entries, the latest first; `waiting_only`: those that no guard acknowledged yet."""
    statement = select(AntiPassbackConflict).where(col(AntiPassbackConflict.explained_at).is_(None))
    if waiting_only:
        statement = statement.where(col(AntiPassbackConflict.acknowledged_at).is_(None))
    order = [col(AntiPassbackConflict.second_at), col(AntiPassbackConflict.id)]
    return paginate(session, statement, order, query, newest_first=True)
