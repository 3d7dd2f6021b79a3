"""The records of meetings, made anew from what the doors reported, for one visit or for all of a day at once."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from server.kernel.ids import RoomId, VisitId
from server.kernel.work import Work
from server.meetings import evidence, models
from server.meetings.rules import Appointment, Evidence, MeetingRecord, State, record
from server.visits import models as visits
from server.visits.models import Visit, Visitor

REACH = timedelta(hours=4)
"""What happened so long before and after an appointment may belong to it."""


def records_of(work: Work, found: Iterable[Visit]) -> dict[VisitId, MeetingRecord]:
    """Return the record of each visit; a few queries serve all visits of a site and day."""
    records: dict[VisitId, MeetingRecord] = {}
    by_site: dict[str, list[Visit]] = {}
    for visit in found:
        if visit.room is None:
            records[visit.id] = MeetingRecord(visit.id, State.NOT_RECORDED)
        else:
            by_site.setdefault(visit.site, []).append(visit)
    for theirs in by_site.values():
        records |= _at_site(work, theirs)
    return records


def _at_site(work: Work, wanted: Sequence[Visit]) -> dict[VisitId, MeetingRecord]:
    rooms = {visit.room for visit in wanted if visit.room is not None}
    since = min(visit.starts_at for visit in wanted) - REACH
    until = max(visit.ends_at for visit in wanted) + REACH
    around = models.in_rooms(work.session, rooms, since, until)
    every = {visit.id: visit for visit in (*around, *wanted)}
    guests = visits.visitors_by_visit(work.session, every)
    known = evidence.of_rooms(
        work,
        wanted[0].site,
        rooms,
        [guest for each in guests.values() for guest in each],
        since,
        until,
    )
    appointments = {
        visit.id: _appointment(visit, guests.get(visit.id, [])) for visit in every.values()
    }
    after = work.settings.no_show_after
    found: dict[VisitId, MeetingRecord] = {}
    for visit in wanted:
        room = RoomId(visit.room or "")
        begins, ends = visit.starts_at - REACH, visit.ends_at + REACH
        others = [
            appointments[other.id]
            for other in every.values()
            if other.room == room
            and other.id != visit.id
            and other.ends_at >= begins
            and other.starts_at <= ends
        ]
        reached = _within(known[room], begins, ends)
        found[visit.id] = record(
            appointments[visit.id],
            others,
            reached,
            work.now,
            no_show_after=after or None,
        )
    return found


def _within(known: Evidence, begins: datetime, ends: datetime) -> Evidence:
    """Return what lies around one appointment, so that its record is the same however many are asked for."""
    return Evidence(
        movements=[each for each in known.movements if begins <= each.at <= ends],
        words=[each for each in known.words if begins <= each.at <= ends],
        came=known.came,
        silent_since=known.silent_since,
        has_door=known.has_door,
    )


def _appointment(visit: Visit, guests: Sequence[Visitor]) -> Appointment:
    return Appointment(
        visit=visit.id,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        host=visit.host,
        visitors=tuple(guest.id for guest in guests),
        declined=frozenset(guest.id for guest in guests if guest.declined_at is not None),
    )
