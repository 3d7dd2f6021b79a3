"""Finding a visit for whoever may see, change or approve it, and holding it where it must be approved again."""

from collections.abc import Sequence

from access_protocol.ids import SiteCode
from server.kernel import live
from server.kernel.errors import Conflict, Invalid, NotFound
from server.kernel.ids import PersonId, VisitId, VisitorId
from server.kernel.pagination import Page, PageQuery
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.notifications import models as told
from server.people import models as people
from server.people.models import Person
from server.places.models import Site
from server.visits import models
from server.visits.events import VisitHeld
from server.visits.models import Visit, Visitor
from server.visits.rules import OPEN, VisitFilter, VisitState


def get(work: Work, visit_id: VisitId) -> Visit:
    """Return a visit that the caller may see."""
    visit = work.session.get(Visit, visit_id)
    if visit is None or not may_see(work, visit):
        raise NotFound("There is no such visit, or it is not yours.")
    return visit


def find(work: Work, query: PageQuery, wanted: VisitFilter) -> Page[Visit]:
    """Return the visits that the caller may see: hosts their own, security all."""
    if work.principal.may(Right.VISITS_READ, wanted.site):
        return models.visits(work.session, query, wanted)
    require(work.principal, Right.VISITS_INVITE, wanted.site)
    if work.principal.person is None:
        return Page([], None)
    return models.visits(work.session, query, wanted, of_host=work.principal.person)


def expected_guest(work: Work, visit: Visit, visitor_id: VisitorId) -> Visitor:
    """Return somebody whom the confirmed visit expects."""
    if visit.state is not VisitState.CONFIRMED:
        raise Conflict("Nobody is invited yet: this visit waits for approval.")
    visitor = work.session.get(Visitor, visitor_id)
    if visitor is None or visitor.visit != visit.id or visitor.removed_at is not None:
        raise NotFound("There is no such visitor in this visit.")
    return visitor


def host_for(work: Work, person: PersonId | None) -> Person:
    """Return somebody who may host a visit."""
    found = work.session.get(Person, person) if person else None
    if found is None or not found.active:
        raise Invalid([("host", "must be somebody with an active account")])
    return found


def require_for(work: Work, host: PersonId, site: SiteCode) -> None:
    """Let pass the host, and whoever may manage the visits of others."""
    own = host == work.principal.person and work.principal.may(Right.VISITS_INVITE, site)
    if not own:
        require(work.principal, Right.VISITS_MANAGE, site)


def may_see(work: Work, visit: Visit) -> bool:
    """Tell whether the caller receives the visitors, or may see all visits."""
    return receives(work, visit) or work.principal.may(Right.VISITS_READ, visit.site)


def receives(work: Work, visit: Visit) -> bool:
    """Tell whether the caller hosts the visit, or stands in for who does: then they answer and let in, no more."""
    person = work.principal.person
    if person is None or not work.principal.may(Right.VISITS_INVITE, visit.site):
        return False
    return visit.host == person or _stands_in(work, person, visit)


def _stands_in(work: Work, person: PersonId, visit: Visit) -> bool:
    """Tell whether a person is the host's deputy and was told of this visit because the host was silent or is gone."""
    deputy = people.deputy_of(work.session, visit.host)
    if deputy is None or deputy.id != person:
        return False
    host = work.session.get_one(Person, visit.host)
    return not host.active or told.stood_in(work.session, person, visit.id)


def changeable(work: Work, visit_id: VisitId) -> Visit:
    """Return a visit that the caller may change, locked until the end of the work."""
    get(work, visit_id)
    visit = work.session.get_one(Visit, visit_id, with_for_update=True, populate_existing=True)
    require_for(work, visit.host, visit.site)
    if visit.state not in OPEN:
        raise Conflict(f"This visit was {visit.state.value}. Make a new one instead.")
    if visit.ends_at <= work.now:
        raise Conflict("This visit is over. Make a new one instead.")
    return visit


def pending(work: Work, visit_id: VisitId) -> Visit:
    """Return a visit that the caller may approve or decline, locked until the end of the work."""
    visit = get(work, visit_id)
    require(work.principal, Right.VISITS_APPROVE, visit.site)
    visit = work.session.get_one(Visit, visit_id, with_for_update=True, populate_existing=True)
    if visit.state is not VisitState.PENDING:
        raise Conflict(f"This visit does not wait for approval: it is {visit.state.value}.")
    if visit.ends_at <= work.now:
        raise Conflict("This visit is over.")
    return visit


def needs_approval(work: Work, visit: Visit) -> bool:
    """Tell whether somebody else must approve what the caller wants of the visit."""
    approves = work.session.get_one(Site, visit.site).approval_required
    return approves and not work.principal.may(Right.VISITS_APPROVE, visit.site)


def hold(work: Work, visit: Visit, guests: Sequence[Visitor]) -> bool:
    """Ask for approval again where the site wants it; return whether it does."""
    if visit.state is not VisitState.CONFIRMED or not needs_approval(work, visit):
        return False
    visit.state = VisitState.PENDING
    visit.decided_by = visit.decided_at = None
    work.record(VisitHeld(visit=visit.id, visitors=tuple(guest.id for guest in guests)))
    return True


def notice(work: Work, visit: Visit) -> None:
    """Let open pages know that the visit is another one now."""
    live.notice(work, "visits", about=visit.id, site=visit.site)


def require_inviting(work: Work) -> None:
    """Let pass whoever may invite somebody."""
    if not work.principal.may(Right.VISITS_MANAGE):
        require(work.principal, Right.VISITS_INVITE)
