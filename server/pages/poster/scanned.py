"""The page behind a posted QR: greets whoever this phone is bound to, says what is missing, and has one button."""

import base64

from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.wording import Language
from server.access.actions import entrance_code_accepts
from server.arrivals import actions as arrivals
from server.arrivals.models import Poster
from server.kernel.principal import Principal
from server.kernel.request import office
from server.kernel.work import Work
from server.pages.names import Names
from server.pages.poster import blueprint, staff, standing
from server.pages.poster.standing import Guest, Standing
from server.refreshments.models import Machine
from server.visits import actions as visits
from server.web import languages
from server.web.formats import local
from server.web.languages import gettext
from server.web.limits import limited
from server.web.security import permit_position

UNKNOWN, GONE = 404, 410


@blueprint.get("/")
@limited("120 per minute")
def typed() -> AnyResponse:
    """Take a code that was typed, or ask for one."""
    code = arrivals.read_code(request.args.get("code", "")[:20])
    if code:
        return redirect(url_for("poster.scanned", code=code), 303)
    return Response(render_template("poster/typed.html", wrong="code" in request.args))


@blueprint.get("/<code>")
@limited("300 per minute")
def scanned(code: str) -> AnyResponse:
    """Show the step that comes next for whoever holds this phone."""
    digits = request.args.get("c", "")[:16]
    with office().begin(Principal.anonymous()) as work:
        poster = arrivals.poster_found(work, code)
        if poster is None or poster.ended_at is not None:
            return not_hanging(old=poster is not None)
        if not digits:
            arrivals.note_scan(work, poster)
            if work.session.get(Machine, (poster.site, poster.portal)) is None:
                return show(work, poster)
            # At a vending machine nobody wants a door.
            wanted = request.args.get("visitor") or None
            return redirect(url_for("poster.drink", code=poster.code, visitor=wanted), 303)
        known = poster.access_point is not None and entrance_code_accepts(
            work, poster.site, poster.access_point, digits
        )
        if known:
            standing.note_code(work, poster)
    # The digits leave the address: it may be kept, or passed on.
    return redirect(url_for("poster.scanned", code=poster.code, late=None if known else "1"), 303)


@blueprint.get("/<code>/state")
@limited("600 per minute")
def state(code: str) -> AnyResponse:
    """Return what changes on an open page: whether host or guard answered."""
    with office().reading(Principal.anonymous()) as work:
        poster = arrivals.poster_found(work, code)
        guest = chosen(standing.guests(work, poster)) if poster else None
        if poster is None or guest is None or not guest.can_enter:
            return Response("", 286)  # htmx: stop asking
        return Response(render_template("poster/asked.html", **_opening(work, poster, guest)))


def show(work: Work, poster: Poster, error: str = "", status: int = 200) -> Response:
    """Return the page of a poster that hangs."""
    found = standing.guests(work, poster)
    guest = chosen(found)
    if (guest is None or not guest.can_enter) and staff.carries_pass(work, poster):
        return staff.show(work, poster)
    names = Names(work)
    languages.prefer(
        languages.of_browser() or (guest.visitor.language if guest else None),
        names.time_zone(poster.site),
    )
    values: dict[str, object] = {
        "code": poster.code,
        "site": names.site(poster.site),
        "portal": names.portal(poster.site, poster.portal),
        "number": arrivals.as_read(poster.check_number),
        "late": "late" in request.args,
        "error": error,
    }
    if guest is None and any(each.can_enter for each in found):
        choices = [
            (each.visitor.id, each.visit.title, names.person(each.visit.host), each.visit)
            for each in found
            if each.can_enter
        ]
        text = render_template("poster/choose.html", choices=choices, **values)
    elif guest is None:
        text = render_template("poster/stranger.html", opens=poster.access_point, **values)
    else:
        values |= {"name": guest.visitor.name, "visit_url": visit_url(work, guest)}
        if guest.can_enter and poster.access_point is not None:
            permit_position()
            values |= _opening(work, poster, guest)
            text = render_template("poster/open.html", **values)
        else:
            said = _said(names, guest)
            text = render_template("poster/not_now.html", heading=said[0], advice=said[1], **values)
    return Response(text, status, mimetype="text/html")


