"""What hosts set right: who was there, when it began and ended. It stands beside the record and never over it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from server.kernel import live
from server.kernel.clock import Moment
from server.kernel.errors import Invalid
from server.kernel.ids import MeetingId, PersonId, VisitId, VisitorId
from server.kernel.principal import Right, require
from server.kernel.text import Lines
from server.kernel.work import Work
from server.meetings import models
from server.meetings.events import MeetingCorrected
from server.meetings.models import Correction
from server.meetings.noting import NOTICE
from server.visits import actions as visits
from server.visits import models as visit_models
from server.visits.actions import VisitorIdText
from server.visits.models import Visit

LONGEST_BESIDE = timedelta(days=1)
"""A meeting that began or ended so far from its appointment was another one."""
FEW_CLOCKS = timedelta(minutes=5)
"""What a browser's clock may be ahead of ours."""


class NewCorrection(BaseModel):
    """What a host says; what is left out is as the record says."""

    model_config = ConfigDict(extra="forbid")

    came: list[VisitorIdText] = Field(
        default_factory=list[VisitorId], max_length=200, description="Visitors who were there."
    )
    stayed_away: list[VisitorIdText] = Field(
        default_factory=list[VisitorId], max_length=200, description="Visitors who were not."
    )
    started_at: Moment | None = Field(default=None, description="When it began.")
    ended_at: Moment | None = Field(default=None, description="When it ended.")
    reason: Annotated[
        Lines,
        Field(min_length=1, max_length=500, examples=["Came in with me, I held the door."]),
    ]


def correct(work: Work, visit_id: VisitId, new: NewCorrection) -> Correction:
    """Note what the host of a visit, or who stands in for them, says of its meeting."""
    visit = visits.get(work, visit_id)
    if not visits.receives(work, visit):
        require(work.principal, Right.VISITS_MANAGE, visit.site)
    _check(work, visit, new)
    made = Correction(
        id=MeetingId(work.ids.new()),
        visit=visit.id,
        came=list(new.came),
        stayed_away=list(new.stayed_away),
        started_at=new.started_at,
        ended_at=new.ended_at,
        reason=new.reason,
        made_by=PersonId(work.principal.person or ""),
        made_at=work.now,
    )
    work.session.add(made)
    work.session.flush()
    work.record(MeetingCorrected(correction=made.id, visit=visit.id))
    live.notice(work, NOTICE, about=visit.id, site=visit.site)
    return made


def corrections_of(work: Work, visit: Visit) -> Sequence[Correction]:
    """Return what was set right in a meeting, the latest first. The visit is one that the caller may see."""
    return models.corrections_of(work.session, [visit.id]).get(visit.id, [])[::-1]


def _check(work: Work, visit: Visit, new: NewCorrection) -> None:
    """Raise `Invalid` for what cannot have been."""
    wrong: list[tuple[str, str]] = []
    invited = {guest.id for guest in visit_models.visitors_of(work.session, visit.id)}
    if not {*new.came, *new.stayed_away} <= invited:
        wrong.append(("came", "Only visitors of this visit can be named."))
    if {*new.came} & {*new.stayed_away}:
        wrong.append(("came", "Nobody was there and stayed away."))
    if not (new.came or new.stayed_away or new.started_at or new.ended_at):
        wrong.append(("came", "Please say what was otherwise."))
    for field, at in (("started_at", new.started_at), ("ended_at", new.ended_at)):
        if at is not None and not _plausible(work, visit, at):
            wrong.append((field, "must lie within a day of the appointment, and not in the future"))
    if new.started_at and new.ended_at and new.ended_at <= new.started_at:
        wrong.append(("ended_at", "must come after the beginning"))
    if work.principal.person is None:
        wrong.append(("reason", "Only a person can say so."))
    if wrong:
        raise Invalid(wrong)


def _plausible(work: Work, visit: Visit, at: datetime) -> bool:
    earliest, latest = visit.starts_at - LONGEST_BESIDE, visit.ends_at + LONGEST_BESIDE
    return earliest <= at <= min(latest, work.now + FEW_CLOCKS)
