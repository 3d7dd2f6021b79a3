"""How a credential is signed: whose it is, what it says, and which earlier ones then no longer count."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import select

from access_protocol import credential as credentials
from access_protocol.credential import HIGHEST_GENERATION, CredentialClass
from access_protocol.ids import CredentialId, SiteCode, ZoneNumber
from access_protocol.keys import HolderKey
from access_protocol.knowledge import ALL_GENERATIONS
from server.credentials import holder_keys, keys, rules
from server.credentials.models import Credential, CredentialKind, Issue, Standing
from server.kernel import live
from server.kernel.errors import Conflict, NotFound
from server.kernel.events import Event
from server.kernel.ids import PersonId, VisitId, VisitorId
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.visits import models as visits
from server.visits.models import Visit, Visitor, VisitState


@dataclass(frozen=True, kw_only=True)
class CredentialIssued(Event):
    """A credential was signed; `replaces`: earlier ones of the same holder no longer count."""

    kind: CredentialKind
    visitor: VisitorId | None = None
    """Set, with the visit, exactly for what a visitor holds."""
    visit: VisitId | None = None
    person: PersonId | None = None
    """Set exactly for what a person of the house holds."""
    site: SiteCode
    credential: CredentialId
    credential_class: CredentialClass
    generation: int
    replaces: bool


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
        kind=CredentialKind.VISIT,
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


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the next issue of a credential says: its class, how long it counts, and what it opens."""

    credential_class: CredentialClass
    not_before: datetime
    expires: datetime
    zones: tuple[ZoneNumber, ...] = ()
    holder: HolderKey | None = None


def sign(
    work: Work, visit: Visit, guest: Visitor, held: Credential, *, holder: HolderKey | None = None
) -> Issue:
    """Sign a visitor's next generation: static, or bound to a phone's key; return it as it is kept.

    A static one ends all before it. The first bound one leaves the static one be (gates refuse that once the
    phone was used); a later one ends all before it, for then another phone has taken over.
    """
    replaces = held.generation > 0 if holder is None else _bound(work, held) is not None
    not_before, expires = rules.window(visit.starts_at, visit.ends_at)
    terms = Terms(
        credential_class=CredentialClass.STATIC if holder is None else CredentialClass.BOUND,
        not_before=not_before,
        expires=expires,
        zones=visit.zone_numbers,
        holder=holder,
    )
    made = keep(work, held, terms, replaces=replaces)
    live.notice(work, "visits", about=visit.id, site=visit.site)
    live.notice(work, "visitor", about=guest.id, site=visit.site)
    return made


def keep(work: Work, held: Credential, terms: Terms, *, replaces: bool) -> Issue:
    """Sign and keep the next generation of a credential, whoever holds it, and record that it was issued."""
    if held.generation >= HIGHEST_GENERATION:
        raise Conflict("This credential was issued too often. It has to be made anew.")
    key_row, key = keys.kept_key(work, held.site)
    held.generation += 1
    if replaces:
        held.lowest_valid = held.generation
    held.last_expires = max(held.last_expires, terms.expires)
    held.standing = Standing.VALID
    claims = credentials.Credential(
        id=CredentialId(bytes(held.id)),
        site=held.site,
        not_before=terms.not_before,
        expires=terms.expires,
        credential_class=terms.credential_class,
        generation=held.generation,
        zones=terms.zones,
        holder=terms.holder,
    )
    made = Issue(
        credential=held.id,
        generation=held.generation,
        credential_class=claims.credential_class,
        zones=[int(zone) for zone in claims.zones],
        not_before=terms.not_before,
        expires=terms.expires,
        issuer=key_row.public,
        message=credentials.issue(claims, key),
        holder=None if terms.holder is None else holder_keys.compressed(terms.holder),
        issued_at=work.now,
    )
    work.session.add(held)
    work.session.flush()
    work.session.add(made)
    work.session.flush()
    work.record(
        CredentialIssued(
            kind=held.kind,
            visitor=held.visitor,
            visit=held.visit,
            person=held.person,
            site=held.site,
            credential=claims.id,
            credential_class=claims.credential_class,
            generation=made.generation,
            replaces=replaces,
        )
    )
    return made


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
