"""The buttons that turn push on: the browser subscribes with the server's key, and the server keeps what it got."""

import json

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import Session, select

from demo.chromium import PHONE
from server.notifications.models import Channel
from server.notifications.phone_models import PhonePush
from tests.browser.conftest import Hall, OpenContext, sign_in
from tests.services.push_service import Browser

pytestmark = pytest.mark.browser

SERVICE = "https://push.example/"
# Headless Chromium reaches no push service: what that service would answer is given, and how it was asked is kept.
ANSWERS = """([answer, known]) => {
  window.asked = [];
  let current = known && { options: { applicationServerKey: new Uint8Array([1, 2, 3]).buffer },
                  unsubscribe: async () => { window.asked.push("unsubscribed"); current = null; } };
  PushManager.prototype.getSubscription = async () => current;
  PushManager.prototype.subscribe = async (options) => {
    window.asked.push(options.applicationServerKey.length);
    return { toJSON: () => answer };
  };
}"""
POINT_BYTES = 65
"""An uncompressed point of P-256, as RFC 8292 gives the server's key."""


def opens(open_context: OpenContext, address: str, answer: object, *, known: bool = False) -> Page:
    context = open_context(viewport=PHONE, locale="en", permissions=["notifications"])
    page = context.new_page()
    page.add_init_script(f"({ANSWERS})({json.dumps([answer, known])})")
    page.goto(address)
    return page


def test_a_visitors_phone_subscribes_anew_where_the_servers_key_is_another(
    hall: Hall, open_context: OpenContext
) -> None:
    _, (guest,) = hall.site.invite(("Hedy Lamarr", ""))
    browser = Browser(SERVICE, "hedy")
    link = hall.url + hall.site.link(guest)
    page = opens(open_context, link, browser.subscription, known=True)
    page.locator("form .button").first.click()
    page.get_by_role("button", name="Tell me on this phone").click()
    expect(page.locator("#telling .badge", has_text="On")).to_be_visible()
    assert page.evaluate("window.asked") == ["unsubscribed", POINT_BYTES]
    with Session(hall.site.office.engine) as session:
        assert session.get(PhonePush, guest.id) is not None


def test_a_hosts_phone_becomes_one_of_their_channels(hall: Hall, open_context: OpenContext) -> None:
    browser = Browser(SERVICE, "host")
    page = opens(open_context, f"{hall.url}/panel/sign-in", browser.subscription)
    sign_in(page, hall.url, "host")
    page.goto(f"{hall.url}/host/alerts")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    before = _channels(hall)
    with page.expect_navigation():
        page.locator("#push button").click()
    assert _channels(hall) == before + 1


def _channels(hall: Hall) -> int:
    with Session(hall.site.office.engine) as session:
        return len(session.exec(select(Channel)).all())
