"""What every page shares: headers, tokens in forms, languages, errors and kept input."""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from pydantic import AnyHttpUrl
from sqlalchemy.exc import IntegrityError

from server import web
from server.kernel.errors import Forbidden, Invalid, TooMany
from server.kernel.request import EXTENSION
from server.kernel.settings import Settings
from server.kernel.work import Office
from server.web.formats import ago, from_local, span, to_local
from server.web.forms import Form
from server.web.routes import local_path

NOW = datetime(2026, 4, 1, 5, 0, tzinfo=UTC)


def _app(folder: Path, base_url: str) -> tuple[Flask, Office]:
    settings = Settings(
        demo=True,
        data_folder=folder,
        worker_wake="",
        base_url=AnyHttpUrl(base_url),
        live_url=AnyHttpUrl("http://live.example:8081"),
    )
    office = Office(settings)
    app = Flask("genkan", static_folder=None)
    app.extensions[EXTENSION] = office
    web.install(app, settings)
    app.add_url_rule("/form", "form", lambda: "kept", methods=["POST"])
    app.add_url_rule("/token", "token", lambda: render_template_string("{{ csrf_token() }}"))
    app.add_url_rule(
        "/language", "shown", lambda: render_template_string("{{ current_language() }}")
    )
    app.add_url_rule("/panel/", "panel.home", lambda: "home")
    app.add_url_rule("/panel/sign-in", "panel.sign_in", lambda: "sign in")
    app.add_url_rule("/forbidden", view_func=_forbidden)
    app.add_url_rule("/api/v1/forbidden", "api_forbidden", _forbidden)
    app.add_url_rule("/busy", view_func=_busy)
    app.add_url_rule("/broken", view_func=_broken)
    app.add_url_rule("/api/v1/broken", "api_broken", _broken)
    app.add_url_rule("/v/<token>", "link", _broken_link)
    app.add_url_rule("/crossed", view_func=_crossed)
    return app, office


def _forbidden() -> str:
    raise Forbidden("This needs the right doors:command.")


def _busy() -> str:
    raise TooMany("Try later.", timedelta(seconds=30))


def _broken_link(token: str) -> str:
    raise RuntimeError(f"{len(token)} characters")


def _crossed() -> str:
    raise IntegrityError("INSERT", None, Exception("Key (email)=(taro@example.jp) exists"))


def _broken() -> str:
    raise RuntimeError("a secret in a message")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app, office = _app(tmp_path, "http://localhost:8080")
    yield app
    office.close()


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def test_no_page_runs_anything_inline_or_from_elsewhere(browser: FlaskClient) -> None:
    policy = browser.get("/token").headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["connect-src"] == "'self' http://live.example:8081"
    assert rules["frame-ancestors"] == "'none'"


def test_every_answer_carries_the_security_headers(browser: FlaskClient) -> None:
    for path in ("/token", "/nowhere", "/robots.txt", "/static/genkan.css"):
        with browser.get(path) as answer:
            headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]
        assert "Strict-Transport-Security" not in headers


def test_a_site_on_https_asks_for_it_from_now_on_and_sends_cookies_only_there(
    tmp_path: Path,
) -> None:
    app, office = _app(tmp_path, "https://genkan.example")
    answer = app.test_client().get("/token")
    office.close()
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    cookie = answer.headers["Set-Cookie"]
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_form_without_its_token_is_refused(browser: FlaskClient) -> None:
    assert browser.post("/form").status_code == 403
    assert browser.post("/form", data={"csrf_token": "guessed"}).status_code == 403


def test_a_form_with_this_browsers_token_is_taken(browser: FlaskClient) -> None:
    token = browser.get("/token").text
    assert browser.post("/form", data={"csrf_token": token}).text == "kept"


def test_the_token_of_another_browser_is_refused(app: Flask, browser: FlaskClient) -> None:
    token = app.test_client().get("/token").text
    browser.get("/token")
    assert browser.post("/form", data={"csrf_token": token}).status_code == 403


@pytest.mark.parametrize(
    ("wish", "language"),
    [("ja,en;q=0.5", "ja"), ("zh-CN,zh;q=0.9", "zh"), ("fr", "en"), ("", "en")],
)
def test_a_page_speaks_what_the_browser_asks_for(
    browser: FlaskClient, wish: str, language: str
) -> None:
    assert browser.get("/language", headers={"Accept-Language": wish}).text == language


