"""What people and devices can ask about devices: register, enrol, rename, revoke, and report."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlmodel import Session, col, delete, select

from access_protocol import enrolment as protocol
from access_protocol import renewal
from access_protocol.certificates import UnusableCertificateError, requested_key
from access_protocol.enrolment import Enrolment, EnrolmentAnswer, EnrolmentRequest, Ticket
from access_protocol.ids import DeviceId, SiteCode
from access_protocol.renewal import CertificateIssued
from access_protocol.topics import SERVER, Kind
from server.devices import certification, rules
from server.devices.certification import web_root
from server.devices.documents import (
    HIGHEST_VERSION,
    Section,
    catch_up,
    held_versions,
    issue,
    send,
    send_all,
    send_many,
)
from server.devices.guests import admit_guest, dismiss_guest, keep_guest
from server.devices.incoming import read, sender_of
from server.devices.key_lists import (
    CommandKeyRotated,
    refresh_key_lists,
    rotate_command_key,
)
from server.devices.keys import public_keys, signing_key
from server.devices.models import Device, EnrolmentCode, KeyPurpose
from server.devices.reports import DeviceStatusChanged, DoorReported, DoorStateChanged
from server.kernel import live, throttle
from server.kernel.errors import Conflict, Invalid, NotFound
from server.kernel.events import Event
from server.kernel.principal import Principal, Right, require
from server.kernel.text import Line
from server.kernel.work import Office, Work
from server.places.models import Site

__all__ = [  # what the subjects above may use, wherever it stands in this one
    "HIGHEST_VERSION",
    "CommandKeyRotated",
    "DeviceEnrolled",
    "DeviceRegistered",
    "DeviceRenamed",
    "DeviceRevoked",
    "DeviceStatusChanged",
    "DoorReported",
    "DoorStateChanged",
    "EnrolmentCodeMade",
    "NewDevice",
    "Section",
    "ShownCode",
    "admit_guest",
    "catch_up",
    "dismiss_guest",
    "enrol",
    "find",
    "held_versions",
    "issue",
    "keep_guest",
    "make_code",
    "public_keys",
    "read",
    "refresh_key_lists",
    "register",
    "rename",
    "renew_certificate",
    "revoke",
    "rotate_command_key",
    "send",
    "send_all",
    "send_many",
    "sender_of",
    "signing_key",
    "web_root",
]

RESERVED = frozenset({str(SERVER), "live"})
"""Names under which the server's own processes sign in at the broker."""


@dataclass(frozen=True, kw_only=True)
class DeviceRegistered(Event):
    """A gate or controller was registered; it is not enrolled yet."""

    device: DeviceId
    site: SiteCode
    kind: Kind


@dataclass(frozen=True, kw_only=True)
class EnrolmentCodeMade(Event):
    """A one-time code was made for a device."""

    device: DeviceId
    site: SiteCode


@dataclass(frozen=True, kw_only=True)
class DeviceEnrolled(Event):
    """A device took its code and is let in from now on."""

    device: DeviceId
    site: SiteCode
    kind: Kind
    public_key: bytes


@dataclass(frozen=True, kw_only=True)
class DeviceRenamed(Event):
    """A device got another name for people."""

    device: DeviceId
    site: SiteCode
    name: str


@dataclass(frozen=True, kw_only=True)
class DeviceRevoked(Event):
    """A device was removed: the broker no longer lets it in and no controller obeys it."""

    device: DeviceId
    site: SiteCode
    kind: Kind


