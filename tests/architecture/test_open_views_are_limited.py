"""What anybody can ask without being signed in carries a limit, found by asking everything as a stranger."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask_openapi.openapi import OpenAPI
from werkzeug.routing import Rule

from server.app import create_app, create_office, document
from server.kernel import schema
from server.kernel.settings import Settings
from server.web import csrf, limits
from tests.fakes.limits import lift

TOKEN = "a-form-of-this-browser"
FILLED = "1"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAPI]:
    folder: Path = tmp_path_factory.mktemp("open-views")
    settings = Settings(_env_file=None, demo=True, data_folder=folder)  # pyright: ignore[reportCallIssue]
    office = create_office(settings)
    schema.migrate(office.engine)
    app = create_app(settings, office)
    lift(app)
    yield app
    office.close()


def _needs_sign_in(app: OpenAPI, rule: Rule, method: str) -> bool:
    """What the API's document describes is believed: its views look at what was sent before they look at who did."""
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
    described = document(app)["paths"].get(path, {}).get(method.lower())
    if described is not None:
        return {} not in described["security"]
    return _asks_for_sign_in(app, rule, method)


def _asks_for_sign_in(app: OpenAPI, rule: Rule, method: str) -> bool:
    browser = app.test_client()
    with browser.session_transaction() as session:
        session[csrf.FIELD] = TOKEN
    path = re.sub(r"<[^>]+>", FILLED, rule.rule)
    with browser.open(path, method=method, headers={csrf.HEADER: TOKEN}) as answer:
        to_sign_in = answer.headers.get("Location", "").startswith("/panel/sign-in")
        return answer.status_code == 401 or to_sign_in


def test_every_view_that_needs_no_sign_in_has_a_limit(app: OpenAPI) -> None:
    open_to_all = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint != "web.static" and not _needs_sign_in(app, rule, method)
    }
    assert {"web.start", "visitor.visit", "panel.sign_in", "people_api.sign_in"} <= open_to_all
    unlimited = {name for name in open_to_all if not limits.rate_of(app.view_functions[name])}
    assert not unlimited
