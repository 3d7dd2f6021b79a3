"""The address to which a visitor's answer to our mails goes: theirs alone, unguessable, and signed by us.

`visits@reception.example` becomes `visits+<visitor and signature>@reception.example`: whoever has the mail can write
into the conversation, and nobody else can.
"""

import base64
import binascii
from hmac import compare_digest

from server.kernel.ids import VisitorId
from server.kernel.sealing import Sealer
from server.kernel.settings import Settings
from server.kernel.work import Work
from server.visits.models import Visitor

_ID, _SIGNATURE = 16, 10
"""Bytes; the signature is an HMAC-SHA256 cut to 80 bits, which nobody guesses through a mail server."""
_CHARACTERS = 42
"""Of both in base32, which mail servers may write in capitals without harm."""


def reply_address(work: Work, visitor: VisitorId) -> str:
    """Return where a visitor's answers go; empty where no mail is received."""
    local, at, domain = work.settings.mail_in_address.rpartition("@")
    if not at or not work.settings.mail_in:
        return ""
    raw = bytes.fromhex(visitor)
    signed = raw + _signatures(work.sealer, raw)[0]
    return f"{local}+{base64.b32encode(signed).decode('ascii').rstrip('=').lower()}@{domain}"


def visitor_at(settings: Settings, sealer: Sealer, address: str) -> VisitorId | None:
    """Return whose address it is; None where we never gave it out."""
    wanted_local, _, wanted_domain = settings.mail_in_address.lower().rpartition("@")
    local, _, domain = address.strip().strip("<>").lower().rpartition("@")
    name, plus, token = local.partition("+")
    if not plus or (name, domain) != (wanted_local, wanted_domain):
        return None
    if len(token) != _CHARACTERS:
        return None
    try:
        read = base64.b32decode(token.upper() + "=" * (-_CHARACTERS % 8))
    except (binascii.Error, ValueError):
        return None
    raw, signature = read[:_ID], read[_ID:]
    if not any(compare_digest(signature, each) for each in _signatures(sealer, raw)):
        return None
    return VisitorId(raw.hex())


def find_by_reply_address(work: Work, address: str) -> Visitor | None:
    """Return the visitor whose address it is, unless they are not known any more."""
    named = visitor_at(work.settings, work.sealer, address)
    found = work.session.get(Visitor, named) if named else None
    # Of whom everything was deleted nothing comes back by an old mail.
    return found if found is not None and found.forgotten_at is None else None


def _signatures(sealer: Sealer, raw: bytes) -> list[bytes]:
    """Return the signature by the present master key, then by the one before."""
    return [
        bytes.fromhex(each)[:_SIGNATURE] for each in sealer.keyed_hashes(raw, "mail-reply-address")
    ]
