"""A gate keeps its certificate fresh by itself; time is an argument, nobody waits."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from access_protocol import codec, renewal, topics
from access_protocol.certificates import new_key, requested_key
from access_protocol.codec import MalformedReportError
from access_protocol.renewal import CertificateIssued
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Message
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from gate_agent.local_store import LocalStore
from gate_agent.renewal import ASKED_EVERY, Renewal
from tests.fakes.gate_site import GATE, GATE_KEY, SITE, TLS, enrolled
from tests.services.broker import authority_of_tests

LIFE = timedelta(days=90)
MADE = TLS.not_after - LIFE


class StillClock:
    """Whatever time it is told."""

    def __init__(self) -> None:
        self.trusted, self.time = True, datetime.now(UTC)

    def now(self) -> datetime:
        return self.time

    def server_said(self, issued: datetime) -> None:
        self.time = issued


class Scene:
    """A gate's renewal part on a broker in memory, and the server's side of the talk."""

    def __init__(self, folder: Path) -> None:
        self.store = enrolled(folder)
        self.clock, self.seconds = StillClock(), 0.0
        self.clock.time = MADE
        broker = MemoryBroker()
        self.gate, self.server = MemoryTransport(broker), MemoryTransport(broker)
        self.asked: list[bytes] = []
        self.connections: list[bool] = []
        topic = topics.build(SITE, Kind.GATE, GATE, Subject.RENEWAL, SERVER)
        self.server.subscribe(topic, self._take)
        self.renewal = Renewal(
            self.store.identity(),
            self.store,
            self.gate,
            self.clock,
            moment=lambda: self.seconds,
        )
        self.server.start()
        self.gate.start()
        self.gate.on_connection(self.connections.append)

    def _take(self, message: Message) -> None:
        self.asked.append(message.payload)

    def answer(self, days: int = 61, name: str = TLS.name) -> bytes:
        """The server's answer to the newest request."""
        csr = renewal.read_request(self.asked[-1], GATE_KEY.public).csr
        made = authority_of_tests()
        at = MADE + timedelta(days=days)
        certificate = made.for_client(name, requested_key(csr), 9, at)
        return codec.encode(CertificateIssued(certificate=certificate))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_gate_asks_at_two_thirds_of_the_life_and_not_before(scene: Scene) -> None:
    scene.clock.time = MADE + timedelta(days=59)
    scene.renewal.tick()
    assert scene.asked == []
    scene.clock.time = MADE + timedelta(days=61)
    scene.renewal.tick()
    assert len(scene.asked) == 1


def test_a_gate_moves_over_to_its_new_certificate_and_keeps_it(scene: Scene) -> None:
    scene.clock.time = MADE + timedelta(days=61)
    scene.renewal.tick()
    scene.renewal.receive(scene.answer())
    held = scene.store.identity()
    assert held.tls.not_after > TLS.not_after
    assert held.tls.key != TLS.key
    assert (held.key, held.device, held.authority) == (
        GATE_KEY,
        GATE,
        LocalStore(scene.store.folder).identity().authority,
    )
    assert scene.connections == []
    scene.renewal.tick()
    assert scene.connections == [False, True]
    scene.renewal.tick()
    assert (len(scene.asked), scene.connections) == (1, [False, True])


def test_a_gate_that_gets_no_answer_asks_every_hour_for_the_same_key(scene: Scene) -> None:
    scene.clock.time = MADE + timedelta(days=61)
    for _ in range(3):
        scene.renewal.tick()
        scene.seconds += ASKED_EVERY.total_seconds() - 1
        scene.renewal.tick()
        scene.seconds += 1
    first, second, third = (
        requested_key(renewal.read_request(each, GATE_KEY.public).csr) for each in scene.asked
    )
    assert first == second == third


def test_a_gate_that_does_not_know_the_time_lets_the_server_decide(scene: Scene) -> None:
    scene.clock.trusted = False
    scene.renewal.tick()
    assert len(scene.asked) == 1


def test_a_gate_that_is_offline_asks_once_it_is_back(scene: Scene) -> None:
    scene.clock.time = MADE + timedelta(days=80)
    scene.gate.set_connected(now=False)
    scene.renewal.tick()
    assert scene.asked == []
    scene.gate.connect()
    scene.renewal.tick()
    assert len(scene.asked) == 1


def test_a_useless_answer_is_counted_and_the_present_certificate_stays(scene: Scene) -> None:
    scene.clock.time = MADE + timedelta(days=61)
    scene.renewal.tick()
    for useless in (b"", b"{}", scene.answer(name="gate-2"), scene.answer(days=-1)):
        with pytest.raises(MalformedReportError):
            scene.renewal.receive(useless)
    assert scene.store.identity().tls == TLS
    scene.renewal.receive(scene.answer())
    assert scene.store.identity().tls != TLS


def test_an_answer_that_nobody_asked_for_changes_nothing(scene: Scene) -> None:
    made = authority_of_tests().for_client(
        TLS.name, requested_key(renewal_request()), 9, MADE + timedelta(days=61)
    )
    scene.renewal.receive(codec.encode(CertificateIssued(certificate=made)))
    assert scene.store.identity().tls == TLS


def renewal_request() -> bytes:
    asked = renewal.ask(TLS, new_key(), GATE_KEY)
    return renewal.read_request(asked, GATE_KEY.public).csr
