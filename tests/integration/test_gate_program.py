"""The gate as a program that systemd starts: enrolment, display and signs of life, on real sockets."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from access_protocol import enrolment as enrolments
from access_protocol.enrolment import Ticket
from demo.program import StartedProcess
from tests.fakes.enrolment_server import AUTHORITY, EnrolmentServer
from tests.fakes.gate_site import enrolled, enrolment
from tests.fakes.pictures import code

ROOT = Path(__file__).parents[2]
CODE = "ABCD-EFGH-2345-67IJ"
WITHIN = 120.0


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(WITHIN)
        yield listening


def start(folder: Path, watchdog_s: float = 3.0) -> StartedProcess:
    scenes = folder / "scenes"
    scenes.mkdir(exist_ok=True)
    file = folder / "gate.toml"
    file.write_text(
        f'data_folder = "{folder}/gate"\nlanguage = "en"\ndisplay_port = 0\n'
        f'[[readers]]\ncamera = "watch:{scenes}"\n'
    )
    environment = {
        **os.environ,
        "NOTIFY_SOCKET": str(folder / "notify"),
        "WATCHDOG_USEC": str(int(watchdog_s * 1_000_000)),
    }
    command = [sys.executable, "-m", "gate_agent", "run", "--json", "--settings", str(file)]
    return StartedProcess(command, environment=environment, folder=ROOT)


def hold(folder: Path, text: str, name: str) -> None:
    fresh = folder / f"scenes/.{name}.png"
    cv2.imwrite(str(fresh), code(text))
    fresh.rename(folder / f"scenes/{name}.png")


def hear(manager: socket.socket, beginning: str) -> str:
    while True:
        told = manager.recv(4096).decode()
        if told.startswith(beginning):
            return told


def test_from_an_empty_machine_to_a_working_gate_without_a_restart(
    tmp_path: Path, manager: socket.socket
) -> None:
    with (
        EnrolmentServer({CODE: enrolment()}) as server,
        start(tmp_path) as gate,
    ):
        gate.wait_for_line('"step": "hold_code"', within=WITHIN)
        assert "not enrolled" in hear(manager, "READY=1")
        assert hear(manager, "WATCHDOG=1")
        spent = Ticket(server.url, "AAAA-AAAA-AAAA-AAAA", enrolments.fingerprint(AUTHORITY.public))
        hold(tmp_path, spent.text(), "spent")
        assert "spent" in gate.wait_for_line('"step": "code_refused"', within=WITHIN)
        good = Ticket(server.url, CODE, enrolments.fingerprint(AUTHORITY.public))
        # The next try is made five seconds after the last; until then the code is shown again.
        for number in range(20):
            hold(tmp_path, good.text(), f"good-{number}")
        gate.wait_for_line('"step": "done"', within=WITHIN)
        ready = json.loads(gate.wait_for_line('"what": "ready"', within=WITHIN))
        assert ready["gate"] == "gate-1"
        assert not ready["readers"]  # the only reader's access point comes with the policy
        with urllib.request.urlopen(ready["display"], timeout=WITHIN) as page:  # noqa: S310 - its own
            assert b"Genkan" in page.read()
        assert "offline" in hear(manager, "READY=1")
        os.kill(gate.pid, signal.SIGTERM)
        assert hear(manager, "STOPPING=1")
        gate.wait_for_line('"what": "stopped"', within=WITHIN)


def _waits(manager: socket.socket) -> bool:
    try:
        return bool(manager.recv(4096))
    except BlockingIOError:
        return False


def test_a_program_whose_threads_stand_still_gives_no_sign_of_life(
    tmp_path: Path, manager: socket.socket
) -> None:
    with start(tmp_path, watchdog_s=1.5) as gate:
        gate.wait_for_line('"step": "hold_code"', within=WITHIN)
        hear(manager, "WATCHDOG=1")
        os.kill(gate.pid, signal.SIGSTOP)
        try:
            manager.settimeout(0)
            while _waits(manager):
                pass
            manager.settimeout(1.5)
            with pytest.raises(TimeoutError):
                manager.recv(4096)
        finally:
            os.kill(gate.pid, signal.SIGCONT)


def test_status_tells_how_a_running_gate_fares(tmp_path: Path, manager: socket.socket) -> None:
    enrolled(tmp_path / "gate")
    with start(tmp_path) as gate:
        gate.wait_for_line('"what": "ready"', within=WITHIN)
        hear(manager, "WATCHDOG=1")
        command = [sys.executable, "-m", "gate_agent", "status", "--settings"]
        asked = subprocess.run(
            [*command, str(tmp_path / "gate.toml")],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
    told = json.loads(asked.stdout)
    assert told["gate"] == "gate-1"
    assert told["disk_free_mb"] > 0
    assert told["running"]["memory_mb"] > 10
    assert told["running"]["journal_waiting"] == 0
    assert told["certificate_expires"] > "2026"
