"""A whole gate on a broker in memory: what it shows, journals and sends, and what it survives."""

import os
import pty
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from access_protocol import codec, knowledge, topics
from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.documents import DocumentKind
from access_protocol.events import ControllerEventKind, DecisionEntry, Outcome, PassageNotice
from access_protocol.ids import CredentialId, DeviceId, Direction
from access_protocol.knowledge import AntiPassback, Policy, ZonePolicy
from access_protocol.topics import Kind, Subject
from access_protocol.transport.base import Will
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from gate_agent.agent import Agent, ReaderPlan
from gate_agent.camera import CameraLost, Frame
from gate_agent.clock import GateClock
from gate_agent.gatekeeper import FORGED_AT_ONCE
from gate_agent.health import HANGS_AFTER
from gate_agent.local_store import Identity, LocalStore
from gate_agent.vision import Image
from tests.fakes.gate_feedback import FakeFeedback
from tests.fakes.gate_site import (
    ENTRANCE,
    GATE,
    NOW,
    OFFICE,
    SITE,
    FakeController,
    FakeServer,
    bound,
    document,
    enrolled,
    entrance,
    full,
    policy,
    short,
    static,
)
from tests.fakes.pictures import code

EMPTY = np.full((720, 1280), 128, np.uint8)
WITHIN = 20.0
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
            make_clock=lambda _journal: GateClock(battery_clock=True, system=lambda: NOW),
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


def test_an_invited_visitor_walks_in(gate: Gate) -> None:
    gate.start()
    gate.camera.show(static())
    gate.until(lambda: gate.controller.commands)
    event = gate.controller.commands[0].event
    gate.controller.happens(ControllerEventKind.UNLOCKED, event)
    gate.controller.happens(ControllerEventKind.PASSED, event)
    gate.feedback.wait_for("door", ENTRANCE, Outcome.PASSED)
    gate.until(lambda: gate.server.outcomes() == ["passed"])
    assert gate.feedback.of("reading", "granted", "refused", "unlocked", "door") == [
        ("reading", ENTRANCE),
        ("granted", ENTRANCE),
        ("unlocked", ENTRANCE),
        ("door", ENTRANCE, Outcome.PASSED),
    ]


def test_a_scan_engine_lets_a_visitor_in_and_its_rubbish_is_counted(gate: Gate) -> None:
    engine, line = pty.openpty()
    gate.scanner = f"serial:{os.ttyname(line)}"
    agent = gate.start()
    gate.until(lambda: agent.health().readers[0].camera_ok)

    os.write(engine, b"\x80\x81\x82\r" + f"{static()}\r\n".encode())

    gate.until(lambda: gate.controller.commands)
    assert gate.feedback.of("reading", "granted", "refused") == [
        ("reading", ENTRANCE),
        ("granted", ENTRANCE),
    ]
    health = agent.health()
    assert health.malformed_messages == 1
    assert health.readers[0].camera_ok
    os.close(engine)
    os.close(line)
    gate.feedback.wait_for("trouble", ENTRANCE)
    assert not agent.health().readers[0].camera_ok


def test_the_entry_is_journaled_before_the_command_goes_out(gate: Gate) -> None:
    agent = gate.start()
    written: list[int] = []
    gate.controller.transport.subscribe(
        f"genkan/{SITE}/gate/+/command/+", lambda _: written.append(agent.journal.position.sequence)
    )
    gate.camera.show(static())
    gate.until(lambda: written)
    assert written == [1]


def test_an_expired_pass_is_refused_and_no_command_goes_out(gate: Gate) -> None:
    gate.start()
    gate.camera.show(static(at=NOW.replace(day=2)))
    gate.feedback.wait_for("refused", ENTRANCE, DenyReason.NOT_YET_VALID)
    assert gate.controller.commands == []
    gate.until(lambda: len(gate.server.entries) == 1)


def test_a_poster_leaves_no_trace(gate: Gate) -> None:
    agent = gate.start()
    gate.camera.show("https://example.com/menu")
    gate.until(lambda: agent.health().readers[0].frames_per_second > 0)
    gate.camera.show(static())
    gate.feedback.wait_for("granted")
    assert agent.journal.position.sequence == 1


