"""Devices, credentials, the ledger and doors over HTTP: who may do what, what is refused and why, on both databases."""

from datetime import timedelta

import msgspec
import pytest
from pydantic import SecretStr
from sqlmodel import Session, select

from access_protocol.codec import decode
from access_protocol.enrolment import EnrolmentAnswer, Ticket, identity, open_answer
from server.kernel.principal import Right
from server.people import actions as people
from server.people.actions import NewPerson, NewToken
from server.people.rules import Role
from server.visits.models import Visitor
from tests.fakes.api import DEVICE, NOBODY, PUBLIC_KEY, TLS_KEY, Api, asked, body_of
from tests.fakes.application import application
from tests.fakes.client import Client
from tests.fakes.reception import SYSTEM

PASSWORD = "correct horse battery"
WRONG_CODE = "AAAA-AAAA-AAAA-AAAA"
ASKED: dict[str, object] = msgspec.to_builtins(asked(WRONG_CODE))
URL = "http://localhost:8080"
UNKNOWN = "0" * 32


@pytest.fixture(scope="module")
def browser(api: Api) -> Client:
    """A browser in which an administrator has signed in."""
    with api.reception.office.begin(SYSTEM) as work:
        desk = NewPerson(
            email="desk@genkan.example",
            name="Desk",
            roles=[Role.ADMINISTRATOR],
            password=SecretStr(PASSWORD),
        )
        people.create_person(work, desk)
    office = api.reception.office
    return Client(application(office), PASSWORD).sign_in("desk")


READERS = {"security", "admin"}
ADMINISTRATORS = {"admin"}
EVERYBODY = {"host", "security", "admin"}
ALLOWED = [
    ("GET", "/devices", READERS),
    ("GET", "/devices/gate-8", READERS),
    ("GET", "/devices/gate-8/events", READERS),
    ("POST", "/devices", ADMINISTRATORS),
    ("PATCH", "/devices/gate-8", ADMINISTRATORS),
    ("POST", "/devices/gate-8/enrolment-code", ADMINISTRATORS),
    ("DELETE", "/devices/gate-8", ADMINISTRATORS),
    ("POST", "/visitors/{guest}/credential", READERS),
    ("DELETE", "/visitors/{guest}/credential", READERS),
    ("GET", "/sites/TYO/issuer-keys", EVERYBODY),
    ("POST", "/sites/TYO/issuer-keys", ADMINISTRATORS),
    ("GET", "/access/events", READERS),
    ("GET", "/access/occupancy", READERS),
    ("GET", "/access/alarms", READERS),
    ("GET", "/doors", READERS),
    ("GET", "/doors/commands/{command}", READERS),
    ("POST", "/sites/TYO/doors/main-gate/open", READERS),
]
BODIES: dict[tuple[str, str], object] = {
    ("POST", "/devices"): {**DEVICE, "id": "gate-7"},
    ("PATCH", "/devices/gate-8"): {"name": "Another"},
    ("POST", "/sites/TYO/doors/main-gate/open"): {"reason": "Delivery"},
}


@pytest.fixture(scope="module")
def there(api: Api) -> dict[str, str]:
    """What the paths of the table name: a gate, a visitor of the other host, a command."""
    api.ask("admin", "POST", "/devices", {**DEVICE, "id": "gate-8"})
    visit = api.reception.invite(by="other")
    with Session(api.reception.office.engine) as session:
        guest = session.exec(select(Visitor).where(Visitor.visit == visit.id)).one()
    wish = {"reason": "Delivery"}
    command = api.ask("security", "POST", "/sites/TYO/doors/main-gate/open", wish)
    return {"guest": guest.id, "command": str(body_of(command)["event"])}


@pytest.mark.parametrize(("method", "path", "who"), ALLOWED)
def test_each_role_may_what_its_rights_say_and_nobody_else_anything(
    api: Api, there: dict[str, str], method: str, path: str, who: set[str]
) -> None:
    body = BODIES.get((method, path))
    path = path.format(**there)
    anonymous = api.ask(NOBODY, method, path, body)
    assert anonymous.status_code == 401
    assert anonymous.mimetype == "application/problem+json"
    for each in sorted(EVERYBODY - who):
        assert api.ask(each, method, path, body).status_code == 403
    first, *others = sorted(who)
    assert api.ask(first, method, path, body).status_code in {200, 201, 202, 204}
    for each in others:
        # What the first one did may leave nothing to do; it is not the right that is missing.
        assert api.ask(each, method, path, body).status_code in {200, 201, 202, 204, 404}


