"""The pass of the house's own people: the page that works on their phone without a network, and what it asks for."""

from http import HTTPStatus

from flask import Response, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import SiteCode
from server.credentials import actions as credentials
from server.credentials.actions import (
    CLOCKS_BEHIND,
    STAFF_PASS_LIFE,
    STAFF_PASSES,
    HolderKeyInput,
    StaffPass,
    holder_key,
)
from server.kernel.errors import Forbidden
from server.kernel.ids import PersonId
from server.kernel.refusals import invalid_from
from server.kernel.request import answer, begin, caller, reading
from server.kernel.work import Work
from server.pages.host import blueprint
from server.pages.names import Names
from server.pages.passes import (
    MODULES,
    BoundOut,
    PassState,
    Standing,
    base64url,
    milliseconds,
    pass_key,
    plain,
    worker,
)
from server.web import csrf
from server.web.formats import local
from server.web.limits import SMALL, at_most, limited

_OTHERS = ("vendor/htmx.min.js", "vendor/htmx-ext-sse.min.js", "live.js", "host.js")
"""What the host's pages load beside the pass."""


@blueprint.get("/pass")
def my_pass() -> AnyResponse | str:
    """Lead to one's pass: to the only site's, or let choose between several."""
    with reading() as work:
        found = [each for each in credentials.passes(work, _me()) if each.zones or each.held]
        if len(found) == 1:
            return redirect(url_for("host.show_pass", site=found[0].site))
        names = Names(work)
        sites = [
            (url_for("host.show_pass", site=each.site), names.site(each.site)) for each in found
        ]
    return render_template("host/passes.html", sites=sites)


@blueprint.get("/pass/<site>")
def show_pass(site: str) -> str:
    """Show the page of the pass; its script asks for the state, so that a kept page is never wrong for long."""
    code = SiteCode(site)
    with reading() as work:
        found = credentials.standing(work, _me(), code)
        names = Names(work)
        return render_template(
            "host/pass.html",
            site=code,
            pass_id=pass_key(found.person, code),
            about=found.person,
            notices=f"{STAFF_PASSES} refresh",
            facts=_facts(work, found),
            time_zone=names.time_zone(code),
            site_name=names.site(code),
            modules=[plain(name) for name in MODULES],
        )


@blueprint.get("/pass/<site>/state")
def pass_state(site: str) -> Response:
    """Return what the phone keeps."""
    with reading() as work:
        found = credentials.standing(work, _me(), SiteCode(site))
        issue = found.issue if _standing(found) is Standing.EXPECTED else None
        state = PassState(
            now_ms=milliseconds(work.now),
            id="" if issue is None else base64url(bytes(issue.credential)),
            csrf=csrf.token(),
            standing=_standing(found),
            begins_ms=milliseconds(work.now - CLOCKS_BEHIND),
            ends_ms=milliseconds(work.now + STAFF_PASS_LIFE),
            bound=None if issue is None else BoundOut.of(issue),
            renew=found.wants_renewal(work.now),
            facts=_facts(work, found),
        )
    return answer(state)


@blueprint.post("/pass/<site>/key")
@limited("30 per minute")
@at_most(SMALL)
def bind_pass(site: str) -> Response:
    """Bind one's pass to the key that this phone made, or renew it."""
    try:
        given = HolderKeyInput.model_validate_json(request.get_data())
    except ValidationError as error:
        raise invalid_from(error) from error
    key = holder_key(given)
    with begin() as work:
        made = BoundOut.of(credentials.bind_staff(work, SiteCode(site), key))
    return answer(made, HTTPStatus.CREATED)


@blueprint.get("/pass/service-worker.js")
@limited("120 per minute")
def pass_worker() -> Response:
    """Return the worker that keeps the pass for when there is no network."""
    return worker("genkan-staff-pass", r"^/host/pass/[A-Z]{1,3}$", others=_OTHERS)


def _me() -> PersonId:
    person = caller().principal.person
    if person is None:
        raise Forbidden("Sign in as a person to carry a pass.")
    return person


def _standing(found: StaffPass) -> Standing:
    if found.blocked:
        return Standing.WITHDRAWN
    return Standing.EXPECTED if found.zones else Standing.PREPARING


def _facts(work: Work, found: StaffPass) -> dict[str, str]:
    ends = found.issue.expires if found.issue else work.now + STAFF_PASS_LIFE
    return {
        "zones": Names(work).zones(found.site, found.zones),
        "until": local(ends, "both"),
    }
