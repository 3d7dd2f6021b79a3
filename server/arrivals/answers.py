"""What a host answers visitors who are on their way or stand in the hall; their page shows it at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from access_protocol.ids import SiteCode
from server.arrivals import models
from server.arrivals.models import HostAnswer
from server.arrivals.rules import AnswerKind
from server.kernel import live
from server.kernel.errors import Conflict, NotFound
from server.kernel.events import Event
from server.kernel.ids import VisitId, VisitorId
from server.kernel.principal import Right, require
from server.kernel.text import Line
from server.kernel.work import Work
from server.visits import actions as visits
from server.visits import models as visit_models
from server.visits.actions import Input, VisitorIdText
from server.visits.models import Visit, VisitState

LONGEST = 200
SHOWN_FOR = timedelta(hours=1)
"""An answer is about this moment: "five minutes" of this morning would mislead in the afternoon."""


class NewAnswer(Input):
    """What a host says: one of the ready sentences, or a text of their own."""

    kind: AnswerKind
    text: Annotated[Line, Field(max_length=LONGEST)] = ""
    visitor: VisitorIdText | None = Field(
        default=None, description="Left out: everybody in the visit."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.kind is AnswerKind.TEXT) != bool(self.text):
            raise ValueError("a text is needed for the kind text, and for no other")
        return self


@dataclass(frozen=True, kw_only=True)
class HostAnswered(Event):
    """A host let visitors know what happens next."""

    answer: str
    visit: VisitId
    site: SiteCode
    visitors: tuple[VisitorId, ...]
    kind: AnswerKind


def answer(work: Work, visit_id: VisitId, new: NewAnswer) -> HostAnswer:
    """Store an answer and have the open pages of those it is for show it."""
    visit = visits.get(work, visit_id)
    _require_to_answer(work, visit)
    if visit.state is not VisitState.CONFIRMED:
        raise Conflict("Nobody is expected: this visit is not confirmed.")
    if work.now >= visit.ends_at:
        raise Conflict("This visit is over.")
    guests = [each.id for each in visit_models.visitors_of(work.session, visit.id)]
    if new.visitor is not None:
        if new.visitor not in guests:
            raise NotFound("There is no such visitor in this visit.")
        guests = [new.visitor]
    said = HostAnswer(
        id=work.ids.new(),
        visit=visit.id,
        visitor=new.visitor,
        person=work.principal.person,
        kind=new.kind,
        text=new.text,
        at=work.now,
    )
    work.session.add(said)
    work.session.flush()
    for guest in guests:
        live.notice(work, "visitor", about=guest, site=visit.site)
    live.notice(work, "visits", about=visit.id, site=visit.site)
    work.record(
        HostAnswered(
            answer=said.id,
            visit=visit.id,
            site=visit.site,
            visitors=tuple(guests),
            kind=said.kind,
        )
    )
    return said


def latest_for(work: Work, visit: VisitId, visitor: VisitorId) -> HostAnswer | None:
    """Return the answer that a visitor's page shows now, if there is one."""
    found = models.answer_to(work.session, visit, visitor)
    return found if found is not None and work.now - found.at < SHOWN_FOR else None


def answers_in(work: Work, visit: VisitId) -> Sequence[HostAnswer]:
    """Return what was answered in a visit that the caller may see, oldest first."""
    return models.answers_in(work.session, visits.get(work, visit).id)


def _require_to_answer(work: Work, visit: Visit) -> None:
    if not visits.receives(work, visit):
        require(work.principal, Right.VISITS_MANAGE, visit.site)
