"""The gatekeeper decides once on each presentation, by the shared rules and nothing else."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from access_protocol.credential import CredentialClass
from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.ids import AccessPointId, CredentialId
from access_protocol.keys import SigningKey
from access_protocol.rules import Circumstances
from gate_agent.gatekeeper import (
    A_FULL_ONE_COMES,
    FORGED_AT_ONCE,
    FORGED_EVERY,
    MOST_HELD_STILL,
    SAME_PRESENTATION,
    Gatekeeper,
    HoldStill,
    TooManyForged,
)
from tests.fakes.gate_site import (
    ENTRANCE,
    ISSUER,
    NOW,
    SITE,
    bound,
    entrance,
    full,
    policy,
    ring,
    short,
    static,
)
from tests.fakes.knowledge import FakeHistory, FakeKnowledge

WINDOW = SAME_PRESENTATION.total_seconds()
POSTER = "https://example.com/menu"


class Hall:
    """A gatekeeper with what it is handed."""

    def __init__(self) -> None:
        self.gatekeeper = Gatekeeper()
        self.knowledge = FakeKnowledge(SITE, policy(), ring())
        self.history = FakeHistory()
        self.circumstances = Circumstances(NOW, clock_trusted=True, knowledge_age=timedelta())

    def show(
        self, *texts: str, moment: float = 0.0, point: AccessPointId = ENTRANCE
    ) -> AccessDecision | None:
        return self.gatekeeper.decide(
            texts,
            entrance(point=point, classes=frozenset(CredentialClass)),
            self.knowledge,
            self.history,
            self.circumstances,
            moment,
        )

    def reason(self, *texts: str, moment: float = 0.0) -> DenyReason | None:
        decision = self.show(*texts, moment=moment)
        assert decision is not None
        return decision.reason


def test_a_valid_credential_is_granted() -> None:
    decision = Hall().show(static())
    assert decision is not None
    assert decision.granted


def test_a_credential_by_a_stranger_is_refused() -> None:
    assert Hall().reason(static(key=SigningKey(b"X" * 32))) is DenyReason.UNKNOWN_KEY


def test_a_poster_is_ignored() -> None:
    assert Hall().show(POSTER) is None
    assert Hall().show() is None


def test_a_poster_beside_a_pass_does_not_count() -> None:
    assert Hall().reason(POSTER, static()) is None


def test_the_same_text_is_not_decided_twice_within_the_window() -> None:
    hall, text = Hall(), static()
    assert hall.show(text) is not None
    assert hall.show(text, moment=WINDOW - 0.1) is None


def test_holding_still_does_not_lengthen_the_window() -> None:
    hall, text = Hall(), static()
    for moment in (0.0, 4.0, 9.0):
        hall.show(text, moment=moment)
    assert hall.show(text, moment=WINDOW) is not None


def test_the_same_pass_at_another_access_point_is_decided_there() -> None:
    hall, text = Hall(), static()
    assert hall.show(text) is not None
    assert hall.show(text, point=AccessPointId("sakura-in")) is not None


def test_the_same_claims_in_other_bytes_are_the_same_presentation() -> None:
    """A key that was rotated in signs the same claims anew: other bytes, nothing new."""
    hall = Hall()
    other = SigningKey(b"J" * 32)
    hall.knowledge.ring = type(ring())([*ring(ISSUER), *ring(other)])
    assert hall.show(static(7, key=ISSUER)) is not None
    assert hall.show(static(7, key=other), moment=1.0) is None
    assert hall.gatekeeper.seen((static(7, key=other),), ENTRANCE, 2.0)


def test_another_generation_is_another_presentation() -> None:
    hall = Hall()
    assert hall.show(static(7, generation=0)) is not None
    assert hall.show(static(7, generation=1)) is not None


def test_an_unverifiable_text_is_refused_once_within_the_window() -> None:
    hall = Hall()
    assert hall.reason("GK1:NOT A PASS") is DenyReason.MALFORMED
    assert hall.show("GK1:NOT A PASS", moment=5.0) is None
    assert hall.reason("GK1:NOT A PASS", moment=WINDOW) is DenyReason.MALFORMED


def test_two_passes_at_once_are_refused_and_one_of_them_alone_is_decided() -> None:
    hall = Hall()
    assert hall.reason(static(1), static(2)) is DenyReason.SEVERAL_CODES
    assert hall.reason(static(1), moment=0.2) is None
    assert hall.show(static(2), static(1), moment=0.4) is None


def forge(hall: Hall, moment: float, count: int = 1000) -> int:
    """Show that many different forged codes at once; return how many were decided on."""
    decided = 0
    for number in range(count):
        with suppress(TooManyForged):
            decided += hall.reason(f"GK1:FORGED {moment} {number}", moment=moment) is not None
    return decided


def test_ever_changing_forgeries_are_decided_on_at_a_bounded_rate() -> None:
    hall, pause = Hall(), FORGED_EVERY.total_seconds()
    assert forge(hall, 0.0) == FORGED_AT_ONCE
    assert forge(hall, pause / 2) == 0
    assert forge(hall, pause) == 1
    assert sum(forge(hall, pause + second, 3) for second in range(1, 3601)) == 3600 / pause
    assert forge(hall, 1_000_000.0) == FORGED_AT_ONCE


def test_forgeries_keep_no_visitor_with_a_true_credential_waiting() -> None:
    hall = Hall()
    forge(hall, 0.0)
    assert not hall.gatekeeper.calm(ENTRANCE, 0.0)
    assert hall.show(static()) == AccessDecision(
        None, CredentialId((1).to_bytes(16, "big")), CredentialClass.STATIC, 0
    )
    expired = static(2, at=NOW - timedelta(days=1))
    assert hall.reason(expired) is DenyReason.EXPIRED


def test_forgeries_at_one_access_point_do_not_count_at_another() -> None:
    hall = Hall()
    forge(hall, 0.0)
    elsewhere = AccessPointId("side")
    assert hall.gatekeeper.calm(elsewhere, 0.0)
    assert hall.show("GK1:FORGED", point=elsewhere) is not None


def test_a_code_that_had_to_wait_is_decided_on_later() -> None:
    hall = Hall()
    forge(hall, 0.0)
    with pytest.raises(TooManyForged):
        hall.show("GK1:MISREAD")
    assert hall.reason("GK1:MISREAD", moment=FORGED_EVERY.total_seconds()) is DenyReason.MALFORMED


FIRST = CredentialId((1).to_bytes(16, "big"))


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_short_presentation_of_a_credential_that_is_held_is_decided_at_once() -> None:
    hall = Hall()
    hall.knowledge.held[FIRST] = bound()
    assert hall.reason(short(bound())) is None


def test_a_short_and_a_full_presentation_of_one_moment_are_the_same() -> None:
    hall = Hall()
    hall.knowledge.held[FIRST] = bound()
    assert hall.show(short(bound())) is not None
    assert hall.show(full(bound()), moment=1.0) is None


def test_a_phone_that_is_held_there_while_its_visitor_walks_through_is_not_decided_anew() -> None:
    """It draws its next presentation; it would be an entry without an exit, and turn the screen red."""
    hall = Hall()
    assert hall.show(full(bound())) is not None
    assert hall.show(full(bound(), at=later(5)), moment=5.0) is None
    hall.circumstances = replace(hall.circumstances, now=later(WINDOW))
    assert hall.show(full(bound(), at=later(9)), moment=WINDOW) is not None


def test_after_a_refusal_the_next_presentation_is_decided() -> None:
    hall = Hall()
    too_old = full(bound(), at=NOW - timedelta(minutes=5))
    assert hall.reason(too_old) is DenyReason.PRESENTATION_OUT_OF_TIME
    assert hall.reason(full(bound()), moment=1.0) is None


def test_the_next_phone_is_decided_although_one_was_just_granted() -> None:
    hall = Hall()
    assert hall.reason(full(bound(1))) is None
    assert hall.reason(full(bound(2)), moment=1.0) is None


def test_a_short_one_that_is_not_held_is_asked_to_hold_still_and_its_full_one_is_decided() -> None:
    hall = Hall()
    with pytest.raises(HoldStill):
        hall.show(short(bound()))
    assert hall.gatekeeper.seen((short(bound()),), ENTRANCE, 1.0)
    assert hall.reason(full(bound()), moment=7.0) is None
    # The phone turns back to its short one while its visitor walks through.
    assert hall.show(short(bound(), at=later(9)), moment=9.0) is None


def test_it_is_refused_when_nothing_but_short_ones_came_for_so_long() -> None:
    hall, wait = Hall(), A_FULL_ONE_COMES.total_seconds()
    with pytest.raises(HoldStill):
        hall.show(short(bound()))
    with pytest.raises(HoldStill):
        hall.show(short(bound(), at=later(9)), moment=9.0)
    text = short(bound(), at=later(9))
    assert hall.gatekeeper.seen((text,), ENTRANCE, wait - 0.1)
    assert not hall.gatekeeper.seen((text,), ENTRANCE, wait)
    assert hall.reason(text, moment=wait) is DenyReason.NOT_HELD
    assert hall.show(text, moment=wait + 1) is None


def test_a_visitor_who_comes_back_later_is_asked_to_hold_still_again() -> None:
    hall = Hall()
    with pytest.raises(HoldStill):
        hall.show(short(bound()))
    with pytest.raises(HoldStill):
        hall.show(short(bound(), at=later(60)), moment=60.0)


def test_while_a_full_one_is_waited_for_no_door_is_asked_for_with_each_frame() -> None:
    hall = Hall()
    for second in range(3):
        with pytest.raises(HoldStill):
            hall.show(short(bound(), at=later(second)), moment=float(second))
        assert not hall.gatekeeper.calm(ENTRANCE, float(second))
    assert hall.reason(full(bound())) is None
    assert hall.gatekeeper.calm(ENTRANCE, 3.0)


def test_a_screen_full_of_short_ones_is_not_waited_on() -> None:
    hall, waited, refused = Hall(), 0, 0
    for number in range(100):
        try:
            hall.show(short(bound(), number + 1))
        except HoldStill:
            waited += 1
        except TooManyForged:
            refused += 1
    assert (waited, refused) == (MOST_HELD_STILL, 100 - MOST_HELD_STILL)
    assert not hall.gatekeeper.calm(ENTRANCE, 0.0)
    assert hall.gatekeeper.calm(AccessPointId("side"), 0.0)
    assert hall.reason(full(bound(7))) is None
    assert not hall.gatekeeper.seen(("GK1:",), ENTRANCE, 60.0)
    assert hall.gatekeeper.calm(ENTRANCE, 60.0)
    assert hall.gatekeeper._short == hall.gatekeeper._short_texts == {}
