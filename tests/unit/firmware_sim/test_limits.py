"""What nobody gets past: the relay's limits, bounded memory under a flood, and payloads of any size."""

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from access_protocol import codec
from access_protocol.commands import ASK_CEILING, Ask
from access_protocol.decision import CommandRefusal
from access_protocol.events import ControllerEventKind as Kind
from access_protocol.ids import DeviceId, Nonce
from access_protocol.keys import SigningKey
from access_protocol.knowledge import Obeyed
from access_protocol.topics import Kind as From
from access_protocol.topics import Subject, build
from access_protocol.transport.base import Message
from firmware_sim.controller import INBOX, KEY_LIST_CEILING, REFUSALS_TOLD
from firmware_sim.installation import PortalKind
from firmware_sim.portal import Timings
from firmware_sim.relay import Relay
from firmware_sim.scheduler import Processor, SimulatedScheduler
from tests.fakes.controller_scene import (
    DOOR,
    GATE,
    SITE,
    UNLOCKS,
    Scene,
    done,
    key_list,
    seconds,
)

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Pin:
    """A relay under test, and when it was on."""

    def __init__(self, timings: Timings) -> None:
        self.scheduler = SimulatedScheduler()
        self.on: list[tuple[float, float]] = []
        self._since: float | None = None
        self.relay = Relay(self._set, self.scheduler, timings)

    def _set(self, on: bool) -> None:  # noqa: FBT001 - what the pin says
        now = self.scheduler.now().total_seconds()
        if on and self._since is None:
            self._since = now
        elif not on and self._since is not None:
            self.on.append((self._since, now))
            self._since = None


@UNTIMED
@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 20)), max_size=60),
    st.integers(1, 12),
)
def test_no_order_of_commands_gets_a_relay_past_its_limits(
    steps: list[tuple[bool, float]], pulses: int
) -> None:
    timings = Timings(longest_on=seconds(7), shortest_off=seconds(0.3), pulses_a_minute=pulses)
    pin = Pin(timings)
    commanded: list[float] = []
    for on, pause in steps:
        if on and not pin.relay.exhausted:
            commanded.append(pin.scheduler.now().total_seconds())
            pin.relay.on()
        elif not on:
            pin.relay.off()
        pin.scheduler.advance(seconds(pause))
    pin.relay.off()
    assert all(end - begin <= 7.001 for begin, end in pin.on)
    gaps = zip(pin.on, pin.on[1:], strict=False)
    assert all(later[0] - earlier[1] >= 0.299 for earlier, later in gaps)


def test_one_pulse_too_many_in_a_minute_is_refused_and_told() -> None:
    scene = Scene(PortalKind.TURNSTILE, timings=Timings(pulses_a_minute=3)).start()
    gate = scene.sender()
    for _ in range(3):
        event = scene.event()
        assert gate.do(event) == done(event)
        assert scene.barrier.push()
        scene.advance(1)
    word = gate.do(scene.event())
    assert word is not None
    assert word.refusal is CommandRefusal.RELAY_LIMIT
    assert scene.barrier.leave()
    scene.advance(60)
    event = scene.event()
    assert gate.do(event) == done(event)


def test_a_relay_that_just_fell_off_waits_a_moment_and_the_person_gets_in() -> None:
    scene = Scene(PortalKind.TURNSTILE).start()
    gate = scene.sender()
    gate.do(scene.event())
    scene.barrier.push()
    event = scene.event()
    gate.do(event)
    assert not scene.circuit.relay
    scene.advance(0.1)
    assert scene.told(event) == [Kind.UNLOCKED]
    assert scene.barrier.push()


def test_more_people_than_there_is_room_for_are_refused() -> None:
    scene = Scene(PortalKind.TURNSTILE).start()
    gate = scene.sender()
    words = [gate.do(scene.event()) for _ in range(17)]
    assert [word.refusal for word in words if word] == [None] * 16 + [CommandRefusal.BUSY]


def test_a_flood_of_asks_from_many_senders_leaves_one_nonce_for_each_that_is_listed() -> None:
    scene = Scene().start()
    conversation = scene.installation.controller._conversation
    for number in range(3000):
        ask = codec.encode(Ask(event=scene.event()))
        device = DeviceId(f"stranger-{number}") if number % 2 else GATE
        scene.listener.publish(build(SITE, From.GATE, device, Subject.ASK, DOOR), ask)
    assert set(conversation._given) == {GATE}
    event = scene.event()
    assert scene.sender().do(event) == done(event)


def test_a_flood_of_forged_commands_does_not_push_out_what_happened_at_the_door() -> None:
    scene = Scene().start()
    gate = scene.sender()
    scene.broker.lose()
    scene.doorway.force()
    scene.advance(1)
    scene.broker.restore()
    for _ in range(500):
        gate.send(gate.sealed(Nonce(bytes(16)), scene.event()))
    assert len(gate.acknowledgements) == 500
    assert scene.told().count(Kind.COMMAND_REFUSED) == REFUSALS_TOLD
    assert Kind.FORCED_OPEN in scene.told()
    scene.advance(61)
    assert scene.events[-1].detail == "490 more within a minute"


def test_what_does_not_fit_into_the_inbox_is_dropped_and_counted() -> None:
    scene = Scene().start()
    controller = scene.installation.controller
    topic = build(SITE, From.GATE, GATE, Subject.ASK, DOOR)
    waiting = [Message(topic, codec.encode(Ask(event=scene.event()))) for _ in range(INBOX + 5)]
    # The loop is busy: what comes meanwhile waits.
    scene.scheduler.post(lambda: [controller._receive(message) for message in waiting])
    assert controller.malformed_messages == 5
    event = scene.event()
    assert scene.sender().do(event) == done(event)


def test_a_key_list_that_is_too_long_for_a_microcontroller_is_refused_unread() -> None:
    scene = Scene().start()
    many = [
        Obeyed(DeviceId(f"gate-number-{number:020}"), SigningKey(b"k" * 32).public, UNLOCKS)
        for number in range(200)
    ]
    document = key_list(2, many)
    assert len(document) > KEY_LIST_CEILING
    scene.give_key_list(document)
    assert scene.installation.controller.key_list_version == 1


@pytest.mark.parametrize("size", [ASK_CEILING + 1, 70_000, 2_000_000])
def test_an_ask_of_any_size_is_counted_and_answered_by_nothing(size: int) -> None:
    scene = Scene().start()
    gate = scene.sender()
    gate.publish(Subject.ASK, b'{"version":1,"event":"' + b"0" * size + b'"}')
    assert gate.answers == []
    assert scene.installation.controller.malformed_messages == 1


def test_a_processor_that_died_runs_nothing_after() -> None:
    scheduler = SimulatedScheduler()
    processor = Processor(scheduler)
    processor.halt()
    processor.post(lambda: pytest.fail("it is dead"))
    assert not processor.alive
