"""How a device gets its next certificate: it asks over MQTT with a fresh TLS key, the server answers when it is time.

The request is signed by the Ed25519 key that the device enrolled with: whoever holds the broker can ask in the
device's name, but gets nothing.
"""

from dataclasses import dataclass
from typing import cast

import cbor2

from access_protocol import signed
from access_protocol.cbor import UNREADABLE
from access_protocol.certificates import (
    TlsIdentity,
    UnusableCertificateError,
    read_certificate,
    request_for,
)
from access_protocol.codec import Der, Report
from access_protocol.keys import SigningKey

RENEWAL_CONTEXT = b"genkan-renewal-1"
"""external_aad of the request."""
_PARTS = 2
_LONGEST_SERIAL = 20


class MalformedRenewalError(ValueError):
    """A request that the device did not sign, or that holds no serial number and certificate request."""


class CertificateIssued(Report, frozen=True, kw_only=True):
    """The server's answer: the next certificate (X.509, DER)."""

    certificate: Der


@dataclass(frozen=True, slots=True)
class RenewalRequest:
    """The serial number of the certificate in use, and the request for the next one (PKCS #10, DER)."""

    serial: int
    csr: bytes


def ask(present: TlsIdentity, next_key: bytes, key: SigningKey) -> bytes:
    """Return the signed request of a device for a certificate for its `next_key`."""
    serial = read_certificate(present.certificate).serial_number
    written = serial.to_bytes(_LONGEST_SERIAL).lstrip(b"\0")
    return signed.sign(cbor2.dumps([written, request_for(next_key)]), key, RENEWAL_CONTEXT)


def read_request(message: bytes, public_key: bytes) -> RenewalRequest:
    """Return the request that the holder of `public_key` signed, or raise `MalformedRenewalError`."""
    try:
        payload = signed.verify(message, lambda _hint: (public_key,), RENEWAL_CONTEXT)
        parts: object = cbor2.loads(payload)
    except (
        signed.MalformedEnvelopeError,
        signed.UnknownKeyError,
        signed.BadSignatureError,
        cbor2.CBORDecodeError,
        *UNREADABLE,
    ) as error:
        raise MalformedRenewalError(str(error)) from error
    if not isinstance(parts, list) or len(cast("list[object]", parts)) != _PARTS:
        raise MalformedRenewalError("must be an array of two")
    serial, csr = cast("list[object]", parts)
    if not isinstance(serial, bytes) or not isinstance(csr, bytes):
        raise MalformedRenewalError("must hold two byte strings")
    if len(serial) > _LONGEST_SERIAL:
        raise MalformedRenewalError("the serial number is too long")
    return RenewalRequest(int.from_bytes(serial), csr)


def take(issued: CertificateIssued, present: TlsIdentity, next_key: bytes) -> TlsIdentity:
    """Return the device's next identity, or raise `UnusableCertificateError`: nothing worse replaces a good one."""
    renewed = TlsIdentity(issued.certificate, next_key, present.authority).check()
    if renewed.name != present.name:
        raise UnusableCertificateError(f"the certificate is for {renewed.name!r}")
    if renewed.not_after < present.not_after:
        raise UnusableCertificateError("the certificate ends earlier than the present one")
    return renewed
