"""Gates and controllers as the database knows them: who they are, what they last said, and the server's keys."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, Session, col, select

from access_protocol.documents import DocumentKind
from access_protocol.events import Alarm, Contact, ControllerEventKind, Lock, SlotCondition
from access_protocol.ids import DeviceId, EventId, JournalId, SiteCode
from access_protocol.topics import Kind
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import PersonId
from server.kernel.pagination import Page, PageQuery, paginate

_DEVICE: Any = text(32)
_UUID: Any = text(36)


class Device(Record, table=True):
    """A gate or controller. Its id is its name at the broker too, so it is unique on this server."""

    __tablename__ = "devices_device"  # pyright: ignore[reportAssignmentType]

    id: DeviceId = Field(primary_key=True, sa_type=_DEVICE)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code", index=True)
    kind: Kind = Field(sa_type=stored_as_text(Kind))
    name: str = Field(max_length=100)
    created_at: datetime
    enrolled_at: datetime | None = None
    revoked_at: datetime | None = None
    public_key: bytes | None = Field(default=None, sa_type=LargeBinary(32))  # pyright: ignore[reportArgumentType]
    """The raw Ed25519 key by which it signs; None before it is enrolled."""
    enrolment: int = Field(default=0, sa_type=BigInteger)
    """How often it was enrolled. It is part of its name at the broker, so an earlier certificate names nobody."""
    online: bool = False
    status_at: datetime | None = None
    """When `online` was last heard to change."""
    last_seen: datetime | None = None

    @property
    def admitted(self) -> bool:
        """Whether it is enrolled and was not revoked."""
        return self.enrolled_at is not None and self.revoked_at is None

    @property
    def broker_name(self) -> str:
        """Its name at the broker since its present enrolment."""
        return broker_name(self.id, self.enrolment)


class EnrolmentCode(Record, table=True):
    """A one-time code; the first group finds it, the whole of it (80 random bits) is kept only as a hash."""

    __tablename__ = "devices_enrolment_code"  # pyright: ignore[reportAssignmentType]

    device: DeviceId = Field(primary_key=True, sa_type=_DEVICE, foreign_key="devices_device.id")
    first_group: str = Field(max_length=4, index=True)
    code_hash: bytes = Field(sa_type=LargeBinary(32))  # pyright: ignore[reportArgumentType]
    expires_at: datetime
    tries: int = Field(default=0, sa_type=BigInteger)
    made_by: PersonId | None = Field(default=None, sa_type=ID_COLUMN)


class AuthorityRow(Record, table=True):
    """A certificate authority: 1 is the devices', 2 the website's. Its key is sealed with the master key."""

    __tablename__ = "devices_authority"  # pyright: ignore[reportAssignmentType]

    number: int = Field(primary_key=True, sa_type=BigInteger)
    certificate: bytes
    sealed_key: bytes
    created_at: datetime


class DeviceCertificate(Record, table=True):
    """A certificate that a device was given for the broker. Rows of revoked ones stay."""

    __tablename__ = "devices_certificate"  # pyright: ignore[reportAssignmentType]

    serial: str = Field(primary_key=True, sa_type=text(40))
    """In hexadecimal."""
    device: DeviceId = Field(sa_type=_DEVICE, foreign_key="devices_device.id", index=True)
    enrolment: int = Field(sa_type=BigInteger)
    key_hash: bytes = Field(sa_type=LargeBinary(32))  # pyright: ignore[reportArgumentType]
    """SHA-256 of the public key, as SubjectPublicKeyInfo."""
    certificate: bytes
    issued_at: datetime
    not_after: datetime
    revoked_at: datetime | None = None


class GateHealthRow(Record, table=True):
    """How a gate said it fares, the last time it did."""

    __tablename__ = "devices_gate_health"  # pyright: ignore[reportAssignmentType]

    device: DeviceId = Field(primary_key=True, sa_type=_DEVICE, foreign_key="devices_device.id")
    at: datetime
    received_at: datetime
    software: str = Field(max_length=200)
    uptime_s: int = Field(sa_type=BigInteger)
    knowledge_age_s: int | None = Field(default=None, sa_type=BigInteger)
    clock_trusted: bool
    journal: JournalId = Field(sa_type=_UUID)
    journal_sequence: int = Field(sa_type=BigInteger)
    journal_waiting: int = Field(sa_type=BigInteger)
    malformed_messages: int = Field(sa_type=BigInteger)
    readers: list[dict[str, Any]] = Field(sa_type=JSON)
    temperature_c: float | None = None
    disk_free_mb: int | None = Field(default=None, sa_type=BigInteger)
    memory_mb: int | None = Field(default=None, sa_type=BigInteger)
    passages_waiting: int | None = Field(default=None, sa_type=BigInteger)
    certificate_expires: datetime | None = None


class DoorState(Record, table=True):
    """What a controller last reported of its door; what it is now is unknown while it is offline."""

    __tablename__ = "devices_door_state"  # pyright: ignore[reportAssignmentType]

    device: DeviceId = Field(primary_key=True, sa_type=_DEVICE, foreign_key="devices_device.id")
    boot: str = Field(sa_type=_UUID)
    uptime_ms: int = Field(sa_type=BigInteger)
    since: datetime
    """When lock, contact, alarms or slots last changed, by the server's clock."""
    lock: Lock = Field(sa_type=stored_as_text(Lock))
    contact: Contact = Field(sa_type=stored_as_text(Contact))
    alarms: list[str] = Field(sa_type=JSON)
    slots: dict[str, str] = Field(default_factory=dict[str, str], sa_type=JSON)
    """The condition of each slot of a vending machine, by its number; empty at a door."""
    firmware: str = Field(max_length=200)
    reported_at: datetime

    @property
    def lasting_alarms(self) -> tuple[Alarm, ...]:
        """What the controller complains about."""
        return tuple(Alarm(name) for name in self.alarms)

    @property
    def slot_conditions(self) -> dict[int, SlotCondition]:
        """Whether each slot of a vending machine can give something, in the order of their numbers."""
        by_number = {int(slot): SlotCondition(said) for slot, said in self.slots.items()}
        return dict(sorted(by_number.items()))


