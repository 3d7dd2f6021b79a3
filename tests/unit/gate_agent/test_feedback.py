"""What people, programs and lamps are told."""

import contextlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from access_protocol import wording
from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import CredentialId, EventId
from access_protocol.wording import Language
from gate_agent.feedback.base import Enrolling, Feedback, Serving, Together
from gate_agent.feedback.console import ConsoleFeedback, JsonFeedback
from gate_agent.feedback.lights import (
    RED,
    Colour,
    LightsFeedback,
    LightsUnavailable,
    Ring,
)
from gate_agent.feedback.words import OF_SERVING, Phrase, say, say_outcome
from tests.fakes.gate_feedback import FakeFeedback
from tests.fakes.gate_site import ENTRANCE, NOW

EVENT = EventId("00000000-0000-4000-8000-000000000001")
GRANTED = AccessDecision(None, CredentialId(bytes(16)))


def play(feedback: Feedback) -> None:
    """Everything that a feedback can be told, once."""
    feedback.wait(ENTRANCE)
    feedback.reading(ENTRANCE)
    feedback.hold_still(ENTRANCE)
    feedback.granted(ENTRANCE, EVENT, GRANTED)
    feedback.refused(
        ENTRANCE,
        EVENT,
        DenyReason.EXPIRED,
        AccessDecision(DenyReason.EXPIRED, GRANTED.credential_id),
    )
    feedback.unlocked(ENTRANCE, EVENT)
    feedback.door(ENTRANCE, EVENT, Outcome.PASSED)
    feedback.machine(ENTRANCE, EVENT, Serving.SOLD_OUT)
    feedback.offline(now=True)
    feedback.offline(now=False)
    feedback.trouble(ENTRANCE, "no picture")
    feedback.trouble(ENTRANCE, None)
    feedback.enrolling(Enrolling.HOLD_CODE)
    feedback.enrolling(Enrolling.WORKING)
    feedback.enrolling(Enrolling.CODE_REFUSED, "the code has expired")
    feedback.enrolling(Enrolling.DONE)
    feedback.close()


@pytest.mark.parametrize("language", Language)
def test_the_console_speaks_the_gates_language(language: Language) -> None:
    stream = io.StringIO()
    play(ConsoleFeedback(language, stream))
    text = stream.getvalue()
    assert say(Phrase.WAIT, language) in text
    for phrase in (Phrase.READING, Phrase.HOLD_STILL, Phrase.GRANTED, Phrase.UNLOCKED):
        assert say(phrase, language) in text
    assert say(Phrase.PASSED, language) in text
    assert say(Phrase.SOLD_OUT, language) in text
    assert say(Phrase.OFFLINE, language) in text
    assert wording.sentence(DenyReason.EXPIRED, language) in text
    assert "expired" in text
    assert "no picture" in text
    assert say(Phrase.HOLD_CODE, language) in text
    assert "the code has expired" in text
    assert len(text.splitlines()) == 16


@pytest.mark.parametrize("language", Language)
def test_everything_can_be_said_in_every_language(language: Language) -> None:
    assert all(say(phrase, language) for phrase in Phrase)
    assert all(say_outcome(outcome, language) for outcome in Outcome)
    assert len({say(OF_SERVING[said], language) for said in Serving}) == len(Serving)


def test_programs_get_one_json_object_a_line() -> None:
    stream = io.StringIO()
    play(JsonFeedback(stream, now=lambda: NOW))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["what"] for line in lines] == [
        "wait",
        "reading",
        "hold_still",
        "granted",
        "refused",
        "unlocked",
        "door",
        "machine",
        "offline",
        "online",
        "trouble",
        "trouble",
        *["enrolling"] * 4,
    ]
    assert lines[4] == {
        "at": "2026-04-01T09:00:00.000Z",
        "what": "refused",
        "access_point": "main-gate-in",
        "event": EVENT,
        "reason": "expired",
        "credential": "0" * 32,
        "class": None,
    }
    assert [line["trouble"] for line in lines if line["what"] == "trouble"] == ["no picture", None]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("cannot", ["/dev/full", "ascii", "closed"])
