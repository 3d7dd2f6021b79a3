"""Nothing that a visitor types can run in anyone's browser, mail, calendar or export; on both databases."""

import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from flask.testing import FlaskClient
from icalendar import Calendar
from sqlmodel import Session, col, select

from server.app import create_app
from server.arrivals import posters
from server.arrivals.actions import FenceInput, put_fence
from server.notifications.models import CaughtMail, Notice
from server.notifications.push import payload
from server.notifications.rules import opened
from server.notifications.web_push import LARGEST_TEXT
from server.people import actions as people
from server.people.actions import PersonChange
from server.places.models import AccessPoint
from tests.fakes.hostile_visitors import (
    HostileVisitors,
    as_read,
    as_sent,
    shown,
    words_of,
    wrong_in,
)
from tests.fakes.reception import MAIN_GATE, SITE, SYSTEM, Reception
from tests.vectors.hostile import HOSTILE, PRODUCT

PASSWORD = "the hall where guests are received"
AT_ONCE = 20
"""Fewer than may wait at a site."""


@pytest.fixture(scope="module")
def visitors(shared_reception: Reception) -> HostileVisitors:
    """Everybody has typed everything."""
    reception = shared_reception
    reception.office.settings.limits_factor = 10_000
    app = create_app(reception.office.settings, reception.office)
    circle = {"type": "Point", "coordinates": [139.7671, 35.6812]}
    with reception.work("admin") as work:
        poster = posters.put_up(work, SITE, posters.NewPoster(portal="main-gate"))
        fence = {"near": circle | {"radius_m": 150}, "approaching": circle | {"radius_m": 1500}}
        put_fence(work, SITE, FenceInput.model_validate(fence))
        work.session.get_one(AccessPoint, (SITE, MAIN_GATE)).presence_ways = [
            ["code"],
            ["approval"],
        ]
    with reception.office.begin(SYSTEM) as work:
        for name in ("host", "security", "admin"):
            change = PersonChange.model_validate({"password": PASSWORD})
            people.change_person(work, reception.people[name], change)
    typed = HostileVisitors(app, reception.office, poster, reception.people["host"])
    # What another database could take another way is what is not plain text.
    everything = reception.office.engine.dialect.name == "sqlite"
    typed.type_everywhere([each for each in HOSTILE if everything or not is_plain(each)])
    return typed


def is_plain(text: str) -> bool:
    """Tell whether any field takes a text as it is."""
    return text.isprintable() and len(text) <= 100 and bool(text.strip())


@pytest.fixture(scope="module")
def desk(visitors: HostileVisitors) -> FlaskClient:
    """The browser of an administrator, who sees all."""
    return signed_in(visitors, "admin")


def signed_in(visitors: HostileVisitors, who: str) -> FlaskClient:
    browser = visitors.app.test_client()
    page = browser.get("/panel/sign-in").text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    fields = {"email": f"{who}@genkan.example", "password": PASSWORD, "csrf_token": token}
    assert browser.post("/panel/sign-in", data=fields).status_code == 303
    return browser


def all_visits(desk: FlaskClient) -> Iterator[dict[str, Any]]:
    cursor = ""
    while cursor is not None:
        page = desk.get(f"/api/v1/visits?limit=100{cursor and '&cursor=' + cursor}")
        assert page.mimetype == "application/json"
        found: Any = page.get_json()
        yield from found["items"]
        cursor = found["next_cursor"]


def test_there_are_a_hundred_and_plain_ones_are_taken_everywhere(
    visitors: HostileVisitors,
) -> None:
    assert len(set(HOSTILE)) >= 100
    plain = {as_sent(each) for each in visitors.typed if is_plain(each)}
    for place in ("walk-in", "wish", "needs", "companions"):
        assert visitors.taken[place]
        assert plain <= set(visitors.taken[place]), place


def test_whatever_is_typed_is_answered_and_nothing_breaks(visitors: HostileVisitors) -> None:
    assert [each for each in visitors.answers if each.status >= 500] == []


def test_no_answer_to_a_visitor_holds_what_could_run(visitors: HostileVisitors) -> None:
    wrong = {(each.place.split()[0], *wrong_in(each.body)) for each in visitors.answers}
    assert [each for each in wrong if len(each) > 1] == []


def test_no_answer_carries_a_header_or_leads_to_a_place_that_was_typed(
    visitors: HostileVisitors,
) -> None:
    for each in visitors.answers:
        assert "X-Owned" not in each.headers
        where = each.headers.get("Location", "/")
        assert where.startswith("/"), where
        assert not where.startswith(("//", "/\\")), where


