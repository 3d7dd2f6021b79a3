"""What nobody types but somebody sends: addresses, cursors, bodies and passes that are none of ours."""

import re

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlmodel import select

from access_protocol.decision import DenyReason
from access_protocol.events import DecisionEntry
from server.access import ledger
from server.access.models import Amnesty, Lockdown
from server.people import actions as people
from server.people.actions import PersonChange
from tests.fakes.application import application
from tests.fakes.reception import MAIN_GATE, SITE, SYSTEM, Reception

PASSWORD = "the hall where guests are received"


@pytest.fixture
def browser(reception: Reception) -> FlaskClient:
    """An administrator's browser, signed in."""
    with reception.office.begin(SYSTEM) as work:
        change = PersonChange(password=SecretStr(PASSWORD))
        people.change_person(work, reception.people["admin"], change)
    browser = application(reception.office).test_client()
    sent = {"email": "admin@genkan.example", "password": PASSWORD}
    assert browser.post("/api/v1/session", json=sent).status_code == 200
    return browser


def test_an_address_that_no_page_has_is_not_found(browser: FlaskClient) -> None:
    for address in ("visits/%00", "doors/%00/x/open", "mail/%00", "devices/%00/remove"):
        assert browser.get(f"/panel/{address}").status_code == 404, address
    assert browser.get("/v/%00").status_code == 404


def test_a_list_says_that_its_cursor_is_none_of_ours(browser: FlaskClient) -> None:
    for address in ("/panel/visits", "/panel/mail"):
        for cursor in ("e30", "x" * 500):
            answer = browser.get(f"{address}?cursor={cursor}")
            assert answer.status_code == 422, address


def test_a_search_for_control_characters_finds_nothing(browser: FlaskClient) -> None:
    assert browser.get("/panel/visits?search=%00%0A").status_code == 200


def test_a_moment_beyond_all_calendars_is_refused_by_its_name(browser: FlaskClient) -> None:
    for field, moment in (
        ("since", "0001-01-01T00:00:00%2B14:00"),
        ("until", "9999-12-31T23:59:59-14:00"),
    ):
        answer = browser.get(f"/api/v1/access/events?{field}={moment}")
        assert answer.status_code == 422
        assert [each["field"] for each in answer.get_json()["errors"]] == [field]


def test_a_body_of_brackets_alone_is_refused(browser: FlaskClient) -> None:
    for length, refused in ((10_000, (400, 422)), (200_000, (413,))):
        answer = browser.post(
            "/api/v1/session", data="[" * length, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in refused


def test_signing_in_leads_to_no_other_server(browser: FlaskClient) -> None:
    for path in ("/%09/evil.example", "/%0B/evil.example", "//evil.example", "/%5Cevil.example"):
        answer = browser.get(f"/panel/sign-in?next={path}")
        assert answer.headers["Location"] == "/", path


def test_the_live_page_calls_a_pass_that_nobody_issued_unknown(
    browser: FlaskClient, reception: Reception
) -> None:
    with reception.office.begin(SYSTEM) as work:
        entry = DecisionEntry(
            at=work.now,
            event=ledger.new_event(work),
            access_point=MAIN_GATE,
            reason=DenyReason.BAD_SIGNATURE,
        )
        ledger.append_own(work, SITE, entry)
    shown = browser.get("/panel/live/events").text
    assert "Unknown pass" in shown
    assert "This pass is not genuine." in shown


@pytest.mark.parametrize("place", ["", "TYO:\u00b2", "TYO:all", "TYO:99", "TYO:-1", "\0:", "ZZZ:"])
@pytest.mark.parametrize("page", ["lockdown", "amnesty"])
def test_a_place_that_no_form_offers_locks_nothing_down_and_forgives_nobody(
    browser: FlaskClient, reception: Reception, page: str, place: str
) -> None:
    sent = {"csrf_token": token_of(browser), "place": place, "reason": "a drill"}
    assert browser.post(f"/panel/{page}", data=sent).status_code == 422
    with reception.office.reading(SYSTEM) as work:
        assert not work.session.exec(select(Lockdown)).all()
        assert not work.session.exec(select(Amnesty)).all()


def test_what_no_panel_page_sends_is_refused_and_no_fault_of_ours(browser: FlaskClient) -> None:
    token = {"csrf_token": token_of(browser)}
    for address in (
        "lockdown/%00/release",
        "policy/%00",
        "policy/TYO/zones/99",
        "policy/TYO/access-points/%00",
    ):
        assert browser.get(f"/panel/{address}").status_code == 404, address
    for address in ("conflicts/%00/acknowledge", "conflicts/0/acknowledge"):
        sent = token | {"note": "two\nlines\x00"}
        assert browser.post(f"/panel/{address}", data=sent).status_code < 500, address
    for address in ("devices/%00/code", "policy/%00/rotate-key"):
        assert browser.post(f"/panel/{address}", data=token).status_code < 500, address
    wrong = token | {"reason": "one\ntwo"}
    for address in ("lockdown", "amnesty", "lockdown/0/release"):
        assert browser.post(
            f"/panel/{address}", data=wrong | {"place": f"{SITE}:"}
        ).status_code in (404, 422), address
    sent = token | {"place": f"{SITE}:", "reason": "a drill", "visitor": "\x00"}
    assert browser.post("/panel/amnesty", data=sent).status_code == 422


def token_of(browser: FlaskClient) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/panel/lockdown").text)
    assert found is not None
    return found[1]
