"""The visitors inside one visit, with their credentials, mails and messengers, and what can be done about these."""

from collections.abc import Sequence
from typing import NamedTuple

from flask import flash, redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.credentials import actions as credential_actions
from server.credentials import models as credentials
from server.credentials.models import Standing
from server.kernel.ids import VisitorId
from server.kernel.principal import Right
from server.kernel.request import begin
from server.kernel.work import Work
from server.notifications import actions as joining
from server.notifications.actions import Joined
from server.pages import states
from server.pages.panel import blueprint
from server.pages.states import Badge
from server.visits import actions
from server.visits.models import MailState, Visit, Visitor, VisitState
from server.web.languages import gettext


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
    left: Badge | None
    """That they have left, and how that is known."""
    check_out_url: str
    """Where a guard says that they have left; empty where there is nothing to say."""


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
    left = actions.check_outs(work.session, [guest.id for guest in guests])
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
                left=states.left(left[guest.id].how) if guest.id in left else None,
                check_out_url=_url("panel.check_out", guest)
                if guest.id not in left and _may_check_out(work, visit, guest)
                else "",
            )
        )
    return lines


def _may_check_out(work: Work, visit: Visit, guest: Visitor) -> bool:
    began = visit.state is VisitState.CONFIRMED and visit.starts_at <= work.now
    guards = work.principal.may(Right.CREDENTIALS_MANAGE, visit.site)
    return began and guards and guest.forgotten_at is None and guest.is_expected


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
