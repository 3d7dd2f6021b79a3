"""Opening a door from a posted QR: what was shown is gathered, the door asked for and followed to its end."""

from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.ids import AccessPointId, EventId
from access_protocol.wording import sentence
from server.access import actions as access
from server.access.models import CommandState, DoorCommand
from server.arrivals import actions as arrivals
from server.arrivals.actions import Evidence
from server.arrivals.models import Poster
from server.credentials import actions as credentials
from server.kernel.errors import Conflict, GenkanError, Invalid, NotFound
from server.kernel.principal import Principal
from server.kernel.request import office
from server.kernel.work import Work
from server.pages.names import Names
from server.pages.poster import blueprint, following, scanned, standing
from server.pages.poster.standing import Guest
from server.web import languages
from server.web.languages import gettext
from server.web.limits import SMALL, at_most, limited


@blueprint.post("/<code>/open")
@limited("120 per minute")
@at_most(SMALL)
def ask_door(code: str) -> AnyResponse:
    """Ask for the door with what the phone and the hand showed."""
    with office().begin(Principal.anonymous()) as work:
        poster, guest = _before(work, code)
        access_point = _opens(poster)
        standing.become(work, guest)
        seen = standing.code_scanned(work, poster)
        typed = request.form.get("digits", "").strip()[:16]
        if typed and not seen:
            seen = access.check_code(work, poster.site, access_point, typed, guest.visitor.id)
            if not seen:
                # Committed all the same: the wrong ones are counted.
                why = gettext(
                    "These are not the digits on the screen now. Please type the new ones."
                )
                return scanned.show(work, poster, why, Invalid.status)
        evidence = Evidence(_texts(work, guest), seen, following.is_there(work, poster))
        command = arrivals.enter(work, guest.visit, guest.visitor, access_point, evidence)
        if command.state is not CommandState.DENIED:
            standing.forget_code()
        where = url_for(
            "poster.door", code=poster.code, event=command.event, visitor=guest.visitor.id
        )
    return redirect(where, 303)


@blueprint.post("/<code>/ask")
@limited("60 per minute")
@at_most(SMALL)
def ask_people(code: str) -> AnyResponse:
    """Ask host and guards to let the visitor in."""
    with office().begin(Principal.anonymous()) as work:
        poster, guest = _before(work, code)
        standing.become(work, guest)
        arrivals.ask_approval(work, guest.visit, guest.visitor, _opens(poster))
    return redirect(url_for("poster.scanned", code=code, visitor=guest.visitor.id), 303)


@blueprint.get("/<code>/door/<event>")
@limited("300 per minute")
def door(code: str, event: str) -> AnyResponse:
    """Show what becomes of the door."""
    return _followed(code, event, "poster/door.html")


@blueprint.get("/<code>/door/<event>/state")
@limited("600 per minute")
def door_state(code: str, event: str) -> AnyResponse:
    """Return what became of the door so far."""
    return _followed(code, event, "poster/door_state.html")


def _followed(code: str, event: str, template: str) -> AnyResponse:
    with office().reading(Principal.anonymous()) as work:
        poster, guest = _before(work, code, entering=False)
        standing.become(work, guest)
        command = access.find_opening(work, EventId(event[:36]))
        names = Names(work)
        languages.prefer(
            languages.of_browser() or guest.visitor.language, names.time_zone(poster.site)
        )
        text = render_template(
            template,
            code=poster.code,
            event=command.event,
            visitor=guest.visitor.id,
            site=names.site(poster.site),
            portal=names.portal(poster.site, poster.portal),
            outcome=following.outcome(work, command),
            reason=_why(work, command, poster, guest),
            host=names.person(guest.visit.host),
            visit_url=scanned.visit_url(work, guest),
            token=scanned.token_of(work, guest),
        )
    return Response(text, mimetype="text/html")


def _why(work: Work, command: DoorCommand, poster: Poster, guest: Guest) -> str:
    """Return why it was refused, and what to do about it."""
    if command.denied is None:
        return ""
    made_here = command.credential_class is CredentialClass.REFRESHED
    if command.denied is DenyReason.ALREADY_USED and made_here:
        # What the server signs for a phone without a key counts once a second: nobody used this pass before.
        return gettext("That was quick. Please press once more.")
    if command.denied is not DenyReason.PRESENCE_MISSING:
        return sentence(command.denied, scanned.language_now())
    steps = standing.steps(work, guest, poster)
    if steps.wants_code:
        return gettext(
            "We could not see that you stand at the entrance. "
            "Please scan the code on the screen there, or type its digits."
        )
    if steps.wants_position:
        return gettext(
            "We could not see that you stand at the entrance. "
            "Please let the page know your position, best under the open sky."
        )
    return gettext("We could not see that you stand at the entrance. Please ask to be let in.")


def _before(work: Work, code: str, *, entering: bool = True) -> tuple[Poster, Guest]:
    poster = arrivals.poster_found(work, code)
    if poster is None or poster.ended_at is not None:
        raise NotFound("This poster is old. Please look for the one that hangs there now.")
    guest = scanned.chosen(standing.guests(work, poster))
    if guest is None or (entering and not guest.can_enter):
        raise Conflict("Please scan the code at the entrance again.")
    return poster, guest


def _opens(poster: Poster) -> AccessPointId:
    if poster.access_point is None:
        raise Conflict("This poster opens no door.")
    return poster.access_point


def _texts(work: Work, guest: Guest) -> tuple[str, ...]:
    """Return what the phone's key signed, or for a phone without one what the server signs in its place."""
    if signed := following.presentation():
        return signed
    try:
        return (credentials.refresh(work, guest.visitor.id).text,)
    except GenkanError:
        # Withdrawn, or not yet: deciding says so, and journals it.
        return ()
