"""What visitors type stays text in a real browser: no script runs, nothing is asked for elsewhere, no box opens."""

import pytest
from playwright.sync_api import BrowserContext, Page, Request

from demo.chromium import PHONE
from server.app import create_app
from server.arrivals import posters
from server.kernel import outbox
from server.kernel.principal import Principal
from server.notifications.messages import Catcher
from server.people import models as people
from server.visits import actions as visits
from server.visits.actions import NewWish
from server.visits.models import Visit, Visitor
from tests.browser.conftest import Hall, OpenContext, sign_in
from tests.fakes.hostile_visitors import HostileVisitors
from tests.fakes.panel_site import SITE
from tests.vectors.hostile import HOSTILE, MARK

SHORT = [each for each in HOSTILE if len(each) < 100]
RUN = [each for each in SHORT if "owned" in each]
"""Those that could do something in a browser."""
AT_ONCE = 20
"""Fewer than may wait at a site."""


class Watched:
    """A browser of somebody, in which nothing may happen that a visitor typed."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._url, self.page = url, context.new_page()
        self.happened: list[str] = []
        context.add_init_script("window.owned = undefined;")
        context.on("request", self._asked)
        context.on("dialog", lambda box: self.happened.append(f"a box: {box.message}"))

    def look(self, path: str, expected: str = "") -> None:
        """Open a page and see that it is only shown."""
        self.page.goto(self._url + path, wait_until="load")
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        if expected:
            assert expected in self.page.inner_text("body"), path
        for frame in self.page.frames:
            assert frame.evaluate("window.owned") is None, path
            assert frame.locator(MARK).count() == 0, path
        assert self.page.url.startswith(self._url), path
        assert not self.happened, path

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self._url, "data:", "blob:")):
            self.happened.append(request.url)


@pytest.fixture(scope="module")
def visitors(hall: Hall) -> HostileVisitors:
    """The hall with a poster, and an application beside the served one in which strangers type."""
    office = hall.site.office
    settings = office.settings.model_copy(update={"limits_factor": 10_000})
    with office.begin(Principal.system()) as work:
        poster = posters.put_up(work, SITE, posters.NewPoster(portal="main-gate"))
        host = people.by_email(work.session, "host@genkan.example")
        assert host is not None
    return HostileVisitors(create_app(settings, office), office, poster, host.id)


@pytest.fixture
def watched(open_context: OpenContext, hall: Hall) -> Watched:
    """A phone."""
    return Watched(open_context(viewport=PHONE), hall.url)


def invited_by(hall: Hall) -> tuple[Visit, list[Visitor]]:
    """Return a visit to which everybody comes who is called by a text that could run."""
    named = [(each, each) for each in RUN if each.isprintable()]
    return hall.site.invite(*named[:AT_ONCE], title=" ".join(RUN[:3]))


def test_staff_see_strangers_and_visitors_as_text(
    hall: Hall, visitors: HostileVisitors, watched: Watched
) -> None:
    sign_in(watched.page, hall.url, "host")
    visit, _ = invited_by(hall)
    watched.look(f"/host/visits/{visit.id}", "window.owned=1")
    watched.look("/host/", "window.owned=1")
    watched.look("/host/visits")
    watched.page.context.clear_cookies()
    sign_in(watched.page, hall.url, "security")
    for path in ("/panel/visits", f"/panel/visits/{visit.id}", "/panel/live"):
        watched.look(path)
    for begin in range(0, len(RUN), AT_ONCE):
        taken = visitors.leave_waiting(RUN[begin : begin + AT_ONCE])
        assert taken
        watched.look("/panel/walk-ins", taken[0].strip())
        visitors.refuse_all()


def test_a_visitor_and_the_host_see_what_was_asked_for_as_text(
    hall: Hall, watched: Watched
) -> None:
    visit, (guest, *_) = invited_by(hall)
    with hall.site.office.begin(Principal.for_visitor(guest.id)) as work:
        everything = "\n".join(each for each in RUN if each.isprintable())[:1900]
        visits.wish(work, visit.id, guest.id, NewWish(message=everything[:900]))
    watched.page.goto(hall.url + hall.site.link(guest))
    watched.page.click("main button[type=submit]")
    for below in ("", "/pass", "/wish", "/needs", "/companions", "/decline", "/owntracks"):
        watched.look(hall.site.link(guest) + below)
    watched.look(hall.site.link(guest), "window.owned=1")
    sign_in(watched.page, hall.url, "host")
    watched.look(f"/host/visits/{visit.id}", "window.owned=1")
    watched.look(f"/panel/visits/{visit.id}", "window.owned=1")


def test_a_stranger_who_is_refused_reads_their_words_as_text(
    hall: Hall, visitors: HostileVisitors, watched: Watched
) -> None:
    path = f"{hall.url}/e/{visitors.poster.code}/walk-in"
    for text in ('"><img src=x onerror=window.owned=1>', "<script>window.owned=1</script>"):
        fill(watched.page, path, text)
        assert watched.page.input_value("#name") == text
        assert watched.page.evaluate("window.owned") is None
        assert not watched.happened


def fill(page: Page, path: str, text: str) -> None:
    """Send a form without the purpose, which is then asked for again."""
    page.goto(path)
    for name in ("name", "company", "whom"):
        page.fill(f"#{name}", text)
    page.click("main form button[type=submit]")
    page.wait_for_selector("[aria-invalid=true]")


def test_mails_shown_in_the_panel_do_nothing(hall: Hall, watched: Watched) -> None:
    invited_by(hall)
    office = hall.site.office
    while outbox.send_due(office, {"mail": Catcher(office)}):
        pass
    sign_in(watched.page, hall.url, "admin")
    watched.look("/panel/mail")
    links = watched.page.locator("main a[href*='/panel/mail/']")
    paths = [links.nth(each).get_attribute("href") or "" for each in range(min(8, links.count()))]
    assert paths
    for path in paths:
        watched.look(path)
