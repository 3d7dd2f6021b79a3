"""What follows from what: the whole scene on one page. Everything here runs inside the work that recorded the event."""

from server import consequences as then
from server.access import actions as access
from server.access.actions import AccessDecided, AmnestyGranted, OutcomesReported, PassageReported
from server.arrivals import actions as arrivals
from server.arrivals.actions import (
    ApprovalAsked,
    ApprovalGiven,
    CheckedIn,
    CrossingNoticed,
    HostAnswered,
    PosterChanged,
    WalkInDecided,
    WalkInRegistered,
)
from server.conversations import actions as conversations
from server.conversations.actions import (
    AnswerWanted,
    CallBegun,
    CommentAnswered,
    ConversationClosed,
    HandedOver,
    MessageSaid,
    SurveyAnswered,
)
from server.credentials.actions import CredentialIssued, CredentialRevoked, IssuerKeyRotated
from server.devices.actions import DeviceEnrolled, DeviceStatusChanged
from server.devices.reports import DoorReported
from server.kernel.outbox import OutboxSettled
from server.kernel.work import Office, Reactions
from server.meetings import actions as meetings
from server.meetings.actions import NoShow, VisitorAttended
from server.notifications import actions as notifications
from server.notifications.actions import MessengerWrote, NewsKind, NoticeKind, NoticeUnanswered
from server.people.actions import HostLeft, PersonDeactivated
from server.places.actions import PlaceChanged
from server.privacy import actions as privacy
from server.refreshments import actions as refreshments
from server.refreshments.actions import DrinkOffered, OrderMoved
from server.visits import actions as visits
from server.visits.actions import (
    ChangeWished,
    CompanionNamed,
    HostChanged,
    MailWanted,
    PhoneBound,
    SeriesGuestToTell,
    SeriesPassToSend,
    VisitChanged,
    VisitDeclined,
    VisitHeld,
    VisitorCheckedOut,
    VisitorDeclined,
    VisitorForgotten,
    VisitorInvited,
    VisitorLinkReplaced,
    VisitorUninvited,
    WishAnswered,
)
from server.visits.host_notices import (
    tell_deputy,
)


def register(office: Office) -> None:
    """Tell the office what follows from what; the scene from top to bottom."""
    _register_arrivals(office.reactions)
    _register_visits(office.reactions)
    _register_doors(office.reactions)
    _register_drinks(office.reactions)
    _register_conversations(office.reactions)
    _register_afterwards(office.reactions)


def _register_arrivals(reactions: Reactions) -> None:
    on = reactions.on
    # Where a visitor is, and who stands at the entrance, is what hosts are told at once.
    on(CrossingNoticed, then.tell_of_crossing)
    on(CheckedIn, lambda work, it: then.tell_at_entrance(work, it, NoticeKind.ARRIVED))
    on(ApprovalAsked, lambda work, it: then.tell_at_entrance(work, it, NoticeKind.APPROVAL_ASKED))
    on(WalkInRegistered, then.tell_of_walk_in)
    # Whoever answers has reacted, and of who does not come nobody is told any more: before the host hears of it.
    on(HostAnswered, lambda work, it: then.settle(work, it.visitors))
    on(ApprovalGiven, lambda work, it: then.settle(work, [it.visitor]))
    on(WalkInDecided, then.settle_walk_in)
    on(VisitorDeclined, lambda work, it: then.settle(work, [it.visitor]))
    on(VisitorUninvited, lambda work, it: then.settle(work, [it.visitor]))
    # An app that notices who comes near counts as long as the visit, and goes with the link.
    on(VisitorInvited, lambda work, it: arrivals.keep_tracker(work, it.visitor))
    on(VisitChanged, then.keep_trackers)
    on(VisitorDeclined, lambda work, it: arrivals.end_tracker(work, it.visitor))
    on(VisitorUninvited, lambda work, it: arrivals.end_tracker(work, it.visitor))
    on(VisitorLinkReplaced, lambda work, it: arrivals.end_tracker(work, it.visitor))


