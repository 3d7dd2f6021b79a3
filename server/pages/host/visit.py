"""One visit as its host sees it: who is where, what to answer, what was agreed, and all that happened."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from flask import Response, flash, redirect, render_template, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from server.arrivals import actions as arrivals
from server.arrivals.actions import AnswerKind
from server.kernel.errors import GenkanError, Invalid
from server.kernel.ids import VisitId, VisitorId
from server.kernel.principal import Right
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications import models as told
from server.pages import whereabouts
from server.pages.host import blueprint
from server.pages.host.today import Guest, guest_line
from server.pages.names import Names
from server.pages.panel.visit_guests import GuestLine, guest_lines
from server.pages.panel.visit_repeat import which
from server.pages.panel.visit_replies import HOST, card
from server.pages.panel.visits import badge, facts, names_of
from server.pages.states import Badge
from server.pages.timeline import whole
from server.visits import actions, models
from server.visits.models import Visit, Visitor, VisitState
from server.web.forms import Form
from server.web.languages import gettext


class Invited(NamedTuple):
    """One visitor in the visit: where they are, and how their invitation stands."""

    id: VisitorId
    here: Guest
    line: GuestLine


class Said(NamedTuple):
    """One answer that was given."""

    words: str
    to: str
    at: datetime


class Head(NamedTuple):
    """What stands first, and what may be done."""

    id: VisitId
    title: str
    state: Badge
    where: str
    starts_at: datetime
    ends_at: datetime
    may_change: bool
    may_answer: bool


@blueprint.get("/visits/<visit_id>")
def visit(visit_id: str) -> AnyResponse:
    """Show one visit. Whoever opens it has seen what they were told about it."""
    _note_seen(VisitId(visit_id))
    with reading() as work:
        return _page(work, VisitId(visit_id), Form())


@blueprint.get("/visits/<visit_id>/now")
def visit_now(visit_id: str) -> str:
    """Return what changes while the page is open: who is where, and what was answered."""
    with reading() as work:
        found = actions.get(work, VisitId(visit_id))
        guests = models.visitors_of(work.session, found.id)
        return render_template(
            "host/visit_now.html",
            visit=_head(work, found, guests),
            visitors=_invited(work, found, guests),
            said=_said(work, found, guests),
        )


@blueprint.get("/visits/<visit_id>/replies")
def visit_replies(visit_id: str) -> str:
    """Return what the visitors said, agreed to and ask for, for a page that is open."""
    with reading() as work:
        found = card(work, actions.get(work, VisitId(visit_id)), HOST)
        return render_template("panel/visit_replies.html", replies=found)


@blueprint.get("/visits/<visit_id>/timeline")
def visit_timeline(visit_id: str) -> str:
    """Return the timeline alone, for a page that is open."""
    with reading() as work:
        return whole.shown(whole.for_staff(work, actions.get(work, VisitId(visit_id))))


@blueprint.post("/visits/<visit_id>/answers")
def answer(visit_id: str) -> AnyResponse:
    """Let the visitors know: with one of the ready sentences, or in one's own words."""
    form = Form.sent()
    try:
        new = arrivals.NewAnswer.model_validate(
            {
                "kind": form.value("kind"),
                "text": form.value("text") if form.value("kind") == AnswerKind.TEXT else "",
                "visitor": form.value("visitor") or None,
            }
        )
        with begin() as work:
            arrivals.answer(work, VisitId(visit_id), new)
    except ValidationError:
        form.refuse("text", gettext("Please write a few words, at most 200 characters."))
    except GenkanError as error:
        form.take(error)
    else:
        flash(gettext("Their page shows it now."), "good")
        back = "host.today" if form.value("from") == "today" else "host.visit"
        return redirect(url_for(back, visit_id=None if back == "host.today" else visit_id), 303)
    with reading() as work:
        return _page(work, VisitId(visit_id), form, Invalid.status)


@blueprint.post("/visits/<visit_id>/visitors/<visitor_id>/mail")
def mail_again(visit_id: str, visitor_id: str) -> AnyResponse:
    """Send the invitation again."""
    with begin() as work:
        actions.mail_again(work, VisitId(visit_id), VisitorId(visitor_id))
    flash(gettext("The invitation is on its way again."), "good")
    return redirect(url_for("host.visit", visit_id=visit_id), 303)


def _note_seen(visit_id: VisitId) -> None:
    """Note that the host or their deputy reacted; somebody else who looks in settles nothing."""
    with reading() as work:
        me = work.principal.person
        guests = models.visitors_of(work.session, actions.get(work, visit_id).id)
        unseen = [each.id for each in guests if me and told.open_notices(work.session, me, each.id)]
    if unseen:
        with begin() as work:
            for guest in unseen:
                notifications.reacted_about(work, guest)


def _page(work: Work, visit_id: VisitId, form: Form, status: int = 200) -> Response:
    found = actions.get(work, visit_id)
    guests = models.visitors_of(work.session, found.id)
    text = render_template(
        "host/visit.html",
        visit=_head(work, found, guests),
        visitors=_invited(work, found, guests),
        said=_said(work, found, guests),
        replies=card(work, found, HOST),
        facts=facts(Names(work), found, which(work, found)),
        entries=whole.for_staff(work, found, guests),
        answers=_ready(),
        form=form,
    )
    return Response(text, status, mimetype="text/html")


def _ready() -> list[tuple[str, str, str]]:
    """Return the ready answers: kind, word on the button, icon."""
    return [
        (AnswerKind.COMING_DOWN, gettext("Coming down"), "onward"),
        (AnswerKind.FIVE_MINUTES, gettext("Five minutes"), "clock"),
        (AnswerKind.PLEASE_WAIT, gettext("Please wait in the hall"), "waiting"),
    ]


def _head(work: Work, visit: Visit, guests: Sequence[Visitor]) -> Head:
    names = Names(work)
    is_open = visit.state in {VisitState.PENDING, VisitState.CONFIRMED} and work.now < visit.ends_at
    own = visit.host == work.principal.person and work.principal.may(Right.VISITS_INVITE)
    may = is_open and (own or work.principal.may(Right.VISITS_MANAGE, visit.site))
    return Head(
        id=visit.id,
        title=names_of(guests) or visit.title,
        state=badge(visit, work.now),
        where=names.room(visit.room) or names.site(visit.site),
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        may_change=may,
        may_answer=(may or (is_open and actions.receives(work, visit)))
        and visit.state is VisitState.CONFIRMED,
    )


def _invited(work: Work, visit: Visit, guests: Sequence[Visitor]) -> list[Invited]:
    names = Names(work)
    where = whereabouts.of_visits(work, [visit], {visit.id: guests})
    lines = guest_lines(work, visit, guests)
    return [
        Invited(guest.id, guest_line(names, work.now, guest, where[guest.id], visit), line)
        for guest, line in zip(guests, lines, strict=True)
    ]


def _said(work: Work, visit: Visit, guests: Sequence[Visitor]) -> list[Said]:
    """Return the answers of this visit, newest first."""
    called = {guest.id: guest.name for guest in guests}
    ready = {kind: word for kind, word, _ in _ready()}
    return [
        Said(
            words=each.text or ready.get(each.kind, ""),
            to=called.get(each.visitor, "") if each.visitor else "",
            at=each.at,
        )
        for each in reversed(arrivals.answers_in(work, visit.id))
    ]
