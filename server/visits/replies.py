"""What a visitor answers to an invitation, declines, asks for or brings, and what the host says to it."""

from access_protocol.wording import Language
from server.kernel.errors import Conflict, Invalid, NotFound
from server.kernel.ids import CompanionId, VisitId, VisitorId, WishId
from server.kernel.work import Work
from server.visits import guests, lookup, models
from server.visits.events import (
    ChangeWished,
    CompanionAnswered,
    CompanionNamed,
    NeedsNoted,
    VisitorAskedAgain,
    VisitorDeclined,
    WishAnswered,
)
from server.visits.models import Companion, Visit, Visitor, Wish
from server.visits.rules import (
    OPEN,
    Answer,
    NeedsInput,
    NewCompanion,
    NewVisitor,
    NewWish,
    check_times,
)

MOST_WISHES = 10
"""So often may one visitor ask; who has more to say calls."""
_CLOSED = frozenset({Answer.REFUSED, Answer.REPLACED})


def decline_invitation(work: Work, visit_id: VisitId, visitor_id: VisitorId) -> Visitor:
    """Say that one will not come; the pass ends, and the host is told. Twice is the same as once."""
    visit, visitor = _own(work, visit_id, visitor_id)
    if visitor.declined_at is None:
        visitor.declined_at = work.now
        work.session.flush()
        work.record(VisitorDeclined(visitor=visitor.id, visit=visit.id))
        _tell(work, visit, visitor)
    return visitor


def expect_again(work: Work, visit_id: VisitId, visitor_id: VisitorId) -> Visitor:
    """Expect somebody after all who had declined, for the host: they are invited anew."""
    visit = lookup.changeable(work, visit_id)
    visitor = work.session.get(Visitor, visitor_id)
    if visitor is None or visitor.visit != visit.id or visitor.removed_at is not None:
        raise NotFound("There is no such visitor in this visit.")
    if visitor.declined_at is None:
        raise Conflict("This visitor is expected already.")
    visitor.declined_at = None
    # Newer than the cancellation that calendars got when they declined.
    visit.sequence += 2
    work.record(VisitorAskedAgain(visitor=visitor.id, visit=visit.id))
    guests.invite(work, visit, [visitor])
    _tell(work, visit, visitor)
    return visitor


def wish(work: Work, visit_id: VisitId, visitor_id: VisitorId, new: NewWish) -> Wish:
    """Ask the host for another time or for something else; what waited for an answer is replaced."""
    visit, visitor = _own(work, visit_id, visitor_id)
    if new.starts_at and new.ends_at:
        wrong = check_times(new.starts_at, new.ends_at, work.now)
        if wrong:
            raise Invalid(wrong)
    before = [
        each for each in models.wishes_of(work.session, visit.id) if each.visitor == visitor.id
    ]
    if len(before) >= MOST_WISHES:
        raise Conflict("You asked many times already. Please call or write to your host.")
    for each in before:
        if each.state is Answer.WAITING:
            each.state = Answer.REPLACED
    made = Wish(
        id=WishId(work.ids.new()),
        visit=visit.id,
        visitor=visitor.id,
        message=new.message,
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        made_at=work.now,
    )
    work.session.add(made)
    work.session.flush()
    work.record(ChangeWished(visitor=visitor.id, visit=visit.id, wish=made.id))
    _tell(work, visit, visitor)
    return made


def answer_wish(work: Work, visit_id: VisitId, wish_id: WishId, *, accept: bool) -> Wish:
    """Answer what a visitor asked for, for the host; whoever accepts another time then changes the visit to it."""
    visit = lookup.changeable(work, visit_id)
    found = work.session.get(Wish, wish_id, with_for_update=True)
    if found is None or found.visit != visit.id:
        raise NotFound("Nobody asked for this.")
    if found.state is not Answer.WAITING:
        raise Conflict("This was answered already, or the visitor asks for something else now.")
    found.state = Answer.ACCEPTED if accept else Answer.REFUSED
    found.decided_at, found.decided_by = work.now, work.principal.person
    work.session.flush()
    work.record(WishAnswered(visitor=found.visitor, visit=visit.id, wish=found.id, accepted=accept))
    _tell(work, visit, work.session.get_one(Visitor, found.visitor))
    return found


