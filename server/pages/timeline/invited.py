"""The timeline's part of the appointment: made, decided, mailed, opened on a phone, answered."""

from collections.abc import Iterator

from server.credentials import models as credentials
from server.notifications import actions as joining
from server.notifications import models as notifications
from server.pages import states
from server.pages.states import Badge
from server.pages.timeline.entry import Entry, Kind, Told
from server.visits import models
from server.visits.models import Visitor, VisitState
from server.web.languages import gettext


def appointment(told: Told) -> Iterator[Entry]:
    """Tell when the visit was made, decided and ended."""
    visit = told.visit
    made = Badge("", "add", gettext("Visit made"))
    by = told.staff(told.names.person(visit.created_by))
    yield Entry(Kind.VISIT, f"{visit.id}-made", visit.created_at, made, who=by)
    reason = told.staff(visit.reason)
    if visit.decided_at:
        declined = visit.state is VisitState.DECLINED
        badge = (
            states.visit(visit.state) if declined else Badge("good", "approve", gettext("Approved"))
        )
        by = told.staff(told.names.person(visit.decided_by))
        key = f"{visit.id}-decided"
        yield Entry(Kind.VISIT, key, visit.decided_at, badge, detail=reason, who=by)
    if visit.state is VisitState.CANCELLED:
        badge = states.visit(visit.state)
        yield Entry(Kind.VISIT, f"{visit.id}-ended", visit.changed_at, badge, detail=reason)


def invitations(told: Told) -> Iterator[Entry]:
    """Tell when each visitor got a credential and mails."""
    for guest in told.guests:
        issue = credentials.current_issue(told.work.session, guest.id, None)
        if issue is not None:
            badge = Badge("", "credential", gettext("Credential issued"))
            key = f"{guest.id}-{issue.generation}"
            yield Entry(Kind.INVITATION, key, issue.issued_at, badge, guest.id)
        badge = Badge("", "mail", gettext("Mail sent"))
        for mail in notifications.about(told.work.session, guest.id):
            yield Entry(
                Kind.INVITATION, mail.id, mail.caught_at, badge, guest.id, detail=mail.subject
            )


def phones(told: Told) -> Iterator[Entry]:
    """Tell which phone keeps the link since when, and which messengers were joined."""
    for guest in told.guests:
        phone = models.phone_of(told.work.session, guest.id)
        if phone is not None:
            word = (
                gettext("Moved to another phone")
                if phone.moves
                else gettext("Invitation opened on a phone")
            )
            badge = Badge("", "phone", word)
            yield Entry(Kind.PHONE, f"{guest.id}-phone", phone.bound_at, badge, guest.id)
    for visitor, found in joining.joined_of(told.work, told.visitors).items():
        for joined in found:
            word = gettext("Joined %(messenger)s", messenger=states.messenger(joined.kind))
            badge = Badge("", "message", word)
            yield Entry(Kind.PHONE, f"{visitor}-{joined.kind}", joined.since, badge, visitor)


def replies(told: Told) -> Iterator[Entry]:
    """Tell what the visitors agreed to, asked for and answered."""
    for guest in told.guests:
        yield from _agreed(told, guest)
        if guest.declined_at:
            badge = Badge("bad", "cancelled", gettext("Cannot come"))
            yield Entry(Kind.REPLY, f"{guest.id}-declined", guest.declined_at, badge, guest.id)
    for wish in models.wishes_of(told.work.session, told.visit.id):
        if wish.visitor in told.called:
            badge = Badge("waiting", "edit", gettext("Asked for a change"))
            yield Entry(Kind.REPLY, wish.id, wish.made_at, badge, wish.visitor, detail=wish.message)
    for other in models.companions_of(told.work.session, told.visit.id):
        if other.brought_by in told.called:
            badge = Badge("", "people", gettext("Wants to bring somebody"))
            yield Entry(
                Kind.REPLY, other.id, other.asked_at, badge, other.brought_by, detail=other.name
            )


def _agreed(told: Told, guest: Visitor) -> Iterator[Entry]:
    badge = Badge("good", "approve", gettext("Agreed"))
    for agreement, terms in models.agreements_of(told.work.session, guest.id):
        yield Entry(
            Kind.TERMS,
            f"{guest.id}-{terms.id}",
            agreement.agreed_at,
            badge,
            guest.id,
            detail=states.document(terms.kind),
        )
