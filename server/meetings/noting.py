"""Notes what is new of meetings, and tells it once: when doors report, when visits change, and as time passes."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial

from sqlmodel import col, select

from access_protocol.ids import AccessPointId, CredentialId, SiteCode
from server.access.actions import OutcomesReported, ReportedOutcome
from server.credentials import models as credentials
from server.devices.actions import DoorReported
from server.kernel import live
from server.kernel.ids import AttendanceId, RoomId, VisitId, VisitorId
from server.kernel.upsert import insert_once
from server.kernel.work import Work
from server.meetings import models
from server.meetings.events import (
    MeetingEnded,
    MeetingOverRan,
    MeetingStarted,
    NoShow,
    VisitorAttended,
)
from server.meetings.evidence import TOLD_WITHIN
from server.meetings.models import Attendance, Meeting
from server.meetings.records import REACH, records_of
from server.meetings.rules import LONGEST_OVER_RUN, MeetingRecord, State, Who
from server.places.models import AccessPoint, Room
from server.visits import models as visits
from server.visits.models import Visit, Visitor, VisitState

LOOKED_EVERY = timedelta(seconds=5)
NOTICE = "meeting"
"""The live notice that a meeting's record has changed; it is about the visit."""


def note_outcomes(work: Work, reported: OutcomesReported) -> None:
    """Look again at the meetings that a report of passages may change.

    A journal brings hundreds at once, nearly all at gates that lead to no room: a few queries serve them all, and each
    meeting is looked at once, when all is stored.
    """
    told = [each for each in reported.outcomes if each.credential is not None]
    rooms = _rooms_behind(work, reported.site, {each.access_point for each in told})
    at_rooms = [each for each in told if each.access_point in rooms]
    if at_rooms:
        since = min(each.at for each in at_rooms) - REACH
        until = max(each.at for each in at_rooms) + REACH
        behind = {room for each in at_rooms for room in rooms[each.access_point]}
        _at_the_end(work, models.in_rooms(work.session, behind, since, until))
    _left_elsewhere(work, reported.site, [each for each in told if each not in at_rooms])


def door_reported(work: Work, report: DoorReported) -> None:
    """Look again at the meetings behind a door whose controller said something."""
    statement = (
        select(Room.id)
        .where(
            Room.site == report.site,
            AccessPoint.site == report.site,
            AccessPoint.portal == Room.portal,
            AccessPoint.controller == report.controller,
        )
        .distinct()
    )
    rooms = [RoomId(found) for found in work.session.exec(statement).all()]
    if rooms:
        around = models.in_rooms(work.session, rooms, work.now - REACH, work.now + REACH)
        _at_the_end(work, around)


def look_again(work: Work, visit: VisitId) -> None:
    """Look again at a meeting: its visit has changed."""
    found = work.session.get(Visit, visit)
    if found is not None and work.session.get(Meeting, visit) is not None:
        _at_the_end(work, [found])


def note_due(work: Work) -> None:
    """Note what no event tells: that a meeting's time has come or is over, and who did not come."""
    since = work.now - REACH
    due = models.unsettled(work.session, work.now)
    due += models.unnoticed(work.session, since, work.now)
    found = work.session.exec(select(Visit).where(col(Visit.id).in_(due))).all()
    told = select(Meeting).where(col(Meeting.visit).in_(due))
    known = {row.visit: row.fingerprint for row in work.session.exec(told).all()}
    records = records_of(work, found)
    note(
        work,
        [
            visit.id
            for visit in found
            if known.get(visit.id) != _fingerprint(records[visit.id])
            or _settled(work, visit, records[visit.id])
        ],
    )


def note(work: Work, wanted: Iterable[VisitId]) -> None:
    """Make the records of these visits anew, and tell what is new of them."""
    statement = select(Visit).where(col(Visit.id).in_(list(wanted)))
    found = work.session.exec(statement.order_by(*_IN_ORDER)).all()
    # First locked, then looked: of two works about one meeting the second sees what the first was told.
    rows = {visit.id: _locked(work, visit) for visit in found}
    records = records_of(work, found)
    for visit in found:
        _note(work, visit, rows[visit.id], records[visit.id])


_IN_ORDER = (col(Visit.starts_at), col(Visit.id))
"""Meetings are locked in this order by everybody."""


def _locked(work: Work, visit: Visit) -> Meeting:
    """Return what was told of a meeting, and keep others from telling until this work ends."""
    insert_once(
        work.session,
        Meeting,
        visit=visit.id,
        starts_at=visit.starts_at,
        state=State.TO_COME,
        over_ran=False,
        no_shows=[],
        fingerprint="",
        is_settled=False,
    )
    statement = select(Meeting).where(Meeting.visit == visit.id).with_for_update()
    return work.session.exec(statement.execution_options(populate_existing=True)).one()


def _rooms_behind(
    work: Work, site: SiteCode, points: Iterable[AccessPointId]
) -> dict[AccessPointId, set[RoomId]]:
    """Return the rooms at whose own door these access points are, on either side."""
    statement = select(AccessPoint.id, Room.id).where(
        AccessPoint.site == site,
        col(AccessPoint.id).in_(list(points)),
        Room.site == AccessPoint.site,
        Room.portal == AccessPoint.portal,
    )
    found: dict[AccessPointId, set[RoomId]] = {}
    for point, room in work.session.exec(statement).all():
        found.setdefault(AccessPointId(point), set()).add(RoomId(room))
    return found


