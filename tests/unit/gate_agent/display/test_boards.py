"""What stands on the display, for how long, and what never does."""

import importlib.resources
import re
from datetime import timedelta
from time import monotonic

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_protocol import wording
from access_protocol.credential import CredentialClass
from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import AccessPointId, CredentialId, EventId
from access_protocol.wording import Language
from gate_agent.display import screens
from gate_agent.display.board import SHOWN_S, DisplayFeedback
from gate_agent.display.screens import Standing
from gate_agent.feedback.base import Serving
from gate_agent.feedback.words import say_age
from tests.fakes.gate_site import ENTRANCE
from tests.fakes.pacing import FakeTime

ROOM = AccessPointId("sakura-in")
FIRST, SECOND = EventId("1"), EventId("2")
GRANTED = AccessDecision(None, CredentialId(bytes(16)))


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def display(time: FakeTime) -> DisplayFeedback:
    return DisplayFeedback([ENTRANCE, ROOM], moment=lambda: time.now)


def at(display: DisplayFeedback, point: str = ENTRANCE) -> str:
    shown = display.shown(point)
    assert shown is not None
    return shown.screen.what


def refuse(display: DisplayFeedback, event: EventId, reason: DenyReason) -> None:
    display.refused(ENTRANCE, event, reason, AccessDecision(reason, GRANTED.credential_id))


def test_a_visit_goes_from_reading_to_the_open_door_and_back(
    display: DisplayFeedback, time: FakeTime
) -> None:
    seen = [at(display)]
    display.reading(ENTRANCE)
    seen.append(at(display))
    display.granted(ENTRANCE, FIRST, GRANTED)
    seen.append(at(display))
    display.unlocked(ENTRANCE, FIRST)
    seen.append(at(display))
    display.door(ENTRANCE, FIRST, Outcome.PASSED)
    seen.append(at(display))
    time.now += SHOWN_S["door-passed"]
    seen.append(at(display))
    assert seen == ["idle", "reading", "granted", "unlocked", "door-passed", "idle"]


def test_granted_says_nothing_of_an_open_door() -> None:
    openers = (screens.UNLOCKED, screens.door(Outcome.OPENED))
    assert [screen.tone for screen in openers] == [screens.Tone.OPEN] * 2
    assert not screens.GRANTED.arrow
    assert screens.GRANTED.tone is not screens.Tone.OPEN
    others = [screens.door(one) for one in _AT_DOORS if one is not Outcome.OPENED]
    others += [screens.machine(said) for said in Serving]
    assert not any(screen.arrow or screen.tone is screens.Tone.OPEN for screen in others)


def test_what_a_controller_says_of_one_visitor_does_not_hide_the_next_ones_refusal(
    display: DisplayFeedback, time: FakeTime
) -> None:
    display.granted(ENTRANCE, FIRST, GRANTED)
    refuse(display, SECOND, DenyReason.EXPIRED)
    display.unlocked(ENTRANCE, FIRST)
    display.door(ENTRANCE, FIRST, Outcome.PASSED)
    assert at(display) == "refused"
    time.now += SHOWN_S["refused"]
    display.door(ENTRANCE, FIRST, Outcome.PASSED)
    assert at(display) == "door-passed"


def test_what_is_said_with_every_frame_appears_once_and_stays(
    display: DisplayFeedback, time: FakeTime
) -> None:
    for _ in range(30):
        display.hold_still(ENTRANCE)
        time.now += 1
    shown = display.shown(ENTRANCE)
    assert shown is not None
    assert (shown.screen.what, shown.number) == ("hold_still", 1)


def test_what_happens_while_a_page_is_written_to_is_not_slept_through(
    display: DisplayFeedback,
) -> None:
    known = display.news
    display.hold_still(ENTRANCE)
    began = monotonic()
    display.wait_for_news(known, 60)
    assert monotonic() - began < 30


def test_each_access_point_has_a_board_of_its_own(display: DisplayFeedback) -> None:
    refuse(display, FIRST, DenyReason.EXPIRED)
    assert (at(display, ENTRANCE), at(display, ROOM)) == ("refused", "idle")
    assert display.shown("elsewhere") is None


def test_a_gate_with_one_reader_has_one_board_whatever_its_access_point_is_called() -> None:
    display = DisplayFeedback([])
    display.reading(ENTRANCE)
    assert at(display, "") == at(display, "anything") == "reading"


def test_a_camera_in_trouble_is_said_at_its_access_point_and_the_journal_at_all(
    display: DisplayFeedback,
) -> None:
    display.trouble(ENTRANCE, "no picture")
    assert (at(display, ENTRANCE), at(display, ROOM)) == ("trouble", "idle")
    display.trouble("journal", "disk full")
    assert (at(display, ENTRANCE), at(display, ROOM)) == ("trouble", "trouble")
    display.trouble(ENTRANCE, None)
    assert at(display, ENTRANCE) == "trouble"
    display.trouble("journal", None)
    assert (at(display, ENTRANCE), at(display, ROOM)) == ("idle", "idle")


@pytest.mark.parametrize("reason", DenyReason)
@pytest.mark.parametrize("language", Language)
def test_a_refusal_says_its_reason_in_full_and_nothing_else(
    reason: DenyReason, language: Language
) -> None:
    said = screens.refused(reason).words[language]
    joint = " " if language is Language.EN else ""
    assert joint.join(said.sentences) == wording.sentence(reason, language)


