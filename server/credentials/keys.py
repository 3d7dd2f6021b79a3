"""Issuer keys: made when first needed, sealed at rest, rotated with overlap."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from access_protocol.ids import SiteCode
from access_protocol.keys import ED25519_KEY_BYTES, SigningKey
from server.credentials import models
from server.credentials.models import Issue, IssuerKey
from server.kernel.events import Event
from server.kernel.work import Work

KEY_LIFE = timedelta(days=3650)
"""How long a key counts that nobody rotates."""
REFRESHED_LIFE = timedelta(seconds=60)
"""How long a refreshed credential counts; the page asks for the next one after half of it."""
CLOCKS_BEHIND = timedelta(minutes=10)
"""A new key counts from a little before it was made, for gates whose clocks are behind."""


@dataclass(frozen=True, kw_only=True)
class IssuerKeyRotated(Event):
    """A new key signs the site's credentials; the old one counts until its last credential expires."""

    site: SiteCode
    new_key: bytes
    old_key: bytes | None
    old_counts_until: datetime | None


def issuing_key(work: Work, site: SiteCode) -> tuple[IssuerKey, SigningKey]:
    """Return the key that signs the site's credentials; the first use makes it."""
    found = models.issuer_keys(work.session, site)
    row = found[0] if found else make(work, site, 1)
    if not found:
        tell(work, row, None)
    return row, SigningKey(work.sealer.unseal(row.sealed_seed, _purpose(row.public)))


def kept_key(work: Work, site: SiteCode) -> tuple[IssuerKey, SigningKey]:
    """Return the key for a credential that is kept; nobody retires it before this work ends.

    Or the key could be given an end that does not know of this credential yet.
    """
    row, key = issuing_key(work, site)
    work.session.refresh(row, with_for_update={"read": True})
    while row.retired_at is not None:
        row, key = issuing_key(work, site)
        work.session.refresh(row, with_for_update={"read": True})
    return row, key


def make(work: Work, site: SiteCode, number: int) -> IssuerKey:
    """Make the site's key with this number, unless another process just did: then that one counts."""
    key = SigningKey(work.ids.random_bytes(ED25519_KEY_BYTES))
    begins = work.now.replace(microsecond=0) - CLOCKS_BEHIND
    row = IssuerKey(
        public=key.public,
        site=site,
        number=number,
        sealed_seed=work.sealer.seal(key.seed, _purpose(key.public)),
        not_before=begins,
        not_after=begins + KEY_LIFE,
        created_at=work.now,
    )
    try:
        with work.session.begin_nested():
            work.session.add(row)
    except IntegrityError:
        return models.issuer_keys(work.session, site)[0]
    return row


def retire(work: Work, key: IssuerKey) -> None:
    """Let a key count only until the last credential that it signed expires."""
    last: datetime | None = work.session.exec(
        select(func.max(Issue.expires)).where(Issue.issuer == key.public)
    ).one()
    floor = key.not_before + timedelta(seconds=1)
    # A refreshed credential is not kept, so the last one may have been signed just now.
    refreshed = work.now + REFRESHED_LIFE
    ends = max(last or refreshed, refreshed).replace(microsecond=0) + timedelta(seconds=1)
    key.retired_at, key.not_after = work.now, max(floor, ends)
    work.session.add(key)


def tell(work: Work, new: IssuerKey, old: IssuerKey | None) -> None:
    """Record that another key signs from now on."""
    work.record(
        IssuerKeyRotated(
            site=new.site,
            new_key=new.public,
            old_key=old.public if old else None,
            old_counts_until=old.not_after if old else None,
        )
    )


def seal_anew(work: Work) -> None:
    """Seal with the present master key what the previous one sealed."""
    for key in work.session.exec(select(IssuerKey)).all():
        key.sealed_seed = work.sealer.renewed(key.sealed_seed, _purpose(key.public))


def _purpose(public: bytes) -> str:
    return f"issuer-key:{public.hex()}"
