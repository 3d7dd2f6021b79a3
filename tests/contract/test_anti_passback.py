"""Anti-passback on the server: amnesty, double entries found, and who stays inside; on both databases."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from access_protocol import knowledge as sections
from access_protocol.documents import DocumentKind
from access_protocol.events import Outcome, OutcomeEntry
from access_protocol.feeds import read_presence
from access_protocol.ids import AccessPointId, Direction, ZoneNumber
from access_protocol.knowledge import AntiPassback
from server.access import actions, feeds, presence
from server.access.actions import Acknowledge, NewAmnesty
from server.access.models import AntiPassbackConflict
from server.credentials import actions as credentials
from server.devices.models import IssuedDocument
from server.kernel.clock import FixedClock
from server.kernel.errors import Forbidden, Invalid
from server.kernel.pagination import PageQuery
from server.kernel.principal import Principal, Right
from server.kernel.work import Office, Work
from server.places import actions as places
from server.places import models as place_models
from server.places.actions import AccessPointInput, ZoneInput
from tests.fakes.site import (
    CREDENTIAL,
    GATE,
    HOST,
    MAIN_GATE,
    MAIN_IN,
    NOW,
    SYSTEM,
    TURNSTILE,
    TYO,
    VISITOR,
    enrolled_site,
)

GUARD = Principal.for_person(HOST, {Right.DOORS_COMMAND, Right.ACCESS_READ})
EVERY = PageQuery(cursor=None)
ZONE = ZoneNumber(2)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def office(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Office]:
    made = enrolled_site(database_url, tmp_path, clock)
    set_zone(made, AntiPassback.SOFT)
    yield made
    made.close()


def set_zone(office: Office, mode: AntiPassback, minutes: int | None = None) -> None:
    with office.begin(SYSTEM) as work:
        zone = ZoneInput(name="Office", anti_passback=mode, forgiven_after_min=minutes)
        places.put_zone(work, TYO, ZONE, zone)


def passes(office: Office, number: int, at: datetime, direction: Direction = Direction.IN) -> None:
    """Let the gate's journal report a passage, as it would after a reconnect."""
    with office.begin(SYSTEM) as work:
        point = work.session.get_one(place_models.AccessPoint, (TYO, MAIN_IN))
        point.direction = direction
        event = str(UUID(int=number))
        known = presence.points(work.session, TYO)
        outcome = OutcomeEntry(at=at, event=event, access_point=MAIN_IN, outcome=Outcome.PASSED)
        presence.passed(work, GATE, TYO, known, [outcome], {event: CREDENTIAL})


def conflicts(office: Office, *, waiting_only: bool = False) -> list[AntiPassbackConflict]:
    with office.reading(GUARD) as work:
        return list(actions.list_conflicts(work, EVERY, waiting_only=waiting_only).items)


def pairs(office: Office) -> set[tuple[int, int]]:
    return {(UUID(each.first_event).int, UUID(each.second_event).int) for each in conflicts(office)}


