"""The pages behind a posted QR, as a phone's browser gets them, on both databases."""

import io
import re
from datetime import timedelta

import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlmodel import select
from werkzeug.test import TestResponse

from access_protocol.decision import DenyReason
from demo.codes import QR_CODES
from server.access.models import CommandState, DoorCommand
from server.arrivals import check_in, kiosks, poster_sheets, posters, walk_ins
from server.arrivals.actions import FenceInput, put_fence
from server.arrivals.models import CheckIn, Poster
from server.arrivals.poster_sheets import Size
from server.places.models import AccessPoint
from server.visits import actions as visits
from server.visits.models import Agreement
from tests.fakes.application import application
from tests.fakes.reception import MAIN_GATE, SITE, Reception

OFFICE = {"latitude": "35.6812", "longitude": "139.7671", "accuracy": "10"}


@pytest.fixture
def app(reception: Reception) -> Flask:
    return application(reception.office)


@pytest.fixture
def poster(reception: Reception) -> Poster:
    with reception.work("admin") as work:
        return posters.put_up(work, SITE, posters.NewPoster(portal="main-gate"))


def ask_for(reception: Reception, *ways: list[str]) -> None:
    with reception.work("admin") as work:
        work.session.get_one(AccessPoint, (SITE, MAIN_GATE)).presence_ways = list(ways)


class Stranger:
    """A phone that nobody knows."""

    def __init__(self, app: Flask, poster: Poster) -> None:
        self.browser: FlaskClient = app.test_client()
        self.path = f"/e/{poster.code}"
        self.token = ""

    def page(self, below: str = "") -> str:
        text = self.browser.get(self.path + below).text
        found = re.search(r'name="csrf_token" value="([^"]+)"', text)
        self.token = found[1] if found else self.token
        return text

    def post(self, below: str, **fields: str) -> TestResponse:
        return self.browser.post(self.path + below, data={"csrf_token": self.token, **fields})

    def register(self, **changed: str) -> TestResponse:
        self.page("/walk-in")
        fields = {"name": "Mei Lin", "whom": "host@genkan.example", "purpose": "A parcel"}
        return self.post("/walk-in", **(fields | changed))

    def welcomed(self, reception: Reception) -> "Stranger":
        """Register, be let in by the host, and go on to the door."""
        assert self.register().status_code == 303
        with reception.work() as work:
            (waiting,) = walk_ins.list_waiting(work)
            walk_ins.approve(work, waiting.id, walk_ins.WalkInApproval())
        assert self.post("/go-on").status_code == 303
        self.page()
        return self

    def open(self, **shown: str) -> str:
        """Press the button, and return what the page then says."""
        answer = self.post("/open", **shown)
        assert answer.status_code == 303, answer.text
        return self.browser.get(answer.headers["Location"]).text


def commands(reception: Reception) -> list[DoorCommand]:
    with reception.work() as work:
        return list(work.session.exec(select(DoorCommand).order_by(DoorCommand.event)).all())


def digits_at(reception: Reception) -> str:
    with reception.work("admin") as work:
        screen, _ = kiosks.pair(work, SITE, kiosks.NewKiosk(name="t", access_point=MAIN_GATE))
        return kiosks.showing(work, screen)[0].digits


@pytest.mark.parametrize("size", list(Size))
def test_the_code_is_read_from_the_printed_paper(
    reception: Reception, app: Flask, poster: Poster, size: Size
) -> None:
    with app.test_request_context(), reception.work("admin") as work:
        (page,) = poster_sheets.pages(poster_sheets.pdf(work, poster, size), 600)
        address = posters.address(work, poster)

    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(page)), formats=QR_CODES)

    assert found.text == address
    assert found.ec_level == "Q"


def test_a_phone_nobody_knows_learns_where_its_invitation_is_and_nothing_else(
    reception: Reception, app: Flask, poster: Poster
) -> None:
    reception.invite()
    page = Stranger(app, poster).page()

    assert "Open the link in your invitation mail" in page
    assert "I have no invitation" in page
    assert "password" not in page.lower()
    assert "Guest 1" not in page
    assert "Host" not in page


def test_a_replaced_poster_says_kindly_that_it_is_old(
    reception: Reception, app: Flask, poster: Poster
) -> None:
    with reception.work("admin") as work:
        newer = posters.replace(work, poster.id)

    assert "This poster is old" in Stranger(app, poster).page()
    assert newer.check_number[:2] + "-" + newer.check_number[2:] in Stranger(app, newer).page()


