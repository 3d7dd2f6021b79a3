"""One whole installation as its people start it, program by program, on lines that can be cut.

Every program may be killed and started again at any moment; what each of them recorded is read at the end.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Self

from access_protocol import credential
from access_protocol.credential import Credential, CredentialClass
from access_protocol.ids import CredentialId, SiteCode, ZoneNumber
from access_protocol.keys import SigningKey
from demo.ports import free_port
from demo.program import DidNotStart, StartedProcess
from server.app import create_office
from server.credentials import keys
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.kernel.work import Office
from tests.faults import records
from tests.faults.history import Findings, History, Word, check, unheard
from tests.faults.proxy import Line

ROOT = Path(__file__).parents[2]
SITE = SiteCode("TYO")
GATE, TURNSTILE, ENTRANCE = "gate-1", "turnstile-1", "main-gate-in"
OTHER_GATE, OTHER_TURNSTILE, OTHER_ENTRANCE = "gate-9", "turnstile-2", "side-gate-in"
BROKER, WORKER, WEB = "broker", "worker", "web"
SETTLES_WITHIN_S = 90.0
_LOOKED_EVERY_S = 0.05
_QUIET_S = 0.4
_HOUR = timedelta(hours=1)
Environment = Mapping[str, str]


@dataclass
class Program:
    """A program by the command that starts it; `output` is what all its lives printed."""

    command: Sequence[str]
    ready: str
    environment: Environment
    process: StartedProcess | None = None
    before: list[str] = field(default_factory=list[str])

    def start(self) -> None:
        """Start it, and return when it says that it is ready."""
        self.process = StartedProcess(
            [sys.executable, "-m", *self.command],
            ready=self.ready,
            environment=self.environment,
            folder=ROOT,
        )

    def kill(self) -> None:
        """End it as a power cut would; nobody tells its children."""
        if self.process is not None:
            self.process.kill()
            self.before.append(self.process.output)
            self.process = None

    def stop(self) -> None:
        """Ask it to end."""
        if self.process is not None:
            self.process.stop()

    @property
    def output(self) -> str:
        """Everything that it ever printed."""
        return "".join([*self.before, self.process.output if self.process else ""])


@dataclass
class Installation:
    """The demo's site with one turnstile and its gate, each program on its own, in `folder`."""

    folder: Path
    random: Random
    programs: dict[str, Program] = field(default_factory=dict[str, Program])
    ended: set[str] = field(default_factory=set[str])
    barred: dict[str, datetime] = field(default_factory=dict[str, datetime])
    one_clock: bool = True
    _found: Findings = field(default_factory=Findings)
    _open: ExitStack = field(default_factory=ExitStack)
    _never: threading.Event = field(default_factory=threading.Event)
    _readers: dict[str, int] = field(default_factory=dict[str, int])
    _issuer: SigningKey | None = None

    def __enter__(self) -> Self:
        """Make the site, start everything, and wait until the turnstile obeys the gate."""
        self._broker_port = free_port()
        self._web_port = free_port()
        self._wake = f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
        self.lines = {
            name: self._open.enter_context(Line(self._broker_port, self.random.getrandbits(32)))
            for name in (GATE, OTHER_GATE, TURNSTILE, WORKER)
        }
        self._run(["server", "init"])
        site = json.loads(self._run(["server", "demo-data", "--json"]))
        codes = {device["id"]: device["code"] for device in site["devices"]}
        self.password: str = site["password"]
        for name in (BROKER, WORKER, WEB):
            self._add(name, ["server", name], f"{name} ready", self._environment(name))
        self.add_turnstile(TURNSTILE, codes[TURNSTILE])
        self.add_gate(GATE, codes[GATE], ENTRANCE)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything, the last first."""
        for program in reversed(self.programs.values()):
            program.stop()
        self._open.close()

    # --- programs

    def kill(self, name: str) -> None:
        """End a program with kill -9."""
        program = self.programs[name]
        program.kill()
        self.ended |= {word.boot for word in records.words_in(program.before[-1])}

    def start(self, name: str) -> None:
        """Start a program that was killed."""
        self.programs[name].start()

    def pid(self, name: str) -> int:
        """The process id of a program that runs."""
        process = self.programs[name].process
        if process is None:
            raise RuntimeError(f"{name} does not run")
        return process.pid

    def add_turnstile(self, name: str, code: str) -> None:
        """Enrol a turnstile through whom somebody walks after each unlock, and start it."""
        command = ["firmware_sim", "turnstile", "--id", name, "--json", "--walk-after", "60"]
        command += ["--state-folder", str(self.folder / name)]
        enrol = ["--enrol-url", self.url, "--code", code]
        self._add(name, [*command, *enrol], "keys ", self._environment(name))

    def add_gate(self, name: str, code: str, access_point: str) -> None:
        """Enrol a gate with one reader, a scan engine on a serial line, and start it."""
        engine, line = os.openpty()
        tty.setraw(line)
        self._open.callback(os.close, engine)
        self._open.callback(os.close, line)
        self._readers[name] = engine
        settings = self.folder / f"{name}.toml"
        lines = [
            f'server_url = "{self.url}"',
            f'data_folder = "{self.folder / name}"',
            'language = "en"',
            "battery_clock = true",
            f"broker_port = {self.lines[name].port}",
            "[[readers]]",
            f'access_point = "{access_point}"',
            f'scanner = "serial:{os.ttyname(line)}"',
        ]
        settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
        at = ["--settings", str(settings)]
        self._run(["gate_agent", "enrol", *at, "--url", self.url, "--code", code])
        run = ["gate_agent", "run", "--json", *at]
        self._add(name, run, '"what": "ready"', self._environment(name))

    def said(self, name: str, text: str) -> int:
        """How often a program has said something."""
        return self.programs[name].output.count(text)

    # --- visitors

    def a_pass(
        self,
        began: timedelta = -_HOUR,
        ends: timedelta = 12 * _HOUR,
        credential_class: CredentialClass = CredentialClass.STATIC,
        holder: bytes | None = None,
    ) -> str:
        """The text of a credential that the site's own key signs now; times count from now.

        `holder` is the id of somebody who had one before; a fresh one otherwise.
        """
        now = datetime.now(UTC).replace(microsecond=0)
        claims = Credential(
            id=CredentialId(holder or self.random.randbytes(16)),
            site=SITE,
            not_before=now + began,
            expires=now + ends,
            credential_class=credential_class,
            generation=1,
            zones=(ZoneNumber(2), ZoneNumber(3)),
        )
        return credential.to_text(credential.issue(claims, self.issuer))

    @property
    def issuer(self) -> SigningKey:
        """The key that signs the site's credentials now."""
        if self._issuer is None:
            office = self.office()
            with office.begin(Principal.system("faults")) as work:
                _, self._issuer = keys.issuing_key(work, SITE)
            office.close()
        return self._issuer

    def show(self, text: str, gate: str = GATE) -> None:
        """Hold a code before a gate's reader; one that is not listening never knows of it."""
        os.write(self._readers[gate], text.encode() + b"\r\n")

    def present(self, text: str, gate: str = GATE, within: float = 10.0) -> bool | None:
        """Hold a code before a gate's reader, and return whether the gate granted access.

        None where it said nothing of it, because it was ended, blind, or took it for the same presentation.
        """
        process = self.programs[gate].process
        seen = len(process.lines) if process else 0
        self.show(text, gate)
        return self.decided(text, gate, seen, within)

    def decided(
        self, text: str, gate: str = GATE, seen: int = 0, within: float = 10.0
    ) -> bool | None:
        """Wait for a gate's word on a code; lines before `seen` of its present life do not count."""
        process, name = self.programs[gate].process, credential_of(text)
        if process is None:
            return None

        def words() -> list[str]:
            found = (json.loads(line) for line in process.lines[seen:] if f'"{name}"' in line)
            return [word["what"] for word in found if word["what"] in {"granted", "refused"}]

        self.until(lambda: bool(words()) or process.returncode is not None, within)
        said = words()
        return said[0] == "granted" if said else None

    def bar(self, text: str, since: datetime) -> None:
        """From now on it counts as opened wrongly where a later decision lets this code in."""
        self.barred[credential_of(text)] = since

    def walks_again(self, within: float = 60.0) -> bool:
        """Show fresh passes until somebody was let through: everything is connected again."""

        def through() -> bool:
            before = self._passages()
            self.present(self.a_pass())
            return self.until(lambda: self._passages() > before, 2.5)

        return self.until(through, within)

    def _passages(self) -> int:
        return sum(word.what == "passed" for word in self._words())

    def reunited(self, within: float = 60.0) -> bool:
        """Wait until gate and turnstile are at the broker again, by their own word after they lost it."""
        return self.until(lambda: self.online(GATE) and self.online(TURNSTILE), within)

    def online(self, name: str) -> bool:
        """Whether a gate or turnstile says that it is at the broker."""
        process = self.programs[name].process
        lines = process.lines if process else []
        here, gone = (
            ('"what": "online"', '"what": "offline"')
            if name == GATE
            else ("ready", "the broker is away")
        )
        last = [line for line in lines if here in line or gone in line]
        return not last or here in last[-1]

    # --- what came of it

    def pause(self, longest: float) -> None:
        """Let a random time pass."""
        self._never.wait(self.random.uniform(0, longest))

    def pause_for(self, seconds: float) -> None:
        """Let so much time pass, because the time itself is what matters."""
        self._never.wait(seconds)

    def until(self, true: Callable[[], bool], within: float = SETTLES_WITHIN_S) -> bool:
        """Look again and again until it is true; False where it is not in time."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if true():
                return True
            self._never.wait(_LOOKED_EVERY_S)
        return False

    def settle(self, within: float = SETTLES_WITHIN_S) -> None:
        """Wait until every journal was acknowledged, the server holds what controllers told, and nothing new is said.

        A controller tells again after 10 s what it has no receipt for.
        """
        seen, since = -1, time.monotonic()

        def quiet() -> bool:
            nonlocal seen, since
            if any(records.waiting(file[0]) for file in self._journals().values()):
                return False
            if unheard(self.history()):
                return False
            said = len(self._words()) + len(records.stored(self.database))
            if said != seen:
                seen, since = said, time.monotonic()
            return time.monotonic() - since > _QUIET_S

        self.until(quiet, within)

    def findings(self) -> Findings:
        """Settle, and return what does not fit now and did before."""
        self.settle()
        now = check(self.history())
        new, self._found = now.since(self._found), now
        return new

    def history(self) -> History:
        """All three records as they stand."""
        entries = [
            entry
            for gate, files in self._journals().items()
            for entry in records.journaled(gate, files)
        ]
        return History(
            words=tuple(self._words()),
            journaled=tuple(entries),
            stored=tuple(records.stored(self.database)),
            heard=records.heard(self.database),
            ended=frozenset(self.ended),
            barred=dict(self.barred),
            alarms=records.alarms(self.database),
            one_clock=self.one_clock,
        )

    @property
    def database(self) -> Path:
        """The server's database."""
        return self.folder / "server" / "genkan.sqlite3"

    @property
    def url(self) -> str:
        """Where the web process is."""
        return f"http://localhost:{self._web_port}"

    def office(self) -> Office:
        """The server's own actions on this site's database, for what no command offers."""
        return create_office(Settings(demo=True, data_folder=self.folder / "server"))

    def _words(self) -> list[Word]:
        return [
            word
            for name, program in self.programs.items()
            if name.startswith("turnstile")
            for word in records.words_in(program.output)
        ]

    def _journals(self) -> dict[str, list[Path]]:
        """Each gate's journals, the present one first."""
        return {
            name: sorted((self.folder / name).glob("journal*.sqlite3"), key=lambda f: len(f.name))
            for name in self.programs
            if name.startswith("gate")
        }

    def _add(self, name: str, command: Sequence[str], ready: str, environment: Environment) -> None:
        self.programs[name] = Program(command, ready, environment)
        try:
            self.programs[name].start()
            if ready == "keys ":
                # The first key list comes after the first connection; later it is kept.
                self.programs[name].ready = "ready"
        except DidNotStart:
            self.__exit__()
            raise

    def _run(self, module: Sequence[str]) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *module],
            cwd=ROOT,
            env=dict(self._environment("")),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"python -m {' '.join(module[:2])} failed:\n{done.stderr}")
        return done.stdout

    def _environment(self, program: str) -> Environment:
        """The settings of one program: the worker has a line of its own to the broker, devices get another."""
        broker = {WORKER: self.lines[WORKER].port, WEB: self.lines[TURNSTILE].port}
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith("GENKAN_")},
            "PYTHONUNBUFFERED": "1",
            "GENKAN_DEMO": "true",
            "GENKAN_DATA_FOLDER": str(self.folder / "server"),
            "GENKAN_BASE_URL": self.url,
            "GENKAN_WEB_PORT": str(self._web_port),
            "GENKAN_BROKER_PORT": str(broker.get(program, self._broker_port)),
            "GENKAN_WORKER_WAKE": self._wake,
        }


def credential_of(text: str) -> str:
    """The id in a credential, as journals write it."""
    message = credential.read(text).credential
    if message is None:
        raise ValueError("a short presentation does not hold its credential")
    # Claim 7 stands at its own place, before the class: 07 50, then the id.
    at = message.index(b"\x07\x50") + 2
    return message[at : at + 16].hex()
