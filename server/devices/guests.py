"""Guests at the broker: visitors' OwnTracks apps, each let in by a short-lived certificate, to write two topics."""

from datetime import datetime

from sqlmodel import col, delete, update

from access_protocol import certificates
from access_protocol.certificates import TlsIdentity
from server.devices import certification
from server.devices.certification import SERIAL_BYTES
from server.devices.models import GuestClient
from server.kernel.work import Work


def admit_guest(work: Work, name: str, ends_at: datetime) -> TlsIdentity:
    """Let a guest in under this name until then; return the key and certificate it signs in with, kept nowhere.

    A name is given once: who shall not come any more is dismissed, and comes back under another.
    """
    key = certificates.new_key()
    serial = int.from_bytes(work.ids.random_bytes(SERIAL_BYTES)) | 1
    authority = certification.authority(work)
    public = certificates.read_key(key).public_key()
    made = authority.for_client(name, public, serial, work.now, ends_at - work.now)
    work.session.add(GuestClient(name=name, ends_at=ends_at))
    work.session.flush()
    return TlsIdentity(made, key, authority.certificate)


def keep_guest(work: Work, name: str, ends_at: datetime) -> None:
    """Let a guest's rights at the broker end at another time; their certificate ends when it was to end at first."""
    known = update(GuestClient).where(col(GuestClient.name) == name)
    work.session.connection().execute(known.values(ends_at=ends_at))


def dismiss_guest(work: Work, name: str) -> None:
    """Take a guest's rights at the broker away, over an open connection as well."""
    work.session.connection().execute(delete(GuestClient).where(col(GuestClient.name) == name))
