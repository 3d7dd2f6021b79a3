"""A visitor who scanned the poster at a door: decided, journaled, opened and counted; on both databases."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from access_protocol import presence
from access_protocol.credential import CredentialClass
from access_protocol.decision import CommandRefusal, DenyReason
from access_protocol.events import ControllerEventKind, Outcome
from access_protocol.ids import EventId
from access_protocol.knowledge import AntiPassback
from access_protocol.presence import Presence
from access_protocol.topics import SERVER
from server.access import actions
from server.access.models import CommandState, DoorCommand
from server.credentials import actions as credentials
from server.kernel.clock import FixedClock
from server.kernel.errors import Forbidden, NotFound
from server.kernel.ids import VisitorId
from server.kernel.principal import Principal
from server.places import actions as places
from server.places import models as place_models
from tests.fakes.entrance_scene import GUARD, NOTHING, THE_VISITOR, Scene
from tests.fakes.site import DOOR, NOW, SAKURA_IN, SYSTEM, TYO, VISITOR, enrolled_site


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    clock = FixedClock(NOW + timedelta(minutes=65))
    office = enrolled_site(database_url, tmp_path, clock)
    yield Scene(office, clock)
    office.close()


def test_key_and_code_open_the_door_and_the_visitor_is_inside_by_its_controllers_word(
    scene: Scene,
) -> None:
    asked = scene.scan()
    assert asked.state is CommandState.WAITING

    scene.worker.send()
    (obeyed,) = scene.door.obeyed
    assert (obeyed.controller, obeyed.event) == (DOOR, asked.event)
    assert scene.command(asked).state is CommandState.DONE
    assert scene.inside() == []
    assert scene.outcomes(asked) == []

    scene.door_says(ControllerEventKind.UNLOCKED, asked)
    scene.door_says(ControllerEventKind.OPENED, asked)

    assert scene.outcomes(asked) == [Outcome.OPENED]
    assert scene.inside() == [(scene.held(), 3)]
    with scene.office.reading(THE_VISITOR) as work:
        said = actions.reported_of_opening(work, asked)
    assert said == {ControllerEventKind.UNLOCKED, ControllerEventKind.OPENED}
    (row,) = scene.decisions()
    assert (row.gate, row.granted, row.credential) == (SERVER, True, scene.held())
    assert row.credential_class is CredentialClass.BOUND
    assert row.presented_at == int(scene.clock.now().timestamp())


def test_the_passage_is_told_to_meetings_with_who_it_was(scene: Scene) -> None:
    told: list[actions.ReportedOutcome] = []
    scene.office.reactions.on(actions.OutcomesReported, lambda _work, it: told.extend(it.outcomes))
    scene.walk_in(scene.scan())

    assert [(one.outcome, one.credential) for one in told] == [(Outcome.OPENED, scene.held())]


def test_a_photographed_poster_opens_nothing_and_the_refusal_is_in_the_ledger(
    scene: Scene,
) -> None:
    asked = scene.scan(shown=frozenset({Presence.POSITION}))
    scene.worker.send()

    assert (asked.state, asked.denied) == (CommandState.DENIED, DenyReason.PRESENCE_MISSING)
    assert scene.door.asked == []
    (row,) = scene.decisions()
    assert (row.reason, row.granted) == (DenyReason.PRESENCE_MISSING, False)


def test_the_key_is_shown_by_the_phone_and_never_by_saying_so(scene: Scene) -> None:
    said = frozenset({Presence.KEY, Presence.CODE})

    assert scene.scan(scene.refreshed(), said).denied is DenyReason.PRESENCE_MISSING
    assert scene.scan(scene.presented(), said).denied is None


def test_a_phone_without_a_key_is_let_in_where_somebody_approved(scene: Scene) -> None:
    asked = scene.scan(scene.refreshed(), frozenset({Presence.APPROVAL}))

    assert asked.denied is None
    assert asked.credential_class is CredentialClass.REFRESHED


def test_two_taps_are_one_decision_and_one_command(scene: Scene) -> None:
    presented = scene.presented()
    first, second = scene.scan(presented), scene.scan(presented)
    scene.worker.send()

    assert first.event == second.event
    assert len(scene.door.obeyed) == len(scene.decisions()) == 1


def test_the_same_presentation_sent_again_later_is_refused(scene: Scene) -> None:
    presented = scene.presented()
    scene.scan(presented)
    scene.clock.advance(timedelta(seconds=11))

    assert scene.scan(presented).denied is DenyReason.ALREADY_USED

    scene.clock.advance(timedelta(seconds=20))

    assert scene.scan(presented).denied is DenyReason.PRESENTATION_OUT_OF_TIME


def test_whoever_shows_more_with_a_fresh_presentation_is_decided_on_anew(scene: Scene) -> None:
    assert scene.scan(shown=NOTHING).denied is DenyReason.PRESENCE_MISSING
    scene.clock.advance(timedelta(seconds=3))

    assert scene.scan().denied is None


def test_two_phones_at_once_do_not_win_one_single_entry_twice(scene: Scene) -> None:
    scene.change_point(presence_ways=[["code"]], classes=["static"])
    found, barrier = list[DoorCommand](), threading.Barrier(4)

    def tap() -> None:
        barrier.wait(timeout=60)
        found.append(scene.scan(scene.static))

    threads = [threading.Thread(target=tap) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=120)

    assert len(found) == 4
    assert len({each.event for each in found}) == 1
    assert [row.granted for row in scene.decisions()] == [True]


def test_a_single_entry_is_spent_by_the_passage_and_freed_where_nobody_passed(
    scene: Scene,
) -> None:
    scene.change_point(presence_ways=[["code"]])
    first = scene.scan(scene.static)
    scene.worker.send()
    scene.clock.advance(timedelta(seconds=11))

    assert scene.scan(scene.static).denied is DenyReason.ENTRY_SPENT

    scene.door_says(ControllerEventKind.NOT_PASSED, first)
    scene.clock.advance(timedelta(seconds=11))
    again = scene.scan(scene.static)
    assert again.denied is None

    scene.walk_in(again)
    scene.clock.advance(timedelta(seconds=11))

    assert scene.scan(scene.static).denied is DenyReason.ENTRY_SPENT


def test_a_refusing_controller_and_a_silent_one_are_journaled_as_at_a_gate(scene: Scene) -> None:
    scene.door.refuses = CommandRefusal.LOCKED_DOWN
    refused = scene.scan()
    scene.worker.send()
    assert scene.outcomes(refused) == [Outcome.REFUSED]

    scene.door.refuses, scene.door.acknowledges = None, False
    scene.clock.advance(timedelta(seconds=11))
    silent = scene.scan()
    scene.worker.send()
    scene.clock.advance(timedelta(seconds=11))
    scene.worker.tick()

    assert scene.command(silent).state is CommandState.NO_ANSWER
    assert scene.outcomes(silent) == []

    never_sent = scene.scan()
    scene.clock.advance(timedelta(seconds=11))
    scene.worker.tick()

    assert scene.command(never_sent).state is CommandState.EXPIRED
    assert scene.outcomes(never_sent) == [Outcome.NO_ANSWER]


def test_a_mailed_pass_is_refused_once_the_phone_was_used_at_a_poster(scene: Scene) -> None:
    scene.change_point(presence_ways=[["code"]])
    scene.scan()

    assert scene.scan(scene.static).denied is DenyReason.USE_PHONE


def test_the_window_the_zone_a_revocation_and_a_lockdown_count_as_everywhere(scene: Scene) -> None:
    with scene.office.begin(GUARD) as work:
        locked = actions.lock_down(work, TYO, actions.NewLockdown(reason="Drill", zone=3))
    assert scene.scan().denied is DenyReason.LOCKDOWN
    with scene.office.begin(GUARD) as work:
        actions.release(work, locked.id, actions.Reason(reason="Over"))

    scene.change_point(zone=4)
    scene.clock.advance(timedelta(seconds=1))
    assert scene.scan().denied is DenyReason.WRONG_ZONE
    scene.change_point(zone=3)

    with scene.office.begin(SYSTEM) as work:
        credentials.withdraw(work, VISITOR)
    assert scene.scan().denied is DenyReason.REVOKED

    scene.clock.advance(timedelta(hours=8))
    assert scene.scan().denied is DenyReason.EXPIRED


def test_hard_anti_passback_counts_what_happened_at_posters(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        zone = places.ZoneInput(
            name="Rooms", anti_passback=AntiPassback.HARD, forgiven_after_min=20
        )
        places.put_zone(work, TYO, place_models.ZoneNumber(3), zone)
    scene.walk_in(scene.scan())
    scene.clock.advance(timedelta(seconds=11))

    assert scene.scan().denied is DenyReason.ANTI_PASSBACK

    scene.clock.advance(timedelta(minutes=20))

    assert scene.scan().denied is None


def test_another_visitors_page_neither_asks_nor_sees(scene: Scene) -> None:
    asked = scene.scan()
    other = Principal.for_visitor(VisitorId("9" * 32))

    with pytest.raises(Forbidden):
        scene.scan(who=other)
    with pytest.raises(Forbidden), scene.office.reading(other) as work:
        actions.find_opening(work, asked.event)
    with pytest.raises(NotFound), scene.office.reading(THE_VISITOR) as work:
        actions.find_opening(work, EventId("00000000-0000-4000-8000-000000000009"))


@pytest.mark.parametrize("ways", [[], [[]], [["position"]], [["key"], ["position"]], [["x"]]])
def test_unsafe_ways_are_refused_as_input(ways: list[list[str]]) -> None:
    with pytest.raises(ValueError, match="presence_ways"):
        places.AccessPointInput.model_validate(
            {"portal": "sakura-door", "zone": 3, "presence_ways": ways}
        )


def test_ways_are_stored_in_one_order_and_the_default_asks_for_more_than_a_poster(
    scene: Scene,
) -> None:
    wanted = places.AccessPointInput.model_validate(
        {"portal": "sakura-door", "zone": 3, "presence_ways": [["code", "key"], ["approval"]]}
    )
    assert wanted.presence_ways is not None
    assert presence.written(presence.ways(wanted.presence_ways)) == [["approval"], ["key", "code"]]
    with scene.office.begin(SYSTEM) as work:
        places.put_access_point(work, TYO, SAKURA_IN, wanted)
    with scene.office.reading(SYSTEM) as work:
        point = work.session.get_one(place_models.AccessPoint, (TYO, SAKURA_IN))
    assert point.presence_ways == [["approval"], ["key", "code"]]
    assert point.ways == presence.DEFAULT
