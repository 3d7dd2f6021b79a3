"""Forgetting a visitor: what arrivals know of one person, and that all of it goes."""

from datetime import datetime
from typing import Any

from sqlmodel import col, delete, func, select

from access_protocol.ids import SiteCode
from server.arrivals import models, trackers
from server.arrivals.models import CheckIn, Crossing, EntryApproval, HostAnswer, WalkIn, Watch
from server.kernel.ids import VisitorId
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications.actions import NoticeKind
from server.visits import actions as visits
from server.visits.models import Visit
from server.visits.models import Visitor as Guest


def forget_visitor(work: Work, visitor: VisitorId) -> None:
    """Delete how a visitor came: crossings, the app, what was asked and answered, and how they registered."""
    registered = select(WalkIn.id).where(WalkIn.visitor == visitor)
    for walk_in in work.session.exec(registered).all():
        once = visits.once_about(NoticeKind.WALK_IN, walk_in)
        notifications.forget_notices_once(work, once)
    trackers.end(work, visitor)
    for table in (Watch, Crossing, HostAnswer, EntryApproval, CheckIn, WalkIn):
        work.session.exec(delete(table).where(col(table.visitor) == visitor))


def about_visitor(work: Work, visitor: VisitorId) -> dict[str, Any]:
    """Return all that is kept of how a visitor came, in values that JSON knows."""
    checked_in = work.session.get(CheckIn, visitor)
    walk_ins = work.session.exec(select(WalkIn).where(WalkIn.visitor == visitor)).all()
    answers = work.session.exec(select(HostAnswer).where(HostAnswer.visitor == visitor)).all()
    asked = work.session.exec(select(EntryApproval).where(EntryApproval.visitor == visitor)).all()
    return {
        "coming": [
            {
                "what": str(each.kind),
                "noticed_by": str(each.source),
                "at": each.at,
                "expected_at": each.expected_at,
            }
            for each in models.crossings_of(work.session, visitor)
        ],
        "checked_in": {"at": checked_in.at, "where": checked_in.access_point}
        if checked_in
        else None,
        "registered": [
            {
                "name": each.name,
                "company": each.company,
                "email": each.email,
                "whom": each.whom,
                "purpose": each.purpose,
                "at": each.asked_at,
            }
            for each in walk_ins
        ],
        "answers": [{"what": str(each.kind), "text": each.text, "at": each.at} for each in answers],
        "asked_to_be_let_in": [{"at": each.asked_at, "where": each.access_point} for each in asked],
        "app_on_the_phone": work.session.get(models.Tracker, visitor) is not None,
    }


def prune_approvals(work: Work, site: SiteCode, before: datetime, *, dry: bool) -> int:
    """Delete who asked at an entrance to be let in, of visits that ended before a moment; return how many."""
    over = (
        select(Guest.id)
        .where(Guest.visit == Visit.id, Visit.site == site, Visit.ends_at < before)
        .scalar_subquery()
    )
    old = col(EntryApproval.visitor).in_(over)
    if dry:
        return work.session.exec(select(func.count()).select_from(EntryApproval).where(old)).one()
    return work.session.exec(delete(EntryApproval).where(old)).rowcount
