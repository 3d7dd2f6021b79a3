"""A simulated controller as a process, over a real Mosquitto and real HTTP."""

import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from access_protocol import codec, topics
from access_protocol.commands import Acknowledgement, Action, Answer, Ask, Result
from access_protocol.enrolment import Enrolment
from access_protocol.events import ControllerEvent, ControllerState, Lock, Status
from access_protocol.ids import DeviceId, EventId, Nonce
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Message
from access_protocol.transport.mqtt import MqttTransport
from demo.program import DidNotStart, StartedProcess
from firmware_sim import control
from firmware_sim.kept import KeptInFolder
from tests.fakes.controller_scene import (
    AUTHORITY,
    DOOR,
    GATE,
    SITE,
    Sender,
    done,
    key_list,
)
from tests.fakes.enrolment_server import EnrolmentServer
from tests.services.broker import Broker

CODE = "ABCD-EFGH-2345-IJKL"
WITHIN = 120.0
EVENT = EventId("00000000-0000-4000-8000-000000000001")
LATER = EventId("00000000-0000-4000-8000-000000000002")
pytestmark = pytest.mark.broker


class Witness:
    """The server's ears and its key list: records the controller's reports, waits for one."""

    def __init__(self, broker: Broker) -> None:
        self.events: list[ControllerEvent] = []
        self.states: list[ControllerState] = []
        self.statuses: list[Status] = []
        self._news = threading.Condition()
        self._senders: list[Sender] = []
        self._transport = connected(broker, SERVER)
        self._transport.subscribe(topics.below(SITE, Kind.CONTROLLER, DOOR), self._take)

    def wait_until(self, true: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(true, WITHIN), (self.events, self.states, self.statuses)

    def stop(self) -> None:
        self._transport.stop()

    def sender(self) -> Sender:
        """The server itself as somebody who commands; its answers come with the other news."""
        sender = Sender(self._transport, SERVER)
        self._senders.append(sender)
        return sender

    def told(self) -> list[str]:
        return [str(event.what) for event in self.events if event.event == EVENT]

    def _take(self, message: Message) -> None:
        subject = topics.parse(message.topic).subject
        with self._news:
            if subject is Subject.EVENT:
                self.events.append(codec.decode(ControllerEvent, message.payload))
            elif subject is Subject.STATE:
                self.states.append(codec.decode(ControllerState, message.payload))
            elif subject is Subject.STATUS:
                self.statuses.append(codec.decode(Status, message.payload))
            elif subject is Subject.SYNC:
                keys = topics.build(SITE, Kind.SERVER, SERVER, Subject.KEYS, DOOR)
                self._transport.publish(keys, key_list(1))
            for sender in self._senders:
                sender._take(message)
            self._news.notify_all()


class Gate:
    """A `Sender` over the real broker, whose answers come on another thread."""

    def __init__(self, broker: Broker) -> None:
        self._news = threading.Condition()
        self.transport = connected(broker, GATE)
        self.sender = Sender(self.transport, GATE)
        self.transport.subscribe(topics.everything_for(SITE, GATE), self._take)

    def answer(self) -> Answer:
        with self._news:
            assert self._news.wait_for(lambda: self.sender.answers, WITHIN)
        return self.sender.answers.pop()

    def word(self) -> Acknowledgement:
        with self._news:
            assert self._news.wait_for(lambda: self.sender.acknowledgements, WITHIN)
        return self.sender.acknowledgements.pop()

    def _take(self, message: Message) -> None:
        with self._news:
            self.sender._take(message)
            self._news.notify_all()


def connected(broker: Broker, device: DeviceId) -> MqttTransport:
    """A transport that has connected."""
    there = threading.Event()
    transport = MqttTransport(broker.address(device), device)
    transport.on_connection(lambda now: there.set() if now else None)
    transport.start()
    assert there.wait(WITHIN)
    return transport


@pytest.fixture
def witness(broker: Broker) -> Iterator[Witness]:
    witness = Witness(broker)
    yield witness
    witness.stop()


@pytest.fixture
def gate(broker: Broker) -> Iterator[Gate]:
    gate = Gate(broker)
    yield gate
    gate.transport.stop()


@pytest.fixture
def server(broker: Broker) -> Iterator[EnrolmentServer]:
    enrolment = Enrolment(
        site=SITE,
        kind="controller",
        device=DOOR,
        broker_host=broker.host,
        broker_port=broker.port,
        certificate=b"-",
        certificate_authority=b"-",
        authority=(AUTHORITY.public,),
    )
    with EnrolmentServer({CODE: enrolment}) as server:
        yield server


def command_line(folder: Path, *arguments: str, kind: str = "door") -> list[str]:
    own = ["--id", DOOR, "--state-folder", str(folder)]
    quick = [] if kind == "vending" else ["--walk-after", "50"]
    return [sys.executable, "-m", "firmware_sim", kind, *own, *quick, *arguments]


def started(
    folder: Path, *arguments: str, ready: str | None = "keys 1 3", kind: str = "door"
) -> StartedProcess:
    return StartedProcess(command_line(folder, *arguments, kind=kind), ready=ready)


def test_a_door_enrols_obeys_its_gate_reports_and_says_goodbye(
    tmp_path: Path, server: EnrolmentServer, witness: Witness, gate: Gate
) -> None:
    folder = tmp_path / "door"
    door = started(folder, "--enrol-url", server.url, "--code", CODE)
    assert door.output.startswith("ready\n") or "\nready\n" in door.output
    gate.sender.publish(Subject.ASK, codec.encode(Ask(event=EVENT)))
    nonce = Nonce(gate.answer().nonce)
    gate.sender.publish(Subject.COMMAND, gate.sender.sealed(nonce, EVENT))
    assert gate.word() == done(EVENT)
    witness.wait_until(lambda: "closed" in witness.told())
    assert witness.told() == ["unlocked", "opened", "closed"]
    witness.wait_until(lambda: witness.states[-1].lock is Lock.LOCKED)
    assert door.stop() == 0
    witness.wait_until(lambda: witness.statuses[-1] == Status(online=False))
    assert stat.S_IMODE((folder / "identity.json").stat().st_mode) == 0o600


def test_an_enrolled_door_starts_again_without_a_code_and_survives_the_broker(
    tmp_path: Path, broker: Broker, server: EnrolmentServer, witness: Witness
) -> None:
    started(tmp_path, "--enrol-url", server.url, "--code", CODE).stop()
    with started(tmp_path, ready="ready") as door:
        assert len(server.requests) == 1
        broker.kill()
        door.wait_for_line("the broker is away")
        before = len(witness.states)
        broker.start()
        witness.wait_until(lambda: len(witness.states) > before)


def test_a_killed_door_is_shown_as_gone_by_its_last_will(
    tmp_path: Path, server: EnrolmentServer, witness: Witness
) -> None:
    door = started(tmp_path, "--enrol-url", server.url, "--code", CODE)
    witness.wait_until(lambda: witness.statuses == [Status(online=True)])
    door.kill()
    witness.wait_until(lambda: witness.statuses[-1] == Status(online=False))


def test_a_door_that_is_not_enrolled_says_what_to_do(tmp_path: Path) -> None:
    door = started(tmp_path, ready=None)
    assert door.wait() == 2
    assert "--enrol-url" in door.output


@pytest.mark.parametrize(
    ("code", "says"),
    [("AAAA-BBBB-CCCC-DDDD", "spent or was never made"), ("1234", "four groups of four")],
)
def test_a_wrong_code_is_refused_in_words(
    tmp_path: Path, server: EnrolmentServer, code: str, says: str
) -> None:
    with pytest.raises(DidNotStart, match=says):
        started(tmp_path, "--enrol-url", server.url, "--code", code)
    assert not (tmp_path / "identity.json").exists()


def test_faults_are_injected_into_a_running_door_over_its_socket(
    tmp_path: Path, server: EnrolmentServer, witness: Witness, gate: Gate
) -> None:
    socket = tmp_path / "door.sock"
    enrolment = ["--enrol-url", server.url, "--code", CODE, "--control", str(socket)]
    with started(tmp_path / "door", *enrolment):
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        boot = witness.states[-1].boot
        answer = control.send(socket, b'{"do":"cut_power"}')
        assert answer.truth is not None
        assert (answer.ok, answer.truth.powered, answer.truth.boots) == (True, False, 1)
        witness.wait_until(lambda: witness.statuses[-1] == Status(online=False))
        control.send(socket, b'{"do":"restore_power"}')
        witness.wait_until(lambda: witness.states[-1].boot != boot)
        witness.wait_until(lambda: witness.statuses[-1] == Status(online=True))
        gate.sender.publish(Subject.ASK, codec.encode(Ask(event=EVENT)))
        gate.sender.publish(Subject.COMMAND, gate.sender.sealed(Nonce(gate.answer().nonce), EVENT))
        assert gate.word() == done(EVENT)
        assert not control.send(socket, b'{"do":"jam"}').ok
        assert not control.send(socket, b"rubbish").ok
    assert not socket.exists()


def test_forged_and_replayed_commands_over_the_real_broker_open_nothing(
    tmp_path: Path, server: EnrolmentServer, witness: Witness, gate: Gate
) -> None:
    """Between two true commands lie forgeries of the second; the relay moves for the true ones alone."""
    socket = tmp_path / "door.sock"
    enrolment = ["--enrol-url", server.url, "--code", CODE, "--control", str(socket)]
    with started(tmp_path / "door", *enrolment):
        gate.sender.publish(Subject.ASK, codec.encode(Ask(event=EVENT)))
        first = gate.sender.sealed(Nonce(gate.answer().nonce), EVENT)
        gate.sender.publish(Subject.COMMAND, first)
        assert gate.word() == done(EVENT)
        witness.wait_until(lambda: "closed" in witness.told())
        witness.wait_until(lambda: witness.states[-1].lock is Lock.LOCKED)
        gate.sender.publish(Subject.ASK, codec.encode(Ask(event=LATER)))
        second = gate.sender.sealed(Nonce(gate.answer().nonce), LATER)
        for forged in flipped(second, seed=3, count=300):
            gate.sender.publish(Subject.COMMAND, forged)
            assert gate.word().result is Result.REFUSED
        gate.sender.publish(Subject.COMMAND, first)
        assert gate.word() == done(EVENT), "the last word again, and nothing moves"
        truth = control.send(socket, b'{"do":"look"}').truth
        assert truth is not None
        assert truth.pulses == 1
        gate.sender.publish(Subject.COMMAND, second)
        assert gate.word() == done(LATER)
        truth = control.send(socket, b'{"do":"look"}').truth
        assert truth is not None
        assert truth.pulses == 2


def flipped(message: bytes, *, seed: int, count: int) -> Iterator[bytes]:
    """Copies of a message with one bit changed, each at another place."""
    for place in Random(seed).sample(range(len(message) * 8), count):
        changed = bytearray(message)
        changed[place // 8] ^= 1 << place % 8
        yield bytes(changed)


def test_a_hung_processor_is_shown_as_a_new_boot_after_its_watchdog(
    tmp_path: Path, server: EnrolmentServer, witness: Witness
) -> None:
    socket = tmp_path / "door.sock"
    enrolment = ["--enrol-url", server.url, "--code", CODE, "--control", str(socket)]
    with started(tmp_path / "door", *enrolment):
        boot = witness.states[-1].boot
        hang = [sys.executable, "-m", "firmware_sim", "fault", str(socket), "freeze"]
        told = subprocess.run(hang, capture_output=True, text=True, timeout=WITHIN, check=True)
        assert '"running":false' in told.stdout
        witness.wait_until(lambda: witness.states[-1].boot != boot)


def test_a_machine_gives_a_bottle_to_its_sender_over_a_real_broker(
    tmp_path: Path, server: EnrolmentServer, witness: Witness
) -> None:
    enrolment = ["--enrol-url", server.url, "--code", CODE]
    with started(tmp_path / "machine", *enrolment, kind="vending"):
        orders = witness.sender()
        orders.publish(Subject.ASK, codec.encode(Ask(event=EVENT)))
        witness.wait_until(lambda: bool(orders.answers))
        nonce = Nonce(orders.answers[-1].nonce)
        orders.publish(Subject.COMMAND, orders.sealed(nonce, EVENT, Action.DISPENSE, slot=2))
        witness.wait_until(lambda: witness.told() == ["dispensing", "dispensed"])
        assert set(map(str, orders.acknowledgements)) == {str(done(EVENT))}
        assert [slot.slot for slot in witness.states[-1].slots] == [1, 2, 3, 4, 5, 6]


def test_a_door_goes_on_when_whoever_read_its_output_is_gone(
    tmp_path: Path, server: EnrolmentServer, witness: Witness, gate: Gate
) -> None:
    started(tmp_path, "--enrol-url", server.url, "--code", CODE).stop()
    door = subprocess.Popen(
        command_line(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert door.stdout is not None
        assert door.stderr is not None
        assert any(line == "ready\n" for line in door.stdout)
        door.stdout.close()
        door.stderr.close()
        gate.sender.publish(Subject.ASK, codec.encode(Ask(event=EVENT)))
        gate.sender.publish(Subject.COMMAND, gate.sender.sealed(Nonce(gate.answer().nonce), EVENT))
        assert gate.word() == done(EVENT)
        witness.wait_until(lambda: "closed" in witness.told())
        door.terminate()
        assert door.wait(WITHIN) == 0
    finally:
        door.kill()
        door.wait()


def test_a_fault_for_a_simulator_that_is_not_there_says_so(tmp_path: Path) -> None:
    nobody = [sys.executable, "-m", "firmware_sim", "fault", str(tmp_path / "x.sock"), "look"]
    told = subprocess.run(nobody, capture_output=True, text=True, timeout=WITHIN, check=False)
    assert told.returncode == 2
    assert "No simulator answers" in told.stderr


def test_the_control_socket_takes_no_other_files_place(
    tmp_path: Path, server: EnrolmentServer
) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("do not remove")
    enrolment = ["--enrol-url", server.url, "--code", CODE, "--control", str(precious)]
    door = started(tmp_path / "door", *enrolment, ready=None)
    assert door.wait() == 2
    assert "--control" in door.output
    assert precious.read_text() == "do not remove"


WRITER = """
import itertools, sys
from pathlib import Path
from firmware_sim.kept import KeptInFolder
kept = KeptInFolder(Path(sys.argv[1]))
for number in itertools.count():
    kept.keep_key_list(bytes([number % 256]) * 50_000)
    kept.keep_locked_down(locked_down=number % 2 == 0)
    print(number, flush=True)
"""


def test_a_process_killed_while_it_writes_keeps_a_whole_key_list(tmp_path: Path) -> None:
    for writes in range(1, 9):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        with writer.stdout:
            for _ in range(writes):
                assert writer.stdout.readline()
            writer.kill()
        writer.wait()
        kept = KeptInFolder(tmp_path).key_list
        assert kept is not None
        assert (len(kept), len(set(kept))) == (50_000, 1)
