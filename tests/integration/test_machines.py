"""A drink over broker and TLS: a gate with a scan engine, a vending machine as a process, and the server's ledger."""

import json
import os
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest

from access_protocol.enrolment import Enrolment
from access_protocol.events import ControllerEventKind, Outcome
from access_protocol.ids import CredentialId, DeviceId, PortalId
from access_protocol.topics import SERVER, Kind
from access_protocol.transport.memory import MemoryBroker
from access_protocol.transport.mqtt import MqttTransport
from demo.program import StartedProcess
from firmware_sim import control
from gate_agent.local_store import LocalStore
from server.access.actions import OutcomesReported
from server.access.ledger import AccessDecided
from server.credentials import actions as credentials
from server.credentials.models import Issue
from server.devices.actions import DoorReported, public_keys, signing_key
from server.devices.models import KeyPurpose
from server.kernel.clock import FixedClock
from server.kernel.work import Office
from server.places import actions as places
from server.places.actions import PortalInput
from server.places.rules import PortalKind
from tests.fakes.enrolment_server import EnrolmentServer
from tests.fakes.machine_scene import DRINKS, DRINKS_GATE, READER, VENDING, build_machine
from tests.fakes.site import GATE_KEY, SYSTEM, TYO, enrol, office_with_site
from tests.fakes.worker import FakeWorker
from tests.services.broker import Broker, identity

pytestmark = pytest.mark.broker
ROOT = Path(__file__).parents[2]
CODE = "ABCD-EFGH-2345-IJKL"
OTHER = PortalId("drinks-upstairs")
WITHIN_S = 180.0