def _left_elsewhere(work: Work, site: SiteCode, told: Sequence[ReportedOutcome]) -> None:
    """Look again at the meetings of those who were seen elsewhere: they are in the room no longer."""
    people = {CredentialId(each.credential) for each in told if each.credential is not None}
    if not people:
        return
    invited = visits.by_credentials(work.session, people)
    guests = [visitor.id for _, visitor in invited.values()]
    entered = {visitor for visitor, _ in models.of_visitors(work.session, guests)}
    missed = _missed(work, [visit.id for visit, _ in invited.values()])
    concerned = [
        visit for visit, guest in invited.values() if guest.id in entered or guest.id in missed
    ]
    holders = credentials.holders_of(work.session, people - set(invited))
    if any(holder.person is not None for holder in holders.values()):
        running = select(Visit).where(
            Visit.id == Meeting.visit,
            Visit.site == site,
            col(Meeting.is_settled).is_(False),
            col(Meeting.started_at).is_not(None),
        )
        concerned += work.session.exec(running).all()
    _at_the_end(work, concerned)


def _missed(work: Work, wanted: Sequence[VisitId]) -> set[VisitorId]:
    if not wanted:
        return set()
    statement = select(Meeting).where(col(Meeting.visit).in_(wanted))
    return {VisitorId(each) for row in work.session.exec(statement).all() for each in row.no_shows}


def _at_the_end(work: Work, found: Iterable[Visit]) -> None:
    for visit in sorted(found, key=lambda each: (each.starts_at, each.id)):
        work.at_the_end((NOTICE, visit.id), partial(_look, visit.id))


def _look(visit: VisitId, work: Work) -> None:
    note(work, [visit])


def _note(work: Work, visit: Visit, row: Meeting, record: MeetingRecord) -> None:
    room = visit.room
    if room is not None and record.state is not State.NOT_RECORDED:
        _note_attendance(work, visit, room, record)
        _tell(work, room, row, record)
    row.starts_at, row.state = visit.starts_at, record.state
    row.started_at = record.started.at if record.started else None
    row.ended_at = record.ended.at if record.ended else None
    row.no_shows = list(record.no_shows)
    row.is_settled = _settled(work, visit, record)
    shown = _fingerprint(record)
    changed, row.fingerprint = shown != row.fingerprint, shown
    work.session.add(row)
    work.session.flush()
    if changed:
        live.notice(work, NOTICE, about=visit.id, site=visit.site)
        for guest in visits.visitors_of(work.session, visit.id):
            live.notice(work, live.VISITOR, about=guest.id, site=visit.site)


def _fingerprint(record: MeetingRecord) -> str:
    return hashlib.sha256(repr(_shown(record)).encode()).hexdigest()


def _shown(record: MeetingRecord) -> object:
    """Return what of a record pages show; how late it is by now they count themselves."""
    return (
        record.state,
        record.participants,
        record.started,
        record.ended,
        record.doubts,
        record.exits_by_button,
        record.late_hosts,
        record.late_visitors,
        record.silent_since is None,
        record.over_by > timedelta(),
    )


def _settled(work: Work, visit: Visit, record: MeetingRecord) -> bool:
    if visit.state is not VisitState.CONFIRMED or record.state is State.NOT_RECORDED:
        return True
    patience = LONGEST_OVER_RUN if record.silent_since is None else TOLD_WITHIN
    return work.now > visit.ends_at + patience


def _tell(work: Work, room: RoomId, row: Meeting, record: MeetingRecord) -> None:
    """Record what was not told before."""
    started, ended = record.started, record.ended
    if started is not None and row.started_at is None:
        work.record(
            MeetingStarted(
                visit=record.visit,
                room=room,
                at=started.at,
                late_by=record.late_by,
                certainty=started.certainty,
            )
        )
    if record.state is State.OVER_RUNNING and not row.over_ran:
        row.over_ran = True
        work.record(MeetingOverRan(visit=record.visit, room=room))
    if record.state is State.ENDED and row.state is not State.ENDED:
        work.record(
            MeetingEnded(
                visit=record.visit,
                room=room,
                at=ended.at if ended else None,
                over_by=record.over_by,
                certainty=ended.certainty if ended else None,
            )
        )
    for visitor in record.no_shows:
        if visitor not in row.no_shows:
            work.record(NoShow(visitor=visitor, visit=record.visit))


def _note_attendance(work: Work, visit: Visit, room: RoomId, record: MeetingRecord) -> None:
    """Keep one row for each visitor who came in: what the record says, for lists over many visits."""
    guests = visits.visitors_of(work.session, visit.id)
    known = models.of_visitors(work.session, [guest.id for guest in guests])
    for guest in guests:
        _note_one(work, visit, room, guest, known.get((guest.id, room)), record)


def _note_one(
    work: Work,
    visit: Visit,
    room: RoomId,
    guest: Visitor,
    row: Attendance | None,
    record: MeetingRecord,
) -> None:
    part = record.of(Who.visitor(guest.id))
    entered = part.entered if part is not None else None
    if entered is None or entered.event is None:
        if row is not None:
            work.session.delete(row)
        return
    if row is not None:
        row.entered_at, row.certainty, row.event = entered.at, entered.certainty, entered.event
        work.session.add(row)
        return
    work.session.add(
        Attendance(
            id=AttendanceId(work.ids.new()),
            visit=visit.id,
            visitor=guest.id,
            room=room,
            entered_at=entered.at,
            certainty=entered.certainty,
            event=entered.event,
        )
    )
    work.session.flush()
    live.notice(work, "attendance", about=visit.id, site=visit.site)
    work.record(
        VisitorAttended(
            visitor=guest.id,
            visit=visit.id,
            room=room,
            at=entered.at,
            certainty=entered.certainty,
            alone=record.state in {State.TO_COME, State.WAITING},
        )
    )