def bring(work: Work, visit_id: VisitId, visitor_id: VisitorId, new: NewCompanion) -> Companion:
    """Bring somebody: they are invited at once, or once the host has said yes, as the site wants it."""
    visit, visitor = _own(work, visit_id, visitor_id)
    settings = models.welcome_of(work.session, visit.site)
    named = [
        each for each in models.companions_of(work.session, visit.id) if each.state not in _CLOSED
    ]
    if len(named) >= settings.most_companions:
        raise Conflict("Nobody else can be brought to this visit. Please ask your host.")
    _check_new(work, visit, named, new.email)
    made = Companion(
        id=CompanionId(work.ids.new()),
        visit=visit.id,
        brought_by=visitor.id,
        name=new.name,
        email=new.email,
        company=new.company,
        asked_at=work.now,
    )
    work.session.add(made)
    work.session.flush()
    waits = settings.companions_need_host
    work.record(CompanionNamed(visitor=visitor.id, visit=visit.id, companion=made.id, waits=waits))
    if not waits:
        _invite(work, visit, made)
    _tell(work, visit, visitor)
    return made


def answer_companion(
    work: Work, visit_id: VisitId, companion_id: CompanionId, *, accept: bool
) -> Companion:
    """Say whether somebody may be brought, for the host."""
    visit = lookup.changeable(work, visit_id)
    found = work.session.get(Companion, companion_id, with_for_update=True)
    if found is None or found.visit != visit.id:
        raise NotFound("Nobody asked for this.")
    if found.state is not Answer.WAITING:
        raise Conflict("This was answered already.")
    found.decided_at, found.decided_by = work.now, work.principal.person
    if accept:
        _check_new(work, visit, [], found.email)
        _invite(work, visit, found)
    else:
        found.state = Answer.REFUSED
    work.session.flush()
    work.record(
        CompanionAnswered(
            visitor=found.brought_by, visit=visit.id, companion=found.id, accepted=accept
        )
    )
    _tell(work, visit, work.session.get_one(Visitor, found.brought_by))
    return found


def note_needs(work: Work, visit_id: VisitId, visitor_id: VisitorId, given: NeedsInput) -> Visitor:
    """Note what a visitor needs to get about, for the eyes of host and security."""
    visit, visitor = _own(work, visit_id, visitor_id)
    visitor.step_free = given.step_free
    visitor.sealed_needs = guests.seal_needs(work, visitor.id, given.needs)
    work.session.flush()
    work.record(NeedsNoted(visitor=visitor.id, visit=visit.id))
    _tell(work, visit, visitor)
    return visitor


def _own(work: Work, visit_id: VisitId, visitor_id: VisitorId) -> tuple[Visit, Visitor]:
    """Return the caller's own visit while something can still be said to it, locked until the work ends."""
    if work.principal.kind != "visitor" or work.principal.id != visitor_id:
        raise NotFound("There is no such invitation.")
    visit = work.session.get_one(Visit, visit_id, with_for_update=True, populate_existing=True)
    visitor = work.session.get_one(Visitor, visitor_id, populate_existing=True)
    if visit.state not in OPEN:
        raise Conflict("This visit will not take place.")
    if visit.ends_at <= work.now:
        raise Conflict("This visit is over.")
    return visit, visitor


def _check_new(work: Work, visit: Visit, named: list[Companion], email: str) -> None:
    known = [each.email for each in models.visitors_of(work.session, visit.id)]
    known += [each.email for each in named]
    if email.lower() in {each.lower() for each in known}:
        raise Invalid([("email", "is invited to this visit already")])


def _invite(work: Work, visit: Visit, companion: Companion) -> None:
    everybody = list(models.visitors_of(work.session, visit.id))
    bringing = work.session.get_one(Visitor, companion.brought_by)
    new = NewVisitor(
        name=companion.name,
        email=companion.email,
        company=companion.company,
        language=Language(bringing.language),
    )
    guests.check([*everybody, new])
    # As where a host adds somebody: who approves visits approves this one again.
    lookup.hold(work, visit, everybody)
    guest = guests.add(work, visit, new)
    work.session.flush()
    companion.state, companion.visitor = Answer.ACCEPTED, guest.id
    guests.invite(work, visit, [guest])


def _tell(work: Work, visit: Visit, visitor: Visitor) -> None:
    lookup.notice(work, visit)
    guests.tell_page(work, visit, visitor)
