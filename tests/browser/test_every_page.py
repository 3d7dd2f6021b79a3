"""Every page of visitors and hosts, at the width of a phone: nobody is shut out, nothing overflows, one thing to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from demo.chromium import PHONE
from server.arrivals import actions as arrivals
from server.arrivals.actions import FenceInput, NewKiosk, NewPoster
from server.kernel.principal import Principal
from server.visits import actions as visits
from server.visits.actions import CheckOutKind, NewTerms, TermsKind
from tests.browser.conftest import OpenContext, sign_in
from tests.fakes.arriving import CENTRE
from tests.fakes.furnished_site import allow, furnish, goes_through, writes
from tests.fakes.panel_site import SITE
from tests.fakes.pass_scene import PassSite, serving
from tests.services.browser import SMALL_TARGETS

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
PRIMARY = """() => [...document.querySelectorAll("main .button:not([data-kind]):not(.reading-only)")]
  .filter((each) => each.checkVisibility()).map((each) => each.textContent.trim())"""
CLOSED = (
    "{v}",
    "/v/unknown",
    "{e}",
    "{e}/walk-in",
    "/e/",
    "/e/ZZZZZZ",
    "{k}",
    "/trust",
    "{c}",
    "{c}/me",
    "/c/ZZZZZZ",
    "/nothing",
)
OF_VISITORS = (
    *("{v}", "{agree}", "{v}/wish", "{v}/companions", "{v}/needs", "{v}/decline"),
    *("{v}/owntracks", "{v}/pass", "{e}"),
)
ELSEWHERE = ("{v}", "{v}/code")
OF_HOSTS = (
    *("/host/", "/host/visits", "/host/visits/{id}", "/host/visits/new"),
    *("/host/visits/{id}/change", "/host/visits/{id}/cancel", "/host/alerts"),
    *("/host/approvals", "/host/offline", "/host/pass", "/host/chat", "/host/chat/{chat}"),
    *("/host/visits/{id}/meeting", "/host/visits/{here}", "/host/visits/{here}/meeting"),
)
BEYOND_THE_GATE = (
    *("{v}", "{v}/drink", "{v}/way", "{v}/way?to=out&step_free=yes", "{v}/chat", "{v}/chat/me"),
    *("{v}/timeline", "{v}/data", "{v}/data/delete"),
)
IN_THE_ROOM = ("{v}", "{v}/way", "{v}/timeline")
AFTERWARDS = ("{v}", "{v}/survey", "{v}/way", "{v}/chat", "{v}/timeline", "{v}/data")


@dataclass(frozen=True)
class House:
    """A house with rules, a fence, a poster and a screen at its entrance."""

    scene: PassSite
    poster: str
    kiosk: str
    sign: str

    def addresses(self) -> dict[str, str]:
        """Invite somebody for now; return where the pages are that have to do with them."""
        visit, (visitor,) = self.scene.site.invite(("Hedy Lamarr", "Radio Ltd"), as_host=True)
        link, poster = self.scene.site.link(visitor), f"/e/{self.poster}"
        return {"v": link, "e": poster, "k": self.kiosk, "id": visit.id, "c": f"/c/{self.sign}"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with serving(tmp_path_factory.mktemp("pages")) as scene:
        near, approaching = CENTRE | {"radius_m": 150}, CENTRE | {"radius_m": 1500}
        fence = FenceInput.model_validate({"near": near, "approaching": approaching})
        rules = NewTerms(ja="館内は禁煙です。", en="No smoking inside.", zh="室内禁止吸烟。")
        with scene.site.office.begin(Principal.system()) as work:
            arrivals.put_fence(work, SITE, fence)
            visits.write_terms(work, SITE, TermsKind.HOUSE_RULES, rules)
            poster = arrivals.put_up_poster(work, SITE, NewPoster(portal="main-gate"))
            screen = NewKiosk(name="Tablet", access_point="main-gate-in")
            address = arrivals.pair_kiosk(work, SITE, screen)[1]
        kiosk, sign = "/kiosk/" + address.rpartition("/")[2], furnish(scene.site)
        yield House(scene, poster.code, kiosk, sign)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_everybody_can_use_every_page_of_a_visitor(
    open_context: OpenContext, house: House, scheme: str
) -> None:
    page, at = phone(open_context, scheme), house.addresses()
    complaints = [each for path in CLOSED for each in complaints_of(page, house, path, at)]
    page.goto(house.scene.url + at["v"])
    page.get_by_role("button", name="Open my invitation").click()
    at["agree"] = page.get_by_role("link", name="House rules").get_attribute("href") or ""
    complaints += [each for path in OF_VISITORS for each in complaints_of(page, house, path, at)]
    other = phone(open_context, scheme)
    complaints += [each for path in ELSEWHERE for each in complaints_of(other, house, path, at)]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_everybody_can_use_every_page_of_a_host(
    open_context: OpenContext, house: House, scheme: str
) -> None:
    page, at = phone(open_context, scheme), house.addresses()
    allow(house.scene.site, "host")
    visit, (visitor,) = house.scene.site.invite(("Annie Easley", "Radio Ltd"), as_host=True)
    for point in ("main-gate-in", "sakura-door-in"):
        goes_through(house.scene.site, visitor, point)
    at["here"], at["chat"] = visit.id, writes(house.scene.site, visitor, "Where is the lift?")
    sign_in(page, house.scene.url, "host")
    complaints = [each for path in OF_HOSTS for each in complaints_of(page, house, path, at)]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_everybody_can_use_every_page_of_a_visitor_who_has_come(
    open_context: OpenContext, house: House, scheme: str
) -> None:
    page, site = phone(open_context, scheme), house.scene.site
    _, (visitor,) = site.invite(("Annie Easley", "Radio Ltd"), as_host=True)
    at = {"v": site.link(visitor)}

    def looked_at(*paths: str) -> list[str]:
        return [each for path in paths for each in complaints_of(page, house, path, at)]

    page.goto(house.scene.url + at["v"])
    page.get_by_role("button", name="Open my invitation").click()
    expect(page.get_by_role("link", name="Write to us")).to_be_visible()
    goes_through(site, visitor, "main-gate-in")
    complaints = looked_at(*BEYOND_THE_GATE)
    page.goto(f"{house.scene.url}{at['v']}/drink")
    page.get_by_role("button", name="Green tea").click()
    expect(page.get_by_role("img", name="The code of your drink")).to_be_visible()
    complaints += looked_at("{v}/drink", "{v}")
    goes_through(site, visitor, "sakura-door-in")
    page.goto(house.scene.url + at["v"])
    expect(page.locator("main")).to_contain_text("You are in Sakura")
    complaints += looked_at(*IN_THE_ROOM)
    with site.office.begin(Principal.system()) as work:
        visits.check_out(work, visitor.id, CheckOutKind.GUARD)
    complaints += looked_at(*AFTERWARDS)
    page.goto(f"{house.scene.url}{at['v']}/survey")
    expect(page.get_by_role("group").first).to_be_visible()
    assert not complaints, "\n".join(complaints)


def test_who_declined_is_not_asked_when_they_come(open_context: OpenContext, house: House) -> None:
    page, at = phone(open_context, "light"), house.addresses()
    page.goto(house.scene.url + at["v"])
    page.get_by_role("button", name="Open my invitation").click()
    page.goto(f"{house.scene.url}{at['v']}/decline")
    page.get_by_role("button", name="I cannot come").click()
    expect(page.get_by_role("heading", name="You have declined")).to_be_visible()
    expect(page.get_by_role("button", name="on my way")).to_have_count(0)


def phone(open_context: OpenContext, scheme: str) -> Page:
    usual = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "locale": "en"}
    return open_context(**usual, color_scheme=scheme).new_page()


def complaints_of(page: Page, house: House, path: str, at: dict[str, str]) -> list[str]:
    """What axe finds serious, what sticks out of the screen, what a thumb misses, and a second primary button."""
    page.goto(house.scene.url + path.format(**at))
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("axe.run()")
    said = [
        f"{each['id']}: {node['html'][:120]}"
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]
    said += [f"too small: {each}" for each in page.evaluate(SMALL_TARGETS)]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        said.append("wider than the screen")
    if len(primary := page.evaluate(PRIMARY)) > 1:
        said.append(f"more than one thing to do: {primary}")
    return [f"{path}: {each}" for each in said]
