"""The visits: the list, one visit with all that happened in it, and what can be done about it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.ids import VisitId
from server.kernel.pagination import Page, PageQuery
from server.kernel.principal import Right
from server.kernel.request import begin, reading
from server.kernel.text import on_one_line
from server.kernel.work import Work
from server.pages import states
from server.pages.names import Names
from server.pages.panel import blueprint, visit_repeat
from server.pages.panel.visit_guests import guest_lines
from server.pages.panel.visit_replies import card
from server.pages.states import Badge
from server.pages.timeline import whole
from server.visits import actions, models
from server.visits.models import Visit, Visitor, VisitState
from server.web.formats import from_local, local, local_date, span
from server.web.forms import sent_cursor
from server.web.languages import LANGUAGES, gettext

A_PAGE = 30
MOST_NAMES = 3
LONGEST_SEARCH = 100


class Line(NamedTuple):
    """One visit in the list."""

    title: str
    companies: str
    host: str
    where: str
    starts_at: datetime
    ends_at: datetime
    state: Badge
    url: str
    series: str
    """Which date of a series it is."""


class Tab(NamedTuple):
    """One view of the list."""

    word: str
    url: str
    here: bool
    waiting: int


@blueprint.get("/visits")
def visits() -> str:
    """List the visits of a day, those to come, those past, or those which wait for approval."""
    when = request.args.get("when", "today")
    search = on_one_line(request.args.get("search", ""))[:LONGEST_SEARCH]
    with reading() as work:
        page = _found(work, when, search)
        names = Names(work)
        guests = models.visitors_by_visit(work.session, [each.id for each in page.items])
        lines = [_line(work, names, each, guests.get(each.id, [])) for each in page.items]
        next_url = (
            url_for("panel.visits", when=when, search=search or None, cursor=page.next_cursor)
            if page.next_cursor
            else ""
        )
        return render_template(
            "panel/visits.html",
            visits=lines,
            tabs=_tabs(work, when),
            when=when,
            search=search,
            may_invite=_may_invite(work),
            nothing=_nothing(when, search),
            next_url=next_url,
        )


def badge(visit: Visit, now: datetime) -> Badge:
    """Return how a visit's state looks, which for a confirmed one follows from the time."""
    if visit.state is not VisitState.CONFIRMED or now < visit.starts_at:
        return states.visit(visit.state)
    return states.visit("under_way" if now < visit.ends_at else "over")


def names_of(guests: Sequence[Visitor]) -> str:
    """Return the visitors' names, the first few of many."""
    first = ", ".join(each.name for each in guests[:MOST_NAMES])
    rest = len(guests) - MOST_NAMES
    return gettext("%(names)s and %(num)d more", names=first, num=rest) if rest > 0 else first


def _may_invite(work: Work) -> bool:
    return work.principal.may(Right.VISITS_INVITE) or work.principal.may(Right.VISITS_MANAGE)


def _found(work: Work, when: str, search: str) -> Page[Visit]:
    midnight = from_local(f"{local_date(work.now)}T{time.min:%H:%M}")
    tomorrow = midnight + timedelta(days=1)
    wanted: dict[str, Any]
    match when:
        case "upcoming":
            wanted = {"ends_after": tomorrow}
        case "past":
            wanted = {"starts_before": midnight, "latest_first": True}
        case "approval":
            wanted = {"state": VisitState.PENDING, "ends_after": work.now}
        case _:
            wanted = {"ends_after": midnight, "starts_before": tomorrow}
    query = PageQuery(limit=A_PAGE, cursor=sent_cursor())
    return actions.find(work, query, models.VisitFilter(search=search, **wanted))


def _tabs(work: Work, when: str) -> list[Tab]:
    words = {
        "today": gettext("Today"),
        "upcoming": gettext("Upcoming"),
        "past": gettext("Past"),
    }
    waiting = 0
    if work.principal.may(Right.VISITS_APPROVE):
        waiting = models.waiting_for_approval(work.session)
        if waiting or when == "approval":
            words["approval"] = gettext("To approve")
    here = when if when in words else "today"
    return [
        Tab(
            word,
            url_for("panel.visits", when=key),
            key == here,
            waiting if key == "approval" else 0,
        )
        for key, word in words.items()
    ]


def _nothing(when: str, search: str) -> str:
    if search:
        return gettext("Nothing here fits this search.")
    match when:
        case "upcoming":
            return gettext("No visits after today.")
        case "past":
            return gettext("No visits before today.")
        case "approval":
            return gettext("No visit waits for approval.")
        case _:
            return gettext("No visits today.")


def _line(work: Work, names: Names, visit: Visit, guests: Sequence[Visitor]) -> Line:
    return Line(
        title=names_of(guests) or visit.title,
        companies=", ".join(dict.fromkeys(each.company for each in guests if each.company)),
        host=names.person(visit.host),
        where=names.room(visit.room) or names.site(visit.site),
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        state=badge(visit, work.now),
        url=url_for("panel.visit", visit_id=visit.id),
        series=visit_repeat.which(work, visit),
    )