@given(st.binary(min_size=16, max_size=16), st.sampled_from(DenyReason))
def test_a_refusal_shows_nothing_of_the_credential(id_: bytes, reason: DenyReason) -> None:
    display = DisplayFeedback([ENTRANCE])
    display.refused(ENTRANCE, FIRST, reason, AccessDecision(reason, CredentialId(id_)))
    shown = display.shown(ENTRANCE)
    assert shown is not None
    assert shown.screen == screens.refused(reason)
    assert id_.hex() not in msgspec.json.encode(shown.screen).decode()


@pytest.mark.parametrize(
    ("standing", "icons"),
    [
        (Standing(), []),
        (Standing(online=False, knowledge_age=timedelta(minutes=1)), ["offline", "clock"]),
        (Standing(knowledge_age=timedelta(minutes=11)), ["clock"]),
        (Standing(knowledge_age=None), ["clock"]),
        (Standing(clock_trusted=False), ["unknown"]),
    ],
)
def test_the_marks_say_how_the_gate_stands(standing: Standing, icons: list[str]) -> None:
    assert [mark.icon for mark in screens.marks(standing)] == icons


@pytest.mark.parametrize(
    ("age", "told"),
    [
        (timedelta(seconds=59), "0 min ago"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(days=3), "3 days ago"),
        (None, "Nothing heard yet"),
    ],
)
def test_the_age_of_the_knowledge_is_said_in_whole_numbers(
    age: timedelta | None, told: str
) -> None:
    assert say_age(age, Language.EN) == told


@given(
    st.lists(
        st.sampled_from(
            ["reading", "wait", "hold_still", "granted", "refused", "unlocked", "door", "time"]
        ),
        max_size=30,
    )
)
def test_in_any_order_of_events_nothing_is_open_unless_the_controller_said_so(
    events: list[str],
) -> None:
    time = FakeTime()
    display = DisplayFeedback([ENTRANCE], moment=lambda: time.now)
    said = False
    for event in events:
        match event:
            case "granted":
                display.granted(ENTRANCE, FIRST, GRANTED)
            case "refused":
                refuse(display, SECOND, DenyReason.EXPIRED)
            case "unlocked":
                said = True
                display.unlocked(ENTRANCE, FIRST)
            case "door":
                said = True
                display.door(ENTRANCE, FIRST, Outcome.OPENED)
            case "time":
                time.now += 4
            case _:
                getattr(display, event)(ENTRANCE)
        shown = display.shown(ENTRANCE)
        assert shown is not None
        assert said or shown.screen.tone is not screens.Tone.OPEN


_AT_DOORS = sorted(set(Outcome) - {Outcome.DISPENSED, Outcome.NOT_DISPENSED})


def test_a_drink_goes_from_ordered_to_the_bottle() -> None:
    display = DisplayFeedback([ENTRANCE], moment=FakeTime().clock)
    voucher = AccessDecision(None, GRANTED.credential_id, CredentialClass.VOUCHER, 0, slot=3)
    seen: list[str] = []

    for step in (
        lambda: display.granted(ENTRANCE, FIRST, voucher),
        lambda: display.machine(ENTRANCE, FIRST, Serving.COMING),
        lambda: display.machine(ENTRANCE, FIRST, Serving.GIVEN),
    ):
        step()
        shown = display.shown(ENTRANCE)
        assert shown is not None
        seen.append(shown.screen.what)
        assert not shown.screen.arrow

    assert seen == ["ordered", "machine-coming", "machine-given"]


def test_a_voucher_is_refused_in_words_about_drinks() -> None:
    spent = screens.refused(DenyReason.EXPIRED, CredentialClass.VOUCHER)
    a_pass = screens.refused(DenyReason.EXPIRED)
    other = screens.refused(DenyReason.CLASS_NOT_ALLOWED, CredentialClass.BOUND)

    headings = {one.words[Language.EN].heading for one in (spent, a_pass, other)}
    assert headings == {"No drink yet", "Not admitted", "Another code, please"}
    assert "host" not in " ".join(spent.words[Language.EN].sentences)


def test_every_screen_has_an_icon_that_the_page_can_draw() -> None:
    static = importlib.resources.files("gate_agent.display") / "static/icons.svg"
    drawn = set(re.findall(r'symbol id="([\w-]+)"', static.read_text("utf-8")))
    shown = [one for one in vars(screens).values() if isinstance(one, screens.Screen)]
    shown += [screens.door(outcome) for outcome in _AT_DOORS]
    shown += [screens.machine(said) for said in Serving]
    shown.append(screens.refused(DenyReason.EXPIRED))
    worst = Standing(online=False, knowledge_age=None, clock_trusted=False)
    named = {screen.icon for screen in shown} | {mark.icon for mark in screens.marks(worst)}
    assert named <= drawn


def test_every_screen_stands_for_a_while() -> None:
    shown = [one for one in vars(screens).values() if isinstance(one, screens.Screen)]
    shown += [screens.door(outcome) for outcome in _AT_DOORS]
    shown += [screens.machine(said) for said in Serving]
    at_rest = {"idle", "machine_idle", "trouble", "hold_code"}
    assert {screen.what for screen in shown} - at_rest <= SHOWN_S.keys()
