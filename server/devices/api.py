"""Gates and controllers as JSON: register, enrol, rename, revoke, and how they fare."""

from datetime import datetime
from typing import Annotated, Literal

from flask import Response, request
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import col, select

from access_protocol.codec import MalformedReportError, decode, encode
from access_protocol.enrolment import EnrolmentRequest
from access_protocol.events import ControllerEventKind
from access_protocol.ids import DeviceId
from access_protocol.topics import Kind
from server.devices import actions, models
from server.devices.actions import NewDevice
from server.devices.models import Device, DoorEvent, GateHealthRow
from server.kernel.blueprint import ApiBlueprint
from server.kernel.errors import Invalid
from server.kernel.pagination import PageQuery, paginate
from server.kernel.principal import Right, require
from server.kernel.request import (
    answer,
    answer_page,
    begin,
    no_content,
    office,
    reading,
)
from server.kernel.text import Line
from server.web.limits import SMALL, at_most, limited

blueprint = ApiBlueprint("Devices", "Gates and controllers: enrolment and health.", "/devices")


class HealthOut(BaseModel):
    """What a gate last said about itself; `received_at` tells how long ago."""

    at: datetime
    received_at: datetime
    software: str
    uptime_s: int
    knowledge_age_s: int | None
    clock_trusted: bool
    journal_sequence: int
    journal_waiting: int
    malformed_messages: int
    readers: list[dict[str, str | float | bool]]
    temperature_c: float | None
    disk_free_mb: int | None
    memory_mb: int | None
    passages_waiting: int | None
    certificate_expires: datetime | None


class DeviceOut(BaseModel):
    """A gate or controller."""

    id: str
    site: str
    kind: Kind
    name: str
    enrolled: bool
    online: bool
    last_seen: datetime | None
    created_at: datetime
    enrolled_at: datetime | None
    health: HealthOut | None = Field(None, description="Of gates only.")

    @classmethod
    def of(cls, device: Device, health: GateHealthRow | None = None) -> "DeviceOut":
        """Show a device, without its keys."""
        return cls(
            id=device.id,
            site=device.site,
            kind=device.kind,
            name=device.name,
            enrolled=device.admitted,
            online=device.online,
            last_seen=device.last_seen,
            created_at=device.created_at,
            enrolled_at=device.enrolled_at,
            health=HealthOut.model_validate(health, from_attributes=True) if health else None,
        )


class DevicePage(BaseModel):
    """Devices, in the order of their ids."""

    items: list[DeviceOut]
    next_cursor: str | None


class DevicesQuery(PageQuery):
    """Which devices to list."""

    site: str | None = Field(None, pattern="^[A-Z]{1,3}$")
    kind: Kind | None = None


class DevicePath(BaseModel):
    """A device's id."""

    device: str = Field(pattern="^[a-z0-9-]{3,32}$")


class DoorEventOut(BaseModel):
    """One thing that a controller itself reported; `event` names the access that led to it."""

    boot: str
    sequence: int
    uptime_ms: int
    what: ControllerEventKind
    event: str | None
    detail: str | None
    received_at: datetime

    @classmethod
    def of(cls, reported: DoorEvent) -> "DoorEventOut":
        """Show a report."""
        return cls.model_validate(reported, from_attributes=True)


class DoorEventPage(BaseModel):
    """Reports of a controller, newest first."""

    items: list[DoorEventOut]
    next_cursor: str | None


