"""Gate and server go on when the disk of one of them was brought back from an older copy."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlmodel import select

from access_protocol.decision import DenyReason
from access_protocol.events import DecisionEntry
from access_protocol.ids import EventId
from access_protocol.topics import SERVER, Kind, Subject, build
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from gate_agent.journal import Journal
from gate_agent.upload import Upload
from server.access.models import AccessEvent, AlarmKind, LedgerAlarm
from server.kernel.clock import FixedClock
from server.kernel.work import Office
from tests.fakes.gate_site import ENTRANCE, GATE, SITE, identity
from tests.fakes.pacing import FakeTime
from tests.fakes.site import NOW, SYSTEM, enrolled_site, react, settings
from tests.fakes.worker import FakeWorker
from tests.services.template import SqliteTemplate


@dataclass
class Scene:
    """A gate's journal and the server's ledger, each on a disk of its own, and a broker between them."""

    folder: Path
    office: Office
    journal: Journal
    time: FakeTime

    def __post_init__(self) -> None:
        self._connect()

    def write(self, count: int = 1) -> list[EventId]:
        """Journal so many decisions; returns their events."""
        events = [EventId(str(uuid4())) for _ in range(count)]
        for event in events:
            entry = DecisionEntry(
                at=NOW, event=event, access_point=ENTRANCE, reason=DenyReason.EXPIRED
            )
            self.journal.append(entry)
        return events

    def exchange(self) -> None:
        """Upload until nothing waits, or nothing moves any more."""
        for _ in range(10):
            self.time.wait(120.0)
            self.upload.tick()
            while self.worker.send():
                pass

    def stored(self) -> list[EventId]:
        """The events in the ledger."""
        with self.office.reading(SYSTEM) as work:
            rows = work.session.exec(select(AccessEvent).where(AccessEvent.gate == GATE)).all()
            return sorted(row.event for row in rows if row.event)

    def alarms(self) -> set[AlarmKind]:
        with self.office.reading(SYSTEM) as work:
            return {alarm.kind for alarm in work.session.exec(select(LedgerAlarm)).all()}

    def copy_gate(self) -> None:
        _copy(self.folder / "journal.sqlite3", self.folder / "gate.copy")

    def bring_back_gate(self) -> None:
        self.journal.close()
        _put_back(self.folder / "gate.copy", self.folder / "journal.sqlite3")
        self.journal = Journal(self.folder / "journal.sqlite3", dict)
        self._connect()

    def copy_server(self) -> None:
        _copy(self.folder / "genkan.sqlite3", self.folder / "server.copy")

    def bring_back_server(self) -> None:
        self.office.close()
        _put_back(self.folder / "server.copy", self.folder / "genkan.sqlite3")
        url = f"sqlite:///{self.folder / 'genkan.sqlite3'}"
        self.office = Office(settings(url, self.folder), FixedClock(NOW))
        react(self.office)
        self._connect()

    def _connect(self) -> None:
        broker = MemoryBroker()
        self.worker = FakeWorker(self.office, broker)
        transport = MemoryTransport(broker)
        self.upload = Upload(
            identity(self.folder), transport, self.journal, moment=self.time.clock, chance=_middle
        )
        receipts = build(SITE, Kind.SERVER, SERVER, Subject.RECEIPT, GATE)
        transport.subscribe(receipts, lambda message: self.upload.handle_receipt(message.payload))
        transport.start()


@pytest.fixture
def scene(tmp_path: Path, sqlite_template: SqliteTemplate) -> Iterator[Scene]:
    url = sqlite_template.copy(tmp_path / "genkan.sqlite3")
    office = enrolled_site(url, tmp_path)
    made = Scene(tmp_path, office, Journal(tmp_path / "journal.sqlite3", dict), FakeTime())
    yield made
    made.journal.close()
    made.office.close()


def test_what_a_gate_writes_after_its_disk_was_brought_back_is_stored_once(scene: Scene) -> None:
    known = scene.write(3)
    scene.exchange()
    scene.copy_gate()
    known += scene.write(2)
    scene.exchange()
    scene.bring_back_gate()
    fresh = scene.write(4)
    scene.exchange()
    assert scene.stored() == sorted(known + fresh)
    assert scene.journal.waiting == 0
    assert AlarmKind.CHANGED_HISTORY in scene.alarms()
    later = scene.write()
    scene.exchange()
    assert scene.stored() == sorted(known + fresh + later)


def test_what_the_copy_held_and_the_server_got_meanwhile_is_not_stored_twice(scene: Scene) -> None:
    scene.copy_gate()
    known = scene.write(3)
    scene.copy_gate()  # before any receipt
    scene.exchange()
    known += scene.write(2)
    scene.exchange()
    scene.bring_back_gate()
    scene.exchange()
    assert scene.stored() == sorted(known)
    assert scene.journal.waiting == 0
    assert scene.alarms() == set()
    fresh = scene.write(2)
    scene.exchange()
    assert scene.stored() == sorted(known + fresh)


def test_a_server_older_than_what_the_gate_still_holds_gets_the_rest(scene: Scene) -> None:
    known = scene.write(2)
    scene.exchange()
    scene.copy_server()
    lost = scene.write(3)
    scene.exchange()
    while scene.journal.prune(NOW + timedelta(days=1)):
        pass
    kept = scene.write(2)
    scene.exchange()
    assert len(scene.stored()) == 7
    scene.bring_back_server()
    kept += scene.write()
    scene.exchange()
    assert scene.stored() == sorted(known + kept)
    assert not set(lost) & set(scene.stored())  # neither disk holds them any more
    assert scene.journal.waiting == 0
    assert scene.alarms() == set()


def test_a_new_journal_is_one_chain_after_a_restart_too(scene: Scene) -> None:
    scene.write(3)
    scene.exchange()
    scene.copy_gate()
    scene.write(2)
    scene.exchange()
    scene.bring_back_gate()
    scene.write(2)
    old = scene.journal.id
    scene.exchange()
    new, position = scene.journal.id, scene.journal.position
    assert new != old
    scene.journal.close()
    scene.journal = Journal(scene.folder / "journal.sqlite3", dict)
    assert (scene.journal.id, scene.journal.position, scene.journal.waiting) == (new, position, 0)
    scene.journal.verify_beginning(lambda _seconds: False)


def _middle() -> float:
    return 0.5


def _copy(file: Path, to: Path) -> None:
    to.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def _put_back(copy: Path, file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(copy, file)
