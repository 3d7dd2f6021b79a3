"""The page behind the mailed link, as a visitor's phone gets it, on both databases."""

import pytest
from flask import Flask

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.places.models import Site
from server.visits import models
from server.visits.actions import link_of
from tests.fakes.application import application
from tests.fakes.reception import SITE, Reception
from tests.fakes.visitor_phone import VisitorPhone


@pytest.fixture
def app(reception: Reception) -> Flask:
    return application(reception.office)


def invited(reception: Reception, language: str) -> str:
    """Invite somebody and return the path of their page."""
    visit = reception.invite(language=language)
    with reception.work() as work:
        (visitor,) = models.visitors_of(work.session, visit.id)
        return "/v/" + link_of(work, visitor).rpartition("/")[2]


@pytest.mark.parametrize(("browser", "heading"), [("fr", "You are expected"), ("ja-JP", "お待ち")])
def test_the_page_and_the_names_on_it_are_in_one_language(
    reception: Reception, app: Flask, browser: str, heading: str
) -> None:
    with reception.work("admin") as work:
        site = work.session.get_one(Site, SiteCode(SITE))
        site.translations = {Language.JA: "東京オフィス"}

    page = VisitorPhone(app, invited(reception, language="en"), browser).page()

    assert heading in page
    assert ("東京オフィス" in page) == (browser == "ja-JP")
