"""The pass: the page that works on the phone without a network, and what it asks the server when there is one."""

import json
from http import HTTPStatus

from flask import Response, render_template, request, url_for
from pydantic import BaseModel, ValidationError

from access_protocol.credential import CredentialClass
from server.credentials import models as credentials
from server.credentials.actions import HolderKeyInput, bind, holder_key, refresh, window
from server.kernel.refusals import invalid_from
from server.kernel.request import answer
from server.pages.passes import (
    MODULES,
    BoundOut,
    PassState,
    Standing,
    base64url,
    milliseconds,
    plain,
    worker,
)
from server.pages.visitor import blueprint
from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting, visiting
from server.places.models import Site
from server.visits.models import VisitState
from server.web import csrf
from server.web.formats import local, span
from server.web.languages import current, gettext
from server.web.limits import SMALL, at_most, limited
from server.web.routes import STATIC, static_url

_PAPER, _INDIGO = "#f7f5f0", "#23456b"


class RefreshedOut(BaseModel):
    """A credential for the next minute."""

    text: str
    expires_ms: int


def section(now: Visiting) -> Shown | None:
    """Return the way to the pass, once there is one."""
    if _standing(now) is not Standing.EXPECTED:
        return None
    begins, ends = window(now.visit.starts_at, now.visit.ends_at)
    url = url_for("visitor.show_pass", token=now.token)
    counts = begins <= now.work.now < ends
    return Shown({"pass_url": url, "begins": begins, "counts": counts}, asks=counts)


@blueprint.get("/<token>/pass")
@limited("120 per minute")
def show_pass(token: str) -> Response:
    """Show the page of the pass; its script asks for the state, so that a kept page is never wrong for long."""
    with visiting(token) as now:
        text = render_template(
            "visitor/pass.html",
            token=token,
            pass_id=base64url(bytes(now.visitor.credential)),
            visitor=now.visitor.name,
            facts=_facts(now),
            time_zone=now.names.time_zone(now.visit.site),
            site_name=now.names.site(now.visit.site),
            modules=[plain(name) for name in MODULES],
        )
    return Response(text, mimetype="text/html")


@blueprint.get("/<token>/pass/state")
@limited("240 per minute")
def pass_state(token: str) -> Response:
    """Return what the phone keeps."""
    with visiting(token) as now:
        begins, ends = window(now.visit.starts_at, now.visit.ends_at)
        standing = _standing(now)
        static, bound = (
            credentials.current_issue(now.work.session, now.visitor.id, which)
            if standing is Standing.EXPECTED
            else None
            for which in (CredentialClass.STATIC, CredentialClass.BOUND)
        )
        state = PassState(
            now_ms=milliseconds(now.work.now),
            id=base64url(bytes(now.visitor.credential)),
            csrf=csrf.token(),
            standing=standing,
            begins_ms=milliseconds(begins),
            ends_ms=milliseconds(ends),
            bound=None if bound is None else BoundOut.of(bound),
            static=None if static is None else static.text,
            facts=_facts(now),
        )
    return answer(state)


@blueprint.post("/<token>/pass/key")
@limited("30 per minute")
@at_most(SMALL)
def bind_key(token: str) -> Response:
    """Bind the visitor's credential to the key that this phone made."""
    try:
        given = HolderKeyInput.model_validate_json(request.get_data())
    except ValidationError as error:
        raise invalid_from(error) from error
    key = holder_key(given)
    with visiting(token, writes=True) as now:
        made = BoundOut.of(bind(now.work, now.visitor.id, key))
    return answer(made, HTTPStatus.CREATED)


@blueprint.post("/<token>/pass/refreshed")
@limited("240 per minute")
@at_most(SMALL)
def refreshed(token: str) -> Response:
    """Return a credential for the next minute, for a phone that cannot keep a key."""
    with visiting(token) as now:
        made = refresh(now.work, now.visitor.id)
    expires = milliseconds(made.expires)
    return answer(RefreshedOut(text=made.text, expires_ms=expires), HTTPStatus.CREATED)


@blueprint.get("/<token>/manifest.webmanifest")
@limited("120 per minute")
def manifest(token: str) -> Response:
    """Tell browsers how the pass is put on the home screen."""
    with visiting(token) as now:
        path = url_for("visitor.show_pass", token=token)
        document = {
            "id": path,
            "start_url": path,
            "scope": f"{blueprint.url_prefix}/",
            "name": gettext("Pass for %(site)s", site=now.names.site(now.visit.site)),
            "short_name": gettext("Pass"),
            "lang": current(),
            "display": "standalone",
            "orientation": "portrait",
            "background_color": _PAPER,
            "theme_color": _INDIGO,
            "icons": [
                _icon("icon-192.png", 192, "any"),
                _icon("icon-512.png", 512, "any"),
                _icon("icon-maskable-512.png", 512, "maskable"),
            ],
        }
    return Response(json.dumps(document), mimetype="application/manifest+json")


@blueprint.get("/service-worker.js")
@limited("240 per minute")
def service_worker() -> Response:
    """Return the worker that keeps passes for when there is no network, and shows what the phone is told."""
    response = worker("genkan-pass", r"^/v/[^/]+/pass$", above=r"^/v/[^/]+$")
    news = {
        "icon": static_url("icon-192.png"),
        "title": gettext("News about your visit"),
        "body": gettext("Please open your visit page to see it."),
    }
    shows = (STATIC / "telling_worker.js").read_text("utf-8")
    text = response.get_data(as_text=True)
    response.set_data(f"{text}\nconst NEWS = {json.dumps(news)};\n{shows}")
    return response


def _standing(now: Visiting) -> Standing:
    visit, visitor = now.visit, now.visitor
    if now.is_off or visitor.removed_at is not None:
        return Standing.CANCELLED
    if now.has_declined:
        return Standing.DECLINED
    if now.work.now >= window(visit.starts_at, visit.ends_at)[1]:
        return Standing.OVER
    if visit.state is VisitState.PENDING:
        return Standing.PREPARING
    held = credentials.of_visitor(now.work.session, visitor.id)
    if held is None or held.revoked:
        return Standing.WITHDRAWN
    return Standing.EXPECTED


def _facts(now: Visiting) -> dict[str, str]:
    visit, names = now.visit, now.names
    site = now.work.session.get_one(Site, visit.site)
    once = [zone for zone in visit.zone_numbers if zone in site.static_zones]
    begins = window(visit.starts_at, visit.ends_at)[0]
    return {
        "day": local(visit.starts_at, "day"),
        "hours": span(visit.starts_at, visit.ends_at),
        "begins": local(begins, "both"),
        "host": names.person(visit.host),
        "room": names.room(visit.room),
        "static_zones": names.zones(visit.site, once),
    }


def _icon(name: str, side: int, purpose: str) -> dict[str, str]:
    return {
        "src": static_url(name),
        "sizes": f"{side}x{side}",
        "type": "image/png",
        "purpose": purpose,
    }
