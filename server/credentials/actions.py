"""What others ask about credentials: issue, bind, refresh, issue again, revoke, show, and rotate the keys that sign."""

from dataclasses import dataclass

from access_protocol.credential import CredentialClass
from access_protocol.ids import CredentialId, SiteCode
from access_protocol.knowledge import ALL_GENERATIONS
from server.credentials import holder_keys, keys, models
from server.credentials.holder_keys import HolderKeyInput, holder_key
from server.credentials.issuing import (
    CredentialIssued,
    check_expected,
    held_by,
    hosts,
    is_visitor,
    require_manager,
    sign,
    visit_of,
)
from server.credentials.keys import IssuerKeyRotated
from server.credentials.models import Credential, CredentialKind, Issue, IssuerKey, Standing
from server.credentials.phones import Refreshed, bind, refresh
from server.credentials.rules import qr_png, window
from server.kernel import live
from server.kernel.errors import Forbidden, NotFound
from server.kernel.events import Event
from server.kernel.ids import PersonId, VisitId, VisitorId
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.places.models import Site

__all__ = [
    "CredentialIssued",
    "CredentialRevoked",
    "HolderKeyInput",
    "IssuerKeyRotated",
    "Refreshed",
    "bind",
    "expect",
    "holder_key",
    "issue",
    "issue_anew",
    "qr_png",
    "refresh",
    "reissue",
    "revoke",
    "rotate_key",
    "show",
    "window",
    "withdraw",
]

_HARDER = [Standing.VALID, Standing.WITHDRAWN, Standing.REVOKED, Standing.BLOCKED]


@dataclass(frozen=True, kw_only=True)
class CredentialRevoked(Event):
    """None of a holder's credentials counts any longer."""

    kind: CredentialKind
    visitor: VisitorId | None = None
    visit: VisitId | None = None
    person: PersonId | None = None
    site: SiteCode
    credential: CredentialId
    standing: Standing


def issue(work: Work, visitor: VisitorId) -> Issue:
    """Sign a static credential for a visitor's visit as it is now; earlier ones are revoked.

    For reactions: whoever may change the visit may have this follow from it. People ask `reissue`.
    """
    visit, guest = visit_of(work, visitor)
    return sign(work, visit, guest, held_by(work, visit, guest))


def expect(work: Work, visitor: VisitorId) -> Issue | None:
    """Issue to somebody invited, unless somebody took it back before: approving a visit again is no pardon."""
    held = models.of_visitor(work.session, visitor)
    if held is not None and held.standing in (Standing.REVOKED, Standing.BLOCKED):
        return None
    return issue(work, visitor)


def issue_anew(work: Work, visitor: VisitorId) -> None:
    """Issue again all that counts, as the visit is now: the static one, and one for the same phone."""
    bound = models.current_issue(work.session, visitor, CredentialClass.BOUND)
    issue(work, visitor)
    if bound is not None and bound.holder is not None:
        visit, guest = visit_of(work, visitor)
        holder = holder_keys.from_compressed(bound.holder)
        sign(work, visit, guest, held_by(work, visit, guest), holder=holder)


def withdraw(work: Work, visitor: VisitorId, standing: Standing = Standing.WITHDRAWN) -> bool:
    """Revoke whatever a visitor holds; return whether that changed anything. For reactions; see `revoke`."""
    held = models.of_visitor(work.session, visitor)
    if held is None or _HARDER.index(held.standing) >= _HARDER.index(standing):
        return False
    end(work, held, standing)
    live.notice(work, "visits", about=held.visit or "", site=held.site)
    live.notice(work, "visitor", about=visitor, site=held.site)
    return True


def end(work: Work, held: Credential, standing: Standing) -> None:
    """Let no issue of a credential count any longer, whoever holds it, and record that."""
    held.lowest_valid, held.standing = ALL_GENERATIONS, standing
    work.session.add(held)
    work.session.flush()
    work.record(
        CredentialRevoked(
            kind=held.kind,
            visitor=held.visitor,
            visit=held.visit,
            person=held.person,
            site=held.site,
            credential=CredentialId(bytes(held.id)),
            standing=standing,
        )
    )


def reissue(work: Work, visitor: VisitorId) -> Issue:
    """Issue a visitor's static credential again, for whoever may manage credentials or hosts the visit.

    It brings a static one back that gates refused because a phone was used. What security blocked only
    whoever may manage credentials gives back.
    """
    visit, guest = visit_of(work, visitor)
    require_manager(work, visit)
    check_expected(visit, guest)
    held = models.of_visitor(work.session, visitor)
    blocked = held is not None and held.standing is Standing.BLOCKED
    if blocked and not work.principal.may(Right.CREDENTIALS_MANAGE, visit.site):
        raise Forbidden("Security blocked this visitor's pass. Please ask security to lift it.")
    return issue(work, visitor)


def revoke(work: Work, visitor: VisitorId) -> None:
    """Revoke a visitor's credentials, for whoever may manage credentials or hosts the visit.

    By whoever may manage credentials it is a block, which a host cannot lift.
    """
    visit, _ = visit_of(work, visitor)
    require_manager(work, visit)
    guards = work.principal.may(Right.CREDENTIALS_MANAGE, visit.site)
    if not withdraw(work, visitor, Standing.BLOCKED if guards else Standing.REVOKED):
        raise NotFound("This visitor holds no credential.")


def show(
    work: Work, visitor: VisitorId, credential_class: CredentialClass = CredentialClass.STATIC
) -> Issue:
    """Return a visitor's present credential, for whoever may see the visit, or raise `NotFound`."""
    visit, _ = visit_of(work, visitor)
    if not (hosts(work, visit) or is_visitor(work, visitor)):
        require(work.principal, Right.VISITS_READ, visit.site)
    found = models.current_issue(work.session, visitor, credential_class)
    if found is None:
        raise NotFound(f"This visitor holds no {credential_class} credential that counts.")
    return found


def rotate_key(work: Work, site: SiteCode) -> IssuerKey:
    """Let a new key sign from now on; the old one stays in the ring until its credentials expire."""
    require(work.principal, Right.KEYS_MANAGE, site)
    if work.session.get(Site, site) is None:
        raise NotFound("There is no such site.")
    known = models.issuer_keys(work.session, site)
    old = known[0] if known else None
    if old is not None:
        # Whoever signs with it at this moment comes first, so that its end is known.
        work.session.refresh(old, with_for_update=True)
    new = keys.make(work, site, old.number + 1 if old else 1)
    if old is not None and old.retired_at is None:
        keys.retire(work, old)
    keys.tell(work, new, old)
    return new
