"""What is made of a turnstile's record and of the moments in it."""

import json

import pytest

from access_protocol.events import ControllerEventKind
from bench.throughput import a_minute, gaps, moments

UNLOCKED, PASSED = ControllerEventKind.UNLOCKED, ControllerEventKind.PASSED


def line(what: ControllerEventKind, event: str | None, moment: float) -> str:
    return json.dumps({"what": what, "event": event, "moment": moment})


def test_each_access_has_the_moment_at_which_its_controller_says_that_it_happened() -> None:
    record = "\n".join(
        [
            "ready",
            "keys 1 1",
            line(UNLOCKED, "a", 10.0),
            line(PASSED, "a", 11.0),
            line(UNLOCKED, "b", 11.5),
        ]
    )
    assert moments(record, UNLOCKED) == {"a": 10.0, "b": 11.5}
    assert moments(record, PASSED) == {"a": 11.0}


def test_what_nobody_was_let_in_for_has_no_moment() -> None:
    record = "\n".join([line(UNLOCKED, None, 10.0), line(UNLOCKED, "a", 12.0)])
    assert moments(record, UNLOCKED) == {"a": 12.0}


def test_people_a_minute_are_counted_from_the_first_passage_to_the_last() -> None:
    assert a_minute([100.0, 101.0, 102.5, 104.0]) == pytest.approx(45.0)


def test_gaps_lie_between_one_passage_and_the_next() -> None:
    assert gaps([1.0, 2.0, 4.5]) == [1.0, 2.5]
    assert gaps([1.0]) == []
