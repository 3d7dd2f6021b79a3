"""Signing in and out, and what a visitor's page says at each stage of the visit."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from access_protocol.ids import JournalId
from access_protocol.wording import Language
from server.access.models import AlarmKind, LedgerAlarm
from server.app import create_office
from server.kernel.clock import FixedClock
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.visits import actions as visits
from server.visits.models import Visitor
from tests.fakes.application import application
from tests.fakes.panel_site import GATE, JOURNAL, NOON, PASSWORD, SITE, PanelSite
from tests.fakes.visitor_phone import VisitorPhone


@dataclass(frozen=True)
class Scene:
    """The application, its site and one browser."""

    app: Flask
    site: PanelSite
    browser: FlaskClient

    def post(self, path: str, form_at: str, **values: str) -> TestResponse:
        """Send a form as the page `form_at` holds it."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.browser.get(form_at).text)
        token = found[1] if found else ""
        return self.browser.post(path, data={"csrf_token": token, **values})

    def sign_in(self, who: str, password: str = PASSWORD, to: str = "/") -> TestResponse:
        """Sign in."""
        email = f"{who}@genkan.example"
        sign_in = "/panel/sign-in"
        return self.post(sign_in, sign_in, email=email, password=password, next=to)

    def phone_of(self, visitor: Visitor, language: str = "fr") -> VisitorPhone:
        """Return a phone at the visitor's link, which it did not open yet."""
        return VisitorPhone(self.app, self.site.link(visitor), language)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    settings = Settings(demo=True, data_folder=tmp_path, worker_wake="")
    clock = FixedClock(NOON)
    office = create_office(settings, clock)
    site = PanelSite(office, clock)
    app = application(office)
    yield Scene(app, site, app.test_client())
    office.close()


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(scene: Scene) -> None:
    cookie = scene.sign_in("host").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_whoever_guesses_too_often_is_told_to_wait(scene: Scene) -> None:
    answers = [scene.sign_in("host", "wrong") for _ in range(12)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert "Too many attempts." in refused[0].text
    assert int(refused[0].headers["Retry-After"]) > 0
    assert scene.sign_in("host").status_code == 429


def test_nobody_is_led_elsewhere_by_a_link_to_the_sign_in_page(scene: Scene) -> None:
    assert scene.sign_in("host", to="//evil.example/panel").location == "/"


def test_signing_out_needs_the_form_and_ends_the_session_on_the_server(scene: Scene) -> None:
    scene.sign_in("security")
    kept = scene.browser.get_cookie("genkan_session")
    assert scene.browser.post("/panel/sign-out").status_code == 403
    assert scene.post("/panel/sign-out", "/panel/account").status_code == 303
    assert kept is not None
    scene.browser.set_cookie("genkan_session", kept.value)
    assert scene.browser.get("/panel/live").status_code == 303


def test_a_fragment_for_somebody_signed_out_is_refused_and_not_redirected(scene: Scene) -> None:
    answer = scene.browser.get("/panel/live/events", headers={"HX-Request": "true"})
    assert answer.status_code == 401


def test_a_changed_journal_is_shown_to_security(scene: Scene) -> None:
    with scene.site.office.begin(Principal.system()) as work:
        work.session.add(
            LedgerAlarm(
                id=work.ids.new(),
                gate=GATE,
                journal=JournalId(JOURNAL),
                sequence=3,
                kind=AlarmKind.CHANGED_HISTORY,
                site=SITE,
                kept=bytes(32),
                came=bytes(32),
                raised_at=work.now,
            )
        )
    scene.sign_in("security")
    assert "The journal of gate-1" in scene.browser.get("/panel/live").text


def test_an_expected_visitor_sees_the_code_and_what_happens_next(scene: Scene) -> None:
    _, (guest,) = scene.site.invite(("Anna Keller", ""))
    phone = scene.phone_of(guest).open()
    page = phone.page()
    assert "You are expected" in page
    assert "1-2-3 Marunouchi" in page
    picture = phone.get("/credential.png")
    assert picture.data.startswith(b"\x89PNG")
    assert picture.headers["Cache-Control"] == "no-store"
    assert picture.headers["Referrer-Policy"] == "no-referrer"


def test_a_visitors_page_speaks_the_phones_language_and_else_that_of_the_invitation(
    scene: Scene,
) -> None:
    _, (guest,) = scene.site.invite(("山田 太郎", ""), language=Language.JA)
    assert "お待ちしております" in scene.phone_of(guest, "fr").page()
    assert "You are expected" in scene.phone_of(guest, "en").page()


def test_a_cancelled_visit_is_said_kindly_and_shows_no_code(scene: Scene) -> None:
    made, (guest,) = scene.site.invite(("Anna Keller", ""))
    phone = scene.phone_of(guest).open()
    with scene.site.office.begin(Principal.system()) as work:
        visits.cancel(work, made.id)
    page = phone.page()
    assert "This visit will not take place." in page
    assert "credential.png" not in page
    assert phone.get("/credential.png").status_code == 404


def test_a_visit_that_is_over_says_thank_you(scene: Scene) -> None:
    _, (guest,) = scene.site.invite(("Anna Keller", ""))
    phone = scene.phone_of(guest).open()
    scene.site.clock.advance(timedelta(days=1))
    page = phone.page()
    assert "Thank you for your visit" in page
    assert "credential.png" not in page


def test_an_unknown_link_says_what_to_do(scene: Scene) -> None:
    answer = scene.browser.get("/v/nonsense")
    assert answer.status_code == 404
    assert "ask your host" in answer.text
