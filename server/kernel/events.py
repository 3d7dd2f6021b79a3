"""What may be recorded: the base of every event that one subject tells the others about."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened, in the past tense: `VisitCancelled`.

    Each subject declares its events in its `actions.py`, frozen and keyword-only. The first field is the id
    of what it is about. Fields hold ids and plain values, never names or addresses of people: the audit
    trail keeps them.
    """

    audited: ClassVar[bool] = True
    """Whether it becomes a line of the audit trail; False for what has a ledger of its own."""
