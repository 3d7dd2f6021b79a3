"""How often an address may ask, how much it may send, and what it is told beyond."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.app import create_app, create_office
from server.kernel import schema
from server.kernel.clock import FixedClock
from server.kernel.settings import Settings
from server.web import limits
from tests.fakes.client import Client
from tests.fakes.limits import narrow
from tests.fakes.panel_site import NOON, PASSWORD, PanelSite


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    settings = Settings(_env_file=None, demo=True, data_folder=tmp_path, trusted_proxies=1)  # pyright: ignore[reportCallIssue]
    clock = FixedClock(NOON)
    office = create_office(settings, clock)
    schema.migrate(office.engine)
    PanelSite(office, clock)
    app = create_app(settings, office)

    @limits.limited("2 per minute")
    def twice() -> str:
        return "here you are"

    @limits.at_most(100)
    def small() -> str:
        return "thank you"

    app.add_url_rule("/twice", "twice", twice)
    app.add_url_rule("/api/small", "small", small, methods=["POST"])
    app.add_url_rule("/small", "small_page", small, methods=["POST"])
    yield app
    office.close()


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def _from(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


def test_a_view_answers_as_often_as_its_limit_says_and_then_says_kindly_when_to_come_back(
    browser: FlaskClient,
) -> None:
    assert [browser.get("/twice").status_code for _ in range(3)] == [200, 200, 429]
    refused = browser.get("/twice")
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert refused.mimetype == "text/html"
    assert "Please wait a minute and try again." in refused.text
    assert "Try again" in refused.text


@pytest.mark.parametrize(("language", "word"), [("ja", "お待ち"), ("zh", "稍候")])
def test_who_asks_too_often_is_told_in_their_language(
    browser: FlaskClient, language: str, word: str
) -> None:
    headers = {"Accept-Language": language}
    for _ in range(2):
        browser.get("/twice")
    assert word in browser.get("/twice", headers=headers).text


def test_a_program_is_refused_with_a_problem_document(app: Flask) -> None:
    narrow(app)
    http = app.test_client()
    http.get("/api/v1/openapi.json")
    refused = http.get("/api/v1/openapi.json")
    assert refused.status_code == 429
    assert refused.mimetype == "application/problem+json"
    assert refused.headers["Retry-After"]
    assert refused.get_json(force=True)["status"] == 429


def test_each_address_is_counted_by_itself(browser: FlaskClient) -> None:
    first = _from("192.0.2.1")
    answers = [browser.get("/twice", headers=first).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    assert browser.get("/twice", headers=_from("192.0.2.2")).status_code == 200


def test_what_costs_much_is_counted_for_the_address_and_for_whom_it_is_done(app: Flask) -> None:
    def asks(sender: str, whose: str, cost: int) -> bool:
        with app.test_request_context(environ_base={"REMOTE_ADDR": sender}):
            try:
                limits.heed("3 per minute", "files", whose, cost=cost)
            except limits.Busy:
                return False
        return True

    assert asks("192.0.2.1", "first", 2)
    assert not asks("192.0.2.1", "second", 2), "another conversation, the same address"
    assert not asks("192.0.2.2", "first", 2), "another address, the same conversation"
    assert asks("192.0.2.3", "third", 3)


def test_an_address_that_nobody_vouches_for_changes_nothing(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, demo=True, data_folder=tmp_path)  # pyright: ignore[reportCallIssue]
    office = create_office(settings)
    app = create_app(settings, office)
    narrow(app)
    http = app.test_client()
    answers = [http.get("/robots.txt", headers=_from(f"192.0.2.{n}")).status_code for n in (1, 2)]
    office.close()
    assert answers == [200, 429]


def test_a_guest_with_many_addresses_in_one_ipv6_network_is_one(browser: FlaskClient) -> None:
    answers = [
        browser.get("/twice", headers=_from(f"2001:db8:1:2::{n}")).status_code for n in range(1, 4)
    ]
    assert answers == [200, 200, 429]
    assert browser.get("/twice", headers=_from("2001:db8:1:3::1")).status_code == 200


@pytest.mark.parametrize(
    ("sender", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1:2:3:4", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("a proxy's word", "unknown"),
    ],
)
def test_senders_are_counted_by_address_or_network(sender: str, counted: str) -> None:
    assert limits.network_of(sender) == counted


def test_everything_that_strangers_ask_counts_together_also_what_is_not_there(app: Flask) -> None:
    narrow(app, 3 / 1200)
    http = app.test_client()
    paths = ["/nothing", "/static/genkan.css", "/robots.txt", "/panel/visits"]
    answers = list[int]()
    for path in paths:
        with http.get(path) as answer:
            answers.append(answer.status_code)
    assert answers == [404, 200, 200, 429]


def test_who_is_signed_in_does_not_suffer_from_strangers_at_the_same_address(app: Flask) -> None:
    client = Client(app, PASSWORD).sign_in("security")
    narrow(app)
    stranger = app.test_client()
    stranger.get("/nothing")
    assert stranger.get("/nothing").status_code == 429
    assert client.call("GET", "/me").status_code == 200


@pytest.mark.parametrize("path", ["/api/small", "/small"])
def test_a_body_beyond_the_ceiling_is_refused_and_one_within_is_not(
    browser: FlaskClient, path: str
) -> None:
    with browser.session_transaction() as session:
        session["csrf_token"] = "known"
    headers = {"X-CSRF-Token": "known"}
    assert browser.post(path, data=b"x" * 100, headers=headers).status_code == 200
    refused = browser.post(path, data=b"x" * 101, headers=headers)
    assert refused.status_code == 413
    program = path.startswith("/api/")
    assert refused.mimetype == ("application/problem+json" if program else "text/html")
    assert program or "Send less at once" in refused.text


def test_a_mistyped_rate_is_found_where_it_stands() -> None:
    with pytest.raises(ValueError, match="often"):
        limits.limited("often")