def test_a_chosen_language_wins_over_the_browsers_and_leads_back(browser: FlaskClient) -> None:
    data = {
        "csrf_token": browser.get("/token").text,
        "language": "zh",
        "return_to": "/language?x=1",
    }
    answer = browser.post("/language", data=data)
    assert (answer.status_code, answer.location) == (303, "/language?x=1")
    assert browser.get("/language", headers={"Accept-Language": "ja"}).text == "zh"


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example", "/\\evil.example", ""])
def test_nobody_is_led_to_another_server(app: Flask, path: str) -> None:
    with app.test_request_context("/"):
        assert local_path(path) == "/"


def test_a_program_gets_a_problem_document_and_a_person_a_page(browser: FlaskClient) -> None:
    problem = browser.get("/api/v1/forbidden")
    assert (problem.status_code, problem.mimetype) == (403, "application/problem+json")
    page = browser.get("/forbidden")
    assert (page.status_code, page.mimetype) == (403, "text/html")
    assert "doors:command" in page.text


def test_an_unexpected_error_shows_a_reference_and_nothing_else(browser: FlaskClient) -> None:
    for path in ("/broken", "/api/v1/broken"):
        answer = browser.get(path)
        assert answer.status_code == 500
        assert "a secret in a message" not in answer.text
        assert "eference" in answer.text


def test_the_log_of_an_error_does_not_hold_a_visitors_link(browser: FlaskClient) -> None:
    with structlog.testing.capture_logs() as lines:
        assert browser.get("/v/secret-of-the-link").status_code == 500
    (line,) = lines
    assert line["page"] == "/v/<token>"
    assert "secret-of-the-link" not in str({k: v for k, v in line.items() if k != "exc_info"})


def test_two_changes_at_once_are_a_conflict_and_no_name_is_logged(browser: FlaskClient) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = browser.get("/crossed")
    assert answer.status_code == 409
    assert "try again" in answer.text
    assert "taro" not in answer.text + str(lines)


def test_who_is_too_fast_is_told_when_to_come_back(browser: FlaskClient) -> None:
    assert browser.get("/busy").headers["Retry-After"] == "31"


def test_a_missing_page_is_said_in_the_readers_language(browser: FlaskClient) -> None:
    assert "ページ" in browser.get("/nowhere", headers={"Accept-Language": "ja"}).text


def test_static_files_may_be_kept_for_as_long_as_they_stay_the_same(browser: FlaskClient) -> None:
    link = browser.get("/nowhere").text.split('rel="stylesheet" href="')[1].split('"')[0]
    with browser.get(link) as answer:
        assert "immutable" in answer.headers["Cache-Control"]


def test_a_form_keeps_what_was_typed_and_says_why_beside_the_field(app: Flask) -> None:
    with app.test_request_context("/", method="POST", data={"name": " Anna ", "ends_at": "soon"}):
        form = Form.sent()
        form.take(Invalid([("ends_at", "must be after the beginning"), ("zones", "is unknown")]))
        assert form.value("name") == "Anna"
        assert form.error("ends_at") == "Must be after the beginning"
        assert form.general_errors == ["Is unknown"]


def test_times_are_shown_and_read_where_the_site_stands(app: Flask) -> None:
    with app.test_request_context("/"):
        assert to_local(NOW) == "2026-04-01T14:00"
        assert from_local("2026-04-01T14:00") == NOW
        assert span(NOW, NOW + timedelta(hours=1)) == "14:00 – 15:00"
        assert "Apr 3" in span(NOW, NOW + timedelta(days=2))
        assert ago(NOW, NOW + timedelta(minutes=3)) == "3 minutes ago"


def test_static_texts_go_out_compressed_and_pages_do_not(browser: FlaskClient) -> None:
    takes = {"Accept-Encoding": "gzip, deflate, br"}
    with browser.get("/static/genkan.css") as plain:
        as_it_is = plain.data

    packed = browser.get("/static/genkan.css", headers=takes)

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert gzip.decompress(packed.data) == as_it_is
    assert len(packed.data) < len(as_it_is) / 3
    assert "Content-Encoding" not in plain.headers
    for path in ("/token", "/static/icon-192.png", "/static/nowhere.css", "/static/../csrf.py"):
        with browser.get(path, headers=takes) as answer:
            assert "Content-Encoding" not in answer.headers, path
    known = {**takes, "If-None-Match": packed.headers["ETag"]}
    with browser.get("/static/genkan.css", headers=known) as again:
        assert again.status_code == 304
