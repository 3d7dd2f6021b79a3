"""What the pass says when there is no code to show, and how it comes back."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from gate_agent.decoder.process import DecodingProcess
from server.credentials import actions as credentials
from server.kernel.principal import Principal
from server.visits import actions as visits
from server.visits import phones
from server.visits.models import Visitor
from tests.browser.conftest import OpenContext
from tests.browser.test_pass import (
    asks_again,
    kept_for_offline,
    opens_pass,
    phone,
    presented,
    shows,
)
from tests.fakes.pass_scene import PassGate, PassSite, serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PassSite]:
    with serving(tmp_path_factory.mktemp("pass")) as served:
        yield served


@pytest.fixture
def gate(scene: PassSite) -> Iterator[PassGate]:
    with DecodingProcess() as process:
        yield PassGate(process, scene)


@pytest.fixture
def page(open_context: OpenContext) -> Page:
    return phone(open_context)


def test_before_its_time_the_pass_names_it_and_then_becomes_a_code_by_itself(
    scene: PassSite, page: Page
) -> None:
    visit, visitor = scene.expect(starts_in=timedelta(hours=2))
    page.clock.install()
    page.goto(scene.link(visitor))
    page.get_by_role("button", name="open my invitation").click()
    page.get_by_role("link", name="Show my pass").click()
    shows(page, "early")
    begins = (visit.starts_at - timedelta(hours=1)).astimezone(ZoneInfo("Asia/Tokyo"))
    expect(page.locator("[data-when=early] [data-fact=begins]")).to_contain_text(f"{begins:%H:%M}")
    kept_for_offline(page)
    page.context.set_offline(True)
    page.clock.fast_forward("01:00:30")
    shows(page, "bound")
    page.clock.fast_forward("03:00:30")
    shows(page, "over")
    expect(page.get_by_role("heading", name="This visit is over")).to_be_visible()


def test_a_cancelled_visit_takes_the_code_from_the_open_page(scene: PassSite, page: Page) -> None:
    visit, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    with scene.site.office.begin(Principal.system()) as work:
        visits.cancel(work, visit.id)
    asks_again(page)
    shows(page, "cancelled")
    expect(page.locator("canvas")).to_be_hidden()


def test_a_withdrawn_pass_says_whom_to_ask_and_comes_back_by_itself(
    scene: PassSite, page: Page
) -> None:
    _, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    with scene.site.office.begin(Principal.system()) as work:
        credentials.revoke(work, visitor.id)
    asks_again(page)
    shows(page, "withdrawn")
    with scene.site.office.begin(Principal.system()) as work:
        credentials.reissue(work, visitor.id)
    asks_again(page)
    shows(page, "bound")


def test_when_another_phone_took_the_visit_over_the_old_one_says_so_and_forgets_its_key(
    scene: PassSite, page: Page
) -> None:
    _, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    kept_for_offline(page)
    moves_to_another_phone(scene, visitor)
    asks_again(page)
    shows(page, "elsewhere")
    expect(page.get_by_role("link", name="Go to my visit")).to_be_visible()
    page.context.set_offline(True)
    page.reload()
    shows(page, "elsewhere")


def test_a_phone_that_lost_its_key_makes_another_at_the_press_of_a_button(
    scene: PassSite, page: Page, gate: PassGate
) -> None:
    _, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    lost = scene.bound(visitor)
    page.goto(scene.link(visitor))
    page.evaluate(
        "new Promise((done) => { indexedDB.deleteDatabase('genkan-pass').onsuccess = done; })"
    )
    page.goto(scene.link(visitor) + "/pass")
    shows(page, "moved")
    assert scene.bound(visitor).generation == lost.generation
    page.get_by_role("button", name="Set up my pass again").click()
    shows(page, "bound")
    assert scene.bound(visitor).generation > lost.generation
    gate.holds(scene.bound(visitor))
    decision = gate.decides(presented(page, gate, "short"))
    assert decision is not None
    assert decision.granted


def moves_to_another_phone(scene: PassSite, visitor: Visitor) -> None:
    token = scene.link(visitor).rpartition("/")[2]
    with scene.site.office.begin(Principal.system()) as work:
        phones.release(work, visitor)
        phones.bind_phone(work, token, "x" * 43, "another phone")
