"""The display at the gate in a real browser, fed by the gate's own server."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import cv2
import numpy as np
import pytest
import zxingcpp
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from access_protocol import entrance_code, wording
from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.events import OF_MACHINES, Outcome
from access_protocol.ids import AccessPointId, EventId
from access_protocol.knowledge import EntranceScreen
from access_protocol.wording import Language
from demo.chromium import start_chromium
from demo.codes import QR_CODES
from gate_agent.display.board import DisplayFeedback
from gate_agent.display.entrance import showing
from gate_agent.display.screens import Standing
from gate_agent.display.server import DisplayOptions, DisplayServer
from gate_agent.feedback.base import Enrolling, Serving
from gate_agent.feedback.words import Phrase, say

pytestmark = pytest.mark.browser

ENTRANCE = AccessPointId("main-gate-in")
POSTER = EntranceScreen(ENTRANCE, b"k" * 32, "https://192.168.1.20:8443/e/K7M2QX")
EVENT = EventId("1")
GRANTED = AccessDecision(None)
SMALL, UPRIGHT = (480, 320), (480, 800)
SIZES = [(800, 480), (1280, 800), (390, 844), (1440, 900)]
KIOSK = "--autoplay-policy=no-user-gesture-required"
"""As deploy/systemd starts Chromium; without it a page that nobody touched makes no sound."""
SMALLEST_PX, AA_LARGE, AA = 48, 3.0, 4.5

Serve = Callable[..., DisplayServer]


@pytest.fixture(scope="module")
def kiosk() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = start_chromium(playwright, KIOSK)
        yield browser
        browser.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[DisplayServer] = []

    def one(*languages: Language, arrow: str = "ahead") -> DisplayServer:
        options = DisplayOptions(languages or tuple(Language), ((ENTRANCE, arrow),))
        server = DisplayServer(DisplayFeedback([ENTRANCE]), options, 0)
        server.start()
        servers.append(server)
        return server

    yield one
    for server in servers:
        server.close()


@pytest.fixture
def open_page(kiosk: Browser) -> Iterator[Callable[..., Page]]:
    wrong: list[str] = []
    contexts: list[BrowserContext] = []

    def one(display: DisplayServer, size: tuple[int, int] = (800, 480), **options: str) -> Page:
        view = ViewportSize(width=size[0], height=size[1])
        context = kiosk.new_context(viewport=view, **options)  # pyright: ignore[reportArgumentType]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(display.url + ENTRANCE)
        page.wait_for_selector("body[data-what]")
        return page

    asked: list[str] = []
    yield one
    for context in contexts:
        context.close()
    assert not [one for one in wrong if "ERR_" not in one]
    assert not [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:"))]


def stands(page: Page, what: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-what", what)


def test_a_visit_from_the_idle_page_to_the_open_door(
    serve: Serve, open_page: Callable[..., Page]
) -> None:
    display = serve(Language.EN, arrow="left")
    page = open_page(display)
    shown = display.feedback
    expect(page.locator("#text")).to_contain_text(say(Phrase.IDLE, Language.EN))
    shown.reading(ENTRANCE)
    stands(page, "reading")
    shown.hold_still(ENTRANCE)
    stands(page, "hold_still")
    shown.granted(ENTRANCE, EVENT, GRANTED)
    stands(page, "granted")
    expect(page.locator("body")).to_have_attribute("data-arrow", "none")
    shown.unlocked(ENTRANCE, EVENT)
    stands(page, "unlocked")
    expect(page.locator("body")).to_have_attribute("data-arrow", "left")
    expect(page.locator("#heading")).to_have_text("Welcome")
    expect(page.locator("#icon use")).to_have_attribute("href", "/icons.svg#onward")
    shown.door(ENTRANCE, EVENT, Outcome.PASSED)
    stands(page, "door-passed")
    stands(page, "idle")


def test_a_refusal_is_said_in_every_language_in_turn(
    serve: Serve, open_page: Callable[..., Page]
) -> None:
    display = serve(Language.JA, Language.EN, Language.ZH)
    page = open_page(display)
    decision = AccessDecision(DenyReason.REVOKED)
    display.feedback.refused(ENTRANCE, EVENT, DenyReason.REVOKED, decision)
    stands(page, "refused")
    for language in (Language.JA, Language.EN, Language.ZH):
        expect(page.locator("html")).to_have_attribute("lang", language)
        said = re.sub(r"\s", "", page.locator("#text").inner_text())
        assert said == re.sub(r"\s", "", wording.sentence(DenyReason.REVOKED, language))


@pytest.mark.parametrize("size", [SMALL, UPRIGHT, *SIZES])
@pytest.mark.parametrize(
    "language",
    [
        Language.JA,
        pytest.param(Language.EN, marks=pytest.mark.long),
        pytest.param(Language.ZH, marks=pytest.mark.long),
    ],
)
def test_the_code_at_an_entrance_can_be_scanned_from_the_screen_and_read_from_it(
    serve: Serve, open_page: Callable[..., Page], size: tuple[int, int], language: Language
) -> None:
    display = serve(language)
    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    display.feedback.ask(Standing, lambda _point: showing(POSTER, now, clock_trusted=True))
    page = open_page(display, size)
    stands(page, "entrance")
    digits = entrance_code.code_at(POSTER.key, now).digits
    expect(page.locator(".digits")).to_contain_text(f"{digits[:4]} {digits[4:]}")
    expect(page.locator("#left")).to_have_text(re.compile(r"^1[0-5] s$"))
    picture = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert [code.text for code in zxingcpp.read_barcodes(picture, formats=QR_CODES)] == [
        POSTER.address_with(digits)
    ]
    assert page.evaluate("overflows()") is False
    assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= SMALLEST_PX


def _door(outcome: Outcome, to: DisplayFeedback) -> None:
    to.door(ENTRANCE, EVENT, outcome)


def _serve(said: Serving, to: DisplayFeedback) -> None:
    to.machine(ENTRANCE, EVENT, said)


def _refuse(reason: DenyReason, to: DisplayFeedback) -> None:
    to.refused(ENTRANCE, EVENT, reason, AccessDecision(reason))


def everything() -> list[tuple[str, Callable[[DisplayFeedback], None]]]:
    """Each state, and how the gate comes to it."""
    found: list[tuple[str, Callable[[DisplayFeedback], None]]] = [
        ("idle", lambda _: None),
        ("trouble", lambda to: to.trouble(ENTRANCE, "no picture")),
        ("idle", lambda to: to.trouble(ENTRANCE, None)),
        ("hold_code", lambda to: to.enrolling(Enrolling.HOLD_CODE)),
        ("code_refused", lambda to: to.enrolling(Enrolling.CODE_REFUSED)),
        ("reading", lambda to: to.reading(ENTRANCE)),
        ("hold_still", lambda to: to.hold_still(ENTRANCE)),
        ("wait", lambda to: to.wait(ENTRANCE)),
        ("granted", lambda to: to.granted(ENTRANCE, EVENT, GRANTED)),
        ("unlocked", lambda to: to.unlocked(ENTRANCE, EVENT)),
    ]
    at_machines = set(OF_MACHINES.values())
    found += [
        (f"door-{outcome}", partial(_door, outcome))
        for outcome in Outcome
        if outcome not in at_machines
    ]
    found += [(f"machine-{said}", partial(_serve, said)) for said in Serving]
    reasons = (DenyReason.ENTRY_SPENT, DenyReason.WRONG_ZONE, DenyReason.HOLDER_PROOF_WRONG)
    found += [("refused", partial(_refuse, reason)) for reason in reasons]
    return found


MEASURED = """() => {
  const screen = document.getElementById("screen");
  const luminance = (colour) => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const contrast = (one, other) => {
    const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const style = (element) => getComputedStyle(element);
  const seen = [...document.querySelectorAll("#heading, #text span, #marks span")]
    .filter((one) => one.offsetHeight > 0);
  return {
    type: Math.min(...seen.map((one) => parseFloat(style(one).fontSize))),
    text: contrast(style(document.body).color, style(document.body).backgroundColor),
    icon: contrast(style(document.getElementById("icon")).color, style(document.body).backgroundColor),
    words: seen.length,
    cut: screen.scrollHeight > screen.clientHeight || screen.scrollWidth > screen.clientWidth
      || document.documentElement.scrollWidth > innerWidth || document.documentElement.scrollHeight > innerHeight
      || seen.map((one) => one.getBoundingClientRect()).some((box) =>
        box.left < 0 || box.right > innerWidth || box.top < 0 || box.bottom > innerHeight),
  };
}"""


@pytest.mark.parametrize(
    ("size", "language"),
    [
        *((size, language) for size in (SMALL, UPRIGHT) for language in Language),
        *((size, Language.JA) for size in SIZES),
    ],
)
def test_every_state_is_legible_on_every_size(
    serve: Serve, open_page: Callable[..., Page], size: tuple[int, int], language: Language
) -> None:
    display = serve(language)
    page = open_page(display, size, reduced_motion="reduce")
    # The marks take room from the words, so this is the hardest case.
    away = Standing(online=False, knowledge_age=timedelta(hours=3), clock_trusted=False)
    display.feedback.ask(lambda: away)
    expect(page.locator("#marks")).to_be_visible()
    for what, happens in everything():
        happens(display.feedback)
        stands(page, what)
        measured = page.evaluate(MEASURED)
        assert measured["type"] >= SMALLEST_PX, (what, measured)
        assert measured["text"] >= AA, (what, measured)
        assert measured["icon"] >= AA_LARGE, (what, measured)
        assert measured["words"], (what, measured)
        assert not measured["cut"], (what, size, measured)


def test_who_asked_for_stillness_gets_no_motion(
    serve: Serve, open_page: Callable[..., Page]
) -> None:
    display = serve(Language.EN)
    moving = open_page(display)
    still = open_page(display, reduced_motion="reduce")
    display.feedback.unlocked(ENTRANCE, EVENT)
    for page, running in ((moving, 1), (still, 0)):
        stands(page, "unlocked")
        assert page.evaluate("document.getAnimations().length") == running


def test_a_decision_is_heard_once_and_a_page_loaded_anew_is_silent(
    serve: Serve, open_page: Callable[..., Page]
) -> None:
    display = serve(Language.EN)
    page = open_page(display)
    expect(page.locator("body")).to_have_attribute("data-sound", "running")
    display.feedback.granted(ENTRANCE, EVENT, GRANTED)
    expect(page.locator("body")).to_have_attribute("data-played", "1")
    display.feedback.unlocked(ENTRANCE, EVENT)
    expect(page.locator("body")).to_have_attribute("data-played", "2")
    page.reload()
    stands(page, "unlocked")
    assert page.locator("body").get_attribute("data-played") is None


def test_the_marks_say_offline_and_how_old_the_knowledge_is(
    serve: Serve, open_page: Callable[..., Page]
) -> None:
    display = serve(Language.EN)
    page = open_page(display)
    expect(page.locator("#marks")).to_be_hidden()
    display.feedback.ask(lambda: Standing(online=False, knowledge_age=timedelta(hours=3)))
    expect(page.locator("#marks")).to_contain_text("Offline")
    expect(page.locator("#marks")).to_contain_text("3 h ago")
    display.feedback.ask(Standing)
    expect(page.locator("#marks")).to_be_hidden()


def test_a_page_whose_gate_stopped_says_so_and_comes_back_with_it(
    serve: Serve, open_page: Callable[..., Page]
) -> None:
    display = serve(Language.EN)
    page = open_page(display)
    display.feedback.granted(ENTRANCE, EVENT, GRANTED)
    stands(page, "granted")
    port = display.server_address[1]
    display.close()
    stands(page, "trouble")
    again = DisplayServer(DisplayFeedback([ENTRANCE]), DisplayOptions(), int(port))
    again.start()
    stands(page, "idle")
    again.close()
