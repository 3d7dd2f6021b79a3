"""Who waits for a yes or no: visitors before an entrance, and strangers who registered at it."""

from datetime import datetime
from typing import NamedTuple

from flask import flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from server.arrivals import actions as arrivals
from server.arrivals.actions import Asked, WalkInApproval, WalkInRefusal
from server.arrivals.models import WalkIn
from server.kernel.errors import Invalid
from server.kernel.ids import ApprovalId, WalkInId
from server.kernel.principal import Right
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages.host import blueprint
from server.pages.names import Names
from server.visits import models
from server.web.formats import ago
from server.web.languages import LANGUAGES, gettext, ngettext

HOURS = (1, 2, 4, 8)


class Waiting(NamedTuple):
    """An expected visitor at an entrance."""

    id: ApprovalId
    name: str
    company: str
    where: str
    title: str
    since: str
    asked_at: datetime
    visit_url: str


class Stranger(NamedTuple):
    """Somebody without an invitation."""

    id: WalkInId
    name: str
    since: str
    facts: list[tuple[str, str]]


@blueprint.get("/approvals")
def approvals() -> str:
    """Show who waits; asked for by the open page, only the list."""
    with reading() as work:
        names = Names(work)
        template = "approvals_now" if "HX-Request" in request.headers else "approvals"
        return render_template(
            f"host/{template}.html",
            waiting=[_waiting(work, names, each) for each in arrivals.list_asked(work)],
            strangers=[_stranger(work, names, each) for each in arrivals.list_walk_ins(work)],
            rooms=names.rooms(),
            hours=[(str(each), _hours(each)) for each in HOURS],
            visits_waiting=_visits_waiting(work),
        )


@blueprint.post("/approvals/entries/<approval_id>")
def answer_entry(approval_id: str) -> AnyResponse:
    """Open the entrance for a visitor, or do not."""
    given = _yes()
    with begin() as work:
        decide = arrivals.approve_entry if given else arrivals.refuse_entry
        decide(work, ApprovalId(approval_id))
    if given:
        flash(gettext("Their phone opens the door now, once and within five minutes."), "good")
    else:
        flash(gettext("Not opened. Their page asks them to wait for you."), "waiting")
    return redirect(url_for("host.approvals"), 303)


@blueprint.post("/approvals/walk-ins/<walk_in_id>")
def answer_walk_in(walk_in_id: str) -> AnyResponse:
    """Let a stranger in as a visitor of one's own, or do not."""
    sent = request.form
    if not _yes():
        with begin() as work:
            refusal = WalkInRefusal(reason=sent.get("reason", "")[:500])
            arrivals.refuse_walk_in(work, WalkInId(walk_in_id), refusal)
        flash(gettext("Declined. Their page says so kindly."), "good")
        return redirect(url_for("host.approvals"), 303)
    try:
        wish = WalkInApproval.model_validate(
            {name: sent[name] for name in ("room", "hours") if sent.get(name)}
        )
    except ValidationError as error:
        raise Invalid([("hours", "must be one of those offered")]) from error
    with begin() as work:
        made = arrivals.approve_walk_in(work, WalkInId(walk_in_id), wish)
    flash(gettext("Let in. The phone at the entrance goes on by itself."), "good")
    return redirect(url_for("host.visit", visit_id=made.id), 303)


def _yes() -> bool:
    wanted = request.form.get("answer", "")
    if wanted not in {"yes", "no"}:
        raise Invalid([("answer", "must be yes or no")])
    return wanted == "yes"


def _visits_waiting(work: Work) -> int:
    """Return how many visits wait for approval, for those who may give it."""
    may = work.principal.may(Right.VISITS_APPROVE)
    return models.waiting_for_approval(work.session) if may else 0


def _waiting(work: Work, names: Names, asked: Asked) -> Waiting:
    approval = asked.approval
    return Waiting(
        id=approval.id,
        name=asked.visitor.name,
        company=asked.visitor.company,
        where=names.access_point(approval.site, approval.access_point),
        title=asked.visit.title,
        since=ago(approval.asked_at, work.now),
        asked_at=approval.asked_at,
        visit_url=url_for("host.visit", visit_id=asked.visit.id),
    )


def _stranger(work: Work, names: Names, walk_in: WalkIn) -> Stranger:
    facts = [
        (gettext("Company"), walk_in.company),
        (gettext("Wants to see"), walk_in.whom),
        (gettext("Purpose"), walk_in.purpose),
        (gettext("Mail"), walk_in.email),
        (gettext("Language"), LANGUAGES[walk_in.language]),
        (gettext("Site"), names.site(walk_in.site)),
    ]
    return Stranger(
        id=walk_in.id,
        name=walk_in.name,
        since=ago(walk_in.asked_at, work.now),
        facts=[fact for fact in facts if fact[1]],
    )


def _hours(count: int) -> str:
    return ngettext("%(num)d hour", "%(num)d hours", count)
