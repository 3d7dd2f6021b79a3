"""A whole gate on a broker in memory: what it shows, journals and sends, and what it survives."""

import os
import pty
import threading
import time
from datetime import timedelta
from uuid import uuid4

import numpy as np

from access_protocol.decision import DenyReason
from access_protocol.events import ControllerEventKind, DecisionEntry, Outcome
from gate_agent.gatekeeper import FORGED_AT_ONCE
from gate_agent.health import HANGS_AFTER
from tests.fakes.gate_journal import VISITOR
from tests.fakes.gate_site import (
    ENTRANCE,
    NOW,
    SITE,
    static,
)
from tests.fakes.running_gate import (
    EMPTY,
    OFFLINE,
    ONLINE,
    WITHIN,
    Gate,
    StumblingTransport,
)


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


def test_a_clock_that_runs_ahead_forgets_nothing_that_still_counts(gate: Gate) -> None:
    agent = gate.start()
    gate.server.revoke(VISITOR, 3)
    gate.until(lambda: agent.knowledge.lowest_generation(VISITOR) == 3)
    event = str(uuid4())
    agent.journal.append(
        DecisionEntry(at=NOW, event=event, access_point=ENTRANCE, reason=DenyReason.EXPIRED)
    )
    gate.until(lambda: agent.journal.waiting == 0)
    gate.stop()
    gate.broker.lose()
    gate.now = NOW + timedelta(days=400)
    agent = gate.start()
    gate.until(lambda: agent._prune_due > float("-inf"))
    assert agent.knowledge.lowest_generation(VISITOR) == 3
    assert agent.journal.pruned == 0


def test_it_says_that_it_is_there_and_says_goodbye(gate: Gate) -> None:
    gate.start()
    gate.stop()
    assert gate.server.status == [True, False]
    assert ("closed",) in gate.feedback.shown
    assert gate.server.asked[0] == {}
    assert len(set(gate.server.nonces)) == len(gate.server.nonces)


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
