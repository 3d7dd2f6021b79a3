"""The gatekeeper decides once on each presentation, by the shared rules and nothing else."""

from contextlib import suppress
from datetime import timedelta

import pytest

from access_protocol.credential import CredentialClass
from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.ids import AccessPointId, CredentialId
from access_protocol.keys import SigningKey
from access_protocol.rules import Circumstances
from gate_agent.gatekeeper import (
    FORGED_AT_ONCE,
    FORGED_EVERY,
    SAME_PRESENTATION,
    Gatekeeper,
    TooManyForged,
)
from tests.fakes.gate_site import ENTRANCE, ISSUER, NOW, SITE, entrance, policy, ring, static
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
            entrance(point=point),
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
