"""The words of the page that shows what is kept of a visitor."""

import pytest

from server.pages.visitor.data_words import value


@pytest.mark.parametrize("typed", ["0001-01-01T00:00:00+23:59", "2026-04-01T10:00:00Z", "in"])
def test_what_somebody_typed_is_never_read_as_a_moment_or_a_name_of_ours(typed: str) -> None:
    assert value("text", typed) == typed