def test_a_line_that_cannot_be_written_stops_nobody_at_the_door(
    language: Language, cannot: str
) -> None:
    encoding = "ascii" if cannot == "ascii" else "utf-8"
    stream = (
        io.TextIOWrapper(Path("/dev/full").open("wb"))  # noqa: SIM115 - closed below
        if cannot == "/dev/full"
        else io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    )
    if cannot == "closed":
        stream.close()
    play(ConsoleFeedback(language, stream))
    play(JsonFeedback(stream))
    with contextlib.suppress(OSError):
        stream.close()  # what could not be written is tried once more


class BrokenLamp(FakeFeedback):
    """Raises at everything it is told."""

    def _show(self, *what: object) -> None:
        raise RuntimeError("the pin does not answer")


def test_a_broken_lamp_hides_nothing_and_raises_nothing() -> None:
    shown = FakeFeedback()
    play(Together([BrokenLamp(), shown]))
    assert [one[0] for one in shown.shown][-1] == "closed"
    assert len(shown.shown) == 17


def test_several_feedbacks_are_told_the_same() -> None:
    one, other = FakeFeedback(), FakeFeedback()
    play(Together([one, other]))
    assert one.shown == other.shown
    assert len(one.shown) == 17


@dataclass
class Pins:
    green_pin: int | None = 17
    red_pin: int | None = None
    buzzer_pin: int | None = None
    ring_pins: tuple[int, int, int] | None = None
    ring_common_anode: bool = False


class Lamp:
    """One pin of gpiozero's mock factory, which has no stubs."""

    def __init__(self, factory: Any, number: int) -> None:
        self._pin = factory.pin(number)
        self._pin.function = "output"

    @property
    def was_on(self) -> bool:
        return any(change.state for change in self._pin.states)

    def wait_until_on(self, within: float = 10.0) -> None:
        """Gpiozero works its outputs in threads of their own."""
        step = threading.Event()
        for _ in range(int(within / 0.001)):
            if self.was_on:
                return
            step.wait(0.001)
        raise AssertionError("the lamp stayed off")


@pytest.fixture
def factory() -> Iterator[Any]:
    factory: Any = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.close()


def test_green_waits_for_the_controllers_word(factory: Any) -> None:
    lights, green = LightsFeedback(Pins(), factory), Lamp(factory, 17)
    lights.granted(ENTRANCE, EVENT, GRANTED)
    lights.door(ENTRANCE, EVENT, Outcome.NO_ANSWER)
    assert not green.was_on
    lights.unlocked(ENTRANCE, EVENT)
    green.wait_until_on()
    lights.close()


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.NO_ANSWER])
def test_red_says_that_nothing_opened(factory: Any, outcome: Outcome) -> None:
    lights, red = LightsFeedback(Pins(None, 27), factory), Lamp(factory, 27)
    lights.door(ENTRANCE, EVENT, Outcome.PASSED)
    assert not red.was_on
    lights.door(ENTRANCE, EVENT, outcome)
    red.wait_until_on()
    lights.close()


def test_green_says_that_a_drink_comes(factory: Any) -> None:
    lights, green = LightsFeedback(Pins(), factory), Lamp(factory, 17)
    lights.machine(ENTRANCE, EVENT, Serving.NOT_GIVEN)
    assert not green.was_on
    lights.machine(ENTRANCE, EVENT, Serving.COMING)
    green.wait_until_on()
    lights.close()


@pytest.mark.parametrize("said", [Serving.SOLD_OUT, Serving.NOT_GIVEN, Serving.NO_ANSWER])
def test_red_says_that_no_drink_comes(factory: Any, said: Serving) -> None:
    lights = LightsFeedback(Pins(green_pin=None, red_pin=18), factory)
    lights.machine(ENTRANCE, EVENT, said)
    Lamp(factory, 18).wait_until_on()
    lights.close()


