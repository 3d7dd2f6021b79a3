"""What follows from what: the whole scene on one page. Everything here runs inside the work that recorded the event."""

from collections.abc import Iterable
from datetime import timedelta

from access_protocol.credential import CredentialClass
from server.access import actions as access
from server.access.actions import AccessDecided, AmnestyGranted, OutcomesReported, PassageReported
from server.arrivals import actions as arrivals
from server.arrivals.actions import (
    ApprovalAsked,
    ApprovalGiven,
    CheckedIn,
    CrossingKind,
    CrossingNoticed,
    HostAnswered,
    PosterChanged,
    WalkInDecided,
    WalkInRegistered,
)
from server.arrivals.models import WalkIn
from server.conversations import actions as conversations
from server.conversations.actions import (
    AnswerWanted,
    CommentAnswered,
    MessageSaid,
    SurveyAnswered,
)
from server.credentials import actions as credentials
from server.credentials import models as issued
from server.credentials.actions import CredentialIssued, CredentialRevoked, IssuerKeyRotated
from server.devices.actions import DeviceEnrolled, DeviceStatusChanged
from server.devices.reports import DoorReported
from server.kernel import live, outbox
from server.kernel.errors import Conflict
from server.kernel.ids import SeriesGuestId, VisitorId
from server.kernel.outbox import OutboxSettled
from server.kernel.work import Office, Reactions, Work
from server.meetings import actions as meetings
from server.meetings.actions import NoShow, VisitorAttended
from server.notifications import actions as notifications
from server.notifications.actions import MessengerWrote, NewsKind, NoticeKind, NoticeUnanswered
from server.people.actions import HostLeft, PersonDeactivated
from server.people.models import Person
from server.places.actions import PlaceChanged
from server.places.models import AccessPoint, Portal
from server.privacy import actions as privacy
from server.refreshments import actions as refreshments
from server.refreshments.actions import DrinkOffered, OrderMoved, OrderState
from server.visits import actions as visits
from server.visits import models as visit_models
from server.visits.actions import (
    ChangeWished,
    CompanionNamed,
    HostChanged,
    MailState,
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
    once_about,
    recipient,
    tell_deputy,
    tell_host,
    tell_person,
)

APPROVALS = "/host/approvals"
"""Where a host lets somebody in who waits at the entrance."""


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
    on(CrossingNoticed, _tell_of_crossing)
    on(CheckedIn, lambda work, it: _tell_at_entrance(work, it, NoticeKind.ARRIVED))
    on(ApprovalAsked, lambda work, it: _tell_at_entrance(work, it, NoticeKind.APPROVAL_ASKED))
    on(WalkInRegistered, _tell_of_walk_in)
    # Whoever answers has reacted, and of who does not come nobody is told any more: before the host hears of it.
    on(HostAnswered, lambda work, it: _settle(work, it.visitors))
    on(ApprovalGiven, lambda work, it: _settle(work, [it.visitor]))
    on(WalkInDecided, _settle_walk_in)
    on(VisitorDeclined, lambda work, it: _settle(work, [it.visitor]))
    on(VisitorUninvited, lambda work, it: _settle(work, [it.visitor]))
    # An app that notices who comes near counts as long as the visit, and goes with the link.
    on(VisitorInvited, lambda work, it: arrivals.keep_tracker(work, it.visitor))
    on(VisitChanged, _keep_trackers)
    on(VisitorDeclined, lambda work, it: arrivals.end_tracker(work, it.visitor))
    on(VisitorUninvited, lambda work, it: arrivals.end_tracker(work, it.visitor))
    on(VisitorLinkReplaced, lambda work, it: arrivals.end_tracker(work, it.visitor))


