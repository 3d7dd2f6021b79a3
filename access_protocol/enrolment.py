"""How a device becomes one of the site: the code that it is shown, what it asks with it, and the answer.

The code is never sent. Both sides prove with a MAC that they know it, so that nobody on the way (the server's
address may be plain http) can take it, put in a key of his own, or answer in the server's place. Where the code
came as a QR, the answer must also be signed by the key whose fingerprint stands in that QR: whoever only
photographed the code cannot play the server.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

import base45
import cbor2
import msgspec

from access_protocol import codec, signed
from access_protocol.cbor import UNREADABLE, bytes_at, load_map
from access_protocol.certificates import TlsIdentity
from access_protocol.codec import Der, DeviceIdText, Report, ShortText
from access_protocol.keys import SigningKey

PREFIX = "GKE1:"
"""How an enrolment QR begins; what follows is Base45 (RFC 9285) of CBOR."""
LONGEST_TICKET = 600
LONGEST_URL = 300
ENROLMENT_CONTEXT = b"genkan-enrolment-1"
GROUP = 4
MAC_BYTES = 32
_URL, _CODE, _FINGERPRINT = 1, 2, 3

EnrolmentCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}\Z")]
"""80 random bits as the server shows them: four groups of four Base32 letters."""
CodeGroup = Annotated[str, msgspec.Meta(pattern=r"^[A-Z2-7]{4}\Z")]
PublicKey = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Mac = Annotated[bytes, msgspec.Meta(min_length=MAC_BYTES, max_length=MAC_BYTES)]


class MalformedTicketError(ValueError):
    """A text that is no enrolment code or enrolment QR; `field` names what is wrong with it."""

    def __init__(self, field: str, why: str) -> None:
        """`field` is code, url, fingerprint or QR; `why` goes on from it."""
        super().__init__(f"{field}: {why}")
        self.field = field


class UnprovenAnswerError(ValueError):
    """An answer that does not come from the server which made the code."""


class EnrolmentRequest(Report, frozen=True, kw_only=True):
    """What a new device sends. `code` is the first group of its code, by which the server finds the rest.

    `public_key` is the raw Ed25519 key by which it signs; `csr` asks for its certificate (PKCS #10, DER);
    `proof` is HMAC-SHA256 with the SHA-256 of the whole code over context, `public_key` and `csr`.
    """

    code: CodeGroup
    public_key: PublicKey
    csr: Der
    proof: Mac


class Enrolment(Report, frozen=True, kw_only=True):
    """Who the device is from now on, where its broker is, and whom it believes.

    `authority` holds the raw Ed25519 keys that sign documents; `certificate` is the device's own and
    `certificate_authority` the one that the broker's must come from (X.509, DER).
    """

    site: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{1,3}\Z")]
    kind: Literal["gate", "controller"]
    device: DeviceIdText
    broker_host: ShortText
    broker_port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    certificate: Der
    certificate_authority: Der
    authority: Annotated[tuple[PublicKey, ...], msgspec.Meta(min_length=1, max_length=8)]


class EnrolmentAnswer(Report, frozen=True, kw_only=True):
    """`sealed` is an Enrolment as JSON in a COSE_Sign1; `proof` says that whoever sent it knows the code."""

    sealed: bytes
    proof: Mac


@dataclass(frozen=True, slots=True)
class Ticket:
    """What an enrolment QR holds: the server's address, the code, and the SHA-256 of the key that will sign.

    A code that was typed comes without a fingerprint.
    """

    url: str
    code: str
    fingerprint: bytes | None = None

    def __post_init__(self) -> None:
        """Raise `MalformedTicketError` where a field is not what it should be."""
        _check_url(self.url)
        try:
            msgspec.convert(self.code, EnrolmentCode)
        except msgspec.ValidationError as error:
            raise MalformedTicketError(
                "code",
                "must be four groups of four letters A-Z or digits 2-7, such as ABCD-EFGH-2345-67IJ",
            ) from error
        if self.fingerprint is not None and len(self.fingerprint) != MAC_BYTES:
            raise MalformedTicketError("fingerprint", f"must be {MAC_BYTES} bytes")

    @classmethod
    def typed(cls, url: str, code: str) -> "Ticket":
        """Return the ticket of a code that a person typed, in small letters or with blanks around it."""
        return cls(url.strip().rstrip("/"), code.strip().upper())

    @classmethod
    def read(cls, text: str) -> "Ticket":
        """Return what an enrolment QR holds, or raise `MalformedTicketError`."""
        if not text.startswith(PREFIX):
            raise MalformedTicketError(
                "QR", f"is no enrolment code: it does not begin with {PREFIX}"
            )
        if len(text) > LONGEST_TICKET:
            raise MalformedTicketError("QR", "is longer than any enrolment code")
        try:
            payload = base45.b45decode(text[len(PREFIX) :])
            fields = load_map(payload)
            url, code = fields[_URL], fields[_CODE]
            fingerprint = bytes_at(fields, _FINGERPRINT)
        except UNREADABLE as error:
            raise MalformedTicketError("QR", "is damaged, or of another version") from error
        if not isinstance(url, str) or not isinstance(code, str):
            raise MalformedTicketError("QR", "holds no address or no code")
        return cls(url, code, fingerprint)

    def text(self) -> str:
        """Return the text of the QR, which fits its alphanumeric mode."""
        return PREFIX + base45.b45encode(ticket_bytes(self)).decode("ascii")


def ticket_bytes(ticket: Ticket) -> bytes:
    """Return the CBOR that stands in the QR."""
    return cbor2.dumps({_URL: ticket.url, _CODE: ticket.code, _FINGERPRINT: ticket.fingerprint})


def is_ticket(text: str) -> bool:
    """Tell whether a text that was read from a QR means to be an enrolment code."""
    return text.startswith(PREFIX)


def fingerprint(authority: bytes) -> bytes:
    """Return what an enrolment QR says of the raw Ed25519 key that signs the answer."""
    return hashlib.sha256(authority).digest()


def code_key(code: str) -> bytes:
    """Return the key of both proofs; the server keeps this and not the code."""
    return hashlib.sha256(code.encode()).digest()


def request(ticket: Ticket, public_key: bytes, csr: bytes) -> EnrolmentRequest:
    """Return what a device asks with its code."""
    proof = _asked(code_key(ticket.code), public_key, csr)
    return EnrolmentRequest(code=ticket.code[:GROUP], public_key=public_key, csr=csr, proof=proof)


def proves(asked: EnrolmentRequest, key: bytes) -> bool:
    """Tell whether a request was made by somebody who knows the code of this `code_key`."""
    return hmac.compare_digest(asked.proof, _asked(key, asked.public_key, asked.csr))


def answer(
    enrolment: Enrolment, asked: EnrolmentRequest, key: bytes, authority: SigningKey
) -> EnrolmentAnswer:
    """Return the server's answer to one request, with the `code_key` of its code."""
    context = ENROLMENT_CONTEXT + asked.proof
    sealed = signed.sign(codec.encode(enrolment), authority, context)
    return EnrolmentAnswer(sealed=sealed, proof=_mac(key, context + sealed))


def open_answer(told: EnrolmentAnswer, asked: EnrolmentRequest, ticket: Ticket) -> Enrolment:
    """Return the enrolment that answers this request.

    Raises `UnprovenAnswerError`, and `MalformedReportError` where the server speaks another version.
    """
    context = ENROLMENT_CONTEXT + asked.proof
    if not hmac.compare_digest(told.proof, _mac(code_key(ticket.code), context + told.sealed)):
        raise UnprovenAnswerError("the answer is not from the server that made the code")
    try:
        claimed = signed.split(told.sealed, signed.EDDSA_HEADER).unverified_payload
        # Whoever wrote this knows the code: it may be read, to learn which keys it names.
        enrolment = codec.decode(Enrolment, claimed)
        believed = [
            each for each in enrolment.authority if ticket.fingerprint in (None, fingerprint(each))
        ]
        signed.verify(told.sealed, lambda _hint: believed, context)
    except (
        signed.MalformedEnvelopeError,
        signed.UnknownKeyError,
        signed.BadSignatureError,
    ) as error:
        raise UnprovenAnswerError(
            "the answer is not signed by the key that the QR code names"
            if ticket.fingerprint
            else "the answer is not signed by a key of the site"
        ) from error
    return enrolment


def identity(enrolment: Enrolment, key: bytes) -> TlsIdentity:
    """Return the device's identity at the broker; raises `UnusableCertificateError` where `key` is another."""
    return TlsIdentity(enrolment.certificate, key, enrolment.certificate_authority).check()


def _asked(key: bytes, public_key: bytes, csr: bytes) -> bytes:
    return _mac(key, ENROLMENT_CONTEXT + public_key + csr)


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if (
        not good
        or len(url) > LONGEST_URL
        or any(char.isspace() or not char.isprintable() for char in url)
    ):
        raise MalformedTicketError(
            "url", "must be the server's address and begin with http:// or https://"
        )