@pytest.mark.parametrize(
    ("path", "scope", "other"),
    [
        ("/devices", Right.DEVICES_READ, Right.ACCESS_READ),
        ("/access/events", Right.ACCESS_READ, Right.DEVICES_READ),
        ("/doors", Right.ACCESS_READ, Right.DOORS_COMMAND),
        ("/sites/TYO/issuer-keys", Right.PLACES_READ, Right.KEYS_MANAGE),
    ],
)
def test_a_token_may_only_what_its_scopes_name(
    api: Api, path: str, scope: Right, other: Right
) -> None:
    admin = api.reception.as_("admin")
    for held, status in ((scope, 200), (other, 403)):
        with api.reception.office.begin(admin) as work:
            secret = people.create_token(work, NewToken(name="one scope", scopes=[held]))[1]
        answer = api.http.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == status, answer.text
    assert scope in body_of(answer)["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/devices", {**DEVICE, "id": "Gate 9"}, "id"),
        ("POST", "/devices", {**DEVICE, "id": "g" * 33}, "id"),
        ("POST", "/devices", {**DEVICE, "id": "ab"}, "id"),
        ("POST", "/devices", {**DEVICE, "site": "tyo"}, "site"),
        ("POST", "/devices", {**DEVICE, "site": "ZZZ"}, "site"),
        ("POST", "/devices", {**DEVICE, "kind": "server"}, "kind"),
        ("POST", "/devices", {**DEVICE, "kind": "toaster"}, "kind"),
        ("POST", "/devices", {**DEVICE, "name": ""}, "name"),
        ("POST", "/devices", {**DEVICE, "name": "n" * 101}, "name"),
        ("POST", "/devices", {**DEVICE, "colour": "red"}, "colour"),
        ("PATCH", "/devices/gate-9", {"name": "two\nlines"}, "name"),
        ("GET", "/devices/A", None, "device"),
        ("GET", "/devices?kind=toaster", None, "kind"),
        ("GET", "/devices?site=tokyo", None, "site"),
        ("GET", "/devices?limit=0", None, "limit"),
        ("GET", "/access/events?portal=Main+gate", None, "portal"),
        ("GET", "/access/events?reason=bad_mood", None, "reason"),
        ("GET", "/access/events?granted=perhaps", None, "granted"),
        ("GET", "/access/events?credential=12", None, "credential"),
        ("GET", "/access/events?since=yesterday", None, "since"),
        ("GET", "/access/events?until=2026-04-01T10:00:00", None, "until"),
        ("GET", "/access/events?limit=100000", None, "limit"),
        ("GET", "/access/events?cursor=forged", None, "cursor"),
        ("GET", "/access/occupancy?site=T0", None, "site"),
        ("GET", "/doors?site=TOKYO", None, "site"),
        ("GET", "/doors/commands/1", None, "event"),
        ("POST", "/sites/TYO/doors/main-gate/open", {}, "reason"),
        ("POST", "/sites/TYO/doors/main-gate/open", {"reason": ""}, "reason"),
        ("POST", "/sites/TYO/doors/main-gate/open", {"reason": "r" * 501}, "reason"),
        (
            "POST",
            "/sites/TYO/doors/main-gate/open",
            {"reason": "Delivery", "access_point": "No"},
            "access_point",
        ),
        ("POST", "/devices/enrolments", {**ASKED, "code": "short"}, "code"),
        ("POST", "/devices/enrolments", {**ASKED, "code": WRONG_CODE}, "code"),
        ("POST", "/devices/enrolments", {**ASKED, "public_key": "AA=="}, "public_key"),
        ("POST", "/devices/enrolments", {**ASKED, "public_key": "A"}, "public_key"),
        ("POST", "/devices/enrolments", {**ASKED, "csr": "Ag=="}, "code"),
        ("POST", "/devices/enrolments", {**ASKED, "csr": ""}, "csr"),
        ("POST", "/devices/enrolments", {**ASKED, "proof": "AA=="}, "proof"),
        ("GET", "/visitors/1/credential", None, "visitor"),
        ("GET", "/sites/tyo/issuer-keys", None, "site"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_the_name_of_its_field(
    api: Api, method: str, path: str, body: object, field: str
) -> None:
    refused = api.ask("admin", method, path, body)
    assert refused.status_code == 422, refused.text
    assert refused.mimetype == "application/problem+json"
    (wrong,) = body_of(refused)["errors"]
    assert wrong["field"] == field
    assert wrong["why"]


def test_a_device_enrols_once_with_its_code_and_is_shown_without_secrets(api: Api) -> None:
    code = api.code("gate-20")
    taken = api.enrol(code)
    assert taken.status_code == 201
    told = open_answer(decode(EnrolmentAnswer, taken.data), asked(code), Ticket(URL, code))
    assert (told.device, told.site, told.kind) == ("gate-20", "TYO", "gate")
    assert identity(told, TLS_KEY).name == "gate-20.1"
    shown = api.ask("security", "GET", "/devices/gate-20")
    assert body_of(shown)["enrolled"] is True
    for secret in (code, PUBLIC_KEY):
        assert secret not in shown.text
        assert secret not in taken.text
    again = api.enrol(code)
    assert again.status_code == 422
    assert body_of(again)["errors"][0]["field"] == "code"


def test_an_expired_code_lets_nobody_in(api: Api) -> None:
    code = api.code("gate-21")
    api.reception.clock.advance(timedelta(minutes=16))
    refused = api.enrol(code)
    assert refused.status_code == 422
    assert body_of(refused)["errors"][0]["field"] == "code"
    assert api.read("/devices/gate-21")["enrolled"] is False


def test_guessing_codes_is_slowed_down_for_its_address_only(api: Api) -> None:
    code = api.code("gate-22")
    guesses = [api.enrol(WRONG_CODE, "198.51.100.7") for _ in range(60)]
    statuses = [guess.status_code for guess in guesses]
    assert statuses[0] == 422
    assert statuses[-1] == 429
    assert int(guesses[-1].headers["Retry-After"]) > 0
    # The right code does not help the guesser either, and no other address suffers.
    assert api.enrol(code, "198.51.100.7").status_code == 429
    assert api.enrol(code, "198.51.100.8").status_code == 201


def test_a_revoked_device_is_gone_and_so_is_its_code(api: Api) -> None:
    code = api.code("gate-23")
    assert api.ask("admin", "DELETE", "/devices/gate-23").status_code == 204
    listed = {each["id"] for each in api.read("/devices?limit=100")["items"]}
    assert "gate-23" not in listed
    assert api.enrol(code).status_code == 422


def test_opening_a_door_is_a_command_whose_state_is_told(api: Api) -> None:
    wish = {"reason": "A delivery"}
    asked = api.ask("security", "POST", "/sites/TYO/doors/main-gate/open", wish)
    assert asked.status_code == 202
    command = body_of(asked)
    assert command["reason"] == "A delivery"
    assert body_of(api.ask("admin", "GET", f"/doors/commands/{command['event']}")) == command
    (door,) = (each for each in api.read("/doors")["items"] if each["portal"] == "main-gate")
    assert door["last_command"] == command
    # No controller spoke: what was asked is not what is.
    assert door["state"] is None


def test_a_wish_without_the_right_is_refused_and_stays_in_the_ledger(api: Api) -> None:
    refused = api.ask("host", "POST", "/sites/TYO/doors/main-gate/open", {"reason": "Let me in"})
    assert refused.status_code == 403
    assert Right.DOORS_COMMAND in body_of(refused)["detail"]
    newest = api.read("/access/events?reason=not_permitted")["items"]
    assert [each["gate"] for each in newest[:1]] == ["server"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/devices", DEVICE),
        ("PATCH", "/devices/gate-9", {"name": "Another"}),
        ("DELETE", "/devices/gate-9", None),
        ("POST", "/devices/gate-9/enrolment-code", None),
        ("POST", f"/visitors/{UNKNOWN}/credential", None),
        ("DELETE", f"/visitors/{UNKNOWN}/credential", None),
        ("POST", "/sites/TYO/issuer-keys", None),
        ("POST", "/sites/TYO/doors/main-gate/open", {"reason": "Delivery"}),
    ],
)
def test_a_browsers_cookie_alone_changes_nothing(
    browser: Client, method: str, path: str, body: object
) -> None:
    bare = browser.http.open(f"/api/v1{path}", method=method, json=body)
    guessed = browser.http.open(
        f"/api/v1{path}", method=method, json=body, headers={"X-CSRF-Token": "guessed"}
    )
    assert (bare.status_code, guessed.status_code) == (403, 403)
    assert "X-CSRF-Token" in body_of(bare)["detail"]
    # Reading needs no token, and with it the change is taken, or fails by its own merits.
    assert browser.http.get("/api/v1/devices").status_code == 200
    assert browser.call(method, path, body).status_code in {200, 201, 202, 204, 404}
