"""Nothing that guests, hosts and reception write about a visit can run in a page, a sheet, a mail or a table."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdfium2 import PdfDocument
from sqlmodel import Session, col, select

from server.app import create_office
from server.conversations.models import Attachment
from server.kernel import outbox
from server.kernel.clock import FixedClock
from server.kernel.settings import Settings
from server.notifications.messages import Catcher
from server.notifications.models import CaughtMail, Notice
from server.notifications.push import payload
from server.notifications.rules import opened
from tests.fakes.application import application
from tests.fakes.hostile_house import HostileHouse
from tests.fakes.hostile_visitors import as_read, words_of, wrong_in
from tests.fakes.panel_site import NOON, PASSWORD, SITE
from tests.fakes.visitor_phone import VisitorPhone
from tests.vectors.hostile import HOSTILE, PRODUCT

PLACES = {
    *("question", "group", "sign", "canned", "item", "guest", "correction", "let-through"),
    *("nickname", "said by visitor", "said by host", "comment"),
}
LONGEST_LABEL = 80
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileHouse]:
    """Everybody has written everything."""
    folder = tmp_path_factory.mktemp("house")
    settings = Settings(demo=True, data_folder=folder, worker_wake="", limits_factor=1_000)
    clock = FixedClock(NOON)
    with closing(create_office(settings, clock)) as office:
        yield HostileHouse(office, clock, HOSTILE)


@pytest.fixture
def app(house: HostileHouse) -> Flask:
    return application(house.office)


@pytest.fixture(scope="module")
def phone(house: HostileHouse) -> VisitorPhone:
    """The phone of a guest who is in the building."""
    return VisitorPhone(application(house.office), house.link(house.guest)).open()


@pytest.fixture(scope="module")
def gone(house: HostileHouse) -> VisitorPhone:
    """The phone of a guest who has left."""
    return VisitorPhone(application(house.office), house.link(house.gone)).open()


def signed_in(app: Flask, who: str) -> FlaskClient:
    browser = app.test_client()
    page = browser.get("/panel/sign-in").text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    fields = {"email": f"{who}@genkan.example", "password": PASSWORD, "csrf_token": token}
    assert browser.post("/panel/sign-in", data=fields).status_code == 303
    return browser


def read(browser: FlaskClient, *paths: str) -> str:
    """Open pages, in which nothing may run; return what a person reads in them."""
    words = ""
    for path in paths:
        page = browser.get(path, headers={"Accept-Language": "en"})
        assert page.status_code == 200, path
        assert not wrong_in(page.text), path
        words += words_of(page.text)
    return words


def missing(house: HostileHouse, places: Iterable[str], words: str) -> list[tuple[str, str]]:
    """Return what was kept in these places and does not stand in the words as it was written."""
    return [
        (place, text)
        for place in places
        for text in house.taken[place]
        if as_read(text) not in words
    ]


def test_plain_words_are_taken_everywhere_and_hostile_ones_nearly(house: HostileHouse) -> None:
    plain = {each for each in house.texts if each.isprintable() and 0 < len(each.strip()) <= 60}
    assert len(plain) > 80
    few = {"guest": 20, "nickname": 20, "menu": 30, "canned": 60, "sign": 90}
    for place in PLACES - set(few):
        assert plain <= set(house.taken[place]), place
    for place, least in few.items():
        assert len(house.taken[place]) >= least, place


def test_reception_reads_what_was_written_and_nothing_of_it_runs(
    house: HostileHouse, app: Flask
) -> None:
    desk = signed_in(app, "admin")
    chats = [f"/panel/inbox/{each}" for each in house.conversations]
    words = read(
        desk, *chats, "/panel/inbox?show=open", "/panel/inbox/settings", "/panel/questions"
    )
    words += read(desk, "/panel/groups", "/panel/drinks", "/panel/live", f"/panel/survey/{SITE}")
    below, sheet = f"/panel/visits/{house.visit.id}", f"/panel/meetings/{house.visit.id}"
    words += read(desk, below, f"{below}/timeline", sheet, f"{sheet}/now")
    words += read(desk, "/panel/meetings", "/panel/let-through?q=o", "/panel/doors")

    assert not missing(house, PLACES, words)


def test_hosts_read_what_was_written_and_nothing_of_it_runs(
    house: HostileHouse, app: Flask
) -> None:
    host, below = signed_in(app, "host"), f"/host/visits/{house.visit.id}"
    words = read(host, *(f"/host/chat/{each}" for each in house.conversations))
    words += read(host, below, f"{below}/timeline", f"{below}/meeting", "/host/chat", "/host/")

    places = ("said by visitor", "said by host", "correction", "guest")
    assert not missing(house, places, words)


def test_a_guest_reads_what_was_written_and_nothing_of_it_runs(
    house: HostileHouse, app: Flask, phone: VisitorPhone
) -> None:
    below = ("", "/chat", "/chat/thread", "/chat/me", "/timeline", "/drink", "/way", "/data")
    words = read(phone.http, *(f"{phone.path}{each}" for each in (*below, "/data.html")))
    own = phone.get("/data.json")
    stranger, sign = app.test_client(), f"/c/{house.sign}"
    # What hangs there gives the phone its cookie first.
    assert stranger.get(sign, follow_redirects=True).status_code == 200
    contact = read(stranger, sign, f"{sign}/me")

    assert own.mimetype == "application/json"
    assert json.loads(own.text)
    assert not missing(house, ["menu"], words)
    assert any(as_read(each) in contact for each in house.taken["question"])
    first = house.taken["said by visitor"][:20]
    assert not [each for each in first if as_read(each) not in words]
    kept = as_read(json.dumps(json.loads(own.text), ensure_ascii=False).replace("\\n", "\n"))
    quoted = (json.dumps(as_read(each), ensure_ascii=False)[1:-1] for each in first)
    assert not [each for each in quoted if as_read(each) not in kept]


def test_questions_of_a_survey_and_words_on_a_plan_are_words(
    house: HostileHouse, app: Flask, phone: VisitorPhone, gone: VisitorPhone
) -> None:
    desk = signed_in(app, "admin")
    asked = [each for each in house.taken["group"] if len(each) <= LONGEST_LABEL]
    on_screens, on_plans = "", ""
    for begin in range(0, len(asked), 9):
        house.asks(asked[begin : begin + 9])
        on_screens += read(desk, f"/panel/survey/{SITE}/questions")
        on_screens += read(gone.http, f"{gone.path}/survey")
    for begin in range(0, len(asked), 27):
        house.plans_named(asked[begin : begin + 27])
        on_plans += read(desk, f"/panel/plans/{SITE}")
        on_plans += read(phone.http, f"{phone.path}/way", f"{phone.path}/way?to=out")
    assert not [each for each in asked if as_read(each) not in on_screens]
    # A room is named where its name fits in.
    assert sum(as_read(each) in on_plans for each in asked) > len(asked) // 4


def test_sheets_of_a_meeting_are_text_on_paper_and_in_a_table(
    house: HostileHouse, app: Flask
) -> None:
    desk, path = signed_in(app, "admin"), f"/panel/meetings/{house.visit.id}"
    tables = [desk.get(each) for each in (f"{path}/sheet.csv", "/panel/meetings.csv")]
    cells = [cell for each in tables for row in csv.reader(io.StringIO(each.text)) for cell in row]
    paper = desk.get(f"{path}/sheet.pdf").data

    assert [each.mimetype for each in tables] == ["text/csv", "text/csv"]
    assert not [each for each in cells if each.startswith(FORMULA)]
    reasons = {as_read(each).lstrip("'") for each in cells}
    assert any(as_read(each) in reasons for each in house.taken["correction"])
    with closing(PdfDocument(paper)) as document:
        on_paper = "".join(page.get_textpage().get_text_range() for page in document)
    assert b"/JavaScript" not in paper
    assert b"/URI" not in paper
    assert PRODUCT not in on_paper
    printed = "".join(on_paper.split())
    plain = [each for each in house.taken["correction"] if each.isascii() and each.isprintable()]
    assert len(plain) > 60
    # A page may end in the middle of one, or a word be divided.
    hidden = [each for each in plain if "".join(each.split()) not in printed]
    assert len(hidden) <= 5, hidden


def test_files_are_saved_under_names_that_are_no_paths_and_no_headers(
    house: HostileHouse, app: Flask
) -> None:
    desk = signed_in(app, "admin")
    with Session(house.office.engine) as session:
        kept = session.exec(select(Attachment)).all()
    assert len(kept) > 60
    assert len({each.name for each in kept}) > 15
    for each in kept:
        found = desk.get(f"/panel/inbox/{each.conversation}/files/{each.id}")
        assert found.status_code == 200
        assert found.headers["Content-Type"] == "application/pdf"
        assert found.headers["X-Content-Type-Options"] == "nosniff"
        assert found.headers["Content-Disposition"].startswith("attachment")
        assert "X-Owned" not in found.headers
        assert not {*each.name} & set('/\\<>:"|?*\r\n'), each.name
        assert each.name.endswith(".pdf")


def test_mails_and_notices_quote_it_as_text(house: HostileHouse) -> None:
    while outbox.send_due(house.office, {"mail": Catcher(house.office)}):
        pass
    with Session(house.office.engine) as session:
        caught = session.exec(select(CaughtMail).order_by(col(CaughtMail.id))).all()
        notices = session.exec(select(Notice)).all()
        mails = [opened(house.office.sealer, each.sealed_message) for each in caught]
    assert mails
    assert notices
    words = ""
    for raw in mails:
        made: Any = message_from_bytes(raw, EmailMessage, policy=policy.default)
        assert "X-Owned" not in made
        assert "owned" not in made["To"].addresses[0].addr_spec
        html = made.get_body(("html",))
        page = html.get_content() if html is not None else ""
        assert not [each for each in wrong_in(page) if "owned" in each or PRODUCT in each]
        words += words_of(page)
    assert not missing(house, ["guest"], words)
    for notice in notices:
        sent = json.loads(payload(notice, hide_names=False))
        assert PRODUCT not in sent["title"] + sent["body"]
        assert "\n" not in sent["title"] + sent["body"]
