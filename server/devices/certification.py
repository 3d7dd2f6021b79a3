"""Who gets a certificate for the broker: the authority is kept here, devices' certificates are issued and revoked.

Every enrolment gives a device another name at the broker (`gate-1.3` is the third of gate-1), and only the
present one has rights there. So a certificate from before reaches nothing the moment the broker reads its new
rights, over an open connection as over a new one; the list of revoked certificates then keeps it out altogether.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from access_protocol.certificates import TlsIdentity, read_certificate
from server.devices.authority import (
    DEVICE_LIFE,
    WEB_LIFE,
    Authority,
    Revoked,
    is_for_website,
)
from server.devices.models import AuthorityRow, Device, DeviceCertificate
from server.kernel.errors import Conflict
from server.kernel.principal import Principal
from server.kernel.work import Office, Work

SERIAL_BYTES = 16
MOST_A_DAY = 10
"""Certificates that a device may get in a day; it needs one in two months."""
_DAY = timedelta(days=1)
_PURPOSE = "certificate-authority"
_OF_DEVICES = 1
_OF_WEBSITE = 2


def authority(work: Work) -> Authority:
    """Return the installation's authority; the first use makes it."""
    row = _row(work.session) or _make(work)
    return Authority(row.certificate, work.sealer.unseal(row.sealed_key, _PURPOSE))


def own_identity(office: Office, name: str) -> Callable[[], TlsIdentity]:
    """Return what gives a process of the server a fresh certificate for each connect, in memory only."""
    with office.begin(Principal.system(name)) as work:
        made = authority(work)
    return lambda: made.for_own_process(name, office.clock.now())


def issue(work: Work, device: Device, public: ec.EllipticCurvePublicKey) -> bytes:
    """Return a certificate (DER) for the device's present enrolment; asked again with one key, the same one.

    One that is due for renewal is not given again: a device may keep its key. Raises `Conflict` where a device
    asks for one certificate after another.
    """
    key_hash = hashlib.sha256(
        public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).digest()
    theirs = [row for row in _of(work.session, device) if row.enrolment == device.enrolment]
    for row in theirs:
        if row.key_hash == key_hash and row.revoked_at is None and not _is_due(row, work.now):
            return row.certificate
    if sum(row.issued_at > work.now - _DAY for row in theirs) >= MOST_A_DAY:
        raise Conflict(f"{device.id} was given {MOST_A_DAY} certificates within a day already.")
    serial = int.from_bytes(work.ids.random_bytes(SERIAL_BYTES)) | 1
    made = authority(work).for_client(device.broker_name, public, serial, work.now)
    work.session.add(
        DeviceCertificate(
            serial=f"{serial:x}",
            device=device.id,
            enrolment=device.enrolment,
            key_hash=key_hash,
            certificate=made,
            issued_at=work.now,
            not_after=work.now + DEVICE_LIFE,
        )
    )
    return made


def renewal_due(work: Work, device: Device, serial: int) -> bool:
    """Tell whether two thirds of the life of a device's certificate are over, by the server's clock.

    One that the device cannot have, or that no longer counts, is never renewed. One that nobody knows was given
    before we went back to an older copy of the database, since rows are kept: it could not be revoked any more,
    and the device would be shut out at its end.
    """
    row = work.session.get(DeviceCertificate, f"{serial:x}")
    if row is None:
        return True
    if (row.device, row.enrolment) != (device.id, device.enrolment):
        return False
    return row.revoked_at is None and _is_due(row, work.now)


def revoke_all(work: Work, device: Device) -> None:
    """Let none of a device's certificates count any longer."""
    work.session.exec(
        update(DeviceCertificate)
        .where(col(DeviceCertificate.device) == device.id)
        .where(col(DeviceCertificate.revoked_at).is_(None))
        .values(revoked_at=work.now)
    )


def revocation_list(session: Session, made: Authority) -> bytes:
    """Return the signed list of all that were revoked, as the broker reads it (PEM).

    Its time counts revocations and is no time of day: of two lists the broker believes the later one, and two
    revocations may fall into one second. Rows of revoked certificates are kept for that.
    """
    row = _row(session)
    if row is None:
        raise LookupError("there is no authority yet")
    rows = session.exec(
        select(DeviceCertificate).where(col(DeviceCertificate.revoked_at).is_not(None))
    ).all()
    revoked = [Revoked(int(each.serial, 16), each.revoked_at) for each in rows if each.revoked_at]
    at = (row.created_at - _DAY).replace(microsecond=0) + timedelta(seconds=len(revoked))
    return made.revocation_list(revoked, at)


def web_authority(work: Work, hosts: Sequence[str]) -> Authority:
    """Return the authority of our website at these host names and addresses; made anew where they changed.

    It is none of the devices': people trust it, and it vouches for nothing but these hosts.
    """
    row = work.session.get(AuthorityRow, _OF_WEBSITE, with_for_update=True)
    if row is not None and _still_counts(row, hosts, work.now):
        return Authority(row.certificate, work.sealer.unseal(row.sealed_key, _PURPOSE))
    if row is not None:
        work.session.delete(row)
        work.session.flush()
    row = _keep(work, _OF_WEBSITE, Authority.for_website(hosts, work.now))
    return Authority(row.certificate, work.sealer.unseal(row.sealed_key, _PURPOSE))


def web_root(session: Session) -> bytes | None:
    """Return the certificate (DER) of the website's authority, or None where it was never needed."""
    row = session.get(AuthorityRow, _OF_WEBSITE)
    return None if row is None else row.certificate


def _still_counts(row: AuthorityRow, hosts: Sequence[str], now: datetime) -> bool:
    certificate = read_certificate(row.certificate)
    lasts = certificate.not_valid_after_utc - now > WEB_LIFE
    return lasts and is_for_website(row.certificate, hosts)


def _is_due(row: DeviceCertificate, now: datetime) -> bool:
    return now >= row.issued_at + (row.not_after - row.issued_at) * 2 / 3


def seal_anew(work: Work) -> None:
    """Seal with the present master key what the previous one sealed."""
    for row in work.session.exec(select(AuthorityRow)).all():
        row.sealed_key = work.sealer.renewed(row.sealed_key, _PURPOSE)


def _of(session: Session, device: Device) -> Sequence[DeviceCertificate]:
    # The device's row is the lock: two requests at once would both count the same certificates.
    session.exec(select(Device).where(Device.id == device.id).with_for_update()).one()
    return session.exec(
        select(DeviceCertificate).where(DeviceCertificate.device == device.id)
    ).all()


def _row(session: Session) -> AuthorityRow | None:
    return session.get(AuthorityRow, _OF_DEVICES)


def _make(work: Work) -> AuthorityRow:
    return _keep(work, _OF_DEVICES, Authority.new(work.now))


def _keep(work: Work, number: int, made: Authority) -> AuthorityRow:
    row = AuthorityRow(
        number=number,
        certificate=made.certificate,
        sealed_key=work.sealer.seal(made.key, _PURPOSE),
        created_at=work.now,
    )
    try:
        with work.session.begin_nested():
            work.session.add(row)
    except IntegrityError:
        # Another process made it at the same moment: that one counts.
        found = work.session.get(AuthorityRow, number)
        if found is None:
            raise
        return found
    return row
