"""Hard scenes for the decoders, rendered and seeded: phones held badly before the gate's camera."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from access_protocol import credential as credentials
from access_protocol.credential import Credential, CredentialClass
from access_protocol.ids import CredentialId, ZoneNumber
from access_protocol.keys import HolderKey
from bench.site import ISSUER, SITE
from demo.hall import empty_hall
from demo.phone import View, held_phone
from gate_agent.vision import Image

PASSES = ("short", "static", "full")
"""What a phone shows: 37, 41 and 57 modules a side."""

_AT = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
_SIGNATURE_BYTES = 64
_HARDNESS = 1.0
_HALLS = 10
_FIRST_SEED = 1000
"""By the scenes below it the stages of the chain were chosen; it is measured on others."""


@dataclass(frozen=True)
class Scene:
    """One frame of 1280x720 in colour, and the text of the code on the phone in it."""

    kind: str
    """One of `PASSES`."""
    frame: Image
    text: str


def hard_scenes(count: int) -> Iterator[Scene]:
    """`count` scenes, a third of each kind of pass, the same ones every time."""
    halls = [empty_hall(place * 100, noise=0) for place in range(_HALLS)]
    for seed in range(_FIRST_SEED, _FIRST_SEED + count):
        kind = PASSES[seed % len(PASSES)]
        text, view = pass_text(kind, seed), View.drawn(seed, hardness=_HARDNESS)
        frame = held_phone(text, view, seed=seed, hall=halls[seed % _HALLS])
        yield Scene(kind, frame, text)


def pass_text(kind: str, seed: int) -> str:
    """What a phone shows at the gate, of the real size and form, the same for the same seed."""
    drawn = random.Random(seed)  # no secret: nothing opens by it
    holder = ec.derive_private_key(drawn.randrange(1, 1 << 200), ec.SECP256R1())
    is_static = kind == "static"
    claims = Credential(
        id=CredentialId(drawn.randbytes(16)),
        site=SITE,
        not_before=_AT - timedelta(hours=1),
        expires=_AT + timedelta(hours=8),
        credential_class=CredentialClass.STATIC if is_static else CredentialClass.BOUND,
        generation=drawn.randrange(4),
        zones=(ZoneNumber(2), ZoneNumber(3)),
        holder=None if is_static else HolderKey.of(holder.public_key()),
    )
    message = credentials.issue(claims, ISSUER)
    if is_static:
        return credentials.to_text(message)
    if kind == "short":
        message = credentials.present_short(message, claims.id, holder, _AT)
    else:
        message = credentials.present(message, holder, _AT)
    # ECDSA signs differently each time; the scene is to be the same.
    signature = drawn.randbytes(_SIGNATURE_BYTES)
    return credentials.to_text(message[:-_SIGNATURE_BYTES] + signature)
