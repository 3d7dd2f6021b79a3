"""A guard lets a visitor on whose phone died: decided by what their pass allows, counted as their passage."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from access_protocol.decision import DecisionWarning, DenyReason
from access_protocol.events import ControllerEventKind, DecisionEntry, Outcome, read_body
from access_protocol.ids import ZoneNumber
from access_protocol.knowledge import AntiPassback
from server.access import actions
from server.access.actions import OpenPortal
from server.access.models import AccessEvent, CommandState, DoorCommand
from server.credentials import actions as credentials
from server.credentials.models import Standing
from server.kernel.clock import FixedClock
from server.kernel.errors import Invalid
from server.kernel.principal import Principal, Right
from server.places import models as places
from tests.fakes.entrance_scene import Scene
from tests.fakes.site import HOST, NOW, SAKURA_DOOR, SYSTEM, TYO, VISITOR, enrolled_site

GUARD = Principal.for_person(HOST, {Right.ACCESS_READ, Right.DOORS_COMMAND})


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    clock = FixedClock(NOW + timedelta(minutes=65))
    office = enrolled_site(database_url, tmp_path, clock)
    yield Scene(office, clock)
    office.close()


def let_through(
    scene: Scene,
    who: Principal = GUARD,
    visitor: str = VISITOR,
) -> DoorCommand:
    with scene.office.begin(who) as work:
        wish = OpenPortal(reason="Their phone is empty", visitor=visitor)
        return actions.open_portal(work, TYO, SAKURA_DOOR, wish)


def test_the_visitor_is_inside_by_the_doors_word_and_the_guard_and_reason_are_kept(
    scene: Scene,
) -> None:
    asked = let_through(scene)
    assert (asked.person, asked.visitor, asked.reason) == (HOST, VISITOR, "Their phone is empty")
    scene.worker.send()
    assert [one.event for one in scene.door.obeyed] == [asked.event]
    assert scene.inside() == []

    scene.door_says(ControllerEventKind.UNLOCKED, asked)
    scene.door_says(ControllerEventKind.OPENED, asked)

    assert scene.outcomes(asked) == [Outcome.OPENED]
    assert scene.inside() == [(scene.held(), 3)]
    (row,) = scene.decisions()
    assert (row.granted, row.credential, row.credential_class) == (True, scene.held(), None)


@pytest.mark.parametrize("standing", [Standing.BLOCKED, Standing.REVOKED])
def test_a_visitor_whose_pass_was_taken_back_is_not_let_through(
    scene: Scene, standing: Standing
) -> None:
    with scene.office.begin(SYSTEM) as work:
        credentials.withdraw(work, VISITOR, standing)
    asked = let_through(scene)
    scene.worker.send()
    assert (asked.state, asked.denied) == (CommandState.DENIED, DenyReason.REVOKED)
    assert scene.door.obeyed == []
    assert [(row.reason, row.credential) for row in scene.decisions()] == [
        (DenyReason.REVOKED, scene.held())
    ]


def test_a_zone_that_is_not_theirs_stays_closed(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        work.session.add(places.Zone(site=TYO, number=ZoneNumber(9), name="Server room"))
    scene.change_point(zone=9)
    assert let_through(scene).denied is DenyReason.WRONG_ZONE


def test_after_the_visit_nobody_is_let_in_for_it(scene: Scene) -> None:
    scene.clock.advance(timedelta(days=1))
    assert let_through(scene).denied is DenyReason.EXPIRED


def test_a_second_entry_is_noted_for_the_guard_stands_by(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        work.session.get_one(places.Zone, (TYO, 3)).anti_passback = AntiPassback.HARD
    scene.walk_in(let_through(scene))
    assert let_through(scene).denied is None
    with scene.office.reading(SYSTEM) as work:
        newest = select(AccessEvent.body).order_by(col(AccessEvent.sequence).desc())
        body = read_body((work.session.exec(newest).first() or b"").decode())
    assert isinstance(body, DecisionEntry)
    assert body.warning is DecisionWarning.ANTI_PASSBACK


def test_who_may_not_open_doors_lets_nobody_through(scene: Scene) -> None:
    reader = Principal.for_person(HOST, {Right.ACCESS_READ})
    assert let_through(scene, reader).denied is DenyReason.NOT_PERMITTED


def test_who_holds_no_pass_here_is_said_plainly(scene: Scene) -> None:
    with pytest.raises(Invalid, match="no pass"):
        let_through(scene, visitor="0" * 32)
