"""What an open page costs when it fetches what changed: no more questions to the database the more there is to show."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from access_protocol.decision import DenyReason
from access_protocol.events import Contact, Lock, Outcome
from access_protocol.ids import AccessPointId, CredentialId, DeviceId, PortalId, ZoneNumber
from access_protocol.topics import Kind
from server.access import actions as access
from server.app import create_app, create_office
from server.devices import actions as devices
from server.devices.models import Device
from server.kernel.clock import FixedClock
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.kernel.work import Office
from server.places import actions as places
from server.places.rules import PortalKind
from server.visits import actions as visits
from server.web import phone
from tests.fakes.panel_site import GATE, NOON, PASSWORD, SITE, PanelSite, busy_day

SYSTEM = Principal.system()


class Scene:
    """A site with a busy day, and what its office asks the database."""

    def __init__(self, office: Office, clock: FixedClock) -> None:
        self.office, self.clock = office, clock
        self.site = PanelSite(office, clock)
        busy_day(self.site)
        self.app: Flask = create_app(office.settings, office)
        self._asked: list[str] = []
        self._values: dict[str, Any] = {}
        event.listen(
            office.engine,
            "before_cursor_execute",
            self._note,
        )

    def browser(self, who: str) -> FlaskClient:
        """Return a browser in which somebody is signed in."""
        client = self.app.test_client()
        with client.session_transaction() as chosen:
            chosen["language"] = "en"
        said = {"email": f"{who}@genkan.example", "password": PASSWORD}
        assert client.post("/api/v1/session", json=said).status_code < 300
        return client

    def asked_by(self, do: Callable[[], object]) -> list[str]:
        """Return the statements that this asked for, the second time it is done."""
        do()
        self._asked.clear()
        do()
        return list(self._asked)

    def _note(
        self, _connection: object, _cursor: object, statement: str, values: object, *_: object
    ) -> None:
        self._asked.append(statement)
        self._values[statement] = values

    def plan(self, statement: str) -> list[str]:
        """Return how the database finds what a statement asks for that was asked before."""
        connection = self.office.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", self._values[statement])
            return [row[3] for row in cursor.fetchall()]
        finally:
            connection.close()

    def phone(self) -> tuple[FlaskClient, str, CredentialId]:
        """Return the phone of somebody invited, where it fetches the parts of their page, and their credential."""
        _, (guest,) = self.site.invite(("Anna", ""))
        token, secret = self.site.link(guest).removeprefix("/v/"), "A" * 43
        with self.office.begin(Principal.anonymous()) as work:
            visits.bind_phone(work, token, secret, "a phone")
        client = self.app.test_client()
        client.set_cookie(phone.COOKIE, secret)
        return client, f"/v/{token}/parts", CredentialId(guest.credential)

    def more_people(self, count: int) -> None:
        """Let so many more come through the gate."""
        _, guests = self.site.invite(*((f"Guest {number}", "") for number in range(count)))
        for guest in guests:
            credential = CredentialId(guest.credential)
            self.site.presented("main-gate-in", credential, None, Outcome.OPENED, Outcome.PASSED)

    def more_doors(self, count: int) -> None:
        """Put so many more doors with controllers that say where they stand."""
        for number in range(count):
            name, controller = f"door-{number}", f"controller-{number}"
            with self.office.begin(SYSTEM) as work:
                wanted = devices.NewDevice(
                    id=controller, site=SITE, kind=Kind.CONTROLLER, name=controller
                )
                devices.register(work, wanted)
                work.session.get_one(Device, DeviceId(controller)).enrolled_at = work.now
                portal = places.PortalInput(name=name, kind=PortalKind.DOOR)
                places.put_portal(work, SITE, PortalId(name), portal)
                point = places.AccessPointInput(
                    portal=name, zone=ZoneNumber(2), gate=GATE, controller=controller
                )
                places.put_access_point(work, SITE, AccessPointId(f"{name}-in"), point)
            self.site.comes(controller)
            self.site.reports_door(controller, Lock.LOCKED, Contact.CLOSED)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    settings = Settings(demo=True, data_folder=tmp_path, worker_wake="")
    clock = FixedClock(NOON)
    office = create_office(settings, clock)
    yield Scene(office, clock)
    office.close()


def test_more_people_and_more_doors_are_no_more_questions(scene: Scene) -> None:
    guard = scene.browser("security")
    paths = [f"/panel/live/{part}" for part in ("now", "events", "rooms")]

    def asked() -> list[int]:
        return [len(scene.asked_by(partial(guard.get, path))) for path in paths]

    before = asked()
    scene.more_people(5)
    scene.more_doors(3)
    assert asked() == before


def test_administrator_and_guard_get_the_same_part_whatever_else_they_may_do(
    scene: Scene,
) -> None:
    guard, administrator = scene.browser("security"), scene.browser("admin")
    for part in ("now", "events", "rooms"):
        path = f"/panel/live/{part}"
        assert guard.get(path).text == administrator.get(path).text


def test_the_newest_command_at_each_door_is_shown_and_no_older_one(scene: Scene) -> None:
    scene.more_doors(1)
    asked: dict[str, str] = {}
    for portal in ("door-0", "main-gate", "door-0"):
        scene.clock.set(scene.clock.now() + timedelta(minutes=1))
        with scene.office.begin(SYSTEM) as work:
            wish = access.OpenPortal(reason="Delivery")
            asked[portal] = access.open_portal(work, SITE, PortalId(portal), wish).event
    with scene.office.reading(SYSTEM) as work:
        doors = {each.portal.id: each for each in access.list_doors(work)}
    found = {name: door.last_command.event for name, door in doors.items() if door.last_command}
    assert found == asked
    assert [point.id for point in doors[PortalId("door-0")].points] == ["door-0-in"]
    assert doors[PortalId("server-room")].last_command is None


def test_a_visitors_page_reckons_the_meeting_only_once_the_rooms_door_let_them_in(
    scene: Scene,
) -> None:
    client, path, credential = scene.phone()
    headers = {"Accept-Language": "en"}

    def reckoned() -> bool:
        asked = scene.asked_by(lambda: client.get(path, headers=headers))
        return any("devices_door_event" in each for each in asked)

    scene.site.presented("main-gate-in", credential, None, Outcome.OPENED, Outcome.PASSED)
    scene.site.presented("sakura-door-in", credential, DenyReason.WRONG_ZONE)
    assert not reckoned()
    scene.clock.set(scene.clock.now() + timedelta(minutes=1))
    scene.site.presented("sakura-door-in", credential, None, Outcome.OPENED, Outcome.PASSED)
    assert reckoned()
    assert "You are in Sakura" in client.get(path, headers=headers).text


@pytest.mark.parametrize(
    "table", ["access_passage", "arrivals_check_in", "places_site", "visits_check_out"]
)
def test_a_visitors_page_asks_once_where_they_are_and_whether_they_left(
    scene: Scene, table: str
) -> None:
    client, path, _ = scene.phone()
    asked = scene.asked_by(lambda: client.get(path))
    assert sum(f"FROM {table}" in each for each in asked) == 1


def test_nothing_that_grows_with_the_years_is_read_from_end_to_end(scene: Scene) -> None:
    guard = scene.browser("security")
    client, parts, credential = scene.phone()
    scene.site.presented("main-gate-in", credential, None, Outcome.OPENED, Outcome.PASSED)
    scene.site.presented("sakura-door-in", credential, None, Outcome.OPENED, Outcome.PASSED)
    asked = scene.asked_by(
        lambda: (
            guard.get("/panel/live/now"),
            guard.get("/panel/live/rooms"),
            client.get(parts),
        )
    )
    steps = [step for each in set(asked) if each.startswith("SELECT") for step in scene.plan(each)]
    grows = ("access_event", "access_passage", "visits_visit", "devices_door_event")
    assert not [each for each in steps if each.startswith("SCAN") and any(t in each for t in grows)]
    # Of all who ever came those who are inside, and of a ledger's entries those of a few events.
    assert [each for each in steps if "access_presence" in each] == [
        "SCAN access_presence USING INDEX ix_access_presence_since"
    ]
    assert any("ix_access_event_event_kind (event=? AND kind=?)" in each for each in steps)
