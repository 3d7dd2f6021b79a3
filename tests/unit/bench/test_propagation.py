"""The day at a gate that is journaled for the measurement of a reconnect."""

from access_protocol.events import DecisionEntry, OutcomeEntry, body_text, read_body
from bench.propagation import entry
from bench.real_site import Guest

GUESTS = [Guest("v-1", "01" * 16, "GK1:A"), Guest("v-2", "02" * 16, "GK1:B")]


def test_a_third_is_refused_a_third_let_in_and_a_third_the_passage_of_those() -> None:
    refused, let_in, passed = (entry(number, "gate-a", GUESTS) for number in range(3))
    assert isinstance(refused, DecisionEntry)
    assert isinstance(let_in, DecisionEntry)
    assert isinstance(passed, OutcomeEntry)
    assert refused.reason is not None
    assert let_in.reason is None
    assert passed.event == let_in.event != refused.event


def test_each_entry_is_in_the_written_form_that_a_journal_takes() -> None:
    entries = [entry(number, "gate-a", GUESTS) for number in range(6)]
    assert [read_body(body_text(each)) for each in entries] == entries


def test_a_guest_is_let_in_under_the_guests_own_credential() -> None:
    let_in = entry(1, "gate-a", GUESTS)
    assert isinstance(let_in, DecisionEntry)
    assert let_in.credential == "02" * 16
