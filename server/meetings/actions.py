"""Attendance: note who came into the room of their visit, and look it up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from access_protocol.ids import AccessPointId, CredentialId, EventId, SiteCode
from server.access.actions import OutcomesReported
from server.kernel import live
from server.kernel.events import Event
from server.kernel.ids import AttendanceId, RoomId, VisitId, VisitorId
from server.kernel.pagination import Page, PageQuery
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.meetings import models
from server.meetings.models import Attendance
from server.meetings.rules import CERTAINTY, Certainty, surer
from server.visits import models as visits
from server.visits.models import Visit, Visitor

__all__ = ["Certainty", "VisitorAttended", "find", "note_outcomes"]


@dataclass(frozen=True, kw_only=True)
class VisitorAttended(Event):
    """A visitor came into the room of their visit for the first time, as far as is known now."""

    visitor: VisitorId
    visit: VisitId
    room: RoomId
    certainty: Certainty


def note_outcomes(work: Work, reported: OutcomesReported) -> None:
    """Note who came into a room, by what its door reported of the accesses granted there."""
    entries = [
        _Entry(
            access_point=each.access_point,
            credential=each.credential,
            event=each.event,
            at=each.at,
            certainty=CERTAINTY[each.outcome],
        )
        for each in reported.outcomes
        if each.outcome in CERTAINTY and each.credential is not None
    ]
    _note(work, reported.site, entries)


@dataclass(frozen=True, kw_only=True)
class _Entry:
    access_point: AccessPointId
    credential: CredentialId
    event: EventId
    at: datetime
    certainty: Certainty


def _note(work: Work, site: SiteCode, entries: Sequence[_Entry]) -> None:
    """Note entries of a site; one elsewhere than into the visit's room is no attendance.

    Reports may come late and in any order: the earliest entry counts, and a passage is surer than an unlocking.
    A journal brings hundreds at once, nearly all at gates that lead to no room: four queries serve them all.
    """
    into = models.rooms_behind(work.session, site, {entry.access_point for entry in entries})
    entries = [entry for entry in entries if entry.access_point in into]
    if not entries:
        return
    invited = visits.by_credentials(work.session, {entry.credential for entry in entries})
    known = models.of_visitors(work.session, [visitor.id for _, visitor in invited.values()])
    for entry in entries:
        if entry.credential not in invited:
            continue
        visit, visitor = invited[entry.credential]
        room = visit.room
        if room is None or room not in into[entry.access_point]:
            continue
        before = known.get((visitor.id, room))
        if before is None:
            known[visitor.id, room] = _add(work, entry, visit, visitor, room)
        elif not _tells_more(before, entry):
            continue
        live.notice(work, "attendance", about=visit.id, site=visit.site)


def _add(work: Work, entry: _Entry, visit: Visit, visitor: Visitor, room: RoomId) -> Attendance:
    made = Attendance(
        id=AttendanceId(work.ids.new()),
        visit=visit.id,
        visitor=visitor.id,
        room=room,
        entered_at=entry.at,
        certainty=entry.certainty,
        event=entry.event,
    )
    work.session.add(made)
    work.session.flush()
    work.record(
        VisitorAttended(visitor=visitor.id, visit=visit.id, room=room, certainty=entry.certainty)
    )
    return made


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
