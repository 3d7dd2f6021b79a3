"""The host's page: who may see it, what it shows of the day, and that an answer reaches the visitor."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from access_protocol.events import Outcome
from access_protocol.ids import CredentialId
from server.app import create_office
from server.arrivals import actions as arrivals
from server.arrivals.rules import CrossingKind, CrossingSource
from server.kernel.clock import FixedClock
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.pages import whereabouts
from server.pages.whereabouts import Stage
from server.visits import actions as visits
from server.visits.models import Visitor
from tests.fakes.application import application
from tests.fakes.panel_site import NOON, PASSWORD, PanelSite

HOSTILE = '<script>alert("1")</script>'


@dataclass(frozen=True)
class Scene:
    """A site, and the browser of one person."""

    site: PanelSite
    browser: FlaskClient

    def post(self, path: str, form_at: str, **values: str) -> TestResponse:
        """Send a form as the page `form_at` holds it."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.browser.get(form_at).text)
        token = found[1] if found else ""
        return self.browser.post(path, data={"csrf_token": token, **values})

    def sign_in(self, who: str) -> None:
        """Sign in."""
        at = "/panel/sign-in"
        self.post(at, at, email=f"{who}@genkan.example", password=PASSWORD, next="/host/")

    def crosses(self, visitor: Visitor, kind: CrossingKind, minutes: int | None = None) -> None:
        """Let a visitor come nearer."""
        expected = None if minutes is None else timedelta(minutes=minutes)
        with self.site.office.begin(Principal.system()) as work:
            arrivals.notice_crossing(work, visitor.id, kind, CrossingSource.PAGE, expected)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    settings = Settings(demo=True, data_folder=tmp_path, worker_wake="")
    office = create_office(settings, FixedClock(NOON))
    clock = office.clock
    assert isinstance(clock, FixedClock)
    site = PanelSite(office, clock)
    yield Scene(site, application(office).test_client())
    office.close()


@pytest.mark.parametrize("path", ["/host/", "/host/visits", "/host/approvals", "/host/alerts"])
def test_nobody_sees_a_page_without_signing_in(scene: Scene, path: str) -> None:
    answer = scene.browser.get(path)
    assert answer.status_code == 303
    assert answer.location.endswith(f"/panel/sign-in?next={path}")


@pytest.mark.parametrize(
    "path", ["/host/", "/host/visits", "/host/visits/new", "/host/approvals", "/host/alerts"]
)
def test_every_page_says_what_to_do_while_it_is_empty(scene: Scene, path: str) -> None:
    scene.sign_in("host")
    answer = scene.browser.get(path)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]


def test_the_day_shows_how_far_each_visitor_has_come(scene: Scene) -> None:
    _, (anna, tom) = scene.site.invite(("Anna Keller", "Nordwind"), ("Tom Becker", ""))
    scene.crosses(anna, CrossingKind.APPROACHING, minutes=10)
    scene.site.presented(
        "main-gate-in", CredentialId(tom.credential), None, Outcome.OPENED, Outcome.PASSED
    )
    scene.sign_in("host")
    page = scene.browser.get("/host/").text
    assert "On the way" in page
    assert "expected at 14:24" in page
    assert "Through the gate" in page


def test_who_stands_at_the_door_is_shown_first_until_they_are_answered(scene: Scene) -> None:
    visit, (anna,) = scene.site.invite(("Anna Keller", ""))
    scene.crosses(anna, CrossingKind.HERE)
    scene.sign_in("host")
    assert "You are needed" in scene.browser.get("/host/").text
    path = f"/host/visits/{visit.id}/answers"
    scene.post(path, "/host/", kind="coming_down", **{"from": "today"})
    assert "You are needed" not in scene.browser.get("/host/").text
    assert "Coming down" in scene.browser.get(f"/host/visits/{visit.id}").text


def test_an_answer_in_ones_own_words_is_shown_as_text(scene: Scene) -> None:
    visit, _ = scene.site.invite(("Anna Keller", ""))
    scene.sign_in("host")
    here = f"/host/visits/{visit.id}"
    scene.post(f"{here}/answers", here, kind="text", text=HOSTILE)
    page = scene.browser.get(here).text
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


def test_an_empty_answer_is_refused_and_says_why(scene: Scene) -> None:
    visit, _ = scene.site.invite(("Anna Keller", ""))
    scene.sign_in("host")
    here = f"/host/visits/{visit.id}"
    answer = scene.post(f"{here}/answers", here, kind="text", text="")
    assert answer.status_code == 422
    assert "Please write a few words" in answer.text


