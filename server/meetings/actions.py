"""Meetings: look at what the doors tell of them, note what is new, and set right what they could not see."""

from datetime import datetime

from server.kernel.ids import RoomId, VisitId
from server.kernel.pagination import Page, PageQuery
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.meetings import models, records
from server.meetings.corrections import NewCorrection, correct, corrections_of
from server.meetings.events import (
    MeetingCorrected,
    MeetingEnded,
    MeetingOverRan,
    MeetingStarted,
    NoShow,
    VisitorAttended,
)
from server.meetings.forgetting import about_visitor, forget_visitor
from server.meetings.models import Attendance
from server.meetings.noting import door_reported, look_again, note_due, note_outcomes
from server.meetings.records import records_of
from server.meetings.rules import (
    Certainty,
    Doubt,
    Fact,
    Flag,
    MeetingRecord,
    Participant,
    Standing,
    State,
    Who,
)
from server.meetings.telling import tell_in_room, tell_no_show
from server.visits import actions as visits
from server.visits.models import Visit

__all__ = [
    "Certainty",
    "Doubt",
    "Fact",
    "Flag",
    "MeetingCorrected",
    "MeetingEnded",
    "MeetingOverRan",
    "MeetingRecord",
    "MeetingStarted",
    "NewCorrection",
    "NoShow",
    "Participant",
    "Standing",
    "State",
    "VisitorAttended",
    "Who",
    "about_visitor",
    "correct",
    "corrections_of",
    "door_reported",
    "find",
    "forget_visitor",
    "look_again",
    "note_due",
    "note_outcomes",
    "record_of",
    "records_of",
    "tell_in_room",
    "tell_no_show",
]


def record_of(work: Work, visit_id: VisitId) -> tuple[Visit, MeetingRecord]:
    """Return a visit and the record of its meeting: hosts see their own, security all."""
    visit = visits.get(work, visit_id)
    if not visits.receives(work, visit):
        require(work.principal, Right.MEETINGS_READ, visit.site)
    return visit, records.records_of(work, [visit])[visit.id]


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
