"""What an entry into a room proves, and which of two reports of it counts. Pure."""

from enum import StrEnum

from access_protocol.events import Outcome


class Certainty(StrEnum):
    """How sure it is that somebody came in."""

    UNLOCKED = "unlocked"
    """The door was opened for them; its sensor cannot tell who walked through."""
    PASSED = "passed"
    """The portal reported a passage after it let them in."""


CERTAINTY = {Outcome.OPENED: Certainty.UNLOCKED, Outcome.PASSED: Certainty.PASSED}
"""What each outcome proves; the others prove no entry."""


def surer(one: Certainty, other: Certainty) -> Certainty:
    """Return the better of two reports about the same entry."""
    return Certainty.PASSED if Certainty.PASSED in (one, other) else Certainty.UNLOCKED
