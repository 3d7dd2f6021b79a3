"""The gate's side of the broker: what it asks, what it takes in, and what it makes of nonsense."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from access_protocol import codec, feeds, topics
from access_protocol.documents import DocumentKind
from access_protocol.events import GateHealth, SyncRequest
from access_protocol.feeds import CHUNKS_AT_ONCE, Chunk, Revocation
from access_protocol.ids import CredentialId
from access_protocol.knowledge import ALL_GENERATIONS
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from gate_agent.asking import AGAIN_AFTER_S, ANSWERED_WITHIN_S
from gate_agent.clock import GateClock
from gate_agent.journal import Journal
from gate_agent.knowledge import HeldKnowledge
from gate_agent.malformed import MalformedMessages
from gate_agent.passages import Passages
from gate_agent.portal import Portal
from gate_agent.sync import MOST_WAITING, Sync
from gate_agent.upload import Upload
from tests.fakes.gate_feedback import FakeFeedback
from tests.fakes.gate_site import (
    GATE,
    NOW,
    SITE,
    FakeServer,
    bound,
    document,
    enrolled,
)
from tests.fakes.pacing import FakeTime

WITHIN = 20.0


def visitor(number: int) -> CredentialId:
    return CredentialId(number.to_bytes(16, "big"))


@dataclass
class Scene:
    """A gate without readers, and its server, on a broker in memory."""

    broker: MemoryBroker
    server: FakeServer
    known: HeldKnowledge
    sync: Sync
    clock: GateClock
    malformed: MalformedMessages
    time: FakeTime
    transport: MemoryTransport

    def until(self, holds: Callable[[], object]) -> None:
        """Wait, with a deadline, until the gate has taken in what it was sent."""
        step = threading.Event()
        for _ in range(int(WITHIN / 0.005)):
            if holds():
                return
            step.wait(0.005)
        raise AssertionError("it did not come to that")

    def taken_in(self) -> None:
        """Wait until nothing waits any more: a last message goes through the same line."""
        before = self.malformed.count
        self.server.publish(Subject.KNOWLEDGE, b"the last one")
        self.until(lambda: self.malformed.count > before)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    broker, time = MemoryBroker(), FakeTime()
    ours, theirs = MemoryTransport(broker), MemoryTransport(broker)
    store = enrolled(tmp_path)
    identity, known = store.identity(), HeldKnowledge(store.identity(), store)
    journal = Journal(store.journal_path, lambda: known.policy.access_points)
    clock = GateClock(synchronised=lambda: False, counting=time.clock)
    malformed = MalformedMessages(moment=time.clock)

    def health() -> GateHealth:
        return GateHealth(
            at=NOW,
            software="test",
            uptime_s=0,
            knowledge_age_s=None,
            clock_trusted=True,
            journal=journal.id,
            journal_sequence=0,
            journal_waiting=0,
            malformed_messages=0,
        )

    sync = Sync(
        identity,
        ours,
        knowledge=known,
        journal=journal,
        portal=Portal(identity, ours, journal, clock, reports=FakeFeedback(), moment=time.clock),
        upload=Upload(identity, ours, journal, moment=time.clock),
        passages=Passages(
            identity, ours, journal=journal, knowledge=known, clock=clock, moment=time.clock
        ),
        clock=clock,
        malformed=malformed,
        health=health,
        on_connection=lambda _: None,
        certificate=lambda _: None,
        moment=time.clock,
    )
    server = FakeServer(theirs)
    theirs.start()
    yield Scene(broker, server, known, sync, clock, malformed, time, ours)
    sync.stop()
    assert (ours.failures, theirs.failures) == (0, 0)
    journal.close()
    known.close()


def test_a_gate_that_connects_asks_and_is_up_to_date(scene: Scene) -> None:
    scene.server.revoke(visitor(1), 2)
    scene.server.tell(DocumentKind.CREDENTIALS, bound(2))
    scene.sync.start()
    assert scene.sync.synchronised.wait(WITHIN)
    assert scene.known.heard == NOW
    assert scene.known.lowest_generation(visitor(1)) == 2
    assert scene.known.held_credential(visitor(2)) == bound(2)
    assert scene.clock.trusted


def test_a_long_feed_comes_in_as_many_questions_as_it_takes(scene: Scene) -> None:
    count = CHUNKS_AT_ONCE * 2 + 3
    until = NOW + timedelta(days=1)
    scene.server.changes[DocumentKind.REVOCATIONS] += [
        Revocation(visitor(number), 1, until) for number in range(count)
    ]
    scene.server.chunk = 1
    scene.sync.start()
    for held in (CHUNKS_AT_ONCE, CHUNKS_AT_ONCE * 2):
        scene.until(lambda held=held: scene.known.versions.get(DocumentKind.REVOCATIONS) == held)
        scene.taken_in()
        assert scene.known.heard is None
        scene.sync.tick()
    scene.until(lambda: scene.known.heard == NOW)
    held = [asked.get(DocumentKind.REVOCATIONS, 0) for asked in scene.server.asked]
    assert held == [0, CHUNKS_AT_ONCE, CHUNKS_AT_ONCE * 2]
    assert scene.malformed.count == 2  # the test's own


def test_a_sync_that_was_cut_off_goes_on_where_it_was(scene: Scene) -> None:
    scene.server.changes[DocumentKind.CREDENTIALS] += [bound(number) for number in range(1, 41)]
    scene.server.chunk = 1
    scene.sync.start()
    scene.until(lambda: scene.known.versions.get(DocumentKind.CREDENTIALS, 0) >= CHUNKS_AT_ONCE)
    scene.broker.lose()
    scene.broker.restore()
    scene.time.wait(5)
    scene.sync.tick()
    scene.until(lambda: len(scene.server.asked) == 2)
    assert scene.server.asked[1][DocumentKind.CREDENTIALS] == CHUNKS_AT_ONCE


def test_changes_that_were_lost_on_the_way_are_asked_for_soon_and_once(scene: Scene) -> None:
    scene.sync.start()
    assert scene.sync.synchronised.wait(WITHIN)
    scene.server.changes[DocumentKind.REVOCATIONS].append(
        Revocation(visitor(1), 1, NOW + timedelta(days=1))
    )
    for number in range(2, 12):
        scene.server.revoke(visitor(number), 1)
    scene.taken_in()
    assert scene.known.lowest_generation(visitor(11)) == 0
    scene.time.wait(AGAIN_AFTER_S * 1.5)
    scene.sync.tick()
    scene.until(lambda: scene.known.lowest_generation(visitor(11)) == 1)
    assert scene.known.lowest_generation(visitor(1)) == 1
    assert len(scene.server.asked) == 2


def test_times_that_were_held_back_replayed_or_never_asked_for_change_nothing(
    scene: Scene,
) -> None:
    scene.server.tells_time = False
    scene.sync.start()
    scene.until(lambda: scene.server.nonces)
    held_back = scene.server.nonces[-1]
    scene.time.wait(ANSWERED_WITHIN_S + 1)
    scene.server.send_time(held_back)
    scene.taken_in()
    assert scene.known.heard is None
    assert not scene.clock.trusted
    scene.server.tells_time = True
    scene.sync.tick()
    scene.until(lambda: scene.known.heard == NOW)
    answered = scene.server.nonces[-1]
    for nonce in (answered, held_back, bytes(16)):
        scene.server.send_time(nonce, issued=NOW + timedelta(days=30))
    scene.taken_in()
    assert scene.known.heard == NOW
    assert scene.clock.now() == NOW


def test_a_gate_whose_file_was_damaged_asks_soon(scene: Scene) -> None:
    scene.server.revoke(visitor(1), 2)
    scene.sync.start()
    assert scene.sync.synchronised.wait(WITHIN)
    scene.sync.tick()
    scene.known.feeds._writing.execute("DROP TABLE revocation")
    assert scene.known.lowest_generation(visitor(1)) == ALL_GENERATIONS
    assert scene.known.heard is None
    scene.sync.tick()
    scene.time.wait(AGAIN_AFTER_S * 1.5)
    scene.sync.tick()
    scene.until(lambda: scene.known.lowest_generation(visitor(1)) == 2)
    scene.until(lambda: scene.known.heard == NOW)


def test_another_gate_that_never_stops_talking_does_not_keep_the_server_out(scene: Scene) -> None:
    """The line is filled while the gate is busy; what the server says still finds room."""
    scene.sync.start()
    assert scene.sync.synchronised.wait(WITHIN)
    other = f"genkan/{SITE}/gate/gate-2/passage"
    with scene.known._lock:
        scene.server.revoke(visitor(1), 1)
        for _ in range(MOST_WAITING * 3):
            scene.broker.publish(other, b"{}", retain=False)
        scene.server.revoke(visitor(2), 1)
    scene.until(lambda: scene.known.lowest_generation(visitor(2)) == 1)
    assert scene.malformed.count >= MOST_WAITING


def test_credentials_that_no_issuer_signed_are_counted(scene: Scene) -> None:
    scene.sync.start()
    assert scene.sync.synchronised.wait(WITHIN)
    scene.server.tell(DocumentKind.CREDENTIALS, b"nothing", bound(1))
    scene.until(lambda: scene.known.held_credential(visitor(1)))
    scene.until(lambda: scene.malformed.count == 1)


def test_a_chunk_with_more_than_there_is_room_for_is_refused_by_its_size(scene: Scene) -> None:
    scene.sync.start()
    assert scene.sync.synchronised.wait(WITHIN)
    until = NOW + timedelta(days=1)
    entries = tuple(Revocation(visitor(number), 1, until) for number in range(12_000))
    body = feeds.write_revocations(Chunk(0, entries))
    scene.server.publish(Subject.KNOWLEDGE, document(DocumentKind.REVOCATIONS, body, 12_000))
    scene.until(lambda: scene.malformed.count == 1)
    assert scene.known.lowest_generation(visitor(1)) == 0


def test_a_question_names_the_gate_its_journal_and_a_fresh_nonce(scene: Scene) -> None:
    asked: list[SyncRequest] = []
    scene.server.transport.subscribe(
        topics.build(SITE, Kind.GATE, GATE, Subject.SYNC, SERVER),
        lambda message: asked.append(codec.decode(SyncRequest, message.payload)),
    )
    scene.sync.start()
    scene.until(lambda: asked)
    assert asked[0].journal is not None
    assert asked[0].nonce is not None
