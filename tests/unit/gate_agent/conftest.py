"""What several tests of the gate share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from tests.fakes.gate_site import (
    FakeController,
    FakeServer,
    enrolled,
)
from tests.fakes.running_gate import FakeCamera, Gate


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    broker = MemoryBroker()
    transports = [MemoryTransport(broker), MemoryTransport(broker)]
    gate = Gate(
        enrolled(tmp_path / "gate"),
        broker,
        FakeServer(transports[0]),
        FakeController(transports[1]),
        FakeCamera(),
    )
    for transport in transports:
        transport.start()
    yield gate
    gate.stop()
    assert [transport.failures for transport in transports] == [0, 0]