def test_a_screen_full_of_forgeries_waits_but_the_next_visitor_does_not(gate: Gate) -> None:
    agent = gate.start()
    reader = agent.readers[0]
    for number in range(FORGED_AT_ONCE + 20):
        reader.present((f"GK1:FORGED {number}",))
    assert len(gate.feedback.of("refused")) == FORGED_AT_ONCE
    assert gate.feedback.of("wait") == [("wait", ENTRANCE)]
    assert agent.journal.position.sequence == FORGED_AT_ONCE
    assert len(gate.controller.asks) == FORGED_AT_ONCE
    gate.camera.show(static())
    gate.until(lambda: gate.controller.commands)
    assert len(gate.controller.asks) == FORGED_AT_ONCE + 1


def test_one_reader_waits_while_another_one_decides(gate: Gate) -> None:
    reader = gate.start().readers[0]
    deciding = threading.Thread(target=reader.present, args=(("GK1:FORGED",),))
    with reader._desk.deciding:
        deciding.start()
        deciding.join(0.2)
        assert deciding.is_alive()
        assert gate.feedback.of("refused") == []
    deciding.join(WITHIN)
    assert len(gate.feedback.of("refused")) == 1


def test_a_revocation_counts_as_soon_as_it_is_pushed(gate: Gate) -> None:
    agent = gate.start()
    visitor = CredentialId((1).to_bytes(16, "big"))
    gate.server.revoke(visitor, 1)
    gate.until(lambda: agent.knowledge.lowest_generation(visitor) == 1)
    gate.camera.show(static())
    gate.feedback.wait_for("refused", ENTRANCE, DenyReason.REVOKED)


def test_a_new_gate_admits_nobody_before_it_knows_anything(gate: Gate) -> None:
    gate.broker.lose()
    gate.start()
    gate.camera.show(static())
    gate.feedback.wait_for("refused", ENTRANCE, DenyReason.UNKNOWN_KEY)
    assert OFFLINE in gate.feedback.shown


def test_an_access_point_that_the_policy_does_not_name_admits_nobody(gate: Gate) -> None:
    gate.server.bodies[DocumentKind.POLICY] = knowledge.write_policy(
        type(policy())(access_points={})
    )
    gate.start()
    gate.camera.show(static())
    gate.feedback.wait_for("refused", ENTRANCE, DenyReason.CLASS_NOT_ALLOWED)
    assert gate.controller.asks == []


def test_with_the_broker_away_it_says_so_goes_on_deciding_and_uploads_later(gate: Gate) -> None:
    gate.start()
    gate.broker.lose()
    gate.feedback.wait_for(*OFFLINE)
    gate.camera.show(static())
    gate.feedback.wait_for("granted")
    gate.feedback.wait_for("door", ENTRANCE, Outcome.NO_ANSWER)
    assert gate.server.entries == {}
    gate.broker.restore()
    gate.feedback.wait_for(*ONLINE)
    gate.until(lambda: len(gate.server.entries) == 2)
    assert gate.controller.commands == []


def test_a_gate_that_starts_offline_decides_by_what_it_last_heard(gate: Gate) -> None:
    gate.start()
    gate.stop()
    gate.broker.lose()
    gate.start()
    gate.camera.show(static())
    gate.feedback.wait_for("granted")


def test_a_camera_that_is_unplugged_is_said_and_comes_back_by_itself(gate: Gate) -> None:
    agent = gate.start()
    gate.until(lambda: agent.health().readers[0].camera_ok)
    gate.camera.plugged_in = False
    gate.feedback.wait_for("trouble", ENTRANCE, "camera 0 sends no picture")
    assert not agent.health().readers[0].camera_ok
    gate.until(lambda: gate.server.health[-1].readers[0].trouble)
    gate.camera.plugged_in = True
    gate.feedback.wait_for("trouble", ENTRANCE, None)
    gate.camera.show(static())
    gate.feedback.wait_for("granted")


