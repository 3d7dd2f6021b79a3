"""The certificate with which web and live serve HTTPS: of our own authority, or of the files that the settings name."""

import os
import ssl
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes

from access_protocol.certificates import read_certificate
from server.devices import authority, certification
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.kernel.work import Office

FOLDER = "web"
ROOT = "root.pem"
"""In the folder: what a program on this machine has to trust."""


class NoCertificate(Exception):
    """HTTPS cannot be served; the message says what to do."""


class Files(NamedTuple):
    """Where the certificate and its key lie (PEM)."""

    certificate: Path
    key: Path


def prepare(settings: Settings, process: str) -> Files | None:
    """Return the files with which a process serves, a fresh certificate at each start; None for plain HTTP.

    Each process has files of its own, so that none writes while another reads. Raises `NoCertificate`.
    """
    match settings.web_tls:
        case "off":
            return None
        case "files":
            return _given(settings)
        case "own":
            return _own(settings, process)


def root(settings: Settings) -> bytes:
    """Return the certificate (DER) of our website's authority, made if need be, and write it to the data folder."""
    return _authority(settings).certificate


def fingerprint(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate as phones and browsers show it."""
    return read_certificate(certificate).fingerprint(hashes.SHA256()).hex(":").upper()


def _own(settings: Settings, process: str) -> Files:
    made = _authority(settings)
    office = Office(settings)
    identity = made.for_web(settings.web_hosts, office.clock.now())
    office.close()
    folder = settings.data_folder / FOLDER
    files = Files(folder / f"{process}-certificate.pem", folder / f"{process}-key.pem")
    _write(files.certificate, authority.pem_certificate(identity.certificate))
    _write(files.key, authority.pem_key(identity.key))
    return files


def _authority(settings: Settings) -> authority.Authority:
    office = Office(settings)
    with office.begin(Principal.system("web")) as work:
        made = certification.web_authority(work, settings.web_hosts)
    office.close()
    _write(settings.data_folder / FOLDER / ROOT, authority.pem_certificate(made.certificate))
    return made


def _given(settings: Settings) -> Files:
    if settings.web_certificate is None or settings.web_key is None:
        raise NoCertificate("GENKAN_WEB_TLS=files needs GENKAN_WEB_CERTIFICATE and GENKAN_WEB_KEY.")
    files = Files(settings.web_certificate, settings.web_key)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)
    except (OSError, ssl.SSLError) as error:
        raise NoCertificate(
            f"The certificate {files.certificate} cannot be used with the key {files.key}: {error}. "
            "Both must be PEM, belong together and be readable for this user."
        ) from error
    return files


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all, for nobody else to read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="ascii")
    fresh.replace(path)
