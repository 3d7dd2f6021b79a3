"""A guard says that a visitor has left: asked once more, for their pass ends with it."""

from flask import Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.arrivals import actions as arrivals
from server.kernel.errors import NotFound
from server.kernel.ids import VisitId, VisitorId
from server.kernel.principal import Right, require
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages.panel import blueprint
from server.visits import models
from server.visits.models import Visitor
from server.web.languages import gettext


@blueprint.route("/visits/<visit_id>/visitors/<visitor_id>/check-out", methods=["GET", "POST"])
def check_out(visit_id: str, visitor_id: str) -> AnyResponse:
    """Ask once more, then note that a visitor has left."""
    back = url_for("panel.visit", visit_id=visit_id)
    if request.method == "POST":
        with begin() as work:
            _found(work, visit_id, visitor_id)
            arrivals.check_out_by_guard(work, VisitorId(visitor_id))
        flash(gettext("Checked out. The pass has ended."), "good")
        return redirect(back, 303)
    with reading() as work:
        guest = _found(work, visit_id, visitor_id)
        text = render_template(
            "panel/confirm.html",
            question=gettext("Has %(name)s left the building?", name=guest.name),
            consequence=gettext(
                "They count as inside no longer, their pass ends at every gate within seconds, "
                "and they are thanked by mail."
            ),
            yes=gettext("Check out"),
            no=gettext("Back"),
            symbol="sign-out",
            back=back,
        )
    return Response(text, mimetype="text/html")


def _found(work: Work, visit_id: str, visitor_id: str) -> Visitor:
    found = models.with_visitor(work.session, VisitorId(visitor_id))
    if found is None or found[0].id != VisitId(visit_id):
        raise NotFound("There is no such visitor in this visit.")
    require(work.principal, Right.CREDENTIALS_MANAGE, found[0].site)
    return found[1]
