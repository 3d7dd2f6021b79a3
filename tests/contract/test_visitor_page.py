"""The page behind the mailed link, as a visitor's browser gets it."""

import pytest
from flask.testing import FlaskClient

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.app import create_app
from server.places.models import Site
from server.visits import models
from server.visits.actions import link_of
from tests.fakes.reception import SITE, Reception


@pytest.fixture
def browser(reception: Reception) -> FlaskClient:
    return create_app(reception.office.settings, reception.office).test_client()


def invited(reception: Reception, language: str) -> str:
    """Invite somebody and return the path of their page."""
    visit = reception.invite(language=language)
    with reception.work() as work:
        (visitor,) = models.visitors_of(work.session, visit.id)
        return "/v/" + link_of(work, visitor).rpartition("/")[2]


def test_the_page_and_the_names_on_it_are_in_one_language(
    reception: Reception, browser: FlaskClient
) -> None:
    with reception.work("admin") as work:
        site = work.session.get_one(Site, SiteCode(SITE))
        site.translations = {Language.JA: "東京オフィス"}
    path = invited(reception, language="en")

    page = browser.get(path, headers={"Accept-Language": "ja"}).get_data(as_text=True)

    assert "You are expected" in page
    assert "東京オフィス" not in page


def test_a_wrong_link_says_what_to_do_and_reveals_nothing(browser: FlaskClient) -> None:
    answer = browser.get("/v/" + "x" * 43)

    assert answer.status_code == 404
    assert "Tokyo" not in answer.get_data(as_text=True)
