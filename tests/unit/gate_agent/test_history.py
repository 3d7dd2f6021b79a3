"""What counts as used, spent and inside, by what the journal says."""

import itertools
from uuid import uuid4

import pytest

from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.events import FREEING, DecisionEntry, Outcome, OutcomeEntry
from access_protocol.ids import AccessPointId, CredentialId, EventId, ZoneNumber
from access_protocol.knowledge import AccessPoint, Direction
from gate_agent.history import PassageHistory
from tests.fakes.gate_site import ENTRANCE, NOW, OFFICE, entrance

NOBODY_PASSED = FREEING - {Outcome.NOT_DISPENSED}
NOTHING_FELL = FREEING - {Outcome.NOT_PASSED}
NUMBERS = itertools.count(1)
VISITOR = CredentialId(bytes(15) + b"\x01")
EXIT = AccessPointId("main-gate-out")


def points() -> dict[AccessPointId, AccessPoint]:
    out = entrance(point=EXIT)
    out = AccessPoint(
        out.id, out.portal, out.controller, out.zone, Direction.OUT, out.classes, out.pulse
    )
    return {ENTRANCE: entrance(), EXIT: out}


def grant(
    history: PassageHistory,
    point: AccessPointId = ENTRANCE,
    kind: CredentialClass = CredentialClass.STATIC,
    reason: DenyReason | None = None,
    presented_at: int | None = None,
) -> EventId:
    event = EventId(str(uuid4()))
    history.add(
        next(NUMBERS),
        DecisionEntry(
            at=NOW,
            event=event,
            access_point=point,
            reason=reason,
            credential=VISITOR.hex(),
            credential_class=kind,
            generation=0,
            presented_at=presented_at,
        ),
    )
    return event


def report(
    history: PassageHistory, event: EventId, outcome: Outcome, point: AccessPointId = ENTRANCE
) -> None:
    entry = OutcomeEntry(at=NOW, event=event, access_point=point, outcome=outcome)
    history.add(next(NUMBERS), entry)


def test_a_grant_reserves_the_entry_at_its_access_point_only() -> None:
    history = PassageHistory(points)
    grant(history)
    assert history.entry_spent(VISITOR, ENTRANCE)
    assert not history.entry_spent(VISITOR, EXIT)


def test_a_refusal_reserves_nothing() -> None:
    history = PassageHistory(points)
    grant(history, reason=DenyReason.LOCKDOWN)
    assert not history.entry_spent(VISITOR, ENTRANCE)


@pytest.mark.parametrize("outcome", sorted(NOBODY_PASSED))
def test_the_entry_is_free_again_when_nobody_passed(outcome: Outcome) -> None:
    history = PassageHistory(points)
    report(history, grant(history), outcome)
    assert not history.entry_spent(VISITOR, ENTRANCE)


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.OPENED])
def test_the_entry_is_spent_when_somebody_passed_or_the_door_was_opened(outcome: Outcome) -> None:
    history = PassageHistory(points)
    report(history, grant(history), outcome)
    assert history.entry_spent(VISITOR, ENTRANCE)


@pytest.mark.parametrize("outcome", sorted(NOTHING_FELL))
def test_a_voucher_is_given_back_when_nothing_fell(outcome: Outcome) -> None:
    history = PassageHistory(points)
    event = grant(history, kind=CredentialClass.VOUCHER)
    assert history.entry_spent(VISITOR, ENTRANCE)
    report(history, event, outcome)
    assert not history.entry_spent(VISITOR, ENTRANCE)


@pytest.mark.parametrize("guess", [None, Outcome.NO_ANSWER, Outcome.REFUSED])
def test_a_voucher_is_used_once_something_fell_and_nothing_gives_it_back(
    guess: Outcome | None,
) -> None:
    history = PassageHistory(points)
    event = grant(history, kind=CredentialClass.VOUCHER)
    if guess is not None:
        report(history, event, guess)
    report(history, event, Outcome.DISPENSED)
    for late in sorted(NOTHING_FELL):
        assert not history.awaits(event, late)
        report(history, event, late)
    assert history.entry_spent(VISITOR, ENTRANCE)


