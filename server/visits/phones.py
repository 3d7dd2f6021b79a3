"""Which phone a visitor's link belongs to: the first that opens it, and another one by a code mailed to the visitor."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from hmac import compare_digest

from server.kernel import live, throttle
from server.kernel.errors import Conflict, Forbidden, NotFound, TooMany
from server.kernel.events import Event
from server.kernel.ids import VisitId, VisitorId
from server.kernel.sealing import CannotUnseal
from server.kernel.text import on_one_line
from server.kernel.upsert import insert_once
from server.kernel.work import Work
from server.visits import invitations, models, series_models
from server.visits.link_models import PhoneBinding, PhoneCode
from server.visits.models import Visit, Visitor

CODE_DIGITS = 6
CODE_LIFE = timedelta(minutes=10)
MOST_TRIES = 5
"""So often may one code be typed."""
CODES_PER_SPAN = 3
SPAN = timedelta(hours=1)
"""So many codes are mailed within this time: more help nobody, and fill somebody's mailbox."""
LONGEST_USER_AGENT = 200


@dataclass(frozen=True, kw_only=True)
class PhoneBound(Event):
    """A phone opened the visitor's link and keeps it; `again`: in place of another phone."""

    visitor: VisitorId
    visit: VisitId
    again: bool
    follows: bool = False
    """Whether it is another date of a series, which goes with the one that was opened."""


class OtherPhone(Forbidden):
    """The link is kept by another phone; whoever asks learns nothing but that."""

    title = "This invitation is open on another phone"


class NotOpened(Forbidden):
    """No phone keeps the link yet: its page has a button for that."""

    title = "Please open your invitation first"


class UnknownLink(NotFound):
    """No such link was ever given, or whoever it was given to shall not come any more."""

    title = "This link is not valid"


class ReplacedLink(NotFound):
    """The visitor got a newer link."""

    title = "There is a newer invitation"


class Keeper(StrEnum):
    """Whose a link is, as seen from the phone that asks."""

    NOBODY = "nobody"
    THIS_PHONE = "this phone"
    OTHER_PHONE = "other phone"


class Attempt(StrEnum):
    """What came of typing a code."""

    RIGHT = "right"
    WRONG = "wrong"
    EXPIRED = "expired"
    """Too old, typed wrongly too often, or never asked for."""


def opened_by(work: Work, token: str, secret: str) -> tuple[Visit, Visitor, Keeper]:
    """Return visit and visitor of a link, and whether this phone keeps it; raises for links that count no more."""
    visit, visitor = _found(work, token)
    binding = work.session.get(PhoneBinding, visitor.id)
    if binding is None:
        return visit, visitor, Keeper.NOBODY
    ours = bool(secret) and compare_digest(binding.phone_hash, models.phone_hash(secret))
    return visit, visitor, Keeper.THIS_PHONE if ours else Keeper.OTHER_PHONE


def at_phone(work: Work, token: str, secret: str) -> tuple[Visit, Visitor]:
    """Return visit and visitor of a link which this phone keeps, or raise `OtherPhone` or `NotOpened`."""
    visit, visitor, keeper = opened_by(work, token, secret)
    if keeper is Keeper.OTHER_PHONE:
        raise OtherPhone("Please use that phone, or have a code sent to your mail.")
    if keeper is Keeper.NOBODY:
        raise NotOpened("Press the button on the page of your invitation.")
    return visit, visitor


def bind_phone(work: Work, token: str, secret: str, user_agent: str) -> tuple[Visit, Visitor]:
    """Let this phone keep the link, if none does yet; the same phone again changes nothing."""
    _, visitor, keeper = opened_by(work, token, secret)
    if keeper is Keeper.NOBODY and _keep(work, visitor, secret, user_agent):
        _tell(work, visitor, again=False)
        for other in _other_dates(work, visitor):
            if _keep(work, other, secret, user_agent):
                work.record(
                    PhoneBound(visitor=other.id, visit=other.visit, again=False, follows=True)
                )
    return at_phone(work, token, secret)


def request_code(work: Work, token: str) -> None:
    """Mail a code to the visitor with which another phone may take the link over; raises `TooMany` after a few."""
    visit, visitor = _found(work, token)
    if not visitor.email:
        # A walk-in need not give an address; the phone in their hand was all there is.
        raise Conflict("There is no mail address for this visit. Please ask your host.")
    # A row to lock is there before it is read: an impatient thumb asks twice at once.
    insert_once(
        work.session,
        PhoneCode,
        visitor=visitor.id,
        sealed_code=b"",
        made_at=work.now,
        tries=0,
        span_began_at=work.now,
        sent_in_span=0,
    )
    known = work.session.get_one(
        PhoneCode, visitor.id, with_for_update=True, populate_existing=True
    )
    if work.now - known.span_began_at >= SPAN:
        known.span_began_at, known.sent_in_span = work.now, 0
    if known.sent_in_span >= CODES_PER_SPAN:
        wait = known.span_began_at + SPAN - work.now
        raise TooMany(
            "Several codes were sent already. Please look into your mail, or try again in an hour.",
            wait,
        )
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    known.sealed_code = work.sealer.seal(code.encode("ascii"), _purpose(visitor.id))
    known.made_at, known.tries = work.now, 0
    known.sent_in_span += 1
    work.session.add(known)
    work.session.flush()
    invitations.send_code(work, visit, visitor, code, CODE_LIFE)


