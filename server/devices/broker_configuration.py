"""Mosquitto's configuration, certificates and rights, made from what is enrolled.

Nobody gets in without a certificate of our authority. A device writes the subjects of its kind below its own id
and reads what is addressed to it; a gate also reads what the controllers of its site report. Everything else is
refused by the broker itself. A visitor's OwnTracks app is a guest: it writes two topics of its own and reads nothing.
"""

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from access_protocol import topics
from access_protocol.certificates import TlsIdentity, UnusableCertificateError
from access_protocol.codec import REPORT_CEILING
from access_protocol.documents import DOCUMENT_CEILING
from access_protocol.ids import DeviceId, SiteCode
from access_protocol.topics import ROOT, SERVER, WRITES, Kind, Subject
from server.devices import authority, certification, models
from server.devices.authority import Authority
from server.devices.models import Device
from server.kernel.settings import Settings
from server.kernel.work import Work

CONFIGURATION, RIGHTS = "mosquitto.conf", "rights"
AUTHORITY, CERTIFICATE, KEY, REVOKED = "authority.pem", "broker.pem", "broker.key", "revoked.pem"
LIVE_USER = "live"
"""The user of the live process, which only hears live notices."""
LARGEST_MESSAGE = max(REPORT_CEILING, DOCUMENT_CEILING) + 1024
_READ_BY_GATES = (Subject.STATUS, Subject.STATE, Subject.EVENT)
_EVERY_SITE = "+"


@dataclass(frozen=True)
class BrokerFiles:
    """The files' contents by their names; `folder` is where Mosquitto will find them."""

    folder: Path
    contents: Mapping[str, str]

    @property
    def configuration(self) -> Path:
        """The file that Mosquitto is started with."""
        return self.folder / CONFIGURATION


def broker_files(work: Work, folder: Path) -> BrokerFiles:
    """Return what the broker should be configured with now; the same database gives the same bytes.

    The broker's own certificate is taken from the folder for as long as it serves.
    """
    made = certification.authority(work)
    own = _own_certificate(made, work.settings, folder, work.now)
    return BrokerFiles(
        folder,
        {
            CONFIGURATION: configuration(work.settings, folder),
            RIGHTS: rights(
                models.devices(work.session),
                [each.name for each in models.guest_clients(work.session, work.now)],
            ),
            AUTHORITY: authority.pem_certificate(made.certificate),
            CERTIFICATE: authority.pem_certificate(own.certificate),
            KEY: authority.pem_key(own.key),
            REVOKED: certification.revocation_list(work.session, made).decode("ascii"),
        },
    )


def hosts(settings: Settings) -> list[str]:
    """Return the names and addresses by which devices and our own processes know the broker."""
    named = [settings.broker_host, settings.base_url.host or "", *settings.broker_names.split(",")]
    # As a URL writes it, an IPv6 address stands in brackets.
    bare = [name.strip("[]") for name in named]
    return list(dict.fromkeys([*filter(None, bare), "localhost", "127.0.0.1", "::1"]))


def _own_certificate(
    made: Authority, settings: Settings, folder: Path, now: datetime
) -> TlsIdentity:
    """Return the certificate in the folder, or a fresh one where that is nearly over or for other names."""
    wanted = hosts(settings)
    try:
        held = authority.from_pem(
            (folder / CERTIFICATE).read_bytes(), (folder / KEY).read_bytes(), made.certificate
        ).check()
        # Its life is counted from when it was made: by the certificate's own word it began in 1970.
        ends_late = held.not_after - now > authority.BROKER_LIFE / 3
        if ends_late and authority.hosts_of(held.certificate) == wanted:
            return held
    except (OSError, UnusableCertificateError):
        pass
    return made.for_broker(wanted, now)


def write(files: BrokerFiles) -> bool:
    """Write what changed, each file whole or not at all; return whether anything did."""
    files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    changed = [name for name, text in files.contents.items() if _differs(files.folder / name, text)]
    for name in changed:
        _replace(files.folder / name, files.contents[name])
    return bool(changed)


