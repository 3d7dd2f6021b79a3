"""What is done where something follows from something; `reactions` says when."""

from collections.abc import Iterable
from datetime import timedelta

from access_protocol.credential import CredentialClass
from server.access import actions as access
from server.access.actions import PassageReported
from server.arrivals import actions as arrivals
from server.arrivals.actions import (
    ApprovalAsked,
    CheckedIn,
    CrossingKind,
    CrossingNoticed,
    HostAnswered,
    PosterChanged,
    WalkInDecided,
    WalkInRegistered,
)
from server.arrivals.models import WalkIn, walk_ins_for
from server.conversations import actions as conversations
from server.credentials import actions as credentials
from server.credentials import models as issued
from server.credentials.actions import CredentialIssued
from server.kernel import live, outbox
from server.kernel.errors import Conflict, Invalid
from server.kernel.ids import SeriesGuestId, VisitorId
from server.kernel.outbox import OutboxSettled
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications.actions import NewsKind, NoticeKind
from server.people.actions import HostLeft, PersonDeactivated
from server.people.models import Person
from server.places.actions import PlaceChanged
from server.places.models import AccessPoint, Portal
from server.refreshments.actions import OrderMoved, OrderState
from server.visits import actions as visits
from server.visits import models as visit_models
from server.visits.actions import (
    ChangeWished,
    CompanionNamed,
    HostChanged,
    MailState,
    PhoneBound,
    VisitChanged,
    VisitHeld,
    VisitorCheckedOut,
    VisitorDeclined,
    VisitorInvited,
    VisitorLinkReplaced,
    WishAnswered,
)
from server.visits.host_notices import (
    once_about,
    recipient,
    tell_host,
    tell_person,
)

APPROVALS = "/host/approvals"
"""Where a host lets somebody in who waits at the entrance."""


def tell_given_back(work: Work, it: OrderMoved) -> None:
    """Tell whoever got no drink that it is theirs to choose again."""
    if it.state is OrderState.RETURNED and it.visitor is not None:
        visits.tell_joined(work, it.visitor, NewsKind.DRINK)


def hand_over(work: Work, left: HostLeft) -> None:
    """Give all that was still theirs to whoever takes over."""
    visits.hand_over_visits(work, left.person, left.successor)
    arrivals.hand_over_walk_ins(work, left.person, left.successor)
    conversations.follow_host(work, left.person, left.successor)
    to = recipient(work.session.get_one(Person, left.successor))
    notifications.hand_over_notices(work, left.person, to)


def need_successor(work: Work, closed: PersonDeactivated) -> None:
    """Refuse that an account closes to which visitors are still to come: nobody would receive them."""
    person = closed.person
    if visits.visits_to_come(work.session, person, work.now) or walk_ins_for(work.session, person):
        raise Invalid([("successor", "is needed: visitors are still to come to them")])


def tell_new_host(work: Work, it: HostChanged) -> None:
    """Tell the guests who receives them now."""
    for visitor in it.visitors:
        visits.tell_new_host(work, visitor, picture)
        visits.tell_joined(work, visitor, NewsKind.CHANGED)


def withdraw_staff(work: Work, closed: PersonDeactivated) -> None:
    """End the pass of whoever left."""
    credentials.withdraw_staff(work, closed.person)


def follow_staff_zones(work: Work, changed: PlaceChanged) -> None:
    """Sign the passes of the house's people again where their zones changed."""
    if changed.what == "site" and not changed.created:
        credentials.follow_site(work, changed.site)


def show_passage(work: Work, passed: PassageReported) -> None:
    """Let the page of whoever went through a door move on."""
    found = visit_models.by_credentials(work.session, [passed.credential]).get(passed.credential)
    if found is not None:
        live.notice(work, live.VISITOR, about=found[1].id, site=passed.site)


def show_code_beside(work: Work, changed: PosterChanged) -> None:
    """Let the screens at an entrance show the code of the poster that hangs there now."""
    if changed.access_point is not None:
        path = f"/e/{changed.code}" if changed.code else ""
        access.post_entrance(work, changed.site, changed.access_point, path)