def _register_visits(reactions: Reactions) -> None:
    on = reactions.on
    # A visit stands: each visitor gets a credential, and with it the mail that shows it.
    on(VisitorInvited, _greet_again)
    on(VisitorInvited, lambda work, it: _expect(work, it.visitor))
    on(CredentialIssued, _mail_new_pass)
    on(MailWanted, lambda work, it: _mail_again(work, it.visitor))
    on(VisitorLinkReplaced, _replace)
    on(OutboxSettled, _note_mail)
    # Of a series each guest is told in one mail, and gets each pass before its date.
    on(SeriesGuestToTell, lambda work, it: visits.tell_series_guest(work, it.guest, _picture))
    on(SeriesPassToSend, lambda work, it: _send_pass(work, it.visitor))
    # Hosts are told on their channels, and their deputy where they do not react.
    on(OutboxSettled, notifications.settled)
    on(NoticeUnanswered, tell_deputy)
    # Whoever leaves hands over all that was still theirs, before their channels are forgotten.
    on(HostLeft, _hand_over)
    on(HostChanged, _tell_new_host)
    on(PersonDeactivated, lambda work, it: notifications.forget_person(work, it.person))
    on(PersonDeactivated, _withdraw_staff)
    on(PersonDeactivated, lambda work, it: conversations.leave_free(work, it.person))
    # Another phone of the visitor's takes the link over: what the one before could show opens nothing more.
    on(PhoneBound, _follow_phone)
    # The visitor answers, and the host what the visitor asked for.
    on(VisitorDeclined, _follow_regret)
    on(ChangeWished, lambda work, it: _tell_host(work, it, NoticeKind.CHANGE_WISHED))
    on(CompanionNamed, lambda work, it: _tell_host(work, it, NoticeKind.COMPANIONS))
    on(WishAnswered, _follow_answer)
    # It changes, is held, declined or cancelled: what opens doors changes with it, and people are told.
    on(VisitChanged, _follow_change)
    on(VisitHeld, _withdraw_all)
    on(VisitDeclined, lambda work, it: visits.tell_host_declined(work, it.visit))
    on(VisitorUninvited, lambda work, it: _withdraw(work, it.visitor))
    on(VisitorUninvited, lambda work, it: visits.uninvite(work, it.visitor))
    # Who joined a messenger is told there that there is something to read. After all that may end a visit.
    on(OutboxSettled, notifications.messenger_settled)
    on(CredentialIssued, _tell_new_pass)
    on(VisitChanged, _tell_changed)
    on(VisitHeld, _tell_changed)
    on(HostAnswered, _tell_answered)
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
    on(PlaceChanged, _follow_staff_zones)
    on(AmnestyGranted, access.amnesty_granted)
    on(DeviceStatusChanged, access.device_status_changed)
    on(PosterChanged, _show_code_beside)
    # Doors report: operators' commands come to their end, who passed is inside, and meetings see who came.
    # The gates' journals are locked before the server's own, by everybody.
    on(DoorReported, access.door_witnessed)
    on(DoorReported, access.door_reported)
    on(OutcomesReported, meetings.note_outcomes)
    # The page of whoever went through a door moves on by itself.
    on(PassageReported, _show_passage)
    on(DoorReported, meetings.door_reported)
    on(VisitorAttended, meetings.tell_in_room)
    on(NoShow, meetings.tell_no_show)
    on(VisitChanged, lambda work, it: meetings.look_again(work, it.visit))


def _register_conversations(reactions: Reactions) -> None:
    on = reactions.on
    # Who is wanted in a chat is told; what is answered settles it, and the visitor is told of it in their turn.
    on(AnswerWanted, conversations.tell_wanted)
    on(AnswerWanted, conversations.say_when)
    on(MessageSaid, conversations.settle_answered)
    on(MessageSaid, conversations.answer_by_mail)
    # What is written elsewhere than on the page is said there.
    on(MessengerWrote, conversations.messenger_wrote)


def _register_afterwards(reactions: Reactions) -> None:
    on = reactions.on
    # Who goes out is checked out, and their pass ends; who comes in again is a guest again.
    on(PassageReported, arrivals.note_passage)
    on(VisitorCheckedOut, _end_pass)
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
    on(OrderMoved, _tell_given_back)
    # A voucher's way: a reader accepts it, the machine says what came of it, and the gate's journal says so too.
    on(AccessDecided, refreshments.decided)
    on(OutcomesReported, refreshments.outcomes)
    on(DoorReported, refreshments.reported)


def _tell_given_back(work: Work, it: OrderMoved) -> None:
    if it.state is OrderState.RETURNED and it.visitor is not None:
        visits.tell_joined(work, it.visitor, NewsKind.DRINK)


