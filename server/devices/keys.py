"""The server's own keys at a site: made when first needed, sealed at rest, unsealed to sign."""

from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from access_protocol.ids import SiteCode
from access_protocol.keys import ED25519_KEY_BYTES, SigningKey
from server.devices import models
from server.devices.models import KeyPurpose, ServerKey
from server.kernel.work import Work


def signing_key(work: Work, site: SiteCode, purpose: KeyPurpose) -> SigningKey:
    """Return the key that signs for this purpose at the site; the first use makes it."""
    found = models.server_keys(work.session, site, purpose)
    row = found[0] if found else _make(work, site, purpose)
    return SigningKey(work.sealer.unseal(row.sealed_seed, _purpose(row.purpose, row.public)))


def public_keys(work: Work, site: SiteCode, purpose: KeyPurpose) -> tuple[bytes, ...]:
    """Return the raw public keys whose signatures count for this purpose at the site."""
    signing_key(work, site, purpose)
    return tuple(row.public for row in models.server_keys(work.session, site, purpose))


def _make(work: Work, site: SiteCode, purpose: KeyPurpose) -> ServerKey:
    key = SigningKey(work.ids.random_bytes(ED25519_KEY_BYTES))
    row = ServerKey(
        public=key.public,
        site=site,
        purpose=purpose,
        number=1,
        sealed_seed=work.sealer.seal(key.seed, _purpose(purpose, key.public)),
        created_at=work.now,
    )
    try:
        with work.session.begin_nested():
            work.session.add(row)
    except IntegrityError:
        # Another process made the first key at the same moment: that one counts.
        return models.server_keys(work.session, site, purpose)[0]
    return row


def seal_anew(work: Work) -> None:
    """Seal with the present master key what the previous one sealed."""
    for row in work.session.exec(select(ServerKey)).all():
        row.sealed_seed = work.sealer.renewed(row.sealed_seed, _purpose(row.purpose, row.public))


def _purpose(purpose: KeyPurpose, public: bytes) -> str:
    return f"{purpose}-key:{public.hex()}"
