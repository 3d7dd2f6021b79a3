"""Tells the host what a room's door noticed: who sits there alone, and who did not come."""

from datetime import timedelta

from server.kernel.work import Work
from server.meetings.events import NoShow, VisitorAttended
from server.notifications.actions import NoticeKind
from server.places.models import Room
from server.visits.actions import tell_host
from server.visits.models import Visit

STILL_NEWS = timedelta(minutes=30)
"""What happened longer ago is shown, and told to nobody: the gate was cut off."""


def tell_in_room(work: Work, came: VisitorAttended) -> None:
    """Tell the host of a visitor who sits in the room alone."""
    room = work.session.get(Room, came.room)
    if came.alone and room is not None and work.now - came.at < STILL_NEWS:
        path, where = f"/host/visits/{came.visit}/meeting", {"place": room.name}
        tell_host(work, came.visit, came.visitor, NoticeKind.IN_ROOM, where, path=path)


def tell_no_show(work: Work, missed: NoShow) -> None:
    """Tell the host who did not come."""
    visit = work.session.get(Visit, missed.visit)
    if visit is not None and work.now - visit.ends_at < STILL_NEWS:
        path = f"/host/visits/{missed.visit}/meeting"
        tell_host(work, missed.visit, missed.visitor, NoticeKind.NO_SHOW, path=path)
