"""The records of meetings, what hosts set right beside them, and attendance, as JSON."""

from datetime import datetime, timedelta

from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from access_protocol.ids import EventId
from server.kernel.blueprint import ApiBlueprint
from server.kernel.clock import Moment
from server.kernel.ids import AttendanceId, MeetingId, PersonId, RoomId, VisitId, VisitorId
from server.kernel.pagination import PageQuery
from server.kernel.request import answer, answer_page, begin, reading
from server.kernel.work import Work
from server.meetings import actions
from server.meetings.actions import (
    Certainty,
    Fact,
    Flag,
    MeetingRecord,
    NewCorrection,
    Participant,
    Standing,
    State,
)
from server.meetings.models import Attendance
from server.visits.models import Visit

blueprint = ApiBlueprint(
    "Meetings", "When a meeting began and ended, and who was there, by the door of its room."
)

_ID = "^[0-9a-f]{32}$"


class AttendanceQuery(PageQuery):
    """Which rows a list shows."""

    visit: VisitId | None = Field(None, pattern=_ID)
    room: RoomId | None = Field(None, pattern=_ID)
    since: Moment | None = Field(None, description="Only entries at or after this moment.")


class AttendanceOut(BaseModel):
    """A visitor's first entry into the room of their visit."""

    id: AttendanceId
    visit: VisitId
    visitor: VisitorId
    room: RoomId
    entered_at: datetime
    certainty: Certainty = Field(
        description=(
            "passed: the portal's contact or counter saw it; unlocked: it was unlocked for them and said nothing "
            "more; at_the_latest: they were read when they left."
        )
    )
    event: EventId = Field(description="The access that it follows from, as the ledger names it.")

    @classmethod
    def of(cls, found: Attendance) -> "AttendanceOut":
        """Show a row."""
        return cls.model_validate(found, from_attributes=True)


class AttendancePage(BaseModel):
    """A page of attendance."""

    items: list[AttendanceOut]
    next_cursor: str | None


class MeetingPath(BaseModel):
    """Names a visit."""

    visit: VisitId = Field(pattern=_ID)


class FactOut(BaseModel):
    """A moment, and how sure it is."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    certainty: Certainty
    event: EventId | None = Field(description="The access that it follows from, where it is one.")


class ParticipantOut(BaseModel):
    """One person's part; exactly one of `visitor` and `person` is set."""

    visitor: VisitorId | None
    person: PersonId | None
    standing: Standing
    entered: FactOut | None
    left: FactOut | None

    @classmethod
    def of(cls, part: Participant) -> "ParticipantOut":
        """Show a part."""
        return cls(
            visitor=VisitorId(part.who.id) if part.who.is_visitor else None,
            person=None if part.who.is_visitor else PersonId(part.who.id),
            standing=part.standing,
            entered=_fact(part.entered),
            left=_fact(part.left),
        )


class DoubtOut(BaseModel):
    """An opening that could have let more people through than it names."""

    model_config = ConfigDict(from_attributes=True)

    flag: Flag
    at: datetime


class CorrectionOut(BaseModel):
    """What a host set right; it stands beside the record, and the latest counts."""

    model_config = ConfigDict(from_attributes=True)

    id: MeetingId
    came: list[VisitorId]
    stayed_away: list[VisitorId]
    started_at: datetime | None
    ended_at: datetime | None
    reason: str
    made_by: PersonId
    made_at: datetime


class MeetingOut(BaseModel):
    """The record of one meeting, made from what the doors reported until now, and its corrections."""

    visit: VisitId
    room: RoomId | None
    state: State
    appointed_from: datetime
    appointed_until: datetime
    started: FactOut | None
    ended: FactOut | None
    late_s: int = Field(description="Seconds by which it began late, or is late; 0: on time.")
    late_visitors: bool
    late_hosts: bool
    over_s: int = Field(description="Seconds by which it ran over, or runs over now.")
    participants: list[ParticipantOut]
    doubts: list[DoubtOut]
    exits_by_button: int = Field(description="How often somebody left whom no reader named.")
    silent_since: datetime | None = Field(
        description="Since when the room's door does not report; what happened since may still come."
    )
    corrections: list[CorrectionOut] = Field(description="The latest first.")

    @classmethod
    def of(cls, work: Work, visit: Visit, record: MeetingRecord) -> "MeetingOut":
        """Show a record."""
        said = actions.corrections_of(work, visit)
        return cls(
            visit=visit.id,
            room=visit.room,
            state=record.state,
            appointed_from=visit.starts_at,
            appointed_until=visit.ends_at,
            started=_fact(record.started),
            ended=_fact(record.ended),
            late_s=record.late_by // timedelta(seconds=1),
            late_visitors=record.late_visitors,
            late_hosts=record.late_hosts,
            over_s=record.over_by // timedelta(seconds=1),
            participants=[ParticipantOut.of(each) for each in record.participants],
            doubts=[DoubtOut.model_validate(each) for each in record.doubts],
            exits_by_button=record.exits_by_button,
            silent_since=record.silent_since,
            corrections=[CorrectionOut.model_validate(each) for each in said],
        )


@blueprint.get("/attendance", {200: AttendancePage})
def list_attendance(query: AttendanceQuery) -> Response:
    """List attendance, newest first: hosts see that of their own visits, security all."""
    with reading() as work:
        page = actions.find(work, query, visit=query.visit, room=query.room, since=query.since)
        return answer_page(page.map(AttendanceOut.of))


@blueprint.get("/meetings/<visit>", {200: MeetingOut})
def show_meeting(path: MeetingPath) -> Response:
    """Show the record of a visit's meeting: hosts see their own, security all."""
    with reading() as work:
        return answer(MeetingOut.of(work, *actions.record_of(work, path.visit)))


@blueprint.post("/meetings/<visit>/corrections", {201: CorrectionOut})
def correct_meeting(path: MeetingPath, body: NewCorrection) -> Response:
    """Set right what the door could not see. The record stays as it is."""
    with begin() as work:
        made = actions.correct(work, path.visit, body)
        return answer(CorrectionOut.model_validate(made), 201)


def _fact(found: Fact | None) -> FactOut | None:
    return None if found is None else FactOut.model_validate(found)
