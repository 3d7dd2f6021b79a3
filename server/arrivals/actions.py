"""What others can ask of arrivals."""

from server.arrivals.answers import HostAnswered, NewAnswer, answer, latest_for
from server.arrivals.check_in import (
    ApprovalAsked,
    ApprovalGiven,
    Asked,
    CheckedIn,
    approve_entry,
    ask_approval,
    list_asked,
    refuse_entry,
)
from server.arrivals.crossings import CrossingNoticed, is_day_of, notice_crossing
from server.arrivals.posters import NewPoster, PosterChanged
from server.arrivals.rules import AnswerKind, CrossingKind, CrossingSource
from server.arrivals.walk_ins import (
    NewWalkIn,
    WalkInApproval,
    WalkInDecided,
    WalkInRefusal,
    WalkInRegistered,
)
from server.arrivals.walk_ins import approve as approve_walk_in
from server.arrivals.walk_ins import list_waiting as list_walk_ins
from server.arrivals.walk_ins import refuse as refuse_walk_in
from server.arrivals.walk_ins import register as register_walk_in

__all__ = [
    "AnswerKind",
    "ApprovalAsked",
    "ApprovalGiven",
    "Asked",
    "CheckedIn",
    "CrossingKind",
    "CrossingNoticed",
    "CrossingSource",
    "HostAnswered",
    "NewAnswer",
    "NewPoster",
    "NewWalkIn",
    "PosterChanged",
    "WalkInApproval",
    "WalkInDecided",
    "WalkInRefusal",
    "WalkInRegistered",
    "answer",
    "approve_entry",
    "approve_walk_in",
    "ask_approval",
    "is_day_of",
    "latest_for",
    "list_asked",
    "list_walk_ins",
    "notice_crossing",
    "refuse_entry",
    "refuse_walk_in",
    "register_walk_in",
]
