"""OwnTracks over HTTP: what its messages say is noticed, and no position is kept anywhere, on both databases."""

import pytest
from flask import Flask
from sqlalchemy import inspect, text
from sqlmodel import Session

from server.arrivals import owntracks, trackers
from server.arrivals.actions import CrossingSource, end_tracker
from server.devices import models as devices
from server.kernel.errors import Conflict
from tests.fakes.application import application
from tests.fakes.arriving import LATITUDE, LONGITUDE, Arriving, OwnTracksApp
from tests.fakes.reception import SYSTEM, Reception


@pytest.fixture
def guest(reception: Reception) -> Arriving:
    return Arriving(reception).fence()


@pytest.fixture
def app(reception: Reception) -> Flask:
    return application(reception.office)


@pytest.fixture
def tracks(guest: Arriving, app: Flask) -> OwnTracksApp:
    return OwnTracksApp(guest, app)


def settle(guest: Arriving) -> None:
    """What the worker does every few seconds."""
    with guest.reception.office.begin(SYSTEM) as work:
        owntracks.settle(work)


def test_the_configuration_watches_two_regions_and_nothing_else(tracks: OwnTracksApp) -> None:
    configured = tracks.configuration
    assert configured["_type"] == "configuration"
    assert (configured["mode"], configured["monitoring"], configured["auth"]) == (3, 0, True)
    assert configured["url"].startswith("http://localhost:8080/owntracks/guest-")
    near, approaching = configured["waypoints"]
    assert (near["lat"], near["lon"], near["rad"]) == (LATITUDE, LONGITUDE, 150)
    assert (near["_type"], approaching["rad"]) == ("waypoint", 1500)
    assert near["tst"] != approaching["tst"]


def test_locations_that_approach_are_noticed_by_the_same_rule(
    guest: Arriving, tracks: OwnTracksApp
) -> None:
    for metres in range(2000, -1, -50):
        tracks.stands(metres, vel=5)
        guest.passes(seconds=36)
    assert guest.crossings() == ["approaching", "near"]
    assert {each.source for each in guest.told} == {CrossingSource.OWNTRACKS}
    expected = guest.told[0].expected
    assert expected is not None
    assert 15 <= expected.total_seconds() / 60 <= 22


def test_a_region_that_is_not_left_again_counts_after_its_time(
    guest: Arriving, tracks: OwnTracksApp
) -> None:
    tracks.crosses("enter", "approaching")
    tracks.crosses("enter", "near")
    settle(guest)
    assert guest.crossings() == []
    guest.passes(seconds=30)
    settle(guest)
    assert guest.crossings() == ["near"]


def test_driving_past_is_not_noticed(guest: Arriving, tracks: OwnTracksApp) -> None:
    tracks.crosses("enter", "near")
    guest.passes(seconds=20)
    tracks.crosses("leave", "near")
    guest.passes(minutes=5)
    settle(guest)
    assert guest.crossings() == []


def test_leaving_the_wider_region_is_noticed(guest: Arriving, tracks: OwnTracksApp) -> None:
    tracks.crosses("enter", "near")
    guest.passes(seconds=31)
    settle(guest)
    tracks.crosses("leave", "near")
    tracks.crosses("leave", "approaching")
    guest.passes(seconds=119)
    settle(guest)
    assert guest.crossings() == ["near"]
    guest.passes(seconds=1)
    settle(guest)
    assert guest.crossings() == ["near", "left"]


def test_a_location_says_that_a_lost_message_about_a_region_was_sent(
    guest: Arriving, tracks: OwnTracksApp
) -> None:
    region = tracks.configuration["waypoints"][0]["desc"]
    tracks.stands(0, acc=2000, inregions=["Home", region])
    guest.passes(seconds=31)
    settle(guest)
    assert guest.crossings() == ["near"]


def test_a_location_without_the_region_ends_its_count(
    guest: Arriving, tracks: OwnTracksApp
) -> None:
    tracks.crosses("enter", "near")
    guest.passes(seconds=10)
    tracks.stands(0, acc=2000, inregions=["Home"])
    guest.passes(seconds=60)
    settle(guest)
    assert guest.crossings() == []


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"_type": "location", "lat": LATITUDE, "lon": LONGITUDE, "acc": 2000}, "good to 2 km"),
        ({"_type": "location", "lat": LATITUDE, "lon": LONGITUDE, "acc": None}, "unknown"),
        ({"_type": "waypoint", "desc": "Home"}, "not ours"),
        ({"_type": "lwt"}, "not ours"),
        ({"_type": "steps", "steps": 12}, "not ours"),
        ({"_type": "something new"}, "not ours"),
        ({}, "no type"),
        ({"_type": "transition", "event": "enter", "desc": "Home"}, "their own region"),
    ],
)
def test_what_says_nothing_of_a_fence_is_taken_and_passed_over(
    guest: Arriving, tracks: OwnTracksApp, message: dict[str, object], why: str
) -> None:
    for _ in range(5):
        answer = tracks.post({"tst": tracks.now()} | message)
        assert (answer.status_code, answer.get_json()) == (200, []), why
        guest.passes(seconds=30)
    assert guest.crossings() == []


