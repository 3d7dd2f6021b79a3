"""The chat with every real process: what one side sends stands on the open page of the other."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import FilePayload, Page, expect

from demo.chromium import PHONE
from tests.browser.conftest import OpenContext, Served, sign_in

pytestmark = pytest.mark.browser

SOON = 30_000
ARCHIVE: FilePayload = {
    "name": "plans.zip",
    "mimeType": "application/zip",
    "buffer": b"PK\x03\x04 and so on",
}


def test_visitor_and_host_write_to_each_other_on_open_pages(
    served: Served, phone: Page, open_context: OpenContext
) -> None:
    served.site.clock.set(datetime.now(UTC))
    _, (visitor,) = served.site.invite(("Annie Easley", "Nordwind Optics GmbH"))
    guest = open_context(viewport=PHONE, is_mobile=True, has_touch=True, locale="en").new_page()
    guest.goto(served.url + served.site.link(visitor))
    guest.get_by_role("button", name="open my invitation").click()
    guest.get_by_role("link", name="Write to us").click()
    guest.evaluate("window.unmoved = true")
    guest.get_by_label("Your message").fill("I left my umbrella upstairs")
    guest.get_by_role("button", name="Send").click()
    expect(guest.locator(".thread")).to_contain_text("Your host has been told", timeout=SOON)
    sign_in(phone, served.url, "host")
    phone.goto(f"{served.url}/host/chat")
    phone.get_by_role("link", name="Annie Easley").click()
    expect(phone.locator(".thread")).to_contain_text("umbrella")
    expect(guest.locator(".message[data-mine]")).to_contain_text("Read", timeout=SOON)
    phone.get_by_label("Your message").fill("I bring it down")
    phone.get_by_role("button", name="Send").click()
    expect(guest.locator(".thread")).to_contain_text("I bring it down", timeout=SOON)
    guest.get_by_label("Your message").fill("And here is the plan")
    guest.locator("#files").set_input_files([ARCHIVE])
    guest.get_by_role("button", name="Send").click()
    expect(guest.locator(".chat-form")).to_contain_text("is an archive", timeout=SOON)
    expect(guest.get_by_label("Your message")).to_have_value("And here is the plan")
    assert guest.evaluate("window.unmoved")