def test_a_walk_in_is_let_in_by_the_host_they_named_and_opens_with_the_code_on_the_screen(
    reception: Reception, app: Flask, poster: Poster
) -> None:
    ask_for(reception, ["code"])
    guest = Stranger(app, poster).welcomed(reception)

    assert "One moment" in guest.open(digits=digits_at(reception))

    (command,) = commands(reception)
    assert command.state is CommandState.WAITING
    with reception.work() as work:
        arrived = work.session.exec(select(CheckIn)).one()
        assert (arrived.visitor, arrived.event) == (command.visitor, command.event)


def test_scanning_the_screen_counts_as_typing_its_digits_and_leaves_the_address(
    reception: Reception, app: Flask, poster: Poster
) -> None:
    ask_for(reception, ["code"])
    guest = Stranger(app, poster).welcomed(reception)

    answer = guest.browser.get(f"{guest.path}?c={digits_at(reception)}")

    assert answer.headers["Location"] == guest.path
    assert "scanned" in guest.page()
    assert "One moment" in guest.open()


def test_wrong_digits_are_said_beside_the_field_and_open_nothing(
    reception: Reception, app: Flask, poster: Poster
) -> None:
    ask_for(reception, ["code"])
    guest = Stranger(app, poster).welcomed(reception)

    answer = guest.post("/open", digits="12345678")

    assert answer.status_code == 422
    assert "not the digits on the screen" in answer.text
    assert not commands(reception)


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"latitude": "35.4", "longitude": "139.6", "accuracy": "10"}, id="30 km away"),
        pytest.param(OFFICE, id="a faked position"),
        pytest.param(OFFICE | {"accuracy": "nan"}, id="no number"),
    ],
)
def test_a_photographed_poster_opens_nothing_without_the_changing_code(
    reception: Reception, app: Flask, poster: Poster, shown: dict[str, str]
) -> None:
    ask_for(reception, ["position", "code"])
    circle = {"type": "Point", "coordinates": [139.7671, 35.6812]}
    with reception.work("admin") as work:
        fence = {"near": circle | {"radius_m": 150}, "approaching": circle | {"radius_m": 1500}}
        put_fence(work, SITE, FenceInput.model_validate(fence))
    guest = Stranger(app, poster).welcomed(reception)

    page = guest.open(**shown)

    assert "We could not see that you stand at the entrance" in page
    (command,) = commands(reception)
    assert (command.state, command.denied) == (CommandState.DENIED, DenyReason.PRESENCE_MISSING)


def test_an_approval_opens_the_door_once(reception: Reception, app: Flask, poster: Poster) -> None:
    ask_for(reception, ["approval"])
    guest = Stranger(app, poster).welcomed(reception)
    assert guest.post("/ask").status_code == 303
    assert "We are asking Host" in guest.page()
    with reception.work() as work:
        (asked,) = check_in.list_asked(work)
        check_in.approve_entry(work, asked.approval.id)

    assert "You may come in" in guest.page()
    assert "One moment" in guest.open()
    with reception.work() as work:
        latest = check_in.latest_approval(work, asked.visitor.id, MAIN_GATE)
        assert latest is not None
        assert not check_in.counts(work, latest)


def test_another_host_neither_sees_nor_answers_a_walk_in(
    reception: Reception, app: Flask, poster: Poster
) -> None:
    Stranger(app, poster).register()
    with reception.work("other") as work:
        assert not walk_ins.list_waiting(work)
    with reception.work("security") as work:
        assert len(walk_ins.list_waiting(work)) == 1


def test_who_is_named_is_not_told_to_a_stranger(app: Flask, poster: Poster) -> None:
    pages = {re.sub(r'value="[^"]*"', "", _after(app, poster, whom)) for whom in ("Host", "Nobody")}

    assert len(pages) == 1


def _after(app: Flask, poster: Poster, whom: str) -> str:
    stranger = Stranger(app, poster)
    stranger.register(whom=whom)
    return stranger.page("/waiting")