def tell_new_pass(work: Work, made: CredentialIssued) -> None:
    """Tell whoever joined a messenger that there is a new pass."""
    # What is bound to a phone came over its page: whoever looks at it need not be told.
    if made.visitor is not None and made.credential_class is CredentialClass.STATIC:
        visits.tell_joined(work, made.visitor, NewsKind.PASS)


def tell_changed(work: Work, it: VisitChanged | VisitHeld) -> None:
    """Tell whoever joined a messenger that their visit changed."""
    for visitor in it.visitors:
        visits.tell_joined(work, visitor, NewsKind.CHANGED)


def tell_answered(work: Work, it: HostAnswered) -> None:
    """Tell whoever joined a messenger that their host answered."""
    for visitor in it.visitors:
        visits.tell_joined(work, visitor, NewsKind.ANSWERED)


def expect(work: Work, visitor: VisitorId) -> None:
    """Give somebody invited a pass."""
    credentials.expect(work, visitor)


def withdraw(work: Work, visitor: VisitorId) -> None:
    """End what a visitor could show."""
    credentials.withdraw(work, visitor)


def end_pass(work: Work, left: VisitorCheckedOut) -> None:
    """End the pass of whoever left for good."""
    if left.for_good:
        credentials.withdraw(work, left.visitor)


def greet_again(work: Work, invited: VisitorInvited) -> None:
    """Fill in what is known of whoever was here before and wanted to be remembered."""
    visits.remember(work, invited.visitor)


def withdraw_all(work: Work, held: VisitHeld) -> None:
    """End what the visitors of a visit could show."""
    for visitor in held.visitors:
        credentials.withdraw(work, visitor)


def follow_change(work: Work, changed: VisitChanged) -> None:
    """Let passes and mails say what the visit is now."""
    for visitor in changed.visitors:
        # What was withdrawn stays so: another time for the visit is no pardon.
        counts = issued.current_issue(work.session, visitor, None) is not None
        to_mail = issued.current_issue(work.session, visitor)
        if counts and (changed.access_changed or to_mail is None):
            credentials.issue_anew(work, visitor)
        else:
            _mail(work, visitor)


def mail_new_pass(work: Work, made: CredentialIssued) -> None:
    """Mail a new pass that is good on paper."""
    # What is bound to a phone came over its page and is no use on paper.
    if made.visitor is not None and made.credential_class is CredentialClass.STATIC:
        _mail(work, made.visitor)


def mail_again(work: Work, visitor: VisitorId) -> None:
    """Mail the invitation again, with a pass that counts."""
    _check_not_withdrawn(work, visitor)
    if issued.current_issue(work.session, visitor) is None:
        # Another phone took over, which ended what was mailed before: the new mail needs a new one.
        credentials.issue_anew(work, visitor)
    else:
        _mail(work, visitor)


def follow_regret(work: Work, declined: VisitorDeclined) -> None:
    """End the pass of whoever does not come, and tell both sides."""
    credentials.withdraw(work, declined.visitor)
    visits.tell_declined(work, declined.visitor)
    tell_of(work, declined, NoticeKind.DECLINED)


def follow_answer(work: Work, answered: WishAnswered) -> None:
    """Tell a visitor whose wish was not granted that all stays as it was."""
    if not answered.accepted:
        visits.tell_kept(work, answered.visitor)


def tell_of(
    work: Work, it: VisitorDeclined | ChangeWished | CompanionNamed | PhoneBound, kind: NoticeKind
) -> None:
    """Tell the host what one of their visitors did."""
    tell_host(work, it.visit, it.visitor, kind)


_TOLD_AS = {
    CrossingKind.ON_MY_WAY: NoticeKind.APPROACHING,
    CrossingKind.APPROACHING: NoticeKind.APPROACHING,
    CrossingKind.NEAR: NoticeKind.NEAR,
    CrossingKind.HERE: NoticeKind.ARRIVED,
}
"""That a visitor left again is shown and told to nobody."""


