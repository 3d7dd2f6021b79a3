"""A host leaves: everything that they would still have received is a successor's, and its visitors are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from server.kernel import live
from server.kernel.events import Event
from server.kernel.ids import PersonId, VisitId, VisitorId
from server.kernel.work import Work
from server.visits import models
from server.visits.lookup import notice
from server.visits.models import Visit
from server.visits.rules import OPEN, VisitState

OVERRUN = timedelta(hours=1)
"""A visit runs on so long after its end: its passes count so long too."""


@dataclass(frozen=True, kw_only=True)
class HostChanged(Event):
    """A confirmed visit is somebody else's now; nothing else about it changed."""

    visit: VisitId
    visitors: tuple[VisitorId, ...]
    before: PersonId
    after: PersonId


def to_come(session: Session, person: PersonId, now: datetime) -> Sequence[Visit]:
    """Return the visits that a person receives now or later, all dates of series among them."""
    mine = select(Visit).where(
        Visit.host == person, col(Visit.state).in_(list(OPEN)), col(Visit.ends_at) > now - OVERRUN
    )
    return session.exec(mine.order_by(col(Visit.starts_at), col(Visit.id))).all()


def hand_over(work: Work, person: PersonId, successor: PersonId) -> None:
    """Let a successor receive what a person would have received, also what has begun. For reactions.

    What was approved stays so, and passes count on: nothing but the host is another.
    """
    for visit in to_come(work.session, person, work.now):
        visit.host = successor
        visit.sequence += 1
        visit.changed_at = work.now
        work.session.flush()
        if visit.state is VisitState.CONFIRMED:
            guests = tuple(each.id for each in models.visitors_of(work.session, visit.id))
            work.record(
                HostChanged(visit=visit.id, visitors=guests, before=person, after=successor)
            )
            for guest in guests:
                live.notice(work, "visitor", about=guest, site=visit.site)
        notice(work, visit)