def test_a_refused_walk_in_is_told_kindly(reception: Reception, app: Flask, poster: Poster) -> None:
    stranger = Stranger(app, poster)
    stranger.register(name='<script>alert("x")</script>')
    with reception.work("security") as work:
        (waiting,) = walk_ins.list_waiting(work)
        walk_ins.refuse(work, waiting.id, walk_ins.WalkInRefusal(reason="unknown"))

    page = stranger.page("/waiting")

    assert "Nobody can receive you now" in page
    assert "unknown" not in page
    assert "<script>alert" not in page


def test_what_was_scanned_counts_for_a_minute(
    reception: Reception, app: Flask, poster: Poster
) -> None:
    ask_for(reception, ["code"])
    guest = Stranger(app, poster).welcomed(reception)
    guest.browser.get(f"{guest.path}?c={digits_at(reception)}")
    reception.clock.advance(timedelta(seconds=59))
    assert "scanned" in guest.page()

    reception.clock.advance(timedelta(seconds=2))

    assert "eight digits on the screen" in guest.page()


def test_what_one_phone_scanned_counts_neither_on_another_nor_at_another_poster(
    reception: Reception, app: Flask, poster: Poster
) -> None:
    ask_for(reception, ["code"])
    with reception.work("admin") as work:
        second = posters.put_up(work, SITE, posters.NewPoster(portal="main-gate"))
    guest = Stranger(app, poster).welcomed(reception)
    other = Stranger(app, poster).welcomed(reception)
    guest.browser.get(f"{guest.path}?c={digits_at(reception)}")
    assert "scanned" in guest.page()

    with guest.browser.session_transaction() as mine, other.browser.session_transaction() as theirs:
        theirs["entrance_code"] = mine["entrance_code"]
    guest.path = f"/e/{second.code}"

    assert "eight digits on the screen" in other.page()
    assert "eight digits on the screen" in guest.page()


def test_two_taps_at_once_without_a_key_are_one_and_show_the_same_door(
    reception: Reception, app: Flask, poster: Poster
) -> None:
    ask_for(reception, ["code"])
    guest = Stranger(app, poster).welcomed(reception)
    digits = digits_at(reception)

    assert "One moment" in guest.open(digits=digits)
    assert "One moment" in guest.open(digits=digits)
    assert len(commands(reception)) == 1


def test_a_tap_in_the_second_of_a_refused_one_asks_to_press_again_and_not_for_another_pass(
    reception: Reception, app: Flask, poster: Poster
) -> None:
    ask_for(reception, ["code"])
    guest = Stranger(app, poster).welcomed(reception)

    assert "The door did not open" in guest.open()
    assert "That was quick" in guest.open(digits=digits_at(reception))
    reception.clock.advance(timedelta(seconds=1))
    assert "One moment" in guest.open(digits=digits_at(reception))


def test_a_walk_in_agrees_to_the_rules_of_the_house_before_the_door(
    reception: Reception, app: Flask, poster: Poster
) -> None:
    ask_for(reception, ["code"])
    rules = visits.NewTerms(ja="走らない", en="No running", zh="请勿奔跑")
    with reception.work("admin") as work:
        terms = visits.write_terms(work, SITE, visits.TermsKind.HOUSE_RULES, rules)
    guest = Stranger(app, poster)
    guest.register()
    with reception.work() as work:
        (waiting,) = walk_ins.list_waiting(work)
        walk_ins.approve(work, waiting.id, walk_ins.WalkInApproval())
    assert "No running" in guest.page("/waiting")

    refused = guest.post("/go-on")
    assert refused.status_code == 422
    assert "Please tick this" in refused.text
    assert guest.post("/go-on", agreed=terms.id).status_code == 303

    assert "Open the door" in guest.page()
    with reception.work() as work:
        (agreement,) = work.session.exec(select(Agreement)).all()
    assert (agreement.terms, agreement.language) == (terms.id, "en")


def test_a_walk_in_without_a_mail_address_can_be_changed_and_called_off(
    reception: Reception, app: Flask, poster: Poster
) -> None:
    Stranger(app, poster).register()
    with reception.work() as work:
        (waiting,) = walk_ins.list_waiting(work)
        visit = walk_ins.approve(work, waiting.id, walk_ins.WalkInApproval())
    before = len(reception.mails())

    with reception.work() as work:
        later = visit.ends_at + timedelta(hours=1)
        visits.change(work, visit.id, visits.VisitChange(title="Two parcels", ends_at=later))
    with reception.work() as work:
        visits.cancel(work, visit.id)
    reception.deliver()

    assert not [each for each in reception.mails()[before:] if "Mei" in str(each)]