def test_a_full_disk_denies_and_says_so_until_there_is_room_again(gate: Gate) -> None:
    agent = gate.start()
    connection = agent.journal._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(200):
        gate.camera.show(static(number + 1))
        gate.until(lambda n=number: len(gate.feedback.of("granted", "refused")) > n)
        if gate.feedback.of("refused"):
            break
    assert gate.feedback.of("refused") == [("refused", ENTRANCE, DenyReason.JOURNAL_UNAVAILABLE)]
    commands = len(gate.controller.commands)
    assert commands == len(gate.feedback.of("granted"))
    gate.feedback.wait_for("trouble", "journal")
    connection.execute("PRAGMA max_page_count = 1000000")
    gate.camera.show(static(9999))
    gate.feedback.wait_for("trouble", "journal", None)
    gate.until(lambda: len(gate.controller.commands) == commands + 1)


def test_an_error_nobody_thought_of_is_said_and_the_reader_goes_on(gate: Gate) -> None:
    gate.start()
    gate.camera.picture = np.zeros((0, 0), np.uint8)
    gate.feedback.wait_for("trouble", ENTRANCE, "an error in this program: ValueError")
    gate.camera.show(static())
    gate.feedback.wait_for("trouble", ENTRANCE, None)
    gate.feedback.wait_for("granted")


def test_an_error_in_one_round_of_the_timers_does_not_end_them(gate: Gate) -> None:
    gate.transport_kind = StumblingTransport
    gate.start()
    gate.until(lambda: gate.server.health)


def test_nonsense_on_mqtt_is_counted_and_stops_nothing(gate: Gate) -> None:
    agent = gate.start()
    send = gate.server.publish
    send(Subject.KNOWLEDGE, b"\x00" * 300)
    send(Subject.KNOWLEDGE, document(DocumentKind.POLICY, b"\xff", 9))
    send(Subject.RECEIPT, b"{")
    gate.controller._publish(Subject.ANSWER, b"[]")
    gate.controller.transport.publish(
        topics.build(SITE, Kind.CONTROLLER, gate.controller.name, Subject.EVENT), b"\xff"
    )
    gate.until(lambda: agent.health().malformed_messages == 5)
    gate.camera.show(static())
    gate.feedback.wait_for("granted")


def test_a_restart_uploads_what_was_not_acknowledged_and_keeps_single_entry(gate: Gate) -> None:
    gate.server.acknowledges = False
    gate.start()
    gate.camera.show(static())
    gate.until(lambda: gate.server.entries)
    gate.camera.picture = EMPTY
    gate.stop()
    gate.server.acknowledges = True
    agent = gate.start()
    gate.until(lambda: agent.journal.waiting == 0)
    gate.camera.show(static())
    gate.feedback.wait_for("refused", ENTRANCE, DenyReason.ENTRY_SPENT)


def test_old_entries_go_once_the_server_has_them(gate: Gate) -> None:
    agent = gate.start()
    for age in (40, 35, 1):
        at, event = NOW - timedelta(days=age), str(uuid4())
        agent.journal.append(
            DecisionEntry(at=at, event=event, access_point=ENTRANCE, reason=DenyReason.EXPIRED)
        )
    gate.until(lambda: agent.journal.waiting == 0)
    agent._prune_due = 0.0
    gate.until(lambda: agent.journal.pruned)
    assert agent.journal.pruned == 2


def test_it_says_that_it_is_there_and_says_goodbye(gate: Gate) -> None:
    gate.start()
    gate.stop()
    assert gate.server.status == [True, False]
    assert ("closed",) in gate.feedback.shown
    assert gate.server.asked[0] == {}
    assert len(set(gate.server.nonces)) == len(gate.server.nonces)


def test_it_asks_only_for_what_is_newer_than_what_it_holds(gate: Gate) -> None:
    gate.server.revoke(CredentialId(bytes(16)), 1)
    gate.start()
    gate.stop()
    gate.start()
    assert gate.server.asked[-1] == {"keys": 1, "policy": 1, "revocations": 1}


def test_a_receipt_in_the_name_of_another_server_counts_for_nothing(gate: Gate) -> None:
    agent = gate.start()
    gate.broker.publish(
        f"genkan/{SITE}/server/imposter/receipt/gate-1", b'{"version":1}', retain=False
    )
    assert agent.health().malformed_messages == 1