@pytest.mark.parametrize("seconds", [-301, 121])
def test_what_comes_late_or_from_a_wrong_clock_is_passed_over(
    guest: Arriving, tracks: OwnTracksApp, seconds: int
) -> None:
    tracks.crosses("enter", "near", tst=tracks.now() + seconds)
    guest.passes(minutes=10)
    settle(guest)
    assert guest.watch() is None
    assert guest.crossings() == []


def test_an_encrypted_message_is_refused_with_what_to_do(tracks: OwnTracksApp) -> None:
    answer = tracks.sends("encrypted", data="c2VjcmV0")
    assert answer.status_code == 422
    assert "switch the encryption key" in answer.text


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{" * 2000,
        b"[" * 4000,
        b'{"_type": "location"}',
        b'{"_type": "location", "tst": 1e999, "lat": 35.681236, "lon": 139.767125}',
        b'{"_type": "location", "tst": "soon", "lat": 35.681236, "lon": 139.767125}',
        b'{"_type": "transition", "event": "jump", "tst": 1}',
    ],
)
def test_what_cannot_be_read_is_refused_and_not_quoted(
    tracks: OwnTracksApp, payload: bytes
) -> None:
    answer = tracks.post(payload)
    assert answer.status_code == 422
    assert "35.68" not in answer.text


def test_what_is_too_large_is_refused(tracks: OwnTracksApp) -> None:
    assert tracks.post(b"x" * 5000).status_code == 413


def test_wrong_credentials_are_refused(tracks: OwnTracksApp) -> None:
    for changed in ({"password": "guess"}, {"name": "guest-000000000000000000"}):
        answer = tracks.post({"_type": "lwt"}, **changed)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_credentials_end_when_the_visitor_says_so(guest: Arriving, tracks: OwnTracksApp) -> None:
    tracks.crosses("enter", "near")
    with guest.reception.office.begin(SYSTEM) as work:
        end_tracker(work, guest.visitor.id)
    assert tracks.sends("lwt").status_code == 401
    assert guest.watch() is None


def test_new_credentials_end_the_old_ones(
    guest: Arriving, app: Flask, tracks: OwnTracksApp
) -> None:
    fresh = OwnTracksApp(guest, app)
    assert tracks.sends("lwt").status_code == 401
    assert fresh.sends("lwt").status_code == 200


def test_all_of_it_ends_with_the_visit(guest: Arriving, tracks: OwnTracksApp) -> None:
    tracks.crosses("enter", "near")
    guest.passes(hours=3)
    assert tracks.sends("lwt").status_code == 401
    with guest.reception.office.begin(SYSTEM) as work:
        trackers.forget_ended(work)
    assert guest.watch() is None


def test_it_is_set_up_on_the_day_where_a_fence_is_drawn(reception: Reception) -> None:
    with pytest.raises(Conflict), reception.office.begin(SYSTEM) as work:
        trackers.set_up(work, Arriving(reception).visitor.id)
    guest = Arriving(reception).fence()
    guest.passes(days=-1)
    with pytest.raises(Conflict), reception.office.begin(SYSTEM) as work:
        trackers.set_up(work, guest.visitor.id)


def test_a_guest_at_the_broker_is_dismissed_with_the_tracker(guest: Arriving) -> None:
    with guest.reception.office.begin(SYSTEM) as work:
        trackers.set_up_for_broker(work, guest.visitor.id)
        assert len(devices.guest_clients(work.session, work.now)) == 1
        trackers.set_up_for_broker(work, guest.visitor.id)
        assert len(devices.guest_clients(work.session, work.now)) == 1
        trackers.end(work, guest.visitor.id)
        assert not devices.guest_clients(work.session, work.now)


def test_no_position_is_kept_in_any_table_nor_told_in_any_log(
    guest: Arriving, tracks: OwnTracksApp, capfd: pytest.CaptureFixture[str]
) -> None:
    for metres in (1400, 900, 400, 123, 80, 20, 10, 0):
        tracks.stands(metres, vel=4)
        guest.passes(seconds=60)
    tracks.crosses("enter", "near", lat=35.123456, lon=139.654321)
    tracks.post(b'{"_type": "location", "tst": "x", "lat": 35.123456, "lon": 139.654321}')
    assert guest.crossings() == ["approaching", "near"]
    # The fence is ours to know; everything else must hold no number that begins like a position there.
    found = [
        (table, column)
        for table, column, value in every_value(guest)
        if table != "arrivals_fence" and any(each in value for each in POSITIONS)
    ]
    assert not found
    out = "".join(capfd.readouterr())
    assert not [each for each in POSITIONS if each in out]


POSITIONS = ("35.68", "35.69", "35.12", "139.76", "139.65")


def every_value(guest: Arriving) -> list[tuple[str, str, str]]:
    """Every value of every table, as text."""
    engine = guest.reception.office.engine
    values: list[tuple[str, str, str]] = []
    with Session(engine) as session:
        for table in inspect(engine).get_table_names():
            for row in session.connection().execute(text(f'SELECT * FROM "{table}"')).mappings():  # noqa: S608  our own tables
                values += [(table, str(name), str(value)) for name, value in row.items()]
    return values
