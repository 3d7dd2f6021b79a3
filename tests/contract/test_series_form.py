"""The form of a visit where it is about several: dates that repeat, and lists of guests; and the same over the API."""

import base64
import io

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlmodel import Session, select

from server.people import actions as people
from server.people.actions import PersonChange
from server.visits.models import Visit, Visitor
from tests.fakes.application import application
from tests.fakes.reception import SYSTEM, Reception

PASSWORD = "the hall where guests are received"
FORM = {
    "title": "Kick-off",
    "starts_at": "2026-04-02T10:00",
    "ends_at": "2026-04-02T11:00",
    "language": "en",
    "visitors.0.name": "Taro",
    "visitors.0.email": "taro@example.jp",
    "visitors.0.company": "",
}
WEEKLY = {"repeat.frequency": "weekly", "repeat.times": "12"}


@pytest.fixture
def browser(reception: Reception) -> FlaskClient:
    with reception.office.begin(SYSTEM) as work:
        change = PersonChange(password=SecretStr(PASSWORD))
        people.change_person(work, reception.people["host"], change)
    client = application(reception.office).test_client()
    sent = {"email": "host@genkan.example", "password": PASSWORD}
    token = client.post("/api/v1/session", json=sent).get_json()["csrf_token"]
    client.environ_base["HTTP_X_CSRF_TOKEN"] = token
    return client


def made(reception: Reception) -> list[Visit]:
    with Session(reception.office.engine) as session:
        return list(session.exec(select(Visit)).all())


@pytest.mark.parametrize("where", ["/panel", "/host"])
def test_the_dates_are_shown_before_anything_is_made(
    reception: Reception, browser: FlaskClient, where: str
) -> None:
    shown = browser.post(f"{where}/visits/new", data=FORM | WEEKLY | {"dates": "1"})
    assert "12 dates, the last on Thursday, June 18, 2026" in shown.text
    assert made(reception) == []
    browser.post(f"{where}/visits/new", data=FORM | WEEKLY | {"save": "1"})
    assert len(made(reception)) == 12


def test_what_is_wrong_with_a_rule_stands_beside_it_and_keeps_what_was_typed(
    reception: Reception, browser: FlaskClient
) -> None:
    wrong = WEEKLY | {"repeat.until": "2026-06-01", "repeat.leave_out": "2026-04-03, someday"}
    shown = browser.post("/panel/visits/new", data=FORM | wrong | {"save": "1"})
    assert shown.status_code == 422
    assert "Please write each date like 2026-08-13: someday" in shown.text
    assert 'value="2026-04-03, someday"' in shown.text
    assert "one of the two" in shown.text
    assert made(reception) == []


def test_a_list_becomes_rows_with_each_problem_before_anything_is_sent(
    reception: Reception, browser: FlaskClient
) -> None:
    pasted = "Hana <hana@example.jp>, ACME\nJiro\nTaro again <TARO@example.jp>"
    shown = browser.post("/panel/visits/new", data=FORM | {"guest_list": pasted, "save": "1"})
    assert made(reception) == []
    assert 'value="hana@example.jp"' in shown.text
    assert "Is missing" in shown.text
    assert "Is on the list twice" in shown.text


def test_a_file_of_a_spreadsheet_is_taken_over(browser: FlaskClient) -> None:
    content = "氏名,メールアドレス,会社名\n山田太郎,yamada@example.jp,株式会社玄関\n".encode(
        "cp932"
    )
    empty = {name: "" for name in FORM if name.startswith("visitors.")}
    file = (io.BytesIO(content), "guests.csv")
    shown = browser.post(
        "/panel/visits/new", data=FORM | empty | {"guest_file": file, "take_list": "1"}
    )
    assert 'value="山田太郎"' in shown.text
    assert 'value="yamada@example.jp"' in shown.text
    assert "visitors.1.name" not in shown.text


def test_a_group_of_the_largest_size_is_one_visit(
    reception: Reception, browser: FlaskClient
) -> None:
    lines = "\n".join(f"Guest {number},g{number}@example.jp,ACME" for number in range(100))
    read = browser.post("/api/v1/visits/guest-list", json={"text": lines}).get_json()["items"]
    assert [each for each in read if each["problems"]] == []
    guests = [{key: each[key] for key in ("name", "email", "company")} for each in read]
    body = {"title": "Fair", "starts_at": "2026-04-02T01:00:00Z", "ends_at": "2026-04-02T02:00:00Z"}
    assert browser.post("/api/v1/visits", json=body | {"visitors": guests}).status_code == 201
    with Session(reception.office.engine) as session:
        assert len(session.exec(select(Visitor)).all()) == 100
    assert len(made(reception)) == 1


def test_series_are_made_seen_and_cancelled_over_the_api(browser: FlaskClient) -> None:
    times = {"starts_at": "2026-04-02T01:00:00Z", "ends_at": "2026-04-02T02:00:00Z"}
    rule = {"frequency": "weekly", "times": 4, "leave_out": ["2026-04-09"]}
    dates = browser.post("/api/v1/series/dates", json=times | {"repeat": rule}).get_json()["items"]
    guests = [{"name": "Taro", "email": "taro@example.jp"}]
    body = times | {"title": "Review", "visitors": guests, "repeat": rule}
    answer = browser.post("/api/v1/series", json=body)
    assert answer.status_code == 201
    visits = answer.get_json()["visits"]
    assert [each["starts_at"] for each in visits] == [start for start, _ in dates]
    second = visits[1]["id"]
    browser.post(f"/api/v1/visits/{second}/cancel?scope=later", json={"reason": "Moved"})
    seen = browser.get(answer.headers["Location"]).get_json()["visits"]
    assert [each["state"] for each in seen] == ["confirmed", "cancelled", "cancelled"]


def test_a_list_that_is_no_text_names_its_field(browser: FlaskClient) -> None:
    file = base64.b64encode(b"\x89PNG\r\n\x1a\n\x00\x00\xff\xff\xff\x80").decode()
    answer = browser.post("/api/v1/visits/guest-list", json={"file": file})
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "file"
