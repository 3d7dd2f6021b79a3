"""Lockdown and release: who may, what gates and controllers get, and whose word counts; on both databases."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import select

from access_protocol import knowledge as sections
from access_protocol.commands import Action
from access_protocol.documents import DocumentKind
from access_protocol.events import Contact, ControllerState, Lock, Status
from access_protocol.ids import DeviceId, ZoneNumber
from access_protocol.topics import Subject
from access_protocol.transport.memory import MemoryBroker
from server.access import actions
from server.access.actions import Lasting, NewLockdown, OpenPortal, Reason
from server.access.models import CommandState, Lockdown
from server.devices.actions import public_keys
from server.devices.models import IssuedDocument, KeyPurpose
from server.kernel.audit import AuditLine
from server.kernel.clock import FixedClock
from server.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from server.kernel.principal import Principal, Right
from server.kernel.work import Office
from server.places import models as places
from tests.fakes.site import (
    DOOR,
    GATE,
    HOST,
    NOW,
    OPERATOR,
    SAKURA_DOOR,
    SAKURA_IN,
    SYSTEM,
    TURNSTILE,
    TYO,
    enrolled_site,
)
from tests.fakes.worker import FakeController, FakeWorker

GUARD = Principal.for_person(HOST, {Right.DOORS_LOCKDOWN, Right.ACCESS_READ, Right.DOORS_COMMAND})
WHY = Reason(reason="All clear")


class Scene:
    def __init__(self, office: Office, clock: FixedClock) -> None:
        self.office, self.clock, self.broker = office, clock, MemoryBroker()
        with office.begin(SYSTEM) as work:
            (key,) = public_keys(work, TYO, KeyPurpose.COMMAND)
        self.worker = FakeWorker(office, self.broker)
        self.key = key
        self.turnstile = FakeController(self.broker, TURNSTILE, key)
        self.door = FakeController(self.broker, DOOR, key)
        self.turnstile.is_here()
        self.door.is_here()
        self.send()

    def send(self) -> None:
        while self.worker.send():
            pass

    def lock_down(self, zone: int | None = None, who: Principal = GUARD) -> Lockdown:
        with self.office.begin(who) as work:
            made = actions.lock_down(work, TYO, NewLockdown(reason="Alarm", zone=zone))
        self.send()
        return made

    def release(self, lockdown: Lockdown) -> None:
        with self.office.begin(GUARD) as work:
            actions.release(work, lockdown.id, WHY)
        self.send()

    def lasting(self) -> list[Lasting]:
        with self.office.reading(GUARD) as work:
            return actions.lasting(work)

    def policy(self) -> sections.Policy:
        with self.office.reading(SYSTEM) as work:
            row = work.session.get_one(IssuedDocument, (GATE, DocumentKind.POLICY))
        return sections.read_policy(row.body)

    def reports(self, controller: FakeController, lock: Lock, uptime: int = 5) -> None:
        state = ControllerState(
            boot=str(UUID(int=1)),
            uptime_ms=uptime,
            since_ms=uptime,
            lock=lock,
            contact=Contact.NONE,
        )
        controller.say(Subject.STATE, state, retain=True)

    def later(self, seconds: int = 15) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.worker.tick()
        self.send()


def obeyed(controller: FakeController) -> list[Action]:
    return [command.action for command in controller.obeyed]


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    clock = FixedClock(NOW)
    office = enrolled_site(database_url, tmp_path, clock)
    yield Scene(office, clock)
    office.close()


def test_a_locked_down_zone_is_told_to_its_gates_and_to_its_doors_only(scene: Scene) -> None:
    scene.lock_down(zone=2)
    assert scene.policy().locked_down == {ZoneNumber(2)}
    assert obeyed(scene.turnstile) == [Action.LOCK_DOWN]
    assert obeyed(scene.door) == []


def test_a_locked_down_site_is_every_zone_and_every_door(scene: Scene) -> None:
    lockdown = scene.lock_down()
    assert scene.policy().locked_down == {1, 2, 3, 4}
    assert obeyed(scene.turnstile) == obeyed(scene.door) == [Action.LOCK_DOWN]
    scene.release(lockdown)
    assert scene.policy().locked_down == frozenset()
    assert obeyed(scene.turnstile) == [Action.LOCK_DOWN, Action.RELEASE]


def test_what_a_door_is_only_its_controller_says(scene: Scene) -> None:
    scene.lock_down()
    (lasting,) = scene.lasting()
    assert {each.answer for each in lasting.told} == {CommandState.DONE}
    assert {each.controller for each in lasting.missing} == {TURNSTILE, DOOR}
    scene.reports(scene.door, Lock.LOCKED_DOWN)
    scene.reports(scene.turnstile, Lock.LOCKED)
    (lasting,) = scene.lasting()
    assert [each.controller for each in lasting.missing] == [TURNSTILE]


def test_a_door_that_did_not_answer_is_named_and_asked_again_until_it_does(scene: Scene) -> None:
    scene.turnstile.answers = False
    scene.lock_down(zone=2)
    scene.later()
    (lasting,) = scene.lasting()
    assert [(each.name, each.answer) for each in lasting.missing] == [
        (f"The {TURNSTILE}", CommandState.WAITING)
    ]
    assert len(scene.turnstile.asked) == 2
    scene.turnstile.answers = True
    scene.later()
    assert obeyed(scene.turnstile) == [Action.LOCK_DOWN]
    scene.reports(scene.turnstile, Lock.LOCKED_DOWN)
    scene.later()
    assert obeyed(scene.turnstile) == [Action.LOCK_DOWN], "it says so itself: enough"


def test_a_controller_that_comes_back_is_told_what_holds_now(scene: Scene) -> None:
    scene.door.say(Subject.STATUS, Status(online=False), retain=True)
    scene.door.answers = False
    lockdown = scene.lock_down()
    scene.later(seconds=8)
    scene.door.answers = True
    scene.door.is_here()
    scene.send()
    assert obeyed(scene.door) == [Action.LOCK_DOWN]
    scene.door.say(Subject.STATUS, Status(online=False), retain=True)
    scene.door.answers = False
    scene.release(lockdown)
    scene.later(seconds=8)
    with scene.office.reading(GUARD) as work:
        assert DOOR in {each.controller for each in actions.unanswered_releases(work)}
    scene.door.answers = True
    scene.door.is_here()
    scene.send()
    assert obeyed(scene.door) == [Action.LOCK_DOWN, Action.RELEASE]


def test_of_two_lockdowns_the_second_one_keeps_the_door_locked_down(scene: Scene) -> None:
    site, zone = scene.lock_down(), scene.lock_down(zone=3)
    scene.release(site)
    assert scene.policy().locked_down == {ZoneNumber(3)}
    assert obeyed(scene.turnstile) == [Action.LOCK_DOWN, Action.RELEASE]
    assert obeyed(scene.door) == [Action.LOCK_DOWN]
    scene.release(zone)
    assert obeyed(scene.door) == [Action.LOCK_DOWN, Action.RELEASE]


def test_an_operator_opens_nothing_that_leads_into_a_locked_down_zone(scene: Scene) -> None:
    scene.lock_down(zone=3)
    with scene.office.begin(OPERATOR) as work:
        asked = actions.open_portal(work, TYO, SAKURA_DOOR, OpenPortal(reason="Delivery"))
    assert asked.denied == "lockdown"


def test_the_way_out_of_a_locked_down_zone_is_not_stopped(scene: Scene) -> None:
    scene.lock_down()
    with scene.office.begin(OPERATOR) as work:
        point = work.session.get_one(places.AccessPoint, (TYO, SAKURA_IN))
        point.direction = sections.Direction.OUT
        asked = actions.open_portal(work, TYO, SAKURA_DOOR, OpenPortal(reason="Let out"))
    assert asked.denied is None


def test_only_who_may_locks_down_and_what_is_not_there_is_named(scene: Scene) -> None:
    with pytest.raises(Forbidden):
        scene.lock_down(who=OPERATOR)
    with pytest.raises(Invalid) as refused:
        scene.lock_down(zone=9)
    assert refused.value.errors[0].field == "zone"
    scene.lock_down(zone=2)
    with pytest.raises(Conflict):
        scene.lock_down(zone=2)
    with pytest.raises(NotFound), scene.office.begin(GUARD) as work:
        actions.release(work, "0" * 32, WHY)


def test_lockdown_and_release_stand_in_the_audit_trail_with_their_reasons(scene: Scene) -> None:
    scene.release(scene.lock_down())
    with scene.office.reading(SYSTEM) as work:
        lines = work.session.exec(select(AuditLine)).all()
    told = [
        (line.what, line.person, line.detail["reason"]) for line in lines if "ockdown" in line.what
    ]
    assert [(person, reason) for _, person, reason in told] == [
        (HOST, "Alarm"),
        (HOST, "All clear"),
    ]


def test_nobody_elses_word_settles_an_order(scene: Scene) -> None:
    scene.turnstile.answers = False
    scene.lock_down(zone=2)
    (ask,) = scene.turnstile.asked
    scene.door.answer(ask)
    assert scene.turnstile.obeyed == scene.door.obeyed == []
    stranger = FakeController(scene.broker, DeviceId("door-nobody"), scene.key)
    stranger.answer(ask)
    assert stranger.obeyed == []
