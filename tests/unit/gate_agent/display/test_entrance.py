"""The changing code on the gate's display: for scanning and for typing, and only while the clock is trusted."""

from datetime import timedelta

import numpy as np
import pytest
import zxingcpp

from access_protocol import entrance_code
from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.ids import AccessPointId, EventId
from access_protocol.knowledge import EntranceScreen
from access_protocol.wording import Language
from demo.codes import QR_CODES
from gate_agent.display.board import DisplayFeedback
from gate_agent.display.entrance import NO_CODE, Code, Showing, showing
from gate_agent.display.screens import Standing
from tests.fakes.gate_site import ENTRANCE, NOW

SCREEN = EntranceScreen(ENTRANCE, b"k" * 32, "https://genkan.example/e/K7M2QX")
DIGITS = entrance_code.code_at(SCREEN.key, NOW).digits


def read(code: Code) -> str:
    """Read the code from the squares of its path, as a camera would."""
    grid = np.full((code.size + 8, code.size + 8), 255, np.uint8)
    for square in code.path.split("M")[1:]:
        x, y = square.split("h")[0].split()
        grid[int(y) + 4, int(x) + 4] = 0
    found = zxingcpp.read_barcodes(np.kron(grid, np.ones((6, 6), np.uint8)), formats=QR_CODES)
    return found[0].text


def test_the_screen_gives_the_same_code_to_scan_and_to_type() -> None:
    shown = showing(SCREEN, NOW, clock_trusted=True)

    assert shown.code is not None
    assert read(shown.code) == f"https://genkan.example/e/K7M2QX?c={DIGITS}"
    assert shown.screen is not None
    for language in Language:
        assert shown.screen.words[language].sentences[-1].replace(" ", "") == DIGITS


@pytest.mark.parametrize(("after_ms", "left_ms"), [(0, 15_000), (1, 14_999), (14_999, 1)])
def test_it_stands_until_the_next_code(after_ms: int, left_ms: int) -> None:
    shown = showing(SCREEN, NOW + timedelta(milliseconds=after_ms), clock_trusted=True)

    assert shown.code is not None
    assert shown.code.left_ms == left_ms
    assert shown.left == left_ms / 1000


def test_a_gate_that_does_not_know_the_time_shows_no_code_and_says_so() -> None:
    assert showing(SCREEN, NOW, clock_trusted=False) is NO_CODE

    display = DisplayFeedback([ENTRANCE])
    display.ask(Standing, lambda _point: NO_CODE)
    shown = display.shown(ENTRANCE)

    assert shown is not None
    assert (shown.screen.what, shown.code) == ("idle", None)
    assert [mark.words[Language.EN] for mark in shown.marks] == ["No entrance code"]


def test_a_code_stands_at_rest_only_and_at_its_own_access_point() -> None:
    other = AccessPointId("sakura-in")
    code = showing(SCREEN, NOW, clock_trusted=True)

    def beside(point: str) -> Showing | None:
        return code if point == ENTRANCE else None

    display = DisplayFeedback([ENTRANCE, other])
    display.ask(Standing, beside)

    assert [_what(display, point) for point in (ENTRANCE, other)] == ["entrance", "idle"]

    display.reading(ENTRANCE)
    assert _what(display, ENTRANCE) == "reading"
    display.trouble("journal", "full")
    display.trouble(ENTRANCE, "no camera")
    assert "entrance" not in {_what(display, ENTRANCE), _what(display, other)}


def test_a_refusal_takes_the_place_of_the_code() -> None:
    display = DisplayFeedback([ENTRANCE])
    display.ask(Standing, lambda _point: showing(SCREEN, NOW, clock_trusted=True))
    display.refused(ENTRANCE, EventId("1"), DenyReason.REVOKED, AccessDecision(DenyReason.REVOKED))
    shown = display.shown(ENTRANCE)

    assert shown is not None
    assert (shown.screen.what, shown.code) == ("refused", None)


def _what(display: DisplayFeedback, point: AccessPointId) -> str:
    shown = display.shown(point)
    assert shown is not None
    return shown.screen.what
