"""A device's certificate for the broker: its own key, the request for a certificate, and the check of what comes.

TLS keys are EC P-256, everything is DER. A request (PKCS #10, RFC 2986) carries nothing but the public key and
the proof that its sender has the private one: who the device is, is for the server to say.
"""

import os
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

_DER = serialization.Encoding.DER
_PEM = serialization.Encoding.PEM
_FORMAT = serialization.PrivateFormat.PKCS8
_PLAIN = serialization.NoEncryption()


class UnusableCertificateError(ValueError):
    """A certificate, key or request that is not what it should be; the message says in what."""


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """What a program shows to the broker, and the authority by which it knows the broker. All DER."""

    certificate: bytes
    key: bytes = field(repr=False)
    """PKCS #8, not encrypted."""
    authority: bytes

    @property
    def not_after(self) -> datetime:
        """When the certificate ends. Raises `UnusableCertificateError`."""
        return read_certificate(self.certificate).not_valid_after_utc

    @property
    def name(self) -> str:
        """Who the certificate says its holder is. Raises `UnusableCertificateError`."""
        return common_name(read_certificate(self.certificate))

    def renewal_due(self, now: datetime) -> bool:
        """Tell whether two thirds of the certificate's life are over."""
        certificate = read_certificate(self.certificate)
        begun, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return now >= begun + (ends - begun) * 2 / 3

    def check(self) -> "TlsIdentity":
        """Return it, or raise `UnusableCertificateError` where its three parts do not belong together."""
        certificate, authority = (
            read_certificate(each) for each in (self.certificate, self.authority)
        )
        try:
            certificate.verify_directly_issued_by(authority)
        except (InvalidSignature, ValueError, TypeError) as error:
            raise UnusableCertificateError(
                "the certificate is not one of this authority"
            ) from error
        if _spki(certificate.public_key()) != _spki(read_key(self.key).public_key()):
            raise UnusableCertificateError("the certificate is for another key")
        return self

    def load_into(self, context: ssl.SSLContext) -> None:
        """Give certificate and key to a TLS context, without leaving either on a disk."""
        chain = read_certificate(self.certificate).public_bytes(_PEM)
        chain += read_key(self.key).private_bytes(_PEM, _FORMAT, _PLAIN)
        with _in_memory(chain) as path:
            context.load_cert_chain(path)

    def context(self) -> ssl.SSLContext:
        """Return a client's TLS context: 1.2 or later, this authority only, the host's name checked."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(cadata=self.authority)
        self.load_into(context)
        return context


def new_key() -> bytes:
    """Return a fresh private key."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(_DER, _FORMAT, _PLAIN)


def request_for(key: bytes) -> bytes:
    """Return the request for a certificate for a private key. Raises `UnusableCertificateError`."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    made = builder.sign(read_key(key), hashes.SHA256(), ecdsa_deterministic=True)
    return made.public_bytes(_DER)


def requested_key(request: bytes) -> ec.EllipticCurvePublicKey:
    """Return the public key of a request whose sender has the private one, or raise `UnusableCertificateError`."""
    try:
        read = x509.load_der_x509_csr(request)
        key, proven = read.public_key(), read.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise UnusableCertificateError("is no certificate request (PKCS #10, DER)") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UnusableCertificateError("must be for a key on P-256")
    if not proven:
        raise UnusableCertificateError("is not signed by the key that it is for")
    return key


def read_certificate(der: bytes) -> x509.Certificate:
    """Return a certificate, or raise `UnusableCertificateError`."""
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion) as error:
        raise UnusableCertificateError("not a certificate (X.509, DER)") from error


def common_name(certificate: x509.Certificate) -> str:
    """Return the common name of a certificate's subject; empty where it has none."""
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def read_key(key: bytes) -> ec.EllipticCurvePrivateKey:
    """Return a private key on P-256 (PKCS #8, DER), or raise `UnusableCertificateError`."""
    try:
        loaded = serialization.load_der_private_key(key, None)
    except (ValueError, TypeError) as error:
        raise UnusableCertificateError("not a private key (PKCS #8, DER)") from error
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise UnusableCertificateError("not a key on P-256")
    return loaded


def _spki(key: object) -> bytes:
    public = cast("ec.EllipticCurvePublicKey", key)
    return public.public_bytes(Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@contextmanager
def _in_memory(content: bytes) -> Generator[str]:
    """Lend `content` as a file that no disk ever sees: the TLS library takes a key by its path only."""
    descriptor = os.memfd_create("tls")
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
