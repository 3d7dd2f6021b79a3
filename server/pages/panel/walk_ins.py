"""Who waits at an entrance, on the panel: walk-ins and invited visitors who ask to be let in."""

from flask import flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from server.arrivals import actions
from server.arrivals.actions import WalkInApproval, WalkInRefusal
from server.kernel.errors import GenkanError
from server.kernel.ids import ApprovalId, WalkInId
from server.kernel.principal import Right
from server.kernel.request import begin, reading
from server.pages.names import Names
from server.pages.panel import blueprint
from server.web.languages import gettext


@blueprint.get("/walk-ins")
def walk_ins() -> str:
    """Show who waits."""
    return _rendered("panel/walk_ins.html")


@blueprint.get("/walk-ins/list")
def walk_ins_list() -> str:
    """Return who waits alone, for a page that is open."""
    return _rendered("panel/walk_ins_list.html")


@blueprint.post("/walk-ins/<walk_in>")
def answer_walk_in(walk_in: str) -> AnyResponse:
    """Let a walk-in in, or not."""
    try:
        with begin() as work:
            if request.form.get("answer") == "yes":
                wish = WalkInApproval(host=request.form.get("host") or None)  # pyright: ignore[reportArgumentType]  # checked by its pattern
                actions.approve_walk_in(work, WalkInId(walk_in), wish)
            else:
                actions.refuse_walk_in(work, WalkInId(walk_in), WalkInRefusal())
    except ValidationError:
        flash(gettext("Please choose one of those offered."), "bad")
    except GenkanError as error:
        flash(gettext(error.detail), "bad")
    return redirect(url_for("panel.walk_ins"), 303)


@blueprint.post("/approvals/<approval>")
def answer_entry(approval: str) -> AnyResponse:
    """Let an invited visitor in who waits, or not."""
    given = request.form.get("answer") == "yes"
    try:
        with begin() as work:
            answer = actions.approve_entry if given else actions.refuse_entry
            answer(work, ApprovalId(approval))
    except GenkanError as error:
        flash(gettext(error.detail), "bad")
    return redirect(url_for("panel.walk_ins"), 303)


def _rendered(template: str) -> str:
    with reading() as work:
        names = Names(work)
        return render_template(
            template,
            now=work.now,
            hosts=names.hosts() if work.principal.may(Right.VISITS_MANAGE) else [],
            asked=[
                (
                    each,
                    names.access_point(each.approval.site, each.approval.access_point),
                    names.person(each.visit.host),
                )
                for each in actions.list_asked(work)
            ],
            walk_ins=[
                (each, names.site(each.site), names.person(each.host))
                for each in actions.list_walk_ins(work)
            ],
        )
