"""The address to which visitors' OwnTracks apps post: their messages in, an empty list out."""

from flask import Blueprint, Response, request

from server.arrivals import actions
from server.kernel.desk import Malformed
from server.kernel.errors import GenkanError, Invalid, SignInNeeded
from server.kernel.principal import Principal
from server.kernel.request import office, problem
from server.web.limits import at_most, limited

blueprint = Blueprint("owntracks", __name__, url_prefix="/owntracks")


@blueprint.post("/<name>")
@limited("60 per minute")
@at_most(actions.LARGEST_OWNTRACKS)
def receive(name: str) -> Response:
    """Take one message (https://owntracks.org/booklet/tech/http/); the app reads the list that is answered."""
    try:
        with office().begin(Principal.anonymous()) as work:
            given = request.authorization
            if given is None or given.type != "basic" or given.username != name:
                raise SignInNeeded("These credentials do not count, or not any more.")
            tracker = actions.tracker_signed_in(work, name, given.password or "")
            actions.take_owntracks(work, tracker, request.get_data())
    except Malformed as error:
        return problem(Invalid([("body", str(error))]))
    except GenkanError as error:
        response = problem(error)
        if error.status == SignInNeeded.status:
            response.headers["WWW-Authenticate"] = 'Basic realm="genkan", charset="UTF-8"'
        return response
    return Response("[]", mimetype="application/json")
