"""Requests for certificates, renewal, and the certificates that come of them."""

import ssl
from datetime import UTC, datetime, timedelta

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from access_protocol import renewal, signed
from access_protocol.certificates import (
    TlsIdentity,
    UnusableCertificateError,
    new_key,
    read_certificate,
    request_for,
    requested_key,
)
from access_protocol.keys import SigningKey
from access_protocol.renewal import CertificateIssued, MalformedRenewalError
from server.devices.authority import (
    DEVICE_LIFE,
    LONG_AGO,
    Authority,
    Revoked,
    from_pem,
    hosts_of,
    pem_certificate,
    pem_key,
)

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
CA = Authority.new(NOW)
KEY = new_key()
REQUEST = request_for(KEY)
SIGNER = SigningKey(b"D" * 32)


def identity(
    name: str = "gate-1.1", at: datetime = NOW, key: bytes = KEY, authority: Authority = CA
) -> TlsIdentity:
    made = authority.for_client(name, requested_key(request_for(key)), 5, at)
    return TlsIdentity(made, key, CA.certificate)


def a_request(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_nothing_of_a_request_is_believed_but_its_key() -> None:
    asked = a_request(ec.generate_private_key(ec.SECP256R1()))
    made = read_certificate(CA.for_client("gate-1.1", requested_key(asked), 5, NOW))
    assert made.subject.rfc4514_string() == "CN=gate-1.1"
    extensions = made.extensions
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    use = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(use) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert made.not_valid_after_utc - NOW == DEVICE_LIFE


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (b"", "no certificate request"),
        (REQUEST[:-1], "no certificate request"),
        (REQUEST + b"\0", "no certificate request"),
        (a_request(rsa.generate_private_key(65537, 2048)), "P-256"),
        (a_request(ec.generate_private_key(ec.SECP384R1())), "P-256"),
        (REQUEST[:-2] + bytes([REQUEST[-2] ^ 1, REQUEST[-1]]), "not signed"),
    ],
)
def test_a_request_that_is_none_says_why(asked: bytes, why: str) -> None:
    with pytest.raises(UnusableCertificateError, match=why):
        requested_key(asked)


@given(at=st.integers(0, len(REQUEST) - 1), to=st.integers(0, 255))
def test_a_changed_request_is_refused_or_is_still_for_the_key_of_its_sender(
    at: int, to: int
) -> None:
    changed = bytearray(REQUEST)
    changed[at] = to
    try:
        key = requested_key(bytes(changed))
    except UnusableCertificateError:
        return
    assert key == requested_key(REQUEST)


def test_an_authority_signs_no_authorities() -> None:
    made = read_certificate(CA.certificate)
    constraints = made.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)


def test_a_device_without_a_clock_believes_the_brokers_certificate() -> None:
    broker = CA.for_broker(["127.0.0.1", "::1", "broker.example"], NOW)
    for der in (broker.certificate, CA.certificate):
        assert read_certificate(der).not_valid_before_utc == LONG_AGO
    assert hosts_of(broker.certificate) == ["127.0.0.1", "::1", "broker.example"]
    use = read_certificate(broker.certificate).extensions.get_extension_for_class(
        x509.ExtendedKeyUsage
    )
    assert list(use.value) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_no_certificate_outlives_its_authority() -> None:
    late = read_certificate(CA.certificate).not_valid_after_utc - timedelta(days=1)
    made = CA.for_own_process("server", late)
    assert made.not_after == read_certificate(CA.certificate).not_valid_after_utc


def test_a_certificate_and_its_key_come_back_from_their_text() -> None:
    made = CA.for_broker(["localhost"], NOW)
    texts = pem_certificate(made.certificate).encode(), pem_key(made.key).encode()
    assert from_pem(*texts, CA.certificate) == made
    with pytest.raises(UnusableCertificateError):
        from_pem(b"", texts[1], CA.certificate)


def test_a_revocation_list_is_the_same_bytes_for_the_same_content() -> None:
    revoked = [Revoked(9, NOW), Revoked(3, NOW)]
    first = CA.revocation_list(revoked, NOW)
    assert first == CA.revocation_list(reversed(revoked), NOW)
    read = x509.load_pem_x509_crl(first)
    assert {each.serial_number for each in read} == {3, 9}
    assert read.is_signature_valid(read_certificate(CA.certificate).public_key())  # pyright: ignore[reportArgumentType]


def test_a_tls_context_checks_authority_and_name_and_begins_at_1_2() -> None:
    context = CA.for_own_process("server", NOW).context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize(("days", "due"), [(0, False), (59, False), (60, True), (91, True)])
def test_renewal_is_due_at_two_thirds_of_a_certificates_life(days: int, due: bool) -> None:  # noqa: FBT001
    assert identity().renewal_due(NOW + timedelta(days=days)) is due


def test_a_renewal_is_read_by_who_knows_the_devices_key() -> None:
    message = renewal.ask(identity(), new_key(), SIGNER)
    asked = renewal.read_request(message, SIGNER.public)
    assert asked.serial == 5
    assert requested_key(asked.csr)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        renewal.ask(identity(), KEY, SigningKey(b"X" * 32)),
        signed.sign(cbor2.dumps([b"\5", REQUEST]), SIGNER, b"genkan-document-1"),
        signed.sign(cbor2.dumps([b"\5"]), SIGNER, renewal.RENEWAL_CONTEXT),
        signed.sign(cbor2.dumps([5, REQUEST]), SIGNER, renewal.RENEWAL_CONTEXT),
        signed.sign(cbor2.dumps([bytes(21), REQUEST]), SIGNER, renewal.RENEWAL_CONTEXT),
        signed.sign(b"\xff", SIGNER, renewal.RENEWAL_CONTEXT),
    ],
)
def test_who_holds_the_broker_cannot_ask_in_a_devices_name(message: bytes) -> None:
    with pytest.raises(MalformedRenewalError):
        renewal.read_request(message, SIGNER.public)


def test_a_device_takes_the_next_certificate() -> None:
    next_key, later = new_key(), NOW + timedelta(days=60)
    fresh = identity(at=later, key=next_key)
    issued = CertificateIssued(certificate=fresh.certificate)
    assert renewal.take(issued, identity(), next_key) == fresh


@pytest.mark.parametrize(
    ("issued", "why"),
    [
        (identity("gate-2.1", NOW + timedelta(days=60)), "is for 'gate-2.1'"),
        (identity(at=NOW - timedelta(seconds=1)), "earlier"),
        (identity(at=NOW + timedelta(days=60), key=new_key()), "another key"),
        (
            identity(at=NOW + timedelta(days=60), authority=Authority.new(NOW)),
            "not one of this authority",
        ),
        (TlsIdentity(b"\x30", KEY, CA.certificate), "not a certificate"),
    ],
)
def test_nothing_worse_replaces_a_good_certificate(issued: TlsIdentity, why: str) -> None:
    with pytest.raises(UnusableCertificateError, match=why):
        renewal.take(CertificateIssued(certificate=issued.certificate), identity(), KEY)
