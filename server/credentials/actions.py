"""What others ask about credentials: issue, bind, refresh, issue again, revoke, show, and rotate the keys that sign."""

from access_protocol.credential import CredentialClass
from access_protocol.ids import SiteCode
from server.credentials import holder_keys, keys, models
from server.credentials.forgetting import about_visitor, forget_expired, forget_visitor
from server.credentials.holder_keys import HolderKeyInput, holder_key
from server.credentials.issuing import (
    CredentialIssued,
    CredentialRevoked,
    check_expected,
    end,
    held_by,
    hosts,
    is_visitor,
    require_manager,
    sign,
    visit_of,
)
from server.credentials.keys import IssuerKeyRotated
from server.credentials.models import Issue, IssuerKey, Standing
from server.credentials.phones import Refreshed, bind, refresh
from server.credentials.rules import qr_png, window
from server.credentials.staff import (
    CLOCKS_BEHIND,
    STAFF_PASS_LIFE,
    STAFF_PASSES,
    StaffAccessChanged,
    StaffPass,
    StaffPassUnblocked,
    allow,
    bind_staff,
    block,
    follow_site,
    passes,
    standing,
    unblock,
    withdraw_staff,
)
from server.credentials.vouchers import issue_voucher, revoke_voucher
from server.kernel import live
from server.kernel.errors import Forbidden, NotFound
from server.kernel.ids import VisitorId
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.places.models import Site

__all__ = [
    "CLOCKS_BEHIND",
    "STAFF_PASSES",
    "STAFF_PASS_LIFE",
    "CredentialIssued",
    "CredentialRevoked",
    "HolderKeyInput",
    "IssuerKeyRotated",
    "Refreshed",
    "StaffAccessChanged",
    "StaffPass",
    "StaffPassUnblocked",
    "about_visitor",
    "allow",
    "bind",
    "bind_staff",
    "block",
    "expect",
    "follow_site",
    "forget_expired",
    "forget_visitor",
    "holder_key",
    "issue",
    "issue_anew",
    "issue_voucher",
    "passes",
    "qr_png",
    "refresh",
    "reissue",
    "revoke",
    "revoke_voucher",
    "rotate_key",
    "show",
    "standing",
    "unblock",
    "window",
    "withdraw",
    "withdraw_staff",
]

_HARDER = [Standing.VALID, Standing.WITHDRAWN, Standing.REVOKED, Standing.BLOCKED]


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
