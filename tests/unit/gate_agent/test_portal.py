"""The conversation with a controller: deadlines, refusals, turns, and nothing ever sent twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from access_protocol.decision import CommandRefusal
from access_protocol.events import ControllerEventKind, Outcome
from access_protocol.ids import DeviceId, Nonce
from gate_agent.portal import ANSWER_WITHIN
from tests.fakes.gate_site import (
    ENTRANCE,
    entrance,
)
from tests.fakes.portal_scene import SIDE, Scene, portal_scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with portal_scene(tmp_path) as opened:
        yield opened


def test_a_grant_becomes_one_command_for_the_event_that_was_asked_for(scene: Scene) -> None:
    event = scene.ask()
    assert scene.controller.commands == []
    scene.grant(event)
    assert [command.event for command in scene.controller.commands] == [event]
    assert scene.controller.commands[0].pulse == entrance().pulse


def test_a_denied_access_sends_no_command(scene: Scene) -> None:
    scene.portal.forget(scene.ask())
    assert len(scene.controller.asks) == 1
    assert scene.controller.commands == []


def test_an_answer_that_comes_after_the_grant_is_used_too(scene: Scene) -> None:
    scene.controller.answers = False
    event = scene.ask()
    scene.grant(event)
    scene.controller.answer(event)
    assert len(scene.controller.commands) == 1


def test_a_controller_that_does_not_answer_in_time_gets_no_command_any_more(scene: Scene) -> None:
    scene.controller.answers = False
    event = scene.ask()
    scene.grant(event)
    scene.time.wait(ANSWER_WITHIN.total_seconds())
    scene.portal.tick()
    assert scene.outcomes == [Outcome.NO_ANSWER]
    assert not scene.spent
    scene.controller.answer(event)
    assert scene.controller.commands == []


def test_with_the_broker_away_the_answer_is_not_waited_for(scene: Scene) -> None:
    scene.broker.lose()
    scene.grant(scene.ask())
    assert scene.outcomes == [Outcome.NO_ANSWER]


def test_a_second_answer_makes_no_second_command(scene: Scene) -> None:
    scene.controller.acknowledges = False
    event = scene.ask()
    scene.grant(event)
    scene.controller.answer(event)
    assert len(scene.controller.commands) == 1


def test_an_answer_from_another_controller_is_not_used(scene: Scene) -> None:
    scene.controller.answers = False
    event = scene.ask()
    scene.controller.name = DeviceId("turnstile-2")
    scene.controller.answer(event)
    scene.grant(event)
    assert scene.controller.commands == []


def test_a_nonce_that_is_nearly_over_is_not_used(scene: Scene) -> None:
    event = scene.ask()
    scene.time.wait(4.5)
    scene.grant(event)
    assert scene.controller.commands == []
    assert scene.outcomes == [Outcome.NO_ANSWER]


def test_a_refused_command_is_journaled_and_frees_the_entry(scene: Scene) -> None:
    scene.controller.refusal = CommandRefusal.LOCKED_DOWN
    scene.grant(scene.ask())
    assert scene.outcomes == [Outcome.REFUSED]
    assert not scene.spent


def test_a_controller_that_refuses_the_ask_is_believed(scene: Scene) -> None:
    scene.controller.refuses_ask = True
    scene.grant(scene.ask())
    assert scene.controller.commands == []
    assert scene.outcomes == [Outcome.REFUSED]


def test_an_acknowledgement_is_not_yet_an_open_door(scene: Scene) -> None:
    scene.grant(scene.ask())
    assert scene.shown.shown == []
    assert scene.spent


def test_the_door_is_shown_and_journaled_as_its_controller_reports_it(scene: Scene) -> None:
    event = scene.ask()
    scene.grant(event)
    scene.controller.happens(ControllerEventKind.UNLOCKED, event)
    scene.controller.happens(ControllerEventKind.PASSED, event)
    assert scene.shown.shown == [
        ("unlocked", ENTRANCE),
        ("door", ENTRANCE, Outcome.PASSED),
    ]
    assert scene.journal.position.sequence == 2


def test_the_same_report_twice_is_journaled_once(scene: Scene) -> None:
    event = scene.ask()
    scene.grant(event)
    for _ in range(2):
        scene.controller.happens(ControllerEventKind.NOT_PASSED, event)
    scene.controller.happens(ControllerEventKind.PASSED, event)
    assert scene.outcomes == [Outcome.NOT_PASSED]


def test_reports_that_a_controller_tells_again_are_shown_and_journaled_once(scene: Scene) -> None:
    event = scene.ask()
    scene.grant(event)
    told = ControllerEventKind.UNLOCKED, ControllerEventKind.OPENED
    for what in told * 2:
        scene.controller.happens(what, event)
    scene.controller.happens(ControllerEventKind.PASSED, event)
    for what in (*told, ControllerEventKind.PASSED):
        scene.controller.happens(what, event)
    assert scene.outcomes == [Outcome.OPENED, Outcome.PASSED]
    assert scene.shown.shown.count(("unlocked", ENTRANCE)) == 1


def test_a_report_from_a_controller_elsewhere_is_not_believed(scene: Scene) -> None:
    event = scene.ask()
    scene.grant(event)
    scene.controller.name = DeviceId("turnstile-2")
    scene.controller.happens(ControllerEventKind.NOT_PASSED, event)
    assert scene.outcomes == []
    assert scene.spent


def test_a_command_that_nobody_acknowledged_stays_reserved(scene: Scene) -> None:
    """The lock may have been released all the same; only its controller can say."""
    scene.controller.acknowledges = False
    event = scene.ask()
    scene.grant(event)
    scene.time.wait(60)
    scene.portal.tick()
    assert scene.outcomes == []
    assert scene.spent
    scene.controller.happens(ControllerEventKind.NOT_PASSED, event)
    assert not scene.spent


def test_two_readers_at_one_controller_take_turns(scene: Scene) -> None:
    scene.controller.acknowledges = False
    first, second = scene.ask(), scene.ask(SIDE)
    assert scene.controller.asks == [first]
    scene.grant(first)
    scene.grant(second, SIDE)
    assert [command.event for command in scene.controller.commands] == [first]
    scene.controller.acknowledge(first)
    assert scene.controller.asks == [first, second]
    assert [command.event for command in scene.controller.commands] == [first, second]


def test_a_reader_that_died_while_deciding_does_not_block_the_controller(scene: Scene) -> None:
    scene.ask()
    event = scene.ask(SIDE)
    scene.time.wait(5)
    scene.portal.tick()
    assert scene.controller.asks[-1] == event
    assert scene.controller.commands == []


def test_an_unreadable_command_is_refused_without_an_event(scene: Scene) -> None:
    scene.controller.acknowledges = False
    scene.grant(scene.ask())
    scene.controller.acknowledge(None, CommandRefusal.MALFORMED)
    assert scene.outcomes == [Outcome.REFUSED]


def test_an_answer_that_crosses_the_deadline_sends_no_command_after_it(scene: Scene) -> None:
    scene.controller.answers = False
    event = scene.ask()
    scene.grant(event)
    found = scene.portal._find(event)
    assert found is not None
    scene.time.wait(ANSWER_WITHIN.total_seconds())
    scene.portal.tick()
    found.nonce = Nonce(bytes(16))
    scene.portal._command_if_due(found)
    assert scene.controller.commands == []
    assert scene.outcomes == [Outcome.NO_ANSWER]


def test_a_deadline_that_crosses_the_command_frees_nothing(scene: Scene) -> None:
    scene.controller.acknowledges = False
    event = scene.ask()
    scene.grant(event)
    found = scene.portal._find(event)
    assert found is not None
    scene.portal._no_answer(found)
    assert scene.outcomes == []
    assert scene.spent


def test_a_decision_that_comes_too_late_opens_nothing_and_frees_the_entry(scene: Scene) -> None:
    event = scene.ask()
    scene.time.wait(5)
    scene.portal.tick()
    scene.grant(event)
    assert scene.controller.commands == []
    assert scene.outcomes == [Outcome.NO_ANSWER]
    assert not scene.spent


def test_a_passage_is_believed_though_the_answer_was_given_up(scene: Scene) -> None:
    scene.controller.answers = False
    event = scene.ask()
    scene.grant(event)
    scene.time.wait(ANSWER_WITHIN.total_seconds())
    scene.portal.tick()
    scene.controller.happens(ControllerEventKind.PASSED, event)
    assert scene.outcomes == [Outcome.NO_ANSWER, Outcome.PASSED]
    assert scene.spent
