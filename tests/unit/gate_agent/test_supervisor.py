"""The service manager is told over its real datagram socket."""

import os
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gate_agent.supervisor import Supervisor


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    address = f"{tmp_path}/notify" if request.param == "file" else f"@genkan-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        listening.settimeout(10)
        yield listening, address


def test_it_hears_that_the_gate_is_ready_alive_and_stopping(
    manager: tuple[socket.socket, str],
) -> None:
    listening, address = manager
    told = Supervisor({"NOTIFY_SOCKET": address})
    told.ready("gate-1\nREADY=0")
    told.alive()
    told.status("offline")
    told.stopping()
    assert [listening.recv(1000).decode() for _ in range(4)] == [
        "READY=1\nSTATUS=gate-1 READY=0",
        "WATCHDOG=1",
        "STATUS=offline",
        "STOPPING=1",
    ]


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "/nowhere/at/all"])
def test_without_a_manager_nothing_is_told_and_nothing_fails(address: str) -> None:
    told = Supervisor({"NOTIFY_SOCKET": address})
    told.ready("gate-1")
    told.alive()
    told.stopping()


@pytest.mark.parametrize(
    ("environment", "within"),
    [
        ({"WATCHDOG_USEC": "30000000"}, timedelta(seconds=30)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, timedelta(seconds=30)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_for_this_program_only(
    environment: dict[str, str], within: timedelta | None
) -> None:
    assert Supervisor(environment).watchdog == within
