"""Signing keys and key rings: who may sign what, with overlap while keys rotate."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from access_protocol.ids import KEY_ID_BYTES, KeyId

ED25519_KEY_BYTES = 32
P256_COORDINATE_BYTES = 32
SIGNATURE_BYTES = 64


class MalformedKeyError(ValueError):
    """Bytes that are no public key of the expected kind."""


def key_id(public: bytes) -> KeyId:
    """Return the two-byte hint of a raw Ed25519 public key; several keys may share it."""
    return KeyId(hashlib.sha256(public).digest()[:KEY_ID_BYTES])


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair (RFC 8032), held as the 32-byte seed; never shown by `repr`."""

    seed: bytes

    def __post_init__(self) -> None:
        """Refuse a seed of the wrong length with `MalformedKeyError`."""
        if len(self.seed) != ED25519_KEY_BYTES:
            message = "an Ed25519 seed has 32 bytes"
            raise MalformedKeyError(message)

    def __repr__(self) -> str:
        """Name the key without showing the secret."""
        return f"SigningKey(key_id={self.key_id.hex()})"

    @property
    def public(self) -> bytes:
        """The raw 32-byte public key."""
        private = ed25519.Ed25519PrivateKey.from_private_bytes(self.seed)
        return private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> KeyId:
        """The two-byte hint under which rings find this key."""
        return key_id(self.public)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of `message`."""
        return ed25519.Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def ed25519_verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether `signature` is that of `message` by the raw Ed25519 key `public`."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class HolderKey:
    """A phone's public P-256 key in compressed form (SEC 1, 2.3.3): the sign of y and x."""

    x: bytes
    y_is_odd: bool

    def __post_init__(self) -> None:
        """Refuse a coordinate of the wrong length with `MalformedKeyError`."""
        if len(self.x) != P256_COORDINATE_BYTES:
            message = "a P-256 coordinate has 32 bytes"
            raise MalformedKeyError(message)

    @classmethod
    def of(cls, public: ec.EllipticCurvePublicKey) -> "HolderKey":
        """Return the compressed form of a P-256 public key, or raise `MalformedKeyError`."""
        if not isinstance(public.curve, ec.SECP256R1):
            message = "the holder's key must lie on P-256"
            raise MalformedKeyError(message)
        numbers = public.public_numbers()
        return cls(numbers.x.to_bytes(P256_COORDINATE_BYTES, "big"), bool(numbers.y & 1))

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether `signature` (ES256, r and s of 32 bytes each, RFC 9053 2.1) is of `message`.

        A point that is not on the curve verifies nothing.
        """
        if len(signature) != SIGNATURE_BYTES:
            return False
        point = bytes([3 if self.y_is_odd else 2]) + self.x
        r = int.from_bytes(signature[:P256_COORDINATE_BYTES], "big")
        s = int.from_bytes(signature[P256_COORDINATE_BYTES:], "big")
        try:
            public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
            public.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True


def es256_sign(private: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """Return the ES256 signature of `message` as r and s of 32 bytes each (RFC 9053 2.1).

    The nonce is the deterministic one of RFC 6979, so that vectors can be made again.
    """
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(private.sign(message, algorithm))
    return r.to_bytes(P256_COORDINATE_BYTES, "big") + s.to_bytes(P256_COORDINATE_BYTES, "big")


@dataclass(frozen=True, slots=True)
class RingKey:
    """A public Ed25519 key and the time in which its signatures count."""

    public: bytes
    not_before: datetime
    not_after: datetime

    def __post_init__(self) -> None:
        """Refuse a key of the wrong length, and times without a zone or in the wrong order."""
        if len(self.public) != ED25519_KEY_BYTES:
            message = "an Ed25519 public key has 32 bytes"
            raise MalformedKeyError(message)
        if self.not_before.tzinfo is None or self.not_after.tzinfo is None:
            message = "a key's times must carry a time zone"
            raise MalformedKeyError(message)
        if self.not_after <= self.not_before:
            message = "a key must end after it begins"
            raise MalformedKeyError(message)


class KeyRing:
    """Public keys found by their two-byte hint; during a rotation old and new stand side by side."""

    def __init__(self, keys: Iterable[RingKey]) -> None:
        """Hold `keys`; several may share a hint, and then each is tried."""
        self._keys = tuple(keys)

    def __iter__(self) -> Iterator[RingKey]:
        """Go through the keys in the order in which they were given."""
        return iter(self._keys)

    def __eq__(self, other: object) -> bool:
        """Two rings are the same when they hold the same keys."""
        return isinstance(other, KeyRing) and set(self._keys) == set(other._keys)

    def __hash__(self) -> int:
        """Hash by content, as `__eq__` compares."""
        return hash(frozenset(self._keys))

    def with_hint(self, kid: KeyId, at: datetime | None) -> tuple[bytes, ...]:
        """Return the raw public keys that have the hint `kid` and count at the time `at`.

        Whoever does not know the time (None) gets all keys with the hint.
        """
        return tuple(
            key.public
            for key in self._keys
            if key_id(key.public) == kid and (at is None or key.not_before <= at < key.not_after)
        )
