"""The server's own keys at a site: made when first needed, sealed at rest, unsealed to sign, rotated with overlap.

A key that follows another signs only after `OVERLAP`: until then every controller that is there has heard of it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from access_protocol.ids import SiteCode
from access_protocol.keys import ED25519_KEY_BYTES, SigningKey
from server.devices import models
from server.devices.models import KeyPurpose, ServerKey
from server.kernel.work import Work

OVERLAP = timedelta(minutes=5)
UNDER_WAY = timedelta(minutes=1)
"""How long a command that the key before signed may still be on its way."""


def signing_key(work: Work, site: SiteCode, purpose: KeyPurpose) -> SigningKey:
    """Return the key that signs for this purpose at the site; the first use makes it."""
    found = models.server_keys(work.session, site, purpose)
    row = _signs(found, work.now) if found else make(work, site, purpose, 1)
    return SigningKey(work.sealer.unseal(row.sealed_seed, _purpose(row.purpose, row.public)))


def public_keys(work: Work, site: SiteCode, purpose: KeyPurpose) -> tuple[bytes, ...]:
    """Return the raw public keys whose signatures count for this purpose at the site."""
    signing_key(work, site, purpose)
    return tuple(row.public for row in models.server_keys(work.session, site, purpose))


def obeyed_keys(work: Work, site: SiteCode) -> tuple[bytes, ...]:
    """Return the keys by which controllers should obey the server now: that which signs, and its neighbours."""
    signing_key(work, site, KeyPurpose.COMMAND)
    found = models.server_keys(work.session, site, KeyPurpose.COMMAND)
    signs = _signs(found, work.now)
    just_begun = work.now < signs.created_at + OVERLAP + UNDER_WAY
    oldest = signs.number - 1 if just_begun else signs.number
    return tuple(row.public for row in found if row.number >= oldest)


def _signs(newest_first: Sequence[ServerKey], now: datetime) -> ServerKey:
    for row in newest_first:
        if row.created_at + OVERLAP <= now:
            return row
    return newest_first[-1]


def make(work: Work, site: SiteCode, purpose: KeyPurpose, number: int) -> ServerKey:
    """Make the site's key with this number, unless another process just did: then that one counts."""
    key = SigningKey(work.ids.random_bytes(ED25519_KEY_BYTES))
    row = ServerKey(
        public=key.public,
        site=site,
        purpose=purpose,
        number=number,
        sealed_seed=work.sealer.seal(key.seed, _purpose(purpose, key.public)),
        created_at=work.now,
    )
    try:
        with work.session.begin_nested():
            work.session.add(row)
    except IntegrityError:
        return models.server_keys(work.session, site, purpose)[0]
    return row


def seal_anew(work: Work) -> None:
    """Seal with the present master key what the previous one sealed."""
    for row in work.session.exec(select(ServerKey)).all():
        row.sealed_seed = work.sealer.renewed(row.sealed_seed, _purpose(row.purpose, row.public))


def _purpose(purpose: KeyPurpose, public: bytes) -> str:
    return f"{purpose}-key:{public.hex()}"
