"""The screen at an entrance in a browser whose clock the test moves: hours, a lost network, a wrong time of day."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, Request, expect

from access_protocol.entrance_code import STEP
from access_protocol.ids import AccessPointId
from server.access.actions import entrance_codes_ahead
from server.arrivals import actions as arrivals
from server.arrivals.actions import NewKiosk, NewPoster
from server.arrivals.models import Kiosk
from server.kernel.principal import Principal
from tests.browser.conftest import OpenContext
from tests.fakes.panel_site import SITE
from tests.fakes.pass_scene import PassSite, serving

pytestmark = pytest.mark.browser

ENTRANCE = AccessPointId("main-gate-in")
SOON = 20_000
STARTS = datetime(2026, 4, 1, 3, tzinfo=UTC)
TICK_MS = 300
"""The screen looks at its clock four times a second."""
SYSTEM = Principal.system()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PassSite]:
    with serving(tmp_path_factory.mktemp("kiosk")) as served:
        with served.site.office.begin(SYSTEM) as work:
            arrivals.put_up_poster(work, SITE, NewPoster(portal="main-gate"))
        yield served


@pytest.fixture
def paired(scene: PassSite) -> tuple[Kiosk, str]:
    with scene.site.office.begin(SYSTEM) as work:
        return arrivals.pair_kiosk(work, SITE, NewKiosk(name="Tablet", access_point=ENTRANCE))


@pytest.fixture
def screen(open_context: OpenContext, paired: tuple[Kiosk, str]) -> Page:
    """The screen, whose clock stands still until the test moves it."""
    page = open_context(viewport={"width": 1024, "height": 768}).new_page()
    page.clock.install(time=STARTS)
    page.clock.pause_at(STARTS + timedelta(seconds=1))
    page.goto(paired[1])
    until_it_asks(page)
    shows(page, "live")
    return page


def until_it_asks(page: Page) -> None:
    """Let time go by until the server is asked, and no further: its patience runs on the same clock."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(400):
        if any(each.endswith("/code") for each in asked):
            return
        page.clock.run_for(TICK_MS)
    pytest.fail("the screen does not ask any more")


def shows(page: Page, state: str) -> None:
    expect(page.locator("#kiosk")).to_have_attribute("data-state", state, timeout=SOON)


def digits(page: Page) -> str:
    return page.locator("[data-digits]").inner_text().replace(" ", "")


def expected(scene: PassSite, steps: int) -> list[str]:
    with scene.site.office.reading(SYSTEM) as work:
        return [each.digits for each in entrance_codes_ahead(work, SITE, ENTRANCE, steps)]


def time_goes_by(page: Page, span: timedelta) -> None:
    page.clock.run_for(int(span.total_seconds() * 1000))


def test_a_minute_without_the_network_does_not_blank_it(screen: Page, scene: PassSite) -> None:
    ahead = expected(scene, 8)
    screen.context.set_offline(True)
    seen: list[str] = []
    for _ in range(5):
        shows(screen, "live")
        seen.append(digits(screen))
        time_goes_by(screen, STEP)

    # Each of the next four steps has its own code, and it is the one that the server accepts then.
    start = ahead.index(seen[0])
    assert seen == ahead[start : start + 5]
    expect(screen.get_by_text("The server does not answer at the moment")).to_be_visible()


def test_after_that_it_says_plainly_that_it_lost_the_server_and_goes_on_by_itself(
    screen: Page,
) -> None:
    screen.context.set_offline(True)
    time_goes_by(screen, timedelta(seconds=120))
    shows(screen, "lost")
    expect(screen.get_by_text("This screen has lost the server")).to_be_visible()
    expect(screen.locator("img")).to_be_hidden()

    screen.context.set_offline(False)
    until_it_asks(screen)
    shows(screen, "live")
    expect(screen.get_by_text("The server does not answer at the moment")).to_be_hidden()


def test_a_wrong_time_of_day_does_not_matter(screen: Page, scene: PassSite) -> None:
    screen.clock.set_system_time("2019-03-04T05:06:07Z")
    time_goes_by(screen, timedelta(milliseconds=TICK_MS))
    shows(screen, "live")
    assert digits(screen) in expected(scene, 2)


def test_it_runs_for_hours_and_holds_no_more_than_in_the_beginning(screen: Page) -> None:
    asked: list[Request] = []
    screen.on("request", lambda request: asked.append(request))  # noqa: PLW0108  playwright wants a function of ours
    nodes = "document.getElementsByTagName('*').length"
    before = screen.evaluate(nodes)
    for number in range(1, 25):
        screen.clock.fast_forward("15:00")
        until_it_asks(screen)
        shows(screen, "live")
        assert len(asked) <= 4 * number
    assert screen.evaluate(nodes) == before


def test_a_screen_that_was_put_out_of_service_says_so(
    screen: Page, scene: PassSite, paired: tuple[Kiosk, str]
) -> None:
    with scene.site.office.begin(SYSTEM) as work:
        arrivals.revoke_kiosk(work, paired[0].id)
    until_it_asks(screen)
    shows(screen, "gone")
    expect(screen.get_by_text("This screen is not set up any more")).to_be_visible()
