"""The fence of a site: where visitors count as approaching and as near, typed or pasted, and drawn as it will be."""

import json
from typing import Any, NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import SiteCode
from server.arrivals import actions
from server.arrivals.actions import Drawing, FenceInput
from server.arrivals.models import Fence
from server.kernel.errors import GenkanError, Invalid, NotFound
from server.kernel.principal import Right, require
from server.kernel.refusals import reason
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages.names import Names
from server.pages.panel import blueprint
from server.web.forms import Form, sentence
from server.web.languages import gettext

_CIRCLES = {"near": "near_m", "approaching": "approaching_m"}
_FIELDS = ("latitude", "longitude", "near_m", "approaching_m", "near", "approaching")
_FIRST = {
    "form": "circle",
    "near_m": "150",
    "approaching_m": "1500",
    "near_dwell_s": "30",
    "approaching_dwell_s": "60",
}
_SCALES_M = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)


class Picture(NamedTuple):
    """A fence as SVG, in metres around its middle."""

    near: str
    approaching: str
    half: int
    """Half the side of the picture."""
    scale_m: int
    """Length of the bar in the corner."""
    scale_words: str


@blueprint.route("/policy/<site>/fence", methods=["GET", "POST"])
def fence(site: str) -> AnyResponse:
    """Show a site's fence, draw what was typed, and keep it."""
    code, form = SiteCode(site), Form.sent()
    if request.method == "POST":
        wanted = _read(form)
        if wanted is not None and "keep" in request.form:
            try:
                with begin() as work:
                    actions.put_fence(work, code, wanted)
            except GenkanError as error:
                form.take(error)
            else:
                flash(gettext("The fence is kept. It counts from the next position on."), "good")
                return redirect(url_for("panel.fence", site=code), 303)
    with reading() as work:
        require(work.principal, Right.PLACES_MANAGE, code)
        held = _held(work, code)
        if request.method == "GET":
            form.values = _shown(held)
            wanted = None if held is None else FenceInput.model_validate(held, from_attributes=True)
        else:
            wanted = None if form.has_errors else _read(Form(form.values))
        text = render_template(
            "panel/fence.html",
            form=form,
            name=Names(work).site(code),
            site=code,
            picture=None if wanted is None else _picture(wanted),
            is_kept=held is not None,
        )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


@blueprint.post("/policy/<site>/fence/remove")
def remove_fence(site: str) -> AnyResponse:
    """Take a site's fence away."""
    try:
        with begin() as work:
            actions.remove_fence(work, SiteCode(site))
        flash(gettext("The fence is taken away. Visitors use the buttons on their page."), "good")
    except NotFound as error:
        flash(gettext(error.detail), "bad")
    return redirect(url_for("panel.fence", site=site), 303)


def _held(work: Work, site: SiteCode) -> Fence | None:
    if Names(work).time_zone(site) is None:
        raise NotFound(f"There is no site {site}.")
    try:
        return actions.find_fence(work, site)
    except NotFound:
        return None


def _shown(held: Fence | None) -> dict[str, str]:
    """Return a kept fence as the form's fields show it."""
    if held is None:
        return dict(_FIRST)
    values = {
        "near_dwell_s": str(held.near_dwell_s),
        "approaching_dwell_s": str(held.approaching_dwell_s),
    }
    points = [held.near, held.approaching]
    centres = [each["coordinates"] for each in points if each["type"] == "Point"]
    if len(centres) == len(points) and centres[0] == centres[1]:
        longitude, latitude = centres[0]
        return values | {
            "form": "circle",
            "latitude": f"{latitude:g}" if latitude == int(latitude) else str(latitude),
            "longitude": str(longitude),
            "near_m": f"{held.near['radius_m']:g}",
            "approaching_m": f"{held.approaching['radius_m']:g}",
        }
    return values | {
        "form": "drawn",
        "near": json.dumps(held.near),
        "approaching": json.dumps(held.approaching),
    }


def _read(form: Form) -> FenceInput | None:
    """Return what was typed, or note what is wrong with it."""
    is_circle = form.value("form") != "drawn"
    form.need(
        *(
            ("latitude", "longitude", "near_m", "approaching_m")
            if is_circle
            else ("near", "approaching")
        )
    )
    if form.has_errors:
        return None
    shapes = _circles(form) if is_circle else _pasted(form)
    if form.has_errors:
        return None
    dwell = {name: form.value(name) for name in ("near_dwell_s", "approaching_dwell_s")}
    try:
        return FenceInput.model_validate(shapes | {k: v for k, v in dwell.items() if v})
    except ValidationError as error:
        _refuse(form, error, is_circle=is_circle)
        return None


def _circles(form: Form) -> dict[str, Any]:
    centre = [form.value("longitude"), form.value("latitude")]
    return {
        name: {"type": "Point", "coordinates": centre, "radius_m": form.value(field)}
        for name, field in _CIRCLES.items()
    }


def _pasted(form: Form) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _CIRCLES:
        try:
            found[name] = json.loads(form.value(name))
        except (ValueError, RecursionError):
            form.refuse(name, gettext("This is not JSON. Copy the whole shape, with its brackets."))
    return found


def _refuse(form: Form, error: ValidationError, *, is_circle: bool) -> None:
    """Put what pydantic says of a part of a shape beside the field in which that part was typed."""
    for each in error.errors(include_url=False):
        place = [str(part) for part in each["loc"]]
        field = place[0] if place else ""
        if is_circle and field in _CIRCLES:
            field = _circle_field(field, place)
        if form.error(field):
            continue
        if each["type"] == "float_parsing":
            form.refuse(field, gettext("Please write a number, for example 35.6812."))
        else:
            form.refuse(field, sentence(reason(each["type"], each["msg"], each.get("ctx", {}))))


def _circle_field(field: str, place: list[str]) -> str:
    if "coordinates" in place:
        return "longitude" if place[-1] == "0" else "latitude"
    return _CIRCLES[field]


def _picture(wanted: FenceInput) -> Picture:
    drawing: Drawing = actions.drawn(wanted.near, wanted.approaching)
    half = round(drawing.reach_m * 1.15)
    scale = max((each for each in _SCALES_M if each <= half * 0.7), default=_SCALES_M[0])
    words = f"{scale // 1000} km" if scale >= 1000 else f"{scale} m"  # noqa: PLR2004  a kilometre
    return Picture(_points(drawing.near), _points(drawing.approaching), half, scale, words)


def _points(line: Any) -> str:  # noqa: ANN401  pairs of numbers
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
