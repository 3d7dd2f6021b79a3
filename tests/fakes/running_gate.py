"""A whole gate on a broker in memory, with its site around it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from access_protocol.topics import Subject
from access_protocol.transport.base import Will
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from gate_agent.agent import Agent, ReaderPlan
from gate_agent.camera import CameraLost, Frame
from gate_agent.clock import GateClock
from gate_agent.local_store import Identity, LocalStore
from gate_agent.vision import Image
from tests.fakes.gate_feedback import FakeFeedback
from tests.fakes.gate_site import (
    ENTRANCE,
    NOW,
    FakeController,
    FakeServer,
)
from tests.fakes.pictures import code

EMPTY = np.full((720, 1280), 128, np.uint8)
WITHIN = 120.0
OFFLINE, ONLINE = ("offline", True), ("offline", False)


class FakeCamera:
    """Shows what it was told to show; can be unplugged."""

    def __init__(self) -> None:
        self.picture: Image = EMPTY
        self.plugged_in = True
        self.opened = 0
        self._number = 0
        self._pace = threading.Event()

    def open(self) -> None:
        self.opened += 1
        if not self.plugged_in:
            raise CameraLost("camera 0 is unplugged")

    def read(self) -> Frame:
        self._pace.wait(0.01)
        if not self.plugged_in:
            raise CameraLost("camera 0 sends no picture")
        self._number += 1
        return Frame(self.picture, self._number, 0.0)

    def close(self) -> None:
        pass

    def show(self, text: str) -> None:
        self.picture = code(text)


class StumblingTransport(MemoryTransport):
    """Raises, at the first health report, what no transport should raise."""

    stumbled = False

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, expiry: timedelta | None = None
    ) -> bool:
        if topic.endswith(Subject.HEALTH) and not self.stumbled:
            self.stumbled = True
            raise ValueError("a bug")
        return super().publish(topic, payload, retain=retain, expiry=expiry)


@dataclass
class Gate:
    """One running gate with its site around it."""

    store: LocalStore
    broker: MemoryBroker
    server: FakeServer
    controller: FakeController
    camera: FakeCamera
    feedback: FakeFeedback = field(default_factory=FakeFeedback)
    agent: Agent | None = None
    transport_kind: type[MemoryTransport] = MemoryTransport
    scanner: str | None = None
    now: datetime = NOW
    """What the machine's clock says."""

    def start(self) -> Agent:
        def transport(_identity: Identity, will: Will) -> MemoryTransport:
            return self.transport_kind(self.broker, will)

        self.feedback = FakeFeedback()
        self.agent = Agent(
            self.store.identity(),
            self.store,
            [ReaderPlan(ENTRANCE, self.scanner or self.camera)],
            self.feedback,
            make_transport=transport,
            make_clock=lambda _journal: GateClock(battery_clock=True, system=lambda: self.now),
        )
        self.agent.start(timedelta(seconds=0.2))
        return self.agent

    def stop(self) -> None:
        if self.agent is not None:
            self.agent.stop()
            self.agent = None

    def until(self, holds: Callable[[], object]) -> None:
        """Wait, with a deadline, until something holds that other threads bring about."""
        step = threading.Event()
        for _ in range(int(WITHIN / 0.01)):
            if holds():
                return
            step.wait(0.01)
        raise AssertionError(f"it did not come to that: {self.feedback.shown}")
