"""Checking in: a visitor before a posted QR asks for approval, and is noted as arrived when the door is granted."""

from dataclasses import dataclass

from sqlmodel import col, select

from access_protocol.ids import AccessPointId, EventId, SiteCode
from access_protocol.presence import Presence
from server.access.actions import open_by_poster
from server.access.models import CommandState, DoorCommand
from server.arrivals.entry_rules import APPROVAL_COUNTS, APPROVAL_WAITS, WAITING, Answer
from server.arrivals.models import CheckIn, EntryApproval
from server.kernel import live
from server.kernel.errors import Conflict, NotFound
from server.kernel.events import Event
from server.kernel.ids import ApprovalId, PersonId, VisitId, VisitorId
from server.kernel.principal import Right
from server.kernel.upsert import insert_once
from server.kernel.work import Work
from server.visits import actions as visits
from server.visits.models import Visit, Visitor, VisitState


@dataclass(frozen=True, kw_only=True)
class ApprovalAsked(Event):
    """A visitor at an entrance asks host and guards to be let in."""

    approval: ApprovalId
    visitor: VisitorId
    visit: VisitId
    site: SiteCode
    access_point: AccessPointId


@dataclass(frozen=True, kw_only=True)
class ApprovalGiven(Event):
    """A host or guard said yes, or (`given` False) no."""

    approval: ApprovalId
    visitor: VisitorId
    visit: VisitId
    site: SiteCode
    access_point: AccessPointId
    given: bool
    person: PersonId | None


@dataclass(frozen=True, kw_only=True)
class CheckedIn(Event):
    """A visitor was let in at a posted QR, for the first time in this visit."""

    visitor: VisitorId
    visit: VisitId
    site: SiteCode
    access_point: AccessPointId


@dataclass(frozen=True)
class Asked:
    """Somebody who stands at an entrance and waits for a yes."""

    approval: EntryApproval
    visit: Visit
    visitor: Visitor


@dataclass(frozen=True)
class Evidence:
    """What a visitor's phone and hand showed at a poster, found true by whoever asks."""

    texts: tuple[str, ...]
    """The presentation by the phone's own key, or the text that the server made for a phone without one."""
    code: bool = False
    """The changing code of this entrance was scanned or typed."""
    position: bool = False
    """The phone says that it is within the site's fence."""


def enter(
    work: Work, visit: Visit, visitor: Visitor, access_point: AccessPointId, evidence: Evidence
) -> DoorCommand:
    """Ask for the door; where it is granted the visitor is checked in, and an approval is used up.

    A refusal is journaled and comes back as a command in state DENIED.
    """
    approval = latest_approval(work, visitor.id, access_point)
    if approval is not None:
        # Of two taps at once the second one is decided on after the first one used the yes up.
        work.session.refresh(approval, with_for_update=True)
    approved = approval is not None and counts(work, approval)
    shown = {
        Presence.CODE: evidence.code,
        Presence.POSITION: evidence.position,
        Presence.APPROVAL: approved,
    }
    command = open_by_poster(
        work,
        visit.site,
        access_point,
        visitor.id,
        evidence.texts,
        frozenset(each for each, found in shown.items() if found),
    )
    if command.state is CommandState.DENIED:
        return command
    if approval is not None and approved:
        approval.answer = Answer.USED
        work.session.add(approval)
    note_check_in(work, visit, visitor, access_point, command.event)
    return command


def ask_approval(
    work: Work, visit: Visit, visitor: Visitor, access_point: AccessPointId
) -> EntryApproval:
    """Ask host and guards to let this visitor in here; asking twice is asking once."""
    # Of two taps at once the second one finds what the first one asked.
    work.session.get_one(Visit, visit.id, with_for_update=True)
    latest = latest_approval(work, visitor.id, access_point)
    if latest is not None and (is_asked(work, latest) or counts(work, latest)):
        return latest
    asked = EntryApproval(
        id=ApprovalId(work.ids.new()),
        visitor=visitor.id,
        visit=visit.id,
        site=visit.site,
        access_point=access_point,
        asked_at=work.now,
    )
    work.session.add(asked)
    work.session.flush()
    work.record(
        ApprovalAsked(
            approval=asked.id,
            visitor=visitor.id,
            visit=visit.id,
            site=visit.site,
            access_point=access_point,
        )
    )
    _notice(work, asked)
    return asked


