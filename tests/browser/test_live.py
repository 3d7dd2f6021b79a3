"""The live page with every real process: an event at a gate stands on it within a second."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from access_protocol.decision import DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import CredentialId
from tests.browser.conftest import Served, sign_in

pytestmark = pytest.mark.browser

A_SECOND = 1000
A_RETRY = 20_000


def _open_live(page: Page, served: Served) -> None:
    sign_in(page, served.url, "security")
    page.goto(f"{served.url}/panel/live")
    expect(page.locator(".live-state")).to_have_attribute("data-state", "live")


def test_who_passes_a_gate_stands_on_the_live_page_within_a_second(
    served: Served, desktop: Page
) -> None:
    _open_live(desktop, served)
    served.site.clock.set(datetime.now(UTC))
    _, guests = served.site.invite(("Dorothy Vaughan", "West Computing"))
    passed = (Outcome.OPENED, Outcome.PASSED)
    served.site.presented("main-gate-in", CredentialId(guests[0].credential), None, *passed)
    newest = desktop.locator("#events li").first
    expect(newest).to_contain_text("Dorothy Vaughan", timeout=A_SECOND)
    expect(newest).to_contain_text("Granted")
    expect(newest).to_contain_text("Passed")
    expect(desktop.locator("#inside")).to_contain_text("Dorothy Vaughan", timeout=A_SECOND)


def test_a_refusal_stands_there_with_its_reason_and_an_icon(served: Served, phone: Page) -> None:
    _open_live(phone, served)
    served.site.clock.set(datetime.now(UTC))
    served.site.presented("main-gate-in", None, DenyReason.BAD_SIGNATURE)
    newest = phone.locator("#events li").first
    expect(newest).to_contain_text("Refused", timeout=A_SECOND)
    expect(newest).to_contain_text("This pass is not genuine. Please ask your host.")
    expect(newest.locator(".disc svg")).to_be_visible()


def test_an_invitation_can_be_read_as_it_was_mailed_and_does_nothing(
    served: Served, desktop: Page
) -> None:
    sign_in(desktop, served.url, "admin")
    desktop.goto(f"{served.url}/panel/mail")
    expect(desktop.locator(".live-state")).to_have_attribute("data-state", "live")
    served.site.clock.set(datetime.now(UTC))
    served.site.invite(("Annie Easley", ""), title="Launch")
    desktop.get_by_role("link", name="Launch").click()
    frame = desktop.locator(".mail-frame")
    assert "allow-scripts" not in (frame.get_attribute("sandbox") or "")
    mail = desktop.frame_locator(".mail-frame")
    expect(mail.get_by_text("Annie Easley").first).to_be_visible()
    picture = mail.locator("img").first
    assert picture.evaluate("image => image.naturalWidth") > 100
    with desktop.expect_download() as saved:
        desktop.get_by_role("link", name="visit.ics").click()
    assert saved.value.path().read_text("utf-8").startswith("BEGIN:VCALENDAR")


def test_a_page_that_lost_its_stream_says_so_and_catches_up(
    served: Served, chromium: Browser
) -> None:
    # Its own context: a browser that is cut off rightly logs errors.
    with chromium.new_context(locale="en") as context:
        page = context.new_page()
        _open_live(page, served)
        context.set_offline(True)
        expect(page.locator(".live-state")).to_have_attribute("data-state", "lost")
        expect(page.get_by_text("Not live, retrying")).to_be_visible()
        served.site.clock.set(datetime.now(UTC))
        served.site.presented("main-gate-in", None, DenyReason.SEVERAL_CODES)
        context.set_offline(False)
        newest = page.locator("#events li").first
        expect(newest).to_contain_text("Several passes were seen", timeout=A_RETRY)
        expect(page.locator(".live-state")).to_have_attribute("data-state", "live", timeout=A_RETRY)
