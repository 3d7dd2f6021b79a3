"""Inviting from the phone, changing a visit and cancelling it: the panel's form in a short dress."""

from flask import Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.ids import VisitId
from server.kernel.request import begin, reading
from server.pages.host import blueprint
from server.pages.panel import visit_form, visit_repeat
from server.pages.panel.visit_form import Surroundings
from server.pages.panel.visits import names_of
from server.visits import actions, models
from server.web.languages import gettext

HERE = Surroundings("host/visit_form.html", "host.visits", "host.visit", asks_purpose=False)


@blueprint.route("/visits/new", methods=["GET", "POST"])
def new_visit() -> AnyResponse:
    """Invite visitors; `like` names a visit whose guests and words are taken over."""
    like = request.args.get("like", "")
    return visit_form.inviting(HERE, VisitId(like) if like else None)


@blueprint.route("/visits/<visit_id>/change", methods=["GET", "POST"])
def change_visit(visit_id: str) -> AnyResponse:
    """Change what was agreed, and who comes."""
    return visit_form.changing(HERE, visit_id)


@blueprint.route("/visits/<visit_id>/cancel", methods=["GET", "POST"])
def cancel_visit(visit_id: str) -> AnyResponse:
    """Ask once more, then cancel a visit."""
    back = url_for("host.visit", visit_id=visit_id)
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
        "host/cancel.html",
        consequence=consequence,
        back=back,
        scopes=visit_repeat.scopes(found),
        scope="this",
    )
    return Response(text, mimetype="text/html")
