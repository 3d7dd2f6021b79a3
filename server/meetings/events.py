"""What the meetings tell the other subjects: they began, ended, somebody came or did not."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from server.kernel.events import Event
from server.kernel.ids import MeetingId, RoomId, VisitId, VisitorId
from server.meetings.rules import Certainty


@dataclass(frozen=True, kw_only=True)
class VisitorAttended(Event):
    """A visitor came into the room of their visit for the first time, as far as is known now."""

    visitor: VisitorId
    visit: VisitId
    room: RoomId
    at: datetime
    certainty: Certainty
    alone: bool
    """Whether nobody of the house is in the room with them."""


@dataclass(frozen=True, kw_only=True)
class MeetingStarted(Event):
    """Host or staff and a visitor are in the room together."""

    visit: VisitId
    room: RoomId
    at: datetime
    late_by: timedelta
    certainty: Certainty


@dataclass(frozen=True, kw_only=True)
class MeetingEnded(Event):
    """They are no longer; `at` is None where nobody saw the end."""

    visit: VisitId
    room: RoomId
    at: datetime | None
    over_by: timedelta
    certainty: Certainty | None


@dataclass(frozen=True, kw_only=True)
class MeetingOverRan(Event):
    """The appointment is over, and they still sit together."""

    visit: VisitId
    room: RoomId


@dataclass(frozen=True, kw_only=True)
class NoShow(Event):
    """A visitor did not come."""

    visitor: VisitorId
    visit: VisitId


@dataclass(frozen=True, kw_only=True)
class MeetingCorrected(Event):
    """A host set the record of a meeting right; what they said stands beside it."""

    correction: MeetingId
    visit: VisitId
