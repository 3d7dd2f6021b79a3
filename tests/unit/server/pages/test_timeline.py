"""The timeline of a visit: the same times for everybody, and for a visitor nothing that is not theirs."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from access_protocol.decision import DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import CredentialId
from server.app import create_app, create_office
from server.arrivals import actions as arrivals
from server.arrivals.rules import CrossingKind, CrossingSource
from server.kernel.clock import FixedClock
from server.kernel.ids import VisitId
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.pages.timeline import whole
from server.pages.timeline.entry import Entry, Kind, Told
from server.visits import actions as visits
from server.visits import models
from server.visits.models import Visitor
from tests.fakes.panel_site import NOON, PASSWORD, PanelSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[PanelSite]:
    settings = Settings(demo=True, data_folder=tmp_path, worker_wake="")
    office = create_office(settings, FixedClock(NOON))
    clock = office.clock
    assert isinstance(clock, FixedClock)
    yield PanelSite(office, clock)
    office.close()


@pytest.fixture
def browser(site: PanelSite) -> FlaskClient:
    return create_app(site.office.settings, site.office).test_client()


def told(site: PanelSite, visit: VisitId, reader: Visitor | None = None) -> list[Entry]:
    """The entries of a visit, as staff or one of its visitors reads them."""
    app = create_app(site.office.settings, site.office)
    with app.test_request_context(), site.office.reading(Principal.system()) as work:
        found = visits.get(work, visit)
        guests = models.visitors_of(work.session, visit) if reader is None else [reader]
        return whole.entries(Told(work, found, guests, to_visitor=reader is not None))


def comes_in(site: PanelSite, visitor: Visitor) -> None:
    with site.office.begin(Principal.system()) as work:
        arrivals.notice_crossing(work, visitor.id, CrossingKind.NEAR, CrossingSource.PAGE)
    site.clock.advance(timedelta(minutes=3, seconds=11))
    credential = CredentialId(visitor.credential)
    site.presented("main-gate-in", credential, None, Outcome.OPENED, Outcome.PASSED)
    site.clock.advance(timedelta(seconds=42))
    site.presented("server-room-in", credential, DenyReason.WRONG_ZONE)


def test_everything_stands_newest_first_with_its_second(site: PanelSite) -> None:
    visit, (anna,) = site.invite(("Anna Keller", ""), starts_in=timedelta(minutes=5))
    comes_in(site, anna)
    found = told(site, visit.id)
    assert [(each.kind, each.at - NOON) for each in found[:4]] == [
        (Kind.DOOR, timedelta(minutes=3, seconds=53)),
        (Kind.PASSAGE, timedelta(minutes=3, seconds=11)),
        (Kind.DOOR, timedelta(minutes=3, seconds=11)),
        (Kind.COMING, timedelta()),
    ]
    assert "Please follow the way" in found[0].detail
    assert found[-1].state.word == "Visit made"


def test_an_entry_keeps_its_key_when_it_is_fetched_again(site: PanelSite) -> None:
    visit, (anna, _) = site.invite(("Anna Keller", ""), ("Tom Becker", ""))
    comes_in(site, anna)
    keys = [(each.kind, each.key) for each in told(site, visit.id)]
    assert len(set(keys)) == len(keys)
    assert [(each.kind, each.key) for each in told(site, visit.id)] == keys


def test_a_visitor_reads_nothing_of_the_others(site: PanelSite) -> None:
    visit, (anna, tom) = site.invite(("Anna Keller", ""), ("Tom Becker", ""))
    comes_in(site, anna)
    about_tom = told(site, visit.id, tom)
    assert {each.visitor for each in about_tom} == {None, tom.id}
    assert not {each.kind for each in about_tom} & {Kind.DOOR, Kind.PASSAGE, Kind.COMING}
    assert {Kind.DOOR, Kind.PASSAGE, Kind.COMING} <= {
        each.kind for each in told(site, visit.id, anna)
    }


def test_what_staff_wrote_for_each_other_is_not_told_to_the_visitor(site: PanelSite) -> None:
    visit, (anna,) = site.invite(("Anna Keller", ""))
    with site.office.begin(Principal.system()) as work:
        visits.cancel(work, visit.id, "Somebody of that name stole here")
    assert "stole" in "".join(each.detail for each in told(site, visit.id))
    assert "stole" not in "".join(each.detail + each.who for each in told(site, visit.id, anna))


def test_the_visitors_page_shows_it_once_the_link_is_opened(
    site: PanelSite, browser: FlaskClient
) -> None:
    _, (anna,) = site.invite(("Anna Keller", ""), starts_in=timedelta(minutes=5))
    path = site.link(anna)
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(path).text)
    assert token is not None
    assert browser.get(f"{path}/timeline").status_code == 303
    browser.post(f"{path}/open", data={"csrf_token": token[1]})
    comes_in(site, anna)
    page = browser.get(f"{path}/timeline").text
    assert "14:17:18" in page  # the passage, on the clocks of Tokyo
    assert "14:17:18" in browser.get(f"{path}/timeline/now").text
    assert f"{path}/timeline" in browser.get(path).text


def test_the_api_tells_the_same(site: PanelSite, browser: FlaskClient) -> None:
    visit, (anna,) = site.invite(("Anna Keller", ""), starts_in=timedelta(minutes=5))
    comes_in(site, anna)
    path = f"/api/v1/visits/{visit.id}/timeline"
    assert browser.get(path).status_code == browser.get(f"/api/v1/visits/{visit.id}").status_code
    credentials = {"email": "security@genkan.example", "password": PASSWORD}
    assert browser.post("/api/v1/session", json=credentials).status_code in {200, 201}
    items = browser.get(path).json
    assert items is not None
    assert [(each["kind"], each["at"]) for each in items["items"][:2]] == [
        ("door", "2026-04-01T05:18:00Z"),
        ("passage", "2026-04-01T05:17:18Z"),
    ]
