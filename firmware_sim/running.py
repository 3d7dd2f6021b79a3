"""A simulated controller as a process: enrols, connects, says that it is ready, runs until told."""

import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.text import Text

from access_protocol.events import ControllerEvent, ControllerEventKind
from access_protocol.ids import DeviceId
from access_protocol.knowledge import Obeyed
from access_protocol.transport.base import Transport, Will
from access_protocol.transport.mqtt import BrokerAddress, MqttTransport
from firmware_sim import identity
from firmware_sim.control import ControlSocket
from firmware_sim.controller import Controller
from firmware_sim.identity import Enrolled, EnrolmentError
from firmware_sim.installation import Installation, Wiring
from firmware_sim.kept import KeptInFolder
from firmware_sim.line import Line
from firmware_sim.machine import Machine
from firmware_sim.metal import MetalFile
from firmware_sim.people import REACTION, Attendant, People, Walkers
from firmware_sim.renewal import Renewal
from firmware_sim.saboteur import Saboteur
from firmware_sim.scheduler import RealScheduler, Scheduler

STYLES = {
    ControllerEventKind.UNLOCKED: "green",
    ControllerEventKind.OPENED: "green",
    ControllerEventKind.PASSED: "green",
    ControllerEventKind.NOT_PASSED: "yellow",
    ControllerEventKind.HELD_OPEN: "red",
    ControllerEventKind.FORCED_OPEN: "bold red",
    ControllerEventKind.COMMAND_REFUSED: "red",
    ControllerEventKind.BOLT_STUCK: "bold red",
    ControllerEventKind.TAMPERED: "bold red",
    ControllerEventKind.DISPENSED: "green",
    ControllerEventKind.EMPTY: "yellow",
    ControllerEventKind.JAMMED: "bold red",
    ControllerEventKind.TIMED_OUT: "red",
    ControllerEventKind.INTERRUPTED: "red",
}
"""How each kind of event looks on a terminal; the rest is plain."""


@dataclass(frozen=True, slots=True)
class Start:
    """Everything that the command line says about one controller."""

    device: DeviceId
    folder: Path
    enrol_url: str | None = None
    code: str | None = None
    wiring: Wiring = field(default_factory=Wiring)
    people: People = People.WALK
    walks_after: timedelta = REACTION
    as_json: bool = False
    """What happens goes to stdout, one JSON object a line, instead of to stderr for people."""
    control: Path | None = None
    """Where to listen for faults to inject; nowhere where it is None."""


def enrolled(start: Start) -> Enrolled:
    """Return the stored identity, or enrol; raise `EnrolmentError` where neither is possible."""
    try:
        start.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = identity.load(start.folder, start.device)
        if known is not None:
            return known
        if start.enrol_url is None or start.code is None:
            raise EnrolmentError(
                f"{start.device} is not enrolled yet. Make a code on the panel's devices page and "
                "start once with --enrol-url and --code."
            )
        return identity.enrol(start.folder, start.device, start.enrol_url, start.code)
    except OSError as error:
        raise EnrolmentError(f"Cannot use the state folder: {error}.") from error


def run(start: Start) -> None:
    """Run until SIGTERM or SIGINT. `ready` and `keys …` go to stdout, what happens to stderr.

    With `as_json` what happens goes to stdout as well, one JSON object a line.
    """
    who = enrolled(start)
    scheduler = RealScheduler()
    line = Line(scheduler)

    told = who.enrolment
    renewal = Renewal(start.folder, who, scheduler)
    broker = BrokerAddress(told.broker_host, told.broker_port, lambda: renewal.tls)

    def connect(will: Will) -> Transport:
        transport = line.connect(MqttTransport(broker, start.device, will))
        renewal.attach(transport)
        return transport

    installation = Installation(
        who.identity,
        start.wiring,
        scheduler=scheduler,
        connect=connect,
        kept=KeptInFolder(start.folder),
        metal=MetalFile(start.folder / "machine.json"),
    )
    _let_people_come(start, installation, scheduler)
    teller = _Teller(start.device, as_json=start.as_json)
    teller.say(f"connecting to {broker.host}:{broker.port}")
    installation.watch_boots(teller.listen_to)
    saboteur = Saboteur(installation, line, scheduler)
    control = None
    if start.control is not None:
        control = ControlSocket(start.control, saboteur, scheduler)
    installation.power_up()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda _number, _frame: scheduler.stop())
    scheduler.run()
    if installation.running and installation.transport.connected:
        installation.controller.say_goodbye()
    installation.transport.stop()
    if control is not None:
        control.close()


def _let_people_come(start: Start, installation: Installation, scheduler: Scheduler) -> None:
    if start.people is People.NONE:
        return
    if isinstance(installation.body, Machine):
        Attendant(installation.body, scheduler)
    else:
        Walkers(installation.body, scheduler, start.walks_after)


class _Terminal(Console):
    """A terminal that may be closed; rich would end the program then."""

    def on_broken_pipe(self) -> None:
        """Say nothing any more, here or at the end of the program."""
        self.quiet = True
        _nobody_listens(sys.stderr)


class _Teller:
    """Says what happens: machine-readable lines on stdout, readable ones on stderr.

    Who listens may go away at any time; the door goes on without.
    """

    def __init__(self, device: DeviceId, *, as_json: bool) -> None:
        self._device = device
        self._as_json = as_json
        self._console = _Terminal(stderr=True, highlight=False, soft_wrap=True)

    def listen_to(self, controller: Controller) -> None:
        """Tell what this boot's controller says."""
        controller.watch(self.tell_as_json if self._as_json else self.tell)
        controller.on_key_list = self.tell_keys
        controller.on_connection = self.tell_connection

    def tell(self, event: ControllerEvent) -> None:
        self._print(readable(self._device, event))

    def _print(self, words: Text) -> None:
        try:
            self._console.print(words)
        except OSError:
            _nobody_listens(sys.stderr)

    def tell_as_json(self, event: ControllerEvent) -> None:
        line = {
            "at": datetime.now(UTC).isoformat(),
            "moment": time.monotonic(),
            "controller": self._device,
            "boot": event.boot,
            "sequence": event.sequence,
            "what": event.what,
            "event": event.event,
            "detail": event.detail,
        }
        _machine_line(json.dumps(line))

    def tell_keys(self, version: int, key_list: tuple[Obeyed, ...]) -> None:
        _machine_line(f"keys {version} {len(key_list)}")

    def tell_connection(self, there: bool) -> None:  # noqa: FBT001 - what the transport says
        if there:
            _machine_line("ready")
        else:
            self.say("the broker is away; trying again")

    def say(self, sentence: str) -> None:
        self._print(Text(f"{self._device:<16} {sentence}", style="yellow"))


def readable(device: DeviceId, event: ControllerEvent) -> Text:
    """Return one line about an event: who, when since the start, what, and why."""
    words = Text(f"{device:<16} {event.uptime_ms / 1000:10.3f} s  ")
    words.append(f"{event.what.replace('_', ' '):<16}", style=STYLES.get(event.what, ""))
    if event.event is not None:
        words.append(f" for {event.event[:8]}", style="dim")
    if event.detail is not None:
        words.append(f" ({event.detail})", style="dim")
    return words


def _machine_line(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:
        _nobody_listens(sys.stdout)


def _nobody_listens(stream: TextIO) -> None:
    """Who read the stream is gone: what is still in its buffer must go somewhere at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
