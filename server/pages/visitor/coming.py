"""The visitor on the way: their own word, what the open page notices on the phone, and OwnTracks."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal

from flask import Response, redirect, render_template, request, url_for
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.wrappers import Response as AnyResponse

from server.arrivals import actions
from server.arrivals import models as arrivals
from server.arrivals.actions import CrossingKind, CrossingSource
from server.kernel.errors import NotFound
from server.kernel.refusals import invalid_from
from server.kernel.request import no_content, office
from server.kernel.sealing import CannotUnseal
from server.pages.visitor import blueprint
from server.pages.visitor.refusals import for_program
from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting, visiting
from server.pages.whereabouts import Stage
from server.web import security
from server.web.formats import local
from server.web.languages import gettext
from server.web.limits import SMALL, at_most, limited

MINUTES = (10, 20, 30, 45)
"""What somebody on the way may choose from; the last means "or more"."""
KEY_FILE_TYPE = "application/x-pkcs12"
_OUTSIDE = frozenset({Stage.INVITED, Stage.ON_THE_WAY, Stage.NEAR})
_KILOMETRE = 1000


class Told(BaseModel):
    """What the page tells: a crossing that the phone noticed, or the visitor's own word. Never a position."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["approaching", "near", "left", "on_my_way", "here"]
    expected_min: Annotated[int, Field(ge=1, le=120)] | None = None


_BY_BUTTON = frozenset({CrossingKind.ON_MY_WAY, CrossingKind.HERE})


def section(now: Visiting) -> Shown | None:
    """Return what somebody on the way can tell, on the day of the visit."""
    if now.has_declined or not actions.is_day_of(now.work, now.visit):
        return None
    stage = now.stage
    own = arrivals.newest_crossings(now.work.session, [now.visitor.id]).get(now.visitor.id)
    says_here = own is not None and own.kind is CrossingKind.HERE
    if stage not in _OUTSIDE and not (stage is Stage.ARRIVED and says_here):
        return None
    host = now.names.person(now.visit.host)
    return Shown(
        {
            "token": now.token,
            "host": host,
            "stage": "here" if says_here else stage.value,
            "words": _words(stage, host, own.expected_at if own else None, here=says_here),
            "minutes": [(each, _in_minutes(each)) for each in MINUTES],
            "watch": _watch(now) if stage in _OUTSIDE else None,
            "has_tracker": now.work.session.get(arrivals.Tracker, now.visitor.id) is not None,
        },
        asks=stage in _OUTSIDE,
    )


@blueprint.post("/<token>/crossing")
@limited("40 per minute")
@at_most(SMALL)
def crossing(token: str) -> AnyResponse:
    """Take a crossing that the phone noticed (JSON), or the visitor's own word (a form)."""
    try:
        told = Told.model_validate(request.get_json() if request.is_json else _form())
    except ValidationError as error:
        raise invalid_from(error) from None
    kind = CrossingKind(told.kind)
    source = CrossingSource.BUTTON if kind in _BY_BUTTON else CrossingSource.PAGE
    expected = None if told.expected_min is None else timedelta(minutes=told.expected_min)
    with visiting(token, writes=True) as now:
        actions.notice_crossing(now.work, now.visitor.id, kind, source, expected)
    if for_program():
        return no_content()
    return redirect(url_for("visitor.visit", token=token), HTTPStatus.SEE_OTHER)


@blueprint.get("/<token>/owntracks")
@limited("60 per minute")
def owntracks(token: str) -> str:
    """Tell how the OwnTracks app can notice it instead of this page."""
    with visiting(token) as now:
        return _owntracks_page(now)


