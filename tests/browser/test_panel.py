"""The panel in a real browser: signing in, inviting, and pages that everybody can use."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp
from playwright.sync_api import Page, expect

from demo.chromium import DESKTOP, PHONE
from demo.codes import QR_CODES
from gate_agent.enrol import enrol_from_text
from gate_agent.local_store import LocalStore
from server.kernel.principal import Principal
from server.people import models as people
from tests.browser.conftest import Hall, OpenContext, sign_in
from tests.fakes.furnished_site import allow, furnish, writes
from tests.services.browser import SMALL_TARGETS

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
SERIOUS = {"serious", "critical"}
NOWHERE = "/panel/nowhere"
PAGES = (
    "/panel/live",
    "/panel/visits",
    "/panel/visits?when=upcoming",
    "/panel/visits/new",
    "/panel/doors",
    "/panel/doors/TYO/main-gate/open",
    "/panel/lockdown",
    "/panel/conflicts",
    "/panel/amnesty",
    "/panel/policy",
    "/panel/policy/TYO",
    "/panel/policy/TYO/zones/2",
    "/panel/policy/TYO/access-points/main-gate-in",
    "/panel/devices",
    "/panel/devices/new",
    "/panel/mail",
    "/panel/account",
    "/panel/walk-ins",
    "/panel/visits/{visit}",
    "/panel/drinks",
    "/panel/plans/TYO",
    "/panel/posters",
    "/panel/meetings",
    "/panel/meetings/{visit}",
    "/panel/inbox",
    "/panel/inbox/{chat}",
    "/panel/inbox/settings",
    "/panel/questions",
    "/panel/questions/new",
    "/panel/survey/TYO",
    "/panel/survey/TYO/questions",
    "/panel/groups",
    "/panel/groups/new/TYO",
    "/panel/privacy",
    "/panel/privacy/TYO",
    "/panel/people",
    "/panel/people/new",
    "/panel/people/{person}",
    "/panel/people/{person}/leave",
    "/panel/let-through",
    "/panel/let-through?q=Keller",
    "/panel/let-through/{visitor}",
    "/panel/visits/{visit}/visitors/{visitor}/check-out",
    "/panel/policy/TYO/messengers",
    "/panel/policy/TYO/welcome",
    "/panel/policy/TYO/fence",
    "/api/v1/",
    NOWHERE,
)


@pytest.fixture(scope="module")
def administrator(hall: Hall, chromium: Any) -> Iterator[dict[str, Any]]:
    """Where an administrator's browser keeps its cookies."""
    context = chromium.new_context(locale="en")
    sign_in(context.new_page(), hall.url, "admin")
    yield context.storage_state()
    context.close()


@pytest.fixture(scope="module")
def found_at(hall: Hall) -> dict[str, str]:
    """What the addresses of pages about one person or visit hold, on a site that has all there is to show."""
    furnish(hall.site)
    guest = hall.guests[0]
    chat = writes(hall.site, guest, "I would like to speak with somebody")
    person = allow(hall.site, "host")
    return {"visit": guest.visit, "visitor": guest.id, "chat": chat, "person": person}


def _complaints(page: Page) -> list[str]:
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [
        f"{each['id']}: {node['html'][:120]}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


def _overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize(
    ("paths", "scheme"),
    [
        (PAGES, "light"),
        # The contrast of every colour in the dark is a test of the stylesheet.
        (("/panel/live", "/panel/visits/new"), "dark"),
    ],
)
def test_every_page_fits_a_phone_and_everybody_can_use_it(
    hall: Hall,
    administrator: dict[str, Any],
    open_context: OpenContext,
    found_at: dict[str, str],
    paths: Sequence[str],
    scheme: str,
) -> None:
    options = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "locale": "en"}
    context = open_context(**options, color_scheme=scheme, storage_state=administrator)
    page, wrong = context.new_page(), list[str]()
    for path in paths:
        answer = page.goto(hall.url + path.format(**found_at))
        assert answer is not None
        said = _complaints(page) + [f"too small: {each}" for each in page.evaluate(SMALL_TARGETS)]
        if answer.status != (404 if path == NOWHERE else 200):
            said.append(f"answers {answer.status}")
        if _overflow(page) > 0:
            said.append("wider than the screen")
        wrong += [f"{path}: {each}" for each in said]
    assert not wrong, "\n".join(wrong)


