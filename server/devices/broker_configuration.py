"""Mosquitto's configuration, passwords and rights, made from what is enrolled.

Nobody is anonymous. A device writes the subjects of its kind below its own id and reads what is addressed to
it; a gate also reads what the controllers of its site report. Everything else is refused by the broker itself.
"""

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from access_protocol import topics
from access_protocol.codec import REPORT_CEILING
from access_protocol.documents import DOCUMENT_CEILING
from access_protocol.ids import DeviceId, SiteCode
from access_protocol.topics import ROOT, SERVER, WRITES, Kind, Subject
from server.devices import models
from server.devices.models import Device
from server.devices.rules import SALT_BYTES, mosquitto_hash
from server.kernel.sealing import derive_password
from server.kernel.settings import Settings

CONFIGURATION, PASSWORDS, RIGHTS = "mosquitto.conf", "passwords", "rights"
LIVE_USER = "live"
"""The user of the live process, which only hears live notices."""
LARGEST_MESSAGE = max(REPORT_CEILING, DOCUMENT_CEILING) + 1024
_READ_BY_GATES = (Subject.STATUS, Subject.STATE, Subject.EVENT)
_EVERY_SITE = "+"


@dataclass(frozen=True)
class BrokerFiles:
    """The three files' contents by their names; `folder` is where Mosquitto will find them."""

    folder: Path
    contents: Mapping[str, str]

    @property
    def configuration(self) -> Path:
        """The file that Mosquitto is started with."""
        return self.folder / CONFIGURATION


def server_password(settings: Settings, user: str = SERVER) -> str:
    """Return the password of one of the server's own processes: `server` (the worker) or `live`."""
    chosen = settings.broker_password.get_secret_value()
    if user == SERVER and chosen:
        return chosen
    return derive_password(settings.master_key, f"broker:{user}")


def broker_files(session: Session, settings: Settings, folder: Path) -> BrokerFiles:
    """Return what the broker should be configured with now; the same database gives the same bytes."""
    devices = models.admitted(session)
    own = {user: _own_hash(settings, user) for user in (SERVER, LIVE_USER)}
    return BrokerFiles(
        folder,
        {
            CONFIGURATION: configuration(settings, folder),
            PASSWORDS: passwords(devices, own),
            RIGHTS: rights(devices),
        },
    )


def write(files: BrokerFiles) -> bool:
    """Write what changed, each file whole or not at all; return whether anything did."""
    files.folder.mkdir(parents=True, exist_ok=True)
    changed = [name for name, text in files.contents.items() if _differs(files.folder / name, text)]
    for name in changed:
        _replace(files.folder / name, files.contents[name])
    return bool(changed)


def configuration(settings: Settings, folder: Path) -> str:
    """Return mosquitto.conf."""
    lines = [
        f"listener {settings.broker_port} {settings.broker_listen}",
        "protocol mqtt",
        "allow_anonymous false",
        f"password_file {folder.absolute() / PASSWORDS}",
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


def passwords(devices: Iterable[Device], own: Mapping[str, str]) -> str:
    """Return the password file; `own` are the hashes of the server's processes."""
    lines = [f"{user}:{hashed}" for user, hashed in own.items()]
    lines += [f"{device.id}:{device.password_hash}" for device in devices if device.password_hash]
    return "\n".join(lines) + "\n"


def rights(devices: Iterable[Device]) -> str:
    """Return the ACL file. What is not named in it is refused."""
    blocks = [_server_block(), _live_block()]
    blocks += [_device_block(device) for device in devices]
    return "\n".join(blocks)


def _device_block(device: Device) -> str:
    lines = [f"user {device.id}"]
    lines += [f"topic write {each}" for each in written_by(device.site, device.kind, device.id)]
    lines.append(f"topic read {topics.everything_for(device.site, device.id)}")
    lines.append(f"topic read {topics.build(device.site, Kind.SERVER, SERVER, Subject.STATUS)}")
    if device.kind is Kind.GATE:
        lines += [
            f"topic read {topics.of_all(device.site, Kind.CONTROLLER, subject)}"
            for subject in _READ_BY_GATES
        ]
    return "\n".join(lines) + "\n"


def written_by(site: SiteCode | str, kind: Kind, device: DeviceId) -> list[str]:
    """Return the filters of all that a device may write: its kind's subjects below its own id."""
    below = f"{ROOT}/{site}/{kind}/{device}"
    only_the_server = {Subject.JOURNAL, Subject.SYNC}
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
    return "\n".join(lines) + "\n"


def _live_block() -> str:
    return f"user {LIVE_USER}\ntopic read {topics.of_all(None, Kind.SERVER, Subject.LIVE)}\n"


def _own_hash(settings: Settings, user: str) -> str:
    # The salt is the same each time, or the broker would be reloaded for nothing.
    salt = bytes.fromhex(derive_password(settings.master_key, f"broker-salt:{user}"))
    return mosquitto_hash(server_password(settings, user), salt[:SALT_BYTES])


def _differs(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8") != text


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)
