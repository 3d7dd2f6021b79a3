"""Reading the public key that a phone sends, as JWK or as a point; whatever is not plainly one is refused."""

import base64
import binascii
from typing import Annotated, Literal, NoReturn

from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, ConfigDict, Field

from access_protocol.keys import P256_COORDINATE_BYTES, HolderKey
from server.kernel.errors import Invalid

_COMPRESSED, _UNCOMPRESSED = (2, 3), 4  # SEC 1, 2.3.3
_Coordinate = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{43}$")]


class Jwk(BaseModel):
    """A public P-256 key as WebCrypto exports it (RFC 7517, RFC 7518 6.2.1); never the private part."""

    model_config = ConfigDict(extra="ignore")

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: _Coordinate
    y: _Coordinate
    d: None = Field(default=None, description="The private part stays in the phone.")


class HolderKeyInput(BaseModel):
    """The phone's public key, in one of two forms."""

    model_config = ConfigDict(extra="forbid")

    jwk: Jwk | None = Field(default=None, description="The key as a JSON Web Key.")
    point: str | None = Field(
        default=None,
        max_length=88,
        description="Or the point in Base64url (SEC 1, 2.3.3): 33 bytes compressed, or 65 bytes.",
    )


def holder_key(given: HolderKeyInput) -> HolderKey:
    """Return the key, which lies on the curve; raises `Invalid` that names the field."""
    if (given.jwk is None) == (given.point is None):
        _refuse("jwk", "give the public key as jwk or as point, one of the two")
    if given.jwk is not None:
        point = bytes([_UNCOMPRESSED]) + _bytes("jwk.x", given.jwk.x) + _bytes("jwk.y", given.jwk.y)
        return _on_curve("jwk", point)
    point = _bytes("point", given.point or "")
    lengths = dict.fromkeys(_COMPRESSED, P256_COORDINATE_BYTES + 1)
    lengths[_UNCOMPRESSED] = 2 * P256_COORDINATE_BYTES + 1
    if not point or lengths.get(point[0]) != len(point):
        _refuse("point", "is no point of 33 or 65 bytes that begins with 02, 03 or 04")
    return _on_curve("point", point)


def compressed(key: HolderKey) -> bytes:
    """Return the key as a compressed point (SEC 1, 2.3.3)."""
    return bytes([_COMPRESSED[key.y_is_odd]]) + key.x


def from_compressed(point: bytes) -> HolderKey:
    """Return the key of a compressed point that was checked before."""
    return HolderKey(point[1:], point[0] == _COMPRESSED[True])


def _on_curve(field: str, point: bytes) -> HolderKey:
    try:
        return HolderKey.of(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
    except ValueError:
        _refuse(field, "is not a point on the curve P-256")


def _bytes(field: str, text: str) -> bytes:
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        _refuse(field, "is not Base64url without padding")
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != text:
        _refuse(field, "is not Base64url without padding")
    return decoded


def _refuse(field: str, why: str) -> NoReturn:
    raise Invalid([(field, why)])
