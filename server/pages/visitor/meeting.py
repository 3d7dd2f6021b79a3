"""The section about the meeting room: quiet, who is there already and who is on the way."""

from access_protocol.ids import CredentialId
from server.access import models as access
from server.kernel.ids import RoomId
from server.meetings import actions as meetings
from server.meetings.actions import Standing, State, Who
from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting
from server.web.languages import gettext


def section(now: Visiting) -> Shown | None:
    """Return a word once the visitor is in the room, until they leave it."""
    if not now.visit.room or now.has_declined or now.is_off or not _was_at(now, now.visit.room):
        return None
    record = meetings.records_of(now.work, [now.visit])[now.visit.id]
    mine = record.of(Who.visitor(now.visitor.id))
    if mine is None or mine.standing is not Standing.INSIDE:
        return None
    room, host = now.names.room(now.visit.room), now.names.person(now.visit.host)
    here = record.of(Who.person(now.visit.host))
    if here is not None and here.standing is Standing.INSIDE:
        words = gettext("You are in %(room)s. %(host)s has come in.", room=room, host=host)
    elif record.state in {State.RUNNING, State.OVER_RUNNING}:
        words = gettext("You are in %(room)s, and somebody of the house is with you.", room=room)
    else:
        words = gettext("You are in %(room)s. %(host)s is on the way.", room=room, host=host)
    return Shown({"words": words, "begun": record.started is not None})


def _was_at(now: Visiting, room: RoomId) -> bool:
    """Tell whether the room's door ever let them in; the record of all who meet there is worth making only then."""
    portal = now.names.portal_of_room(room)
    held = CredentialId(now.visitor.credential)
    return portal is not None and access.was_granted(now.work.session, held, portal)