def test_timers_that_stand_still_are_noticed(gate: Gate) -> None:
    agent = gate.start()
    gate.until(lambda: agent.going_round)
    hanging, released = threading.Event(), threading.Event()

    def tick() -> None:
        hanging.set()
        released.wait(WITHIN)

    agent.readers[0].tick = tick  # pyright: ignore[reportAttributeAccessIssue]  # it hangs
    assert hanging.wait(WITHIN)
    agent._moment = lambda: time.monotonic() + HANGS_AFTER.total_seconds()
    assert not agent.going_round
    released.set()
    gate.until(lambda: agent.going_round)


def test_a_reader_that_stands_still_is_noticed(gate: Gate) -> None:
    agent = gate.start()
    gate.until(lambda: agent.going_round)
    hanging, released = threading.Event(), threading.Event()

    def present(_texts: tuple[str, ...]) -> None:
        hanging.set()
        released.wait(WITHIN)

    agent.readers[0].present = present  # pyright: ignore[reportAttributeAccessIssue]  # it hangs
    gate.camera.show(static())
    assert hanging.wait(WITHIN)
    agent._gauges[0]._moment = lambda: time.monotonic() + HANGS_AFTER.total_seconds()
    assert not agent.going_round
    released.set()


def test_a_phone_that_the_gate_does_not_hold_is_asked_to_hold_still_and_then_let_in(
    gate: Gate,
) -> None:
    gate.server.bodies[DocumentKind.POLICY] = knowledge.write_policy(
        policy(entrance(classes=frozenset(CredentialClass)))
    )
    reader = gate.start().readers[0]
    reader.present((short(bound()),))
    reader.present((short(bound()),))
    assert gate.feedback.of("hold_still", "refused") == [("hold_still", ENTRANCE)]
    assert gate.controller.commands == []
    reader.present((full(bound()),))
    gate.until(lambda: gate.controller.commands)
    assert gate.feedback.of("granted") == [("granted", ENTRANCE)]


def test_a_phone_that_the_gate_holds_is_let_in_by_its_short_presentation(gate: Gate) -> None:
    gate.server.bodies[DocumentKind.POLICY] = knowledge.write_policy(
        policy(entrance(classes=frozenset(CredentialClass)))
    )
    gate.server.tell(DocumentKind.CREDENTIALS, bound())
    gate.start().readers[0].present((short(bound()),))
    gate.until(lambda: gate.controller.commands)
    assert gate.feedback.of("hold_still") == []


def test_who_entered_at_another_gate_is_kept_out_here_and_told_of_by_it(gate: Gate) -> None:
    gate.server.bodies[DocumentKind.POLICY] = knowledge.write_policy(
        Policy(
            {ENTRANCE: entrance(classes=frozenset(CredentialClass))},
            zones={OFFICE: ZonePolicy(AntiPassback.HARD)},
        )
    )
    told: list[PassageNotice] = []
    gate.server.transport.subscribe(
        topics.build(SITE, Kind.GATE, GATE, Subject.PASSAGE),
        lambda message: told.append(codec.decode(PassageNotice, message.payload)),
    )
    agent = gate.start()
    notice = PassageNotice(
        at=NOW - timedelta(minutes=1),
        event=str(uuid4()),
        access_point="west-gate-in",
        zone=OFFICE,
        direction=Direction.IN,
        credential=CredentialId((1).to_bytes(16, "big")).hex(),
        credential_class=CredentialClass.BOUND,
        generation=0,
    )
    elsewhere = topics.build(SITE, Kind.GATE, DeviceId("gate-2"), Subject.PASSAGE)
    gate.server.transport.publish(elsewhere, codec.encode(notice))
    history = agent.readers[0]._desk.history
    gate.until(lambda: history.inside(CredentialId((1).to_bytes(16, "big")), OFFICE, None))
    agent.readers[0].present((full(bound(1)),))
    assert gate.feedback.of("refused") == [("refused", ENTRANCE, DenyReason.ANTI_PASSBACK)]
    agent.readers[0].present((full(bound(2)),))
    gate.until(lambda: gate.controller.commands)
    assert told == []
    gate.controller.happens(ControllerEventKind.PASSED, gate.controller.commands[0].event)
    gate.until(lambda: told)
    assert told[0].credential == CredentialId((2).to_bytes(16, "big")).hex()