def _hand_over(work: Work, left: HostLeft) -> None:
    visits.hand_over_visits(work, left.person, left.successor)
    arrivals.hand_over_walk_ins(work, left.person, left.successor)
    conversations.follow_host(work, left.person, left.successor)
    to = recipient(work.session.get_one(Person, left.successor))
    notifications.hand_over_notices(work, left.person, to)


def _tell_new_host(work: Work, it: HostChanged) -> None:
    for visitor in it.visitors:
        visits.tell_new_host(work, visitor, _picture)
        visits.tell_joined(work, visitor, NewsKind.CHANGED)


def _withdraw_staff(work: Work, closed: PersonDeactivated) -> None:
    credentials.withdraw_staff(work, closed.person)


def _follow_staff_zones(work: Work, changed: PlaceChanged) -> None:
    if changed.what == "site" and not changed.created:
        credentials.follow_site(work, changed.site)


def _show_passage(work: Work, passed: PassageReported) -> None:
    found = visit_models.by_credentials(work.session, [passed.credential]).get(passed.credential)
    if found is not None:
        live.notice(work, live.VISITOR, about=found[1].id, site=passed.site)


def _show_code_beside(work: Work, changed: PosterChanged) -> None:
    """Let the screens at an entrance show the code of the poster that hangs there now."""
    if changed.access_point is not None:
        path = f"/e/{changed.code}" if changed.code else ""
        access.post_entrance(work, changed.site, changed.access_point, path)


def _tell_new_pass(work: Work, made: CredentialIssued) -> None:
    # What is bound to a phone came over its page: whoever looks at it need not be told.
    if made.visitor is not None and made.credential_class is CredentialClass.STATIC:
        visits.tell_joined(work, made.visitor, NewsKind.PASS)


def _tell_changed(work: Work, it: VisitChanged | VisitHeld) -> None:
    for visitor in it.visitors:
        visits.tell_joined(work, visitor, NewsKind.CHANGED)


def _tell_answered(work: Work, it: HostAnswered) -> None:
    for visitor in it.visitors:
        visits.tell_joined(work, visitor, NewsKind.ANSWERED)


def _expect(work: Work, visitor: VisitorId) -> None:
    credentials.expect(work, visitor)


def _withdraw(work: Work, visitor: VisitorId) -> None:
    credentials.withdraw(work, visitor)


def _end_pass(work: Work, left: VisitorCheckedOut) -> None:
    if left.for_good:
        credentials.withdraw(work, left.visitor)


def _greet_again(work: Work, invited: VisitorInvited) -> None:
    visits.remember(work, invited.visitor)


def _withdraw_all(work: Work, held: VisitHeld) -> None:
    for visitor in held.visitors:
        credentials.withdraw(work, visitor)


def _follow_change(work: Work, changed: VisitChanged) -> None:
    for visitor in changed.visitors:
        # What was withdrawn stays so: another time for the visit is no pardon.
        counts = issued.current_issue(work.session, visitor, None) is not None
        to_mail = issued.current_issue(work.session, visitor)
        if counts and (changed.access_changed or to_mail is None):
            credentials.issue_anew(work, visitor)
        else:
            _mail(work, visitor)


def _mail_new_pass(work: Work, made: CredentialIssued) -> None:
    # What is bound to a phone came over its page and is no use on paper.
    if made.visitor is not None and made.credential_class is CredentialClass.STATIC:
        _mail(work, made.visitor)


def _mail_again(work: Work, visitor: VisitorId) -> None:
    _check_not_withdrawn(work, visitor)
    if issued.current_issue(work.session, visitor) is None:
        # Another phone took over, which ended what was mailed before: the new mail needs a new one.
        credentials.issue_anew(work, visitor)
    else:
        _mail(work, visitor)


def _follow_regret(work: Work, declined: VisitorDeclined) -> None:
    credentials.withdraw(work, declined.visitor)
    visits.tell_declined(work, declined.visitor)
    _tell_host(work, declined, NoticeKind.DECLINED)


def _follow_answer(work: Work, answered: WishAnswered) -> None:
    if not answered.accepted:
        visits.tell_kept(work, answered.visitor)


def _tell_host(
    work: Work, it: VisitorDeclined | ChangeWished | CompanionNamed | PhoneBound, kind: NoticeKind
) -> None:
    tell_host(work, it.visit, it.visitor, kind)


