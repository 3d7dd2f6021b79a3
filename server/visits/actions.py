"""What hosts and security can ask for about visits: make, change, cancel, approve, decline, and look them up."""

from collections.abc import Sequence

from server.kernel.errors import Conflict, NotFound
from server.kernel.ids import VisitId, VisitorId, WishId
from server.kernel.work import Work
from server.visits import guests as guest_list
from server.visits import models, phones, replies, series_models
from server.visits.appointments import approve, cancel, change, create, decline
from server.visits.events import (
    ChangeWished,
    CompanionAnswered,
    CompanionNamed,
    MailWanted,
    SeriesGuestToTell,
    SeriesMade,
    SeriesPassToSend,
    VisitCancelled,
    VisitChanged,
    VisitConfirmed,
    VisitDeclined,
    VisitHeld,
    VisitorCheckedOut,
    VisitorDeclined,
    VisitorForgotten,
    VisitorInvited,
    VisitorLinkReplaced,
    VisitorReturned,
    VisitorUninvited,
    VisitRequested,
    WishAnswered,
)
from server.visits.forgetting import (
    about_visitor,
    forget_visitor,
    leave_list,
    mail_references,
    over_since,
    prune_traces,
    still_named,
)
from server.visits.guest_lists import Unreadable, decoded
from server.visits.guest_lists import read as read_guest_list
from server.visits.guests import link_of, needs_of, note_mail
from server.visits.handover import HostChanged
from server.visits.handover import hand_over as hand_over_visits
from server.visits.handover import to_come as visits_to_come
from server.visits.host_notices import once_about, recipient, tell_host
from server.visits.invitations import (
    invite,
    tell_declined,
    tell_host_declined,
    tell_kept,
    tell_moved,
    tell_new_host,
    uninvite,
)
from server.visits.leaving import (
    LeavingInput,
    change_leaving,
    check_out,
    check_out_by_guard,
    come_back,
)
from server.visits.leaving import tell_answered as tell_survey_answered
from server.visits.leaving_models import CheckOut, CheckOutKind, Leaving, check_outs, leaving_of
from server.visits.lookup import (
    changeable,
    expected_guest,
    find,
    get,
    hold,
    notice,
    receives,
    require_inviting,
)
from server.visits.messenger_news import end_joined, mail_news, page_of, tell_joined
from server.visits.models import Visit, Visitor, Wish
from server.visits.phones import (
    Attempt,
    Keeper,
    NotOpened,
    OtherPhone,
    PhoneBound,
    ReplacedLink,
    UnknownLink,
    at_phone,
    bind_phone,
    opened_by,
    request_code,
    take_over,
)
from server.visits.place import first_time_zone
from server.visits.recurrence import Frequency, NoDates, Repeat
from server.visits.replies import (
    answer_companion,
    bring,
    decline_invitation,
    expect_again,
    note_needs,
    wish,
)
from server.visits.reply_address import find_by_reply_address, reply_address, visitor_at
from server.visits.returning import (
    Profile,
    is_kept,
    keep_up,
    kept_of,
    may_be_kept,
    remember,
)
from server.visits.returning import forget as forget_profile
from server.visits.returning import forget_unused as forget_unused_profiles
from server.visits.returning import keep as keep_profile
from server.visits.rules import (
    MOST_VISITORS,
    Answer,
    Company,
    Input,
    MailState,
    NeedsInput,
    NewCompanion,
    NewTerms,
    NewVisit,
    NewVisitor,
    NewWish,
    PersonIdText,
    Reason,
    RoomIdText,
    TermsKind,
    VisitChange,
    VisitFilter,
    VisitorChange,
    VisitorIdText,
    VisitorName,
    VisitState,
    WalkInGuest,
    WelcomeInput,
    in_words,
)
from server.visits.series import (
    DatesWanted,
    NewSeries,
    Scope,
    SeriesDates,
    approve_dates,
    cancel_dates,
    change_dates,
    dates,
    decline_dates,
    series_of,
)
from server.visits.series import create as create_series
from server.visits.series_letters import note_guest_mail, pass_due
from server.visits.series_letters import tell as tell_series_guest
from server.visits.series_models import Series, SeriesGuest, dates_in
from server.visits.terms import agree, outstanding, withdraw_terms, write_terms
from server.visits.versions import version_of
from server.visits.welcome import change_welcome, welcome

