"""A controller without a clock keeps its certificate fresh: it asks, and the server knows when it is time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from access_protocol import codec, renewal, topics
from access_protocol.certificates import requested_key
from access_protocol.enrolment import Enrolment
from access_protocol.keys import SigningKey
from access_protocol.renewal import CertificateIssued
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Message
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from firmware_sim import identity
from firmware_sim.identity import Enrolled
from firmware_sim.renewal import ASKED_EVERY, Renewal
from firmware_sim.scheduler import SimulatedScheduler
from tests.fakes.controller_scene import AUTHORITY, DOOR, SITE
from tests.services.broker import authority_of_tests
from tests.services.broker import identity as identity_of

KEY = SigningKey(b"D" * 32)
TLS = identity_of(DOOR)


class Scene:
    """An enrolled door, and a server that answers with what it is told to."""

    def __init__(self, folder: Path) -> None:
        told = Enrolment(
            site=SITE,
            kind="controller",
            device=DOOR,
            broker_host="127.0.0.1",
            broker_port=18830,
            certificate=TLS.certificate,
            certificate_authority=TLS.authority,
            authority=(AUTHORITY.public,),
        )
        self.folder = folder
        self.time = SimulatedScheduler()
        self.renewal = Renewal(
            folder, identity.renew(folder, Enrolled(KEY, TLS, told), TLS), self.time
        )
        broker = MemoryBroker()
        self.door, self.server = MemoryTransport(broker), MemoryTransport(broker)
        self.asked: list[bytes] = []
        asks = topics.build(SITE, Kind.CONTROLLER, DOOR, Subject.RENEWAL, SERVER)
        self.server.subscribe(asks, self._take)
        self.server.start()
        self.renewal.attach(self.door)
        self.door.start()

    def _take(self, message: Message) -> None:
        self.asked.append(message.payload)

    def answer(self, name: str = TLS.name) -> None:
        csr = renewal.read_request(self.asked[-1], KEY.public).csr
        at = datetime.now(UTC) + timedelta(days=60)
        made = authority_of_tests().for_client(name, requested_key(csr), 9, at)
        topic = topics.build(SITE, Kind.SERVER, SERVER, Subject.CERTIFICATE, DOOR)
        self.server.publish(topic, codec.encode(CertificateIssued(certificate=made)))

    def stored(self) -> Enrolled:
        held = identity.load(self.folder, DOOR)
        assert held is not None
        return held


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_controller_asks_after_each_connect_and_once_a_day(scene: Scene) -> None:
    assert len(scene.asked) == 1
    scene.time.advance(ASKED_EVERY)
    assert len(scene.asked) == 2
    scene.door.set_connected(now=False)
    scene.time.advance(ASKED_EVERY)
    scene.door.connect()
    assert len(scene.asked) == 3


def test_a_controller_stores_its_next_certificate_and_connects_with_it(scene: Scene) -> None:
    there: list[bool] = []
    scene.door.on_connection(there.append)
    scene.answer()
    held = scene.stored()
    assert held.tls == scene.renewal.tls != TLS
    assert (held.key, held.identity.device) == (KEY, DOOR)
    assert there == [False, True]


def test_a_useless_answer_leaves_the_present_certificate(scene: Scene) -> None:
    scene.answer(name="door-other")
    topic = topics.build(SITE, Kind.SERVER, SERVER, Subject.CERTIFICATE, DOOR)
    scene.server.publish(topic, b"nonsense")
    assert scene.stored().tls == scene.renewal.tls == TLS
