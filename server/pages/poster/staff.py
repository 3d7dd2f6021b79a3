"""Somebody of the house before a posted QR: the phone that carries their pass opens the door by key and presence."""

from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.decision import DenyReason
from access_protocol.ids import AccessPointId, EventId
from access_protocol.presence import Presence
from access_protocol.wording import sentence
from server.access import actions as access
from server.access.models import CommandState, DoorCommand
from server.arrivals import actions as arrivals
from server.arrivals.models import Poster
from server.credentials import actions as credentials
from server.kernel.errors import Conflict, Invalid, NotFound
from server.kernel.ids import PersonId
from server.kernel.principal import Principal
from server.kernel.request import caller, office
from server.kernel.work import Work
from server.pages.names import Names
from server.pages.passes import pass_key
from server.pages.poster import blueprint, following, standing
from server.pages.poster.standing import Steps
from server.places.models import AccessPoint
from server.web import languages
from server.web.languages import gettext
from server.web.limits import SMALL, at_most, limited
from server.web.security import permit_position


def carries_pass(work: Work, poster: Poster) -> bool:
    """Tell whether whoever is signed in here carries a pass that counts at the poster's site."""
    person = caller().principal.person
    if person is None or caller().session is None or poster.access_point is None:
        return False
    work.principal = caller().principal
    try:
        return credentials.standing(work, person, poster.site).issue is not None
    finally:
        work.principal = Principal.anonymous()


def show(work: Work, poster: Poster, error: str = "", status: int = 200) -> Response:
    """Return the page with the one button."""
    names = Names(work)
    languages.prefer(languages.of_browser() or caller().language, names.time_zone(poster.site))
    permit_position()
    text = render_template(
        "poster/staff.html",
        code=poster.code,
        site=names.site(poster.site),
        portal=names.portal(poster.site, poster.portal),
        number=arrivals.as_read(poster.check_number),
        name=caller().name,
        pass_id=pass_key(_me(), poster.site),
        pass_url=url_for("host.show_pass", site=poster.site),
        now_ms=int(work.now.timestamp() * 1000),
        late="late" in request.args,
        steps=_steps(work, poster),
        error=error,
    )
    return Response(text, status, mimetype="text/html")


@blueprint.post("/<code>/staff")
@limited("120 per minute")
@at_most(SMALL)
def open_as_staff(code: str) -> AnyResponse:
    """Ask for the door with what the phone's key signed."""
    person = caller().principal.person
    with office().begin(Principal.anonymous()) as work:
        poster = _poster(work, code)
        point = _opens(poster)
        if person is None or not carries_pass(work, poster):
            raise Conflict("Please open your pass on this phone, then scan the code again.")
        work.principal = caller().principal
        seen = standing.code_scanned(work, poster)
        typed = request.form.get("digits", "").strip()[:16]
        if typed and not seen:
            seen = access.check_code(work, poster.site, point, typed, person)
            if not seen:
                why = gettext(
                    "These are not the digits on the screen now. Please type the new ones."
                )
                return show(work, poster, why, Invalid.status)
        there = following.is_there(work, poster)
        shown = {Presence.CODE: seen, Presence.POSITION: there}
        command = access.open_by_poster_for_staff(
            work,
            poster.site,
            point,
            following.presentation(),
            frozenset(each for each, found in shown.items() if found),
        )
        if command.state is not CommandState.DENIED:
            standing.forget_code()
        where = url_for("poster.staff_door", code=poster.code, event=command.event)
    return redirect(where, 303)


@blueprint.get("/<code>/staff/<event>")
@limited("600 per minute")
def staff_door(code: str, event: str) -> AnyResponse:
    """Show what becomes of the door; asked for by the open page, only that."""
    with office().reading(caller().principal) as work:
        poster = _poster(work, code)
        command = access.find_opening(work, EventId(event[:36]))
        names = Names(work)
        languages.prefer(languages.of_browser() or caller().language, names.time_zone(poster.site))
        fragment = "HX-Request" in request.headers
        text = render_template(
            "poster/staff_door_state.html" if fragment else "poster/staff_door.html",
            code=poster.code,
            event=command.event,
            site=names.site(poster.site),
            portal=names.portal(poster.site, poster.portal),
            outcome=following.outcome(work, command),
            reason=_why(command),
        )
    return Response(text, mimetype="text/html")


def _me() -> PersonId:
    person = caller().principal.person
    if person is None:
        raise Conflict("Please open your pass on this phone, then scan the code again.")
    return person


def _why(command: DoorCommand) -> str:
    if command.denied is None:
        return ""
    if command.denied is DenyReason.NO_CODE:
        return gettext("This phone does not carry your pass. Please open it here first.")
    return sentence(command.denied, following.language_now())


def _steps(work: Work, poster: Poster) -> Steps:
    point = work.session.get_one(AccessPoint, (poster.site, poster.access_point))
    seen = standing.code_scanned(work, poster)
    return Steps(point.ways, has_key=True, code_scanned=seen, approval="none")


def _poster(work: Work, code: str) -> Poster:
    poster = arrivals.poster_found(work, code)
    if poster is None or poster.ended_at is not None:
        raise NotFound("This poster is old. Please look for the one that hangs there now.")
    return poster


def _opens(poster: Poster) -> AccessPointId:
    if poster.access_point is None:
        raise Conflict("This poster opens no door.")
    return poster.access_point