def test_what_is_not_for_every_day_is_one_step_away_on_a_phone(
    hall: Hall, administrator: dict[str, Any], open_context: OpenContext
) -> None:
    options = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "locale": "en"}
    page = open_context(**options, storage_state=administrator).new_page()
    page.goto(f"{hall.url}/panel/live")
    people = page.get_by_role("link", name="People", exact=True)
    expect(people).to_be_hidden()
    page.get_by_role("button", name="More").click()
    expect(people).to_be_visible()
    assert not _complaints(page)
    assert not page.evaluate(SMALL_TARGETS)
    page.get_by_role("button", name="Close the menu").click()
    expect(people).to_be_hidden()
    page.get_by_role("button", name="More").click()
    people.click()
    expect(page.locator("h1")).to_have_text("People")


@pytest.mark.parametrize("language", ["ja", pytest.param("zh", marks=pytest.mark.long)])
@pytest.mark.parametrize("path", ["/panel/live", "/panel/visits/new", "/panel/doors"])
def test_a_page_fits_in_every_language(
    hall: Hall,
    administrator: dict[str, Any],
    open_context: OpenContext,
    path: str,
    language: str,
) -> None:
    context = open_context(viewport=PHONE, storage_state=administrator)
    page = context.new_page()
    page.goto(f"{hall.url}/api/v1/")
    page.click(f".languages button[value={language}]")
    page.goto(hall.url + path)
    expect(page.locator("html")).to_have_attribute("lang", language)
    assert _overflow(page) <= 0


def test_the_sign_in_page_and_the_visitors_page_can_be_used_by_everybody(
    hall: Hall, phone: Page
) -> None:
    _, (guest,) = hall.site.invite(("Hedy Lamarr", ""), title="Radio")
    link = hall.site.link(guest)
    with hall.site.office.begin(Principal.system()) as work:
        host = people.by_email(work.session, "host@genkan.example")
        assert host is not None
        host.link_hash, host.link_ends_at = people.hash_of("a-link"), work.now + timedelta(days=1)
    for path in ("/panel/sign-in", "/panel/password/a-link", link, "/v/nonsense"):
        phone.goto(hall.url + path)
        assert _overflow(phone) <= 0
        assert not _complaints(phone)


def test_a_wrong_password_is_said_beside_the_field_and_the_address_stays(
    hall: Hall, desktop: Page
) -> None:
    desktop.goto(f"{hall.url}/panel/visits")
    desktop.fill("#email", "host@genkan.example")
    desktop.fill("#password", "not the password")
    desktop.click("main button[type=submit]")
    expect(desktop.locator("#password-error")).to_be_visible()
    expect(desktop.locator("#email")).to_have_value("host@genkan.example")
    expect(desktop.locator("#password")).to_be_focused()


def test_signing_in_leads_to_the_page_that_was_asked_for_and_out_again(
    hall: Hall, desktop: Page
) -> None:
    desktop.goto(f"{hall.url}/panel/visits?when=past")
    desktop.fill("#email", "host@genkan.example")
    desktop.fill("#password", "the hall where guests are received")
    desktop.click("main button[type=submit]")
    expect(desktop).to_have_url(f"{hall.url}/panel/visits?when=past")
    desktop.click("text=Sign out")
    desktop.goto(f"{hall.url}/panel/visits")
    expect(desktop.locator("#password")).to_be_visible()


def test_a_refused_invitation_keeps_what_was_typed_and_goes_out_once_mended(
    hall: Hall, phone: Page
) -> None:
    sign_in(phone, hall.url, "host")
    phone.goto(f"{hall.url}/panel/visits/new")
    phone.fill("[id='visitors.0.name']", "Grace Hopper")
    phone.fill("[id='visitors.0.email']", "grace@")
    phone.click("text=Another visitor")
    phone.fill("[id='visitors.1.name']", "Ada Lovelace")
    phone.fill("[id='visitors.1.email']", "ada@visitor.example")
    phone.fill("#title", "Compiler review")
    phone.fill("#ends_at", "2026-04-01T10:00")
    phone.press("#title", "Enter")
    expect(phone.locator("[id='visitors.0.email-error']")).to_contain_text("e-mail address")
    expect(phone.locator("[id='visitors.0.email']")).to_be_focused()
    expect(phone.locator("[id='visitors.0.name']")).to_have_value("Grace Hopper")
    expect(phone.locator("[id='visitors.1.name']")).to_have_value("Ada Lovelace")
    phone.fill("[id='visitors.0.email']", "grace@visitor.example")
    phone.press("#title", "Enter")
    expect(phone.locator("#ends_at-error")).to_be_visible()
    phone.fill("#ends_at", "2026-04-01T16:00")
    phone.press("#title", "Enter")
    expect(phone.locator("h1")).to_have_text("Grace Hopper, Ada Lovelace")
    expect(phone.locator(".badge", has_text="Valid").first).to_be_visible()