__all__ = [
    "MOST_VISITORS",
    "Answer",
    "Attempt",
    "ChangeWished",
    "CheckOut",
    "CheckOutKind",
    "CompanionAnswered",
    "CompanionNamed",
    "Company",
    "DatesWanted",
    "Frequency",
    "HostChanged",
    "Input",
    "Keeper",
    "Leaving",
    "LeavingInput",
    "MailState",
    "MailWanted",
    "NeedsInput",
    "NewCompanion",
    "NewSeries",
    "NewTerms",
    "NewVisit",
    "NewVisitor",
    "NewWish",
    "NoDates",
    "NotOpened",
    "OtherPhone",
    "PersonIdText",
    "PhoneBound",
    "Profile",
    "Reason",
    "Repeat",
    "ReplacedLink",
    "RoomIdText",
    "Scope",
    "Series",
    "SeriesDates",
    "SeriesGuest",
    "SeriesGuestToTell",
    "SeriesMade",
    "SeriesPassToSend",
    "TermsKind",
    "UnknownLink",
    "Unreadable",
    "VisitCancelled",
    "VisitChange",
    "VisitChanged",
    "VisitConfirmed",
    "VisitDeclined",
    "VisitFilter",
    "VisitHeld",
    "VisitRequested",
    "VisitState",
    "VisitorChange",
    "VisitorCheckedOut",
    "VisitorDeclined",
    "VisitorForgotten",
    "VisitorIdText",
    "VisitorInvited",
    "VisitorLinkReplaced",
    "VisitorName",
    "VisitorReturned",
    "VisitorUninvited",
    "WalkInGuest",
    "WelcomeInput",
    "WishAnswered",
    "about_visitor",
    "add_visitors",
    "agree",
    "answer_companion",
    "answer_wish",
    "approve",
    "approve_dates",
    "at_phone",
    "bind_phone",
    "bring",
    "cancel",
    "cancel_dates",
    "change",
    "change_dates",
    "change_leaving",
    "change_visitor",
    "change_welcome",
    "check_out",
    "check_out_by_guard",
    "check_outs",
    "come_back",
    "create",
    "create_series",
    "dates",
    "dates_in",
    "decline",
    "decline_dates",
    "decline_invitation",
    "decoded",
    "end_joined",
    "expect_again",
    "find",
    "find_by_reply_address",
    "first_time_zone",
    "forget_profile",
    "forget_unused_profiles",
    "forget_visitor",
    "get",
    "hand_over_visits",
    "in_words",
    "invite",
    "is_kept",
    "keep_profile",
    "keep_up",
    "kept_of",
    "leave_list",
    "leaving_of",
    "link_of",
    "mail_again",
    "mail_news",
    "mail_references",
    "may_be_kept",
    "needs_of",
    "note_guest_mail",
    "note_mail",
    "note_needs",
    "once_about",
    "opened_by",
    "outstanding",
    "over_since",
    "page_of",
    "pass_due",
    "prune_traces",
    "read_guest_list",
    "receives",
    "recipient",
    "remember",
    "remove_visitor",
    "replace_link",
    "reply_address",
    "request_code",
    "require_inviting",
    "series_of",
    "still_named",
    "take_over",
    "tell_declined",
    "tell_host",
    "tell_host_declined",
    "tell_joined",
    "tell_kept",
    "tell_moved",
    "tell_new_host",
    "tell_series_guest",
    "tell_survey_answered",
    "uninvite",
    "version_of",
    "visitor_at",
    "visits_to_come",
    "welcome",
    "wish",
    "withdraw_terms",
    "write_terms",
]


def add_visitors(work: Work, visit_id: VisitId, new: Sequence[NewVisitor]) -> Visit:
    """Invite more people to a visit."""
    visit = changeable(work, visit_id)
    guests = list(models.visitors_of(work.session, visit.id))
    guest_list.check([*guests, *new])
    hold(work, visit, guests)
    guest_list.invite(work, visit, [guest_list.add(work, visit, each) for each in new])
    notice(work, visit)
    return visit


def change_visitor(
    work: Work, visit_id: VisitId, visitor_id: VisitorId, wanted: VisitorChange
) -> Visit:
    """Change somebody invited. Another address is another guest: the old link and credential end."""
    visit = changeable(work, visit_id)
    kept = [guest_list.as_listed(guest) for guest in models.visitors_of(work.session, visit.id)]
    if not any(each.id == visitor_id for each in kept):
        raise NotFound("There is no such visitor in this visit.")
    given = wanted.model_dump(exclude_none=True)
    changed = [each.model_copy(update=given) if each.id == visitor_id else each for each in kept]
    return change(work, visit_id, VisitChange(visitors=changed))


def remove_visitor(work: Work, visit_id: VisitId, visitor_id: VisitorId) -> Visit:
    """Take back an invitation; the last visitor cannot be removed, the visit can be cancelled."""
    visit = changeable(work, visit_id)
    guests = models.visitors_of(work.session, visit.id)
    gone = [guest for guest in guests if guest.id == visitor_id]
    if not gone:
        raise NotFound("There is no such visitor in this visit.")
    if len(guests) == 1:
        raise Conflict("This is the only visitor. Cancel the visit instead.")
    guest_list.uninvite(work, visit, gone)
    notice(work, visit)
    return visit


def answer_wish(work: Work, visit_id: VisitId, wish_id: WishId, *, accept: bool) -> Wish:
    """Answer what a visitor asked for, for the host; where that is another time, the visit moves there."""
    found = replies.answer_wish(work, visit_id, wish_id, accept=accept)
    if accept and found.starts_at and found.ends_at:
        change(work, visit_id, VisitChange(starts_at=found.starts_at, ends_at=found.ends_at))
    return found


def replace_link(work: Work, visit_id: VisitId, visitor_id: VisitorId) -> Visitor:
    """Give a visitor a new link and credential: the old mail, perhaps in the wrong hands, is worth nothing then.

    Of a series all links to come are replaced: whoever opened one of them sees the others.
    """
    visit = changeable(work, visit_id)
    visitor = expected_guest(work, visit, visitor_id)
    others = series_models.other_dates(work.session, visit, visitor)
    for each in (visitor, *(guest for date, guest in others if date.ends_at > work.now)):
        guest_list.new_link(work, each)
        phones.release(work, each)
        follows = each is not visitor
        work.record(VisitorLinkReplaced(visitor=each.id, visit=each.visit, follows=follows))
    return visitor


def mail_again(work: Work, visit_id: VisitId, visitor_id: VisitorId) -> Visitor:
    """Have the visitor's mail written and sent again, as the visit stands now."""
    visitor = expected_guest(work, changeable(work, visit_id), visitor_id)
    work.record(MailWanted(visitor=visitor.id, visit=visitor.visit))
    return visitor