class DoorEvent(Record, table=True):
    """One thing that a controller reported, exactly once by (controller, boot, sequence)."""

    __tablename__ = "devices_door_event"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "device", "received_at"),)

    device: DeviceId = Field(primary_key=True, sa_type=_DEVICE, foreign_key="devices_device.id")
    boot: str = Field(primary_key=True, sa_type=_UUID)
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    uptime_ms: int = Field(sa_type=BigInteger)
    what: ControllerEventKind = Field(sa_type=stored_as_text(ControllerEventKind))
    event: EventId | None = Field(default=None, sa_type=_UUID, index=True)
    detail: str | None = Field(default=None, max_length=200)
    received_at: datetime


class KeyPurpose(StrEnum):
    """What a key of the server signs."""

    AUTHORITY = "authority"
    """Documents: what changes what opens."""
    COMMAND = "command"
    """Commands to controllers, for an operator at the panel."""


class ServerKey(Record, table=True):
    """A key of the server at one site; the private part is sealed with the master key."""

    __tablename__ = "devices_server_key"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("site", "purpose", "number"),)

    public: bytes = Field(primary_key=True, sa_type=LargeBinary(32))  # pyright: ignore[reportArgumentType]
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code")
    purpose: KeyPurpose = Field(sa_type=stored_as_text(KeyPurpose))
    number: int = Field(sa_type=BigInteger)
    """Counts the keys of this purpose; the highest one signs."""
    sealed_seed: bytes
    created_at: datetime


