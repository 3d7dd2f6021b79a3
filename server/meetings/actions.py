"""Attendance: note who came into the room of their visit, and look it up."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import select

from access_protocol.events import Outcome
from access_protocol.ids import AccessPointId, CredentialId, EventId, SiteCode
from access_protocol.knowledge import Direction
from server.access.actions import OutcomeReported, PassageReported
from server.access.models import AccessEvent, EntryKind
from server.kernel import live
from server.kernel.events import Event
from server.kernel.ids import AttendanceId, RoomId, VisitId, VisitorId
from server.kernel.pagination import Page, PageQuery
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.meetings import models
from server.meetings.models import Attendance
from server.meetings.rules import Certainty, surer
from server.places.models import AccessPoint, Room
from server.visits import models as visits
from server.visits.models import Visit, Visitor

__all__ = ["Certainty", "VisitorAttended", "find", "note_outcome", "note_passage"]


@dataclass(frozen=True, kw_only=True)
class VisitorAttended(Event):
    """A visitor came into the room of their visit for the first time, as far as is known now."""

    visitor: VisitorId
    visit: VisitId
    room: RoomId
    certainty: Certainty


def note_passage(work: Work, passage: PassageReported) -> None:
    """Note that somebody went through a portal, where it is the door of their visit's room."""
    entry = _Entry(
        site=passage.site,
        access_point=passage.access_point,
        credential=passage.credential,
        event=passage.event,
        at=passage.at,
        certainty=Certainty.PASSED,
    )
    _note(work, entry)


def note_outcome(work: Work, reported: OutcomeReported) -> None:
    """Note that a door was opened for somebody: with a door that cannot count, that is all there is to know."""
    if reported.outcome is not Outcome.OPENED:
        return
    bearer = work.session.exec(
        select(AccessEvent.credential).where(
            AccessEvent.event == reported.event, AccessEvent.kind == EntryKind.DECISION
        )
    ).first()
    opened_at = work.session.exec(
        select(AccessEvent.at).where(
            AccessEvent.event == reported.event,
            AccessEvent.kind == EntryKind.OUTCOME,
            AccessEvent.outcome == Outcome.OPENED,
        )
    ).first()
    if bearer is None or opened_at is None:
        return
    entry = _Entry(
        site=reported.site,
        access_point=reported.access_point,
        credential=CredentialId(bytes(bearer)),
        event=reported.event,
        at=opened_at,
        certainty=Certainty.UNLOCKED,
    )
    _note(work, entry)


@dataclass(frozen=True, kw_only=True)
class _Entry:
    site: SiteCode
    access_point: AccessPointId
    credential: CredentialId
    event: EventId
    at: datetime
    certainty: Certainty


def _note(work: Work, entry: _Entry) -> None:
    """Note an entry; one elsewhere than into the visit's room is no attendance.

    Reports may come late and in any order: the earliest entry counts, and a passage is surer than an unlocking.
    """
    found = visits.by_credential(work.session, entry.credential)
    if found is None:
        return
    visit, visitor = found
    room = visit.room
    if room is None or not _leads_into(work, entry, room):
        return
    known = models.of_visitor(work.session, visitor.id, room)
    if known is None:
        _add(work, entry, visit, visitor, room)
    elif not _tells_more(known, entry):
        return
    live.notice(work, "attendance", about=visit.id, site=visit.site)


def _leads_into(work: Work, entry: _Entry, room_id: RoomId) -> bool:
    """Tell whether the access point is on the outer side of the room's own door."""
    point = work.session.get(AccessPoint, (entry.site, entry.access_point))
    room = work.session.get(Room, room_id)
    if point is None or room is None or point.direction is not Direction.IN:
        return False
    return point.site == room.site and point.portal == room.portal


def _add(work: Work, entry: _Entry, visit: Visit, visitor: Visitor, room: RoomId) -> None:
    work.session.add(
        Attendance(
            id=AttendanceId(work.ids.new()),
            visit=visit.id,
            visitor=visitor.id,
            room=room,
            entered_at=entry.at,
            certainty=entry.certainty,
            event=entry.event,
        )
    )
    work.session.flush()
    work.record(
        VisitorAttended(visitor=visitor.id, visit=visit.id, room=room, certainty=entry.certainty)
    )


def _tells_more(known: Attendance, entry: _Entry) -> bool:
    """Bring a row up to date with another report; return whether it changed."""
    before = (known.entered_at, known.certainty)
    if entry.event == known.event:
        known.certainty = surer(known.certainty, entry.certainty)
        known.entered_at = min(known.entered_at, entry.at)
    elif entry.at < known.entered_at:
        known.event, known.entered_at = entry.event, entry.at
        known.certainty = entry.certainty
    return before != (known.entered_at, known.certainty)


def find(
    work: Work,
    query: PageQuery,
    *,
    visit: VisitId | None = None,
    room: RoomId | None = None,
    since: datetime | None = None,
) -> Page[Attendance]:
    """Return the attendance that the caller may see: hosts that of their own visits."""
    if work.principal.may(Right.MEETINGS_READ):
        return models.attendance(work.session, query, visit=visit, room=room, since=since)
    require(work.principal, Right.VISITS_INVITE)
    return models.attendance(
        work.session,
        query,
        visit=visit,
        room=room,
        since=since,
        of_host=work.principal.person,
    )