def latest_approval(
    work: Work, visitor: VisitorId, access_point: AccessPointId
) -> EntryApproval | None:
    """Return what this visitor asked last here."""
    statement = select(EntryApproval).where(
        EntryApproval.visitor == visitor, EntryApproval.access_point == access_point
    )
    return work.session.exec(statement.order_by(col(EntryApproval.id).desc())).first()


def is_asked(work: Work, approval: EntryApproval) -> bool:
    """Tell whether somebody may still answer."""
    return approval.answer is Answer.WAITING and work.now < approval.asked_at + APPROVAL_WAITS


def counts(work: Work, approval: EntryApproval) -> bool:
    """Tell whether the yes still opens the door."""
    given_at = approval.answered_at
    return (
        approval.answer is Answer.GIVEN
        and given_at is not None
        and work.now < given_at + APPROVAL_COUNTS
    )


def list_asked(work: Work, site: SiteCode | None = None) -> list[Asked]:
    """Return who waits at an entrance for the caller's answer: guards all, who receives the visitors theirs."""
    statement = (
        select(EntryApproval, Visit, Visitor)
        .where(EntryApproval.visit == Visit.id, EntryApproval.visitor == Visitor.id)
        .where(EntryApproval.answer == Answer.WAITING, Visit.state == VisitState.CONFIRMED)
        .where(col(Visitor.removed_at).is_(None), col(Visitor.declined_at).is_(None))
        .where(col(EntryApproval.asked_at) > work.now - APPROVAL_WAITS)
        .order_by(col(EntryApproval.id))
    )
    if site is not None:
        statement = statement.where(EntryApproval.site == site)
    found = [Asked(*row) for row in work.session.exec(statement).all()]
    return [each for each in found if _may_answer(work, each.visit)]


def approve_entry(work: Work, approval: ApprovalId) -> EntryApproval:
    """Say yes: within five minutes the visitor's phone opens that door once."""
    return _answer(work, approval, Answer.GIVEN)


def refuse_entry(work: Work, approval: ApprovalId) -> EntryApproval:
    """Say no; the visitor's page asks them kindly to wait for their host."""
    return _answer(work, approval, Answer.REFUSED)


def note_check_in(
    work: Work, visit: Visit, visitor: Visitor, access_point: AccessPointId, event: EventId
) -> bool:
    """Note that a visitor was let in; return whether it was the first time in this visit."""
    first = insert_once(
        work.session,
        CheckIn,
        visitor=visitor.id,
        visit=visit.id,
        site=visit.site,
        access_point=access_point,
        event=event,
        at=work.now,
    )
    if first:
        work.record(
            CheckedIn(
                visitor=visitor.id, visit=visit.id, site=visit.site, access_point=access_point
            )
        )
        live.notice(work, "visits", about=visit.id, site=visit.site)
        live.notice(work, "visitor", about=visitor.id, site=visit.site)
    return first


def _answer(work: Work, approval_id: ApprovalId, answer: Answer) -> EntryApproval:
    approval = work.session.get(
        EntryApproval, approval_id, with_for_update=True, populate_existing=True
    )
    visit = work.session.get(Visit, approval.visit) if approval else None
    if approval is None or visit is None or not _may_answer(work, visit):
        raise NotFound("Nobody waits there, or it is not for you to answer.")
    guest = work.session.get_one(Visitor, approval.visitor)
    if visit.state is not VisitState.CONFIRMED or not guest.is_expected:
        raise Conflict("This visitor is not expected any more.")
    if not is_asked(work, approval):
        raise Conflict("Nobody waits there any more: somebody answered, or too much time went by.")
    approval.answer, approval.answered_at = answer, work.now
    approval.answered_by = work.principal.person
    work.session.add(approval)
    work.session.flush()
    work.record(
        ApprovalGiven(
            approval=approval.id,
            visitor=approval.visitor,
            visit=approval.visit,
            site=approval.site,
            access_point=approval.access_point,
            given=answer is Answer.GIVEN,
            person=work.principal.person,
        )
    )
    _notice(work, approval)
    return approval


def _may_answer(work: Work, visit: Visit) -> bool:
    return visits.receives(work, visit) or work.principal.may(Right.VISITS_APPROVE, visit.site)


def _notice(work: Work, approval: EntryApproval) -> None:
    live.notice(work, WAITING, about=approval.id, site=approval.site)
    live.notice(work, "visits", about=approval.visit, site=approval.site)
    live.notice(work, "visitor", about=approval.visitor, site=approval.site)
