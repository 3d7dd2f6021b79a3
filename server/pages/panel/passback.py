"""Double entries that gates found when their journals met, and forgiving entries."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import AccessPointId, CredentialId, SiteCode
from server.access import actions
from server.access.actions import Acknowledge, NewAmnesty
from server.access.models import AntiPassbackConflict
from server.kernel.errors import GenkanError, Invalid
from server.kernel.pagination import MOST, PageQuery
from server.kernel.principal import Right, require
from server.kernel.request import begin, reading
from server.kernel.text import on_one_line
from server.kernel.work import Work
from server.pages import bearers
from server.pages.names import Names, chosen_place
from server.pages.panel import blueprint
from server.places import models as places
from server.visits import models as visits
from server.web.forms import Form
from server.web.languages import gettext

SHOWN = 50


class ConflictLine(NamedTuple):
    """Two entries of one visitor."""

    key: str
    who: str
    visit_url: str
    zone: str
    first_at: datetime
    first_where: str
    second_at: datetime
    second_where: str
    settled: str
    acknowledge_url: str


@blueprint.get("/conflicts")
def conflicts() -> str:
    """List double entries."""
    with reading() as work:
        return render_template("panel/conflicts.html", **_shown(work))


@blueprint.get("/conflicts/list")
def conflicts_list() -> str:
    """Return the double entries alone, for a page that is open."""
    with reading() as work:
        return render_template("panel/conflicts_list.html", **_shown(work))


@blueprint.post("/conflicts/<conflict>/acknowledge")
def acknowledge_conflict(conflict: str) -> AnyResponse:
    """Note what a guard found out."""
    try:
        with begin() as work:
            said = Acknowledge(note=on_one_line(Form.sent().value("note"))[:500])
            actions.acknowledge_conflict(work, conflict, said)
    except GenkanError as error:
        flash(gettext(error.detail), "bad")
    return redirect(url_for("panel.conflicts"), 303)


@blueprint.route("/amnesty", methods=["GET", "POST"])
def amnesty() -> AnyResponse:
    """Ask whose entries are forgiven and why, and forgive them."""
    form = Form.sent()
    if request.method == "POST":
        form.need("reason")
        if not form.has_errors and _granted(form):
            flash(gettext("Entries up to now are forgiven. The gates know it already."), "good")
            return redirect(url_for("panel.conflicts"), 303)
    with reading() as work:
        require(work.principal, Right.DOORS_COMMAND)
        text = render_template(
            "panel/amnesty.html", form=form, places=_places(work), people=_inside(work)
        )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


def waiting(work: Work) -> int:
    """Return how many double entries nobody looked into yet."""
    query = PageQuery(limit=MOST, cursor=None)
    return len(actions.list_conflicts(work, query, waiting_only=True).items)


def _granted(form: Form) -> bool:
    try:
        site, zone = chosen_place(form.value("place"))
        wanted = NewAmnesty(
            reason=form.value("reason"),
            zone=zone,
            visitor=form.value("visitor") or None,
        )
        with begin() as work:
            actions.grant_amnesty(work, site, wanted)
    except ValidationError as error:
        form.take_validation(error)
    except GenkanError as error:
        form.take(error)
    return not form.has_errors


def _places(work: Work) -> list[tuple[str, str]]:
    names, found = Names(work), list[tuple[str, str]]()
    for code, name in names.sites():
        site = SiteCode(code)
        found.append((f"{site}:", gettext("The whole site: %(site)s", site=name)))
        found += [
            (f"{site}:{zone.number}", names.zone(site, zone.number))
            for zone in places.all_zones(work.session, site)
        ]
    return found


def _inside(work: Work) -> list[tuple[str, str]]:
    """Return those who are inside by name: whom anti-passback can hold up."""
    inside = [each.presence.credential for each in actions.list_inside(work)]
    known = visits.by_credentials(work.session, inside)
    return sorted(((guest.id, guest.name) for _, guest in known.values()), key=lambda one: one[1])


def _shown(work: Work) -> dict[str, Sequence[ConflictLine] | bool]:
    page = actions.list_conflicts(work, PageQuery(limit=SHOWN, cursor=None))
    known = bearers.of(work, {CredentialId(bytes(each.credential)) for each in page.items})
    names = Names(work)

    def line(found: AntiPassbackConflict) -> ConflictLine:
        bearer = known.get(CredentialId(bytes(found.credential)))
        settled = ""
        if found.acknowledged_at is not None:
            who = names.person(found.acknowledged_by)
            settled = " · ".join(part for part in (who, found.note) if part) or "–"
        may = not settled and work.principal.may(Right.DOORS_COMMAND, found.site)
        return ConflictLine(
            key=found.id,
            who=bearer.name if bearer else gettext("Unknown pass"),
            visit_url=bearer.url if bearer else "",
            zone=names.zone(found.site, found.zone),
            first_at=found.first_at,
            first_where=_where(names, found.site, found.first_access_point),
            second_at=found.second_at,
            second_where=_where(names, found.site, found.second_access_point),
            settled=settled,
            acknowledge_url=url_for("panel.acknowledge_conflict", conflict=found.id) if may else "",
        )

    return {
        "conflicts": [line(each) for each in page.items],
        "may_forgive": work.principal.may(Right.DOORS_COMMAND),
    }


def _where(names: Names, site: SiteCode, point: AccessPointId) -> str:
    return names.access_point(site, point)