def test_a_visit_is_cancelled_only_after_a_second_question(hall: Hall, desktop: Page) -> None:
    made, guests = hall.site.invite(("Katherine Johnson", ""), title="Orbits")
    sign_in(desktop, hall.url, "host")
    desktop.goto(f"{hall.url}/panel/visits/{made.id}")
    desktop.click("text=Cancel the visit")
    expect(desktop.locator("h1")).to_have_text("Cancel this visit?")
    desktop.click("main button[type=submit]")
    expect(desktop.locator(".badge", has_text="Cancelled").first).to_be_visible()
    desktop.goto(hall.url + hall.site.link(guests[0]))
    expect(desktop.locator(".credential")).to_have_count(0)


def test_a_revoked_credential_is_gone_from_the_visitors_page_until_it_is_sent_anew(
    hall: Hall, desktop: Page
) -> None:
    made, guests = hall.site.invite(("Mary Jackson", ""), title="Wind tunnel")
    sign_in(desktop, hall.url, "host")
    desktop.goto(f"{hall.url}/panel/visits/{made.id}")
    desktop.click("summary:has-text('Revoke')")
    desktop.click("text=Revoke the credential")
    expect(desktop.locator(".badge", has_text="Revoked")).to_be_visible()
    desktop.goto(hall.url + hall.site.link(guests[0]))
    expect(desktop.locator(".credential")).to_have_count(0)
    desktop.goto(f"{hall.url}/panel/visits/{made.id}")
    desktop.click("text=Send a new credential")
    expect(desktop.locator(".badge", has_text="Valid")).to_be_visible()


def test_a_door_is_opened_only_with_a_reason_and_shows_what_came_of_it(
    hall: Hall, desktop: Page
) -> None:
    sign_in(desktop, hall.url, "security")
    desktop.goto(f"{hall.url}/panel/doors")
    desktop.click("section:has-text('Main gate') >> text=Open once")
    desktop.click("main button[type=submit]")
    expect(desktop.locator("#reason-error")).to_be_visible()
    desktop.fill("#reason", "Delivery")
    desktop.click("main button[type=submit]")
    main_gate = desktop.locator("section", has_text="Main gate")
    expect(main_gate).to_contain_text("waiting for the controller")
    expect(main_gate.locator(".badge", has_text="Locked")).to_be_visible()


def test_a_host_sees_neither_doors_nor_devices(hall: Hall, desktop: Page) -> None:
    sign_in(desktop, hall.url, "host")
    assert desktop.locator(".places a").all_inner_texts() == [
        "Visits",
        "At the entrance",
        "Account",
    ]
    for path in ("/panel/live", "/panel/doors", "/panel/devices", "/panel/mail"):
        answer = desktop.goto(hall.url + path)
        assert answer is not None
        assert answer.status == 403


def test_whoever_uses_the_keyboard_sees_where_they_are(hall: Hall, desktop: Page) -> None:
    desktop.set_viewport_size(DESKTOP)
    sign_in(desktop, hall.url, "security")
    seen: set[str] = set()
    for _ in range(8):
        desktop.keyboard.press("Tab")
        outline = desktop.evaluate(
            "(() => { const s = getComputedStyle(document.activeElement);"
            " return s.outlineStyle + ' ' + s.outlineWidth })()"
        )
        assert outline == "solid 3px"
        seen.add(desktop.evaluate("document.activeElement.textContent.trim()"))
    assert "Skip to the content" in seen
    assert "Visits" in seen


def test_a_visitors_code_is_black_on_pure_white_also_in_the_dark(
    hall: Hall, open_context: OpenContext
) -> None:
    page = open_context(viewport=PHONE, color_scheme="dark").new_page()
    _, (guest,) = hall.site.invite(("Hedy Lamarr", ""), title="Radio")
    page.goto(hall.url + hall.site.link(guest))
    page.click("main button[type=submit]")
    page.wait_for_load_state("load")
    page.locator("details:has(.credential) > summary").click()
    ground = page.evaluate(
        "getComputedStyle(document.querySelector('.credential')).backgroundColor"
    )
    assert ground == "rgb(255, 255, 255)"
    assert page.locator(".credential img").bounding_box()["width"] >= 250  # pyright: ignore[reportOptionalSubscript]


