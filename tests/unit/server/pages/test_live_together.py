"""The live page's parts are rendered together for many at once, and still nobody gets what is another's."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.app import create_office
from server.kernel.clock import FixedClock
from server.kernel.settings import Settings
from tests.fakes.application import application
from tests.fakes.panel_site import NOON, PASSWORD, PanelSite, busy_day

PARTS = ("now", "events", "rooms")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    settings = Settings(demo=True, data_folder=tmp_path, worker_wake="")
    clock = FixedClock(NOON)
    office = create_office(settings, clock)
    busy_day(PanelSite(office, clock))
    yield application(office)
    office.close()


def browser(app: Flask, who: str, language: str = "en") -> FlaskClient:
    client = app.test_client()
    with client.session_transaction() as chosen:
        chosen["language"] = language
    said = {"email": f"{who}@genkan.example", "password": PASSWORD}
    assert client.post("/api/v1/session", json=said).status_code < 300
    return client


def status(ask: tuple[FlaskClient, str]) -> int:
    return ask[0].get(ask[1]).status_code


def text_of(ask: tuple[str, FlaskClient]) -> str:
    return ask[1].get("/panel/live/now").text


def test_one_answer_holds_the_parts_each_for_its_place(app: Flask) -> None:
    guard = browser(app, "security")
    page = guard.get("/panel/live").text
    answer = guard.get("/panel/live/now").text
    places = re.findall(r'<div id="(\w+)" hx-swap-oob="innerHTML">', answer)
    assert places == ["figures", "events", "inside", "doors"]
    assert all(f'id="{each}"' in page for each in places)


def test_who_may_not_see_the_doors_gets_no_part_while_others_do(app: Flask) -> None:
    guard, host = browser(app, "security"), browser(app, "host")
    with ThreadPoolExecutor(8) as pool:
        for part in PARTS:
            asked = [(each, f"/panel/live/{part}") for each in (guard, host) * 4]
            found = list(pool.map(status, asked))
            assert found == [200, 403] * 4


def test_each_gets_the_parts_in_their_own_language(app: Flask) -> None:
    alone = {
        language: browser(app, "security", language).get("/panel/live/now").text
        for language in ("ja", "en", "zh")
    }
    assert len(set(alone.values())) == 3
    asked = [
        (language, browser(app, who, language))
        for who in ("security", "admin")
        for language in alone
        for _ in range(3)
    ]
    with ThreadPoolExecutor(len(asked)) as pool:
        texts = pool.map(text_of, asked)
        for (language, _), text in zip(asked, texts, strict=True):
            assert text == alone[language]


def test_nothing_of_the_one_who_asks_is_in_what_all_get(app: Flask) -> None:
    guard = browser(app, "security")
    for part in PARTS:
        text = guard.get(f"/panel/live/{part}").text
        assert "csrf" not in text
        assert "Haruto" not in text
