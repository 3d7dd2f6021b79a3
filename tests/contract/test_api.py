"""The API as a program uses it: hostile text there and back, problems that name fields, and who may do what."""

from datetime import timedelta
from typing import Any, cast

import icalendar
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.kernel.clock import FixedClock
from tests.fakes.application import application
from tests.fakes.reception import NOW, Reception

HOSTILE = {
    "markup": "<script>alert('1')</script>&amp;",
    "right to left": "مرحبا بالعالم שלום",
    "emoji": "👩‍👩‍👧‍👦🇯🇵",
    "templates": "{{ 7*7 }} {x} %(y)s ${z}",
    "encoded word": "=?utf-8?q?=0D=0ABcc:_victim@example.jp?=",
    "quotes": '"\';--\\ " <x@y.jp>,',
    "calendar": "END:VEVENT;ATTENDEE:mailto:x@y.jp",
    "decomposed": "が",
}
REFUSED = {
    "line feed": "a\nBcc: victim@example.jp",
    "carriage return": "a\rb",
    "null": "a\x00b",
    "turned": "a\u202eb",
    "half a character": "a\ud800b",
    "line separator": "a\u2028b",
    "ten thousand characters": "x" * 10_000,
    "nothing": "",
    "blanks": " \u3000 ",
}
FORGED_CURSORS = [
    "x",
    "=" * 8,
    "W10",  # []
    "bnVsbA",  # null
    "WzFd",  # [1]
    "WyIxIiwiMiJd",  # ["1","2"]
    "WyJcdTAwMDAiXQ",  # ["\\u0000"]
    "WyJcdWQ4MDAiXQ",  # ["\\ud800"]
]


@pytest.fixture(scope="module")
def reception(shared_reception: Reception) -> Reception:
    """One site for all of this page: its tests look at answers, and at mails by how many more there are."""
    return shared_reception


@pytest.fixture(scope="module")
def client(reception: Reception) -> FlaskClient:
    return application(reception.office).test_client()


def headers(reception: Reception, name: str = "host") -> dict[str, str]:
    return {"Authorization": f"Bearer {reception.token_of(name)}"}


def body(answer: TestResponse) -> dict[str, Any]:
    return cast("dict[str, Any]", answer.json)


def a_visit(reception: Reception, **changed: object) -> dict[str, Any]:
    starts = reception.clock.now() + timedelta(hours=1)
    return {
        "title": "Kick-off",
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(hours=1)).isoformat(),
        "room": reception.room,
        "visitors": [{"name": "Taro", "email": "taro@example.jp"}],
    } | changed


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_comes_back_as_it_was_and_does_no_harm_on_the_way(
    reception: Reception, client: FlaskClient, text: str
) -> None:
    sent = a_visit(
        reception,
        title=text,
        note=f"{text}\n{text}",
        visitors=[{"name": text, "email": "taro@example.jp", "company": text}],
    )
    made = client.post("/api/v1/visits", json=sent, headers=headers(reception))
    assert made.status_code == 201
    (guest,) = body(made)["visitors"]
    assert guest["name"] == text or text == HOSTILE["decomposed"]
    mail = reception.mails()[-1]
    assert mail.recipient.endswith("<taro@example.jp>")
    assert mail.recipient.count("@example.jp") == text.count("@example.jp") + 1
    assert "<script>" not in mail.html
    calendar = icalendar.Calendar.from_ical(mail.parts[1].content)
    assert isinstance(calendar, icalendar.Calendar)
    (event,) = calendar.events
    assert event["ATTENDEE"] == "mailto:taro@example.jp"
    assert str(event["SUMMARY"]) == body(made)["title"]
    found = client.get(
        "/api/v1/visits", query_string={"search": guest["name"]}, headers=headers(reception)
    )
    assert body(made)["id"] in [each["id"] for each in body(found)["items"]]


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_text_that_cannot_be_is_refused_with_every_field_named(
    reception: Reception, client: FlaskClient, text: str
) -> None:
    sent = a_visit(reception, title=text, visitors=[{"name": text, "email": "taro@example.jp"}])
    before = len(reception.mails())
    answer = client.post("/api/v1/visits", json=sent, headers=headers(reception))
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    problem = body(answer)
    assert [each["field"] for each in problem["errors"]] == ["title", "visitors.0.name"]
    assert all("validation" not in each["why"] for each in problem["errors"])
    assert len(reception.mails()) == before


