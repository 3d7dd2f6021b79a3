"""What a guard does at the panel in a real browser: lock down and release, look into double entries, set the policy."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from access_protocol.events import Contact, Lock, Outcome
from access_protocol.ids import CredentialId, ZoneNumber
from access_protocol.knowledge import AntiPassback
from server.kernel.principal import Principal
from server.places import actions as places
from server.places import models
from server.places.actions import ZoneInput
from tests.browser.conftest import Hall, sign_in
from tests.fakes.panel_site import SITE

pytestmark = pytest.mark.browser


def test_a_lockdown_asks_for_a_reason_shows_on_every_page_and_ends_with_the_release(
    hall: Hall, desktop: Page
) -> None:
    sign_in(desktop, hall.url, "security")
    desktop.goto(f"{hall.url}/panel/doors")
    desktop.click("text=Lockdown")
    desktop.select_option("#place", label="Meeting rooms")
    desktop.click("text=Lock down now")
    expect(desktop.locator("#reason-error")).to_be_visible()
    expect(desktop.locator("#place")).to_have_value("TYO:3")
    desktop.fill("#reason", "Alarm in the hall")
    desktop.click("text=Lock down now")
    card = desktop.locator("section", has_text="Alarm in the hall")
    expect(card).to_contain_text("Not reported as locked down: Sakura door")
    desktop.goto(f"{hall.url}/panel/visits")
    expect(desktop.locator(".lockdowns")).to_contain_text("Locked down: Meeting rooms")
    hall.site.reports_door("door-sakura", Lock.LOCKED_DOWN, Contact.CLOSED)
    desktop.goto(f"{hall.url}/panel/lockdown")
    expect(card).not_to_contain_text("Not reported")
    card.get_by_text("Release").click()
    desktop.fill("#reason", "The alarm was false")
    desktop.click("main form button:has-text('Release')")
    expect(desktop.locator("main")).to_contain_text("Nothing is locked down.")
    expect(desktop.locator("main")).to_contain_text("Released, but not yet reported by")
    hall.site.reports_door("door-sakura", Lock.LOCKED, Contact.CLOSED)


def test_a_host_sees_neither_lockdowns_nor_the_policy(hall: Hall, desktop: Page) -> None:
    sign_in(desktop, hall.url, "host")
    for path in ("/panel/lockdown", "/panel/conflicts", "/panel/amnesty", "/panel/policy"):
        answer = desktop.goto(hall.url + path)
        assert answer is not None
        assert answer.status == 403
    desktop.goto(f"{hall.url}/panel/visits")
    expect(desktop.locator(".places")).not_to_contain_text("Policy")


def test_a_double_entry_is_an_alarm_on_the_live_page_until_a_guard_looked_into_it(
    hall: Hall, desktop: Page
) -> None:
    with hall.site.office.begin(Principal.system()) as work:
        zone = ZoneInput(name="Office floor", anti_passback=AntiPassback.SOFT)
        places.put_zone(work, SITE, ZoneNumber(2), zone)
    for _ in range(2):
        hall.site.clock.advance(timedelta(seconds=20))
        guest = CredentialId(hall.guests[0].credential)
        hall.site.presented("main-gate-in", guest, None, Outcome.OPENED, Outcome.PASSED)
    sign_in(desktop, hall.url, "security")
    desktop.goto(f"{hall.url}/panel/live")
    desktop.click(".notice a:has-text('went in twice')")
    card = desktop.locator("section", has_text="To be looked into").first
    expect(card).to_contain_text(hall.guests[0].name)
    before = desktop.locator("section", has_text="To be looked into").count()
    card.locator("input[name=note]").fill("Seen at both gates")
    card.get_by_role("button", name="Looked into").click()
    expect(desktop.locator("section", has_text="Seen at both gates")).to_be_visible()
    assert desktop.locator("section", has_text="To be looked into").count() == before - 1
    desktop.click("text=Forgive entries")
    desktop.fill("#reason", "Drill")
    desktop.click("button:has-text('Forgive')")
    expect(desktop.locator(".flashes")).to_contain_text("Entries up to now are forgiven")


def test_the_policy_is_changed_by_an_administrator_and_what_would_lock_people_out_is_refused(
    hall: Hall, desktop: Page
) -> None:
    sign_in(desktop, hall.url, "admin")
    desktop.goto(f"{hall.url}/panel/policy/TYO/zones/4")
    desktop.select_option("#anti_passback", "hard")
    desktop.click("button:has-text('Save')")
    expect(desktop.locator("#anti_passback-error")).to_contain_text("nothing reads who leaves")
    expect(desktop.locator("#anti_passback")).to_have_value("hard")
    desktop.fill("#forgiven_after_min", "90")
    desktop.click("button:has-text('Save')")
    expect(desktop.locator("tr", has_text="Server room").first).to_contain_text("after 90 minutes")
    desktop.goto(f"{hall.url}/panel/policy/TYO/access-points/main-gate-in")
    for box in desktop.locator("input[name=classes]").all():
        box.uncheck()
    desktop.click("button:has-text('Save')")
    expect(desktop.locator("#classes-error")).to_be_visible()
    desktop.check("input[value=bound]")
    desktop.click("button:has-text('Save')")
    row = desktop.locator("tr", has_text="Main gate")
    expect(row).to_contain_text("Bound to a phone")
    expect(row).not_to_contain_text("Printed or mailed")
    desktop.goto(f"{hall.url}/panel/policy/TYO")
    desktop.fill("#staleness_h", "0")
    desktop.click("button:has-text('Save')")
    expect(desktop.locator("#staleness_h-error")).to_be_visible()
    desktop.fill("#staleness_h", "48")
    desktop.uncheck("input[value='3']")
    desktop.click("button:has-text('Save')")
    with hall.site.office.reading(Principal.system()) as work:
        site = models.site_with(work.session, SITE)
    assert site is not None
    assert (site.staleness_h, site.static_zones) == (48, [2])


def test_a_new_issuer_key_is_asked_for_twice(hall: Hall, desktop: Page) -> None:
    sign_in(desktop, hall.url, "admin")
    desktop.goto(f"{hall.url}/panel/policy")
    desktop.click("text=New key")
    desktop.click("main button:has-text('Change the key')")
    expect(desktop.locator("main")).to_contain_text("Signs now")
    expect(desktop.locator("main")).to_contain_text("Counts until")


def test_what_security_blocked_the_host_cannot_send_again(hall: Hall, desktop: Page) -> None:
    made, _ = hall.site.invite(("Dorothy Vaughan", ""), title="Tables", as_host=True)
    visit = f"{hall.url}/panel/visits/{made.id}"
    sign_in(desktop, hall.url, "security")
    desktop.goto(visit)
    desktop.click("summary:has-text('Revoke')")
    desktop.click("text=Revoke the credential")
    expect(desktop.locator(".badge", has_text="Blocked by security")).to_be_visible()
    expect(desktop.get_by_text("Send a new credential")).to_be_visible()
    desktop.click("text=Sign out")
    sign_in(desktop, hall.url, "host")
    desktop.goto(visit)
    expect(desktop.locator(".badge", has_text="Blocked by security")).to_be_visible()
    expect(desktop.get_by_text("Send a new credential")).to_have_count(0)
