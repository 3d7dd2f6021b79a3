"""What devices say about themselves: there or away, health, a door's state, and what happened at it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

import msgspec
from sqlmodel import col, select

from access_protocol.events import (
    ControllerEvent,
    ControllerEventKind,
    ControllerState,
    GateHealth,
    Status,
)
from access_protocol.ids import DeviceId, EventId, JournalId, SiteCode
from access_protocol.topics import Kind
from server.devices.models import Device, DoorEvent, DoorState, GateHealthRow
from server.kernel import live
from server.kernel.events import Event
from server.kernel.upsert import insert_once
from server.kernel.work import Work

LONGEST_UPTIME = timedelta(days=3650)
_MOST = LONGEST_UPTIME // timedelta(milliseconds=1)


@dataclass(frozen=True, kw_only=True)
class DeviceStatusChanged(Event):
    """A device came, or went away."""

    audited: ClassVar[bool] = False

    device: DeviceId
    site: SiteCode
    kind: Kind
    online: bool


@dataclass(frozen=True, kw_only=True)
class DoorReported(Event):
    """A controller reported something that happened; `event` names the command that led to it."""

    audited: ClassVar[bool] = False

    controller: DeviceId
    site: SiteCode
    what: ControllerEventKind
    event: EventId | None
    detail: str | None


@dataclass(frozen=True, kw_only=True)
class DoorStateChanged(Event):
    """A door's lock, contact or alarms, or a machine's slots changed, by its controller's word."""

    audited: ClassVar[bool] = False

    controller: DeviceId
    site: SiteCode


def everyone_is_away(work: Work) -> None:
    """Mark every device as away: the broker was lost, so nobody's word is present any longer.

    Those who are there say so again as soon as the broker is back (their retained status).
    """
    for device in work.session.exec(select(Device).where(col(Device.online).is_(True))).all():
        set_status(work, device, online=False)


def set_status(work: Work, device: Device, *, online: bool) -> None:
    """Take a device's word, or its last will, on whether it is there."""
    if device.online == online:
        return
    device.online, device.status_at = online, work.now
    work.session.add(device)
    work.record(
        DeviceStatusChanged(device=device.id, site=device.site, kind=device.kind, online=online)
    )
    what = "doors" if device.kind is Kind.CONTROLLER else "devices"
    live.notice(work, what, about=device.id, site=device.site)


def status(work: Work, device: Device, report: Status) -> None:
    """Take a status; repeated ones change nothing."""
    device.last_seen = work.now if report.online else device.last_seen
    work.session.add(device)
    set_status(work, device, online=report.online)


def health(work: Work, device: Device, report: GateHealth) -> None:
    """Keep a gate's newest health; one that was under way for longer than a newer one is dropped."""
    found = work.session.get(GateHealthRow, device.id, with_for_update=True)
    if found is not None and found.at > report.at:
        return
    work.session.merge(
        GateHealthRow(
            device=device.id,
            at=report.at,
            received_at=work.now,
            software=_storable(report.software),
            uptime_s=report.uptime_s,
            knowledge_age_s=report.knowledge_age_s,
            clock_trusted=report.clock_trusted,
            journal=JournalId(report.journal),
            journal_sequence=report.journal_sequence,
            journal_waiting=report.journal_waiting,
            malformed_messages=report.malformed_messages,
            readers=[msgspec.to_builtins(reader) for reader in report.readers],
            temperature_c=report.temperature_c,
            disk_free_mb=report.disk_free_mb,
            memory_mb=report.memory_mb,
            passages_waiting=report.passages_waiting,
            certificate_expires=report.certificate_expires,
        )
    )
    device.last_seen = work.now
    live.notice(work, "devices", about=device.id, site=device.site)


def door_state(work: Work, device: Device, report: ControllerState, *, retained: bool) -> None:
    """Keep a door's newest state: within one start of the controller, the highest uptime wins."""
    found = work.session.get(DoorState, device.id, with_for_update=True)
    if found is not None and found.boot == report.boot and found.uptime_ms > report.uptime_ms:
        return
    known = found is not None and found.boot == report.boot and found.uptime_ms == report.uptime_ms
    if known and retained:
        # The broker repeats what it kept: it was reported then, not now.
        return
    work.session.merge(
        DoorState(
            device=device.id,
            boot=report.boot,
            uptime_ms=report.uptime_ms,
            since=work.now - _age(report),
            lock=report.lock,
            contact=report.contact,
            alarms=[str(alarm) for alarm in report.alarms],
            slots={str(each.slot): str(each.condition) for each in report.slots},
            firmware=_storable(report.firmware),
            reported_at=work.now,
        )
    )
    device.last_seen = work.now
    work.record(DoorStateChanged(controller=device.id, site=device.site))
    live.notice(work, "doors", about=device.id, site=device.site)


def door_event(work: Work, device: Device, report: ControllerEvent) -> bool:
    """Store a controller's report exactly once; return whether it was new."""
    new = insert_once(
        work.session,
        DoorEvent,
        device=device.id,
        boot=report.boot,
        sequence=report.sequence,
        uptime_ms=report.uptime_ms,
        what=report.what,
        event=report.event,
        detail=None if report.detail is None else _storable(report.detail),
        received_at=work.now,
    )
    if not new:
        return False
    device.last_seen = work.now
    event = EventId(report.event) if report.event is not None else None
    work.record(
        DoorReported(
            controller=device.id,
            site=device.site,
            what=report.what,
            event=event,
            detail=report.detail,
        )
    )
    live.notice(work, "doors", about=device.id, site=device.site)
    return True


def _age(report: ControllerState) -> timedelta:
    """Return how long the state has been as it is; nonsense from a device is cut to what a date can hold."""
    return timedelta(milliseconds=min(max(0, report.uptime_ms - report.since_ms), _MOST))


def _storable(text: str) -> str:
    """Return text without NUL, which PostgreSQL does not store."""
    return text.replace("\0", "")
