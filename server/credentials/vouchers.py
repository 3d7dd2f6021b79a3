"""Vouchers: one thing out of one slot of one machine, for whoever shows it in the next minutes.

The machine is named in what is signed, so that no other one accepts it; its id is of this one thing, so that
it is used once. Who may have one, and which, is for the caller to decide.
"""

from datetime import timedelta

from access_protocol import credential as credentials
from access_protocol.credential import CredentialClass
from access_protocol.ids import (
    CREDENTIAL_ID_BYTES,
    HIGHEST_SLOT,
    CredentialId,
    PortalId,
    SiteCode,
)
from server.credentials import keys
from server.credentials.issuing import CredentialIssued, end
from server.credentials.models import Credential, CredentialKind, Issue, Standing
from server.credentials.rules import CLOCK_SLACK
from server.kernel.errors import Invalid, NotFound
from server.kernel.work import Work
from server.places.actions import PortalKind
from server.places.models import Portal

LONGEST_LIFE = timedelta(minutes=5)
"""A voucher is chosen before the machine, and shown there at once."""
_ONLY_ONE = 0
"""The generation of a voucher: it is issued once."""


def issue_voucher(
    work: Work, site: SiteCode, machine: PortalId, slot: int, life: timedelta = LONGEST_LIFE
) -> Issue:
    """Sign a voucher for one thing out of a machine's slot (1 to 255), good for `life` from now.

    Its text is `Issue.text`, its id `Issue.credential`. Raises `NotFound` where the site has no such machine,
    `Invalid` for a slot or a life that cannot be.
    """
    portal = work.session.get(Portal, (site, machine))
    if portal is None or portal.kind is not PortalKind.VENDING:
        raise NotFound("There is no such vending machine at this site.")
    if not 1 <= slot <= HIGHEST_SLOT:
        raise Invalid([("slot", f"is a number from 1 to {HIGHEST_SLOT}")])
    if not timedelta(seconds=1) <= life <= LONGEST_LIFE:
        raise Invalid([("life", "is at most five minutes")])
    key_row, key = keys.kept_key(work, site)
    now = work.now.replace(microsecond=0)
    claims = credentials.Credential(
        id=CredentialId(work.ids.random_bytes(CREDENTIAL_ID_BYTES)),
        site=site,
        not_before=now - CLOCK_SLACK,
        expires=now + life,
        credential_class=CredentialClass.VOUCHER,
        generation=_ONLY_ONE,
        zones=(),
        machine=machine,
        slot=slot,
    )
    held = Credential(
        id=claims.id, kind=CredentialKind.VOUCHER, site=site, last_expires=claims.expires
    )
    made = Issue(
        credential=claims.id,
        generation=_ONLY_ONE,
        credential_class=CredentialClass.VOUCHER,
        zones=[],
        not_before=claims.not_before,
        expires=claims.expires,
        issuer=key_row.public,
        message=credentials.issue(claims, key),
        issued_at=work.now,
    )
    work.session.add(held)
    work.session.flush()
    work.session.add(made)
    work.session.flush()
    work.record(
        CredentialIssued(
            kind=CredentialKind.VOUCHER,
            site=site,
            credential=claims.id,
            credential_class=CredentialClass.VOUCHER,
            generation=_ONLY_ONE,
            replaces=False,
        )
    )
    return made


def revoke_voucher(work: Work, credential: CredentialId) -> bool:
    """Let a voucher count no longer; return whether that changed anything. Its gates hear of it within seconds.

    A gate that is cut off hears of it when it is back, and accepts the voucher until then or until it expires.
    """
    held = work.session.get(Credential, credential, with_for_update=True)
    if held is None or held.kind is not CredentialKind.VOUCHER or held.revoked:
        return False
    end(work, held, Standing.WITHDRAWN)
    return True