def test_red_and_the_buzzer_say_refused(factory: Any) -> None:
    lights = LightsFeedback(Pins(None, 27, 22), factory)
    red, buzzer = Lamp(factory, 27), Lamp(factory, 22)
    lights.refused(ENTRANCE, EVENT, DenyReason.EXPIRED, AccessDecision(DenyReason.EXPIRED))
    red.wait_until_on()
    buzzer.wait_until_on()
    lights.close()


RING = (5, 6, 13)
PATTERNS: dict[str, tuple[Callable[[Feedback], None], tuple[bool, bool, bool]]] = {
    "read": (lambda to: to.reading(ENTRANCE), (False, False, True)),
    "hold still": (lambda to: to.hold_still(ENTRANCE), (True, True, False)),
    "granted": (lambda to: to.granted(ENTRANCE, EVENT, GRANTED), (False, True, False)),
    "refused": (
        lambda to: to.refused(
            ENTRANCE, EVENT, DenyReason.EXPIRED, AccessDecision(DenyReason.EXPIRED)
        ),
        (True, False, False),
    ),
    "trouble": (lambda to: to.trouble(ENTRANCE, "no picture"), (True, True, False)),
}


@pytest.mark.parametrize("what", PATTERNS)
def test_the_ring_has_a_colour_for_each_thing(factory: Any, what: str) -> None:
    happens, lit = PATTERNS[what]
    lights = LightsFeedback(Pins(None, ring_pins=RING), factory)
    pins = [Lamp(factory, pin) for pin in RING]
    happens(lights)
    for lamp, on in zip(pins, lit, strict=True):
        if on:
            lamp.wait_until_on()
    lights.close()
    assert tuple(lamp.was_on for lamp in pins) == lit


class RecordingRing:
    """Remembers what an RGBLED is told, without the colours."""

    def __init__(self) -> None:
        self.rhythms: list[tuple[object, ...]] = []

    def off(self) -> None:
        self.rhythms.append(("off",))

    def blink(
        self,
        on_time: float,
        off_time: float,
        fade_in_time: float = 0,
        fade_out_time: float = 0,
        on_color: Colour = RED,
        off_color: Colour = RED,
        n: int | None = None,
    ) -> None:
        self.rhythms.append((on_time, off_time, fade_in_time, fade_out_time, n))

    def close(self) -> None:
        self.off()


def test_the_rings_patterns_differ_in_their_rhythm_too() -> None:
    rhythms: list[tuple[object, ...]] = []
    for happens, _ in PATTERNS.values():
        lights, recording = LightsFeedback(Pins(None)), RecordingRing()
        lights._ring = Ring(recording)
        happens(lights)
        rhythms.append(recording.rhythms[0])
        lights.close()
    assert len(set(rhythms)) == len(PATTERNS)


def test_a_ring_with_a_common_anode_is_dark_when_its_pins_are_high(factory: Any) -> None:
    lights = LightsFeedback(Pins(None, ring_pins=RING, ring_common_anode=True), factory)
    assert [factory.pin(pin).state for pin in RING] == [1, 1, 1]
    lights.close()


def test_trouble_is_told_again_after_a_visitor_was_answered(factory: Any) -> None:
    lights = LightsFeedback(Pins(None, 27, ring_pins=RING), factory)
    lights.trouble("journal", "disk full")
    lights._say_no()
    assert lights._resting is not None
    lights._resting.join(10)
    recorded = len(factory.pin(27).states)
    step = threading.Event()
    for _ in range(10_000):
        if len(factory.pin(27).states) > recorded:
            break
        step.wait(0.001)
    else:
        raise AssertionError("the red lamp blinks no more")
    lights.close()


def test_pins_that_cannot_be_used_are_said(factory: Any) -> None:
    first = LightsFeedback(Pins(17), factory)
    with pytest.raises(LightsUnavailable, match="17"):
        LightsFeedback(Pins(17), factory)
    first.close()


def test_a_gate_without_lamps_can_be_told_everything(factory: Any) -> None:
    play(LightsFeedback(Pins(None), factory))
