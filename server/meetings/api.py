"""Attendance as JSON."""

from datetime import datetime

from flask import Response
from pydantic import BaseModel, Field

from access_protocol.ids import EventId
from server.kernel.blueprint import ApiBlueprint
from server.kernel.clock import Moment
from server.kernel.ids import AttendanceId, RoomId, VisitId, VisitorId
from server.kernel.pagination import PageQuery
from server.kernel.request import answer_page, reading
from server.meetings import actions
from server.meetings.models import Attendance
from server.meetings.rules import Certainty

blueprint = ApiBlueprint("Meetings", "Who came into the room of their visit.", "/attendance")

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
        description="passed: the portal reported a passage; unlocked: it was opened for them."
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


@blueprint.get("", {200: AttendancePage})
def list_attendance(query: AttendanceQuery) -> Response:
    """List attendance, newest first: hosts see that of their own visits, security all."""
    with reading() as work:
        page = actions.find(work, query, visit=query.visit, room=query.room, since=query.since)
        return answer_page(page.map(AttendanceOut.of))