class NewDevice(BaseModel):
    """A gate or controller to be registered."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern="^[a-z0-9-]{3,32}$", examples=["gate-2"])
    site: str = Field(pattern="^[A-Z]{1,3}$", examples=["TYO"])
    kind: Kind = Field(description="gate or controller", examples=["gate"])
    name: Annotated[Line, Field(min_length=1, max_length=100, examples=["North entrance"])]

    @field_validator("kind")
    @classmethod
    def _is_a_device(cls, kind: Kind) -> Kind:
        if kind is Kind.SERVER:
            raise ValueError("must be gate or controller")
        return kind


@dataclass(frozen=True)
class ShownCode:
    """A one-time code as it is shown, this once; `ticket` is the text of its QR."""

    device: DeviceId
    code: str
    expires_at: datetime
    ticket: str


def find(work: Work, device: str) -> Device:
    """Return a device, or raise `NotFound`."""
    require(work.principal, Right.DEVICES_READ)
    return _device(work.session, device)


def register(work: Work, new: NewDevice) -> Device:
    """Register a gate or controller; one that was revoked may come back under its old id."""
    site, device = SiteCode(new.site), DeviceId(new.id)
    require(work.principal, Right.DEVICES_MANAGE, site)
    if work.session.get(Site, site) is None:
        raise Invalid([("site", "there is no such site")])
    if device in RESERVED:
        raise Invalid([("id", "is a name that the server itself uses")])
    found = work.session.get(Device, device)
    if found is not None and found.revoked_at is None:
        raise Conflict(f"There is a device called {device} already.")
    if found is not None and (found.site, found.kind) != (site, new.kind):
        raise Conflict(f"{device} was a {found.kind} of {found.site}; take another id.")
    row = found or Device(id=device, site=site, kind=new.kind, name=new.name, created_at=work.now)
    row.name, row.revoked_at, row.enrolled_at = new.name, None, None
    work.session.add(row)
    work.record(DeviceRegistered(device=device, site=site, kind=new.kind))
    live.notice(work, "devices", about=device, site=site)
    return row


def make_code(work: Work, device: str) -> ShownCode:
    """Make a one-time code for a device; an earlier one no longer counts."""
    found = _device(work.session, device)
    require(work.principal, Right.DEVICES_MANAGE, found.site)
    code = rules.written_code(work.ids.random_bytes(rules.CODE_BYTES))
    work.session.merge(
        EnrolmentCode(
            device=found.id,
            first_group=code[: rules.GROUP],
            code_hash=protocol.code_key(code),
            expires_at=work.now + rules.CODE_LIFE,
            tries=0,
            made_by=work.principal.person,
        )
    )
    work.record(EnrolmentCodeMade(device=found.id, site=found.site))
    signs = signing_key(work, found.site, KeyPurpose.AUTHORITY).public
    url = str(work.settings.base_url).rstrip("/")
    ticket = Ticket(url, code, protocol.fingerprint(signs))
    return ShownCode(found.id, code, work.now + rules.CODE_LIFE, ticket.text())


def enrol(office: Office, asked: EnrolmentRequest, address: str) -> EnrolmentAnswer:
    """Let a device in that proves to know a one-time code; the answer says who it is from now on.

    The try is counted in a transaction of its own before the proof is looked at, so that a refusal does not
    roll it back and guesses sent at once do not slip through.
    """
    place = f"enrol-from:{address}"
    with office.begin(Principal.anonymous()) as work:
        throttle.check(work, place)
        throttle.failed(work, place, rules.MOST_TRIES)
        for code in _codes_like(work.session, asked.code):
            code.tries += 1
    with office.begin(Principal.anonymous()) as work:
        answer = _enrol(work, asked)
        throttle.succeeded(work, place)
        return answer


def _enrol(work: Work, asked: EnrolmentRequest) -> EnrolmentAnswer:
    fitting = [
        code
        for code in _codes_like(work.session, asked.code)
        if code.tries <= rules.MOST_TRIES
        and work.now < code.expires_at
        and protocol.proves(asked, code.code_hash)
    ]
    if not fitting:
        raise Invalid(
            [("code", "is wrong, was used, or is too old; ask an administrator for a new one")]
        )
    code = fitting[0]
    device = _device(work.session, code.device)
    try:
        tls_key = requested_key(asked.csr)
    except UnusableCertificateError as error:
        raise Invalid([("csr", str(error))]) from error
    work.session.delete(code)
    certification.revoke_all(work, device)
    device.public_key, device.enrolled_at = asked.public_key, work.now
    device.enrolment += 1
    work.session.add(device)
    work.record(
        DeviceEnrolled(
            device=device.id, site=device.site, kind=device.kind, public_key=asked.public_key
        )
    )
    refresh_key_lists(work, device.site)
    live.notice(work, "devices", about=device.id, site=device.site)
    told = Enrolment(
        site=device.site,
        kind="gate" if device.kind is Kind.GATE else "controller",
        device=device.id,
        broker_host=_broker_host(work),
        broker_port=work.settings.broker_port,
        certificate=certification.issue(work, device, tls_key),
        certificate_authority=certification.authority(work).certificate,
        authority=public_keys(work, device.site, KeyPurpose.AUTHORITY),
    )
    signs = signing_key(work, device.site, KeyPurpose.AUTHORITY)
    return protocol.answer(told, asked, code.code_hash, signs)


def renew_certificate(work: Work, device: Device, message: bytes) -> CertificateIssued | None:
    """Return a device's next certificate, or None while its present one is good for long enough.

    The request is signed by the key that the device enrolled with. Raises `Invalid`, or `Conflict` where it
    asks for one after another.
    """
    try:
        asked = renewal.read_request(message, device.public_key or b"")
        tls_key = requested_key(asked.csr)
    except (renewal.MalformedRenewalError, UnusableCertificateError) as error:
        raise Invalid([("request", str(error))]) from error
    if not certification.renewal_due(work, device, asked.serial):
        return None
    return CertificateIssued(certificate=certification.issue(work, device, tls_key))


def rename(work: Work, device: str, name: str) -> Device:
    """Give a device another name for people; its id stays."""
    found = _device(work.session, device)
    require(work.principal, Right.DEVICES_MANAGE, found.site)
    found.name = name
    work.record(DeviceRenamed(device=found.id, site=found.site, name=name))
    live.notice(work, "devices", about=found.id, site=found.site)
    return found


def revoke(work: Work, device: str) -> None:
    """Remove a device: no broker, no documents, and no controller obeys it any longer."""
    found = _device(work.session, device)
    require(work.principal, Right.DEVICES_MANAGE, found.site)
    found.revoked_at, found.online = work.now, False
    certification.revoke_all(work, found)
    work.session.exec(delete(EnrolmentCode).where(col(EnrolmentCode.device) == found.id))
    work.record(DeviceRevoked(device=found.id, site=found.site, kind=found.kind))
    refresh_key_lists(work, found.site)
    live.notice(work, "devices", about=found.id, site=found.site)


def _device(session: Session, device: str) -> Device:
    found = session.get(Device, device)
    if found is None or found.revoked_at is not None:
        raise NotFound("There is no such device.")
    return found


def _codes_like(session: Session, code: str) -> list[EnrolmentCode]:
    like = select(EnrolmentCode).where(EnrolmentCode.first_group == code[: rules.GROUP])
    return list(session.exec(like.with_for_update()).all())


def _broker_host(work: Work) -> str:
    """Return the broker as a device sees it: a server on one machine with its broker knows it as loopback."""
    host, outside = work.settings.broker_host, work.settings.base_url.host or ""
    loopback = {"127.0.0.1", "::1", "localhost"}
    return outside if host in loopback and outside not in loopback | {""} else host
