"""The screen at an entrance: the site's name, the changing QR and its digits, in large type, for hours on end."""

import base64

from flask import Blueprint, Response, jsonify, render_template
from flask.typing import ResponseReturnValue

from server.arrivals import actions as arrivals
from server.arrivals.actions import KioskShowing
from server.kernel.errors import NotFound
from server.kernel.principal import Principal
from server.kernel.request import office
from server.pages.names import Names
from server.places.models import Site
from server.web import languages
from server.web.languages import gettext
from server.web.limits import limited

blueprint = Blueprint("kiosk", __name__, url_prefix="/kiosk", template_folder="templates")


@blueprint.get("/<secret>")
@limited("60 per minute")
def screen(secret: str) -> ResponseReturnValue:
    """Show the screen; what changes is fetched by its script."""
    with office().reading(Principal.anonymous()) as work:
        kiosk = arrivals.kiosk_at_screen(work, secret[:64])
        names = Names(work)
        languages.prefer(None, names.time_zone(kiosk.site))
        site = work.session.get_one(Site, kiosk.site)
        lines = [_line(code) for code in site.languages]
        text = render_template(
            "kiosk/screen.html",
            secret=secret,
            site=names.site(kiosk.site),
            where=names.access_point(kiosk.site, kiosk.access_point),
            lines=lines,
        )
    return Response(text, mimetype="text/html", headers={"Referrer-Policy": "no-referrer"})


@blueprint.get("/<secret>/code")
@limited("240 per minute")
def code(secret: str) -> ResponseReturnValue:
    """Return the present code and those after it: picture, digits, and in how many milliseconds each ends."""
    with office().begin(Principal.anonymous()) as work:
        try:
            kiosk = arrivals.kiosk_at_screen(work, secret[:64])
        except NotFound:
            return jsonify({"gone": True}), 410
        arrivals.note_kiosk_seen(work, kiosk)
        shown = arrivals.kiosk_showing(work, kiosk)
    # Spans and no times of day: the screen's own clock may be wrong.
    answer = jsonify({"codes": [_drawn(each) for each in shown]})
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _drawn(shown: KioskShowing) -> dict[str, object]:
    picture = base64.b64encode(arrivals.qr_svg(shown.address)).decode()
    return {
        "digits": f"{shown.digits[:4]} {shown.digits[4:]}",
        "qr": f"data:image/svg+xml;base64,{picture}",
        "left_ms": int(shown.left.total_seconds() * 1000),
    }


def _line(language: str) -> tuple[str, str]:
    with languages.speaking(language):
        return language, gettext("Scan with your phone's camera to come in.")
