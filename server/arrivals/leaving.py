"""Who has left by what doors report: out at an exit, in again, and those whom nobody saw leave."""

from datetime import timedelta

from sqlmodel import col, or_, select

from access_protocol.ids import CredentialId, PortalId, SiteCode
from access_protocol.knowledge import Direction
from server.access import actions as access
from server.access.actions import PassageReported
from server.access.models import Presence
from server.arrivals.models import CheckIn
from server.kernel.ids import VisitorId
from server.kernel.work import Work
from server.places.models import Room
from server.places.models import all_sites as every_site
from server.visits import actions as visits
from server.visits import models as visit_models
from server.visits.actions import CheckOut, CheckOutKind, VisitorCheckedOut
from server.visits.models import Visit, Visitor, VisitState

MOST_AT_ONCE = 200
LOOKED_BACK = timedelta(days=3)
"""Who was taken to have left is looked for among visits that ended since then: a server may have been off."""


def note_passage(work: Work, passed: PassageReported) -> None:
    """Check out whoever went out of the site, and take it back where somebody came in after that."""
    bearer = visit_models.by_credentials(work.session, [passed.credential])
    if passed.credential not in bearer:
        return
    visitor = bearer[passed.credential][1]
    if passed.direction is Direction.IN:
        visits.come_back(work, visitor.id, passed.at)
        return
    latest = work.session.get(Presence, passed.credential, populate_existing=True)
    # A report that arrives late, when they have long been in again, checks nobody out.
    if latest is not None and latest.event == passed.event and _leads_out(work, passed):
        visits.check_out(work, visitor.id, CheckOutKind.EXIT_GATE, at=passed.at, event=passed.event)


def check_out_unseen(work: Work) -> None:
    """Check out, some time after the end, those who came and whom nobody saw leave; a timer calls it."""
    for site in every_site(work.session):
        after = timedelta(minutes=visits.leaving_of(work.session, site.code).by_itself_after_min)
        for visitor, credential in _unseen(work, site.code, after):
            held = access.hold_presence(work, credential)
            if held is not None and held.zone is not None and held.since > work.now - after:
                # They were seen going in just now: the meeting lasts longer than it should.
                continue
            visits.check_out(work, visitor, CheckOutKind.BY_ITSELF)


def check_out_by_guard(work: Work, visitor_id: VisitorId) -> CheckOut:
    """Note that a visitor left, for whoever guards the site, while perhaps a gate reports the same."""
    found = visit_models.with_visitor(work.session, visitor_id)
    if found is not None:
        access.hold_presence(work, CredentialId(found[1].credential))
    return visits.check_out_by_guard(work, visitor_id)


def clear_presence(work: Work, left: VisitorCheckedOut) -> None:
    """Count nobody as inside who is taken to have left, or was said to have."""
    if left.how is CheckOutKind.EXIT_GATE:
        return
    visitor = work.session.get_one(Visitor, left.visitor)
    access.leave_unseen(work, CredentialId(visitor.credential), left.site)


def _unseen(work: Work, site: SiteCode, after: timedelta) -> list[tuple[VisitorId, CredentialId]]:
    """Return who came to a visit that ended so long ago and was not checked out."""
    statement = (
        select(Visitor.id, Visitor.credential)
        .join(Visit, col(Visitor.visit) == col(Visit.id))
        .outerjoin(CheckIn, col(CheckIn.visitor) == col(Visitor.id))
        .outerjoin(Presence, col(Presence.credential) == col(Visitor.credential))
        .outerjoin(CheckOut, col(CheckOut.visitor) == col(Visitor.id))
        .where(
            Visit.site == site,
            Visit.state == VisitState.CONFIRMED,
            Visit.ends_at <= work.now - after,
            Visit.ends_at > work.now - after - LOOKED_BACK,
            or_(col(CheckIn.visitor).is_not(None), col(Presence.credential).is_not(None)),
            or_(col(CheckOut.visitor).is_(None), col(CheckOut.returned_at).is_not(None)),
            col(Visitor.forgotten_at).is_(None),
        )
        .order_by(col(Visitor.credential))
        .limit(MOST_AT_ONCE)
    )
    found = work.session.exec(statement).all()
    return [(VisitorId(visitor), CredentialId(held)) for visitor, held in found]


def _leads_out(work: Work, passed: PassageReported) -> bool:
    """Tell whether a portal leads out of the site: one that was named, or one that is no room's door."""
    named = visits.leaving_of(work.session, passed.site).exits
    if named:
        return passed.portal in named
    doors = select(Room.portal).where(Room.site == passed.site)
    return PortalId(passed.portal) not in set(work.session.exec(doors).all())
