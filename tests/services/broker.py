"""A real Mosquitto on a free port of this machine, which a test can stop, kill and start again."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from demo.ports import free_port
from demo.program import StartedProcess

ASKED_TO_STOP = 10


class Broker:
    """Mosquitto with TCP_NODELAY and no persistence; open to all unless the settings say otherwise."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, settings: Sequence[str] = ()) -> None:
        """Write the configuration into the folder and start; `settings` are further lines of mosquitto.conf."""
        self.port = free_port()
        self._configuration = folder / f"mosquitto-{self.port}.conf"
        own = [
            f"listener {self.port} {self.host}",
            "set_tcp_nodelay true",
            "persistence false",
            "log_dest stderr",
            "log_type all",
        ]
        if not any(line.startswith("allow_anonymous") for line in settings):
            own.append("allow_anonymous true")
        if os.geteuid() == 0:
            # It would turn into user mosquitto, who may not read a test's folder.
            own.append("user root")
        self._configuration.write_text("\n".join([*own, *settings]) + "\n")
        self._process = self._run()

    @property
    def process(self) -> StartedProcess:
        return self._process

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
