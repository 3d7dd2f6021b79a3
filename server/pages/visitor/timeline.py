"""What happened in a visit, for its visitor: a line on the visit page, and a page of its own that stays up to date."""

from flask import Response, render_template, url_for

from server.pages.timeline import whole
from server.pages.visitor import blueprint
from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting, visiting
from server.web.limits import limited


def section(now: Visiting) -> Shown:
    """Return where the timeline is."""
    return Shown({"url": url_for("visitor.timeline", token=now.token)})


@blueprint.get("/<token>/timeline")
@limited("120 per minute")
def timeline(token: str) -> Response:
    """Show all that happened, as far as this visitor may see it."""
    with visiting(token) as now:
        text = render_template(
            "visitor/timeline.html",
            token=token,
            site_name=now.names.site(now.visit.site),
            entries=whole.for_visitor(now.work, now.visit, now.visitor),
        )
    return Response(text, mimetype="text/html")


@blueprint.get("/<token>/timeline/now")
@limited("120 per minute")
def timeline_now(token: str) -> str:
    """Return the timeline alone, for a page that is open."""
    with visiting(token) as now:
        return whole.shown(whole.for_visitor(now.work, now.visit, now.visitor))
