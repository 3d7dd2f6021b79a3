"""What others can ask of arrivals."""

from server.arrivals.answers import HostAnswered, NewAnswer, answer, latest_for
from server.arrivals.crossings import CrossingNoticed, is_day_of, notice_crossing
from server.arrivals.rules import AnswerKind, CrossingKind, CrossingSource

__all__ = [
    "AnswerKind",
    "CrossingKind",
    "CrossingNoticed",
    "CrossingSource",
    "HostAnswered",
    "NewAnswer",
    "answer",
    "is_day_of",
    "latest_for",
    "notice_crossing",
]
