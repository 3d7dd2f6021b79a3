"""The way on a visitor's page and on the panel: it moves on with each door, and is absent without a plan."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from access_protocol.events import Outcome
from access_protocol.ids import CredentialId, SiteCode
from server.app import create_office
from server.kernel.clock import FixedClock
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.processes import demo_building
from server.visits import actions as visits
from server.visits.actions import CheckOutKind
from server.visits.models import Visitor
from server.wayfinding import actions as plans
from tests.fakes.application import application
from tests.fakes.buildings import sample_files, zipped
from tests.fakes.panel_site import NOON, PASSWORD, SITE, PanelSite
from tests.fakes.visitor_phone import VisitorPhone


@dataclass(frozen=True)
class Scene:
    """A site with one guest, due in ten minutes."""

    app: Flask
    site: PanelSite
    visitor: Visitor
    phone: VisitorPhone

    def passes(self, point: str) -> None:
        """Let a gate report that the guest went through."""
        with self.site.office.reading(Principal.system()) as work:
            credential = work.session.get_one(Visitor, self.visitor.id).credential
        self.site.presented(point, CredentialId(credential), None, Outcome.PASSED)

    def bring_in_a_plan(self) -> None:
        """Give the site the sample building."""
        with self.site.office.begin(Principal.system()) as work:
            demo_building.write(work, SiteCode(SITE))

    def sees(self, path: str = "/way") -> str:
        """Return the page below the guest's link."""
        return self.phone.get(path).text


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    settings = Settings(demo=True, data_folder=tmp_path, worker_wake="")
    clock = FixedClock(NOON)
    office = create_office(settings, clock)
    site = PanelSite(office, clock)
    _, guests = site.invite(("Chen Wei", "Optik"), starts_in=timedelta(minutes=10))
    app = application(office)
    phone = VisitorPhone(app, site.link(guests[0]), "en")
    phone.open()
    yield Scene(app, site, guests[0], phone)
    office.close()


def test_without_a_plan_there_is_no_section_and_nothing_breaks(scene: Scene) -> None:
    assert "way-heading" not in scene.sees("")
    assert "on the day of your visit" in scene.sees()


def test_the_way_moves_on_with_each_door(scene: Scene) -> None:
    scene.bring_in_a_plan()
    before = scene.sees()
    assert "Go through Main gate." in before
    assert "plan-here" not in before
    scene.passes("main-gate-in")
    behind = scene.sees("/way/parts")
    assert "You are here: Main gate" in behind
    assert "Go through Main gate." not in behind
    assert "Take the lift to 3F." in behind
    scene.passes("sakura-door-in")
    assert "You are at Sakura" in scene.sees()
    assert "The way out" in scene.sees("/way?to=out")


def test_who_needs_a_way_without_steps_gets_one_and_can_switch(scene: Scene) -> None:
    scene.bring_in_a_plan()
    with scene.site.office.begin(Principal.system()) as work:
        work.session.get_one(Visitor, scene.visitor.id).step_free = True
    assert "without steps" in scene.sees()
    assert "without steps" not in scene.sees("/way?step_free=no").replace(
        "Show a way without steps", ""
    )


def test_the_drawing_is_named_and_described_for_who_cannot_see_it(scene: Scene) -> None:
    scene.bring_in_a_plan()
    page = scene.sees()
    drawings = re.findall(
        r'<svg class="floor-plan"[^>]*role="img"[^>]*aria-labelledby="([^"]+)"', page
    )
    assert len(drawings) == 2
    for each in drawings:
        for own in each.split():
            assert f'id="{own}"' in page


def test_on_another_day_the_plan_is_not_shown(scene: Scene) -> None:
    scene.bring_in_a_plan()
    _, guests = scene.site.invite(("Ada", "Optik"), starts_in=timedelta(days=3))
    phone = VisitorPhone(scene.app, scene.site.link(guests[0]), "en")
    phone.open()
    assert "floor-plan" not in phone.get("/way").text


def test_the_panel_brings_a_plan_in_and_shows_what_is_missing(scene: Scene) -> None:
    done = _upload(scene, zipped(sample_files()))
    assert "The plan is brought in, with 3 floors." in done.text
    assert done.text.count('<svg class="floor-plan"') == 3
    assert "Missing on the plan" in done.text


def test_a_wrong_plan_is_told_place_by_place_and_the_one_before_stays(scene: Scene) -> None:
    scene.bring_in_a_plan()
    files = sample_files()
    files["unit"]["features"][6]["properties"]["category"] = "hall"
    refused = _upload(scene, zipped(files))
    assert refused.status_code == 422
    assert "unit.geojson, feature 7" in refused.text
    with scene.site.office.reading(Principal.system()) as work:
        assert plans.building_of(work.session, SiteCode(SITE)) is not None


@pytest.mark.parametrize(
    ("language", "own", "found"),
    [
        ("ja", "の分類にありません", "2件以上にしてください"),
        ("zh", "不属于 IMDF", "至少 2 项"),
    ],
)
def test_a_wrong_plan_is_told_in_the_readers_language(
    scene: Scene, language: str, own: str, found: str
) -> None:
    files = sample_files()
    files["unit"]["features"][6]["properties"]["category"] = "hall"
    files["opening"]["features"][0]["geometry"]["coordinates"] = []
    refused = _upload(scene, zipped(files), language).text
    assert own in refused
    assert found in refused


def test_who_left_without_a_gate_is_shown_no_way(scene: Scene) -> None:
    scene.bring_in_a_plan()
    scene.passes("main-gate-in")
    scene.passes("sakura-door-in")
    with scene.site.office.begin(Principal.system()) as work:
        visits.check_out(work, scene.visitor.id, CheckOutKind.GUARD)
    assert "way-heading" not in scene.sees("")
    assert "floor-plan" not in scene.sees()


def _upload(scene: Scene, archive: bytes, language: str = "en") -> TestResponse:
    browser = scene.app.test_client()
    sign_in = browser.get("/panel/sign-in").text
    browser.post(
        "/panel/sign-in",
        data={"csrf_token": _token(sign_in), "email": "admin@genkan.example", "password": PASSWORD},
    )
    page = browser.get(f"/panel/plans/{SITE}").text
    chosen = {"csrf_token": _token(page), "language": language}
    browser.post("/language", data=chosen)
    return browser.post(
        f"/panel/plans/{SITE}",
        data={"csrf_token": _token(page), "archive": (io.BytesIO(archive), "plan.zip")},
        follow_redirects=True,
    )


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    return found[1] if found else ""
