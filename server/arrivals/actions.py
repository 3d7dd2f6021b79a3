"""What others can ask of arrivals."""

from server.arrivals.crossings import CrossingNoticed, is_day_of, notice_crossing
from server.arrivals.rules import CrossingKind, CrossingSource

__all__ = [
    "CrossingKind",
    "CrossingNoticed",
    "CrossingSource",
    "is_day_of",
    "notice_crossing",
]
