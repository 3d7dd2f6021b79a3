"""COSE_Sign1 envelopes (RFC 9052): sign, and verify, which returns the payload or raises.

Only the few shapes that this protocol uses are read: untagged, deterministic CBOR, an empty
unprotected header, and one of the protected headers below, byte for byte. So nothing that was not
verified is ever parsed: an envelope is cut at known places, and the payload is handed out only
together with a good signature.
"""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cbor2

from access_protocol.ids import CREDENTIAL_ID_BYTES, KEY_ID_BYTES, KeyId
from access_protocol.keys import SIGNATURE_BYTES, SigningKey, ed25519_verifies

EDDSA_HEADER = b"\xa2\x01\x27\x04\x42"
"""{1 (alg): -8 (EdDSA), 4 (kid): two bytes that follow}."""
HOLDER_HEADER = b"\xa1\x01\x26"
"""{1 (alg): -7 (ES256)}: a full presentation, whose key is inside the credential it carries."""
HOLDER_ID_HEADER = b"\xa2\x01\x26\x04\x50"
"""{1 (alg): -7 (ES256), 4 (kid): sixteen bytes that follow}: a short presentation, by the id of its credential."""

_ARRAY_OF_FOUR = 0x84
_EMPTY_MAP = 0xA0
_BYTES = 0x40
_ONE_BYTE_LENGTH = 0x58
_TWO_BYTE_LENGTH = 0x59
_SHORTEST_WITH_ONE_LENGTH_BYTE = 24
_SHORTEST_WITH_TWO_LENGTH_BYTES = 256
_TOO_SHORT = "the envelope ends too early"
_HEADER_LENGTHS = {
    EDDSA_HEADER: len(EDDSA_HEADER) + KEY_ID_BYTES,
    HOLDER_HEADER: len(HOLDER_HEADER),
    HOLDER_ID_HEADER: len(HOLDER_ID_HEADER) + CREDENTIAL_ID_BYTES,
}


class MalformedEnvelopeError(ValueError):
    """Bytes that are no envelope of this protocol."""


class UnknownKeyError(ValueError):
    """An envelope whose key hint nobody here knows, or whose key does not count at this time."""


class BadSignatureError(ValueError):
    """An envelope that none of the known keys with its hint signed."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A COSE_Sign1 cut at its known places. Its payload is NOT yet to be trusted or parsed."""

    protected: bytes
    unverified_payload: bytes
    signature: bytes

    @property
    def kid(self) -> bytes:
        """The key hint in the protected header, or a credential's id; empty for a full presentation."""
        for header, length in _HEADER_LENGTHS.items():
            if self.protected.startswith(header) and len(self.protected) == length:
                return self.protected[len(header) :]
        return b""

    def to_be_signed(self, external_aad: bytes) -> bytes:
        """Return the Sig_structure of RFC 9052, 4.4, as deterministic CBOR."""
        return to_be_signed(self.protected, external_aad, self.unverified_payload)


def to_be_signed(protected: bytes, external_aad: bytes, payload: bytes) -> bytes:
    """Return the Sig_structure of RFC 9052, 4.4, as deterministic CBOR."""
    return cbor2.dumps(["Signature1", protected, external_aad, payload])


def assemble(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    """Return the untagged COSE_Sign1 array with an empty unprotected header."""
    no_header: dict[int, object] = {}
    return cbor2.dumps([protected, no_header, payload, signature])


def sign(payload: bytes, key: SigningKey, external_aad: bytes = b"") -> bytes:
    """Return `payload` in a COSE_Sign1 by `key` (EdDSA); `external_aad` names the kind of message."""
    protected = EDDSA_HEADER + key.key_id
    return assemble(protected, payload, key.sign(to_be_signed(protected, external_aad, payload)))


def split(message: bytes, *headers: bytes) -> Envelope:
    """Cut `message` at its known places, or raise `MalformedEnvelopeError`.

    `headers` are the protected headers (without the key hint) that are admitted here.
    """
    try:
        return _split(message, headers)
    except IndexError as error:
        raise MalformedEnvelopeError(_TOO_SHORT) from error


def _split(message: bytes, headers: tuple[bytes, ...]) -> Envelope:
    if message[0] != _ARRAY_OF_FOUR:
        reason = "not an untagged COSE_Sign1"
        raise MalformedEnvelopeError(reason)
    protected, at = byte_string(message, 1)
    if not any(protected[: len(h)] == h and len(protected) == _HEADER_LENGTHS[h] for h in headers):
        reason = "not one of the protected headers admitted here"
        raise MalformedEnvelopeError(reason)
    if message[at] != _EMPTY_MAP:
        reason = "the unprotected header is not empty"
        raise MalformedEnvelopeError(reason)
    payload, at = byte_string(message, at + 1)
    signature, at = byte_string(message, at)
    if len(signature) != SIGNATURE_BYTES or at != len(message):
        reason = "the signature must be 64 bytes and the last thing"
        raise MalformedEnvelopeError(reason)
    return Envelope(protected, payload, signature)


def byte_string(message: bytes, at: int) -> tuple[bytes, int]:
    """Return the byte string that starts at `at`, and where it ends; only the shortest form counts.

    Raises `MalformedEnvelopeError`, also where `message` ends before `at` or in the middle.
    """
    try:
        return _byte_string(message, at)
    except (IndexError, struct.error) as error:
        raise MalformedEnvelopeError(_TOO_SHORT) from error


def _byte_string(message: bytes, at: int) -> tuple[bytes, int]:
    head = message[at]
    if _BYTES <= head < _BYTES + _SHORTEST_WITH_ONE_LENGTH_BYTE:
        length, start, shortest = head - _BYTES, at + 1, 0
    elif head == _ONE_BYTE_LENGTH:
        length, start = message[at + 1], at + 2
        shortest = _SHORTEST_WITH_ONE_LENGTH_BYTE
    elif head == _TWO_BYTE_LENGTH:
        (length,) = struct.unpack_from(">H", message, at + 1)
        start, shortest = at + 3, _SHORTEST_WITH_TWO_LENGTH_BYTES
    elif head == _TWO_BYTE_LENGTH + 1:
        (length,) = struct.unpack_from(">I", message, at + 1)
        start, shortest = at + 5, 1 << 16
    else:
        reason = "a byte string was expected"
        raise MalformedEnvelopeError(reason)
    end = start + length
    if length < shortest or end > len(message):
        reason = "a byte string with a wrong length"
        raise MalformedEnvelopeError(reason)
    return message[start:end], end


def verify(
    message: bytes, keys_for: Callable[[KeyId], Iterable[bytes]], external_aad: bytes = b""
) -> bytes:
    """Return the payload of an EdDSA envelope that one of the keys with its hint signed.

    `keys_for` returns the raw public keys that have a hint; all of them are tried.
    Raises `MalformedEnvelopeError`, `UnknownKeyError` or `BadSignatureError`.
    """
    envelope = split(message, EDDSA_HEADER)
    candidates = tuple(keys_for(KeyId(envelope.kid)))
    if not candidates:
        reason = "no known key has this hint"
        raise UnknownKeyError(reason)
    signed_bytes = envelope.to_be_signed(external_aad)
    if not any(ed25519_verifies(key, envelope.signature, signed_bytes) for key in candidates):
        reason = "no known key with this hint signed the envelope"
        raise BadSignatureError(reason)
    return envelope.unverified_payload
