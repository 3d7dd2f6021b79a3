"""Crossings: note that a visitor set out, came near, is here or left, and tell of it once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from access_protocol.ids import SiteCode
from server.arrivals import models
from server.arrivals.models import Crossing
from server.arrivals.rules import CrossingKind, CrossingSource, Verdict, watched_from, weigh
from server.kernel import live
from server.kernel.errors import Conflict, NotFound
from server.kernel.events import Event
from server.kernel.ids import CrossingId, VisitId, VisitorId
from server.kernel.work import Work
from server.places.models import Site
from server.visits import models as visits
from server.visits.actions import VisitState
from server.visits.models import Visit, Visitor

MOST_UNEXPECTED = timedelta(minutes=5)
"""A new word about the time that differs by less than this changes nothing."""


@dataclass(frozen=True, kw_only=True)
class CrossingNoticed(Event):
    """A visitor set out, came near, is at the entrance, or left again; recorded once where it is told once."""

    visitor: VisitorId
    visit: VisitId
    site: SiteCode
    kind: CrossingKind
    source: CrossingSource
    at: datetime
    expected: timedelta | None
    """How long from `at` until they are at the entrance; None where nobody can say."""


def is_day_of(work: Work, visit: Visit) -> bool:
    """Tell whether this is the time in which the visit's guests are on their way, at the site or leaving."""
    site = work.session.get_one(Site, visit.site)
    begins = watched_from(visit.starts_at, site.time_zone)
    return visit.state is VisitState.CONFIRMED and begins <= work.now < visit.ends_at


def locked(work: Work, visitor: VisitorId, *, wait: bool = True) -> Visit | None:
    """Return the visit that expects a visitor, locked until the work ends; None where none does.

    The visit is locked before all that belongs to it, as by whoever changes it: two that lock in another order
    would wait for each other. Who does not `wait` gets None while somebody else is at it.
    """
    found = visits.with_visitor(work.session, visitor)
    if found is None:
        return None
    how = {"skip_locked": not wait}
    visit = work.session.get(Visit, found[0].id, with_for_update=how, populate_existing=True)
    guest = work.session.get_one(Visitor, visitor, populate_existing=True)
    return visit if guest.is_expected else None


def notice_crossing(
    work: Work,
    visitor: VisitorId,
    kind: CrossingKind,
    source: CrossingSource,
    expected: timedelta | None = None,
) -> Crossing | None:
    """Note a crossing and record `CrossingNoticed`; return None where it says nothing new.

    Raise `NotFound` for nobody we know and `Conflict` on any day but that of a visit that stands.
    """
    # Page and OwnTracks may report at the same moment: one waits for the other.
    visit = locked(work, visitor)
    if visit is None:
        raise NotFound("Nobody of that name is expected.")
    if not is_day_of(work, visit):
        raise Conflict("This can be said on the day of the visit, until it ends.")
    before = models.crossings_of(work.session, visitor)
    verdict = weigh(before, kind, work.now)
    if verdict is Verdict.KNOWN:
        _expect_anew(work, visit, before[-1] if before else None, kind, expected)
        return None
    made = Crossing(
        id=CrossingId(work.ids.new()),
        visitor=visitor,
        visit=visit.id,
        kind=kind,
        source=source,
        at=work.now,
        expected_at=None if expected is None else work.now + expected,
        told=verdict is Verdict.TOLD,
    )
    work.session.add(made)
    work.session.flush()
    if made.told:
        work.record(
            CrossingNoticed(
                visitor=visitor,
                visit=visit.id,
                site=visit.site,
                kind=kind,
                source=source,
                at=work.now,
                expected=expected,
            )
        )
    _tell_pages(work, visit, visitor)
    return made


def _expect_anew(
    work: Work,
    visit: Visit,
    newest: Crossing | None,
    kind: CrossingKind,
    expected: timedelta | None,
) -> None:
    """Keep a new word about the time where they said the same before: pages show it, nobody is disturbed."""
    if newest is None or newest.kind is not kind or expected is None:
        return
    wanted = work.now + expected
    if newest.expected_at is not None and abs(wanted - newest.expected_at) < MOST_UNEXPECTED:
        return
    newest.expected_at = wanted
    work.session.add(newest)
    _tell_pages(work, visit, newest.visitor)


def _tell_pages(work: Work, visit: Visit, visitor: VisitorId) -> None:
    live.notice(work, "visits", about=visit.id, site=visit.site)
    live.notice(work, "visitor", about=visitor, site=visit.site)