class IssuedDocument(Record, table=True):
    """The newest version of one section for one device; its body is signed when it is sent."""

    __tablename__ = "devices_issued_document"  # pyright: ignore[reportAssignmentType]

    device: DeviceId = Field(primary_key=True, sa_type=_DEVICE, foreign_key="devices_device.id")
    kind: DocumentKind = Field(primary_key=True, sa_type=stored_as_text(DocumentKind))
    version: int = Field(sa_type=BigInteger)
    body: bytes


class GuestClient(Record, table=True):
    """A client at the broker that is no device of ours: a visitor's OwnTracks app, until its visit is over."""

    __tablename__ = "devices_guest_client"  # pyright: ignore[reportAssignmentType]

    name: str = Field(primary_key=True, max_length=32)
    """Its user name at the broker, never given twice."""
    ends_at: datetime = Field(index=True)
    """Its certificate ends then as well."""


def guest_clients(session: Session, now: datetime) -> Sequence[GuestClient]:
    """Return those whose time is not over, by name."""
    statement = select(GuestClient).where(col(GuestClient.ends_at) > now)
    return session.exec(statement.order_by(col(GuestClient.name))).all()


def broker_name(device: DeviceId, enrolment: int) -> str:
    """Return the name that a certificate of the device's so-manyeth enrolment carries."""
    return f"{device}.{enrolment}"


def devices(
    session: Session, *, site: SiteCode | None = None, kind: Kind | None = None
) -> Sequence[Device]:
    """Return the devices that were not revoked, in the order of their ids."""
    statement = select(Device).where(col(Device.revoked_at).is_(None)).order_by(col(Device.id))
    if site is not None:
        statement = statement.where(Device.site == site)
    if kind is not None:
        statement = statement.where(Device.kind == kind)
    return session.exec(statement).all()


def admitted(session: Session) -> Sequence[Device]:
    """Return the devices that the broker lets in."""
    statement = select(Device).where(
        col(Device.revoked_at).is_(None), col(Device.enrolled_at).is_not(None)
    )
    return session.exec(statement.order_by(col(Device.id))).all()


def by_id(session: Session, wanted: Iterable[DeviceId]) -> dict[DeviceId, Device]:
    """Return devices by their ids, with one query; unknown ones are left out."""
    statement = select(Device).where(col(Device.id).in_(set(wanted)))
    return {device.id: device for device in session.exec(statement).all()}


def door_states(session: Session, controllers: Iterable[DeviceId]) -> dict[DeviceId, DoorState]:
    """Return what each controller last reported of its door; nothing for one that is not online.

    So a state that is returned is the controller's own and present word; a missing one is unknown.
    """
    statement = (
        select(DoorState)
        .join(Device, col(Device.id) == col(DoorState.device))
        .where(
            col(DoorState.device).in_(list(controllers)),
            col(Device.online).is_(True),
            col(Device.revoked_at).is_(None),
        )
    )
    return {state.device: state for state in session.exec(statement).all()}


def slot_conditions(session: Session, controller: DeviceId) -> dict[int, SlotCondition]:
    """Return what a vending machine says of its slots now; nothing where it is not online, or is no machine."""
    state = door_states(session, [controller]).get(controller)
    return {} if state is None else state.slot_conditions


def door_events(session: Session, device: DeviceId, query: PageQuery) -> Page[DoorEvent]:
    """Return a controller's reports page by page, newest first."""
    statement = select(DoorEvent).where(DoorEvent.device == device)
    order = [col(DoorEvent.received_at), col(DoorEvent.boot), col(DoorEvent.sequence)]
    return paginate(session, statement, order, query, newest_first=True)


def gate_health(session: Session) -> dict[DeviceId, GateHealthRow]:
    """Return what every gate last said about itself."""
    return {row.device: row for row in session.exec(select(GateHealthRow)).all()}


def server_keys(session: Session, site: SiteCode, purpose: KeyPurpose) -> Sequence[ServerKey]:
    """Return the keys of a site for one purpose; the first is the one that signs."""
    statement = select(ServerKey).where(ServerKey.site == site, ServerKey.purpose == purpose)
    return session.exec(statement.order_by(col(ServerKey.number).desc())).all()
