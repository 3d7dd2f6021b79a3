"""Devices, credentials, the ledger and doors over HTTP: who may do what, what is refused and why, on both databases."""

import base64
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlmodel import Session, select
from werkzeug.test import TestResponse

from access_protocol.decision import DenyReason
from access_protocol.events import (
    FIRST_HASH,
    DecisionEntry,
    JournalBatch,
    JournalEntry,
    Outcome,
    OutcomeEntry,
    body_text,
    chained,
)
from access_protocol.ids import DeviceId
from access_protocol.keys import SigningKey
from server.access import ledger
from server.access.ledger import Source
from server.app import create_app
from server.kernel.principal import Right
from server.people import actions as people
from server.people.actions import NewPerson, NewToken
from server.people.rules import Role
from server.visits.models import Visitor
from tests.fakes.client import Client
from tests.fakes.reception import SITE, SYSTEM, Reception, open_reception

GATE = DeviceId("gate-1")
NOBODY = "nobody"
PASSWORD = "correct horse battery"
PUBLIC_KEY = base64.b64encode(SigningKey(b"d" * 32).public).decode()
WRONG_CODE = "AAAA-AAAA-AAAA-AAAA"
UNKNOWN = "0" * 32
DEVICE = {"id": "gate-9", "site": "TYO", "kind": "gate", "name": "North entrance"}


