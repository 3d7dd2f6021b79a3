"""The gate as a program: a real broker, a real turnstile process, pictures before its camera."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from access_protocol.codec import decode
from access_protocol.events import Status
from access_protocol.topics import Kind, Subject, build
from access_protocol.transport.base import Message
from bench.site import (
    GATE,
    GATE_KEY,
    ROOT,
    SITE,
    SmallSite,
    gate_settings,
    static_text,
    unbuffered,
)
from demo.phone import View, held_phone
from demo.program import StartedProcess
from gate_agent.local_store import LocalStore
from gate_agent.vision import cv2

pytestmark = pytest.mark.broker


class Entrance:
    """A running gate agent with a folder that its camera watches."""

    def __init__(self, site: SmallSite) -> None:
        self.site = site
        self.scenes = site.folder / "scenes"
        self.scenes.mkdir()
        store = LocalStore(site.folder / "gate")
        store.enrol(site.enrolment(Kind.GATE, GATE), GATE_KEY, site.identity(GATE).key)
        self.settings = gate_settings(site.folder, f"watch:{self.scenes}")

    def run(self, **environment: str) -> StartedProcess:
        command = [sys.executable, "-m", "gate_agent", "run", "--json"]
        return StartedProcess(
            [*command, "--settings", self.settings],
            ready='"what": "ready"',
            folder=ROOT,
            environment={**unbuffered(), **environment},
        )

    def show(self, text: str, name: str) -> None:
        hidden = self.scenes / f".{name}.png"
        cv2.imwrite(str(hidden), held_phone(text, View(), seed=3))
        hidden.rename(self.scenes / f"{name}.png")


def told(line: str) -> dict[str, object]:
    return json.loads(line)


@pytest.fixture
def entrance() -> Iterator[Entrance]:
    with SmallSite() as site:
        yield Entrance(site)


def test_a_phone_before_the_camera_moves_a_real_turnstile(entrance: Entrance) -> None:
    entrance.site.start_turnstile("--walk-after", "50")
    with entrance.run() as gate:
        entrance.show(static_text(1), "visitor")
        granted = told(gate.wait_for_line('"what": "granted"'))
        unlocked = told(gate.wait_for_line('"what": "unlocked"'))
        passed = told(gate.wait_for_line('"outcome": "passed"'))
        assert granted["event"] == unlocked["event"] == passed["event"]
        assert gate.stop() == 0
    assert '"what": "stopped"' in gate.output


def test_a_visitor_who_turns_back_may_come_again(entrance: Entrance) -> None:
    entrance.site.start_turnstile("--people", "none")
    with entrance.run() as gate:
        entrance.show(static_text(1), "visitor")
        gate.wait_for_line('"outcome": "not_passed"')
    status = subprocess.run(
        [sys.executable, "-m", "gate_agent", "status", "--settings", entrance.settings],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert json.loads(status.stdout)["journal_sequence"] == 2


def test_a_gate_without_libzbar_says_so_once_and_goes_on(
    entrance: Entrance, tmp_path: Path
) -> None:
    """What lies in the library's place cannot be loaded; the decoding process looks there first."""
    (tmp_path / "libzbar.so.0").write_text("no library")
    with entrance.run(LD_LIBRARY_PATH=str(tmp_path)) as gate:
        entrance.show("https://example.com/menu", "poster")
        entrance.show(static_text(1), "visitor")
        gate.wait_for_line('"what": "granted"')
        gate.stop()
    (said,) = [line for line in gate.lines if "decoder_missing" in line]
    assert str(tmp_path) in said
    assert "libzbar0" in said


def test_a_broker_that_dies_is_survived(entrance: Entrance) -> None:
    with entrance.run() as gate:
        entrance.site.broker.kill()
        gate.wait_for_line('"what": "offline"')
        entrance.show(static_text(1), "visitor")
        gate.wait_for_line('"what": "granted"')
        gate.wait_for_line('"outcome": "no_answer"')
        entrance.site.start_broker()
        gate.wait_for_line('"what": "online"')
        assert gate.stop(signal.SIGINT) == 0


def test_a_gate_that_is_killed_is_given_away_by_its_last_will(entrance: Entrance) -> None:
    gone = threading.Event()

    def receive(message: Message) -> None:
        if not decode(Status, message.payload).online:
            gone.set()

    observer = entrance.site.transport("observer")
    observer.subscribe(build(SITE, Kind.GATE, GATE, Subject.STATUS), receive)
    observer.start()
    entrance.run().kill()
    assert gone.wait(120)
    observer.stop()
