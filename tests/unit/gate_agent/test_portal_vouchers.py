"""The conversation with a vending machine: a voucher is one thing, given, given back or kept spent."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from access_protocol.commands import Action
from access_protocol.decision import CommandRefusal
from access_protocol.events import ControllerEventKind
from gate_agent.feedback.base import Serving
from gate_agent.portal import ANSWER_WITHIN
from tests.fakes.portal_scene import Scene, portal_scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with portal_scene(tmp_path) as opened:
        yield opened


def test_a_voucher_orders_what_is_in_its_slot_and_opens_nothing(scene: Scene) -> None:
    event = scene.order(slot=3)

    (command,) = scene.controller.commands
    assert (command.action, command.slot, command.pulse) == (Action.DISPENSE, 3, timedelta())

    for what in (ControllerEventKind.DISPENSING, ControllerEventKind.DISPENSED):
        scene.controller.happens(what, event)
    assert scene.served == [Serving.COMING, Serving.GIVEN]
    assert scene.outcomes == []
    assert scene.voucher_spent


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (ControllerEventKind.EMPTY, Serving.SOLD_OUT),
        (ControllerEventKind.JAMMED, Serving.NOT_GIVEN),
        (ControllerEventKind.TIMED_OUT, Serving.NOT_GIVEN),
        (ControllerEventKind.INTERRUPTED, Serving.NOT_GIVEN),
    ],
)
def test_a_voucher_is_given_back_where_the_machine_says_that_nothing_fell(
    scene: Scene, what: ControllerEventKind, said: Serving
) -> None:
    event = scene.order()
    scene.controller.happens(what, event)
    scene.controller.happens(what, event)

    assert scene.served == [said]
    assert not scene.voucher_spent
    last = scene.journal.next_batch()
    assert last is not None
    assert '"outcome":"not_dispensed"' in last.entries[-1].body


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (CommandRefusal.SLOT_EMPTY, Serving.SOLD_OUT),
        (CommandRefusal.OUT_OF_ORDER, Serving.NOT_GIVEN),
        (CommandRefusal.BUSY, Serving.BUSY),
    ],
)
def test_a_machine_that_refuses_gives_the_voucher_back_and_says_why(
    scene: Scene, refusal: CommandRefusal, said: Serving
) -> None:
    scene.controller.refusal = refusal
    scene.order()

    assert scene.served == [said]
    assert not scene.voucher_spent


def test_a_machine_that_falls_silent_keeps_the_voucher_spent(scene: Scene) -> None:
    """Its power failed in the middle: a bottle may have fallen. It tells without the order afterwards."""
    event = scene.order()
    scene.controller.happens(ControllerEventKind.DISPENSING, event)
    scene.controller.happens(ControllerEventKind.STARTED, None)
    scene.controller.happens(ControllerEventKind.INTERRUPTED, None)

    assert scene.served == [Serving.COMING]
    assert scene.voucher_spent


def test_a_machine_that_does_not_answer_gives_the_voucher_back(scene: Scene) -> None:
    scene.controller.answers = False
    scene.order()
    scene.time.now += ANSWER_WITHIN.total_seconds()
    scene.portal.tick()

    assert scene.served == [Serving.NO_ANSWER]
    assert not scene.voucher_spent


def test_what_a_machine_says_of_a_door_is_no_passage_of_a_voucher(scene: Scene) -> None:
    event = scene.order()
    for what in (
        ControllerEventKind.UNLOCKED,
        ControllerEventKind.OPENED,
        ControllerEventKind.PASSED,
    ):
        scene.controller.happens(what, event)

    assert scene.shown.shown == []
    assert scene.journal.history.passages_after(0, 10) == []
