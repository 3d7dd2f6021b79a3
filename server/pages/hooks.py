"""The addresses to which messengers send what happens in a site's chat; signed, limited, and telling nothing."""

from http import HTTPStatus

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from access_protocol.ids import SiteCode
from server.kernel.principal import Principal
from server.kernel.request import office
from server.notifications import actions
from server.notifications.actions import Asked, MessengerKind, NotGenuine, Unreadable
from server.web.limits import at_most, limited

LARGEST = 256 * 1024
"""Bytes: LINE puts several events into one request, each with a text of at most 5,000 characters."""
LONGEST_QUERY = 2048

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")


@blueprint.get("/<kind>/<site>")
@limited("60 per minute")
def greet(kind: str, site: str) -> Response:
    """Answer a messenger that tries the address out before it is used."""
    with office().reading(Principal.system("hook")) as work:
        try:
            said = actions.greet_hook(work, _kind(kind), SiteCode(site), _asked())
        except (NotGenuine, Unreadable):
            return _empty(HTTPStatus.FORBIDDEN)
    return Response(said, mimetype="text/plain")


@blueprint.post("/<kind>/<site>")
@limited("1200 per minute")
@at_most(LARGEST)
def hear(kind: str, site: str) -> Response:
    """Take what a messenger tells; the same again changes nothing."""
    asked = _asked()
    try:
        with office().begin(Principal.system("hook")) as work:
            actions.ask_hook(work, _kind(kind), SiteCode(site), asked)
    except NotGenuine:
        return _empty(HTTPStatus.FORBIDDEN)
    except Unreadable:
        return _empty(HTTPStatus.BAD_REQUEST)
    return _empty(HTTPStatus.OK)


def _kind(word: str) -> MessengerKind:
    try:
        return MessengerKind(word)
    except ValueError:
        raise NotFound from None


def _asked() -> Asked:
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = {name: value[:LONGEST_QUERY] for name, value in request.args.items()}
    return Asked(headers, query, request.get_data(cache=False))


def _empty(status: HTTPStatus) -> Response:
    # LINE and WeChat Work read the status alone.
    return Response("", status, mimetype="text/plain")
