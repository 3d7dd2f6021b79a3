"""Whatever comes over MQTT, the gate counts it, knows nothing false, and goes on."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access_protocol import topics
from access_protocol.documents import DocumentKind
from access_protocol.events import GateHealth
from access_protocol.ids import DeviceId
from access_protocol.knowledge import Policy
from access_protocol.topics import SERVER, WRITES, Kind, Subject
from access_protocol.transport.base import Message
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from gate_agent.clock import GateClock
from gate_agent.journal import Journal
from gate_agent.knowledge import HeldKnowledge
from gate_agent.malformed import MalformedMessages
from gate_agent.passages import Passages
from gate_agent.portal import Portal
from gate_agent.sync import Sync
from gate_agent.upload import Upload
from tests.fakes.gate_feedback import FakeFeedback
from tests.fakes.gate_site import GATE, NOW, SITE, TURNSTILE, document, enrolled
from tests.fakes.pacing import FakeTime

OTHERS = {Kind.GATE: DeviceId("gate-2"), Kind.CONTROLLER: TURNSTILE, Kind.SERVER: SERVER}
TOPICS = [
    topics.build(SITE, kind, OTHERS[kind], subject, GATE if addressed else None)
    for kind, subjects in WRITES.items()
    for subject, addressed in subjects.items()
]
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.binary(max_size=40) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
)
PIECES = (
    st.binary(min_size=1, max_size=300)
    | NESTED.map(cbor2.dumps)
    | st.sampled_from([b"\x81", b"[", b"\xbf", b'{"version": 1}', b'{"version":'])
)
BODIES = st.tuples(PIECES, st.sampled_from([0, 1, 1, 1, 100, 5_000, 200_000]))
"""A piece, and how often it is repeated."""
SIGNED = st.builds(
    document,
    st.sampled_from([kind for kind in DocumentKind if kind is not DocumentKind.TIME]),
    st.binary(max_size=200) | NESTED.map(cbor2.dumps) | st.just(b"\x81" * 2_000),
    st.integers(0, (1 << 63) - 1),
)
"""What the authority itself might sign by a mistake."""


class Scene:
    """A gate's part that faces the broker; what it takes in beside is waited for."""

    def __init__(self, folder: Path) -> None:
        self.broker, time = MemoryBroker(), FakeTime()
        self.transport = MemoryTransport(self.broker)
        store = enrolled(folder)
        identity, self.known = store.identity(), HeldKnowledge(store.identity(), store)
        known = self.known
        self.journal = Journal(store.journal_path, lambda: known.policy.access_points)
        clock = GateClock(battery_clock=True, system=lambda: NOW, counting=time.clock)
        self.malformed = MalformedMessages(moment=time.clock)
        shown = FakeFeedback()
        self.sync = Sync(
            identity,
            self.transport,
            knowledge=known,
            journal=self.journal,
            portal=Portal(
                identity, self.transport, self.journal, clock, reports=shown, moment=time.clock
            ),
            upload=Upload(identity, self.transport, self.journal, moment=time.clock),
            passages=Passages(
                identity,
                self.transport,
                journal=self.journal,
                knowledge=known,
                clock=clock,
                moment=time.clock,
            ),
            clock=clock,
            malformed=self.malformed,
            health=_never,
            on_connection=lambda _: None,
            certificate=lambda _: None,
            moment=time.clock,
        )
        self.sync.start()

    def send(self, topic: str, payload: bytes) -> None:
        self.transport.receive(Message(topic, payload))

    def taken_in(self) -> None:
        """Wait until nothing waits any more: a last message goes through the same line."""
        before, step = self.malformed.count, threading.Event()
        self.send(f"genkan/{SITE}/server/server/knowledge/{GATE}", b"the last one")
        for _ in range(4000):
            if self.malformed.count > before:
                return
            step.wait(0.005)
        raise AssertionError("the gate does not go on")

    def close(self) -> None:
        self.sync.stop()
        self.journal.close()
        self.known.close()


def _never() -> GateHealth:
    raise AssertionError("no health is asked for")


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder))
        yield scene
        scene.close()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(st.tuples(st.sampled_from(TOPICS), BODIES), min_size=1, max_size=6))
def test_no_bytes_on_any_topic_stop_a_gate_or_teach_it_anything(
    scene: Scene, messages: list[tuple[str, tuple[bytes, int]]]
) -> None:
    before = scene.malformed.count
    for topic, (piece, times) in messages:
        scene.send(topic, piece[: 1 + 200_000 // max(times, 1)] * times)
    scene.taken_in()
    addressed = sum(
        topic.endswith((f"/{GATE}", "/passage")) and Subject.CERTIFICATE not in topic
        for topic, _ in messages
    )
    assert scene.transport.failures == 0
    assert scene.malformed.count - before == addressed + 1
    assert scene.known.policy == Policy(access_points={})
    assert scene.known.heard is None
    assert scene.journal.position.sequence == 0


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=SIGNED)
def test_a_document_with_a_strange_body_stops_nothing_even_where_the_authority_signed_it(
    scene: Scene, message: bytes
) -> None:
    scene.send(topics.build(SITE, Kind.SERVER, SERVER, Subject.KNOWLEDGE, GATE), message)
    scene.taken_in()
    assert scene.transport.failures == 0
    assert scene.known.heard is None
