"""Coming near, on a phone's browser: the rule that both ends share, consent, and what is told and what never."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Geolocation, Page, Request, expect
from sqlmodel import Session

from demo.chromium import PHONE
from server.arrivals import actions as arrivals
from server.arrivals import models
from server.arrivals.actions import CrossingNoticed, FenceInput
from server.kernel.principal import Principal
from server.visits.models import Visitor
from tests.browser.conftest import OpenContext, sign_in
from tests.fakes.arriving import CENTRE, LATITUDE, LONGITUDE, METRE
from tests.fakes.panel_site import SITE
from tests.fakes.pass_scene import PassSite, serving
from tests.vectors import fences

pytestmark = pytest.mark.browser

FROZEN: dict[str, Any] = json.loads(fences.FILE.read_text("utf-8"))
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
SOON = 20_000
WEIGH = """async ([rule, frozen]) => {
  const { weigh, distance, UNKNOWN } = await import(rule);
  const tracks = frozen.tracks.map(({ fence, track }) => {
    let watched = UNKNOWN;
    const found = [];
    track.forEach(([longitude, latitude, accuracy_m, after, speed_mps], index) => {
      const fix = { longitude, latitude, accuracy_m, speed_mps, at_s: frozen.start_s + after };
      const [next, noticed] = weigh(watched, fix, frozen.fences[fence]);
      watched = next;
      if (noticed) found.push([index, noticed.kind, noticed.expected_min]);
    });
    return found;
  });
  const distances = frozen.distances.map(({ fence, place }) =>
    ["near", "approaching"].map((ring) => distance(frozen.fences[fence][ring], ...place)));
  return { tracks, distances };
}"""


class Watched:
    """The site's host, as far as they are told."""

    def __init__(self, scene: PassSite) -> None:
        self.told: list[CrossingNoticed] = []
        self._scene = scene
        scene.site.office.reactions.on(CrossingNoticed, lambda _work, it: self.told.append(it))

    def kinds(self, visitor: Visitor) -> list[str]:
        return [each.kind.value for each in self.told if each.visitor == visitor.id]

    def kept(self, visitor: Visitor) -> list[str]:
        with Session(self._scene.site.office.engine) as session:
            return [each.kind.value for each in models.crossings_of(session, visitor.id)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PassSite]:
    with serving(tmp_path_factory.mktemp("coming")) as served:
        shapes = {
            "near": CENTRE | {"radius_m": 150},
            "approaching": CENTRE | {"radius_m": 1500},
            "near_dwell_s": 0,
            "approaching_dwell_s": 0,
        }
        with served.site.office.begin(Principal.system()) as work:
            arrivals.put_fence(work, SITE, FenceInput.model_validate(shapes))
        yield served


@pytest.fixture(scope="module")
def host(scene: PassSite) -> Watched:
    return Watched(scene)


@pytest.fixture
def visitor(scene: PassSite) -> Visitor:
    return scene.expect()[1]


def place(metres_north: float, accuracy: float = 10) -> Geolocation:
    return {
        "latitude": LATITUDE + metres_north * METRE,
        "longitude": LONGITUDE,
        "accuracy": accuracy,
    }


def opened(open_context: OpenContext, link: str, **options: object) -> Page:
    """The visit page on a phone, its invitation opened there."""
    usual = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "locale": "en"}
    page = open_context(**(usual | options)).new_page()
    page.goto(link)
    page.get_by_role("button", name="open my invitation").click()
    expect(page.locator("#coming")).to_be_visible()
    return page


def allowed(open_context: OpenContext, link: str, metres: float) -> Page:
    """The same, where the browser's own question is answered with yes."""
    return opened(open_context, link, permissions=["geolocation"], geolocation=place(metres))


def state(page: Page, name: str) -> None:
    expect(page.locator("#coming-watch")).to_have_attribute("data-state", name, timeout=SOON)


def stands(page: Page, metres: float, fixes: int = 4, accuracy: float = 10) -> None:
    """Let the phone report a place so often, a second apart: its own clock counts whole seconds.

    The first one may be weighed as driving past, by how far it is from the one before; three more stand still.
    """
    page.evaluate(
        """() => { window.fixes = new Set();
        document.addEventListener("genkan:fix", (event) => window.fixes.add(event.detail)); }"""
    )
    for number in range(1, fixes + 1):
        # A tenth of a metre further each time, or the browser would report nothing new.
        page.context.set_geolocation(place(metres + number / 10, accuracy))
        page.wait_for_function(
            "n => window.fixes.size >= n",
            arg=number,
            timeout=SOON,
        )
        page.wait_for_function(
            "() => Math.floor(Date.now() / 1000) > Math.max(...window.fixes)", timeout=SOON
        )


def test_the_phone_weighs_each_track_as_the_server_does(page: Page, scene: PassSite) -> None:
    page.goto(scene.url + "/panel/sign-in")
    found = page.evaluate(WEIGH, [f"{scene.url}/static/coming_rule.js", FROZEN])
    for case, noticed in zip(FROZEN["tracks"], found["tracks"], strict=True):
        assert noticed == case["noticed"], case["name"]
    for case, metres in zip(FROZEN["distances"], found["distances"], strict=True):
        assert metres == pytest.approx(case["metres"], abs=0.011), case


