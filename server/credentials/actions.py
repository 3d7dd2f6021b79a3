"""What others ask about credentials: issue, issue again, revoke, show, and rotate the keys that sign them."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import select

from access_protocol import credential as credentials
from access_protocol.credential import HIGHEST_GENERATION, CredentialClass
from access_protocol.ids import CredentialId, SiteCode
from access_protocol.knowledge import ALL_GENERATIONS
from server.credentials import keys, models, rules
from server.credentials.models import Credential, Issue, IssuerKey
from server.credentials.rules import qr_png
from server.kernel import live
from server.kernel.errors import Conflict, NotFound
from server.kernel.events import Event
from server.kernel.ids import VisitId, VisitorId
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.places.models import Site
from server.visits import models as visits
from server.visits.models import Visit, Visitor

__all__ = [
    "CredentialIssued",
    "CredentialRevoked",
    "IssuerKeyRotated",
    "issue",
    "qr_png",
    "reissue",
    "revoke",
    "rotate_key",
    "show",
    "withdraw",
]


@dataclass(frozen=True, kw_only=True)
class CredentialIssued(Event):
    """A credential was signed; earlier ones of the same visitor no longer count."""

    visitor: VisitorId
    visit: VisitId
    site: SiteCode
    credential: CredentialId
    credential_class: CredentialClass
    generation: int
    replaces: bool


@dataclass(frozen=True, kw_only=True)
class CredentialRevoked(Event):
    """None of a visitor's credentials counts any longer."""

    visitor: VisitorId
    visit: VisitId
    site: SiteCode
    credential: CredentialId


@dataclass(frozen=True, kw_only=True)
class IssuerKeyRotated(Event):
    """A new key signs the site's credentials; the old one counts until its last credential expires."""

    site: SiteCode
    new_key: bytes
    old_key: bytes | None
    old_counts_until: datetime | None


def issue(work: Work, visitor: VisitorId) -> Issue:
    """Sign a static credential for a visitor's visit as it is now; an earlier one is revoked.

    For reactions: whoever may change the visit may have this follow from it. People ask `reissue`.
    """
    visit, guest = _visitor(work, visitor)
    held = _held(work, visit, guest)
    not_before, expires = rules.window(visit.starts_at, visit.ends_at)
    if held.generation >= HIGHEST_GENERATION:
        raise Conflict("This visitor's credential was issued too often; invite them anew.")
    key_row, key = keys.issuing_key(work, visit.site)
    replaces = held.generation > 0
    held.generation += 1
    held.lowest_valid = held.generation if replaces else 0
    held.last_expires = max(held.last_expires, expires)
    claims = credentials.Credential(
        id=CredentialId(bytes(held.id)),
        site=visit.site,
        not_before=not_before,
        expires=expires,
        credential_class=CredentialClass.STATIC,
        generation=held.generation,
        zones=visit.zone_numbers,
    )
    made = Issue(
        credential=held.id,
        generation=held.generation,
        credential_class=claims.credential_class,
        zones=[int(zone) for zone in claims.zones],
        not_before=not_before,
        expires=expires,
        issuer=key_row.public,
        message=credentials.issue(claims, key),
        issued_at=work.now,
    )
    work.session.add(held)
    work.session.flush()
    work.session.add(made)
    work.record(
        CredentialIssued(
            visitor=guest.id,
            visit=visit.id,
            site=visit.site,
            credential=claims.id,
            credential_class=claims.credential_class,
            generation=made.generation,
            replaces=replaces,
        )
    )
    live.notice(work, "visits", about=visit.id, site=visit.site)
    return made


def withdraw(work: Work, visitor: VisitorId) -> bool:
    """Revoke whatever a visitor holds; return whether there was anything. For reactions; see `revoke`."""
    held = models.of_visitor(work.session, visitor)
    if held is None or held.lowest_valid == ALL_GENERATIONS:
        return False
    held.lowest_valid = ALL_GENERATIONS
    work.session.add(held)
    work.record(
        CredentialRevoked(
            visitor=held.visitor, visit=held.visit, site=held.site, credential=held.id
        )
    )
    live.notice(work, "visits", about=held.visit, site=held.site)
    return True


def reissue(work: Work, visitor: VisitorId) -> Issue:
    """Issue a visitor's credential again, for whoever may manage credentials or hosts the visit."""
    visit, guest = _visitor(work, visitor)
    _require_manager(work, visit)
    if guest.removed_at is not None or visit.state != "confirmed":
        raise Conflict(
            "This visitor is not expected: the visit is not confirmed, or they were removed."
        )
    return issue(work, visitor)


def revoke(work: Work, visitor: VisitorId) -> None:
    """Revoke a visitor's credential, for whoever may manage credentials or hosts the visit."""
    visit, _ = _visitor(work, visitor)
    _require_manager(work, visit)
    if not withdraw(work, visitor):
        raise NotFound("This visitor holds no credential.")


def show(work: Work, visitor: VisitorId) -> Issue:
    """Return the visitor's present credential, for whoever may see the visit, or raise `NotFound`."""
    visit, _ = _visitor(work, visitor)
    if not (_hosts(work, visit) or _is(work, visitor)):
        require(work.principal, Right.VISITS_READ, visit.site)
    found = models.current_issue(work.session, visitor)
    if found is None:
        raise NotFound("This visitor holds no credential that counts.")
    return found


def rotate_key(work: Work, site: SiteCode) -> IssuerKey:
    """Let a new key sign from now on; the old one stays in the ring until its credentials expire."""
    require(work.principal, Right.KEYS_MANAGE, site)
    if work.session.get(Site, site) is None:
        raise NotFound("There is no such site.")
    known = models.issuer_keys(work.session, site)
    old = known[0] if known else None
    new = keys.make(work, site, old.number + 1 if old else 1)
    if old is not None and old.retired_at is None:
        keys.retire(work, old)
    work.record(
        IssuerKeyRotated(
            site=site,
            new_key=new.public,
            old_key=old.public if old else None,
            old_counts_until=old.not_after if old else None,
        )
    )
    return new


def _visitor(work: Work, visitor: VisitorId) -> tuple[Visit, Visitor]:
    found = visits.with_visitor(work.session, visitor)
    if found is None:
        raise NotFound("There is no such visitor.")
    return found


def _held(work: Work, visit: Visit, guest: Visitor) -> Credential:
    held = work.session.exec(
        select(Credential)
        .where(Credential.visitor == guest.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    return held or Credential(
        id=CredentialId(bytes(guest.credential)),
        visitor=guest.id,
        visit=visit.id,
        site=visit.site,
        last_expires=visit.ends_at,
    )


def _require_manager(work: Work, visit: Visit) -> None:
    if not _hosts(work, visit):
        require(work.principal, Right.CREDENTIALS_MANAGE, visit.site)


def _hosts(work: Work, visit: Visit) -> bool:
    own = work.principal.person is not None and work.principal.person == visit.host
    return own and work.principal.may(Right.VISITS_INVITE, visit.site)


def _is(work: Work, visitor: VisitorId) -> bool:
    return work.principal.kind == "visitor" and work.principal.id == visitor
