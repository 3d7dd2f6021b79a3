"""What is shown inside one visit: its visitors with their credentials, and all that happened."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.wording import Language, sentence
from server.access import models as access
from server.credentials import actions as credential_actions
from server.credentials import models as credentials
from server.credentials.models import Standing
from server.kernel.ids import VisitId, VisitorId
from server.kernel.pagination import MOST
from server.kernel.principal import Right
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.notifications import actions as joining
from server.notifications import models as notifications
from server.notifications.actions import Joined
from server.pages import states
from server.pages.names import Names
from server.pages.panel import blueprint
from server.pages.states import Badge
from server.visits import actions, models
from server.visits.models import MailState, Visit, Visitor, VisitState
from server.web.languages import current, gettext


class GuestLine(NamedTuple):
    """One visitor in the visit."""

    name: str
    detail: str
    credential: Badge
    mail: Badge | None
    chats: Sequence[Badge]
    """How they are joined to messengers."""
    may_manage: bool
    may_revoke: bool
    reissue_url: str
    revoke_url: str


class Entry(NamedTuple):
    """One thing that happened."""

    key: str
    at: datetime
    state: Badge
    who: str
    detail: str


@blueprint.get("/visits/<visit_id>/timeline")
def visit_timeline(visit_id: str) -> str:
    """Return the timeline alone, for a page that is open."""
    with reading() as work:
        visit = actions.get(work, VisitId(visit_id))
        guests = models.visitors_of(work.session, visit.id)
        return render_template("panel/visit_timeline.html", entries=entries(work, visit, guests))


@blueprint.post("/visits/<visit_id>/visitors/<visitor_id>/reissue")
def reissue_credential(visit_id: str, visitor_id: str) -> AnyResponse:
    """Send a new credential; the one before no longer counts."""
    with begin() as work:
        credential_actions.reissue(work, VisitorId(visitor_id))
    flash(gettext("A new credential is on its way. The one before no longer counts."), "good")
    return redirect(url_for("panel.visit", visit_id=visit_id), 303)


@blueprint.post("/visits/<visit_id>/visitors/<visitor_id>/revoke")
def revoke_credential(visit_id: str, visitor_id: str) -> AnyResponse:
    """Revoke a credential: gates refuse it within seconds."""
    with begin() as work:
        credential_actions.revoke(work, VisitorId(visitor_id))
    flash(gettext("The credential is revoked."), "good")
    return redirect(url_for("panel.visit", visit_id=visit_id), 303)


def guest_lines(work: Work, visit: Visit, guests: Sequence[Visitor]) -> list[GuestLine]:
    """Return the visitors with the state of their credentials."""
    own = visit.host == work.principal.person
    allowed = own or work.principal.may(Right.CREDENTIALS_MANAGE, visit.site)
    open_now = visit.state is VisitState.CONFIRMED and work.now < visit.ends_at
    joined = joining.joined_of(work, [guest.id for guest in guests])
    lines: list[GuestLine] = []
    for guest in guests:
        badge, valid = _credential(work, guest)
        held = credentials.of_visitor(work.session, guest.id)
        blocked = held is not None and held.standing is Standing.BLOCKED
        lifts = not blocked or work.principal.may(Right.CREDENTIALS_MANAGE, visit.site)
        lines.append(
            GuestLine(
                name=guest.name,
                detail=" · ".join(part for part in (guest.company, guest.email) if part),
                credential=badge,
                mail=_mail(guest),
                chats=[_chat(each) for each in joined.get(guest.id, [])],
                may_manage=allowed and open_now and lifts,
                may_revoke=valid,
                reissue_url=_url("panel.reissue_credential", guest),
                revoke_url=_url("panel.revoke_credential", guest),
            )
        )
    return lines


def _url(endpoint: str, guest: Visitor) -> str:
    return url_for(endpoint, visit_id=guest.visit, visitor_id=guest.id)


def _credential(work: Work, guest: Visitor) -> tuple[Badge, bool]:
    held = credentials.of_visitor(work.session, guest.id)
    if held is None:
        return Badge("waiting", "waiting", gettext("No credential yet")), False
    if held.standing is Standing.BLOCKED:
        return Badge("bad", "revoke", gettext("Blocked by security")), False
    if held.revoked:
        return Badge("bad", "revoke", gettext("Revoked")), False
    issue = credentials.current_issue(work.session, guest.id, None)
    if issue is None or issue.expires <= work.now:
        return Badge("", "expired", gettext("Expired")), False
    if work.now < issue.not_before:
        return Badge("", "credential", gettext("Valid later")), True
    return Badge("good", "credential", gettext("Valid")), True


def _chat(joined: Joined) -> Badge:
    state = states.joined(joined.state)
    return state._replace(word=f"{states.messenger(joined.kind)}: {state.word}")


def _mail(guest: Visitor) -> Badge | None:
    match guest.mail:
        case MailState.WAITING:
            return Badge("waiting", "sent", gettext("Mail on its way"))
        case MailState.SENT:
            return Badge("good", "mail", gettext("Mail sent"))
        case MailState.FAILED:
            return Badge("bad", "mail", gettext("Mail failed"))
        case _:
            return None


def entries(work: Work, visit: Visit, guests: Sequence[Visitor]) -> list[Entry]:
    """Return what happened in a visit, newest first."""
    names = Names(work)
    found = [
        Entry(
            key=f"{visit.id}-made",
            at=visit.created_at,
            state=Badge("", "add", gettext("Visit made")),
            who=names.person(visit.created_by),
            detail="",
        )
    ]
    if visit.decided_at:
        declined = visit.state is VisitState.DECLINED
        decided = (
            states.visit(visit.state) if declined else Badge("good", "approve", gettext("Approved"))
        )
        who = names.person(visit.decided_by)
        found.append(Entry(f"{visit.id}-decided", visit.decided_at, decided, who, visit.reason))
    if visit.state is VisitState.CANCELLED:
        badge = states.visit(visit.state)
        found.append(Entry(f"{visit.id}-ended", visit.changed_at, badge, "", visit.reason))
    for guest in guests:
        found += _at_the_doors(work, names, guest)
        found += _issues(work, guest)
        found += _mails(work, guest)
    return sorted(found, key=lambda entry: entry.at, reverse=True)


def _issues(work: Work, guest: Visitor) -> list[Entry]:
    issue = credentials.current_issue(work.session, guest.id, None)
    if issue is None:
        return []
    badge = Badge("", "credential", gettext("Credential issued"))
    return [Entry(f"{guest.id}-{issue.generation}", issue.issued_at, badge, guest.name, "")]


def _mails(work: Work, guest: Visitor) -> list[Entry]:
    badge = Badge("", "mail", gettext("Mail sent"))
    return [
        Entry(mail.id, mail.caught_at, badge, guest.name, mail.subject)
        for mail in notifications.about(work.session, guest.id)
    ]


def _at_the_doors(work: Work, names: Names, guest: Visitor) -> list[Entry]:
    query = access.EventQuery(credential=guest.credential, limit=MOST, cursor=None)
    decisions = access.decisions(work.session, query).items
    outcomes = access.outcomes_of(work.session, [each.event for each in decisions])
    found: list[Entry] = []
    for event in decisions:
        why = "" if event.reason is None else sentence(event.reason, Language(current()))
        outcome = states.outcome(outcomes.get((event.gate, event.event), []))
        where = names.access_point(event.site, event.access_point)
        found.append(
            Entry(
                key=event.id,
                at=event.at,
                state=states.granted() if event.granted else states.refused(),
                who=guest.name,
                detail=" · ".join(part for part in (where, outcome, why) if part),
            )
        )
    return found
