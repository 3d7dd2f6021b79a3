"""A call from the chat between two Chromium pages with made-up microphones and cameras: sound and picture arrive."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from demo.chromium import PHONE, start_chromium
from tests.browser.conftest import OpenContext, Served, sign_in

pytestmark = pytest.mark.browser

SOON = 60_000
FAKE_MEDIA = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    # The machine of a test may have no network besides its own loopback.
    "--allow-loopback-in-peer-connection",
)
PEERS = """
window.peers = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); window.peers.push(this); }
};
"""
ARRIVED = """async ([kind, least]) => {
  const report = await window.peers.at(-1).getStats();
  return [...report.values()].some((each) => each.type === "inbound-rtp" && each.kind === kind
    && each.bytesReceived > least && (kind === "audio" || each.framesDecoded > 5));
}"""
SOUNDS = """async () => [...(await window.peers.at(-1).getStats()).values()]
  .some((each) => each.type === "inbound-rtp" && each.kind === "audio" && each.totalAudioEnergy > 0)"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = start_chromium(playwright, *FAKE_MEDIA)
        yield browser
        browser.close()


def _arrives(page: Page, kind: str) -> None:
    page.wait_for_function(ARRIVED, arg=[kind, 2000], timeout=SOON)


def test_visitor_and_host_hear_and_see_each_other_and_hanging_up_ends_both(
    served: Served, phone: Page, open_context: OpenContext
) -> None:
    served.site.clock.set(datetime.now(UTC))
    _, (visitor,) = served.site.invite(("Annie Easley", "Nordwind Optics GmbH"))
    guest = open_context(viewport=PHONE, is_mobile=True, has_touch=True, locale="en").new_page()
    for page in (guest, phone):
        page.add_init_script(PEERS)
    guest.goto(served.url + served.site.link(visitor))
    guest.get_by_role("button", name="open my invitation").click()
    guest.get_by_role("link", name="Write to us").click()
    guest.get_by_label("Your message").fill("I stand before the wrong door")
    guest.get_by_role("button", name="Send").click()
    expect(guest.locator(".thread")).to_contain_text("Your host has been told", timeout=SOON)
    sign_in(phone, served.url, "host")
    phone.goto(f"{served.url}/host/chat")
    phone.get_by_role("link", name="Annie Easley").click()
    expect(phone.locator("#call")).to_contain_text("Calls are not recorded")
    expect(phone.locator(".live-state")).to_have_attribute("data-state", "live", timeout=SOON)

    guest.locator("#call").get_by_role("button", name="Call").click()
    expect(guest.locator("#call")).to_have_attribute("data-state", "calling", timeout=SOON)
    assert guest.evaluate("window.peers.length") == 0, "nothing is sent before somebody answers"
    expect(phone.get_by_text("Annie Easley is calling")).to_be_visible(timeout=SOON)
    phone.get_by_role("button", name="Answer call").click()
    for page in (guest, phone):
        expect(page.locator("#call")).to_have_attribute("data-state", "talking", timeout=SOON)
        _arrives(page, "audio")
        page.wait_for_function(SOUNDS, timeout=SOON)
        expect(page.locator("#call-theirs")).to_be_hidden()

    phone.get_by_role("button", name="Camera", exact=True).click()
    expect(guest.locator("#call-theirs")).to_be_visible(timeout=SOON)
    _arrives(guest, "video")
    guest.get_by_role("button", name="Camera", exact=True).click()
    expect(phone.locator("#call-theirs")).to_be_visible(timeout=SOON)
    _arrives(phone, "video")
    guest.get_by_role("button", name="Camera", exact=True).click()
    expect(phone.locator("#call-theirs")).to_be_hidden(timeout=SOON)

    guest.get_by_label("Your message").fill("The chat is still there")
    guest.get_by_role("button", name="Send").click()
    expect(phone.locator(".thread")).to_contain_text("The chat is still there", timeout=SOON)

    phone.get_by_role("button", name="Hang up").click()
    for page in (guest, phone):
        expect(page.locator("#call")).to_have_attribute("data-state", "idle", timeout=SOON)
        expect(page.locator(".thread")).to_contain_text("Call, 1 min", timeout=SOON)
        assert page.evaluate("window.peers.at(-1).connectionState") == "closed"
