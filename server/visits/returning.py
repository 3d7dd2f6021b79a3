"""Returning visitors: what somebody allowed us to keep under their address's keyed hash, and how they say no to it."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlmodel import col, delete, func, select

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.kernel.errors import Conflict
from server.kernel.ids import VisitorId
from server.kernel.sealing import CannotUnseal
from server.kernel.work import Work
from server.visits import guests, models
from server.visits.leaving_models import Returning
from server.visits.models import Agreement, Terms, Visit, Visitor

_PURPOSE = "returning-visitor"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What is kept of somebody."""

    email: str
    name: str
    company: str
    language: Language
    step_free: bool
    needs: str
    agreed: tuple[tuple[str, str, str], ...] = ()
    """Documents: id of the version, language in which it was read, hash of that text."""


def kept_of(work: Work, visitor: Visitor) -> Profile | None:
    """Return what is kept of a visitor, if they allowed it."""
    row = _row(work, visitor.email) if may_be_kept(visitor) else None
    return _opened(work, row) if row is not None else None


def is_kept(work: Work, visitor: Visitor) -> bool:
    """Tell whether something of this visitor is kept for the next time."""
    return may_be_kept(visitor) and _row(work, visitor.email) is not None


def may_be_kept(visitor: Visitor) -> bool:
    """Tell whether we would know this visitor again: by an address that is known to be theirs.

    Whoever types somebody else's at a poster learns nothing of them, and changes and deletes nothing of theirs.
    """
    return bool(visitor.email) and not visitor.address_unproven


def keep(work: Work, visitor: Visitor) -> None:
    """Keep what this visitor told us for their next visit: they have just allowed it."""
    if not may_be_kept(visitor):
        raise Conflict("Without a mail address we would not know you again.")
    agreed = work.session.exec(
        select(Agreement.terms, Agreement.language, Agreement.text_hash).where(
            Agreement.visitor == visitor.id
        )
    ).all()
    profile = Profile(
        email=visitor.email,
        name=visitor.name,
        company=visitor.company,
        language=Language(visitor.language),
        step_free=visitor.step_free,
        needs=guests.needs_of(work, visitor),
        agreed=tuple((terms, str(language), digest) for terms, language, digest in agreed),
    )
    row = _row(work, visitor.email)
    if row is None:
        row = Returning(
            email_hash=_hash(work, visitor.email),
            sealed_profile=b"",
            consented_at=work.now,
            used_at=work.now,
        )
        work.session.add(row)
    row.sealed_profile, row.used_at = _sealed(work, profile), work.now
    work.session.flush()


def keep_up(work: Work, visitor_id: VisitorId) -> None:
    """Bring what is kept up to date with this visit, where its owner allowed to keep anything."""
    visitor = work.session.get_one(Visitor, visitor_id)
    if is_kept(work, visitor):
        keep(work, visitor)


def forget(work: Work, visitor: Visitor) -> bool:
    """Keep nothing of a visitor for the next time any more; return whether there was anything."""
    if not may_be_kept(visitor):
        return False
    gone = delete(Returning).where(col(Returning.email_hash).in_(_hashes(work, visitor.email)))
    return bool(work.session.exec(gone).rowcount)


def forget_unused(work: Work, before: datetime, *, dry: bool) -> int:
    """Forget whom nobody saw again since a moment; return how many."""
    old = col(Returning.used_at) < before
    if dry:
        return work.session.exec(select(func.count()).select_from(Returning).where(old)).one()
    return work.session.exec(delete(Returning).where(old)).rowcount


def remember(work: Work, visitor_id: VisitorId) -> bool:
    """Fill in for somebody invited what they allowed us to keep; return whether anything was known.

    What the host typed stays; needs, and agreement to documents whose text is unchanged, come from the last visit.
    """
    visitor = work.session.get_one(Visitor, visitor_id)
    row = _row(work, visitor.email) if may_be_kept(visitor) else None
    profile = _opened(work, row) if row is not None else None
    if row is None or profile is None:
        return False
    row.used_at = work.now
    visitor.company = visitor.company or profile.company
    visitor.language = profile.language
    if not visitor.step_free and not visitor.sealed_needs:
        visitor.step_free = profile.step_free
        visitor.sealed_needs = guests.seal_needs(work, visitor.id, profile.needs)
    _agree_again(work, work.session.get_one(Visit, visitor.visit).site, visitor, profile)
    work.session.flush()
    return True


def seal_anew(work: Work) -> None:
    """Seal and find with the present master key what the previous one sealed."""
    for row in work.session.exec(select(Returning)).all():
        profile = _opened(work, row)
        if profile is None:
            raise CannotUnseal("sealed with another master key")
        row.sealed_profile = _sealed(work, profile)
        row.email_hash = _hash(work, profile.email)


def _agree_again(work: Work, site: SiteCode, visitor: Visitor, profile: Profile) -> None:
    in_force = {each.id for each in models.terms_in_force(work.session, site)}
    for terms, language, digest in profile.agreed:
        found = work.session.get(Terms, terms) if terms in in_force else None
        if found is not None and work.session.get(Agreement, (visitor.id, found.id)) is None:
            work.session.add(
                Agreement(
                    visitor=visitor.id,
                    terms=found.id,
                    language=Language(language),
                    text_hash=digest,
                    agreed_at=work.now,
                )
            )


def _row(work: Work, email: str) -> Returning | None:
    if not email:
        return None
    wanted = select(Returning).where(col(Returning.email_hash).in_(_hashes(work, email)))
    return work.session.exec(wanted).first()


def _sealed(work: Work, profile: Profile) -> bytes:
    return work.sealer.seal(json.dumps(asdict(profile)).encode(), _PURPOSE)


def _opened(work: Work, row: Returning) -> Profile | None:
    try:
        known = json.loads(work.sealer.unseal(row.sealed_profile, _PURPOSE))
    except CannotUnseal:
        # The master key was lost: nothing is known of them any more.
        return None
    agreed = tuple((terms, language, digest) for terms, language, digest in known.pop("agreed"))
    language = Language(known.pop("language"))
    return Profile(**known, language=language, agreed=agreed)


def _hash(work: Work, email: str) -> str:
    return _hashes(work, email)[0]


def _hashes(work: Work, email: str) -> list[str]:
    """Return the hash under the present master key, and the one under the key before it."""
    return work.sealer.keyed_hashes(email.strip().lower().encode(), _PURPOSE)
