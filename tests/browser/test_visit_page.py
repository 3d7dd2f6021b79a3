"""A visitor opens the invitation, agrees, and moves to another phone by a mailed code."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import Session, col, select

from demo.chromium import PHONE
from server.kernel import outbox
from server.kernel.principal import Principal
from server.notifications import mail
from server.notifications.messages import Catcher
from server.notifications.models import CaughtMail
from server.notifications.rules import opened
from server.visits import actions as visits
from server.visits.actions import NewTerms, TermsKind
from server.visits.models import Visitor
from tests.browser.conftest import Hall, OpenContext
from tests.fakes.panel_site import SITE

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
RULES = NewTerms(ja="館内は禁煙です。", en="No smoking inside.", zh="室内禁止吸烟。")


@pytest.fixture
def visitor(hall: Hall) -> Visitor:
    """Somebody invited, whom the house asks to agree to its rules."""
    with hall.site.office.begin(Principal.system()) as work:
        visits.write_terms(work, SITE, TermsKind.HOUSE_RULES, RULES)
    _, (guest,) = hall.site.invite(("Hedy Lamarr", "Frequency Ltd"), title="Radio")
    return guest


def another_phone(open_context: OpenContext) -> Page:
    return open_context(viewport=PHONE, is_mobile=True, has_touch=True).new_page()


def code_in_the_catcher(hall: Hall, visitor: Visitor) -> str:
    """Deliver the mail, and read the code in the latest one to the visitor."""
    office = hall.site.office
    while outbox.send_due(office, {"mail": Catcher(office)}):
        pass
    with Session(office.engine) as session:
        wanted = select(CaughtMail).where(CaughtMail.recipient == visitor.email)
        caught = session.exec(wanted.order_by(col(CaughtMail.id).desc())).first()
    assert caught is not None
    text = mail.read(opened(office.sealer, caught.sealed_message)).text
    found = re.search(r"^ *(\d{6})\s*$", text, re.MULTILINE)
    assert found, text
    return found[1]


def test_a_visitor_opens_agrees_and_moves_to_another_phone(
    hall: Hall, open_context: OpenContext, visitor: Visitor
) -> None:
    first, second = another_phone(open_context), another_phone(open_context)
    link = hall.url + hall.site.link(visitor)
    first.goto(link)
    first.get_by_role("button", name="open my invitation").click()
    expect(first.get_by_role("heading", name="Please read and agree")).to_be_visible()
    first.get_by_role("link", name="House rules").click()
    first.get_by_role("button", name="Agree").click()
    expect(first.locator("#agreed-error")).to_be_visible()
    first.get_by_label("I have read this").check()
    first.get_by_role("button", name="Agree").click()
    expect(first.get_by_text("Thank you. It is noted.")).to_be_visible()
    expect(first.get_by_role("heading", name="Please read and agree")).to_have_count(0)

    second.goto(link)
    expect(second.get_by_role("heading", name="open on another phone")).to_be_visible()
    expect(second.locator("body")).not_to_contain_text("Radio")
    second.get_by_role("button", name="Send me a code").click()
    second.get_by_label("Code from the mail").fill("000000")
    second.get_by_role("button", name="Open my invitation").click()
    expect(second.locator("#code-error")).to_be_visible()
    second.get_by_label("Code from the mail").fill(code_in_the_catcher(hall, visitor))
    second.get_by_role("button", name="Open my invitation").click()
    expect(second.get_by_text("Radio")).to_be_visible()

    # The page that is still open there learns it: what it shows ends, and it says why.
    first.evaluate("document.body.dispatchEvent(new CustomEvent('genkan:refresh'))")
    expect(first.get_by_role("heading", name="open on another phone")).to_be_visible()
    expect(first.locator("body")).not_to_contain_text("Radio")


def test_every_step_of_the_visit_page_can_be_used_by_everybody(
    hall: Hall, open_context: OpenContext, visitor: Visitor
) -> None:
    page = another_phone(open_context)
    link = hall.url + hall.site.link(visitor)
    page.goto(link)
    page.click("main button[type=submit]")
    for below in ("", "/wish", "/companions", "/needs", "/decline"):
        page.goto(link + below)
        page.evaluate(AXE)
        found: dict[str, Any] = page.evaluate("axe.run()")
        serious = [
            each for each in found["violations"] if each["impact"] in {"serious", "critical"}
        ]
        assert not serious, [each["id"] for each in serious]
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
