"""Leaving: a visitor is checked out once, thanked once, and may come in again while the pass counts."""

from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import Field
from sqlmodel import col, select

from access_protocol.ids import EventId, SiteCode
from server.kernel import live
from server.kernel.errors import Conflict, NotFound
from server.kernel.ids import VisitorId
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications.actions import LetterKind
from server.places.models import Site
from server.visits import guests, lettering, models
from server.visits.events import LeavingChanged, VisitorCheckedOut, VisitorReturned
from server.visits.leaving_models import CheckOut, CheckOutKind, Leaving, leaving_of
from server.visits.lettering import Reader
from server.visits.models import Visit, Visitor
from server.visits.rules import Input

SURVEY_PATH = "survey"
BACK_WITHIN = timedelta(hours=1)
"""Who leaves earlier than this before the end may come back: they are thanked when the visit is over."""
MOST_THANKED = 100


class LeavingInput(Input):
    """What happens when visitors of a site leave."""

    by_itself_after_min: int = Field(
        default=60,
        ge=5,
        le=24 * 60,
        description="So many minutes after a visit's end its visitors are taken to have left.",
    )
    ends_pass: bool = Field(
        default=False, description="Whether the pass ends with the first way out of the site."
    )
    exits: list[str] = Field(
        default_factory=list,
        max_length=50,
        description="Portals that lead out of the site; none: each read way out that is no room's door.",
    )


def check_out(
    work: Work,
    visitor_id: VisitorId,
    how: CheckOutKind,
    *,
    at: datetime | None = None,
    event: EventId | None = None,
) -> CheckOut | None:
    """Note that a visitor left; None where that was noted before, and for who never was a guest of ours.

    For reactions and timers; people ask `check_out_by_guard`.
    """
    found = models.with_visitor(work.session, visitor_id)
    if found is None:
        return None
    visit, visitor = found
    before = work.session.get(CheckOut, visitor.id, with_for_update=True)
    if before is not None and before.returned_at is None:
        return None
    left = before or CheckOut(
        visitor=visitor.id, visit=visit.id, site=visit.site, how=how, at=at or work.now
    )
    left.how, left.at, left.event, left.returned_at = how, at or work.now, event, None
    left.person = work.principal.person if how is CheckOutKind.GUARD else None
    work.session.add(left)
    work.session.flush()
    seen_early = how is CheckOutKind.EXIT_GATE and left.at < visit.ends_at
    for_good = not seen_early or leaving_of(work.session, visit.site).ends_pass
    work.record(
        VisitorCheckedOut(
            visitor=visitor.id, visit=visit.id, site=visit.site, how=how, for_good=for_good
        )
    )
    if for_good or visit.ends_at - left.at <= BACK_WITHIN:
        _thank(work, visit, visitor, left)
    _show(work, visit, visitor)
    return left


def check_out_by_guard(work: Work, visitor_id: VisitorId) -> CheckOut:
    """Note that a visitor left, for whoever guards the site: the pass ends, and they are thanked."""
    found = models.with_visitor(work.session, visitor_id)
    if found is None:
        raise NotFound("There is no such visitor.")
    require(work.principal, Right.CREDENTIALS_MANAGE, found[0].site)
    left = check_out(work, visitor_id, CheckOutKind.GUARD)
    if left is None:
        raise Conflict("This visitor was checked out already.")
    return left


def come_back(work: Work, visitor_id: VisitorId, at: datetime) -> bool:
    """Take a check-out back: the visitor came in again after it. Return whether there was one."""
    left = work.session.get(CheckOut, visitor_id, with_for_update=True)
    if left is None or left.returned_at is not None or at <= left.at:
        return False
    left.returned_at = at
    work.session.flush()
    visit = work.session.get_one(Visit, left.visit)
    work.record(VisitorReturned(visitor=visitor_id, visit=visit.id, site=visit.site))
    _show(work, visit, work.session.get_one(Visitor, visitor_id))
    return True


def thank_due(work: Work) -> None:
    """Thank those who left early and did not come back until the end; a timer calls it."""
    waiting = (
        select(CheckOut, Visit, Visitor)
        .where(CheckOut.visit == Visit.id, CheckOut.visitor == Visitor.id)
        .where(col(CheckOut.thanked_at).is_(None), col(CheckOut.returned_at).is_(None))
        .where(Visit.ends_at <= work.now)
        .limit(MOST_THANKED)
    )
    for left, visit, visitor in work.session.exec(waiting).all():
        _thank(work, visit, visitor, left)


def change_leaving(work: Work, site: SiteCode, wanted: LeavingInput) -> Leaving:
    """Decide what happens when visitors of a site leave."""
    require(work.principal, Right.PLACES_MANAGE, site)
    if work.session.get(Site, site) is None:
        raise NotFound("There is no such site.")
    found = leaving_of(work.session, site)
    found.by_itself_after_min, found.ends_pass = wanted.by_itself_after_min, wanted.ends_pass
    found.exits = list(wanted.exits)
    work.session.add(found)
    work.session.flush()
    work.record(LeavingChanged(site=site))
    return found


def tell_answered(work: Work, visitor_id: VisitorId) -> None:
    """Mail a visitor that what they wrote in the survey was answered; the words stand on their page alone."""
    found = models.with_visitor(work.session, visitor_id)
    if found is not None:
        _write(work, *found, LetterKind.SURVEY_ANSWERED)


def _thank(work: Work, visit: Visit, visitor: Visitor, left: CheckOut) -> None:
    if left.thanked_at is None:
        left.thanked_at = work.now
        _write(work, visit, visitor, LetterKind.THANKS)


def _write(work: Work, visit: Visit, visitor: Visitor, kind: LetterKind) -> None:
    if not visitor.email or visitor.forgotten_at is not None:
        return
    letter = lettering.plain(work, visit, Reader.visitor(visitor), kind)
    letter = replace(letter, link=f"{guests.link_of(work, visitor)}/{SURVEY_PATH}")
    notifications.send_letter(work, letter)


def _show(work: Work, visit: Visit, visitor: Visitor) -> None:
    live.notice(work, "visits", about=visit.id, site=visit.site)
    guests.tell_page(work, visit, visitor)
