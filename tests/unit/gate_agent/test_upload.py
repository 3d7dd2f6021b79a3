"""The journal on its way to the server: one batch in flight, again after a while, never lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from access_protocol.codec import MalformedReportError, encode
from access_protocol.decision import DenyReason
from access_protocol.events import LARGEST_BATCH, DecisionEntry, Receipt
from access_protocol.topics import SERVER, Kind, Subject, build
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from gate_agent.journal import Journal
from gate_agent.upload import FIRST_PAUSE_S, LONGEST_PAUSE_S, Upload
from tests.fakes.gate_site import ENTRANCE, GATE, NOW, SITE, FakeServer, identity
from tests.fakes.pacing import FakeTime


@dataclass
class Scene:
    broker: MemoryBroker
    server: FakeServer
    journal: Journal
    upload: Upload
    time: FakeTime

    def write(self, count: int = 1) -> None:
        for _ in range(count):
            entry = DecisionEntry(
                at=NOW, event=str(uuid4()), access_point=ENTRANCE, reason=DenyReason.EXPIRED
            )
            self.journal.append(entry)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    broker, time = MemoryBroker(), FakeTime()
    ours, theirs = MemoryTransport(broker), MemoryTransport(broker)
    journal = Journal(tmp_path / "journal.sqlite3", dict)
    upload = Upload(identity(tmp_path), ours, journal, moment=time.clock, chance=lambda: 0.5)
    receipts = build(SITE, Kind.SERVER, SERVER, Subject.RECEIPT, GATE)
    ours.subscribe(receipts, lambda message: upload.handle_receipt(message.payload))
    server = FakeServer(theirs)
    ours.start()
    theirs.start()
    yield Scene(broker, server, journal, upload, time)
    assert (ours.failures, theirs.failures) == (0, 0)
    journal.close()


def test_everything_arrives_batch_after_batch(scene: Scene) -> None:
    scene.write(LARGEST_BATCH * 2 + 5)
    scene.upload.tick()
    assert [len(batch.entries) for batch in scene.server.batches] == [100, 100, 5]
    assert scene.journal.waiting == 0


def test_nothing_is_sent_when_nothing_waits(scene: Scene) -> None:
    scene.upload.tick()
    assert scene.server.batches == []


def test_one_batch_is_in_flight_at_a_time(scene: Scene) -> None:
    scene.server.acknowledges = False
    scene.write()
    scene.upload.tick()
    scene.write()
    scene.upload.tick()
    assert len(scene.server.batches) == 1


def test_a_batch_without_receipt_is_sent_again_ever_more_seldom(scene: Scene) -> None:
    scene.server.acknowledges = False
    scene.write()
    scene.upload.tick()
    pauses: list[float] = []
    for number in range(2, 9):
        began = scene.time.now
        while len(scene.server.batches) < number:
            scene.time.wait(0.5)
            scene.upload.tick()
        pauses.append(scene.time.now - began)
    assert pauses[0] == FIRST_PAUSE_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S
    assert {batch.entries for batch in scene.server.batches} == {scene.server.batches[0].entries}


def test_a_lost_receipt_brings_no_entry_twice(scene: Scene) -> None:
    scene.server.acknowledges = False
    scene.write(3)
    scene.upload.tick()
    scene.server.acknowledges = True
    scene.time.wait(FIRST_PAUSE_S)
    scene.upload.tick()
    assert len(scene.server.batches) == 2
    assert len(scene.server.entries) == 3
    assert scene.journal.waiting == 0


def test_after_a_reconnect_it_is_sent_at_once(scene: Scene) -> None:
    scene.broker.lose()
    scene.write()
    scene.upload.tick()
    scene.broker.restore()
    scene.upload.connected()
    assert scene.journal.waiting == 0


def test_a_receipt_for_another_journal_counts_for_nothing(scene: Scene) -> None:
    scene.write()
    scene.upload.handle_receipt(encode(Receipt(journal=str(uuid4()), sequence=1)))
    assert scene.journal.waiting == 1


def test_a_malformed_receipt_is_refused(scene: Scene) -> None:
    with pytest.raises(MalformedReportError):
        scene.upload.handle_receipt(b'{"version": 1, "journal": "x", "sequence": -1}')


def test_a_receipt_beyond_the_journals_end_does_not_bring_the_batch_again_at_once(
    scene: Scene,
) -> None:
    scene.server.acknowledges = False
    scene.write(2)
    scene.upload.tick()
    longer = Receipt(journal=scene.journal.id, sequence=100)
    for _ in range(3):
        scene.upload.handle_receipt(encode(longer))
    assert len(scene.server.batches) == 1
    assert scene.journal.waiting == 2
    scene.time.wait(FIRST_PAUSE_S)
    scene.upload.tick()
    assert len(scene.server.batches) == 2


def test_a_server_that_went_back_to_an_older_copy_gets_what_it_lost(scene: Scene) -> None:
    scene.write(5)
    scene.upload.tick()
    lost = [key for key in scene.server.entries if key[1] > 2]
    for key in lost:
        del scene.server.entries[key]
    scene.upload.handle_receipt(encode(Receipt(journal=scene.journal.id, sequence=2)))
    assert set(lost) <= scene.server.entries.keys()
    assert scene.journal.waiting == 0


def test_a_journal_that_cannot_be_read_is_tried_again_later(scene: Scene) -> None:
    scene.write()
    scene.journal.close()
    scene.upload.tick()
    scene.upload.connected()
    assert scene.server.batches == []
    assert scene.journal.waiting == 1
