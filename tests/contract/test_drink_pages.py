"""Drinks as people see them: the visitor's page, the machine's poster, the panel, and the API."""

import io
import re
from datetime import timedelta

import pytest
from PIL import Image
from werkzeug.test import TestResponse

from access_protocol.events import ControllerEventKind, Outcome, OutcomeEntry, SlotCondition
from server.arrivals import actions as arrivals
from server.arrivals.actions import NewPoster
from server.pages.timeline import drinks as timeline
from server.pages.timeline.entry import Told
from server.people.models import Person
from server.people.passwords import hash_password
from server.refreshments import actions, pictures
from server.refreshments.actions import OrderState
from server.visits import actions as visits
from server.visits.models import Visit, Visitor
from tests.fakes.api import Api, body_of
from tests.fakes.application import application
from tests.fakes.drinks import GATE, MACHINE, READER, Drinks, png
from tests.fakes.reception import SITE, SYSTEM, Reception
from tests.fakes.visitor_phone import VisitorPhone

PASSWORD = "a long enough password"


class Pages:
    """The guest's phone, the machine's poster and a guard's browser."""

    def __init__(self, drinks: Drinks) -> None:
        self.drinks = drinks
        app = self.app = application(drinks.office)
        with drinks.office.begin(SYSTEM) as work:
            link = visits.link_of(work, work.session.get_one(Visitor, drinks.guest))
            self.code = arrivals.put_up_poster(work, SITE, NewPoster(portal=MACHINE)).code
            guard = work.session.get_one(Person, drinks.reception.people["security"])
            guard.password_hash = hash_password(PASSWORD)
        self.phone = VisitorPhone(app, "/v/" + link.rpartition("/")[2]).open()
        self.desk = app.test_client()
        self.csrf = ""

    def scan(self) -> str:
        return self.phone.http.get(f"/e/{self.code}", follow_redirects=True).text

    def at_poster(self, **fields: str) -> TestResponse:
        if not self.phone.csrf:
            self.phone.get()
        fields["csrf_token"] = self.phone.csrf
        return self.phone.http.post(f"/e/{self.code}/drink", data=fields)

    def sign_in(self) -> None:
        page = self.desk.get("/panel/sign-in").text
        fields = {"email": "security@genkan.example", "password": PASSWORD}
        fields["csrf_token"] = _token(page)
        assert self.desk.post("/panel/sign-in", data=fields).status_code == 303

    def panel(self) -> str:
        return self.desk.get("/panel/drinks").text

    def send(self, below: str, **fields: object) -> TestResponse:
        fields["csrf_token"] = _token(self.panel())
        return self.desk.post(f"/panel/drinks{below}", data=fields)


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


@pytest.fixture
def pages(reception: Reception) -> Pages:
    """A machine behind the gate; the guest has opened their invitation."""
    return Pages(Drinks(reception))


def test_the_visit_page_asks_only_behind_the_gate(pages: Pages) -> None:
    assert "Would you like a drink?" not in pages.phone.page()
    pages.drinks.passes()
    assert "Would you like a drink?" in pages.phone.page()


def test_one_tap_orders_and_the_page_follows_the_machine(pages: Pages) -> None:
    pages.drinks.passes()
    assert "Caffeine" in pages.phone.page("/drink")
    assert pages.phone.post("/drink", item=pages.drinks.tea).status_code == 303
    page = pages.phone.page("/drink")
    assert 'data-voucher="GK1:' in page
    assert pages.phone.get("/drink/code.png").mimetype == "image/png"
    order = pages.drinks.standing().order
    assert order is not None
    event = pages.drinks.reader_takes(order.credential)
    now = pages.phone.page("/drink/now")
    assert "on its way" in now
    assert "Enjoy" not in now
    pages.drinks.machine_tells(ControllerEventKind.DISPENSED, event)
    assert "Enjoy your Tea" in pages.phone.page("/drink/now")
    assert pages.phone.get("/drink/code.png").status_code == 404


def test_what_got_stuck_is_said_and_offered_again(pages: Pages) -> None:
    pages.drinks.passes()
    event = pages.drinks.reader_takes(pages.drinks.choose().credential)
    pages.drinks.machine_tells(ControllerEventKind.JAMMED, event)
    page = pages.phone.page("/drink")
    assert "got stuck" in page
    assert "Caffeine" in page


