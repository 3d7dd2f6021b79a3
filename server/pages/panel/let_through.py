"""A guard lets a visitor on whose phone died: found by name, through one portal once, with a reason."""

from collections.abc import Sequence
from typing import NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import PortalId, SiteCode
from access_protocol.wording import Language, sentence
from server.access import actions
from server.access.actions import OpenPortal
from server.kernel.errors import GenkanError, Invalid, NotFound
from server.kernel.ids import VisitorId
from server.kernel.principal import Right, require
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages.names import Names
from server.pages.panel import blueprint
from server.places.actions import PortalKind
from server.visits import models as visits
from server.visits.models import Visit, Visitor
from server.web.formats import span
from server.web.forms import Form
from server.web.languages import current, gettext

MOST_FOUND = 20
LONGEST_SEARCH = 100


class Found(NamedTuple):
    """Somebody whose visit is now."""

    name: str
    detail: str
    url: str


@blueprint.get("/let-through")
def find_visitor() -> str:
    """Find a visitor of now by name, company or host."""
    words = request.args.get("q", "").strip()[:LONGEST_SEARCH]
    with reading() as work:
        require(work.principal, Right.DOORS_COMMAND)
        found = visits.expected_now(work.session, work.now, words, MOST_FOUND)
        names = Names(work)
        people = [
            Found(
                visitor.name,
                " · ".join(
                    filter(
                        None,
                        (
                            visitor.company,
                            _when(visit),
                            names.room(visit.room),
                            names.person(visit.host),
                        ),
                    )
                ),
                url_for("panel.let_through", visitor=visitor.id),
            )
            for visit, visitor in found
            if work.principal.may(Right.DOORS_COMMAND, visit.site)
        ]
        return render_template("panel/find_visitor.html", people=people, words=words)


@blueprint.route("/let-through/<visitor>", methods=["GET", "POST"])
def let_through(visitor: str) -> AnyResponse:
    """Ask for portal and reason, then open it once for this visitor."""
    form = Form.sent()
    if request.method == "POST":
        form.need("portal", "reason")
        if not form.has_errors:
            opened = _open(VisitorId(visitor), form)
            if opened is not None:
                flash(gettext("The door was asked to open; below you see what it says."), "good")
                return redirect(f"{url_for('panel.doors')}#door-{opened}", 303)
    with reading() as work:
        visit, guest = _visitor(work, VisitorId(visitor))
        names = Names(work)
        text = render_template(
            "panel/let_through.html",
            form=form,
            name=guest.name,
            company=guest.company,
            detail=f"{_when(visit)} · {names.person(visit.host)}",
            zones=names.zones(visit.site, visit.zones),
            portals=_portals(work, names, visit.site),
            visit_url=url_for("panel.visit", visit_id=visit.id),
        )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


def _open(visitor: VisitorId, form: Form) -> str | None:
    """Return the portal that was asked to open; None where it was refused, which the form then says."""
    portal = form.value("portal")
    try:
        wish = OpenPortal(reason=form.value("reason"), visitor=visitor)
        with begin() as work:
            visit, _ = _visitor(work, visitor)
            command = actions.open_portal(work, visit.site, PortalId(portal[:32]), wish)
            denied = command.denied
    except ValidationError as error:
        form.take_validation(error)
        return None
    except GenkanError as error:
        form.take(error, ("portal", "reason"))
        return None
    if denied is not None:
        said = sentence(denied, Language(current()))
        form.refuse("portal", gettext("Not opened. Told to the visitor: %(why)s", why=said))
        return None
    return portal


def _visitor(work: Work, visitor: VisitorId) -> tuple[Visit, Visitor]:
    found = visits.with_visitor(work.session, visitor)
    if found is None:
        raise NotFound("There is no such visitor.")
    require(work.principal, Right.DOORS_COMMAND, found[0].site)
    return found


def _portals(work: Work, names: Names, site: SiteCode) -> Sequence[tuple[str, str]]:
    return [
        (each.portal.id, names.portal(site, each.portal.id))
        for each in actions.list_doors(work, site)
        if each.controller is not None and each.portal.kind != PortalKind.VENDING
    ]


def _when(visit: Visit) -> str:
    return span(visit.starts_at, visit.ends_at)
