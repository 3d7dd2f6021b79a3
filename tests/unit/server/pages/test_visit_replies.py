"""The panel's side of what visitors say, and the pages on which administrators write what visitors read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.app import create_office
from server.kernel.clock import FixedClock
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.visits import actions as visits
from server.visits.actions import NeedsInput, NewCompanion, NewWish, TermsKind
from server.visits.models import Visit, Visitor
from tests.fakes.application import application
from tests.fakes.panel_site import NOON, PASSWORD, SITE, PanelSite
from tests.fakes.visitor_phone import VisitorPhone


@dataclass(frozen=True)
class Desk:
    """The panel in one browser, and a visit with one visitor."""

    app: Flask
    site: PanelSite
    browser: FlaskClient
    visit: Visit
    visitor: Visitor

    @property
    def path(self) -> str:
        return f"/panel/visits/{self.visit.id}"

    def sign_in(self, who: str) -> "Desk":
        self.post(
            "/panel/sign-in", "/panel/sign-in", email=f"{who}@genkan.example", password=PASSWORD
        )
        return self

    def post(self, path: str, at: str, **values: str) -> TestResponse:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.browser.get(at).text)
        assert found
        return self.browser.post(path, data={"csrf_token": found[1], **values})

    def page(self) -> str:
        return self.browser.get(self.path).text


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    settings = Settings(demo=True, data_folder=tmp_path, worker_wake="")
    clock = FixedClock(NOON)
    office = create_office(settings, clock)
    site = PanelSite(office, clock)
    app = application(office)
    visit, (visitor,) = site.invite(("Anna Keller", "Nordwind"), as_host=True)
    yield Desk(app, site, app.test_client(), visit, visitor)
    office.close()


def test_the_host_accepts_another_time_on_the_visits_page(desk: Desk) -> None:
    begins = NOON + timedelta(days=2)
    with desk.site.office.begin(Principal.for_visitor(desk.visitor.id)) as work:
        wanted = NewWish(message="Strike", starts_at=begins, ends_at=begins + timedelta(hours=1))
        made = visits.wish(work, desk.visit.id, desk.visitor.id, wanted)
    desk.sign_in("host")
    assert "Asks for another time" in desk.page()
    answer = desk.post(f"{desk.path}/wishes/{made.id}", desk.path, answer="yes")
    assert answer.status_code == 303
    with desk.site.office.reading(Principal.system()) as work:
        assert visits.get(work, desk.visit.id).starts_at == begins


def test_the_host_lets_somebody_be_brought_on_the_visits_page(desk: Desk) -> None:
    with desk.site.office.begin(Principal.for_visitor(desk.visitor.id)) as work:
        new = NewCompanion(name="Tom Becker", email="tom@example.org")
        made = visits.bring(work, desk.visit.id, desk.visitor.id, new)
    desk.sign_in("host")
    assert "Would like to bring Tom Becker" in desk.page()
    desk.post(f"{desk.path}/companions/{made.id}", desk.path, answer="yes")
    assert "Waits for an answer" not in desk.page()
    assert "Tom Becker" in desk.page()


def test_what_a_visitor_needs_and_which_phone_they_use_stands_on_the_visits_page(
    desk: Desk,
) -> None:
    VisitorPhone(desk.app, desk.site.link(desk.visitor)).open()
    with desk.site.office.begin(Principal.for_visitor(desk.visitor.id)) as work:
        given = NeedsInput(step_free=True, needs="Assistance dog")
        visits.note_needs(work, desk.visit.id, desk.visitor.id, given)
    page = desk.sign_in("security").page()
    assert "A way without steps" in page
    assert "Assistance dog" in page
    assert "Opened on a phone on" in page


def test_the_host_can_expect_somebody_after_all(desk: Desk) -> None:
    with desk.site.office.begin(Principal.for_visitor(desk.visitor.id)) as work:
        visits.decline_invitation(work, desk.visit.id, desk.visitor.id)
    desk.sign_in("host")
    assert "Expect them after all" in desk.page()
    desk.post(f"{desk.path}/visitors/{desk.visitor.id}/expect", desk.path)
    assert "Expect them after all" not in desk.page()


def test_an_administrator_writes_a_document_and_what_was_agreed_is_seen(desk: Desk) -> None:
    desk.sign_in("admin")
    path = f"/panel/policy/{SITE}/documents/house_rules"
    refused = desk.post(path, path, ja="禁煙", en="No smoking", zh="")
    assert refused.status_code == 422
    assert 'id="zh-error"' in refused.text
    assert "禁煙" in refused.text
    assert desk.post(path, path, ja="禁煙", en="No smoking", zh="禁烟").status_code == 303
    phone = VisitorPhone(desk.app, desk.site.link(desk.visitor)).open()
    found = re.search(r'href="[^"]+(/agree/[0-9a-f]+)"', phone.page())
    assert found
    phone.post(found[1], agreed="yes", language="en")
    page = desk.page()
    assert "House rules" in page
    assert "Version 1 in English" in page
    assert re.search(r"SHA-256 [0-9a-f]{64}", page)
    withdrawn = desk.post(f"{path}/withdraw", f"/panel/policy/{SITE}/welcome")
    assert withdrawn.status_code == 303
    assert "Withdrawn on" in desk.browser.get(f"/panel/policy/{SITE}/welcome").text


def test_what_visitors_read_is_changed_on_a_page_that_keeps_what_was_typed(desk: Desk) -> None:
    desk.sign_in("admin")
    path = f"/panel/policy/{SITE}/welcome"
    typed = {"directions.en": "Exit 4", "most_companions": "many", "companions_need_host": "yes"}
    refused = desk.post(path, path, **typed)
    assert refused.status_code == 422
    assert 'id="most_companions-error"' in refused.text
    assert "Exit 4" in refused.text
    assert desk.post(path, path, **typed | {"most_companions": "2"}).status_code == 303
    phone = VisitorPhone(desk.app, desk.site.link(desk.visitor)).open()
    assert "Exit 4" in phone.page()


@pytest.mark.parametrize("who", ["host", "security"])
def test_only_administrators_change_what_visitors_read(desk: Desk, who: str) -> None:
    desk.sign_in(who)
    for below in ("welcome", f"documents/{TermsKind.NDA}"):
        assert desk.browser.get(f"/panel/policy/{SITE}/{below}").status_code == 403
    assert desk.browser.get(f"/panel/policy/{SITE}/documents/other").status_code == 404
