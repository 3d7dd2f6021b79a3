"""Starts and stops the real programs of the demo: server with broker, controllers, gate agent."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from demo.ports import free_port
from demo.program import StartedProcess

ROOT = Path(__file__).parents[1]
PLAIN_PORT, WEB_PORT, LIVE_PORT, BROKER_PORT = 8080, 8443, 8444, 18883
"""Where the demo listens for people to look around, if nobody else listens there."""
_NOWHERE = ("192.0.2.1", 9)
"""An address for documentation (RFC 5737): asked for the way there, a machine tells its own; nothing is sent."""


@dataclass
class Stage:
    """One demo site in a folder of its own; every program is a separate process."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="genkan-demo-")))
    web_port: int = field(default_factory=free_port)
    live_port: int = field(default_factory=free_port)
    plain_port: int = field(default_factory=free_port)
    broker_port: int = field(default_factory=free_port)
    host: str = "localhost"
    """The name or address by which browsers reach the server."""
    programs: dict[str, StartedProcess] = field(default_factory=dict[str, StartedProcess])
    _commands: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """How each program was started, without what counts for its first start alone."""
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        """Make the folders."""
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop every program, the last one first; the folder goes too unless something failed."""
        self._open.close()
        if kind is None or issubclass(kind, KeyboardInterrupt):
            shutil.rmtree(self.folder, ignore_errors=True)

    @classmethod
    def on_usual_ports(cls) -> Self:
        """Return a stage that phones in the same network reach, on ports that people can remember.

        Where one is taken it is another.
        """
        return cls(
            host=_own_address(),
            plain_port=_port(PLAIN_PORT),
            web_port=_port(WEB_PORT),
            live_port=_port(LIVE_PORT),
            broker_port=_port(BROKER_PORT),
        )

    @property
    def url(self) -> str:
        """Where the web process is."""
        return f"https://{self.host}:{self.web_port}"

    @property
    def live_url(self) -> str:
        """Where the live process is."""
        return f"https://{self.host}:{self.live_port}"

    @property
    def trust_url(self) -> str:
        """Where a phone gets the certificate that it has to trust first."""
        return f"http://{self.host}:{self.plain_port}/trust"

    @property
    def root(self) -> Path:
        """The certificate of the server's own authority, which every program here trusts."""
        return self.folder / "root.pem"

    @property
    def trust(self) -> ssl.SSLContext:
        """Whom a caller of the server believes: its own authority and nobody else."""
        return ssl.create_default_context(cafile=self.root)

    def prepare(self) -> dict[str, Any]:
        """Make the database and the demo site; return what `demo-data --json` says of it."""
        self._once("init")
        self._once("trust", "--file", str(self.root))
        return json.loads(self._once("demo-data", "--json"))

    def start_server(self) -> None:
        """Start web, worker, live and broker, and wait until all are ready."""
        self._start("server", ["server", "serve"], ready="ready")

    def start_controller(self, kind: str, device: str, code: str, people: str) -> None:
        """Start a simulated controller that enrols with its one-time code.

        `people` is "walk" where somebody goes through after each unlock, or "none".
        """
        state = self.folder / device
        arguments = ["firmware_sim", kind, "--id", device, "--state-folder", str(state)]
        arguments += ["--people", people]
        self._start(device, [*arguments, "--enrol-url", self.url, "--code", code], ready="ready")
        self._commands[device] = arguments

    def start_gate(self, device: str, code: str, readers: dict[str, str]) -> None:
        """Enrol the gate agent and start it; `readers` gives the camera of each access point."""
        settings = self.folder / f"{device}.toml"
        lines = [
            f'server_url = "{self.url}"',
            f'data_folder = "{self.folder / device}"',
            'language = "en"',
            "battery_clock = true",
        ]
        for access_point, camera in readers.items():
            lines += ["[[readers]]", f'access_point = "{access_point}"', f'camera = "{camera}"']
        settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
        enrol = ["gate_agent", "enrol", "--settings", str(settings)]
        self._run([*enrol, "--url", self.url, "--code", code])
        self._start(device, ["gate_agent", "run", "--settings", str(settings)], ready="ready")

    def cut_power(self, device: str) -> None:
        """Let a controller lose its power: it ends at once, in the middle of whatever it does."""
        self.programs[device].kill()

    def power_returns(self, device: str) -> None:
        """Start a controller again that lost its power; it keeps what it had, and needs no code."""
        self._start(device, self._commands[device], ready="ready")

    def scene_folder(self, access_point: str) -> Path:
        """Return the folder that the replay camera of an access point watches."""
        folder = self.folder / "scenes" / access_point
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _once(self, *arguments: str) -> str:
        return self._run(["server", *arguments])

    def _run(self, module: list[str]) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *module],
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"python -m {' '.join(module[:2])} failed:\n{done.stderr}")
        return done.stdout

    def _start(self, name: str, module: list[str], *, ready: str, **others: str) -> None:
        """Start a program and wait for its word; `others` are settings that are not everybody's."""
        program = StartedProcess(
            [sys.executable, "-m", *module],
            ready=ready,
            environment=self._environment() | others,
            folder=ROOT,
            log=self.folder / "logs" / f"{name}.log",
        )
        self.programs[name] = program
        self._open.callback(program.stop)

    @property
    def _listen(self) -> str:
        return "127.0.0.1" if self.host == "localhost" else "0.0.0.0"  # noqa: S104  for phones to come

    def _environment(self) -> dict[str, str]:
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith("GENKAN_")},
            "PYTHONUNBUFFERED": "1",
            "GENKAN_DEMO": "true",
            "GENKAN_DATA_FOLDER": str(self.folder / "server"),
            "GENKAN_BASE_URL": self.url,
            "GENKAN_LIVE_URL": self.live_url,
            "GENKAN_WEB_TLS": "own",
            "GENKAN_WEB_HOST": self._listen,
            "GENKAN_LIVE_HOST": self._listen,
            "GENKAN_PLAIN_PORT": str(self.plain_port),
            # What enrols speaks HTTPS too, and Python believes this file in the place of the system's.
            "SSL_CERT_FILE": str(self.root),
            "GENKAN_WEB_PORT": str(self.web_port),
            "GENKAN_LIVE_PORT": str(self.live_port),
            "GENKAN_BROKER_PORT": str(self.broker_port),
            # Devices enrol by the same address as phones, and look for the broker there.
            "GENKAN_BROKER_LISTEN": self._listen,
            "GENKAN_WORKER_WAKE": f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}",
        }


def _own_address() -> str:
    """Return the address by which others in this network reach this machine, or localhost where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_NOWHERE)
        except OSError:
            return "localhost"
        return str(probe.getsockname()[0])


def _port(wanted: int) -> int:
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", wanted))  # noqa: S104  closed again at once
        except OSError:
            return free_port()
    return wanted