def take_over(work: Work, token: str, code: str, secret: str, user_agent: str) -> Attempt:
    """Let this phone keep the link in place of the one before, if the code is the one mailed last.

    A wrong code is told by the answer and not by an error, for the attempt must be counted.
    """
    visitor = _found(work, token)[1]
    guessing = f"phone-code:{visitor.id}"
    throttle.check(work, guessing)
    known = work.session.get(PhoneCode, visitor.id, with_for_update=True)
    expected = _code(work, known)
    if known is None or expected is None:
        return Attempt.EXPIRED
    known.tries += 1
    if not compare_digest(expected, code.strip().encode("utf-8", "replace")):
        throttle.failed(work, guessing, free=CODES_PER_SPAN * MOST_TRIES)
        return Attempt.EXPIRED if known.tries >= MOST_TRIES else Attempt.WRONG
    known.sealed_code = b""
    again = _move(work, visitor, secret, user_agent)
    _tell(work, visitor, again=again)
    for other in _other_dates(work, visitor):
        if _move(work, other, secret, user_agent):
            work.record(PhoneBound(visitor=other.id, visit=other.visit, again=True, follows=True))
            live.notice(work, "visitor", about=other.id)
    return Attempt.RIGHT


def release(work: Work, visitor: Visitor) -> None:
    """Let the link be nobody's again: it was replaced, and the new one waits for its first phone."""
    for table in (PhoneBinding, PhoneCode):
        found = work.session.get(table, visitor.id)
        if found is not None:
            work.session.delete(found)
    work.session.flush()


def _other_dates(work: Work, visitor: Visitor) -> list[Visitor]:
    """Return the same guest at the other dates of a series: the one phone keeps them all."""
    visit = work.session.get_one(Visit, visitor.visit)
    return [other for _, other in series_models.other_dates(work.session, visit, visitor)]


def _keep(work: Work, visitor: Visitor, secret: str, user_agent: str) -> bool:
    return insert_once(
        work.session,
        PhoneBinding,
        visitor=visitor.id,
        phone_hash=models.phone_hash(secret),
        user_agent=_of_browser(user_agent),
        bound_at=work.now,
        moves=0,
    )


def _move(work: Work, visitor: Visitor, secret: str, user_agent: str) -> bool:
    """Let the phone keep a link; return whether another phone kept it until now."""
    binding = work.session.get(PhoneBinding, visitor.id, with_for_update=True)
    again = binding is not None and binding.phone_hash != models.phone_hash(secret)
    if binding is None:
        binding = PhoneBinding(visitor=visitor.id, phone_hash="", bound_at=work.now)
        work.session.add(binding)
    binding.phone_hash = models.phone_hash(secret)
    binding.user_agent, binding.bound_at = _of_browser(user_agent), work.now
    binding.moves += again
    work.session.flush()
    return again


def _tell(work: Work, visitor: Visitor, *, again: bool) -> None:
    visit = work.session.get_one(Visit, visitor.visit)
    work.record(PhoneBound(visitor=visitor.id, visit=visit.id, again=again))
    live.notice(work, "visits", about=visit.id, site=visit.site)
    # What the phone before still shows must go.
    live.notice(work, "visitor", about=visitor.id, site=visit.site)


def _found(work: Work, token: str) -> tuple[Visit, Visitor]:
    found = models.by_link(work.session, token)
    # Asked whether it is needed or not: the answer takes as long for every link.
    replaced = models.is_retired(work.session, token)
    if found is None and replaced:
        raise ReplacedLink("Please open the link in your latest invitation.")
    if found is None:
        raise UnknownLink("Please open the link in your latest invitation, or ask your host.")
    return found


def _code(work: Work, known: PhoneCode | None) -> bytes | None:
    """Return the code that counts, or None where none does."""
    if known is None or not known.sealed_code or known.tries >= MOST_TRIES:
        return None
    if work.now - known.made_at >= CODE_LIFE:
        return None
    try:
        return work.sealer.unseal(known.sealed_code, _purpose(known.visitor))
    except CannotUnseal:
        # The master key changed within these ten minutes.
        return None


def _of_browser(user_agent: str) -> str:
    return on_one_line(user_agent)[:LONGEST_USER_AGENT]


def _purpose(visitor: VisitorId) -> str:
    return f"phone-code:{visitor}"
