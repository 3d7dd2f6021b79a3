"""The host's page beside a visitor's, with every real process: news and answers stand there by themselves."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from demo.chromium import PHONE
from server.visits.models import Visit, Visitor
from tests.browser.conftest import Hall, OpenContext, Served, sign_in

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
SOON = 60_000
SMALLEST_TARGET = 44
TARGETS = "a.button:visible, button:not(.reading-only):visible, .places a:visible"


def invited(served: Served, name: str) -> tuple[Visit, Visitor]:
    served.site.clock.set(datetime.now(UTC))
    visit, (visitor,) = served.site.invite((name, "Nordwind Optics GmbH"))
    return visit, visitor


def visitors_page(open_context: OpenContext, served: Served, visitor: Visitor) -> Page:
    page = open_context(viewport=PHONE, is_mobile=True, has_touch=True, locale="en").new_page()
    page.goto(served.url + served.site.link(visitor))
    page.get_by_role("button", name="open my invitation").click()
    expect(page.get_by_role("button", name="I'm on my way")).to_be_visible()
    return page


def is_live(page: Page) -> None:
    expect(page.locator(".live-state").first).to_have_attribute("data-state", "live")


def test_a_visitor_who_sets_out_moves_on_the_hosts_open_page(
    served: Served, phone: Page, open_context: OpenContext
) -> None:
    _, visitor = invited(served, "Mary Golda Ross")
    guest = visitors_page(open_context, served, visitor)
    sign_in(phone, served.url, "host")
    phone.goto(f"{served.url}/host/")
    is_live(phone)
    row = phone.locator("li", has_text="Mary Golda Ross")
    expect(row).to_contain_text("Expected")
    guest.get_by_role("button", name="I'm on my way").click()
    expect(row).to_contain_text("On the way", timeout=SOON)


def test_an_answer_of_the_host_appears_on_the_visitors_open_page(
    served: Served, phone: Page, open_context: OpenContext
) -> None:
    visit, visitor = invited(served, "Evelyn Boyd Granville")
    guest = visitors_page(open_context, served, visitor)
    guest.evaluate("window.unmoved = true")
    sign_in(phone, served.url, "host")
    phone.goto(f"{served.url}/host/visits/{visit.id}")
    phone.get_by_role("button", name="Coming down").click()
    expect(guest.locator("main")).to_contain_text("Sato Misaki answers", timeout=SOON)
    assert guest.evaluate("window.unmoved")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
@pytest.mark.parametrize("page_of", ["", "visits", "visits/new", "approvals", "alerts", "visit"])
def test_everybody_can_use_each_page_of_the_host(
    hall: Hall, open_context: OpenContext, page_of: str, scheme: str
) -> None:
    options = {"viewport": PHONE, "locale": "en", "color_scheme": scheme, "bypass_csp": True}
    page = open_context(**options).new_page()
    sign_in(page, hall.url, "host")
    page.goto(f"{hall.url}/host/")
    if page_of == "visit":
        page.locator(".visit-card h2 a").first.click()
        page.wait_for_url("**/host/visits/*")
    elif page_of:
        page.goto(f"{hall.url}/host/{page_of}")
    page.add_script_tag(content=AXE)
    found = page.evaluate("axe.run().then((result) => result.violations)")
    assert not [each["id"] for each in found if each["impact"] in {"serious", "critical"}]
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    for target in page.locator(TARGETS).all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= SMALLEST_TARGET, target.inner_text()
