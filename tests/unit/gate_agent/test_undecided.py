"""What was not decided on is counted, shown now and then, and logged once a minute."""

import pytest

from gate_agent.undecided import SAID_EVERY_S, SHOWN_EVERY_S, Undecided
from tests.fakes.gate_site import ENTRANCE


def test_one_line_a_minute_holds_the_number_since_the_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    undecided = Undecided(ENTRANCE)
    undecided.tick(0.0)
    for second in range(181):
        for _ in range(15):
            undecided.add(second)
        undecided.tick(second)
    told = [record.__dict__["fields"] for record in caplog.records]
    assert [fields["not_decided"] for fields in told] == [15, 900, 900, 900]
    assert {fields["access_point"] for fields in told} == {ENTRANCE}
    undecided.add(181.0)
    undecided.tick(180 + SAID_EVERY_S)
    assert caplog.records[-1].__dict__["fields"]["not_decided"] == 1


def test_patience_is_asked_for_now_and_then() -> None:
    undecided = Undecided(ENTRANCE)
    shown = [moment for moment in range(10) if undecided.add(moment)]
    assert shown == list(range(0, 10, int(SHOWN_EVERY_S)))