class Api:
    """The API as one client after the other sees it."""

    def __init__(self, reception: Reception) -> None:
        self.reception = reception
        self.http: FlaskClient = create_app(
            reception.office.settings, reception.office
        ).test_client()
        self._tokens: dict[str, str] = {}

    def ask(
        self, who: str, method: str, path: str, body: object = None, address: str = "192.0.2.1"
    ) -> TestResponse:
        """Send one request as host, security, admin or nobody."""
        headers: dict[str, str] = {}
        if who != NOBODY:
            token = self._tokens.get(who) or self.reception.token_of(who)
            self._tokens[who] = token
            headers["Authorization"] = f"Bearer {token}"
        return self.http.open(
            f"/api/v1{path}",
            method=method,
            json=body,
            headers=headers,
            environ_overrides={"REMOTE_ADDR": address},
        )

    def read(self, path: str, who: str = "security") -> dict[str, Any]:
        """What a view shows."""
        answer = self.ask(who, "GET", path)
        assert answer.status_code == 200, answer.text
        return body_of(answer)

    def code(self, device: str) -> str:
        """Register a device and make it a code, over HTTP."""
        new = {**DEVICE, "id": device}
        assert self.ask("admin", "POST", "/devices", new).status_code == 201
        made = self.ask("admin", "POST", f"/devices/{device}/enrolment-code")
        assert made.status_code == 201
        return str(body_of(made)["code"])

    def enrol(self, code: str, address: str = "192.0.2.1", key: str = PUBLIC_KEY) -> TestResponse:
        """What a new device sends."""
        return self.ask(
            NOBODY, "POST", "/devices/enrolments", {"code": code, "public_key": key}, address
        )


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One site for all of this page; each test uses devices and credentials of its own."""
    folder = tmp_path_factory.mktemp("api")
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_template").copy()
    else:
        url = request.getfixturevalue("sqlite_template").copy(folder / "genkan.sqlite3")
    found = open_reception(url, folder)
    with closing(found.office):
        yield Api(found)


@pytest.fixture(scope="module")
def guest(api: Api) -> Visitor:
    """A visitor with a credential."""
    visit = api.reception.invite()
    with Session(api.reception.office.engine) as session:
        return session.exec(select(Visitor).where(Visitor.visit == visit.id)).one()


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
    return Client(create_app(office.settings, office), PASSWORD).sign_in("desk")


def body_of(answer: TestResponse) -> dict[str, Any]:
    return cast("dict[str, Any]", answer.get_json(force=True))


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
        (
            "POST",
            "/devices/enrolments",
            {"code": "short", "public_key": PUBLIC_KEY},
            "code",
        ),
        ("POST", "/devices/enrolments", {"code": WRONG_CODE, "public_key": "AA=="}, "public_key"),
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
    enrolment = body_of(taken)
    assert (enrolment["device"], enrolment["site"], enrolment["kind"]) == ("gate-20", "TYO", "gate")
    shown = api.ask("security", "GET", "/devices/gate-20")
    assert body_of(shown)["enrolled"] is True
    for secret in (enrolment["broker_password"], code, PUBLIC_KEY):
        assert secret not in shown.text
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


def test_a_credential_is_shown_to_its_host_and_not_to_another(api: Api, guest: Visitor) -> None:
    path = f"/visitors/{guest.id}/credential"
    assert api.ask("host", "GET", path).status_code == 200
    assert api.ask("other", "GET", path).status_code in {403, 404}
    assert api.ask(NOBODY, "GET", path).status_code == 401
    picture = api.ask("host", "GET", f"{path}.png")
    assert picture.data.startswith(b"\x89PNG")
    assert "no-store" in picture.headers["Cache-Control"]


def test_issuing_again_replaces_a_credential_and_revoking_ends_it(api: Api) -> None:
    visit = api.reception.invite()
    with Session(api.reception.office.engine) as session:
        visitor = session.exec(select(Visitor).where(Visitor.visit == visit.id)).one()
    path = f"/visitors/{visitor.id}/credential"
    before = api.read(path)
    again = api.ask("security", "POST", path)
    assert again.status_code == 201
    assert body_of(again)["generation"] == before["generation"] + 1
    assert body_of(again)["credential"] == before["credential"]
    assert api.ask("security", "DELETE", path).status_code == 204
    assert api.ask("security", "GET", path).status_code == 404


@pytest.mark.usefixtures("guest")
def test_a_rotated_key_stands_first_and_no_private_part_is_shown(api: Api) -> None:
    before = api.read("/sites/TYO/issuer-keys")["items"]
    assert api.ask("admin", "POST", "/sites/TYO/issuer-keys").status_code == 201
    after = api.read("/sites/TYO/issuer-keys")["items"]
    assert [each["number"] for each in after[1:]] == [each["number"] for each in before]
    assert set(after[0]) == {
        "site",
        "number",
        "key_id",
        "public",
        "not_before",
        "not_after",
        "retired_at",
    }


def journalled(api: Api, count: int) -> None:
    """Let the gate report: grants and denials by turns, a minute apart, each grant opened."""
    before, entries = FIRST_HASH, list[JournalEntry]()
    for number in range(count):
        at = api.reception.clock.now() + timedelta(minutes=number)
        event, granted = str(UUID(int=number + 1)), number % 2 == 0
        bodies: list[DecisionEntry | OutcomeEntry] = [
            DecisionEntry(
                at=at,
                event=event,
                access_point="main-gate-in" if number % 4 < 2 else "sakura-in",
                reason=None if granted else DenyReason.EXPIRED,
                credential=f"{number:032x}",
            )
        ]
        if granted:
            point = bodies[0].access_point
            bodies.append(
                OutcomeEntry(at=at, event=event, access_point=point, outcome=Outcome.OPENED)
            )
        for body in bodies:
            text = body_text(body)
            before = chained(before, text)
            sequence = len(entries) + 1
            entries.append(JournalEntry(sequence=sequence, hash=before.hex(), body=text))
    batch = JournalBatch(journal=str(UUID(int=77)), previous="", entries=tuple(entries))
    with api.reception.office.begin(SYSTEM) as work:
        ledger.ingest(work, Source(GATE, SITE), batch)


@pytest.fixture(scope="module")
def events(api: Api) -> list[dict[str, Any]]:
    """Twelve decisions of the gate, and those of operators before, newest first as the API shows them."""
    journalled(api, 12)
    return api.read("/access/events?limit=100")["items"]


def test_events_come_newest_first_with_what_became_of_them(events: list[dict[str, Any]]) -> None:
    assert [each["at"] for each in events] == sorted((each["at"] for each in events), reverse=True)
    reported = [each for each in events if each["gate"] == GATE]
    assert [each["granted"] for each in reported] == [False, True] * 6
    assert all(each["outcomes"] == (["opened"] if each["granted"] else []) for each in reported)


def test_pages_of_events_bring_each_once(api: Api, events: list[dict[str, Any]]) -> None:
    seen: list[str] = []
    cursor = ""
    while True:
        page = api.read(f"/access/events?limit=5{cursor}")
        assert len(page["items"]) <= 5
        seen += [each["id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [each["id"] for each in events]


def test_events_are_filtered_by_what_is_asked(api: Api, events: list[dict[str, Any]]) -> None:
    def ids(query: str) -> list[str]:
        return [each["id"] for each in api.read(f"/access/events?limit=100&{query}")["items"]]

    def those(name: str, value: object) -> list[str]:
        return [each["id"] for each in events if each[name] == value]

    middle = events[5]["at"]
    assert ids("granted=true") == those("granted", value=True)
    assert ids("granted=false") == those("granted", value=False)
    assert ids("reason=expired") == those("reason", "expired")
    assert ids("reason=revoked") == []
    assert ids("portal=sakura-door") == those("portal", "sakura-door")
    assert 0 < len(ids("portal=sakura-door")) < len(events)
    assert ids(f"credential={events[3]['credential']}") == [events[3]["id"]]
    assert ids(f"since={middle}") == [each["id"] for each in events[:6]]
    assert ids(f"until={middle}") == [each["id"] for each in events[6:]]
    assert ids("site=OSA") == []


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
