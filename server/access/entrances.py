"""A visitor who scanned the poster at a door or machine: decided by the same rules, journaled, done as for an operator.

Whoever calls has made sure that it is this visitor's own page on their own phone, and what else than the phone's
key the visitor showed (`shown`); the rules look at the presentation for the key themselves.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlmodel import col, select

from access_protocol import rules
from access_protocol.codec import EventIdText
from access_protocol.credential import (
    CredentialClass,
    MalformedCredentialError,
    read,
    verify_issuer,
)
from access_protocol.decision import AccessDecision
from access_protocol.events import ControllerEventKind
from access_protocol.ids import AccessPointId, CredentialId, SiteCode
from access_protocol.presence import Presence
from access_protocol.rules import PosterScanned
from access_protocol.signed import BadSignatureError, UnknownKeyError
from server.access import knowledge, ledger
from server.access.deciding import SiteHistory, SiteKnowledge
from server.access.doors import Asker, carry_out, up_to_date
from server.access.models import CommandState, DoorCommand
from server.credentials import models as credentials
from server.credentials.models import Credential
from server.devices.models import DoorEvent
from server.kernel.errors import Conflict, Forbidden, NotFound
from server.kernel.ids import VisitorId
from server.kernel.principal import Kind, Right, require
from server.kernel.work import Work
from server.places.models import AccessPoint

SAME_WITHIN = timedelta(seconds=10)
"""What comes again within this time is the same tap, as what is held before a reader is the same presentation."""
_UNDER_WAY = frozenset({CommandState.WAITING, CommandState.DONE})
_NOBODY = CredentialId(b"")
"""The bearer where a visitor holds nothing: no credential has this id."""


def open_by_poster(
    work: Work,
    site: SiteCode,
    access_point: AccessPointId,
    visitor: VisitorId,
    texts: Iterable[str],
    shown: frozenset[Presence],
) -> DoorCommand:
    """Decide about a visitor at a poster, journal it, and let the worker send the command within five seconds.

    `texts` are what the visitor's phone presents, or what `credentials.refresh` made for a phone without a key.
    A refusal is journaled too and comes back as a command in state DENIED: raising would undo its journal.
    The same tap again within ten seconds gets the same command. Raises `NotFound` for an access point that is
    not there, `Conflict` where it has no controller, `Forbidden` for anybody but this visitor and the server.
    """
    _check_is(work, visitor)
    point = _scanned(work, site, access_point)
    held = credentials.of_visitor(work.session, visitor)
    asker = Asker(visitor=visitor, shown=_told(shown))
    return _opened(work, point, asker, PosterScanned(tuple(texts), _id(held), shown, point.ways))


def open_by_poster_for_staff(
    work: Work,
    site: SiteCode,
    access_point: AccessPointId,
    texts: Iterable[str],
    shown: frozenset[Presence],
) -> DoorCommand:
    """Decide about a person of the house at a poster, by what their phone's own pass presents.

    Everything else is as `open_by_poster` does it for a visitor.
    """
    person = work.principal.person
    if work.principal.kind is not Kind.PERSON or person is None:
        raise Forbidden("Sign in on the phone that carries your pass.")
    point = _scanned(work, site, access_point)
    held = credentials.of_person(work.session, person, site)
    asker = Asker(person=person, shown=_told(shown))
    return _opened(work, point, asker, PosterScanned(tuple(texts), _id(held), shown, point.ways))


def _opened(work: Work, point: AccessPoint, asker: Asker, request: PosterScanned) -> DoorCommand:
    decision = _decided(work, point, request)
    return _same_tap(work, point, asker, decision) or carry_out(work, point, decision, asker)


def _id(held: Credential | None) -> CredentialId:
    return _NOBODY if held is None else CredentialId(bytes(held.id))


def dispense_by_poster(
    work: Work,
    site: SiteCode,
    access_point: AccessPointId,
    visitor: VisitorId,
    text: str,
    shown: frozenset[Presence] = frozenset(),
) -> DoorCommand:
    """Decide about a drink at a machine whose poster a visitor scanned, journal it, and let the worker order it.

    `text` is a voucher that was made for this visitor just now and that nobody saw (`credentials.issue_voucher`);
    one that their phone showed must be revoked before, or two could take it. What comes of it is told as
    `OutcomesReported` with the voucher's id: dispensed, not_dispensed, refused or no_answer; nothing at all where
    the machine fell silent. A refusal comes back as a command in state DENIED. Raises as `open_by_poster` does,
    and `Conflict` where the access point is no machine's.
    """
    _check_is(work, visitor)
    point = _scanned(work, site, access_point)
    if not point.gives_out:
        raise Conflict("This is no vending machine.")
    bearer = _voucher_in(work, site, text)
    decision = _decided(work, point, PosterScanned((text,), bearer, shown, point.ways))
    return carry_out(work, point, decision, Asker(visitor=visitor, shown=_told(shown)))


def _check_is(work: Work, visitor: VisitorId) -> None:
    if work.principal.kind is not Kind.SYSTEM and not _is(work, visitor):
        raise Forbidden("This is another visitor's page.")


def _scanned(work: Work, site: SiteCode, access_point: AccessPointId) -> AccessPoint:
    """Return the access point whose poster was scanned, with the site's own journal locked."""
    point = work.session.get(AccessPoint, (site, access_point))
    if point is None:
        raise NotFound("There is no such entrance.")
    if point.controller is None:
        raise Conflict("This entrance cannot be opened from here yet. Please call your host.")
    # Of two phones at once the second one is decided on after all that the first one left.
    ledger.lock_own(work, site)
    return point