@blueprint.get("/visits/<visit_id>")
def visit(visit_id: str) -> str:
    """Show one visit."""
    with reading() as work:
        found = actions.get(work, VisitId(visit_id))
        guests = models.visitors_of(work.session, found.id)
        return render_template(
            "panel/visit.html",
            visit=_head(work, found, guests),
            visitors=guest_lines(work, found, guests),
            facts=facts(Names(work), found, visit_repeat.which(work, found)),
            entries=whole.for_staff(work, found, guests),
            replies=card(work, found),
        )


@blueprint.get("/visits/<visit_id>/timeline")
def visit_timeline(visit_id: str) -> str:
    """Return the timeline alone, for a page that is open."""
    with reading() as work:
        return whole.shown(whole.for_staff(work, actions.get(work, VisitId(visit_id))))


def _head(work: Work, visit: Visit, guests: Sequence[Visitor]) -> Mapping[str, object]:
    is_open = visit.state in {VisitState.PENDING, VisitState.CONFIRMED} and work.now < visit.ends_at
    own = visit.host == work.principal.person and work.principal.may(Right.VISITS_INVITE)
    return {
        "id": visit.id,
        "title": names_of(guests) or visit.title,
        "series": visit_repeat.which(work, visit),
        "scopes": visit_repeat.scopes(visit),
        "state": badge(visit, work.now),
        "may_change": is_open and (own or work.principal.may(Right.VISITS_MANAGE, visit.site)),
        "may_approve": is_open
        and visit.state is VisitState.PENDING
        and work.principal.may(Right.VISITS_APPROVE, visit.site),
    }


def facts(names: Names, visit: Visit, series: str = "") -> list[tuple[str, str]]:
    """Return what was agreed, names and values."""
    when = f"{local(visit.starts_at, 'day')}, {span(visit.starts_at, visit.ends_at)}"
    facts = [
        (gettext("When"), when),
        (gettext("Series"), series),
        (gettext("Host"), names.person(visit.host)),
        (gettext("Site"), names.site(visit.site)),
        (gettext("Room"), names.room(visit.room)),
        (gettext("Zones"), names.zones(visit.site, visit.zones)),
        (gettext("Purpose"), visit.title),
        (gettext("A few words"), visit.note),
        (gettext("What to bring"), visit.bring),
        (gettext("Language"), LANGUAGES[visit.language]),
        (gettext("Reason"), visit.reason),
    ]
    return [fact for fact in facts if fact[1]]


@blueprint.route("/visits/<visit_id>/cancel", methods=["GET", "POST"])
def cancel_visit(visit_id: str) -> AnyResponse:
    """Ask once more, then cancel a visit."""
    return cancelling("panel/confirm.html", url_for("panel.visit", visit_id=visit_id), visit_id)


def cancelling(template: str, back: str, visit_id: str) -> AnyResponse:
    """Ask with this template whether a visit, or which dates of it, shall be cancelled; then do it and go back."""
    if request.method == "POST":
        with begin() as work:
            actions.cancel_dates(work, VisitId(visit_id), "", visit_repeat.scope_sent())
        flash(gettext("The visit is cancelled, and its visitors are told."), "good")
        return redirect(back, 303)
    with reading() as work:
        found = actions.get(work, VisitId(visit_id))
        guests = models.visitors_of(work.session, found.id)
    consequence = gettext(
        "%(names)s will get a mail, and their credentials stop working within seconds. "
        "The visit stays in the list as cancelled.",
        names=names_of(guests),
    )
    text = render_template(
        template,
        question=gettext("Cancel this visit?"),
        consequence=consequence,
        yes=gettext("Cancel the visit"),
        no=gettext("Keep it"),
        symbol="cancelled",
        back=back,
        scopes=visit_repeat.scopes(found),
        scope="this",
    )
    return Response(text, mimetype="text/html")


@blueprint.post("/visits/<visit_id>/approve")
def approve_visit(visit_id: str) -> AnyResponse:
    """Approve a visit: its visitors are invited."""
    with begin() as work:
        actions.approve_dates(work, VisitId(visit_id), visit_repeat.scope_sent())
    flash(gettext("Approved. The invitations are on their way."), "good")
    return redirect(url_for("panel.visit", visit_id=visit_id), 303)


@blueprint.post("/visits/<visit_id>/decline")
def decline_visit(visit_id: str) -> AnyResponse:
    """Decline a visit: its host is told."""
    with begin() as work:
        actions.decline_dates(work, VisitId(visit_id), "", visit_repeat.scope_sent())
    flash(gettext("Declined. The host is told."), "good")
    return redirect(url_for("panel.visit", visit_id=visit_id), 303)
