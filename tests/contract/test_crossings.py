"""Who set out, came near or left: kept without a position, told once, on both databases."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlmodel import Session

from server.arrivals import models
from server.arrivals.actions import CrossingKind, CrossingSource
from server.kernel.errors import Conflict
from server.visits import actions as visits
from tests.fakes.application import application
from tests.fakes.arriving import CENTRE, Arriving
from tests.fakes.reception import Reception

ON_MY_WAY, APPROACHING, NEAR, HERE, LEFT = CrossingKind
FENCE = {"near": CENTRE | {"radius_m": 150}, "approaching": CENTRE | {"radius_m": 1500}}


@pytest.fixture
def guest(reception: Reception) -> Arriving:
    return Arriving(reception)


@pytest.fixture
def app(reception: Reception) -> Flask:
    return application(reception.office)


def test_each_kind_is_kept_and_told_once(guest: Arriving) -> None:
    for kind in (ON_MY_WAY, APPROACHING, APPROACHING, NEAR, NEAR, HERE, HERE):
        guest.notice(kind)
    assert guest.crossings() == ["on_my_way", "approaching", "near", "here"]
    assert guest.kinds_told() == guest.crossings()


def test_who_is_near_is_not_approaching_any_more(guest: Arriving) -> None:
    for kind in (NEAR, APPROACHING, ON_MY_WAY):
        guest.notice(kind)
    assert guest.crossings() == ["near"]


def test_who_never_came_cannot_leave(guest: Arriving) -> None:
    guest.notice(LEFT)
    guest.notice(ON_MY_WAY)
    assert guest.notice(LEFT) is None
    assert guest.crossings() == ["on_my_way"]


def test_who_comes_back_soon_is_kept_but_not_told_again(guest: Arriving) -> None:
    guest.notice(NEAR)
    guest.notice(LEFT)
    guest.passes(minutes=20)
    guest.notice(NEAR)
    assert guest.crossings() == ["near", "left", "near"]
    assert guest.kinds_told() == ["near", "left"]


def test_who_comes_back_after_an_hour_is_told_again(guest: Arriving) -> None:
    guest.notice(NEAR)
    guest.notice(LEFT)
    guest.passes(minutes=61)
    guest.notice(NEAR)
    assert guest.kinds_told() == ["near", "left", "near"]


def test_coming_and_going_without_end_is_kept_no_longer(guest: Arriving) -> None:
    for _ in range(50):
        guest.notice(NEAR)
        guest.notice(LEFT)
    assert len(guest.crossings()) == 60
    assert guest.kinds_told() == ["near", "left"]


def test_the_event_says_who_when_and_how_soon(guest: Arriving) -> None:
    guest.notice(ON_MY_WAY, CrossingSource.BUTTON, timedelta(minutes=20))
    (told,) = guest.told
    assert (told.visitor, told.visit, told.site) == (guest.visitor.id, guest.visit.id, "TYO")
    assert (told.source, told.expected) == (CrossingSource.BUTTON, timedelta(minutes=20))
    assert told.at == guest.reception.clock.now()


def test_a_new_word_about_the_time_is_kept_and_disturbs_nobody(guest: Arriving) -> None:
    guest.notice(ON_MY_WAY, expected=timedelta(minutes=20))
    guest.passes(minutes=10)
    guest.notice(ON_MY_WAY, expected=timedelta(minutes=45))
    with Session(guest.reception.office.engine) as session:
        newest = models.newest_crossings(session, [guest.visitor.id])[guest.visitor.id]
    assert newest.expected_at == guest.reception.clock.now() + timedelta(minutes=45)
    assert guest.kinds_told() == ["on_my_way"]


def test_the_newest_crossing_of_each_visitor_is_found(reception: Reception) -> None:
    first, second = Arriving(reception), Arriving(reception)
    first.notice(APPROACHING)
    second.notice(NEAR)
    first.notice(NEAR)
    first.notice(HERE)
    with Session(reception.office.engine) as session:
        found = models.newest_crossings(session, [first.visitor.id, second.visitor.id, "nobody"])  # pyright: ignore[reportArgumentType]
    assert {each: row.kind for each, row in found.items()} == {
        first.visitor.id: HERE,
        second.visitor.id: NEAR,
    }


@pytest.mark.parametrize("days", [-1, 1])
def test_on_another_day_nothing_is_noticed(guest: Arriving, days: int) -> None:
    guest.passes(days=days)
    with pytest.raises(Conflict):
        guest.notice(NEAR)
    assert guest.crossings() == []


def test_a_cancelled_visit_notices_nobody(guest: Arriving) -> None:
    with guest.reception.work() as work:
        visits.cancel(work, guest.visit.id, "")
    with pytest.raises(Conflict):
        guest.notice(HERE)


def test_the_buttons_of_the_page_tell_the_host(guest: Arriving, app: Flask) -> None:
    phone = guest.phone(app)
    assert "on my way" in phone.page()
    assert phone.post("/crossing", kind="on_my_way", minutes="20").status_code == 303
    assert "expects you about 14:20" in phone.page()
    assert phone.post("/crossing", kind="here").status_code == 303
    assert "knows that you are here" in phone.page()
    assert [(each.kind, each.source) for each in guest.told] == [
        (ON_MY_WAY, CrossingSource.BUTTON),
        (HERE, CrossingSource.BUTTON),
    ]


def test_the_page_tells_a_crossing_and_an_estimate(guest: Arriving, app: Flask) -> None:
    phone = guest.fence().phone(app)
    assert phone.send("/crossing", {"kind": "approaching", "expected_min": 12}).status_code == 204
    assert phone.send("/crossing", {"kind": "near", "expected_min": None}).status_code == 204
    assert [(each.source, each.expected) for each in guest.told] == [
        (CrossingSource.PAGE, timedelta(minutes=12)),
        (CrossingSource.PAGE, None),
    ]


@pytest.mark.parametrize(
    "told",
    [
        {"kind": "near", "lat": 35.681236, "lon": 139.767125},
        {"kind": "arrived"},
        {"kind": "near", "expected_min": -5},
        {"kind": "near", "expected_min": 10_000},
        ["near"],
        {},
    ],
)
def test_a_page_cannot_tell_anything_else(guest: Arriving, app: Flask, told: object) -> None:
    answer = guest.fence().phone(app).send("/crossing", told)
    assert answer.status_code == 422
    assert "35.68" not in answer.text
    assert guest.crossings() == []


def test_another_phone_cannot_tell(guest: Arriving, app: Flask) -> None:
    own = guest.phone(app)
    stranger = type(own)(app, own.path)
    stranger.get()
    assert stranger.send("/crossing", {"kind": "near"}).status_code == 403
    assert guest.crossings() == []


def test_only_the_visit_page_may_ask_for_the_position(guest: Arriving, app: Flask) -> None:
    phone = guest.phone(app)
    assert "geolocation=()" in phone.get().headers["Permissions-Policy"]
    guest.fence()
    assert "geolocation=(self)" in phone.get().headers["Permissions-Policy"]
    assert "geolocation=()" in phone.get("/owntracks").headers["Permissions-Policy"]


def test_without_a_fence_the_page_offers_the_buttons_alone(guest: Arriving, app: Flask) -> None:
    page = guest.phone(app).page()
    assert "my way" in page
    assert "coming-watch" not in page


def test_the_day_before_the_page_asks_for_nothing(guest: Arriving, app: Flask) -> None:
    phone = guest.fence().phone(app)
    guest.passes(days=-1)
    page = phone.page()
    assert "my way" not in page
    assert "coming-watch" not in page


def test_an_administrator_draws_the_fence_and_a_host_does_not(reception: Reception) -> None:
    app = application(reception.office)

    def ask(who: str, method: str, body: object = None) -> int:
        token = reception.token_of(who)
        headers = {"Authorization": f"Bearer {token}"}
        path = "/api/v1/arrivals/fences/TYO"
        return app.test_client().open(path, method=method, json=body, headers=headers).status_code

    assert ask("admin", "GET") == 404
    assert ask("host", "PUT", FENCE) == 403
    assert ask("admin", "PUT", FENCE) == 200
    assert ask("admin", "PUT", FENCE | {"near_dwell_s": 0}) == 200
    assert ask("admin", "PUT", FENCE | {"near": "x"}) == 422
    assert ask("admin", "GET") == 200
    assert ask("host", "DELETE") == 403
    assert ask("admin", "DELETE") == 204
    assert ask("admin", "DELETE") == 404
