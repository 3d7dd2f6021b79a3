"""A certificate authority (X.509, EC P-256): for devices, the broker and the server itself, or for the website.

Pure: what it signs and when is said by whoever calls; `certificates` keeps it and decides. Times before which a
certificate does not count lie far back on purpose where a device checks them: a gate without a battery clock wakes
up in 1970, and it can only learn the time from the server over this connection.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from access_protocol import certificates
from access_protocol.certificates import TlsIdentity, UnusableCertificateError

DEVICE_LIFE = timedelta(days=90)
BROKER_LIFE = timedelta(days=90)
OWN_LIFE = timedelta(days=90)
"""Of a certificate of the server's own processes: each makes a fresh one for every connection."""
AUTHORITY_LIFE = timedelta(days=365 * 25)
WEB_LIFE = timedelta(days=397)
"""Browsers and phones take no website's certificate that lasts longer."""
WEB_AUTHORITY_LIFE = timedelta(days=365 * 10)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
BACKDATED = timedelta(minutes=10)
"""So that a broker on another machine, whose clock is a little behind, takes a new certificate at once."""
_LONGEST_CALLED = 50
"""Characters: with the rest, a common name has at most 64."""
_DER = serialization.Encoding.DER
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Revoked:
    """A certificate that no longer counts."""

    serial: int
    at: datetime


