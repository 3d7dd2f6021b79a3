"""The gate's folder: who it is, and the signed documents it last accepted.

Everything in it is readable by its owner only; files are replaced whole, never half written.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from access_protocol.certificates import TlsIdentity, UnusableCertificateError
from access_protocol.documents import DOCUMENT_CEILING, DocumentKind
from access_protocol.enrolment import Enrolment
from access_protocol.enrolment import identity as identity_of
from access_protocol.ids import DeviceId, SiteCode, device_id, site_code
from access_protocol.keys import SigningKey

OWNER_ONLY = 0o600
_FOLDER_MODE = 0o700
_Seed = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class NotEnrolled(Exception):
    """The folder holds no identity, or one that cannot be read."""


class _IdentityFile(msgspec.Struct, frozen=True, kw_only=True):
    enrolment: Enrolment
    seed: _Seed
    tls_key: bytes


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the gate is: its name, its own key, its broker and whose documents it trusts."""

    site: SiteCode
    device: DeviceId
    key: SigningKey
    broker_host: str
    broker_port: int
    tls: TlsIdentity
    authority: tuple[bytes, ...] = ()


class LocalStore:
    """Reads and writes the gate's folder."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`; it is made when something is first written."""
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where everything lies."""
        return self._folder

    @property
    def journal_path(self) -> Path:
        """Where the journal lies; the folder is made, so that it can be begun."""
        self._make(self._folder)
        return self._folder / "journal.sqlite3"

    @property
    def feeds_path(self) -> Path:
        """Where the feeds lie; the folder is made, so that they can be begun."""
        self._make(self._folder)
        return self._folder / "knowledge.sqlite3"

    def enrol(self, enrolment: Enrolment, key: SigningKey, tls_key: bytes) -> None:
        """Keep what the server answered, and the gate's own two keys. Raises OSError.

        What is known of another site goes first: changes are numbered for each site, and the numbers of that one
        would pass over what this one has revoked.
        """
        if not self._is_of_site(enrolment):
            for suffix in ("", "-wal", "-shm"):
                path = self.feeds_path
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        self._keep_identity(_IdentityFile(enrolment=enrolment, seed=key.seed, tls_key=tls_key))

    def _is_of_site(self, enrolment: Enrolment) -> bool:
        try:
            held = self._held_identity().enrolment
        except NotEnrolled:
            return False
        return (held.site, held.authority) == (enrolment.site, enrolment.authority)

    def renew(self, tls: TlsIdentity) -> None:
        """Keep the next certificate and its key instead of the present ones. Raises OSError or `NotEnrolled`."""
        held = self._held_identity()
        enrolment = msgspec.structs.replace(held.enrolment, certificate=tls.certificate)
        self._keep_identity(msgspec.structs.replace(held, enrolment=enrolment, tls_key=tls.key))

    def identity(self) -> Identity:
        """Return who the gate is, or raise `NotEnrolled`."""
        held = self._held_identity()
        enrolment = held.enrolment
        if enrolment.kind != "gate":
            raise NotEnrolled(f"{enrolment.device} is enrolled as a {enrolment.kind}, not a gate")
        try:
            tls = identity_of(enrolment, held.tls_key)
        except UnusableCertificateError as error:
            raise NotEnrolled(f"{self.identity_path} cannot be used: {error}") from error
        return Identity(
            site=site_code(enrolment.site),
            device=device_id(enrolment.device),
            key=SigningKey(held.seed),
            broker_host=enrolment.broker_host,
            broker_port=enrolment.broker_port,
            tls=tls,
            authority=enrolment.authority,
        )

    def _held_identity(self) -> _IdentityFile:
        path = self.identity_path
        try:
            return msgspec.json.decode(path.read_bytes(), type=_IdentityFile)
        except FileNotFoundError:
            raise NotEnrolled(f"{self._folder} holds no identity") from None
        except (OSError, msgspec.MsgspecError) as error:
            raise NotEnrolled(f"{path} cannot be read: {error}") from error

    def _keep_identity(self, held: _IdentityFile) -> None:
        self._write(self.identity_path, msgspec.json.encode(held))

    def document(self, kind: DocumentKind) -> bytes | None:
        """Return the signed bytes last accepted for a section; None where there are none."""
        try:
            with self._document_path(kind).open("rb") as file:
                return file.read(DOCUMENT_CEILING + 1)
        except OSError:
            return None

    def keep_document(self, kind: DocumentKind, message: bytes) -> None:
        """Keep the signed bytes of a section. Raises OSError where the disk does not take them."""
        self._write(self._document_path(kind), message)

    @property
    def identity_path(self) -> Path:
        """Where the identity lies, with the gate's private keys in it."""
        return self._folder / "identity.json"

    def _document_path(self, kind: DocumentKind) -> Path:
        return self._folder / "documents" / f"{kind}.cose"

    def _make(self, folder: Path) -> None:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)

    def _write(self, path: Path, content: bytes) -> None:
        self._make(self._folder)
        self._make(path.parent)
        fresh = path.with_name(f".{path.name}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), OWNER_ONLY)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
