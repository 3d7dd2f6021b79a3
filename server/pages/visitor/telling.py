"""The section with which a visitor has this phone tell them of news, and what its buttons ask for."""

from http import HTTPStatus
from typing import Any

from flask import Response, redirect, request, url_for
from pydantic import ValidationError
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.wording import Language
from server.kernel.errors import Conflict
from server.kernel.request import no_content
from server.notifications import actions as notifications
from server.notifications.actions import Subscription
from server.pages.visitor import blueprint
from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting, visiting
from server.web.languages import current
from server.web.limits import SMALL, at_most, limited


def section(now: Visiting) -> Shown | None:
    """Return whether this phone is told, while the visit counts; the page's script knows whether the phone can be."""
    if not now.counts:
        return None
    return Shown(
        {
            "is_told": notifications.is_phone_told(now.work, now.visitor.id),
            "key_url": url_for("visitor.push_key", token=now.token),
            "subscribe_url": url_for("visitor.tell_phone", token=now.token),
            "worker_url": url_for("visitor.service_worker"),
        }
    )


@blueprint.get("/<token>/push-key")
@limited("20 per minute")
def push_key(token: str) -> Response:
    """Return the server's public key, which a browser needs to subscribe (VAPID, RFC 8292)."""
    with visiting(token, writes=True) as now:
        return Response(notifications.push_key(now.work), mimetype="text/plain")


@blueprint.post("/<token>/push")
@limited("20 per minute")
@at_most(SMALL)
def tell_phone(token: str) -> Response:
    """Take the subscription of the phone that keeps the link, as `PushSubscription.toJSON()` gives it."""
    body: Any = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadRequest("This is no push subscription.")
    try:
        subscription = Subscription.model_validate(body)
    except ValidationError as error:
        raise BadRequest("This is no push subscription.") from error
    with visiting(token, writes=True) as now:
        if not now.counts:
            raise Conflict("There is nothing to tell any more: this visit does not take place.")
        notifications.subscribe_phone(
            now.work,
            now.visitor.id,
            now.visit.site,
            subscription,
            Language(current()),
            now.visit.ends_at,
        )
    return no_content()


@blueprint.post("/<token>/push/stop")
@limited("20 per minute")
@at_most(SMALL)
def stop_telling(token: str) -> AnyResponse:
    """Tell the visitor on this phone no more, and forget how it is reached."""
    with visiting(token, writes=True) as now:
        notifications.forget_phone(now.work, now.visitor.id)
    return redirect(url_for("visitor.visit", token=token), HTTPStatus.SEE_OTHER)
