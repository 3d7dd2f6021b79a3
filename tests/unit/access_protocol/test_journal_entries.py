"""A journal entry has one written form, today and after later versions added fields."""

import pytest

from access_protocol.codec import MalformedReportError
from access_protocol.decision import DenyReason
from access_protocol.events import DecisionEntry, body_text, read_body

SHORTEST = (
    '{"kind":"decision","at":"2026-11-21T12:00:00Z","event":"8c5d3a52-6e0f-4d5b-9a3e-2f9b8a7c6d10",'
    '"access_point":"main-gate-in","reason":"malformed"}'
)


def test_a_field_that_has_nothing_to_say_is_not_written() -> None:
    entry = read_body(SHORTEST)

    assert isinstance(entry, DecisionEntry)
    assert entry.reason is DenyReason.MALFORMED
    assert entry.credential is None
    assert body_text(entry) == SHORTEST


@pytest.mark.parametrize(
    "other",
    [
        SHORTEST.replace("}", ',"credential":null}'),
        SHORTEST.replace(":", ": "),
        SHORTEST.replace("}", ',"mood":"good"}'),
        SHORTEST.replace("12:00:00Z", "12:00:00+00:00"),
    ],
)
def test_any_other_spelling_of_an_entry_is_refused(other: str) -> None:
    with pytest.raises(MalformedReportError):
        read_body(other)
