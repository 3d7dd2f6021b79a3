"""The worker's inbox: what the broker acknowledged is stored, also where the database was away for a moment."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
import structlog
from sqlmodel import select

from access_protocol import codec, topics
from access_protocol.events import ControllerEvent, ControllerEventKind, EventReceipt, SyncRequest
from access_protocol.ids import NONCE_BYTES
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from server.access import messages as access
from server.devices import messages as devices
from server.devices.actions import DoorReported
from server.devices.documents import OUTBOX_KIND
from server.devices.models import DoorEvent
from server.kernel.desk import Desk
from server.kernel.outbox import OutboxRow
from server.kernel.work import Office
from server.processes.inbox import Inbox
from server.processes.rates import Rates
from tests.fakes.site import DOOR, GATE, SYSTEM, TYO, enrolled_site

HAPPENED = ControllerEvent(
    boot=str(UUID(int=1)), sequence=1, uptime_ms=9, what=ControllerEventKind.OPENED
)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = enrolled_site(f"sqlite:///{tmp_path / 'genkan.sqlite3'}", tmp_path)
    with closing(made):
        yield made


def until(there: Callable[[], bool], pause: threading.Event) -> None:
    for _ in range(2000):
        if there():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come")


def test_a_door_event_that_the_database_cannot_take_now_is_stored_later(
    office: Office, tmp_path: Path
) -> None:
    stored = threading.Event()
    office.reactions.on(DoorReported, lambda _work, _it: stored.set())
    broker = MemoryBroker()
    desk = Desk(office, MemoryTransport(broker))
    devices.register(desk)
    inbox = Inbox(desk)
    inbox.subscribe()
    desk.transport.start()
    door = MemoryTransport(broker)
    door.start()
    # Without its table the database refuses as it does when it is away: with an OperationalError.
    with closing(sqlite3.connect(tmp_path / "genkan.sqlite3", timeout=30)) as other:
        other.execute("ALTER TABLE devices_door_event RENAME TO devices_door_event_away")
        other.commit()
        topic = topics.build(TYO, Kind.CONTROLLER, DOOR, Subject.EVENT)
        with structlog.testing.capture_logs() as lines:
            inbox.start()
            door.publish(topic, codec.encode(HAPPENED))
            refused = threading.Event()
            until(lambda: any("again" in line["event"] for line in lines), refused)
        assert not stored.is_set()
        other.execute("ALTER TABLE devices_door_event_away RENAME TO devices_door_event")
        other.commit()
    assert stored.wait(120)
    inbox.stop()
    with office.reading(SYSTEM) as work:
        assert len(work.session.exec(select(DoorEvent)).all()) == 1


def test_each_door_event_is_answered_with_its_receipt_after_the_commit_also_a_repeated_one(
    office: Office,
) -> None:
    broker = MemoryBroker()
    desk = Desk(office, MemoryTransport(broker))
    devices.register(desk)
    inbox = Inbox(desk)
    inbox.subscribe()
    desk.transport.start()
    door = MemoryTransport(broker)
    door.start()
    topic = topics.build(TYO, Kind.CONTROLLER, DOOR, Subject.EVENT)
    numbers = [3, 1, 3]
    for number in numbers:
        door.publish(topic, codec.encode(msgspec.structs.replace(HAPPENED, sequence=number)))
    inbox.start()
    inbox.stop()
    receipts = topics.build(TYO, Kind.SERVER, SERVER, Subject.RECEIPT, DOOR)
    with office.reading(SYSTEM) as work:
        rows = work.session.exec(select(OutboxRow).where(OutboxRow.destination == receipts)).all()
        told = [codec.decode(EventReceipt, row.body or b"") for row in rows]
        stored = work.session.exec(select(DoorEvent.sequence)).all()
    assert sorted(one.sequence for one in told) == sorted(numbers)
    assert {one.boot for one in told} == {HAPPENED.boot}
    assert sorted(stored) == [1, 3]


def test_a_device_that_floods_is_held_back_and_counted_and_others_are_heard(office: Office) -> None:
    broker = MemoryBroker()
    desk = Desk(office, MemoryTransport(broker))
    devices.register(desk)
    inbox = Inbox(desk, Rates(a_second=0.0, at_once=3, moment=lambda: 0.0))
    inbox.subscribe()
    desk.transport.start()
    device = MemoryTransport(broker)
    device.start()
    event = topics.build(TYO, Kind.CONTROLLER, DOOR, Subject.EVENT)
    with structlog.testing.capture_logs() as lines:
        for number in range(1, 11):
            device.publish(event, codec.encode(msgspec.structs.replace(HAPPENED, sequence=number)))
        health = topics.build(TYO, Kind.GATE, GATE, Subject.HEALTH)
        device.publish(health, b"nonsense")
        inbox.start()
        inbox.stop()
    assert inbox.floods.counts == {DOOR: 7}
    assert inbox.refusals.counts == {GATE: 1}
    assert [line["so_far"] for line in lines if "too many" in line["event"]] == [1]
    with office.reading(SYSTEM) as work:
        assert len(work.session.exec(select(DoorEvent)).all()) == 3


def test_a_gate_that_asks_in_a_loop_is_answered_seldom_and_its_other_messages_are_taken(
    office: Office,
) -> None:
    broker = MemoryBroker()
    desk = Desk(office, MemoryTransport(broker))
    devices.register(desk)
    access.register(desk)
    inbox = Inbox(desk, questions=Rates(a_second=0.0, at_once=2, moment=lambda: 0.0))
    inbox.subscribe()
    desk.transport.start()
    gate = MemoryTransport(broker)
    gate.start()
    asks = topics.build(TYO, Kind.GATE, GATE, Subject.SYNC, SERVER)
    before = len(documents(office))
    for number in range(10):
        gate.publish(asks, codec.encode(SyncRequest(held={}, nonce=bytes([number]) * NONCE_BYTES)))
    gate.publish(topics.build(TYO, Kind.GATE, GATE, Subject.HEALTH), b"nonsense")
    inbox.start()
    inbox.stop()
    assert inbox.floods.counts == {GATE: 8}
    assert inbox.refusals.counts == {GATE: 1}
    assert len(documents(office)) == before + 2


def documents(office: Office) -> Sequence[OutboxRow]:
    with office.reading(SYSTEM) as work:
        return work.session.exec(select(OutboxRow).where(OutboxRow.kind == OUTBOX_KIND)).all()
