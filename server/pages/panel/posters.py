"""Posters and screens on the panel: putting them up, printing them, replacing them, and seeing that they are used."""

from datetime import datetime
from typing import NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import AccessPointId, PortalId, SiteCode
from server.arrivals import actions
from server.arrivals.actions import NewKiosk, NewPoster, PosterSize
from server.kernel.errors import GenkanError, NotFound
from server.kernel.ids import KioskId, PosterId
from server.kernel.principal import Right, require
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages.names import EVERYTHING, Names
from server.pages.panel import blueprint
from server.places import models as places
from server.web.forms import Form
from server.web.languages import gettext


class PosterLine(NamedTuple):
    """A poster that hangs."""

    id: PosterId
    where: str
    note: str
    address: str
    number: str
    scans: int
    scanned_at: datetime | None


class KioskLine(NamedTuple):
    """A screen."""

    id: KioskId
    name: str
    where: str
    seen_at: datetime | None


@blueprint.get("/posters")
def posters() -> str:
    """List what hangs, and the screens."""
    return _page(Form.sent(), "")


@blueprint.post("/posters")
def put_up_poster() -> AnyResponse:
    """Make a poster for a door or machine."""
    form = Form.sent()
    site, _, portal = form.value("portal").partition(":")
    try:
        with begin() as work:
            actions.put_up_poster(
                work, SiteCode(site), NewPoster(portal=portal, note=form.value("note"))
            )
    except ValidationError as error:
        form.take_validation(error)
    except GenkanError as error:
        form.take(error)
    if form.has_errors:
        return Response(_page(form, ""), 422)
    flash(gettext("The poster is ready to be printed."), "good")
    return redirect(url_for("panel.posters"), 303)


@blueprint.post("/posters/<poster>/replace")
def replace_poster(poster: str) -> AnyResponse:
    """Make a new one for the same place."""
    with begin() as work:
        actions.replace_poster(work, PosterId(poster))
    flash(
        gettext("Please print the new poster and hang it up: the old one opens nothing more."),
        "good",
    )
    return redirect(url_for("panel.posters"), 303)


@blueprint.post("/posters/<poster>/take-down")
def take_down_poster(poster: str) -> AnyResponse:
    """Let a poster count no more."""
    with begin() as work:
        actions.take_down_poster(work, PosterId(poster))
    return redirect(url_for("panel.posters"), 303)


@blueprint.get("/posters/<poster>/<size>.<kind>")
def poster_sheet(poster: str, size: str, kind: str) -> AnyResponse:
    """Return the paper as PDF, or a picture of it."""
    if size not in set(PosterSize) or kind not in ("pdf", "png"):
        raise NotFound("There is no such paper.")
    with reading() as work:
        found = actions.get_poster(work, PosterId(poster))
        make = actions.poster_pdf if kind == "pdf" else actions.poster_picture
        body = make(work, found, PosterSize(size))
    answer = Response(body, mimetype="application/pdf" if kind == "pdf" else "image/png")
    if kind == "pdf":
        name = f"genkan-{found.site}-{found.portal}-{size}.pdf"
        answer.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return answer


@blueprint.post("/kiosks")
def pair_kiosk() -> AnyResponse:
    """Set up a screen, and show its address this once."""
    form = Form.sent()
    site, _, point = form.value("access_point").partition(":")
    address = ""
    try:
        with begin() as work:
            new = NewKiosk(name=form.value("name"), access_point=point)
            address = actions.pair_kiosk(work, SiteCode(site), new)[1]
    except ValidationError as error:
        form.take_validation(error)
    except GenkanError as error:
        form.take(error)
    return Response(_page(form, address), 422 if form.has_errors else 200)


@blueprint.post("/kiosks/<kiosk>/revoke")
def revoke_kiosk(kiosk: str) -> AnyResponse:
    """Let a screen show nothing more."""
    with begin() as work:
        actions.revoke_kiosk(work, KioskId(kiosk))
    return redirect(url_for("panel.posters"), 303)


def _page(form: Form, kiosk_address: str) -> str:
    with reading() as work:
        require(work.principal, Right.PLACES_MANAGE)
        names = Names(work)
        return render_template(
            "panel/posters.html",
            form=form,
            now=work.now,
            posters=_posters(work, names),
            kiosks=[
                KioskLine(
                    each.id,
                    each.name,
                    names.access_point(each.site, each.access_point),
                    each.seen_at,
                )
                for each in actions.list_kiosks(work)
            ],
            kiosk_address=kiosk_address,
            portals=_portals(work, names),
            points=_points(work, names),
            failed="kiosk" if request.path.endswith("/kiosks") else "poster",
        )


def _posters(work: Work, names: Names) -> list[PosterLine]:
    return [
        PosterLine(
            id=each.id,
            where=names.portal(each.site, each.portal),
            note=each.note,
            address=actions.poster_address(work, each),
            number=actions.as_read(each.check_number),
            scans=each.scans,
            scanned_at=each.scanned_at,
        )
        for each in actions.list_posters(work)
    ]


def _portals(work: Work, names: Names) -> list[tuple[str, str]]:
    return [
        (f"{code}:{portal.id}", f"{name}: {names.portal(SiteCode(code), PortalId(portal.id))}")
        for code, name in names.sites()
        for portal in places.portals(work.session, SiteCode(code), EVERYTHING).items
    ]


def _points(work: Work, names: Names) -> list[tuple[str, str]]:
    return [
        (f"{code}:{point.id}", names.access_point(SiteCode(code), AccessPointId(point.id)))
        for code, _ in names.sites()
        for point in places.access_points_of_site(work.session, SiteCode(code))
    ]
