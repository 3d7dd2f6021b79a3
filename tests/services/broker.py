"""A real Mosquitto on a free port of this machine, which a test can stop, kill and start again."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Self

from access_protocol.certificates import TlsIdentity
from access_protocol.transport.mqtt import BrokerAddress
from demo.ports import free_port
from demo.program import StartedProcess
from server.devices import authority
from server.devices.authority import Authority

ASKED_TO_STOP = 10


@cache
def authority_of_tests() -> Authority:
    """The certificate authority of this run."""
    return Authority.new(datetime.now(UTC))


@cache
def identity(name: str) -> TlsIdentity:
    """Whom the broker takes for `name`; the same key and certificate each time."""
    return authority_of_tests().for_own_process(name, datetime.now(UTC))


class Broker:
    """Mosquitto with TLS, TCP_NODELAY, no persistence; a certificate of `authority_of_tests` may do everything."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, settings: Sequence[str] = ()) -> None:
        """Write the configuration into the folder and start; `settings` are further lines of mosquitto.conf."""
        self.port = free_port()
        self._configuration = folder / f"mosquitto-{self.port}.conf"
        made = authority_of_tests()
        own = made.for_broker([self.host, "localhost"], datetime.now(UTC))
        files = {
            "cafile": authority.pem_certificate(made.certificate),
            "certfile": authority.pem_certificate(own.certificate),
            "keyfile": authority.pem_key(own.key),
        }
        lines = [
            f"listener {self.port} {self.host}",
            "require_certificate true",
            "use_identity_as_username true",
            "set_tcp_nodelay true",
            "persistence false",
            "log_dest stderr",
            "log_type all",
        ]
        for setting, text in files.items():
            path = folder / f"{setting}-{self.port}.pem"
            path.write_text(text)
            lines.append(f"{setting} {path}")
        if not any(line.startswith("allow_anonymous") for line in settings):
            lines.append("allow_anonymous true")
        if os.geteuid() == 0:
            # It would turn into user mosquitto, who may not read a test's folder.
            lines.append("user root")
        self._configuration.write_text("\n".join([*lines, *settings]) + "\n")
        self._process = self._run()

    @property
    def process(self) -> StartedProcess:
        return self._process

    def address(self, name: str) -> BrokerAddress:
        """Where the broker is, for a client whose certificate says `name`."""
        return BrokerAddress(self.host, self.port, lambda: identity(name))

    def start(self) -> None:
        """Start again, on the same port, after stop() or kill()."""
        self._process = self._run()

    def stop(self) -> None:
        """Ask Mosquitto to end, and ask again: it forgets a signal that comes as it says that it is running."""
        for _ in range(ASKED_TO_STOP):
            if self._process.returncode is not None:
                break
            os.kill(self._process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(within=1)
        self._process.stop()

    def kill(self) -> None:
        """End the broker as a power cut would: nothing it had not sent is sent later."""
        self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> StartedProcess:
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise FileNotFoundError("mosquitto is not installed; `make test` installs it")
        return StartedProcess([program, "-c", self._configuration], ready=" running")
