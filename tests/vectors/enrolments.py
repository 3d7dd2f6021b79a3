"""The vectors of enrolment and renewal: every byte that both sides say, from fixed keys."""

from datetime import timedelta
from hashlib import sha256

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from access_protocol import codec, enrolment, renewal, signed
from access_protocol.certificates import TlsIdentity, request_for, requested_key
from access_protocol.enrolment import Enrolment, Ticket
from server.devices.authority import Authority
from tests.vectors.stage import AUTHORITY, GATE, GATE_KEY, NOON, SITE

CODE = "ABCD-EFGH-2345-67IJ"
URL = "http://genkan.example:8080"
SERIAL, NEXT_SERIAL = 0x1001, 0x1002
CERTIFICATE_AUTHORITY = Authority(
    bytes.fromhex(
        "3082019230820137a00302010202143f5bdfe07a1c5181ccc246a11f350f04b91efc4a300a06082a8648ce3d040302"
        "30243122302006035504030c1947656e6b616e20617574686f726974792037326462376232303020170d3730303130"
        "313030303030305a180f32303531303332363132303030305a30243122302006035504030c1947656e6b616e206175"
        "74686f726974792037326462376232303059301306072a8648ce3d020106082a8648ce3d03010703420004e2a02bac"
        "bb8a317464e780ff19248ceab40e92afe99fd4b0571004659f318548b602965f5b46de1b43331b05a4b63f3b92e12c"
        "86b9be170d2189d5c289f45d30a345304330120603551d130101ff040830060101ff020100300e0603551d0f0101ff"
        "040403020106301d0603551d0e0416041472db7b20ac9e5966839230a887b964afe3efd3f5300a06082a8648ce3d04"
        "03020349003046022100cfb8d53fe0859384409de05c9e90e955e2082f8744a29315a8824f97dbe2057e022100dc16"
        "6b21673c9c275bb6c878e90be52f627799c8d1d70a644d9569c6e270b957"
    ),
    bytes.fromhex(
        "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b020101042052d57a48e8a0b97e316938"
        "8bfeb86210141688f38452e19e16a3656463ff8873a14403420004e2a02bacbb8a317464e780ff19248ceab40e92af"
        "e99fd4b0571004659f318548b602965f5b46de1b43331b05a4b63f3b92e12c86b9be170d2189d5c289f45d30"
    ),
)


def _tls_key(name: str) -> bytes:
    secret = int.from_bytes(sha256(f"vector: {name}".encode()).digest())
    return ec.derive_private_key(secret, ec.SECP256R1()).private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def vectors() -> dict[str, object]:
    """One enrolment by QR and the renewal that follows it two months later."""
    ticket = Ticket(URL, CODE, enrolment.fingerprint(AUTHORITY.public))
    key, next_key = _tls_key("tls key"), _tls_key("next tls key")
    csr = request_for(key)
    asked = enrolment.request(ticket, GATE_KEY.public, csr)
    made = CERTIFICATE_AUTHORITY
    told = Enrolment(
        site=SITE,
        kind="gate",
        device=GATE,
        broker_host="genkan.example",
        broker_port=18830,
        certificate=made.for_client(f"{GATE}.1", requested_key(csr), SERIAL, NOON),
        certificate_authority=made.certificate,
        authority=(AUTHORITY.public,),
    )
    answer = enrolment.answer(told, asked, enrolment.code_key(CODE), AUTHORITY)
    present = TlsIdentity(told.certificate, key, made.certificate)
    later = NOON + timedelta(days=60)
    renewed = made.for_client(f"{GATE}.1", requested_key(request_for(next_key)), NEXT_SERIAL, later)
    return {
        "url": URL,
        "code": CODE,
        "code_key": enrolment.code_key(CODE).hex(),
        "fingerprint": enrolment.fingerprint(AUTHORITY.public).hex(),
        "ticket": ticket.text(),
        "ticket_cbor": enrolment.ticket_bytes(ticket).hex(),
        "device_seed": GATE_KEY.seed.hex(),
        "authority_seed": AUTHORITY.seed.hex(),
        "tls_key": key.hex(),
        "csr": csr.hex(),
        "request": codec.encode(asked).decode(),
        "sealed_payload": signed.split(
            answer.sealed, signed.EDDSA_HEADER
        ).unverified_payload.decode(),
        "external_aad": (enrolment.ENROLMENT_CONTEXT + asked.proof).hex(),
        "answer": codec.encode(answer).decode(),
        "certificate": told.certificate.hex(),
        "certificate_authority": made.certificate.hex(),
        "next_tls_key": next_key.hex(),
        "renewal": renewal.ask(present, next_key, GATE_KEY).hex(),
        "certificate_issued": codec.encode(renewal.CertificateIssued(certificate=renewed)).decode(),
    }