def test_a_phone_that_comes_near_step_by_step_tells_the_host_once_each(
    open_context: OpenContext, scene: PassSite, host: Watched, visitor: Visitor
) -> None:
    sent: list[Request] = []
    page = allowed(open_context, scene.link(visitor), 3000)
    page.on("request", lambda request: _keep(sent, request))
    page.get_by_role("button", name="Notice when I come near").click()
    state(page, "on")
    for metres in (3000, 1200, 900, 60, 20):
        stands(page, metres)
    expect_kinds(page, host, visitor, ["approaching", "near"])
    # Not one digit of a position left the phone, in no address and no body.
    told = "".join(each.url + (each.post_data or "") for each in sent)
    assert "35.6" not in told
    assert "139.7" not in told
    assert [json.loads(each.post_data or "")["kind"] for each in sent if each.method == "POST"] == [
        "approaching",
        "near",
    ]
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "35.6" not in kept
    assert "139.7" not in kept


def _keep(sent: list[Request], request: Request) -> None:
    sent.append(request)


def expect_kinds(page: Page, host: Watched, visitor: Visitor, kinds: list[str]) -> None:
    """The host was told these by the time that the page has had its answers."""
    page.wait_for_function(
        "n => performance.getEntriesByType('resource').filter((e) => e.name.endsWith('/crossing')).length >= n",
        arg=len(kinds),
        timeout=SOON,
    )
    assert host.kinds(visitor) == kinds
    assert host.kept(visitor) == kinds


def test_a_fix_good_to_two_kilometres_tells_nobody(
    open_context: OpenContext, scene: PassSite, host: Watched, visitor: Visitor
) -> None:
    page = allowed(open_context, scene.link(visitor), 3000)
    page.get_by_role("button", name="Notice when I come near").click()
    stands(page, 10, accuracy=2000)
    state(page, "unsure")
    assert host.kept(visitor) == []


def test_before_the_tap_nothing_is_asked(
    open_context: OpenContext, scene: PassSite, visitor: Visitor
) -> None:
    page = opened(open_context, scene.link(visitor))
    state(page, "off")
    expect(page.get_by_text("no position is sent, none is kept")).to_be_visible()
    # Headless Chromium answers "denied" for what nobody allowed; a page that asks before its button would show it.
    expect(page.locator("#coming-watch [data-when=refused]")).to_be_hidden()


def test_who_refuses_is_shown_the_buttons(
    open_context: OpenContext, scene: PassSite, host: Watched, visitor: Visitor
) -> None:
    page = opened(open_context, scene.link(visitor))
    page.get_by_role("button", name="Notice when I come near").click()
    state(page, "refused")
    expect(page.get_by_text("Your phone does not let this page know")).to_be_visible()
    page.get_by_role("button", name="I'm on my way").click()
    expect(page.get_by_text("knows that you are on your way")).to_be_visible()
    page.get_by_role("button", name="I'm here").click()
    expect(page.get_by_text("knows that you are here")).to_be_visible()
    assert host.kinds(visitor) == ["on_my_way", "here"]


def test_the_consent_lasts_over_a_reload_until_it_is_taken_back(
    open_context: OpenContext, scene: PassSite, visitor: Visitor
) -> None:
    page = allowed(open_context, scene.link(visitor), 5000)
    page.get_by_role("button", name="Notice when I come near").click()
    state(page, "on")
    page.reload()
    state(page, "on")
    page.get_by_role("button", name="Stop noticing").click()
    state(page, "off")
    page.reload()
    state(page, "off")


def test_what_is_noticed_without_a_network_is_told_when_it_is_back(
    open_context: OpenContext, scene: PassSite, host: Watched, visitor: Visitor
) -> None:
    page = allowed(open_context, scene.link(visitor), 3000)
    page.get_by_role("button", name="Notice when I come near").click()
    state(page, "on")
    page.context.set_offline(True)
    stands(page, 20)
    assert host.kept(visitor) == []
    with page.expect_response(lambda answer: answer.url.endswith("/crossing")):
        page.context.set_offline(False)
    assert host.kinds(visitor) == ["near"]


@pytest.mark.parametrize("path", ["", "/owntracks"])
@pytest.mark.parametrize(
    "locale",
    ["ja", pytest.param("en", marks=pytest.mark.long), pytest.param("zh", marks=pytest.mark.long)],
)
def test_axe_finds_nothing_serious(
    open_context: OpenContext, scene: PassSite, visitor: Visitor, path: str, locale: str
) -> None:
    page = open_context(viewport=PHONE, locale=locale, bypass_csp=True).new_page()
    page.goto(scene.link(visitor))
    page.locator("form[action$='/open'] button").click()
    expect(page.locator("#coming")).to_be_visible()
    page.goto(scene.link(visitor) + path)
    page.add_script_tag(content=AXE)
    found = page.evaluate("axe.run().then((result) => result.violations)")
    assert not [each["id"] for each in found if each["impact"] in {"serious", "critical"}]


def test_an_administrator_draws_a_fence_and_reads_what_is_wrong_with_it(
    open_context: OpenContext, scene: PassSite
) -> None:
    page = open_context(locale="en").new_page()
    sign_in(page, scene.url, "admin")
    page.goto(scene.url + "/panel/policy/TYO/fence")
    expect(page.locator("figure.fence svg")).to_be_visible()
    page.fill("#near_m", "5")
    page.get_by_role("button", name="Show the drawing only").click()
    expect(page.locator("#near_m-error")).to_contain_text("at least 20")
    assert page.input_value("#near_m") == "5"


@pytest.fixture
def page(open_context: OpenContext) -> Page:
    return open_context().new_page()
