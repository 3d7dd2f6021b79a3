"""The relay works when it is called and only for what it is called for, and pages are told of a thing once a work."""

import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from access_protocol.ids import SiteCode
from server.kernel import live, outbox
from server.kernel.clock import SystemClock
from server.kernel.outbox import OutboxRow, Outgoing
from server.kernel.principal import Principal
from server.kernel.schema import migrate
from server.kernel.settings import Settings
from server.kernel.work import Office
from server.processes import relay
from server.processes.relay import Relay

DEADLINE = 60.0
SYSTEM = Principal.system()
TYO = SiteCode("TYO")


@pytest.fixture
def woken() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(DEADLINE)
        yield listening


@pytest.fixture
def office(tmp_path: Path, woken: socket.socket) -> Iterator[Office]:
    wake = f"127.0.0.1:{woken.getsockname()[1]}"
    opened = Office(Settings(demo=True, data_folder=tmp_path, worker_wake=wake), SystemClock())
    migrate(opened.engine)
    yield opened
    opened.close()


def test_a_commit_names_the_kinds_that_wait(office: Office, woken: socket.socket) -> None:
    with office.begin(SYSTEM) as work:
        outbox.post(work, "mail", "a@example.jp")
        outbox.post(work, "mail", "b@example.jp")
        live.notice(work, "doors")
    assert sorted(woken.recv(4096).decode().split()) == ["live", "mail"]


def test_one_work_tells_pages_of_one_thing_once_and_the_next_work_again(office: Office) -> None:
    for _ in range(2):
        with office.begin(SYSTEM) as work:
            for about in ("main-gate", "main-gate", "sakura-door"):
                live.notice(work, "doors", about=about, site=TYO)
    with office.reading(SYSTEM) as work:
        told = [row.payload["about"] for row in work.session.exec(select(OutboxRow)).all()]
    assert sorted(told) == ["main-gate"] * 2 + ["sakura-door"] * 2


def test_what_was_there_before_the_start_is_sent_and_then_what_it_is_called_for(
    office: Office,
) -> None:
    sent: queue.Queue[Outgoing] = queue.Queue()
    with office.begin(SYSTEM) as work:
        outbox.post(work, "mail", "before@example.jp")
    running = Relay(office, {"mail": sent.put})
    running.start()
    try:
        assert sent.get(timeout=DEADLINE).destination == "before@example.jp"
        with office.begin(SYSTEM) as work:
            outbox.post(work, "mail", "after@example.jp")
        running.wake(["mail", "a kind that nobody sends here"])
        assert sent.get(timeout=DEADLINE).destination == "after@example.jp"
    finally:
        running.stop()


def test_one_slow_row_holds_up_none_that_comes_later(office: Office) -> None:
    sent: queue.Queue[str] = queue.Queue()
    begun, may_end = threading.Event(), threading.Event()

    def send(row: Outgoing) -> None:
        if row.destination == "slow@example.jp":
            begun.set()
            assert may_end.wait(DEADLINE)
        sent.put(row.destination)

    running = Relay(office, {"mail": send})
    with office.begin(SYSTEM) as work:
        outbox.post(work, "mail", "slow@example.jp")
    running.start()
    try:
        assert begun.wait(DEADLINE)
        with office.begin(SYSTEM) as work:
            outbox.post(work, "mail", "quick@example.jp")
        running.wake(["mail"])
        assert sent.get(timeout=DEADLINE) == "quick@example.jp"
        may_end.set()
        assert sent.get(timeout=DEADLINE) == "slow@example.jp"
    finally:
        may_end.set()
        running.stop()


def test_more_than_a_batch_goes_out_without_another_call(office: Office) -> None:
    sent: queue.Queue[Outgoing] = queue.Queue()
    count = 2 * relay.BATCH + 1
    with office.begin(SYSTEM) as work:
        for _ in range(count):
            outbox.post(work, "mail", "a@example.jp")
    running = Relay(office, {"mail": sent.put}, together=["mail"])
    running.start()
    try:
        assert len({sent.get(timeout=DEADLINE).id for _ in range(count)}) == count
    finally:
        running.stop()