def test_a_code_that_ran_out_is_said_at_once_and_another_can_be_chosen(pages: Pages) -> None:
    pages.drinks.passes()
    pages.drinks.choose()
    pages.drinks.clock.advance(timedelta(minutes=5, seconds=1))
    assert "has run out" in pages.phone.page("/drink/now")
    assert pages.phone.post("/drink", item=pages.drinks.tea).status_code == 303
    assert "data-voucher" in pages.phone.page("/drink")


def test_what_is_gone_meanwhile_is_refused_with_the_menu_anew(pages: Pages) -> None:
    pages.drinks.passes()
    pages.drinks.machine_says(SlotCondition.READY, SlotCondition.READY, SlotCondition.EMPTY)
    refused = pages.phone.post("/drink", item=pages.drinks.tea)
    assert refused.status_code == 422
    assert "has just gone" in refused.text
    assert "Water" in refused.text
    assert pages.phone.post("/drink", item="nonsense").status_code == 422


def test_a_machine_that_is_away_offers_nothing_and_says_so(pages: Pages) -> None:
    pages.drinks.passes()
    pages.drinks.machine_says(SlotCondition.READY, online=False)
    assert "Nothing to choose from" in pages.phone.page("/drink")


def test_no_thanks_makes_the_page_quiet(pages: Pages) -> None:
    pages.drinks.passes()
    pages.phone.post("/drink", no="1")
    page = pages.phone.page()
    assert "No, thanks" not in page
    assert "See what there is" in page


def test_the_machines_poster_gives_out_what_was_chosen_on_the_way(pages: Pages) -> None:
    assert "Not yet" in pages.scan()
    pages.drinks.passes()
    order = pages.drinks.choose()
    assert "Give it out now" in pages.scan()
    assert pages.at_poster().status_code == 303
    assert pages.drinks.order(order.id).state is OrderState.DISPENSING
    assert not pages.drinks.counts(order.credential)
    assert "on its way" in pages.scan()


def test_while_the_machines_gate_is_away_the_poster_sends_to_its_reader(pages: Pages) -> None:
    drinks = pages.drinks
    drinks.passes()
    drinks.gate_is(online=False)
    # Chosen here and now: no phone has shown a voucher of it.
    assert pages.at_poster(item=drinks.tea).status_code == 303
    order = drinks.standing().order
    assert order is not None
    drinks.machine_tells(ControllerEventKind.JAMMED, order.event)
    drinks.later(minutes=6)
    shown = drinks.choose()
    page = pages.scan()
    assert "Please hold your code before the machine" in page
    assert "Give it out now" not in page
    refused = pages.at_poster()
    assert refused.status_code == 409
    assert "Please hold your code before the machine" in refused.text
    assert drinks.counts(shown.credential)


def test_the_machines_poster_sells_nothing_to_strangers(pages: Pages) -> None:
    pages.drinks.passes()
    stranger = pages.desk.get(f"/e/{pages.code}", follow_redirects=True).text
    assert "Open the link in your invitation mail" in stranger


def test_one_tap_at_the_poster_orders_and_dispenses(pages: Pages) -> None:
    pages.drinks.passes()
    assert "Caffeine" in pages.scan()
    assert pages.at_poster(item=pages.drinks.tea).status_code == 303
    order = pages.drinks.standing().order
    assert order is not None
    assert order.state is OrderState.DISPENSING


def test_the_panel_counts_and_keeps_what_was_typed_wrongly(pages: Pages) -> None:
    pages.sign_in()
    below = f"/{SITE}/{MACHINE}/3"
    refused = pages.send(below, **{"do": "refill", f"{SITE}-{MACHINE}-3-count": "99"})
    assert refused.status_code == 422
    assert 'value="99"' in refused.text
    assert f'id="{SITE}-{MACHINE}-3-count-error"' in refused.text
    done = pages.send(below, **{"do": "refill", f"{SITE}-{MACHINE}-3-count": "2"})
    assert done.status_code == 303
    assert pages.drinks.stock()[3] == 5
    assert "Refilled: Tea" in pages.panel()


