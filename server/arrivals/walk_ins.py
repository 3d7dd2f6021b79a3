"""Walk-ins: a stranger at a poster says who they are, and a host or guard lets them in or does not."""

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field
from sqlmodel import col, delete, func, select

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.arrivals.entry_rules import MOST_WAITING_AT_SITE, WAITING, WALK_IN_WAITS, Answer
from server.arrivals.models import Poster, WalkIn, walk_ins_for
from server.kernel import live
from server.kernel.errors import Conflict, NotFound, TooMany
from server.kernel.events import Event
from server.kernel.ids import PersonId, VisitId, VisitorId, WalkInId
from server.kernel.principal import Right, require
from server.kernel.text import EmailAddress, Line
from server.kernel.work import Work
from server.notifications import models as notices
from server.notifications.actions import NoticeKind
from server.people import models as people
from server.people.models import Person
from server.visits import actions as visits
from server.visits import models as visit_models
from server.visits.actions import (
    Company,
    Input,
    NewVisit,
    PersonIdText,
    Reason,
    RoomIdText,
    VisitorName,
    WalkInGuest,
)
from server.visits.models import Visit, Visitor

USUAL_HOURS = 2
KEPT = timedelta(days=30)
"""As long as what their host was told. Who was let in is a visitor, and kept as visitors are."""


class NewWalkIn(Input):
    """What a stranger at the door says of themselves."""

    name: VisitorName
    company: Company = ""
    email: EmailAddress | None = Field(
        default=None, description="Where the visit's link shall be mailed to as well."
    )
    whom: Annotated[Line, Field(min_length=1, max_length=200)] = Field(
        description="Whom they want to see: a name or a mail address. Nobody is listed to choose from."
    )
    purpose: Annotated[Line, Field(min_length=1, max_length=200)]
    language: Language


class WalkInApproval(Input):
    """With what a walk-in is let in; what is left out is as usual."""

    host: PersonIdText | None = Field(
        default=None, description="Left out: whom the walk-in named, otherwise yourself."
    )
    room: RoomIdText | None = None
    hours: int = Field(
        default=USUAL_HOURS, ge=1, le=12, description="How long the visit lasts from now."
    )


class WalkInRefusal(Input):
    """Why a walk-in is not let in; those at the desk see it, the walk-in does not."""

    reason: Reason = ""


@dataclass(frozen=True, kw_only=True)
class WalkInRegistered(Event):
    """A stranger registered at a poster; `host` is whom they named, where that is certain."""

    walk_in: WalkInId
    site: SiteCode
    host: PersonId | None


@dataclass(frozen=True, kw_only=True)
class WalkInDecided(Event):
    """A host or guard answered a walk-in; `visit` and `visitor` are those that an approval made."""

    walk_in: WalkInId
    site: SiteCode
    approved: bool
    visit: VisitId | None
    visitor: VisitorId | None


def register(work: Work, poster: Poster, new: NewWalkIn, phone_secret: str) -> WalkIn:
    """Note a stranger at a poster. The same phone asking again replaces what it asked before."""
    waiting = _waiting_at(poster.site, work)
    for earlier in work.session.exec(
        waiting.where(WalkIn.phone_hash == visit_models.phone_hash(phone_secret)).with_for_update()
    ).all():
        _answer(work, earlier, Answer.REFUSED)
        earlier.reason = "asked again"
    work.session.flush()
    count = select(func.count()).select_from(waiting.subquery())
    if work.session.exec(count).one() >= MOST_WAITING_AT_SITE:
        raise TooMany(
            "Many people wait here at the moment. Please try again in a few minutes.",
            timedelta(minutes=5),
        )
    host = _named(work, new.whom)
    walk_in = WalkIn(
        id=WalkInId(work.ids.new()),
        site=poster.site,
        poster=poster.id,
        phone_hash=visit_models.phone_hash(phone_secret),
        name=new.name,
        company=new.company,
        email=new.email or "",
        whom=new.whom,
        host=host,
        purpose=new.purpose,
        language=new.language,
        asked_at=work.now,
    )
    work.session.add(walk_in)
    work.session.flush()
    work.record(WalkInRegistered(walk_in=walk_in.id, site=walk_in.site, host=host))
    live.notice(work, WAITING, about=walk_in.id, site=walk_in.site)
    return walk_in


def of_phone(work: Work, phone_secret: str) -> WalkIn | None:
    """Return the newest walk-in that was registered from this phone."""
    if not phone_secret:
        return None
    mine = select(WalkIn).where(WalkIn.phone_hash == visit_models.phone_hash(phone_secret))
    return work.session.exec(mine.order_by(col(WalkIn.id).desc())).first()


def is_waiting(work: Work, walk_in: WalkIn) -> bool:
    """Tell whether somebody may still answer."""
    return walk_in.answer is Answer.WAITING and work.now < walk_in.asked_at + WALK_IN_WAITS


def list_waiting(work: Work, site: SiteCode | None = None) -> list[WalkIn]:
    """Return the walk-ins that the caller may answer, longest waiting first: guards all, hosts those who named them."""
    found = work.session.exec(_waiting_at(site, work).order_by(col(WalkIn.id))).all()
    return [each for each in found if _may_answer(work, each)]


