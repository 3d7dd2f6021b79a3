"""How the page of the pass is to use: light, still, readable for everybody, awake, and on the home screen."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Response, expect

from tests.browser.conftest import OpenContext
from tests.browser.test_pass import AXE, SOON, kept_for_offline, opens_pass, phone, shows
from tests.fakes.pass_scene import PassSite, serving

pytestmark = pytest.mark.browser

MOST_BYTES = 100 * 1024
SMALLEST_TARGET = 44
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PassSite]:
    with serving(tmp_path_factory.mktemp("pass")) as served:
        yield served


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "language",
    ["ja", pytest.param("en", marks=pytest.mark.long), pytest.param("zh", marks=pytest.mark.long)],
)
def test_axe_finds_nothing_serious_in_any_state(
    scene: PassSite, open_context: OpenContext, language: str, scheme: str
) -> None:
    page = phone(open_context, locale=language, color_scheme=scheme)
    _, visitor = scene.expect()
    page.goto(scene.link(visitor))
    page.locator("form .button").click()
    page.goto(scene.link(visitor) + "/pass")
    shows(page, "bound")
    assert page.locator("html").get_attribute("lang") == language
    modes = page.eval_on_selector_all("[data-when]", "all => all.map(one => one.dataset.when)")
    for mode in sorted({mode for each in modes for mode in each.split()}):
        # Each state as the script would show it; how it comes to be is another test's business.
        page.evaluate(
            """(mode) => {
                document.getElementById("pass").dataset.mode = mode;
                for (const part of document.querySelectorAll("[data-when]"))
                    part.hidden = !part.dataset.when.split(" ").includes(mode);
            }""",
            mode,
        )
        page.evaluate(AXE)
        found: dict[str, Any] = page.evaluate("axe.run()")
        complaints = [
            f"{mode}: {each['id']}: {node['html'][:120]}"
            for each in found["violations"]
            if each["impact"] in SERIOUS
            for node in each["nodes"]
        ]
        assert complaints == []


def test_in_dark_mode_the_code_stays_black_on_pure_white(
    scene: PassSite, open_context: OpenContext
) -> None:
    page = phone(open_context, color_scheme="dark")
    _, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    picture = Image.open(io.BytesIO(page.locator(".pass-code").screenshot())).convert("RGB")
    colours = picture.getcolors()
    assert colours is not None
    assert {colour for _, colour in colours} == {(0, 0, 0), (255, 255, 255)}
    assert picture.getpixel((0, 0)) == (255, 255, 255)
    assert picture.width == 390 * 3


def test_the_whole_page_weighs_little_and_nothing_in_it_moves(
    scene: PassSite, open_context: OpenContext
) -> None:
    page = phone(open_context)
    _, visitor = scene.expect()
    page.goto(scene.link(visitor))
    page.get_by_role("button", name="open my invitation").click()
    # The same phone with an empty cache: all that the pass needs comes over the wire.
    other = phone(open_context, storage_state=page.context.storage_state(), service_workers="block")
    answers: list[Response] = []
    other.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108  playwright marks what it is given
    other.add_init_script(
        "window.moved = 0; new PerformanceObserver((list) => { for (const shift of list.getEntries())"
        " window.moved += shift.value; }).observe({type: 'layout-shift', buffered: true})"
    )
    other.goto(scene.link(visitor) + "/pass")
    shows(other, "bound")
    expect(other.locator("#pass")).to_have_attribute("data-presentation", "full", timeout=SOON)
    assert other.evaluate("window.moved") == 0
    # As they came over the wire; the server packs texts.
    sent = [answer.request.sizes()["responseBodySize"] for answer in answers]
    assert 10_000 < sum(sent) < MOST_BYTES


def test_at_twice_the_size_of_text_everything_can_be_read_and_touched(
    scene: PassSite, open_context: OpenContext
) -> None:
    page = phone(open_context)
    _, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide == 390
    page.evaluate("document.documentElement.style.fontSize = ''")
    for target in page.locator("#pass a.button:visible, #pass button:visible").all():
        box = target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= SMALLEST_TARGET


def test_the_screen_is_kept_awake_also_after_the_phone_was_put_away(
    scene: PassSite, page: Page
) -> None:
    page.add_init_script(
        """const request = navigator.wakeLock.request.bind(navigator.wakeLock);
        window.locks = [];
        navigator.wakeLock.request = async (kind) => {
            window.locks.push(await request(kind));
            return window.locks.at(-1);
        };"""
    )
    _, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    expect(page.locator("#pass")).to_have_attribute("data-awake", "yes")
    page.evaluate("window.locks.at(-1).release()")  # as the browser does with a page out of sight
    expect(page.locator("#pass[data-awake]")).to_have_count(0)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#pass")).to_have_attribute("data-awake", "yes")
    assert page.evaluate("window.locks.length") == 2


def test_the_browser_finds_the_pass_fit_for_the_home_screen(scene: PassSite, page: Page) -> None:
    _, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    kept_for_offline(page)
    developer: Any = page.context.new_cdp_session(page)
    found = developer.send("Page.getAppManifest")
    assert found["errors"] == []
    manifest = page.evaluate(
        "fetch(document.querySelector('[rel=manifest]').href).then((it) => it.json())"
    )
    assert manifest["start_url"] == page.url.removeprefix(scene.url)
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        answer = page.request.get(scene.url + icon["src"])
        picture = Image.open(io.BytesIO(answer.body()))
        assert f"{picture.width}x{picture.height}" == icon["sizes"]
    hindrances = developer.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # A test's window is a private one, from which nothing can be installed: that alone stands in the way.
    assert [each["errorId"] for each in hindrances] == ["in-incognito"]


@pytest.fixture
def page(open_context: OpenContext) -> Page:
    return phone(open_context)