@pytest.mark.parametrize("said", [Outcome.OPENED, Outcome.PASSED, Outcome.NOT_PASSED])
def test_nobody_goes_anywhere_by_a_voucher_whatever_its_machine_says(said: Outcome) -> None:
    history = PassageHistory(points)
    event = grant(history, kind=CredentialClass.VOUCHER)
    assert not history.awaits(event, said)
    report(history, event, said)
    assert history.entry_spent(VISITOR, ENTRANCE)
    assert not history.inside(VISITOR, OFFICE, None)
    assert history.passages_after(0, 10) == []


@pytest.mark.parametrize("said", [Outcome.DISPENSED, Outcome.NOT_DISPENSED])
def test_no_door_gives_out_drinks(said: Outcome) -> None:
    history = PassageHistory(points)
    event = grant(history)
    assert not history.awaits(event, said)
    report(history, event, said)
    assert history.entry_spent(VISITOR, ENTRANCE)
    assert not history.inside(VISITOR, OFFICE, None)


def test_a_visitor_is_inside_between_the_passages_in_and_out() -> None:
    history = PassageHistory(points)
    assert not history.inside(VISITOR, OFFICE, None)
    report(history, grant(history), Outcome.PASSED)
    assert history.inside(VISITOR, OFFICE, None)
    assert not history.inside(VISITOR, ZoneNumber(3), None)
    report(history, grant(history, EXIT), Outcome.PASSED, EXIT)
    assert not history.inside(VISITOR, OFFICE, None)


def test_a_bound_credential_counts_as_used_once_it_was_granted() -> None:
    history = PassageHistory(points)
    grant(history, kind=CredentialClass.BOUND, reason=DenyReason.LOCKDOWN)
    assert history.bound_generation(VISITOR) is None
    grant(history, kind=CredentialClass.BOUND)
    assert history.bound_generation(VISITOR) is not None


def test_a_presentation_counts_as_used_wherever_it_led() -> None:
    history = PassageHistory(points)
    grant(
        history, kind=CredentialClass.BOUND, reason=DenyReason.LOCKDOWN, presented_at=1_800_000_000
    )
    assert history.presentation_used(VISITOR, 1_800_000_000, ENTRANCE)
    assert not history.presentation_used(VISITOR, 1_800_000_010, ENTRANCE)


def test_outcomes_of_what_was_never_granted_are_no_news() -> None:
    history = PassageHistory(points)
    event = EventId(str(uuid4()))
    report(history, event, Outcome.PASSED)
    assert not history.awaits(event, Outcome.PASSED)


@pytest.mark.parametrize("guess", [Outcome.NO_ANSWER, Outcome.REFUSED])
@pytest.mark.parametrize("word", [Outcome.OPENED, Outcome.PASSED])
def test_the_doors_own_word_counts_more_than_what_the_gate_took_for_granted(
    guess: Outcome, word: Outcome
) -> None:
    history = PassageHistory(points)
    event = grant(history)
    report(history, event, guess)
    assert history.awaits(event, word)
    report(history, event, word)
    assert history.entry_spent(VISITOR, ENTRANCE)
    assert history.inside(VISITOR, OFFICE, None)
    assert not history.awaits(event, word)


@pytest.mark.parametrize("late", sorted(NOBODY_PASSED))
def test_nothing_frees_the_entry_of_somebody_who_passed(late: Outcome) -> None:
    history = PassageHistory(points)
    event = grant(history)
    report(history, event, Outcome.PASSED)
    report(history, event, late)
    assert history.entry_spent(VISITOR, ENTRANCE)


def test_grants_that_were_freed_are_forgotten_one_after_the_other() -> None:
    history = PassageHistory(points)
    events: list[EventId] = []
    for number in (10, 20, 30):
        entry = granted_entry()
        events.append(EventId(entry.event))
        history.add(number, entry)
        report(history, events[-1], Outcome.NO_ANSWER)
    history.forget(10)
    history.forget(25)
    report(history, events[2], Outcome.PASSED)
    assert history.entry_spent(VISITOR, ENTRANCE)
    history.forget(30)
    assert not history.entry_spent(VISITOR, ENTRANCE)


def granted_entry() -> DecisionEntry:
    return DecisionEntry(
        at=NOW,
        event=str(uuid4()),
        access_point=ENTRANCE,
        reason=None,
        credential=VISITOR.hex(),
        credential_class=CredentialClass.STATIC,
        generation=0,
    )
