"""Inviting from the phone, changing a visit and cancelling it: the panel's form in a short dress."""

from flask import request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.ids import VisitId
from server.pages.host import blueprint
from server.pages.panel import visit_form
from server.pages.panel.visit_form import Surroundings
from server.pages.panel.visits import cancelling

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
    return cancelling("host/cancel.html", back, visit_id)