def configuration(settings: Settings, folder: Path) -> str:
    """Return mosquitto.conf."""
    lines = [
        f"listener {settings.broker_port} {settings.broker_listen}",
        "protocol mqtt",
        # Nobody without a certificate of ours, and its name is the only name there is.
        "tls_version tlsv1.2",
        f"cafile {folder.absolute() / AUTHORITY}",
        f"certfile {folder.absolute() / CERTIFICATE}",
        f"keyfile {folder.absolute() / KEY}",
        f"crlfile {folder.absolute() / REVOKED}",
        "require_certificate true",
        "use_identity_as_username true",
        "allow_anonymous false",
        f"acl_file {folder.absolute() / RIGHTS}",
        # 88 ms a round trip without it (measured).
        "set_tcp_nodelay true",
        # The broker is not a ledger: it may forget everything at any moment.
        "persistence false",
        # Status and state are retained. Commands never are: a controller refuses one that is.
        "retain_available true",
        f"message_size_limit {LARGEST_MESSAGE}",
        f"max_packet_size {LARGEST_MESSAGE + 1024}",
        "max_inflight_messages 20",
        "max_queued_messages 1000",
        "max_queued_bytes 16777216",
        "max_keepalive 120",
        "upgrade_outgoing_qos false",
        "queue_qos0_messages false",
        "allow_zero_length_clientid false",
        "sys_interval 0",
        "connection_messages true",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "log_type information",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Started as root it would turn into the user mosquitto, who may not read the data folder.
        lines.append("user root")
    return "\n".join(lines) + "\n"


def rights(devices: Iterable[Device], guests: Iterable[str] = ()) -> str:
    """Return the ACL file. What is not named in it is refused.

    The name of a device's next enrolment stands in it already. No certificate carries that name before it is
    enrolled, and from that moment on it need not wait until the broker has read its rights.
    """
    blocks = [_server_block(), _live_block()]
    for device in devices:
        names = [models.broker_name(device.id, device.enrolment + 1)]
        if device.admitted:
            names.insert(0, device.broker_name)
        blocks += [_device_block(device, name) for name in names]
    blocks += [_guest_block(name) for name in guests]
    return "\n".join(blocks)


def _device_block(device: Device, name: str) -> str:
    lines = [f"user {name}"]
    lines += [f"topic write {each}" for each in written_by(device.site, device.kind, device.id)]
    lines.append(f"topic read {topics.everything_for(device.site, device.id)}")
    lines.append(f"topic read {topics.build(device.site, Kind.SERVER, SERVER, Subject.STATUS)}")
    if device.kind is Kind.GATE:
        lines += [
            f"topic read {topics.of_all(device.site, Kind.CONTROLLER, subject)}"
            for subject in _READ_BY_GATES
        ]
        # Gates tell each other who passed, for anti-passback.
        lines.append(f"topic read {topics.of_all(device.site, Kind.GATE, Subject.PASSAGE)}")
    return "\n".join(lines) + "\n"


def written_by(site: SiteCode | str, kind: Kind, device: DeviceId) -> list[str]:
    """Return the filters of all that a device may write: its kind's subjects below its own id."""
    below = f"{ROOT}/{site}/{kind}/{device}"
    only_the_server = {Subject.JOURNAL, Subject.SYNC, Subject.RENEWAL}
    return [
        f"{below}/{subject}"
        + ("" if not addressed else f"/{SERVER if subject in only_the_server else '+'}")
        for subject, addressed in WRITES[kind].items()
    ]


def _server_block() -> str:
    lines = [f"user {SERVER}"]
    lines += [f"topic write {each}" for each in written_by(_EVERY_SITE, Kind.SERVER, SERVER)]
    lines.append(f"topic read {ROOT}/+/+/+/+/{SERVER}")
    lines += [
        f"topic read {topics.of_all(None, kind, subject)}"
        for kind in (Kind.GATE, Kind.CONTROLLER, Kind.SERVER)
        for subject, addressed in WRITES[kind].items()
        if not addressed
    ]
    lines += [f"topic read {each}" for each in topics.of_all_trackers()]
    return "\n".join(lines) + "\n"


def _live_block() -> str:
    return f"user {LIVE_USER}\ntopic read {topics.of_all(None, Kind.SERVER, Subject.LIVE)}\n"


def _guest_block(name: str) -> str:
    lines = [f"user {name}", *(f"topic write {each}" for each in topics.of_tracker(name))]
    return "\n".join(lines) + "\n"


def _differs(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8") != text


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)
