"""The posted QR on a phone's browser: what opens the door, what is refused, and who is asked, with their pages open."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Geolocation, Page, expect
from sqlmodel import Session, col, select

from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.events import ControllerEvent, ControllerEventKind
from access_protocol.ids import AccessPointId, DeviceId
from access_protocol.topics import Subject
from access_protocol.transport.memory import MemoryBroker
from demo.chromium import DESKTOP, PHONE
from server.access.actions import entrance_codes_ahead
from server.access.models import AccessEvent, CommandState, DoorCommand
from server.arrivals import actions as arrivals
from server.arrivals.actions import FenceInput, NewPoster
from server.arrivals.models import CheckIn, Poster
from server.devices.actions import public_keys
from server.devices.models import KeyPurpose
from server.kernel.principal import Principal
from server.places.models import AccessPoint
from server.visits.models import Visit, Visitor, VisitState
from tests.browser.conftest import OpenContext, sign_in
from tests.fakes.arriving import CENTRE, LATITUDE, LONGITUDE
from tests.fakes.panel_site import SITE
from tests.fakes.pass_scene import PassSite, serving
from tests.fakes.worker import FakeController, FakeWorker

pytestmark = pytest.mark.browser

ENTRANCE = AccessPointId("main-gate-in")
TURNSTILE = DeviceId("turnstile-1")
BOOT = "00000000-0000-4000-8000-000000000001"
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
SYSTEM = Principal.system()
SOON = 20_000
HERE: Geolocation = {"latitude": LATITUDE, "longitude": LONGITUDE, "accuracy": 10}
THIRTY_KM_AWAY: Geolocation = {"latitude": LATITUDE - 0.27, "longitude": LONGITUDE, "accuracy": 10}


class Entrance:
    """The main gate of a served site with its poster and its controller, which does something when the test says so."""

    def __init__(self, scene: PassSite) -> None:
        self.scene, self.office = scene, scene.site.office
        broker = MemoryBroker()
        self.worker = FakeWorker(self.office, broker)
        with self.office.begin(SYSTEM) as work:
            (key,) = public_keys(work, SITE, KeyPurpose.COMMAND)
            circles = {
                "near": CENTRE | {"radius_m": 150},
                "approaching": CENTRE | {"radius_m": 1500},
            }
            arrivals.put_fence(work, SITE, FenceInput.model_validate(circles))
            self.poster = arrivals.put_up_poster(work, SITE, NewPoster(portal="main-gate"))
        self.url = f"{scene.url}/e/{self.poster.code}"
        self.controller = FakeController(broker, TURNSTILE, key)
        self.controller.is_here()
        self._told = 0

    def asks_for(self, *ways: list[str]) -> None:
        with self.office.begin(SYSTEM) as work:
            work.session.get_one(AccessPoint, (SITE, ENTRANCE)).presence_ways = list(ways)

    def digits(self) -> str:
        with self.office.reading(SYSTEM) as work:
            return entrance_codes_ahead(work, SITE, ENTRANCE, 1)[0].digits

    def command(self) -> DoorCommand:
        """The newest one."""
        with Session(self.office.engine, expire_on_commit=False) as session:
            newest = select(DoorCommand).order_by(col(DoorCommand.asked_at).desc())
            return session.exec(newest).first() or pytest.fail("nobody asked for the door")

    def obeys(self) -> None:
        """The controller takes the command, which does not say yet that anything moved."""
        self.worker.send()
        assert self.command().state is CommandState.DONE

    def unlocks(self) -> None:
        self._told += 1
        report = ControllerEvent(
            boot=BOOT,
            sequence=self._told,
            uptime_ms=self._told,
            what=ControllerEventKind.UNLOCKED,
            event=self.command().event,
        )
        self.controller.say(Subject.EVENT, report)

    def opens_for(self, page: Page) -> None:
        """The page of whoever pressed the button says open when the controller does, and not before."""
        expect(page.get_by_role("heading", name="One moment")).to_be_visible()
        self.obeys()
        with page.expect_response(lambda answer: answer.url.partition("?")[0].endswith("/state")):
            pass
        expect(page.get_by_role("heading", name="One moment")).to_be_visible()
        self.unlocks()
        expect(page.get_by_role("heading", name="The door is open")).to_be_visible(timeout=SOON)

    def arrived(self, visitor: Visitor) -> list[CheckIn]:
        with Session(self.office.engine, expire_on_commit=False) as session:
            return list(session.exec(select(CheckIn).where(CheckIn.visitor == visitor.id)).all())


@pytest.fixture(scope="module")
def entrance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entrance]:
    with serving(tmp_path_factory.mktemp("posted")) as scene:
        yield Entrance(scene)


@pytest.fixture
def visitor(entrance: Entrance) -> Visitor:
    return entrance.scene.expect()[1]


def phone(open_context: OpenContext, **options: object) -> Page:
    usual = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "locale": "en"}
    return open_context(**(usual | options)).new_page()


def invited(
    open_context: OpenContext, entrance: Entrance, visitor: Visitor, **options: object
) -> Page:
    """A phone on which the invitation was opened."""
    page = phone(open_context, **options)
    page.goto(entrance.scene.link(visitor))
    page.get_by_role("button", name="open my invitation").click()
    expect(page.locator("#visit")).to_be_visible()
    return page


def with_pass(
    open_context: OpenContext, entrance: Entrance, visitor: Visitor, **options: object
) -> Page:
    """A phone that keeps a key, to which the pass is bound."""
    page = invited(open_context, entrance, visitor, **options)
    page.get_by_role("link", name="Show my pass").click()
    expect(page.locator("#pass")).to_have_attribute("data-mode", "bound", timeout=SOON)
    return page


def presses(page: Page) -> None:
    page.get_by_role("button", name="Open the door").click()


def is_accessible(page: Page) -> None:
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []


def test_typed_digits_open_the_door_and_the_page_says_so_only_when_the_controller_did(
    open_context: OpenContext, entrance: Entrance, visitor: Visitor
) -> None:
    entrance.asks_for(["code"])
    page = invited(open_context, entrance, visitor)
    page.goto(entrance.url)
    is_accessible(page)
    page.get_by_label("The eight digits").fill(entrance.digits())
    presses(page)
    entrance.opens_for(page)
    is_accessible(page)
    (arrived,) = entrance.arrived(visitor)
    assert (arrived.access_point, arrived.event) == (ENTRANCE, entrance.command().event)


def test_a_scanned_code_and_the_phones_own_key_open_the_door_and_the_ledger_says_bound(
    open_context: OpenContext, entrance: Entrance, visitor: Visitor
) -> None:
    entrance.asks_for(["key", "code"])
    page = with_pass(open_context, entrance, visitor)
    page.goto(f"{entrance.url}?c={entrance.digits()}")
    assert page.url == entrance.url
    expect(page.get_by_text("Code at the entrance: scanned")).to_be_visible()
    presses(page)
    entrance.opens_for(page)
    with Session(entrance.office.engine) as session:
        wanted = select(AccessEvent).where(AccessEvent.event == entrance.command().event)
        classes = {each.credential_class for each in session.exec(wanted).all()}
    assert CredentialClass.BOUND in classes


def test_without_the_phones_key_the_way_to_it_is_shown_where_it_is_asked_for(
    open_context: OpenContext, entrance: Entrance, visitor: Visitor
) -> None:
    entrance.asks_for(["key", "code"])
    page = invited(open_context, entrance, visitor)
    page.goto(entrance.url)
    expect(page.get_by_role("link", name="Set up the pass")).to_be_visible()
    expect(page.get_by_role("button", name="Open the door")).to_have_count(0)


@pytest.mark.parametrize(
    "place",
    [pytest.param(THIRTY_KM_AWAY, id="30 km away"), pytest.param(HERE, id="a faked position")],
)
def test_a_photographed_poster_opens_nothing_without_the_changing_code_and_says_what_to_do(
    open_context: OpenContext, entrance: Entrance, visitor: Visitor, place: Geolocation
) -> None:
    entrance.asks_for(["position", "code"])
    page = invited(open_context, entrance, visitor, permissions=["geolocation"], geolocation=place)
    page.goto(entrance.url)
    # The page wants digits; whoever cheats takes that away.
    page.evaluate("document.getElementById('digits').remove()")
    presses(page)
    expect(page.get_by_role("heading", name="The door did not open")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("We could not see that you stand at the entrance")).to_be_visible()
    expect(page.get_by_text("scan the code on the screen there")).to_be_visible()
    expect(page.get_by_role("link", name="Try again")).to_be_visible()
    assert entrance.command().denied is DenyReason.PRESENCE_MISSING
    assert not entrance.arrived(visitor)
    is_accessible(page)


def test_guessed_digits_are_refused_beside_the_field(
    open_context: OpenContext, entrance: Entrance, visitor: Visitor
) -> None:
    entrance.asks_for(["code"])
    page = invited(open_context, entrance, visitor)
    page.goto(entrance.url)
    page.get_by_label("The eight digits").fill("00000000")
    presses(page)
    expect(page.get_by_text("These are not the digits on the screen now")).to_be_visible()
    is_accessible(page)


def test_a_position_and_the_code_together_open_the_door(
    open_context: OpenContext, entrance: Entrance, visitor: Visitor
) -> None:
    entrance.asks_for(["position", "code"])
    page = invited(open_context, entrance, visitor, permissions=["geolocation"], geolocation=HERE)
    page.goto(f"{entrance.url}?c={entrance.digits()}")
    presses(page)
    entrance.opens_for(page)


@pytest.mark.parametrize(
    ("who", "path", "button"),
    [
        ("host", "/host/approvals", "Open the entrance"),
        ("security", "/panel/walk-ins", "Let in"),
    ],
)
def test_a_yes_opens_the_door_with_both_pages_open(
    open_context: OpenContext,
    entrance: Entrance,
    visitor: Visitor,
    who: str,
    path: str,
    button: str,
) -> None:
    entrance.asks_for(["approval"])
    page = invited(open_context, entrance, visitor)
    desk = open_context(viewport=DESKTOP, locale="en").new_page()
    sign_in(desk, entrance.scene.url, who)
    page.goto(entrance.url)
    page.get_by_role("button", name="to let you in").click()
    expect(page.get_by_text("We are asking")).to_be_visible()

    desk.goto(entrance.scene.url + path)
    line = desk.locator("li, article, .card").filter(has_text=visitor.name).last
    line.get_by_role("button", name=button).click()

    expect(page.get_by_text("You may come in")).to_be_visible(timeout=SOON)
    presses(page)
    entrance.opens_for(page)


def test_a_walk_in_is_let_in_with_both_pages_open_until_the_door(
    open_context: OpenContext, entrance: Entrance
) -> None:
    entrance.asks_for(["code"])
    page = phone(open_context)
    desk = open_context(viewport=DESKTOP, locale="en").new_page()
    sign_in(desk, entrance.scene.url, "security")
    page.goto(entrance.url)
    is_accessible(page)
    page.get_by_role("link", name="I have no invitation").click()
    is_accessible(page)
    page.get_by_label("Your name").fill("Mei Lin")
    page.get_by_label("Whom do you want to see?").fill("Sato Misaki")
    page.locator("#purpose").fill("A parcel")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", name="Please wait here")).to_be_visible()
    is_accessible(page)

    desk.goto(f"{entrance.scene.url}/panel/walk-ins")
    is_accessible(desk)
    line = desk.locator("li, article, .card").filter(has_text="Mei Lin").last
    line.get_by_role("button", name="Let in").click()

    expect(page.get_by_role("heading", name="You are welcome")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Go on").click()
    page.goto(f"{entrance.url}?c={entrance.digits()}")
    presses(page)
    entrance.opens_for(page)


def test_of_two_visits_the_visitor_chooses_one(
    open_context: OpenContext, entrance: Entrance, visitor: Visitor
) -> None:
    entrance.asks_for(["code"])
    page = invited(open_context, entrance, visitor)
    _, second = entrance.scene.expect()
    page.goto(entrance.scene.link(second))
    page.get_by_role("button", name="open my invitation").click()
    expect(page.locator("#visit")).to_be_visible()
    page.goto(entrance.url)
    expect(page.get_by_role("heading", name="Which visit?")).to_be_visible()
    is_accessible(page)
    page.locator("main ul a").last.click()
    expect(page.get_by_role("button", name="Open the door")).to_be_visible()


@pytest.mark.parametrize(
    ("starts_in", "state", "heading"),
    [
        pytest.param(timedelta(hours=5), VisitState.CONFIRMED, "You are early", id="early"),
        pytest.param(timedelta(hours=-3), VisitState.CONFIRMED, "Thank you for your", id="over"),
        pytest.param(timedelta(), VisitState.CANCELLED, "was cancelled", id="cancelled"),
    ],
)
def test_outside_its_time_a_visit_opens_nothing_and_the_page_says_why(
    open_context: OpenContext,
    entrance: Entrance,
    visitor: Visitor,
    starts_in: timedelta,
    state: VisitState,
    heading: str,
) -> None:
    page = invited(open_context, entrance, visitor)
    with entrance.office.begin(SYSTEM) as work:
        visit = work.session.get_one(Visit, visitor.visit)
        visit.starts_at += starts_in
        visit.ends_at += starts_in
        visit.state = state
        work.session.add(visit)
    page.goto(entrance.url)
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.get_by_role("button", name="Open the door")).to_have_count(0)
    expect(page.get_by_role("link", name="Your visit page")).to_be_visible()
    is_accessible(page)


@pytest.mark.parametrize(
    ("code", "status", "heading"),
    [("222222", 404, "There is no such poster"), ("<b>x", 404, "There is no such poster")],
)
def test_a_wrong_code_is_met_kindly(
    open_context: OpenContext, entrance: Entrance, code: str, status: int, heading: str
) -> None:
    page = phone(open_context)
    answer = page.goto(f"{entrance.scene.url}/e/{code}")
    assert answer is not None
    assert answer.status == status
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    is_accessible(page)


def test_an_old_poster_is_met_kindly(open_context: OpenContext, entrance: Entrance) -> None:
    with entrance.office.begin(SYSTEM) as work:
        hung = arrivals.put_up_poster(work, SITE, NewPoster(portal="sakura-door"))
        arrivals.take_down_poster(work, hung.id)
        gone = work.session.get_one(Poster, hung.id).code
    page = phone(open_context)
    page.goto(f"{entrance.scene.url}/e/{gone}")
    expect(page.get_by_role("heading", name="This poster is old")).to_be_visible()
    is_accessible(page)
