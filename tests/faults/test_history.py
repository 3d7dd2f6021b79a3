"""The checker finds each defect that a history can have, and finds nothing in a good one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.history import Entry, Findings, History, Word, check

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
MOMENT = timedelta(seconds=1)
DECIDED = Entry("gate-1", "j", 1, "a1", "e1", "in", NOW, granted=True, credential="c1", single=True)
PASSED = Entry("gate-1", "j", 2, "a2", "e1", "in", NOW + 3 * MOMENT, outcome="passed")
REFUSED = Entry("gate-1", "j", 3, "a3", "e2", "in", NOW + 4 * MOMENT, granted=False)
UNLOCK = Word("turnstile-1", "b", 1, "unlocked", "e1", NOW + MOMENT)
PASSAGE = Word("turnstile-1", "b", 2, "passed", "e1", NOW + 2 * MOMENT)
ENTRIES = (DECIDED, PASSED, REFUSED)
WORDS = (UNLOCK, PASSAGE)
HEARD = frozenset({("turnstile-1", "b", 1), ("turnstile-1", "b", 2)})
GOOD = History(WORDS, ENTRIES, ENTRIES, HEARD)


def other_entry(**changes: object) -> Entry:
    again = Entry(
        "gate-1", "j", 4, "a4", "e4", "in", NOW, granted=True, credential="c1", single=True
    )
    return replace(again, **changes)  # pyright: ignore[reportArgumentType]


def test_nothing_is_found_in_a_good_history() -> None:
    assert check(GOOD) == Findings()


def test_an_operator_may_open_by_a_decision_that_the_server_journaled_itself() -> None:
    own = Entry("server", "s", 1, "s1", "e9", "in", NOW, granted=True)
    opened = Word("turnstile-1", "b", 3, "unlocked", "e9", NOW + MOMENT)
    heard = HEARD | {("turnstile-1", "b", 3)}
    history = replace(GOOD, words=(*WORDS, opened), stored=(*ENTRIES, own), heard=heard)
    assert check(history) == Findings()


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(replace(GOOD, stored=ENTRIES[:2]), id="an entry never arrived"),
        pytest.param(
            replace(GOOD, journaled=(DECIDED, REFUSED), stored=(DECIDED, REFUSED)),
            id="the gate's own numbers have a gap",
        ),
    ],
)
def test_what_is_lost_is_found(history: History) -> None:
    assert check(history).lost


@pytest.mark.parametrize("name", sorted(HEARD))
def test_a_report_that_never_reached_the_server_is_lost_also_where_a_gate_journaled_it(
    name: tuple[str, str, int],
) -> None:
    assert check(replace(GOOD, heard=HEARD - {name})).lost


def test_the_last_words_of_a_controller_that_was_killed_may_be_its_own_alone() -> None:
    history = replace(GOOD, journaled=(DECIDED,), stored=(DECIDED,), heard=frozenset())
    assert check(replace(history, ended=frozenset({"b"}))) == Findings()


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(replace(GOOD, stored=(*ENTRIES, REFUSED)), id="an entry is stored twice"),
        pytest.param(
            replace(GOOD, journaled=(*ENTRIES, other_entry(event="e1"))),
            id="an event decided twice",
        ),
        pytest.param(
            replace(GOOD, stored=(*ENTRIES, replace(PASSED, sequence=4))),
            id="an outcome stored twice",
        ),
        pytest.param(
            replace(GOOD, words=(*WORDS, replace(UNLOCK, sequence=3))), id="a relay moved twice"
        ),
        pytest.param(
            replace(GOOD, words=(*WORDS, replace(PASSAGE, boot="b2"))), id="a passage told twice"
        ),
    ],
)
def test_what_is_duplicated_is_found(history: History) -> None:
    assert check(history).duplicated


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(
            replace(GOOD, stored=(*ENTRIES, other_entry())), id="stored, but never journaled"
        ),
        pytest.param(
            replace(GOOD, stored=(DECIDED, PASSED, replace(REFUSED, hash="b3"))),
            id="stored with another hash",
        ),
        pytest.param(
            replace(GOOD, journaled=(*ENTRIES, other_entry(granted=None, outcome="passed"))),
            id="an outcome of nothing that was granted",
        ),
        pytest.param(replace(GOOD, words=(UNLOCK,)), id="a passage that no controller reported"),
        pytest.param(replace(GOOD, alarms=("broken_chain",)), id="the server raised an alarm"),
    ],
)
def test_what_is_unexpected_is_found(history: History) -> None:
    assert check(history).unexpected


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(
            replace(GOOD, words=(*WORDS, Word("turnstile-1", "b", 3, "unlocked", "e7", NOW))),
            id="for an event that nobody decided on",
        ),
        pytest.param(
            replace(GOOD, words=(*WORDS, Word("turnstile-1", "b", 3, "unlocked", None, NOW))),
            id="for no event at all",
        ),
        pytest.param(
            replace(GOOD, words=(*WORDS, Word("turnstile-1", "b", 3, "unlocked", "e2", NOW))),
            id="for a denied decision",
        ),
        pytest.param(
            replace(GOOD, words=(replace(UNLOCK, at=NOW - MOMENT), PASSAGE)),
            id="before the decision was journaled",
        ),
        pytest.param(replace(GOOD, barred={"c1": NOW - MOMENT}), id="after it was revoked"),
        pytest.param(
            replace(
                GOOD,
                words=(*WORDS, Word("turnstile-1", "b", 3, "passed", "e4", NOW + 9 * MOMENT)),
                journaled=(*ENTRIES, other_entry()),
                stored=(*ENTRIES, other_entry()),
            ),
            id="twice for a single entry",
        ),
    ],
)
def test_what_was_opened_wrongly_is_found(history: History) -> None:
    assert check(history).opened_wrongly


def test_times_of_clocks_that_were_moved_say_nothing() -> None:
    history = replace(GOOD, words=(replace(UNLOCK, at=NOW - MOMENT), PASSAGE), one_clock=False)
    assert check(history) == Findings()


def test_what_was_found_before_is_not_counted_again() -> None:
    before = check(replace(GOOD, alarms=("one",)))
    assert check(replace(GOOD, alarms=("one", "two"))).since(before).unexpected == {"two"}