@blueprint.post("/<token>/owntracks")
@limited("10 per minute; 60 per hour")
@at_most(SMALL)
def set_up_owntracks(token: str) -> AnyResponse:
    """Give the app credentials for this visit, over HTTP or at the broker, or take them away."""
    wanted = request.form.get("way", "")
    with visiting(token, writes=True) as now:
        match wanted:
            case "http":
                made = actions.set_up_tracker(now.work, now.visitor.id)
                page = _owntracks_page(now, link=made.link)
            case "broker":
                keys = actions.set_up_tracker_for_broker(now.work, now.visitor.id)
                sealed = now.work.sealer.seal(keys.key_file, _purpose(now))
                page = _owntracks_page(
                    now,
                    link=keys.link,
                    passphrase=keys.passphrase,
                    key_file_url=url_for(
                        "visitor.owntracks_key_file",
                        token=token,
                        sealed=base64.urlsafe_b64encode(sealed).decode("ascii"),
                    ),
                )
            case "end":
                actions.end_tracker(now.work, now.visitor.id)
                return redirect(url_for("visitor.owntracks", token=token), HTTPStatus.SEE_OTHER)
            case _:
                raise NotFound("There is no such way.")
    return Response(page, mimetype="text/html")


@blueprint.get("/<token>/owntracks/genkan.otrp")
@limited("30 per minute")
def owntracks_key_file(token: str) -> Response:
    """Return the key file that was just made. It is kept nowhere: the address itself carries it, sealed."""
    with visiting(token) as now:
        try:
            sealed = base64.urlsafe_b64decode(request.args.get("sealed", ""))
            key_file = now.work.sealer.unseal(sealed, _purpose(now))
        except (CannotUnseal, binascii.Error, ValueError):
            raise NotFound("There is no such file. Please have a new one made.") from None
    return Response(
        key_file,
        mimetype=KEY_FILE_TYPE,
        headers={"Content-Disposition": 'attachment; filename="genkan.otrp"'},
    )


def _form() -> dict[str, Any]:
    """Return what a form says; "45 or more" is told as 45, and a page without scripts sends forms."""
    minutes = request.form.get("minutes", "")
    told: dict[str, Any] = {"kind": request.form.get("kind", "")}
    return told | ({"expected_min": minutes} if minutes else {})


def _purpose(now: Visiting) -> str:
    return f"owntracks-key-file:{now.visitor.id}"


def _watch(now: Visiting) -> Mapping[str, object] | None:
    """Return what the phone needs to notice by itself; None where no fence is drawn."""
    fence = now.work.session.get(arrivals.Fence, now.visit.site)
    if fence is None:
        return None
    security.permit_position()
    return {
        # Tells this visit's consent from that of another on the same phone.
        "key": now.visitor.id,
        "rings": {
            "near": fence.near,
            "approaching": fence.approaching,
            "near_dwell_s": fence.near_dwell_s,
            "approaching_dwell_s": fence.approaching_dwell_s,
        },
        "reach": _reach(now),
    }


def _reach(now: Visiting) -> str:
    """Return how far from the site somebody counts as approaching, in words."""
    metres = actions.reach_m(now.work, now.visit.site)
    if metres >= _KILOMETRE:
        return gettext("%(number)s km", number=f"{metres / _KILOMETRE:.1f}".removesuffix(".0"))
    return gettext("%(number)s m", number=round(metres, -1))


def _words(stage: Stage, host: str, expected: datetime | None, *, here: bool) -> str:
    if here:
        return gettext("%(host)s knows that you are here.", host=host)
    if stage is Stage.NEAR:
        return gettext("%(host)s knows that you are nearly here.", host=host)
    if stage is Stage.ON_THE_WAY and expected is not None:
        return gettext(
            "%(host)s knows that you are on your way and expects you about %(time)s.",
            host=host,
            time=local(expected, "time"),
        )
    if stage is Stage.ON_THE_WAY:
        return gettext("%(host)s knows that you are on your way.", host=host)
    return ""


def _in_minutes(minutes: int) -> str:
    if minutes == MINUTES[-1]:
        return gettext("%(minutes)d min or more", minutes=minutes)
    return gettext("%(minutes)d min", minutes=minutes)


def _owntracks_page(now: Visiting, **made: object) -> str:
    return render_template(
        "visitor/owntracks.html",
        token=now.token,
        host=now.names.person(now.visit.host),
        site_name=now.names.site(now.visit.site),
        ends_at=now.visit.ends_at,
        has_tracker=now.work.session.get(arrivals.Tracker, now.visitor.id) is not None,
        can_be_set_up=actions.is_day_of(now.work, now.visit)
        and now.work.session.get(arrivals.Fence, now.visit.site) is not None,
        insecure=office().settings.base_url.scheme != "https",
        **made,
    )