def tell_of_crossing(work: Work, crossed: CrossingNoticed) -> None:
    """Tell the host that a visitor comes near."""
    kind = _TOLD_AS.get(crossed.kind)
    if kind is not None:
        minutes = -(-crossed.expected // timedelta(minutes=1)) if crossed.expected else 0
        known = {"minutes": str(minutes)} if minutes else {}
        tell_host(work, crossed.visit, crossed.visitor, kind, known)


def tell_at_entrance(work: Work, it: CheckedIn | ApprovalAsked, kind: NoticeKind) -> None:
    """Tell the host who stands at which entrance."""
    point = work.session.get(AccessPoint, (it.site, it.access_point))
    portal = work.session.get(Portal, (it.site, point.portal)) if point else None
    path = APPROVALS if kind is NoticeKind.APPROVAL_ASKED else ""
    where = {"place": portal.name} if portal else {}
    tell_host(work, it.visit, it.visitor, kind, where, path=path)


def tell_of_walk_in(work: Work, registered: WalkInRegistered) -> None:
    """Tell whom somebody without an invitation asks for."""
    found = work.session.get_one(WalkIn, registered.walk_in)
    if registered.host is not None:
        who = {"name": found.name, "company": found.company}
        tell_person(work, registered.host, NoticeKind.WALK_IN, who, APPROVALS, found.id)


def settle(work: Work, visitors: Iterable[VisitorId]) -> None:
    """Let nobody be told any more of visitors who were answered or do not come."""
    for visitor in visitors:
        notifications.reacted_about(work, visitor)


def settle_walk_in(work: Work, decided: WalkInDecided) -> None:
    """Let nobody be told any more of somebody at the entrance who was answered."""
    notifications.reacted_once(work, once_about(NoticeKind.WALK_IN, decided.walk_in))


def keep_trackers(work: Work, changed: VisitChanged) -> None:
    """Let the visitors' apps count as long as the visit now lasts."""
    for visitor in changed.visitors:
        arrivals.keep_tracker(work, visitor)


def follow_phone(work: Work, bound: PhoneBound) -> None:
    """End what the phone before could show, and tell of the new one."""
    if not bound.again:
        return
    arrivals.end_tracker(work, bound.visitor)
    notifications.forget_phone(work, bound.visitor)
    if bound.follows:
        # Another date of the same series: the phone before shows nothing of it any more; it is told once.
        if issued.current_issue(work.session, bound.visitor, None) is not None:
            credentials.issue(work, bound.visitor)
        return
    tell_of(work, bound, NoticeKind.PHONE_MOVED)
    if issued.current_issue(work.session, bound.visitor, None) is None:
        return
    made = credentials.issue(work, bound.visitor)
    visits.tell_moved(work, bound.visitor, credentials.qr_png(made.text))


def replace(work: Work, replaced: VisitorLinkReplaced) -> None:
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
        visits.invite(work, visitor, picture)


def picture(work: Work, visitor: VisitorId) -> bytes | None:
    """Return the visitor's pass as a picture for a mail, if they have one."""
    present = issued.current_issue(work.session, visitor)
    return credentials.qr_png(present.text) if present is not None else None


def send_pass(work: Work, visitor: VisitorId) -> None:
    """Send the pass for one date of a series."""
    # What was withdrawn is not sent.
    if issued.current_issue(work.session, visitor, None) is not None:
        visits.pass_due(work, visitor, picture)


def note_mail(work: Work, settled: OutboxSettled) -> None:
    """Note at the visitor what became of their mail."""
    if settled.kind == "mail" and settled.reference:
        sent = settled.state is outbox.State.SENT
        state = MailState.SENT if sent else MailState.FAILED
        visits.note_mail(work, VisitorId(settled.reference), state)
        visits.note_guest_mail(work, SeriesGuestId(settled.reference), state)