def chosen(found: list[Guest]) -> Guest | None:
    """Return the one visit that is meant: the one chosen, the only one that can go on, or the one to explain."""
    ready = [each for each in found if each.can_enter]
    wanted = request.values.get("visitor", "")
    if wanted:
        return next((each for each in found if each.visitor.id == wanted), None)
    if len(ready) > 1:
        return None
    return ready[0] if ready else next(iter(found), None)


def visit_url(work: Work, guest: Guest) -> str:
    """Return the visitor's own page."""
    return url_for("visitor.visit", token=token_of(work, guest))


def token_of(work: Work, guest: Guest) -> str:
    """Return the secret of the visitor's link, for pages of the phone that keeps it."""
    return visits.link_of(work, guest.visitor).rpartition("/")[2]


def not_hanging(*, old: bool) -> Response:
    """Say kindly that a poster is old, or that there is none with this code."""
    text = render_template("poster/old.html", old=old)
    return Response(text, GONE if old else UNKNOWN, mimetype="text/html")


def _opening(work: Work, poster: Poster, guest: Guest) -> dict[str, object]:
    asked = standing.steps(work, guest, poster)
    names = Names(work)
    return {
        "code": poster.code,
        "visitor": guest.visitor.id,
        "pass_id": _pass_id(guest),
        "pass_url": f"{visit_url(work, guest)}/pass",
        "token": token_of(work, guest),
        "now_ms": int(work.now.timestamp() * 1000),
        "host": names.person(guest.visit.host),
        "steps": asked,
        "signs": asked.has_key,
    }


def _pass_id(guest: Guest) -> str:
    return base64.urlsafe_b64encode(bytes(guest.visitor.credential)).rstrip(b"=").decode()


def _said(names: Names, guest: Guest) -> tuple[str, str]:  # noqa: PLR0911  one sentence each
    """Return what stands in the way now, and what to do."""
    host = names.person(guest.visit.host)
    match guest.standing:
        case Standing.READY:
            return gettext("You are expected"), gettext("Your visit page says what comes next.")
        case Standing.AGREE:
            return (
                gettext("One step before you come in"),
                gettext("Please read and agree to the rules of the house, then scan again."),
            )
        case Standing.EARLY:
            when = local(guest.opens_at, "both")
            return (
                gettext("You are early"),
                gettext("The door opens for you from %(when)s. Please scan again then.", when=when),
            )
        case Standing.PENDING:
            return (
                gettext("Your visit is being confirmed"),
                gettext("Please wait a moment, or call %(host)s. Then scan again.", host=host),
            )
        case Standing.ELSEWHERE:
            there = names.site(guest.visit.site)
            return (
                gettext("Your visit is at another place"),
                gettext("You are expected at %(site)s. Your visit page shows the way.", site=there),
            )
        case Standing.WITHDRAWN:
            return (
                gettext("Your pass was withdrawn"),
                gettext("Please ask %(host)s for a new one.", host=host),
            )
        case Standing.DECLINED:
            return (
                gettext("You have declined"),
                gettext(
                    "If you can come after all, please ask %(host)s to expect you again.", host=host
                ),
            )
        case Standing.CANCELLED:
            return (
                gettext("Your visit was cancelled"),
                gettext("Please ask %(host)s if this surprises you.", host=host),
            )
        case Standing.OVER:
            return (
                gettext("Thank you for your visit"),
                gettext(
                    "It is over. If you have to come in again, please ask %(host)s.", host=host
                ),
            )


def language_now() -> Language:
    """Return the language of this answer, as decisions are worded in it."""
    return Language(languages.current())
