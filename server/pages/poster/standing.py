"""Who stands before a poster: which of the visits that this phone keeps is meant, and whether its time is now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from flask import session

from access_protocol.credential import CredentialClass
from access_protocol.presence import Presence, Ways
from server.arrivals import actions as arrivals
from server.arrivals.models import Poster
from server.credentials import models as credentials
from server.credentials.actions import window
from server.kernel.principal import Principal
from server.kernel.request import caller
from server.kernel.work import Work
from server.places.models import AccessPoint
from server.visits import actions as visits
from server.visits import models as visit_models
from server.visits.models import Visit, Visitor, VisitState
from server.web import phone

_SCANNED = "entrance_code"
"""Where the browser's signed cookie keeps which poster's changing code was scanned, on which phone, and when."""


class Standing(StrEnum):
    """How a visit stands for somebody at the door."""

    READY = "ready"
    AGREE = "agree"
    EARLY = "early"
    PENDING = "pending"
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    OVER = "over"
    ELSEWHERE = "elsewhere"


_BEST_FIRST = list(Standing)


@dataclass(frozen=True)
class Guest:
    """One visit on this phone, as it stands at this poster."""

    visit: Visit
    visitor: Visitor
    standing: Standing
    opens_at: datetime

    @property
    def can_enter(self) -> bool:
        """Whether the door may be asked for."""
        return self.standing is Standing.READY


@dataclass(frozen=True)
class Steps:
    """What of the ways of an access point is shown already, and what is left to the visitor."""

    ways: Ways
    has_key: bool
    code_scanned: bool
    approval: str
    """none, asked, given or refused."""

    @property
    def wants_code(self) -> bool:
        """Whether digits would help."""
        return not self.code_scanned and any(Presence.CODE in way for way in self._own)

    @property
    def wants_position(self) -> bool:
        """Whether the phone's position would help."""
        return any(Presence.POSITION in way for way in self._own)

    @property
    def wants_key(self) -> bool:
        """Whether the pass must be set up first, for no way without it is left to the visitor alone."""
        return bool(self._own) and not self.has_key and all(Presence.KEY in w for w in self._own)

    @property
    def may_ask(self) -> bool:
        """Whether somebody may be asked to approve."""
        return any(Presence.APPROVAL in way for way in self.ways) and self.approval != "given"

    @property
    def can_open(self) -> bool:
        """Whether the button makes sense: a way is left which the visitor can go now."""
        return self.approval == "given" or (bool(self._own) and not self.wants_key)

    @property
    def _own(self) -> list[frozenset[Presence]]:
        return [way for way in self.ways if Presence.APPROVAL not in way]


def guests(work: Work, poster: Poster) -> list[Guest]:
    """Return the visits of this phone that matter here, those that can go on first."""
    found = [
        _guest(work, poster, visit, visitor)
        for visit, visitor in visit_models.by_phone(work.session, phone.secret())
    ]
    day = timedelta(days=1)
    near = [
        each
        for each in found
        if each.visit.ends_at > work.now - day and each.visit.starts_at < work.now + 30 * day
    ]
    return sorted(near, key=lambda each: (_BEST_FIRST.index(each.standing), each.opens_at))


def become(work: Work, guest: Guest) -> None:
    """Let the work go on as this visitor, whom the phone's secret proved."""
    work.principal = Principal.for_visitor(guest.visitor.id)


def steps(work: Work, guest: Guest, poster: Poster) -> Steps:
    """Return what is asked for at the poster's access point, and what of it is there."""
    point = work.session.get_one(AccessPoint, (poster.site, poster.access_point))
    bound = credentials.current_issue(work.session, guest.visitor.id, CredentialClass.BOUND)
    approval = arrivals.latest_approval(work, guest.visitor.id, point.id)
    asked = "none"
    if approval is not None and arrivals.approval_counts(work, approval):
        asked = "given"
    elif approval is not None and arrivals.approval_waits(work, approval):
        asked = "asked"
    elif approval is not None and approval.answer is arrivals.EntryAnswer.REFUSED:
        asked = "refused"
    return Steps(point.ways, bound is not None, code_scanned(work, poster), asked)


def note_code(work: Work, poster: Poster) -> None:
    """Remember in this browser that the changing code of the poster's entrance was scanned just now.

    For this poster and this phone only: the cookie is signed but could be copied, to another phone or to a browser at
    home, and the code of one entrance says nothing of another. A phone that keeps no visit has nothing to open.
    """
    if phone.secret() or caller().principal.person:
        session[_SCANNED] = [poster.code, _phone(), int(work.now.timestamp())]


def code_scanned(work: Work, poster: Poster) -> bool:
    """Tell whether this browser scanned the changing code here a moment ago."""
    match session.get(_SCANNED):
        case [str(code), str(whose), int(at)] if (code, whose) == (poster.code, _phone()):
            age = int(work.now.timestamp()) - at
            return 0 <= age < arrivals.CODE_REMEMBERED.total_seconds()
        case _:
            return False


def forget_code() -> None:
    """Let what was scanned count once."""
    session.pop(_SCANNED, None)


def _phone() -> str:
    return visit_models.phone_hash(phone.secret() or caller().principal.person or "")


def _guest(work: Work, poster: Poster, visit: Visit, visitor: Visitor) -> Guest:
    begins, ends = window(visit.starts_at, visit.ends_at)
    return Guest(
        visit, visitor, _standing(work, poster, visit, visitor), begins if work.now < ends else ends
    )


def _standing(work: Work, poster: Poster, visit: Visit, visitor: Visitor) -> Standing:  # noqa: PLR0911  one line each
    begins, ends = window(visit.starts_at, visit.ends_at)
    if visit.state in (VisitState.CANCELLED, VisitState.DECLINED) or visitor.removed_at is not None:
        return Standing.CANCELLED
    if visitor.declined_at is not None:
        return Standing.DECLINED
    if work.now >= ends:
        return Standing.OVER
    if visit.site != poster.site:
        return Standing.ELSEWHERE
    if visit.state is VisitState.PENDING:
        return Standing.PENDING
    if credentials.current_issue(work.session, visitor.id, None) is None:
        return Standing.WITHDRAWN
    if work.now < begins:
        return Standing.EARLY
    if visits.outstanding(work, visit, visitor.id):
        return Standing.AGREE
    return Standing.READY
