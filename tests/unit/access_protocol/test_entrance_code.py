"""The changing code: as RFC 6238 has it, accepted in its own step and the next, and never after."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_protocol import entrance_code
from access_protocol.entrance_code import STEP, MalformedEntranceKeyError

KEY = b"12345678901234567890123456789012"
"""The seed of the SHA-256 vectors of RFC 6238, appendix B."""
TIMES = st.integers(1_700_000_000_000, 4_000_000_000_000).map(
    lambda milliseconds: datetime.fromtimestamp(milliseconds / 1000, UTC)
)


@pytest.mark.parametrize(
    ("counter", "digits"),
    [
        (0x1, "46119246"),
        (0x23523EC, "68084774"),
        (0x23523ED, "67062674"),
        (0x273EF07, "91819424"),
        (0x3F940AA, "90698825"),
        (0x27BC86AA, "77737706"),
    ],
)
def test_the_digits_are_those_of_the_rfc_at_the_same_counter(counter: int, digits: str) -> None:
    at = datetime.fromtimestamp(counter * STEP.total_seconds(), UTC)

    assert entrance_code.code_at(KEY, at).digits == digits


@given(TIMES)
def test_a_code_is_accepted_while_it_is_shown_and_one_step_longer(at: datetime) -> None:
    code = entrance_code.code_at(KEY, at)
    moment = timedelta(microseconds=1)

    assert timedelta() < code.ends - at <= STEP
    assert entrance_code.accepts(KEY, code.digits, code.ends - STEP)
    assert entrance_code.accepts(KEY, code.digits, at)
    assert entrance_code.accepts(KEY, code.digits, code.ends + STEP - moment)


def test_a_code_of_31_seconds_ago_is_not_accepted_nor_one_to_come() -> None:
    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    shown = entrance_code.code_at(KEY, now).digits

    assert not entrance_code.accepts(KEY, shown, now + timedelta(seconds=31))
    assert not entrance_code.accepts(KEY, shown, now - timedelta(seconds=1))


@given(st.text(max_size=12), TIMES)
def test_whatever_else_is_typed_is_not_accepted(typed: str, at: datetime) -> None:
    right = {
        entrance_code.code_at(KEY, at).digits,
        entrance_code.code_at(KEY, at - STEP).digits,
    }

    assert entrance_code.accepts(KEY, typed, at) == (typed in right)


def test_a_key_of_another_length_is_none() -> None:
    with pytest.raises(MalformedEntranceKeyError, match="32 bytes"):
        entrance_code.code_at(KEY[:16], datetime(2026, 11, 21, tzinfo=UTC))