def _decided(work: Work, point: AccessPoint, request: PosterScanned) -> AccessDecision:
    policy = knowledge.policy_of(work, point.site, [point])
    return rules.decide(
        request,
        policy.access_points[point.id],
        SiteKnowledge(work, point.site, policy),
        SiteHistory(work, point.site),
        up_to_date(work),
    )


def _voucher_in(work: Work, site: SiteCode, text: str) -> CredentialId:
    """Return the id of a voucher that our issuer signed; nobody's where it is none: the rules say why not."""
    ring = credentials.key_ring(work.session, site, work.now)
    try:
        return verify_issuer(read(text), lambda hint: ring.with_hint(hint, work.now)).id
    except (MalformedCredentialError, UnknownKeyError, BadSignatureError):
        return _NOBODY


def _told(shown: frozenset[Presence]) -> list[str]:
    return sorted(str(each) for each in shown - {Presence.KEY})


def find(work: Work, event: EventIdText) -> DoorCommand:
    """Return what was asked at a poster, for who asked and for whoever may read the ledger, or raise `NotFound`.

    Its state is not the door's: see `reported`.
    """
    found = work.session.get(DoorCommand, event)
    if found is None or (found.visitor is None and found.reason):
        raise NotFound("There is no such command.")
    own = (
        found.visitor is None and found.person is not None and found.person == work.principal.person
    )
    if not own and not (found.visitor is not None and _is(work, found.visitor)):
        require(work.principal, Right.ACCESS_READ, found.site)
    return found


def reported(work: Work, command: DoorCommand) -> frozenset[ControllerEventKind]:
    """Return what the controller said of a command: only its `unlocked`, `opened` or `passed` means open."""
    said = select(DoorEvent.what).where(
        DoorEvent.device == command.controller, DoorEvent.event == command.event
    )
    return frozenset(ControllerEventKind(what) for what in work.session.exec(said).all())


def _is(work: Work, visitor: VisitorId) -> bool:
    return work.principal.kind is Kind.VISITOR and work.principal.id == visitor


def _same_tap(
    work: Work, point: AccessPoint, asker: Asker, decision: AccessDecision
) -> DoorCommand | None:
    """Return the command that this asker's same presentation got here a moment ago."""
    if decision.credential_id is None:
        return None
    recent = (
        select(DoorCommand)
        .where(
            DoorCommand.credential == decision.credential_id,
            DoorCommand.site == point.site,
            DoorCommand.access_point == point.id,
            DoorCommand.visitor == asker.visitor,
            DoorCommand.person == asker.person,
            col(DoorCommand.asked_at) > work.now - SAME_WITHIN,
        )
        .order_by(col(DoorCommand.asked_at).desc(), col(DoorCommand.event))
    )
    same = (each for each in work.session.exec(recent) if _is_same(each, decision, asker.shown))
    return next(same, None)


def _is_same(before: DoorCommand, decision: AccessDecision, shown: Sequence[str]) -> bool:
    if before.credential_class is not decision.credential_class:
        return False
    if decision.credential_class is CredentialClass.BOUND:
        # Each time is signed once by the phone: what showed more since needs a fresh one.
        if before.presented_at is None or before.presented_at != decision.presented_at:
            return False
        return before.denied is None or before.shown == list(shown)
    # A text that the server made says nothing of the tap: only what is under way is the same.
    if before.denied is None:
        return before.state in _UNDER_WAY
    return before.denied is decision.reason and before.shown == list(shown)