_TOLD_AS = {
    CrossingKind.ON_MY_WAY: NoticeKind.APPROACHING,
    CrossingKind.APPROACHING: NoticeKind.APPROACHING,
    CrossingKind.NEAR: NoticeKind.NEAR,
    CrossingKind.HERE: NoticeKind.ARRIVED,
}
"""That a visitor left again is shown and told to nobody."""


def _tell_of_crossing(work: Work, crossed: CrossingNoticed) -> None:
    kind = _TOLD_AS.get(crossed.kind)
    if kind is not None:
        minutes = -(-crossed.expected // timedelta(minutes=1)) if crossed.expected else 0
        known = {"minutes": str(minutes)} if minutes else {}
        tell_host(work, crossed.visit, crossed.visitor, kind, known)


def _tell_at_entrance(work: Work, it: CheckedIn | ApprovalAsked, kind: NoticeKind) -> None:
    point = work.session.get(AccessPoint, (it.site, it.access_point))
    portal = work.session.get(Portal, (it.site, point.portal)) if point else None
    path = APPROVALS if kind is NoticeKind.APPROVAL_ASKED else ""
    where = {"place": portal.name} if portal else {}
    tell_host(work, it.visit, it.visitor, kind, where, path=path)


def _tell_of_walk_in(work: Work, registered: WalkInRegistered) -> None:
    found = work.session.get_one(WalkIn, registered.walk_in)
    if registered.host is not None:
        who = {"name": found.name, "company": found.company}
        tell_person(work, registered.host, NoticeKind.WALK_IN, who, APPROVALS, found.id)


def _settle(work: Work, visitors: Iterable[VisitorId]) -> None:
    for visitor in visitors:
        notifications.reacted_about(work, visitor)


def _settle_walk_in(work: Work, decided: WalkInDecided) -> None:
    notifications.reacted_once(work, once_about(NoticeKind.WALK_IN, decided.walk_in))


def _keep_trackers(work: Work, changed: VisitChanged) -> None:
    for visitor in changed.visitors:
        arrivals.keep_tracker(work, visitor)


def _follow_phone(work: Work, bound: PhoneBound) -> None:
    if not bound.again:
        return
    arrivals.end_tracker(work, bound.visitor)
    notifications.forget_phone(work, bound.visitor)
    if bound.follows:
        # Another date of the same series: the phone before shows nothing of it any more; it is told once.
        if issued.current_issue(work.session, bound.visitor, None) is not None:
            credentials.issue(work, bound.visitor)
        return
    _tell_host(work, bound, NoticeKind.PHONE_MOVED)
    if issued.current_issue(work.session, bound.visitor, None) is None:
        return
    made = credentials.issue(work, bound.visitor)
    visits.tell_moved(work, bound.visitor, credentials.qr_png(made.text))


def _replace(work: Work, replaced: VisitorLinkReplaced) -> None:
    """Let the credential end with the link: whoever holds the old mail holds both."""
    if replaced.follows and issued.current_issue(work.session, replaced.visitor, None) is None:
        return
    _check_not_withdrawn(work, replaced.visitor)
    credentials.issue(work, replaced.visitor)


def _check_not_withdrawn(work: Work, visitor: VisitorId) -> None:
    if issued.current_issue(work.session, visitor, None) is None:
        raise Conflict("This visitor's credential was withdrawn. Issue a new one instead.")


def _mail(work: Work, visitor: VisitorId) -> None:
    present = issued.current_issue(work.session, visitor)
    if present is not None:
        visits.invite(work, visitor, _picture)


def _picture(work: Work, visitor: VisitorId) -> bytes | None:
    present = issued.current_issue(work.session, visitor)
    return credentials.qr_png(present.text) if present is not None else None


def _send_pass(work: Work, visitor: VisitorId) -> None:
    # What was withdrawn is not sent.
    if issued.current_issue(work.session, visitor, None) is not None:
        visits.pass_due(work, visitor, _picture)


def _note_mail(work: Work, settled: OutboxSettled) -> None:
    if settled.kind == "mail" and settled.reference:
        sent = settled.state is outbox.State.SENT
        state = MailState.SENT if sent else MailState.FAILED
        visits.note_mail(work, VisitorId(settled.reference), state)
        visits.note_guest_mail(work, SeriesGuestId(settled.reference), state)
