"""The mailed credential on the visit page, until the phone has its pass: its QR code, or why none is shown."""

from flask import Response, url_for

from access_protocol.credential import CredentialClass
from server.credentials import models as credentials
from server.credentials.actions import qr_png
from server.kernel.errors import NotFound
from server.pages.states import Badge
from server.pages.visitor import blueprint
from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting, visiting
from server.web.languages import gettext
from server.web.limits import limited

MODULE_PIXELS = 10


def section(now: Visiting) -> Shown | None:
    """Return where the picture is, or what to do where none is shown."""
    if not now.counts:
        return None
    session, visitor = now.work.session, now.visitor.id
    if credentials.current_issue(session, visitor) is not None:
        if credentials.current_issue(session, visitor, CredentialClass.BOUND) is not None:
            # This phone has its pass, which is better; the mail still holds the code.
            return None
        return Shown({"qr_url": url_for("visitor.credential_picture", token=now.token)})
    if credentials.current_issue(session, visitor, CredentialClass.BOUND) is not None:
        message = gettext(
            "Your code is on the phone that you set up for it. "
            "Please use that phone, or ask your host for a new code."
        )
    else:
        message = gettext("Your code was withdrawn. Please ask your host for a new one.")
    return Shown({"message": Badge("waiting", "information", message)})


@blueprint.get("/<token>/credential.png")
@limited("120 per minute")
def credential_picture(token: str) -> Response:
    """Return the QR code: black on white, with its quiet zone."""
    with visiting(token) as now:
        issued = credentials.current_issue(now.work.session, now.visitor.id)
        if issued is None or not now.counts:
            raise NotFound("There is no credential for this visit now.")
        text = issued.text
    return Response(qr_png(text, module=MODULE_PIXELS), mimetype="image/png")
