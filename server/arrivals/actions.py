"""What others can ask of arrivals."""

from server.arrivals.answers import HostAnswered, NewAnswer, answer, answers_in, latest_for
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
from server.arrivals.fences import (
    Drawing,
    FenceChanged,
    FenceInput,
    drawn,
    find_fence,
    is_at_site,
    put_fence,
    reach_m,
    remove_fence,
)
from server.arrivals.owntracks import LARGEST as LARGEST_OWNTRACKS
from server.arrivals.owntracks import received as take_owntracks
from server.arrivals.posters import NewPoster, PosterChanged
from server.arrivals.rules import AnswerKind, CrossingKind, CrossingSource
from server.arrivals.trackers import BrokerSetup, Setup, TrackerEnded, TrackerSetUp
from server.arrivals.trackers import end as end_tracker
from server.arrivals.trackers import set_up as set_up_tracker
from server.arrivals.trackers import set_up_for_broker as set_up_tracker_for_broker
from server.arrivals.trackers import signed_in as tracker_signed_in
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
    "LARGEST_OWNTRACKS",
    "AnswerKind",
    "ApprovalAsked",
    "ApprovalGiven",
    "Asked",
    "BrokerSetup",
    "CheckedIn",
    "CrossingKind",
    "CrossingNoticed",
    "CrossingSource",
    "Drawing",
    "FenceChanged",
    "FenceInput",
    "HostAnswered",
    "NewAnswer",
    "NewPoster",
    "NewWalkIn",
    "PosterChanged",
    "Setup",
    "TrackerEnded",
    "TrackerSetUp",
    "WalkInApproval",
    "WalkInDecided",
    "WalkInRefusal",
    "WalkInRegistered",
    "answer",
    "answers_in",
    "approve_entry",
    "approve_walk_in",
    "ask_approval",
    "drawn",
    "end_tracker",
    "find_fence",
    "is_at_site",
    "is_day_of",
    "latest_for",
    "list_asked",
    "list_walk_ins",
    "notice_crossing",
    "put_fence",
    "reach_m",
    "refuse_entry",
    "refuse_walk_in",
    "register_walk_in",
    "remove_fence",
    "set_up_tracker",
    "set_up_tracker_for_broker",
    "take_owntracks",
    "tracker_signed_in",
]