def test_the_panel_takes_settings_items_and_pictures(pages: Pages) -> None:
    pages.sign_in()
    assert pages.send(f"/allowance/{SITE}", **{f"{SITE}-per_visit": "x"}).status_code == 422
    assert pages.send(f"/allowance/{SITE}", **{f"{SITE}-per_visit": "3"}).status_code == 303
    settings = {"machine": f"{SITE}:{MACHINE}", "known": "1"}
    field = f"{SITE}-{MACHINE}-"
    bad = settings | {f"{field}refill_mail": "nobody", f"{field}low_stock": "1"}
    assert f'id="{field}refill_mail-error"' in pages.send("/machines", **bad).text
    named = {"site": SITE, "name": "Juice", "note": "Apple", "name-ja": "りんごジュース"}
    named["do"] = "save"
    upload = named | {"picture": (io.BytesIO(b"<svg/>"), "juice.png")}
    refused = pages.send("/items", **upload)
    assert refused.status_code == 422
    assert 'id="picture-error"' in refused.text
    upload = named | {"picture": (io.BytesIO(png()), "juice.png")}
    assert pages.send("/items", **upload).status_code == 303
    assert "Juice" in pages.panel()
    assert pages.desk.get("/panel/drinks/now").status_code == 200


def test_a_picture_is_written_anew_without_what_else_was_in_the_file() -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera that tells"
    written = io.BytesIO()
    Image.new("RGB", (2000, 1000), "red").save(written, "JPEG", exif=exif)
    with Image.open(io.BytesIO(pictures.rewritten(written.getvalue()))) as found:
        assert found.format == "WEBP"
        assert found.size == (480, 240)
        assert not found.getexif()


@pytest.mark.parametrize("body", [b"", b"<svg xmlns='x'/>", b"GIF89a" + bytes(40), png()[:60]])
def test_what_is_no_picture_is_refused(body: bytes) -> None:
    with pytest.raises(pictures.NotAPicture):
        pictures.rewritten(body)


def test_the_api_refills_counts_and_tells_what_was_taken(reception: Reception) -> None:
    drinks, api = Drinks(reception), Api(reception)
    drinks.passes()
    event = drinks.reader_takes(drinks.choose(drinks.tea).credential)
    drinks.machine_tells(ControllerEventKind.DISPENSED, event)
    (machine,) = api.read("/refreshments/machines")["items"]
    assert [each["stock"] for each in machine["slots"]] == [3, 3, 2]
    slot = f"/refreshments/machines/{SITE}/{MACHINE}/slots/3"
    refilled = api.ask("security", "POST", f"{slot}/refill", {"count": 4})
    assert body_of(refilled)["stock"] == 6
    too_many = api.ask("security", "POST", f"{slot}/refill", {"count": 4})
    assert [each["field"] for each in body_of(too_many)["errors"]] == ["count"]
    assert api.ask("host", "GET", "/refreshments/machines").status_code == 403
    (taken,) = api.read(f"/refreshments/consumption/{SITE}")["items"]
    assert (taken["item"], taken["count"]) == (drinks.tea, 1)
    moved = api.read(f"/refreshments/movements?site={SITE}")["items"]
    assert [each["kind"] for each in moved[:2]] == ["refill", "dispensed"]
    with reception.work("admin") as work:
        assert actions.find_machine(work, SITE, MACHINE).low_stock == 1


def test_the_timeline_tells_of_drinks_at_the_seconds_of_the_ledger(pages: Pages) -> None:
    drinks = pages.drinks
    drinks.passes()
    drinks.clock.advance(timedelta(seconds=12))
    stuck = drinks.choose(drinks.tea)
    drinks.machine_tells(ControllerEventKind.JAMMED, drinks.reader_takes(stuck.credential))
    drinks.clock.advance(timedelta(seconds=31))
    order = drinks.choose()
    event = drinks.reader_takes(order.credential)
    drinks.clock.advance(timedelta(seconds=7))
    dropped = drinks.clock.now()
    outcome = OutcomeEntry(at=dropped, event=event, access_point=READER, outcome=Outcome.DISPENSED)
    # The gate was away and tells of it an hour later: the drink was had when it dropped.
    drinks.clock.advance(timedelta(hours=1))
    drinks.journal(GATE, outcome)
    with pages.app.test_request_context(), drinks.office.reading(SYSTEM) as work:
        guests = [work.session.get_one(Visitor, drinks.guest)]
        told = Told(work, work.session.get_one(Visit, drinks.visit.id), guests, to_visitor=True)
        found = list(timeline.drinks(told))
    assert [(each.state.word, each.detail) for each in found] == [
        ("A drink was offered", "Drinks"),
        ("Drink chosen", "Tea · Drinks"),
        ("No drink came: it got stuck", "Tea · Drinks"),
        ("Drink chosen", "Water · Drinks"),
        ("Drink given out", "Water · Drinks"),
    ]
    assert found[-1].at == dropped
    page = pages.phone.page("/timeline")
    assert f'datetime="{dropped.isoformat().replace("+00:00", "Z")}"' in page