def approve(work: Work, walk_in_id: WalkInId, wish: WalkInApproval) -> Visit:
    """Let a walk-in in: a real visit is made, from now on, with the zones that guests of the site may enter."""
    walk_in = _answerable(work, walk_in_id)
    # Their own phone is bound to it when it goes on; the mail, where they gave one, is for later.
    guest = WalkInGuest.model_construct(
        name=walk_in.name,
        email=walk_in.email,
        company=walk_in.company,
        language=Language(walk_in.language),
    )
    visit = visits.create(
        work,
        NewVisit(
            title=walk_in.purpose,
            starts_at=work.now,
            ends_at=work.now + timedelta(hours=wish.hours),
            site=walk_in.site,
            room=wish.room,
            # Who stands in for a silent host receives the visitor: they became the host by saying yes.
            host=wish.host
            or (work.principal.person if _stands_in(work, walk_in) else walk_in.host),
            language=Language(walk_in.language),
            visitors=[guest],
        ),
    )
    (visitor,) = visit_models.visitors_of(work.session, visit.id)
    walk_in.visitor = visitor.id
    _answer(work, walk_in, Answer.GIVEN)
    work.record(
        WalkInDecided(
            walk_in=walk_in.id,
            site=walk_in.site,
            approved=True,
            visit=visit.id,
            visitor=visitor.id,
        )
    )
    return visit


def refuse(work: Work, walk_in_id: WalkInId, wish: WalkInRefusal) -> WalkIn:
    """Do not let a walk-in in; their page says so kindly."""
    walk_in = _answerable(work, walk_in_id)
    walk_in.reason = wish.reason
    _answer(work, walk_in, Answer.REFUSED)
    work.record(
        WalkInDecided(
            walk_in=walk_in.id, site=walk_in.site, approved=False, visit=None, visitor=None
        )
    )
    return walk_in


def keep_on_phone(
    work: Work, walk_in: WalkIn, phone_secret: str, user_agent: str
) -> tuple[Visit, Visitor]:
    """Bind the phone that registered to the visit that an approval made."""
    guest = work.session.get(Visitor, walk_in.visitor) if walk_in.visitor else None
    if guest is None or walk_in.phone_hash != visit_models.phone_hash(phone_secret):
        raise NotFound("Nobody of that name is expected.")
    token = visits.link_of(work, guest).rpartition("/")[2]
    return visits.bind_phone(work, token, phone_secret, user_agent)


def forget_old(work: Work) -> None:
    """Delete walk-ins after a month, for they hold the names of strangers; a timer calls it."""
    old = col(WalkIn.asked_at) < work.now - KEPT
    work.session.connection().execute(delete(WalkIn).where(old))


def _waiting_at(site: SiteCode | None, work: Work):  # noqa: ANN202  its type is SQLModel's own and long
    statement = select(WalkIn).where(
        WalkIn.answer == Answer.WAITING, col(WalkIn.asked_at) > work.now - WALK_IN_WAITS
    )
    return statement if site is None else statement.where(WalkIn.site == site)


def _may_answer(work: Work, walk_in: WalkIn) -> bool:
    own = walk_in.host is not None and walk_in.host == work.principal.person
    invites = work.principal.may(Right.VISITS_INVITE, walk_in.site)
    return (invites and (own or _stands_in(work, walk_in))) or work.principal.may(
        Right.VISITS_APPROVE, walk_in.site
    )


def _stands_in(work: Work, walk_in: WalkIn) -> bool:
    """Tell whether the caller was told of it as the deputy of whom the stranger named."""
    person = work.principal.person
    deputy = people.deputy_of(work.session, walk_in.host) if walk_in.host else None
    if person is None or deputy is None or deputy.id != person:
        return False
    once = visits.once_about(NoticeKind.WALK_IN, walk_in.id)
    return notices.stood_in_once(work.session, person, once)


def _answerable(work: Work, walk_in_id: WalkInId) -> WalkIn:
    """Return a walk-in that waits for the caller's answer, locked until the end of the work."""
    walk_in = work.session.get(WalkIn, walk_in_id, with_for_update=True, populate_existing=True)
    if walk_in is None or (
        walk_in.host != work.principal.person and not _may_answer(work, walk_in)
    ):
        require(work.principal, Right.VISITS_INVITE)
        raise NotFound("There is no such walk-in, or it is not for you to answer.")
    if not _may_answer(work, walk_in):
        require(work.principal, Right.VISITS_INVITE, walk_in.site)
    if not is_waiting(work, walk_in):
        raise Conflict("This walk-in does not wait any more: somebody answered, or they left.")
    return walk_in


def _answer(work: Work, walk_in: WalkIn, answer: Answer) -> None:
    walk_in.answer, walk_in.answered_at = answer, work.now
    walk_in.answered_by = work.principal.person
    work.session.add(walk_in)
    work.session.flush()
    live.notice(work, WAITING, about=walk_in.id, site=walk_in.site)


def _named(work: Work, whom: str) -> PersonId | None:
    """Return whom the words name for certain: a mail address, or a name that only one of us has."""
    if "@" in whom:
        found = people.by_email(work.session, whom)
        return found.id if found is not None and found.active else None
    wanted = _plain(whom)
    every = work.session.exec(select(Person).where(col(Person.active).is_(True))).all()
    named = [each.id for each in every if _plain(each.name) == wanted]
    return named[0] if len(named) == 1 else None


def _plain(name: str) -> str:
    """Return a name without what people write one way or the other: case, width and blanks."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def hand_over(work: Work, person: PersonId, successor: PersonId) -> None:
    """Let a successor answer those who wait for a person who leaves. For reactions."""
    for found in walk_ins_for(work.session, person):
        found.host = successor
        work.session.add(found)
        live.notice(work, WAITING, about=found.id, site=found.site)
    work.session.flush()