def test_a_change_without_the_pages_token_is_refused(scene: Scene) -> None:
    visit, _ = scene.site.invite(("Anna Keller", ""))
    scene.sign_in("host")
    answer = scene.browser.post(f"/host/visits/{visit.id}/answers", data={"kind": "coming_down"})
    assert answer.status_code == 403


def test_a_phone_needs_name_mail_and_time_only_to_invite(scene: Scene) -> None:
    scene.sign_in("host")
    form = scene.browser.get("/host/visits/new").text
    values = dict(re.findall(r'name="((?:starts|ends)_at|title)"[^>]* value="([^"]*)"', form))
    guest = {"visitors.0.name": "Mae Jemison", "visitors.0.email": "mae@example.org"}
    sent = values | guest | {"language": "en", "save": "1"}
    made = scene.post("/host/visits/new", "/host/visits/new", **sent)
    assert made.status_code == 303
    assert "Mae Jemison" in scene.browser.get(made.location).text


def test_inviting_again_takes_over_who_came(scene: Scene) -> None:
    visit, _ = scene.site.invite(("Anna Keller", "Nordwind"))
    scene.sign_in("host")
    form = scene.browser.get(f"/host/visits/new?like={visit.id}").text
    assert 'value="Anna Keller"' in form
    assert 'value="Nordwind"' in form


def test_a_cancelled_visit_is_gone_from_the_day(scene: Scene) -> None:
    visit, _ = scene.site.invite(("Anna Keller", ""))
    scene.sign_in("host")
    cancel = f"/host/visits/{visit.id}/cancel"
    assert scene.post(cancel, cancel).status_code == 303
    assert "Anna Keller" not in scene.browser.get("/host/").text


def test_how_one_is_told_is_kept(scene: Scene) -> None:
    scene.sign_in("host")
    values = {"quiet": "1", "begin": "21:00", "end": "06:30", "days": "1", "mail": "always"}
    assert scene.post("/host/alerts/preferences", "/host/alerts", **values).status_code == 303
    page = scene.browser.get("/host/alerts").text
    assert 'value="21:00"' in page
    assert '<option value="always" selected>' in page


def test_a_messenger_that_may_not_be_used_is_refused_beside_the_field(scene: Scene) -> None:
    scene.sign_in("host")
    path = "/host/alerts/channels"
    answer = scene.post(path, "/host/alerts", url="file:///etc/passwd", label="x")
    assert answer.status_code == 422
    assert "ust begin with one of" in answer.text


def test_what_is_no_subscription_is_refused(scene: Scene) -> None:
    scene.sign_in("host")
    found = re.search(r'data-csrf="([^"]+)"', scene.browser.get("/host/alerts").text)
    assert found
    headers = {"X-CSRF-Token": found[1]}
    given: list[object] = [
        [],
        {"endpoint": "http://localhost/x"},
        {"endpoint": "https://a.example"},
    ]
    for body in given:
        answer = scene.browser.post("/host/alerts/push", json=body, headers=headers)
        assert answer.status_code == 400
    assert len(scene.browser.get("/host/alerts/push-key").text) == 87


def test_what_a_browser_keeps_of_the_page_holds_nothing_personal(scene: Scene) -> None:
    scene.site.invite(("Anna Keller", ""))
    worker = scene.browser.get("/host/service-worker.js").text
    given = json.loads(worker.partition("const GIVEN = ")[2].partition(";\n")[0])
    assert given["offline"] == "/host/offline"
    assert all(path.startswith("/static/") for path in given["shell"])
    scene.sign_in("host")
    assert "Sato" not in scene.browser.get("/host/offline").text
    manifest = scene.browser.get("/host/manifest.webmanifest").get_json()
    assert (manifest["scope"], manifest["start_url"]) == ("/host/", "/host/")
    for icon in manifest["icons"]:
        with scene.browser.get(icon["src"]) as picture:
            assert picture.status_code == 200


def test_who_declined_is_shown_as_declined(scene: Scene) -> None:
    visit, (anna,) = scene.site.invite(("Anna Keller", ""))
    scene.crosses(anna, CrossingKind.ON_MY_WAY, 20)
    scene.site.clock.advance(timedelta(minutes=1))

    with scene.site.office.begin(Principal.for_visitor(anna.id)) as work:
        visits.decline_invitation(work, visit.id, anna.id)

    with scene.site.office.reading(Principal.system()) as work:
        assert whereabouts.of_visits(work, [visit])[anna.id].stage is Stage.DECLINED
