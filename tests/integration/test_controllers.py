"""A simulated controller as a process, over a real Mosquitto and real HTTP."""

import stat
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from access_protocol import codec, topics
from access_protocol.commands import Acknowledgement, Answer, Ask
from access_protocol.enrolment import Enrolment
from access_protocol.events import ControllerEvent, ControllerState, Lock, Status
from access_protocol.ids import DeviceId, EventId, Nonce
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Message
from access_protocol.transport.mqtt import BrokerAddress, MqttTransport
from demo.program import DidNotStart, StartedProcess
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
WITHIN = 20.0
EVENT = EventId("00000000-0000-4000-8000-000000000001")
pytestmark = pytest.mark.broker


class Witness:
    """The server's ears and its key list: records the controller's reports, waits for one."""

    def __init__(self, broker: Broker) -> None:
        self.events: list[ControllerEvent] = []
        self.states: list[ControllerState] = []
        self.statuses: list[Status] = []
        self._news = threading.Condition()
        self._transport = connected(broker, SERVER)
        self._transport.subscribe(topics.below(SITE, Kind.CONTROLLER, DOOR), self._take)

    def wait_until(self, true: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(true, WITHIN), (self.events, self.states, self.statuses)

    def stop(self) -> None:
        self._transport.stop()

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
    transport = MqttTransport(BrokerAddress(broker.host, broker.port, device, "x"), device)
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
        broker_password="secret of this door",
        authority=(AUTHORITY.public,),
    )
    with EnrolmentServer({CODE: enrolment}) as server:
        yield server


def started(folder: Path, *arguments: str, ready: str | None = "keys 1 3") -> StartedProcess:
    own = ["--id", DOOR, "--state-folder", str(folder), "--walk-after", "50"]
    command = [sys.executable, "-m", "firmware_sim", "door", *own, *arguments]
    return StartedProcess(command, ready=ready)


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
    assert "secret of this door" not in door.output


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
