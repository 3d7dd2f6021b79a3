"""Floor plans on the panel: bring one in, see its floors as visitors do, and what is missing on them."""

from collections.abc import Sequence
from typing import NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import SiteCode
from server.kernel.errors import Invalid, NotFound
from server.kernel.principal import Right, require
from server.kernel.refusals import Reason
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages.floor_drawing import Marked, Page, Picture
from server.pages.names import Names
from server.pages.panel import blueprint
from server.places import models as places
from server.wayfinding import actions as plans
from server.wayfinding.imdf import Mistake, NotAPlan
from server.wayfinding.imdf_archive import read_archive
from server.wayfinding.plans import Building
from server.web.forms import sentence
from server.web.languages import current, gettext


class Line(NamedTuple):
    """A portal or room, and the floor on which the plan has it."""

    name: str
    id: str
    floor: str
    """Empty: it is missing on the plan."""


@blueprint.get("/plans")
def floor_plans() -> AnyResponse | str:
    """List the sites and whether they have a plan; with one site, show it."""
    with reading() as work:
        require(work.principal, Right.PLACES_MANAGE)
        sites = places.all_sites(work.session)
        if len(sites) == 1:
            return redirect(url_for("panel.floor_plan", site=sites[0].code))
        names = Names(work)
        lines = [
            (names.site(each.code), each.code, len(places.floor_plans(work.session, each.code)))
            for each in sites
        ]
        return render_template("panel/plans.html", sites=lines)


@blueprint.get("/plans/<site>")
def floor_plan(site: str) -> Response:
    """Show a site's floors, and what is placed on them."""
    return _page(SiteCode(site))


@blueprint.post("/plans/<site>")
def import_floor_plan(site: str) -> AnyResponse:
    """Bring a plan in; what was wrong with it is said place by place, and the plan before stays."""
    code, sent = SiteCode(site), request.files.get("archive")
    content = sent.read() if sent else b""
    if not content:
        mistakes = [Mistake("", "", "", Reason("Please choose a file."))]
        return _page(code, mistakes, Invalid.status)
    with reading() as work:
        require(work.principal, Right.PLACES_MANAGE, code)
    try:
        # Before the work begins: while a plan is unpacked and read others go on writing.
        plan = plans.check_plan(read_archive(content))
        with begin() as work:
            plans.import_plan(work, code, plan)
    except NotAPlan as error:
        return _page(code, error.mistakes, Invalid.status)
    flash(gettext("The plan is brought in, with %(num)d floors.", num=len(plan.documents)), "good")
    return redirect(url_for("panel.floor_plan", site=code), 303)


@blueprint.post("/plans/<site>/remove")
def remove_floor_plan(site: str) -> AnyResponse:
    """Take a site's plan away."""
    try:
        with begin() as work:
            plans.remove_plan(work, SiteCode(site))
        flash(gettext("The plan is taken away. Visitors see no way any more."), "good")
    except NotFound as error:
        flash(gettext(error.detail), "bad")
    return redirect(url_for("panel.floor_plan", site=site), 303)


def _page(site: SiteCode, mistakes: Sequence[Mistake] = (), status: int = 200) -> Response:
    with reading() as work:
        require(work.principal, Right.PLACES_MANAGE, site)
        found = places.site_with(work.session, site)
        if found is None:
            raise NotFound(f"There is no site {site}.")
        building = plans.building_of(work.session, site)
        placing = plans.placing(work, site)
        text = render_template(
            "panel/plan.html",
            site=site,
            name=Names(work).site(site),
            mistakes=[(_where(each), sentence(each.why)) for each in mistakes],
            floors=_floors(work, site, building) if building else [],
            portals=[_line(each) for each in placing.portals],
            rooms=[_line(each) for each in placing.rooms],
            unknown=placing.unknown,
        )
    return Response(text, status, mimetype="text/html")


def _where(mistake: Mistake) -> str:
    return ", ".join(filter(None, (mistake.file, mistake.feature, mistake.field)))


def _floors(work: Work, site: SiteCode, building: Building) -> list[Picture]:
    portals = {str(each.id) for each in places.portals_of(work.session, site)}
    named = {str(each.portal) for each in building.openings.values() if each.portal}
    page = Page(building)
    marked = Marked(
        portals=frozenset(portals),
        missing=frozenset(named - portals),
        machines=[
            (each, each.name.of(current()))
            for each in building.landmarks.values()
            if each.portal is not None
        ],
    )
    return [page.picture(each, current(), marked) for each in building.levels]


def _line(placed: plans.Placed) -> Line:
    floor = placed.level.short_name.of(current()) if placed.level else ""
    return Line(places.name_in(placed.name, current()), placed.id, floor)
