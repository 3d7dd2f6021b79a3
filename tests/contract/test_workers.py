"""Several workers on one database: what one of them loses, another finds again."""

import threading
import time
from contextlib import closing
from pathlib import Path

from access_protocol import codec, topics
from access_protocol.events import Status
from access_protocol.topics import Kind, Subject
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from server.devices.models import Device
from server.kernel.work import Office
from server.processes.worker import Worker
from tests.fakes.site import GATE, SYSTEM, TYO, enrolled_site, settings


def listening(office: Office, broker: MemoryBroker, name: str) -> Worker:
    """A worker that takes messages; its timers run when the test says so."""
    worker = Worker(office, MemoryTransport(broker), name)
    worker.inbox.subscribe()
    worker.inbox.start()
    worker.desk.transport.start()
    return worker


def is_online(office: Office) -> bool:
    with office.reading(SYSTEM) as work:
        return work.session.get_one(Device, GATE).online


def wait_until_online(office: Office) -> None:
    deadline = time.monotonic() + 20
    while not is_online(office):
        assert time.monotonic() < deadline, "the gate's word was never stored"
        threading.Event().wait(0.01)


def test_devices_are_there_again_after_one_of_two_workers_stopped(
    database_url: str, tmp_path: Path
) -> None:
    broker = MemoryBroker()
    with closing(enrolled_site(database_url, tmp_path)) as office:
        stays = listening(office, broker, "stays")
        leaves = Worker(Office(settings(database_url, tmp_path)), MemoryTransport(broker), "leaves")
        leaves.desk.transport.start()
        gate = MemoryTransport(broker)
        gate.start()
        here = topics.build(TYO, Kind.GATE, GATE, Subject.STATUS)
        assert gate.publish(here, codec.encode(Status(online=True)), retain=True)
        wait_until_online(office)
        leaves.desk.transport.stop()
        leaves.desk.office.close()
        assert not is_online(office)
        (again,) = (each for each in stays.desk.timers if each.name == "hear anew who is there")
        with office.begin(SYSTEM) as work:
            again.job(work)
        wait_until_online(office)
        stays.inbox.stop()
        stays.desk.transport.stop()