def test_visitors_read_what_they_typed(visitors: HostileVisitors) -> None:
    visits = [page for place, page in visitors.pages if place == "visit"]

    for typed, page in zip(visitors.typed, visits, strict=True):
        text = as_sent(typed)
        if text in visitors.taken["wish"] and text in visitors.taken["companions"]:
            assert not shown([text], page), text


def test_staff_read_what_was_typed_and_nothing_of_it_runs(
    visitors: HostileVisitors, desk: FlaskClient
) -> None:
    host, read = signed_in(visitors, "host"), ""
    for visit in all_visits(desk):
        for page in (
            desk.get(f"/panel/visits/{visit['id']}"),
            desk.get(f"/panel/visits/{visit['id']}/timeline"),
            host.get(f"/host/visits/{visit['id']}"),
        ):
            assert page.status_code == 200
            assert not wrong_in(page.text), visit["title"]
            read += words_of(page.text)
    for place in ("walk-in", "wish", "needs", "companions"):
        missing = [each for each in visitors.taken[place] if as_read(each) not in read]
        assert not missing, place


def test_lists_and_notices_of_staff_hold_nothing_that_runs(
    visitors: HostileVisitors, desk: FlaskClient
) -> None:
    host = signed_in(visitors, "host")
    for begin in range(0, len(visitors.typed), AT_ONCE):
        taken = visitors.leave_waiting(visitors.typed[begin : begin + AT_ONCE])
        page = desk.get("/panel/walk-ins").text
        assert not shown(taken, page)
        for text in (page, host.get("/host/").text, host.get("/host/approvals").text):
            assert not wrong_in(text)
        visitors.refuse_all()
    for where in ("/panel/visits", "/panel/live", "/panel/posters", "/host/visits", "/host/alerts"):
        for browser in (desk, host):
            assert not wrong_in(browser.get(where).text), where


def test_the_api_tells_what_was_typed_as_json(visitors: HostileVisitors, desk: FlaskClient) -> None:
    titles = {visit["title"] for visit in all_visits(desk)}

    assert {as_read(each) for each in visitors.taken["walk-in"]} <= set(map(as_read, titles))


def mails(reception: Reception) -> Iterator[EmailMessage]:
    reception.deliver()
    with Session(reception.office.engine) as session:
        for each in session.exec(select(CaughtMail).order_by(col(CaughtMail.id))).all():
            raw = opened(reception.office.sealer, each.sealed_message)
            made: Any = message_from_bytes(raw, EmailMessage, policy=policy.default)
            yield made


HEADERS = {
    "from", "to", "subject", "date", "message-id", "auto-submitted", "x-auto-response-suppress",
    "mime-version", "content-type", "content-language", "content-transfer-encoding",
}  # fmt: skip


def test_mails_and_calendars_hold_what_was_typed_as_text_alone(
    visitors: HostileVisitors, shared_reception: Reception
) -> None:
    read = ""
    for message in mails(shared_reception):
        assert {name.lower() for name in message} <= HEADERS
        (recipient,) = message["To"].addresses
        assert "owned" not in recipient.addr_spec
        html, text = message.get_body(("html",)), message.get_body(("plain",))
        assert html is not None
        assert text is not None
        page = html.get_content()
        # Mail programs know no stylesheets: ours are written out, and pictures come with the mail.
        usual = (" style=", " src=cid:pass@genkan>", " href=http://127.0.0.1")
        wrong = [each for each in wrong_in(page) if not any(mark in each for mark in usual)]
        assert not wrong
        assert not [each for each in wrong_in(page) if "owned" in each]
        read += words_of(page)
        assert PRODUCT not in text.get_content()
        for part in message.walk():
            if part.get_content_type() == "text/calendar":
                look_at_calendar(part.get_content())
    missing = [each for each in visitors.taken["walk-in"] if as_read(each) not in read]
    assert not missing


def look_at_calendar(content: str | bytes) -> None:
    found = Calendar.from_ical(content)
    assert [type(each).__name__ for each in found.subcomponents] == ["Event"]
    (event,) = found.subcomponents
    assert not event.subcomponents
    assert "ATTACH" not in event
    assert event["ATTENDEE"].params["ROLE"] == "REQ-PARTICIPANT"
    assert "owned.example" not in str(event.get("URL", ""))


def test_pushes_are_json_that_fits_and_says_it_in_words(shared_reception: Reception) -> None:
    with Session(shared_reception.office.engine) as session:
        notices = session.exec(select(Notice)).all()
    assert len({each.kind for each in notices}) >= 3
    for each in notices:
        text = payload(each, hide_names=False)
        assert len(text.encode()) <= LARGEST_TEXT
        sent = json.loads(text)
        assert sent["path"].startswith("/host/")
        assert PRODUCT not in sent["title"] + sent["body"]
        assert "\n" not in sent["title"] + sent["body"]
