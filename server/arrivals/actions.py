"""What others can ask of arrivals."""

from server.arrivals.answers import HostAnswered, NewAnswer, answer, answers_in, latest_for
from server.arrivals.check_in import (
    ApprovalAsked,
    ApprovalGiven,
    Asked,
    CheckedIn,
    Evidence,
    approve_entry,
    ask_approval,
    enter,
    latest_approval,
    list_asked,
    refuse_entry,
)
from server.arrivals.check_in import counts as approval_counts
from server.arrivals.check_in import is_asked as approval_waits
from server.arrivals.crossings import CrossingNoticed, is_day_of, notice_crossing
from server.arrivals.entry_rules import (
    CODE_REMEMBERED,
    as_read,
    fresh_code,
    new_check_number,
    qr_svg,
    read_code,
)
from server.arrivals.entry_rules import Answer as EntryAnswer
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
from server.arrivals.forgetting import about_visitor, forget_visitor, prune_approvals
from server.arrivals.kiosks import NewKiosk, list_kiosks
from server.arrivals.kiosks import Showing as KioskShowing
from server.arrivals.kiosks import at_screen as kiosk_at_screen
from server.arrivals.kiosks import note_seen as note_kiosk_seen
from server.arrivals.kiosks import pair as pair_kiosk
from server.arrivals.kiosks import revoke as revoke_kiosk
from server.arrivals.kiosks import showing as kiosk_showing
from server.arrivals.leaving import check_out_by_guard, clear_presence, note_passage
from server.arrivals.owntracks import LARGEST as LARGEST_OWNTRACKS
from server.arrivals.owntracks import received as take_owntracks
from server.arrivals.poster_sheets import Size as PosterSize
from server.arrivals.poster_sheets import contact_words
from server.arrivals.poster_sheets import pdf as poster_pdf
from server.arrivals.poster_sheets import picture as poster_picture
from server.arrivals.poster_sheets import sheet as qr_sheet
from server.arrivals.posters import NewPoster, PosterChanged, list_posters, note_scan
from server.arrivals.posters import address as poster_address
from server.arrivals.posters import found as poster_found
from server.arrivals.posters import get as get_poster
from server.arrivals.posters import put_up as put_up_poster
from server.arrivals.posters import replace as replace_poster
from server.arrivals.posters import take_down as take_down_poster
from server.arrivals.rules import AnswerKind, CrossingKind, CrossingSource
from server.arrivals.trackers import BrokerSetup, Setup, TrackerEnded, TrackerSetUp
from server.arrivals.trackers import end as end_tracker
from server.arrivals.trackers import follow_visit as keep_tracker
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
from server.arrivals.walk_ins import hand_over as hand_over_walk_ins
from server.arrivals.walk_ins import is_waiting as walk_in_waits
from server.arrivals.walk_ins import keep_on_phone as keep_walk_in_on_phone
from server.arrivals.walk_ins import list_waiting as list_walk_ins
from server.arrivals.walk_ins import of_phone as walk_in_of_phone
from server.arrivals.walk_ins import refuse as refuse_walk_in
from server.arrivals.walk_ins import register as register_walk_in

__all__ = [
    "CODE_REMEMBERED",
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
    "EntryAnswer",
    "Evidence",
    "FenceChanged",
    "FenceInput",
    "HostAnswered",
    "KioskShowing",
    "NewAnswer",
    "NewKiosk",
    "NewPoster",
    "NewWalkIn",
    "PosterChanged",
    "PosterSize",
    "Setup",
    "TrackerEnded",
    "TrackerSetUp",
    "WalkInApproval",
    "WalkInDecided",
    "WalkInRefusal",
    "WalkInRegistered",
    "about_visitor",
    "answer",
    "answers_in",
    "approval_counts",
    "approval_waits",
    "approve_entry",
    "approve_walk_in",
    "as_read",
    "ask_approval",
    "check_out_by_guard",
    "clear_presence",
    "contact_words",
    "drawn",
    "end_tracker",
    "enter",
    "find_fence",
    "forget_visitor",
    "fresh_code",
    "get_poster",
    "hand_over_walk_ins",
    "is_at_site",
    "is_day_of",
    "keep_tracker",
    "keep_walk_in_on_phone",
    "kiosk_at_screen",
    "kiosk_showing",
    "latest_approval",
    "latest_for",
    "list_asked",
    "list_kiosks",
    "list_posters",
    "list_walk_ins",
    "new_check_number",
    "note_kiosk_seen",
    "note_passage",
    "note_scan",
    "notice_crossing",
    "pair_kiosk",
    "poster_address",
    "poster_found",
    "poster_pdf",
    "poster_picture",
    "prune_approvals",
    "put_fence",
    "put_up_poster",
    "qr_sheet",
    "qr_svg",
    "reach_m",
    "read_code",
    "refuse_entry",
    "refuse_walk_in",
    "register_walk_in",
    "remove_fence",
    "replace_poster",
    "revoke_kiosk",
    "set_up_tracker",
    "set_up_tracker_for_broker",
    "take_down_poster",
    "take_owntracks",
    "tracker_signed_in",
    "walk_in_of_phone",
    "walk_in_waits",
]
