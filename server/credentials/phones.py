"""What a visitor's phone asks for: a credential bound to its own key, or a fresh one every half minute."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, func, select

from access_protocol import credential as credentials
from access_protocol.credential import CredentialClass
from access_protocol.ids import CredentialId
from access_protocol.keys import HolderKey
from server.credentials import holder_keys, keys, models, rules
from server.credentials.issuing import (
    check_expected,
    held_by,
    is_visitor,
    require_manager,
    sign,
    visit_of,
)
from server.credentials.keys import REFRESHED_LIFE
from server.credentials.models import Credential, Issue
from server.credentials.rules import CLOCK_SLACK
from server.kernel.errors import Conflict
from server.kernel.ids import VisitorId
from server.kernel.work import Work
from server.visits.models import Visit, Visitor

MOST_BINDINGS = 30
"""So often may one visitor's phone change its key; a page that binds in a loop uses up its generations."""


@dataclass(frozen=True)
class Refreshed:
    """A credential for the next minute. It is not kept: it would be two rows a minute and visitor."""

    credential: CredentialId
    generation: int
    not_before: datetime
    expires: datetime
    text: str


def bind(work: Work, visitor: VisitorId, holder: HolderKey) -> Issue:
    """Bind the visitor's credential to their phone's key; the same key again gets the same credential."""
    visit, guest = visit_of(work, visitor)
    if not is_visitor(work, visitor):
        require_manager(work, visit)
    held = _holds(work, visit, guest)
    present = models.current_issue(work.session, visitor, CredentialClass.BOUND)
    if present is not None and present.holder == holder_keys.compressed(holder):
        return present
    count = select(func.count()).where(Issue.credential == held.id, col(Issue.holder).is_not(None))
    if work.session.exec(count).one() >= MOST_BINDINGS:
        raise Conflict("This pass was moved to another phone too often. Please ask your host.")
    return sign(work, visit, guest, held, holder=holder)


def refresh(work: Work, visitor: VisitorId) -> Refreshed:
    """Sign a credential for the next minute, of the visitor's newest generation; nothing is stored."""
    visit, guest = visit_of(work, visitor)
    if not is_visitor(work, visitor):
        require_manager(work, visit)
    check_expected(visit, guest)
    held = models.of_visitor(work.session, visitor)
    if held is None or held.revoked:
        raise Conflict("This visitor's credential was withdrawn. Please ask the host.")
    begins, ends = rules.window(visit.starts_at, visit.ends_at)
    not_before = max(begins, work.now.replace(microsecond=0) - CLOCK_SLACK)
    expires = min(ends, not_before + REFRESHED_LIFE)
    if not begins <= work.now < ends or expires <= not_before:
        raise Conflict(f"The pass counts from {begins:%Y-%m-%d %H:%M} to {ends:%H:%M} UTC.")
    _, key = keys.issuing_key(work, visit.site)
    claims = credentials.Credential(
        id=CredentialId(bytes(held.id)),
        site=visit.site,
        not_before=not_before,
        expires=expires,
        credential_class=CredentialClass.REFRESHED,
        generation=held.generation,
        zones=visit.zone_numbers,
    )
    text = credentials.to_text(credentials.issue(claims, key))
    return Refreshed(claims.id, claims.generation, not_before, expires, text)


def _holds(work: Work, visit: Visit, guest: Visitor) -> Credential:
    check_expected(visit, guest)
    held = held_by(work, visit, guest)
    if held.generation == 0 or held.revoked:
        raise Conflict("This visitor's credential was withdrawn. Please ask the host.")
    if work.now >= rules.window(visit.starts_at, visit.ends_at)[1]:
        raise Conflict("This visit is over.")
    return held