class Renaming(BaseModel):
    """A device's new name for people."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(min_length=1, max_length=100)]


class CodeOut(BaseModel):
    """A one-time enrolment code; it is shown this once."""

    device: str
    code: str
    expires_at: datetime
    ticket: str = Field(description="The text of a QR to hold before a gate's camera.")


Base64 = Annotated[str, Field(pattern="^[A-Za-z0-9+/]+={0,2}$", max_length=6000)]


class EnrolmentIn(BaseModel):
    """What a new device sends; docs/protocol.md, Enrolment, says how the proof is made."""

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    code: str = Field(
        pattern="^[A-Z2-7]{4}$", description="The first group of the code.", examples=["ABCD"]
    )
    public_key: Base64 = Field(description="The raw Ed25519 public key.")
    csr: Base64 = Field(description="A certificate request for a key on P-256 (PKCS #10, DER).")
    proof: Base64 = Field(description="HMAC-SHA256 by which the device proves to know the code.")


class EnrolmentOut(BaseModel):
    """Who the device is from now on, sealed and proven."""

    version: int
    sealed: Base64 = Field(description="COSE_Sign1 by the site's authority around JSON.")
    proof: Base64 = Field(description="HMAC-SHA256 by which the server proves to know the code.")


@blueprint.get("", {200: DevicePage})
def list_devices(query: DevicesQuery) -> Response:
    """Return the gates and controllers that were not revoked."""
    with reading() as work:
        require(work.principal, Right.DEVICES_READ)
        statement = select(Device).where(col(Device.revoked_at).is_(None))
        if query.site is not None:
            statement = statement.where(Device.site == query.site)
        if query.kind is not None:
            statement = statement.where(Device.kind == query.kind)
        page = paginate(work.session, statement, [col(Device.id)], query)
        health = models.gate_health(work.session)
        return answer_page(page.map(lambda each: DeviceOut.of(each, health.get(each.id))))


@blueprint.post("", {201: DeviceOut})
def register(body: NewDevice) -> Response:
    """Register a gate or controller; then make it a one-time code."""
    with begin() as work:
        made = DeviceOut.of(actions.register(work, body))
    return answer(made, 201)


@blueprint.get("/<device>", {200: DeviceOut})
def get_device(path: DevicePath) -> Response:
    """Return one device."""
    with reading() as work:
        found = actions.find(work, path.device)
        return answer(DeviceOut.of(found, work.session.get(GateHealthRow, found.id)))


@blueprint.get("/<device>/events", {200: DoorEventPage})
def list_door_events(path: DevicePath, query: PageQuery) -> Response:
    """List what a controller itself reported of its door, newest first."""
    with reading() as work:
        device = actions.find(work, path.device)
        page = models.door_events(work.session, DeviceId(device.id), query)
        return answer_page(page.map(DoorEventOut.of))


@blueprint.patch("/<device>", {200: DeviceOut})
def rename(path: DevicePath, body: Renaming) -> Response:
    """Give a device another name for people."""
    with begin() as work:
        changed = DeviceOut.of(actions.rename(work, path.device, body.name))
    return answer(changed)


@blueprint.delete("/<device>", {204: None})
def revoke(path: DevicePath) -> Response:
    """Remove a device: the broker no longer lets it in, and no controller obeys it."""
    with begin() as work:
        actions.revoke(work, path.device)
    return no_content()


@blueprint.post("/<device>/enrolment-code", {201: CodeOut})
def make_code(path: DevicePath) -> Response:
    """Make a one-time code that is good for fifteen minutes; type it into the device, or hold its QR before a gate."""
    with begin() as work:
        made = CodeOut.model_validate(actions.make_code(work, path.device), from_attributes=True)
    return answer(made, 201)


@blueprint.post("/enrolments", {201: EnrolmentOut}, open_to_all=True)
@limited("60 per minute")
@at_most(SMALL)
def enrol(body: EnrolmentIn) -> Response:
    """Let a new device in: it proves to know a code, and learns who it is."""
    try:
        asked = decode(EnrolmentRequest, body.model_dump_json().encode())
    except MalformedReportError as error:
        raise Invalid([malformed(error)]) from error
    made = actions.enrol(office(), asked, request.remote_addr or "")
    return Response(encode(made), 201, mimetype="application/json")


def malformed(error: MalformedReportError) -> tuple[str, str]:
    """Return the field that a message is wrong in, and why."""
    why, _, place = str(error).partition(" - at `$.")
    return place.rstrip("`") or "body", why