def at(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_two_entries_without_an_exit_are_a_conflict_once(office: Office) -> None:
    found: list[object] = []
    office.reactions.on(actions.ConflictFound, lambda _work, one: found.append(one))
    passes(office, 1, at(0))
    passes(office, 2, at(5))
    passes(office, 2, at(5))
    assert pairs(office) == {(1, 2)}
    assert len(found) == 1


def test_an_exit_that_arrives_late_explains_the_second_entry(office: Office) -> None:
    passes(office, 1, at(0))
    passes(office, 3, at(5))
    assert pairs(office) == {(1, 3)}
    passes(office, 2, at(3), Direction.OUT)
    assert pairs(office) == set()


def test_a_zone_without_anti_passback_has_no_conflicts(office: Office) -> None:
    set_zone(office, AntiPassback.OFF)
    passes(office, 1, at(0))
    passes(office, 2, at(5))
    assert pairs(office) == set()


def test_what_time_or_a_guard_forgave_is_no_conflict(office: Office, clock: FixedClock) -> None:
    set_zone(office, AntiPassback.SOFT, minutes=60)
    passes(office, 1, at(0))
    passes(office, 2, at(60))
    assert pairs(office) == set()
    clock.set(at(70))
    forgive(office, {"zone": ZONE})
    passes(office, 3, at(75))
    assert pairs(office) == set()
    passes(office, 4, at(76))
    assert pairs(office) == {(3, 4)}


def forgive(
    office: Office, whom: Mapping[str, object] | None = None, who: Principal = GUARD
) -> None:
    with office.begin(who) as work:
        wanted = NewAmnesty.model_validate({"reason": "Fire drill", **(whom or {})})
        actions.grant_amnesty(work, TYO, wanted)


def policy(office: Office) -> sections.Policy:
    with office.reading(SYSTEM) as work:
        row = work.session.get_one(IssuedDocument, (GATE, DocumentKind.POLICY))
    return sections.read_policy(row.body)


def test_a_guard_acknowledges_a_conflict_and_it_waits_no_longer(office: Office) -> None:
    passes(office, 1, at(0))
    passes(office, 2, at(5))
    (found,) = conflicts(office, waiting_only=True)
    with pytest.raises(Forbidden), office.begin(Principal.for_person(HOST, set())) as work:
        actions.acknowledge_conflict(work, found.id, Acknowledge())
    with office.begin(GUARD) as work:
        actions.acknowledge_conflict(work, found.id, Acknowledge(note="Both gates seen"))
    assert conflicts(office, waiting_only=True) == []
    (kept,) = conflicts(office)
    assert (kept.note, kept.acknowledged_by) == ("Both gates seen", HOST)


def test_an_amnesty_goes_to_the_gates_at_once(office: Office, clock: FixedClock) -> None:
    clock.advance(timedelta(microseconds=1))
    forgive(office)
    assert policy(office).zone(ZONE).amnesty == NOW + timedelta(seconds=1)
    clock.advance(timedelta(minutes=5))
    forgive(office, {"zone": ZONE})
    assert policy(office).zone(ZONE).amnesty == NOW + timedelta(minutes=5, seconds=1)


def test_one_visitors_amnesty_tells_the_gates_that_they_are_out(
    office: Office, clock: FixedClock
) -> None:
    passes(office, 1, at(0))
    clock.set(at(10))
    forgive(office, {"zone": ZONE, "visitor": VISITOR})
    with office.reading(SYSTEM) as work:
        _, chunks = feeds.chunks(work, TYO, DocumentKind.PRESENCE, 0)
    (last,) = read_presence(chunks[-1].body).entries
    assert (last.zone, last.direction, last.at) == (ZONE, Direction.OUT, at(10))
    passes(office, 2, at(11))
    assert pairs(office) == set()


def test_an_amnesty_for_what_is_not_there_names_the_field(office: Office) -> None:
    for whom in ({"zone": 9}, {"visitor": "f" * 32}):
        with pytest.raises(Invalid) as refused:
            forgive(office, whom)
        assert [each.field for each in refused.value.errors] == list(whom)
    with pytest.raises(Forbidden):
        forgive(office, who=Principal.for_person(HOST, {Right.ACCESS_READ}))


def test_hard_needs_readers_on_both_sides_or_a_time_after_which_it_is_forgiven(
    office: Office,
) -> None:
    with pytest.raises(Invalid, match="nothing reads who leaves"):
        set_zone(office, AntiPassback.HARD)
    set_zone(office, AntiPassback.HARD, minutes=120)
    assert policy(office).zone(ZONE).forgiven_after == timedelta(hours=2)
    with office.begin(SYSTEM) as work:
        put_exit(work)
    set_zone(office, AntiPassback.HARD)
    assert policy(office).zone(ZONE).anti_passback is AntiPassback.HARD
    with pytest.raises(Invalid, match="nothing reads who leaves"), office.begin(SYSTEM) as work:
        put_exit(work, Direction.IN)


def put_exit(work: Work, direction: Direction = Direction.OUT) -> None:
    wanted = AccessPointInput(
        portal=MAIN_GATE, zone=ZONE, direction=direction, gate=GATE, controller=TURNSTILE
    )
    places.put_access_point(work, TYO, AccessPointId("main-gate-out"), wanted)


def test_who_left_unread_is_inside_until_their_credential_ends(
    office: Office, clock: FixedClock
) -> None:
    with office.begin(SYSTEM) as work:
        ends = credentials.issue(work, VISITOR).expires
    passes(office, 1, at(0))

    def inside() -> int:
        with office.begin(SYSTEM) as work:
            presence.end_expired(work)
        with office.reading(GUARD) as work:
            return len(actions.list_inside(work))

    clock.set(ends - timedelta(seconds=1))
    assert inside() == 1
    clock.set(ends)
    with office.begin(SYSTEM) as work:
        put_exit(work)
    assert inside() == 1, "here a reader would see them leave"
    with office.begin(SYSTEM) as work:
        put_exit(work, Direction.IN)
    assert inside() == 0