@pytest.mark.parametrize(
    "address",
    ["", "taro", "taro@", "a b@example.jp", "Taro <t@example.jp>", "t@example.jp\nBcc: x"],
)
def test_what_is_no_address_is_refused(
    reception: Reception, client: FlaskClient, address: str
) -> None:
    sent = a_visit(reception, visitors=[{"name": "Taro", "email": address}])
    answer = client.post("/api/v1/visits", json=sent, headers=headers(reception))
    assert [each["field"] for each in body(answer)["errors"]] == ["visitors.0.email"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"starts_at": "2026-04-01T15:00:00"}, "starts_at"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"ends_at": "9999-12-31T23:59:59-12:00"}, "ends_at"),
        ({"ends_at": 10**30}, "ends_at"),
        ({"visitors": []}, "visitors"),
        (
            {"visitors": [{"name": "T", "email": f"t{n}@example.jp"} for n in range(101)]},
            "visitors",
        ),
        ({"visitors": "Taro"}, "visitors"),
        ({"zones": [1, 2, 3, 4, 5]}, "zones"),
        ({"zones": [0]}, "zones.0"),
        ({"room": "../../etc"}, "room"),
        ({"language": "fr"}, "language"),
        ({"titel": "Mistyped"}, "titel"),
    ],
)
def test_a_problem_names_the_field_and_says_why(
    reception: Reception, client: FlaskClient, changed: dict[str, object], field: str
) -> None:
    sent = a_visit(reception, **changed)
    answer = client.post("/api/v1/visits", json=sent, headers=headers(reception))
    problem = body(answer)
    assert answer.status_code == problem["status"] == 422
    assert [each["field"] for each in problem["errors"]] == [field]
    assert problem["errors"][0]["why"]


def test_a_body_that_is_no_json_is_a_problem_too(reception: Reception, client: FlaskClient) -> None:
    for sent in (b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe"):
        answer = client.post(
            "/api/v1/visits", data=sent, headers=headers(reception), content_type="application/json"
        )
        assert answer.status_code == 422
        assert body(answer)["errors"][0]["field"] == "body"


@pytest.mark.parametrize("cursor", FORGED_CURSORS)
def test_a_forged_cursor_is_refused(reception: Reception, client: FlaskClient, cursor: str) -> None:
    for path in ("visits", "attendance", "mails", "people", "access/events"):
        answer = client.get(
            f"/api/v1/{path}",
            query_string={"cursor": cursor},
            headers=headers(reception, "admin"),
        )
        assert answer.status_code == 422, path
        assert body(answer)["errors"][0]["field"] == "cursor"


def test_without_a_sign_in_nothing_is_told(client: FlaskClient) -> None:
    for path in ("visits", "attendance", "mails", f"visits/{'0' * 32}"):
        answer = client.get(f"/api/v1/{path}")
        assert answer.status_code in {401, 404}, path
        assert answer.mimetype == "application/problem+json"
    assert client.post("/api/v1/visits", json={}).status_code in {401, 422}


def test_mails_are_for_those_who_may_read_them(reception: Reception, client: FlaskClient) -> None:
    reception.invite()
    reception.deliver()
    assert client.get("/api/v1/mails", headers=headers(reception)).status_code == 403
    listed = client.get("/api/v1/mails", headers=headers(reception, "admin"))
    mail = body(listed)["items"][0]
    read = client.get(f"/api/v1/mails/{mail['id']}", headers=headers(reception, "admin"))
    assert "/v/" in body(read)["text"]
    raw = client.get(f"/api/v1/mails/{mail['id']}/message", headers=headers(reception, "admin"))
    assert (raw.mimetype, len(raw.data)) == ("message/rfc822", mail["size"])


def test_the_clock_of_the_test_is_the_clock_of_the_api(
    reception: Reception, client: FlaskClient
) -> None:
    assert isinstance(reception.office.clock, FixedClock)
    made = client.post("/api/v1/visits", json=a_visit(reception), headers=headers(reception))
    assert body(made)["created_at"] == NOW.isoformat().replace("+00:00", "Z")
    assert made.headers["Location"] == f"/api/v1/visits/{body(made)['id']}"