def test_a_visit_that_waits_is_invited_once_security_approves(hall: Hall, desktop: Page) -> None:
    hall.site.asks_for_approval(wanted=True)
    made, _ = hall.site.invite(("Christine Darden", "Langley"), as_host=True)
    hall.site.asks_for_approval(wanted=False)
    sign_in(desktop, hall.url, "security")
    desktop.goto(f"{hall.url}/panel/visits?when=approval")
    desktop.click("text=Christine Darden")
    expect(desktop.locator(".badge", has_text="No credential yet")).to_be_visible()
    desktop.get_by_role("button", name="Approve").click()
    expect(desktop).to_have_url(f"{hall.url}/panel/visits/{made.id}")
    expect(desktop.locator(".badge", has_text="Valid")).to_be_visible()


def test_a_token_needs_a_name_and_a_right_and_is_shown_once(hall: Hall, desktop: Page) -> None:
    sign_in(desktop, hall.url, "host")
    desktop.goto(f"{hall.url}/panel/account")
    desktop.get_by_text("New token").click()
    desktop.fill("#name", "Calendar")
    desktop.get_by_role("button", name="Make the token").click()
    expect(desktop.locator("fieldset .error")).to_be_visible()
    expect(desktop.locator("#name")).to_have_value("Calendar")
    desktop.check("input[value='visits:invite']")
    desktop.get_by_role("button", name="Make the token").click()
    expect(desktop.locator(".secret")).to_contain_text("gkt_")
    desktop.goto(f"{hall.url}/panel/account")
    expect(desktop.locator(".secret")).to_have_count(0)
    desktop.get_by_role("button", name="Revoke").click()
    expect(desktop.get_by_text("You have no API tokens.")).to_be_visible()


def test_what_ails_a_gate_is_open_to_be_seen(hall: Hall, desktop: Page) -> None:
    sign_in(desktop, hall.url, "admin")
    desktop.goto(f"{hall.url}/panel/devices")
    facts = desktop.locator(".facts")
    expect(facts).to_be_visible()  # a camera has no picture
    for said in ("14.8 frames/s", "camera 1 sends no picture", "51.2 °C", "97 MB", "Trusted"):
        expect(facts).to_contain_text(said)


def test_a_device_is_enrolled_with_a_code_that_is_shown_once(hall: Hall, desktop: Page) -> None:
    sign_in(desktop, hall.url, "admin")
    desktop.goto(f"{hall.url}/panel/devices/new")
    desktop.fill("#id", "Gate 9")
    desktop.fill("#name", "North entrance")
    desktop.get_by_role("button", name="Make an enrolment code").click()
    expect(desktop.locator("#id-error")).to_be_visible()
    expect(desktop.locator("#name")).to_have_value("North entrance")
    desktop.fill("#id", "gate-9")
    desktop.get_by_role("button", name="Make an enrolment code").click()
    expect(desktop.locator(".secret")).to_have_text(re.compile("^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$"))
    desktop.get_by_text("Done").click()
    expect(desktop.locator("tr", has_text="gate-9")).to_contain_text("Not enrolled")


def test_a_gate_enrols_with_the_qr_that_the_page_shows_and_the_page_says_so(
    hall: Hall, desktop: Page, tmp_path: Path
) -> None:
    sign_in(desktop, hall.url, "admin")
    desktop.goto(f"{hall.url}/panel/devices/new")
    desktop.fill("#id", "gate-qr")
    desktop.fill("#name", "By QR")
    desktop.get_by_role("button", name="Make an enrolment code").click()
    expect(desktop.get_by_text("This code has ended")).to_be_hidden()
    expect(desktop.locator("[data-left]")).to_have_text(re.compile(r"1[45]:\d\d left"))
    shown = desktop.locator(".enrolment img")
    picture = cv2.imdecode(np.frombuffer(shown.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    (read,) = zxingcpp.read_barcodes(picture, formats=QR_CODES)
    assert enrol_from_text(read.text, store := LocalStore(tmp_path)).device == "gate-qr"
    assert store.identity().tls.name == "gate-qr.1"
    expect(desktop.locator("#enrolment-state")).to_contain_text("gate-qr is enrolled")


def test_a_code_that_has_ended_is_no_longer_shown(hall: Hall, desktop: Page) -> None:
    desktop.clock.install()
    sign_in(desktop, hall.url, "admin")
    desktop.goto(f"{hall.url}/panel/devices/new")
    desktop.fill("#id", "gate-late")
    desktop.fill("#name", "Late")
    desktop.get_by_role("button", name="Make an enrolment code").click()
    expect(desktop.locator(".enrolment img")).to_be_visible()
    desktop.clock.fast_forward("16:00")
    expect(desktop.locator(".enrolment img")).to_be_hidden()
    expect(desktop.get_by_text("This code has ended")).to_be_visible()
