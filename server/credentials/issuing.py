"""How a credential is signed: whose it is, what it says, and which earlier ones then no longer count."""

from dataclasses import dataclass

from sqlmodel import select

from access_protocol import credential as credentials
from access_protocol.credential import HIGHEST_GENERATION, CredentialClass
from access_protocol.ids import CredentialId, SiteCode
from access_protocol.keys import HolderKey
from server.credentials import holder_keys, keys, rules
from server.credentials.models import Credential, Issue, Standing
from server.kernel import live
from server.kernel.errors import Conflict, NotFound
from server.kernel.events import Event
from server.kernel.ids import VisitId, VisitorId
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.visits import models as visits
from server.visits.models import Visit, Visitor, VisitState


@dataclass(frozen=True, kw_only=True)
class CredentialIssued(Event):
    """A credential was signed; `replaces`: earlier ones of the same visitor no longer count."""

    visitor: VisitorId
    visit: VisitId
    site: SiteCode
    credential: CredentialId
    credential_class: CredentialClass
    generation: int
    replaces: bool


def visit_of(work: Work, visitor: VisitorId) -> tuple[Visit, Visitor]:
    """Return a visitor and their visit, or raise `NotFound`."""
    found = visits.with_visitor(work.session, visitor)
    if found is None:
        raise NotFound("There is no such visitor.")
    return found


def held_by(work: Work, visit: Visit, guest: Visitor) -> Credential:
    """Return what a visitor holds, locked until this work ends; one who holds nothing yet begins to."""
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


def check_expected(visit: Visit, guest: Visitor) -> None:
    """Raise `Conflict` unless the visit stands and the visitor is still invited to it."""
    if guest.removed_at is not None or visit.state is not VisitState.CONFIRMED:
        raise Conflict(
            "This visitor is not expected: the visit is not confirmed, or they were removed."
        )


def sign(
    work: Work, visit: Visit, guest: Visitor, held: Credential, *, holder: HolderKey | None = None
) -> Issue:
    """Sign the next generation: static, or bound to a phone's key; return it as it is kept.

    A static one ends all before it. The first bound one leaves the static one be (gates refuse that once the
    phone was used); a later one ends all before it, for then another phone has taken over.
    """
    if held.generation >= HIGHEST_GENERATION:
        raise Conflict("This visitor's credential was issued too often; invite them anew.")
    before = _bound(work, held)
    replaces = held.generation > 0 if holder is None else before is not None
    not_before, expires = rules.window(visit.starts_at, visit.ends_at)
    key_row, key = keys.kept_key(work, visit.site)
    held.generation += 1
    if replaces:
        held.lowest_valid = held.generation
    held.last_expires = max(held.last_expires, expires)
    held.standing = Standing.VALID
    claims = credentials.Credential(
        id=CredentialId(bytes(held.id)),
        site=visit.site,
        not_before=not_before,
        expires=expires,
        credential_class=CredentialClass.STATIC if holder is None else CredentialClass.BOUND,
        generation=held.generation,
        zones=visit.zone_numbers,
        holder=holder,
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
        holder=None if holder is None else holder_keys.compressed(holder),
        issued_at=work.now,
    )
    work.session.add(held)
    work.session.flush()
    work.session.add(made)
    work.session.flush()
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
    live.notice(work, "visitor", about=guest.id, site=visit.site)
    return made


def _bound(work: Work, held: Credential) -> Issue | None:
    """Return the bound credential that counts, where there is one."""
    return work.session.exec(
        select(Issue).where(
            Issue.credential == held.id,
            Issue.credential_class == CredentialClass.BOUND,
            Issue.generation >= held.lowest_valid,
        )
    ).first()


def require_manager(work: Work, visit: Visit) -> None:
    """Let pass the visit's host, and whoever may manage credentials."""
    if not hosts(work, visit):
        require(work.principal, Right.CREDENTIALS_MANAGE, visit.site)


def hosts(work: Work, visit: Visit) -> bool:
    """Tell whether the caller hosts the visit."""
    own = work.principal.person is not None and work.principal.person == visit.host
    return own and work.principal.may(Right.VISITS_INVITE, visit.site)


def is_visitor(work: Work, visitor: VisitorId) -> bool:
    """Tell whether the caller is the visitor, by their link."""
    return work.principal.kind == "visitor" and work.principal.id == visitor