class Pantry:
    """A server on a real broker, a gate agent with a scan engine at a machine, and the machine's controller."""

    def __init__(self, office: Office, broker: Broker, folder: Path, open_: ExitStack) -> None:
        self.office, self.folder, self._broker, self._open = office, folder, broker, open_
        self._news = threading.Condition()
        self.reasons: dict[CredentialId | None, list[str]] = {}
        self.outcomes: dict[CredentialId | None, list[Outcome]] = {}
        self.said: list[tuple[ControllerEventKind, str | None]] = []
        self._known: set[tuple[str, Outcome]] = set()
        office.reactions.on(AccessDecided, lambda _work, it: self._decided(it))
        office.reactions.on(OutcomesReported, lambda _work, it: self._reported(it))
        office.reactions.on(DoorReported, lambda _work, it: self._happened(it))
        self.worker = FakeWorker(
            office, MemoryBroker(), MqttTransport(broker.address(SERVER), SERVER)
        )
        open_.callback(self.worker.transport.stop)
        self.engine, line = os.openpty()
        tty.setraw(line)
        open_.callback(os.close, self.engine)
        open_.callback(os.close, line)
        self.machine = self._machine("--enrol-url", self._enrolments(), "--code", CODE)
        self.gate = self._gate(os.ttyname(line))

    def _decided(self, it: AccessDecided) -> None:
        with self._news:
            self.reasons.setdefault(it.credential, []).append(str(it.reason or "granted"))
            self._news.notify_all()

    def _reported(self, it: OutcomesReported) -> None:
        with self._news:
            for each in it.outcomes:
                # Told by the machine itself and by the gate that heard it: the same event is one thing.
                if (each.event, each.outcome) not in self._known:
                    self._known.add((each.event, each.outcome))
                    self.outcomes.setdefault(each.credential, []).append(each.outcome)
            self._news.notify_all()

    def _happened(self, it: DoorReported) -> None:
        with self._news:
            self.said.append((it.what, it.event))
            self._news.notify_all()

    def _told(self, kind: Kind, device: DeviceId) -> Enrolment:
        with self.office.begin(SYSTEM) as work:
            authority = tuple(public_keys(work, TYO, KeyPurpose.AUTHORITY))
        return Enrolment(
            site=TYO,
            kind="gate" if kind is Kind.GATE else "controller",
            device=device,
            broker_host=self._broker.host,
            broker_port=self._broker.port,
            certificate=identity(device).certificate,
            certificate_authority=identity(device).authority,
            authority=authority,
        )

    def _enrolments(self) -> str:
        with self.office.begin(SYSTEM) as work:
            signs = signing_key(work, TYO, KeyPurpose.AUTHORITY)
        told = self._told(Kind.CONTROLLER, VENDING)
        return self._open.enter_context(EnrolmentServer({CODE: told}, signs)).url

    def _machine(self, *options: str) -> StartedProcess:
        command = [sys.executable, "-m", "firmware_sim", "vending", "--id", VENDING]
        command += ["--state-folder", str(self.folder / "machine"), "--people", "none"]
        command += ["--control", str(self.folder / "machine.sock"), *options]
        return self._started(command, "keys ")

    def _gate(self, line: str) -> StartedProcess:
        store = LocalStore(self.folder / "gate")
        store.enrol(self._told(Kind.GATE, DRINKS_GATE), GATE_KEY, identity(DRINKS_GATE).key)
        settings = self.folder / "gate.toml"
        settings.write_text(
            f'data_folder = "{store.folder}"\nlanguage = "en"\nbattery_clock = true\n'
            f'[[readers]]\naccess_point = "{READER}"\nscanner = "serial:{line}"\n'
        )
        command = [sys.executable, "-m", "gate_agent", "run", "--json", "--settings", str(settings)]
        return self._started(command, '"online": true')

    def _started(self, command: list[str], ready: str) -> StartedProcess:
        process = StartedProcess(
            command, folder=ROOT, environment={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        self._open.callback(process.stop)
        self.until(lambda: any(ready in line for line in list(process.lines)))
        return process

    def until(self, true: Callable[[], bool]) -> None:
        """Send what is due whenever something happened, until it is true."""
        ends = monotonic() + WITHIN_S
        while not true():
            assert monotonic() < ends, (self.reasons, self.outcomes, self.said)
            self.worker.send()
            with self._news:
                self._news.wait(0.05)

    def voucher(self, slot: int, machine: PortalId = DRINKS) -> Issue:
        with self.office.begin(SYSTEM) as work:
            return credentials.issue_voucher(work, TYO, machine, slot)

    def hold(self, voucher: Issue) -> None:
        os.write(self.engine, voucher.text.encode() + b"\r")

    def hold_until(self, voucher: Issue, reason: str) -> None:
        """Hold it there again and again: within ten seconds of a decision it is the same presentation."""
        known = len(self.reasons.get(voucher.credential, []))
        self.hold_while(voucher, lambda: len(self.reasons.get(voucher.credential, [])) == known)
        assert self.reasons[voucher.credential][known] == reason

    def hold_while(self, voucher: Issue, true: Callable[[], bool]) -> None:
        ends = monotonic() + WITHIN_S
        while true():
            assert monotonic() < ends, (self.reasons, self.outcomes, self.said)
            self.hold(voucher)
            self.worker.send()
            with self._news:
                self._news.wait(0.25)

    def becomes(self, voucher: Issue, outcome: Outcome) -> None:
        """Hold it there until that came of it; a spiral that is still on its way home is busy at first."""
        self.hold_while(voucher, lambda: outcome not in self.outcomes.get(voucher.credential, []))

    def is_coming(self, voucher: Issue) -> bool:
        """Whether the motor turns for it: its access is the last that was granted."""
        granted = [line for line in self.gate.output.splitlines() if '"what": "granted"' in line]
        mine = [json.loads(line)["event"] for line in granted if voucher.credential.hex() in line]
        coming = [line for line in self.gate.output.splitlines() if '"said": "coming"' in line]
        return any(event in line for event in mine for line in coming)

    def misbehave(self, line: bytes) -> None:
        assert control.send(self.folder / "machine.sock", line).ok

    def lose_power(self) -> None:
        """Pull the plug, and put it in again."""
        self.machine.kill()
        (self.folder / "machine.sock").unlink(missing_ok=True)
        self.machine = self._machine()


@pytest.fixture
def pantry(database_url: str, tmp_path: Path, broker: Broker) -> Iterator[Pantry]:
    office = office_with_site(database_url, tmp_path, FixedClock(datetime.now(UTC)))
    with closing(office), ExitStack() as open_:
        with office.begin(SYSTEM) as work:
            build_machine(work)
            other = PortalInput(name="Upstairs", kind=PortalKind.VENDING)
            places.put_portal(work, TYO, OTHER, other)
            credentials.issue_voucher(work, TYO, OTHER, 1)  # so that there is an issuer's key
        enrol(office, DRINKS_GATE, Kind.GATE)
        enrol(office, VENDING, Kind.CONTROLLER)
        yield Pantry(office, broker, tmp_path, open_)


def test_a_voucher_is_one_bottle_at_its_own_machine_whatever_happens_there(pantry: Pantry) -> None:
    drink, stuck, lost = pantry.voucher(1), pantry.voucher(2), pantry.voucher(3)

    pantry.becomes(drink, Outcome.DISPENSED)
    pantry.gate.wait_for_line('"said": "coming"')
    pantry.gate.wait_for_line('"said": "given"')

    elsewhere = pantry.voucher(1, OTHER)
    pantry.hold_until(elsewhere, "wrong_machine")

    pantry.misbehave(b'{"do":"jam","slot":2}')
    pantry.becomes(stuck, Outcome.NOT_DISPENSED)
    pantry.gate.wait_for_line('"said": "not_given"')
    pantry.hold_until(drink, "voucher_spent")

    for line in (
        b'{"do":"open_service"}',
        b'{"do":"restock","slot":2,"bottles":8}',
        b'{"do":"close_service"}',
    ):
        pantry.misbehave(line)
    pantry.becomes(stuck, Outcome.DISPENSED)
    pantry.hold_until(stuck, "voucher_spent")

    pantry.hold_while(lost, lambda: not pantry.is_coming(lost))
    pantry.lose_power()
    pantry.until(lambda: (ControllerEventKind.INTERRUPTED, None) in pantry.said)
    pantry.hold_until(lost, "voucher_spent")
    told = {Outcome.DISPENSED, Outcome.NOT_DISPENSED}
    assert told.isdisjoint(pantry.outcomes.get(lost.credential, []))