@dataclass(frozen=True)
class Authority:
    """A certificate authority with its key; both DER, the key as PKCS #8."""

    certificate: bytes
    key: bytes = field(repr=False)

    @classmethod
    def new(cls, now: datetime) -> "Authority":
        """Return a new authority, which signs for 25 years from `now`."""
        return cls._made("Genkan authority", LONG_AGO, now + AUTHORITY_LIFE)

    @classmethod
    def for_website(cls, hosts: Sequence[str], now: datetime) -> "Authority":
        """Return a new authority which counts for these host names and addresses, and for websites, only.

        People put it among those that their phone trusts: even in the wrong hands it vouches for nothing else
        (RFC 5280, 4.2.1.10; a constraint on names says nothing of addresses, so both are always there). Of a
        host name the names below it are meant too: the RFC knows no narrower constraint.
        """
        return cls._made(
            f"Genkan at {hosts[0]}",
            now - timedelta(days=1),
            now + WEB_AUTHORITY_LIFE,
            (_only(hosts), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        )

    @classmethod
    def _made(
        cls,
        called: str,
        begins: datetime,
        ends: datetime,
        *further: tuple[x509.ExtensionType, bool],
    ) -> "Authority":
        private = ec.generate_private_key(ec.SECP256R1())
        public = private.public_key()
        subject_key = x509.SubjectKeyIdentifier.from_public_key(public)
        name = _name(f"{called[:_LONGEST_CALLED]} {subject_key.digest.hex()[:8]}")
        builder = (
            x509.CertificateBuilder(name, name, public, x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(subject_key, critical=False)
        )
        for extension, critical in further:
            builder = builder.add_extension(extension, critical)
        made = builder.sign(private, hashes.SHA256()).public_bytes(_DER)
        key = private.private_bytes(
            _DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return cls(made, key)

    def for_client(
        self,
        name: str,
        public: ec.EllipticCurvePublicKey,
        serial: int,
        now: datetime,
        life: timedelta = DEVICE_LIFE,
    ) -> bytes:
        """Return a certificate (DER) by which `name` signs in at the broker from `now` on."""
        builder = self._begun(name, public, serial, ExtendedKeyUsageOID.CLIENT_AUTH)
        return self._signed(builder, now - BACKDATED, now + life)

    def for_broker(self, hosts: Sequence[str], now: datetime) -> TlsIdentity:
        """Return a fresh key and certificate for the broker at these host names and addresses."""
        return self._for_server("broker", hosts, LONG_AGO, now + BROKER_LIFE)

    def for_web(self, hosts: Sequence[str], now: datetime) -> TlsIdentity:
        """Return a fresh key and certificate for the website at these host names and addresses."""
        begins = now - BACKDATED
        return self._for_server("Genkan", hosts, begins, begins + WEB_LIFE)

    def _for_server(
        self, called: str, hosts: Sequence[str], begins: datetime, ends: datetime
    ) -> TlsIdentity:
        key = certificates.new_key()
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        serial = x509.random_serial_number()
        builder = self._begun(
            called, _public(key), serial, ExtendedKeyUsageOID.SERVER_AUTH
        ).add_extension(names, critical=False)
        return TlsIdentity(self._signed(builder, begins, ends), key, self.certificate)

    def for_own_process(self, name: str, now: datetime) -> TlsIdentity:
        """Return a fresh key and certificate for a process of the server itself."""
        key = certificates.new_key()
        made = self.for_client(name, _public(key), x509.random_serial_number(), now, OWN_LIFE)
        return TlsIdentity(made, key, self.certificate)

    def revocation_list(self, revoked: Iterable[Revoked], at: datetime) -> bytes:
        """Return the signed list (CRL, PEM) as of `at`; the same input gives the same bytes.

        It has no end of its own: the broker reads it from our disk, and one that had ended would shut
        everybody out.
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._x509.subject)
            .last_update(at)
            .next_update(self._x509.not_valid_after_utc)
            .add_extension(x509.CRLNumber(int(at.timestamp())), critical=False)
            .add_extension(self._issuer_key, critical=False)
        )
        for each in sorted(revoked, key=lambda one: one.serial):
            entry = x509.RevokedCertificateBuilder(each.serial, each.at)
            builder = builder.add_revoked_certificate(entry.build())
        made = builder.sign(self._private, hashes.SHA256(), ecdsa_deterministic=True)
        return made.public_bytes(_PEM)

    @cached_property
    def _x509(self) -> x509.Certificate:
        return certificates.read_certificate(self.certificate)

    @cached_property
    def _private(self) -> ec.EllipticCurvePrivateKey:
        return certificates.read_key(self.key)

    @property
    def _issuer_key(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._private.public_key())

    def _begun(
        self,
        name: str,
        public: ec.EllipticCurvePublicKey,
        serial: int,
        use: x509.ObjectIdentifier,
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder(self._x509.subject, _name(name), public, serial)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(self._issuer_key, critical=False)
        )

    def _signed(self, builder: x509.CertificateBuilder, begins: datetime, ends: datetime) -> bytes:
        last = min(ends, self._x509.not_valid_after_utc)
        builder = builder.not_valid_before(begins).not_valid_after(last)
        made = builder.sign(self._private, hashes.SHA256(), ecdsa_deterministic=True)
        return made.public_bytes(_DER)


def pem_certificate(der: bytes) -> str:
    """Return a certificate as text."""
    return certificates.read_certificate(der).public_bytes(_PEM).decode("ascii")


def pem_key(der: bytes) -> str:
    """Return a private key as text, not encrypted."""
    made = certificates.read_key(der).private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.decode("ascii")


def from_pem(certificate: bytes, key: bytes, authority: bytes) -> TlsIdentity:
    """Return an identity from its certificate and key as text; raise `UnusableCertificateError`."""
    try:
        read = x509.load_pem_x509_certificate(certificate)
        private = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError) as error:
        raise UnusableCertificateError("not a certificate with its key (PEM)") from error
    return TlsIdentity(
        read.public_bytes(_DER),
        private.private_bytes(
            _DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        authority,
    )


def is_for_website(certificate: bytes, hosts: Sequence[str]) -> bool:
    """Tell whether this is the certificate of an authority for exactly these host names and addresses."""
    try:
        found = certificates.read_certificate(certificate).extensions.get_extension_for_class(
            x509.NameConstraints
        )
    except x509.ExtensionNotFound:
        return False
    return found.value == _only(hosts)


def hosts_of(certificate: bytes) -> list[str]:
    """Return the names and addresses that a broker's certificate is for, in their order."""
    extensions = certificates.read_certificate(certificate).extensions
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names]


def _public(key: bytes) -> ec.EllipticCurvePublicKey:
    return certificates.read_key(key).public_key()


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


_NO_HOST = x509.DNSName("invalid")
"""No host is called so (RFC 6761); where nothing but it is permitted, no name is."""
_EVERY_ADDRESS = [
    x509.IPAddress(ipaddress.ip_network("0.0.0.0/0")),
    x509.IPAddress(ipaddress.ip_network("::/0")),
]


def _only(hosts: Sequence[str]) -> x509.NameConstraints:
    names = [_general_name(host) for host in hosts]
    permitted: list[x509.GeneralName] = [
        x509.IPAddress(ipaddress.ip_network(each.value))
        if isinstance(each, x509.IPAddress)
        else each
        for each in names
    ]
    by_address = any(isinstance(each, x509.IPAddress) for each in names)
    if not any(isinstance(each, x509.DNSName) for each in names):
        permitted.append(_NO_HOST)
    return x509.NameConstraints(permitted, None if by_address else _EVERY_ADDRESS)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