def _register_visits(reactions: Reactions) -> None:
    on = reactions.on
    # A visit stands: each visitor gets a credential, and with it the mail that shows it.
    on(VisitorInvited, then.greet_again)
    on(VisitorInvited, lambda work, it: then.expect(work, it.visitor))
    on(CredentialIssued, then.mail_new_pass)
    on(MailWanted, lambda work, it: then.mail_again(work, it.visitor))
    on(VisitorLinkReplaced, then.replace)
    on(OutboxSettled, then.note_mail)
    # Of a series each guest is told in one mail, and gets each pass before its date.
    on(SeriesGuestToTell, lambda work, it: visits.tell_series_guest(work, it.guest, then.picture))
    on(SeriesPassToSend, lambda work, it: then.send_pass(work, it.visitor))
    # Hosts are told on their channels, and their deputy where they do not react.
    on(OutboxSettled, notifications.settled)
    on(NoticeUnanswered, tell_deputy)
    # Whoever leaves hands over all that was still theirs, before their channels are forgotten.
    on(HostLeft, then.hand_over)
    on(HostChanged, then.tell_new_host)
    on(PersonDeactivated, then.need_successor)
    on(PersonDeactivated, lambda work, it: notifications.forget_person(work, it.person))
    on(PersonDeactivated, then.withdraw_staff)
    on(PersonDeactivated, lambda work, it: conversations.leave_free(work, it.person))
    # Another phone of the visitor's takes the link over: what the one before could show opens nothing more.
    on(PhoneBound, then.follow_phone)
    # The visitor answers, and the host what the visitor asked for.
    on(VisitorDeclined, then.follow_regret)
    on(ChangeWished, lambda work, it: then.tell_of(work, it, NoticeKind.CHANGE_WISHED))
    on(CompanionNamed, lambda work, it: then.tell_of(work, it, NoticeKind.COMPANIONS))
    on(WishAnswered, then.follow_answer)
    # It changes, is held, declined or cancelled: what opens doors changes with it, and people are told.
    on(VisitChanged, then.follow_change)
    on(VisitHeld, then.withdraw_all)
    on(VisitDeclined, lambda work, it: visits.tell_host_declined(work, it.visit))
    on(VisitorUninvited, lambda work, it: then.withdraw(work, it.visitor))
    on(VisitorUninvited, lambda work, it: visits.uninvite(work, it.visitor))
    # Who joined a messenger is told there that there is something to read. After all that may end a visit.
    on(OutboxSettled, notifications.messenger_settled)
    on(CredentialIssued, then.tell_new_pass)
    on(VisitChanged, then.tell_changed)
    on(VisitHeld, then.tell_changed)
    on(HostAnswered, then.tell_answered)
    on(VisitorUninvited, lambda work, it: visits.end_joined(work, it.visitor))
    # Nor is a phone told any more that keeps the visit no longer.
    on(OutboxSettled, notifications.phone_settled)
    on(VisitorLinkReplaced, lambda work, it: notifications.forget_phone(work, it.visitor))


def _register_doors(reactions: Reactions) -> None:
    on = reactions.on
    # What gates and controllers must know is pushed when it changes.
    on(CredentialIssued, access.credential_issued)
    on(CredentialRevoked, access.credential_revoked)
    on(IssuerKeyRotated, access.issuer_key_rotated)
    on(DeviceEnrolled, access.device_enrolled)
    on(PlaceChanged, access.place_changed)
    on(PlaceChanged, then.follow_staff_zones)
    on(AmnestyGranted, access.amnesty_granted)
    on(DeviceStatusChanged, access.device_status_changed)
    on(PosterChanged, then.show_code_beside)
    # Doors report: operators' commands come to their end, who passed is inside, and meetings see who came.
    # The gates' journals are locked before the server's own, by everybody.
    on(DoorReported, access.door_witnessed)
    on(DoorReported, access.door_reported)
    on(OutcomesReported, meetings.note_outcomes)
    # The page of whoever went through a door moves on by itself.
    on(PassageReported, then.show_passage)
    on(DoorReported, meetings.door_reported)
    on(VisitorAttended, meetings.tell_in_room)
    on(NoShow, meetings.tell_no_show)
    on(VisitChanged, lambda work, it: meetings.look_again(work, it.visit))


def _register_conversations(reactions: Reactions) -> None:
    on = reactions.on
    # Who is wanted in a chat is told; what is answered settles it, and the visitor is told of it in their turn.
    on(AnswerWanted, conversations.tell_wanted)
    on(AnswerWanted, conversations.tell_reception)
    on(AnswerWanted, conversations.say_when)
    on(MessageSaid, conversations.settle_answered)
    on(MessageSaid, conversations.settle_reception)
    on(HandedOver, conversations.settle_reception)
    on(ConversationClosed, conversations.settle_reception)
    on(MessageSaid, conversations.answer_by_mail)
    on(CallBegun, conversations.tell_called)
    on(CallBegun, conversations.tell_reception_called)
    # What is written elsewhere than on the page is said there.
    on(MessengerWrote, conversations.messenger_wrote)


def _register_afterwards(reactions: Reactions) -> None:
    on = reactions.on
    # Who goes out is checked out, and their pass ends; who comes in again is a guest again.
    on(PassageReported, arrivals.note_passage)
    on(VisitorCheckedOut, then.end_pass)
    on(VisitorCheckedOut, arrivals.clear_presence)
    on(VisitorCheckedOut, lambda work, it: visits.keep_up(work, it.visitor))
    # What they say is read, and answered. What they want forgotten, every subject forgets.
    on(SurveyAnswered, conversations.tell_readers)
    on(CommentAnswered, conversations.tell_comment_answered)
    on(VisitorForgotten, privacy.forget_everywhere)


def _register_drinks(reactions: Reactions) -> None:
    on = reactions.on
    # Past the gate and near a machine: a drink is offered, and given back where none dropped.
    on(PassageReported, refreshments.passed)
    on(DrinkOffered, lambda work, it: visits.tell_joined(work, it.visitor, NewsKind.DRINK))
    on(OrderMoved, then.tell_given_back)
    # A voucher's way: a reader accepts it, the machine says what came of it, and the gate's journal says so too.
    on(AccessDecided, refreshments.decided)
    on(OutcomesReported, refreshments.outcomes)
    on(DoorReported, refreshments.reported)
