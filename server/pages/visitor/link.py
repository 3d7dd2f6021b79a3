"""The page behind the mailed link: who, when, where, the QR credential, and what happens next."""

from typing import NamedTuple

from flask import Response, render_template, url_for

from access_protocol.credential import CredentialClass
from server.credentials import models as credentials
from server.credentials.actions import qr_png
from server.kernel.errors import NotFound
from server.kernel.request import reading
from server.kernel.work import Work
from server.pages.names import Names
from server.pages.states import Badge
from server.pages.visitor import blueprint
from server.visits import actions
from server.visits.models import Visit, Visitor, VisitState
from server.web import languages
from server.web.languages import gettext

MODULE_PIXELS = 10


class Situation(NamedTuple):
    """What the page says first."""

    heading: str
    message: Badge | None
    steps: list[str]
    shows_credential: bool


@blueprint.get("/<token>")
def visit(token: str) -> Response:
    """Show the visitor their visit."""
    with reading() as work:
        try:
            found, visitor = actions.invited(work, token)
        except NotFound:
            return _unknown_link()
        names = Names(work)
        languages.prefer(visitor.language, names.time_zone(found.site))
        now = _situation(work, names, found, visitor)
        text = render_template(
            "visitor/visit.html",
            greeting=gettext("Dear %(name)s", name=visitor.name),
            heading=now.heading,
            message=now.message,
            steps=now.steps,
            qr_url=url_for("visitor.credential", token=token) if now.shows_credential else "",
            host=names.person(found.host),
            room=names.room(found.room),
            site_name=names.site(found.site),
            address=names.address(found.site),
            purpose=found.title,
            note=found.note,
            starts_at=found.starts_at,
            ends_at=found.ends_at,
        )
    return _private(Response(text, mimetype="text/html"))


@blueprint.get("/<token>/credential.png")
def credential(token: str) -> Response:
    """Return the QR code: black on white, with its quiet zone."""
    with reading() as work:
        found, visitor = actions.invited(work, token)
        issued = credentials.current_issue(work.session, visitor.id)
        if issued is None or not _counts(work, found):
            raise NotFound("There is no credential for this visit now.")
        text = issued.text
    return _private(Response(qr_png(text, module=MODULE_PIXELS), mimetype="image/png"))


def _counts(work: Work, visit: Visit) -> bool:
    return visit.state is VisitState.CONFIRMED and work.now < visit.ends_at


def _situation(work: Work, names: Names, visit: Visit, visitor: Visitor) -> Situation:
    if visit.state in {VisitState.CANCELLED, VisitState.DECLINED}:
        message = gettext(
            "This visit will not take place. Please ask your host if this surprises you."
        )
        badge = Badge("waiting", "cancelled", message)
        return Situation(gettext("Your visit was cancelled"), badge, [], shows_credential=False)
    if work.now >= visit.ends_at:
        message = gettext("This visit is over, and its code opens nothing any more.")
        badge = Badge("", "clock", message)
        return Situation(gettext("Thank you for your visit"), badge, [], shows_credential=False)
    if visit.state is VisitState.PENDING:
        message = gettext("Your visit is being confirmed. Your code appears here once it is.")
        badge = Badge("waiting", "waiting", message)
        return Situation(gettext("Your visit is being prepared"), badge, [], shows_credential=False)
    if credentials.current_issue(work.session, visitor.id) is None:
        if credentials.current_issue(work.session, visitor.id, CredentialClass.BOUND) is not None:
            message = gettext(
                "Your code is on the phone that you set up for it. "
                "Please use that phone, or ask your host for a new code."
            )
            badge = Badge("waiting", "information", message)
            return Situation(gettext("You are expected"), badge, [], shows_credential=False)
        message = gettext("Your code was withdrawn. Please ask your host for a new one.")
        badge = Badge("waiting", "information", message)
        return Situation(gettext("You are expected"), badge, [], shows_credential=False)
    steps = _steps(names, visit)
    return Situation(gettext("You are expected"), None, steps, shows_credential=True)


def _steps(names: Names, visit: Visit) -> list[str]:
    steps = [
        gettext("Come to the entrance at the time of your visit. There is no desk to report to."),
        gettext("Hold the code before the reader at the gate. The gate opens by itself."),
    ]
    room = names.room(visit.room)
    if room:
        steps.append(gettext("Go on to %(room)s. The same code opens the room.", room=room))
    else:
        steps.append(gettext("%(host)s will meet you inside.", host=names.person(visit.host)))
    return steps


def _unknown_link() -> Response:
    text = render_template("visitor/unknown_link.html")
    return _private(Response(text, NotFound.status, mimetype="text/html"))


def _private(response: Response) -> Response:
    """The address is the key to the visit: it is neither kept by caches nor told to other pages."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
