"""The host's service worker: shows what is pushed, opens what it leads to, says when there is no network."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Worker, expect
from sqlmodel import Session

from demo.chromium import PHONE
from server.kernel.principal import Principal
from server.notifications import push
from server.notifications.actions import NoticeKind
from server.notifications.models import Notice
from server.visits import actions as visits
from server.visits import models
from server.visits.models import Visit
from tests.browser.conftest import Hall, OpenContext, sign_in

pytestmark = pytest.mark.browser

SHOWN = """async () => {
  const worker = await navigator.serviceWorker.ready;
  const shown = await worker.getNotifications();
  return shown.map((each) => ({ title: each.title, body: each.body, lang: each.lang, tag: each.tag, data: each.data }));
}"""
ANOTHER = f"""async (before) => {{
  for (const until = Date.now() + 4000; Date.now() < until;) {{
    const shown = await ({SHOWN})();
    if (shown.length > 0 && JSON.stringify(shown.map((each) => each.title)) !== before) return shown;
    await new Promise(requestAnimationFrame);
  }}
  return [];
}}"""
DELIVERIES = 5
CLICK = """async () => {
  const [shown] = await self.registration.getNotifications();
  self.dispatchEvent(new NotificationEvent("notificationclick", { notification: shown }));
}"""


@dataclass(frozen=True)
class Host:
    """A browser with the host's page open, and the wire on which a push service would reach it."""

    hall: Hall
    page: Page
    wire: Any
    registration: str

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    @property
    def worker(self) -> Worker:
        (worker,) = self.context.service_workers
        return worker

    def deliver(self, text: str) -> dict[str, Any]:
        """Deliver a push as the browser's push service does; return what is shown then, which must be one notice."""
        titles = "JSON.stringify(shown.map((each) => each.title))"
        before = self.page.evaluate(
            f"async () => {{ const shown = await ({SHOWN})(); return {titles}; }}"
        )
        push = {"origin": self.hall.url, "registrationId": self.registration, "data": text}
        found: list[dict[str, Any]] = []
        # Under load DevTools now and then delivers to a worker that is just being stopped.
        for _ in range(DELIVERIES):
            self.wire.send("ServiceWorker.deliverPushMessage", push)
            found = self.page.evaluate(ANOTHER, before)
            if found:
                break
        (shown,) = found
        return shown

    def tell(self, kind: NoticeKind, visit: Visit, *, hide_names: bool = False) -> str:
        """Return the very text that the server would push."""
        office = self.hall.site.office
        with office.begin(Principal.system()) as work:
            guest = models.visitors_of(work.session, visit.id)[0]
            told = visits.tell_host(work, visit.id, guest.id, kind, {"minutes": "4"})
        with Session(office.engine) as session:
            return push.payload(session.get_one(Notice, told), hide_names=hide_names)


@pytest.fixture
def host(hall: Hall, open_context: OpenContext) -> Host:
    context = open_context(viewport=PHONE, locale="en", permissions=["notifications"])
    page = context.new_page()
    wire: Any = context.new_cdp_session(page)
    found: list[str] = []

    def note(update: dict[str, Any]) -> None:
        known: list[dict[str, str]] = update["registrations"]
        found.extend(
            each["registrationId"] for each in known if each["scopeURL"].endswith("/host/")
        )

    wire.on("ServiceWorker.workerRegistrationUpdated", note)
    wire.send("ServiceWorker.enable")
    sign_in(page, hall.url, "host")
    page.goto(f"{hall.url}/host/")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("navigator.serviceWorker.controller?.state === 'activated'")
    return Host(hall, page, wire, found[-1])


def test_what_the_server_pushes_is_shown(host: Host) -> None:
    visit, _ = host.hall.site.invite(("Hedy Lamarr", ""))
    sent = host.tell(NoticeKind.NEAR, visit)
    shown = host.deliver(sent)
    wanted = json.loads(sent)
    assert shown["title"] == "Hedy Lamarr is nearby"
    assert {name: shown[name] for name in ("title", "body", "lang", "tag")} == {
        name: wanted[name] for name in ("title", "body", "lang", "tag")
    }
    assert shown["data"]["path"] == wanted["path"]


def test_newer_news_of_the_same_visitor_takes_the_place_of_the_older(host: Host) -> None:
    visit, _ = host.hall.site.invite(("Grace Hopper", ""))
    host.deliver(host.tell(NoticeKind.APPROACHING, visit))
    assert host.deliver(host.tell(NoticeKind.ARRIVED, visit))["title"] == "Grace Hopper has arrived"


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '"text"', "null", '{"title": 7}'])
def test_a_push_that_cannot_be_read_becomes_a_neutral_notice(host: Host, text: str) -> None:
    shown = host.deliver(text)
    assert shown["title"] == "News about a visit"
    assert shown["body"] == "Please open the page to see it."


def test_a_tap_on_the_notice_opens_the_visit_and_counts_as_a_reaction(host: Host) -> None:
    visit, _ = host.hall.site.invite(("Katherine Johnson", ""))
    sent = host.tell(NoticeKind.ARRIVED, visit)
    host.deliver(sent)
    host.worker.evaluate(CLICK)
    host.page.wait_for_url(f"**/host/visits/{visit.id}")
    with Session(host.hall.site.office.engine) as session:
        assert session.get_one(Notice, json.loads(sent)["notice"]).reacted_at is not None


@pytest.mark.parametrize(
    "path", ["https://elsewhere.example/", "/panel/lockdown", "//elsewhere.example/x"]
)
def test_a_tap_leads_nowhere_but_to_the_hosts_page(host: Host, path: str) -> None:
    host.page.goto(f"{host.hall.url}/host/alerts")
    host.deliver(json.dumps({"title": "Come here", "path": path}))
    host.worker.evaluate(CLICK)
    host.page.wait_for_url(f"{host.hall.url}/host/")


def test_without_a_network_the_page_says_so_and_shows_nobody(host: Host) -> None:
    host.context.set_offline(offline=True)
    host.page.goto(f"{host.hall.url}/host/visits")
    expect(host.page.get_by_role("heading", name="You are offline")).to_be_visible()
    host.context.set_offline(offline=False)
    host.page.get_by_role("button", name="Try again").click()
    expect(host.page.get_by_role("heading", name="My visits")).to_be_visible()
