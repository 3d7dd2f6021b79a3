"""What an attacker on the way, or one who photographed the code, can do while a device enrols: nothing."""

import json
from collections.abc import Callable

import base45
import cbor2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_protocol import enrolment, renewal, signed
from access_protocol.certificates import TlsIdentity, new_key, request_for
from access_protocol.codec import decode
from access_protocol.enrolment import (
    Enrolment,
    EnrolmentAnswer,
    EnrolmentRequest,
    MalformedTicketError,
    Ticket,
    UnprovenAnswerError,
    code_key,
    fingerprint,
    open_answer,
    proves,
    request,
)
from access_protocol.keys import SigningKey
from access_protocol.renewal import CertificateIssued
from tests.vectors import make

CODE = "ABCD-EFGH-2345-67IJ"
OTHER_CODE = "ABCD-EFGH-2345-67IK"
URL = "http://genkan.example:8080"
AUTHORITY, ATTACKER, DEVICE = (SigningKey(letter * 32) for letter in (b"A", b"X", b"D"))
TYPED = Ticket(URL, CODE)
SHOWN = Ticket(URL, CODE, fingerprint(AUTHORITY.public))
CSR = request_for(new_key())
ASKED = request(TYPED, DEVICE.public, CSR)
TOLD = Enrolment(
    site="TYO",
    kind="gate",
    device="gate-1",
    broker_host="broker.example",
    broker_port=18830,
    certificate=b"certificate",
    certificate_authority=b"authority",
    authority=(AUTHORITY.public,),
)
IDENTITY_POINT = b"\x01" + bytes(31)
"""A public key under which one signature is good for every message, where the library does not look."""


def answered(
    told: Enrolment = TOLD,
    asked: EnrolmentRequest = ASKED,
    code: str = CODE,
    key: SigningKey = AUTHORITY,
) -> EnrolmentAnswer:
    return enrolment.answer(told, asked, code_key(code), key)


@pytest.mark.parametrize("ticket", [TYPED, SHOWN])
def test_the_answer_of_the_server_that_made_the_code_is_taken(ticket: Ticket) -> None:
    assert proves(ASKED, code_key(CODE))
    assert open_answer(answered(), ASKED, ticket) == TOLD


def test_the_code_is_not_in_what_is_sent() -> None:
    sent = msgspec.json.encode(ASKED) + msgspec.json.encode(answered())
    for group in CODE.split("-")[1:]:
        assert group.encode() not in sent
    assert ASKED.code == CODE[:4]


@pytest.mark.parametrize(
    "forged",
    [
        msgspec.structs.replace(ASKED, public_key=ATTACKER.public),
        msgspec.structs.replace(ASKED, csr=request_for(new_key())),
        msgspec.structs.replace(ASKED, proof=bytes(32)),
        request(Ticket(URL, OTHER_CODE), DEVICE.public, CSR),
    ],
)
def test_a_request_that_was_changed_on_the_way_proves_nothing(forged: EnrolmentRequest) -> None:
    assert not proves(forged, code_key(CODE))


@pytest.mark.parametrize("ticket", [TYPED, SHOWN])
@pytest.mark.parametrize(
    "forge",
    [
        # Somebody who does not know the code.
        lambda: answered(code=OTHER_CODE, key=ATTACKER),
        lambda: answered(code=OTHER_CODE),
        # The genuine answer to somebody else's request.
        lambda: answered(asked=request(TYPED, ATTACKER.public, CSR)),
        lambda: msgspec.structs.replace(answered(), proof=bytes(32)),
        lambda: msgspec.structs.replace(
            answered(), sealed=answered(msgspec.structs.replace(TOLD, broker_host="evil")).sealed
        ),
    ],
)
def test_an_answer_of_anybody_else_is_refused(
    ticket: Ticket, forge: Callable[[], EnrolmentAnswer]
) -> None:
    with pytest.raises(UnprovenAnswerError):
        open_answer(forge(), ASKED, ticket)


@pytest.mark.parametrize(
    "authority",
    [(ATTACKER.public,), (ATTACKER.public, AUTHORITY.public), (AUTHORITY.public, IDENTITY_POINT)],
)
def test_who_photographed_the_qr_code_cannot_play_the_server(authority: tuple[bytes, ...]) -> None:
    theirs = msgspec.structs.replace(TOLD, broker_host="evil", authority=authority)
    with pytest.raises(UnprovenAnswerError, match="QR code names"):
        open_answer(answered(theirs, key=ATTACKER), ASKED, SHOWN)


def test_a_key_that_signs_everything_proves_nothing_without_the_code() -> None:
    theirs = msgspec.structs.replace(TOLD, authority=(IDENTITY_POINT,))
    payload = msgspec.json.encode(theirs)
    header = signed.EDDSA_HEADER + enrolment.fingerprint(IDENTITY_POINT)[:2]
    sealed = signed.assemble(header, payload, IDENTITY_POINT + bytes(32))
    with pytest.raises(UnprovenAnswerError, match="server that made the code"):
        open_answer(EnrolmentAnswer(sealed=sealed, proof=bytes(32)), ASKED, TYPED)


@given(at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_no_changed_byte_of_an_answer_is_taken(at: int, flip: int) -> None:
    answer = answered()
    body = bytearray(answer.sealed + answer.proof)
    body[at % len(body)] ^= flip
    changed = EnrolmentAnswer(sealed=bytes(body[:-32]), proof=bytes(body[-32:]))
    with pytest.raises(UnprovenAnswerError):
        open_answer(changed, ASKED, TYPED)


@given(
    url=st.sampled_from(["http://10.0.0.7:8080", "https://genkan.example", "http://[::1]:8080"]),
    code=st.from_regex(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", fullmatch=True),
    mark=st.binary(min_size=32, max_size=32),
)
def test_a_qr_is_read_as_it_was_written_and_fits_alphanumeric_mode(
    url: str, code: str, mark: bytes
) -> None:
    ticket = Ticket(url, code, mark)
    assert Ticket.read(ticket.text()) == ticket
    assert set(ticket.text()) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


@given(
    st.text(max_size=700)
    | st.binary(max_size=300).map(lambda raw: "GKE1:" + base45.b45encode(raw).decode())
)
def test_whatever_is_held_before_the_camera_is_a_ticket_or_names_what_is_wrong(text: str) -> None:
    try:
        Ticket.read(text)
    except MalformedTicketError as error:
        field, why = error.field, str(error)
    else:
        field, why = "QR", "QR"
    assert field in {"QR", "url", "code", "fingerprint"}
    assert why.startswith(field)


def written(*fields: object) -> str:
    body = dict(enumerate(fields, 1))
    return "GKE1:" + base45.b45encode(cbor2.dumps(body)).decode()


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("GK1:ABC", "QR"),
        ("GKE1:", "QR"),
        ("GKE1:!!!", "QR"),
        ("GKE1:" + "A" * 600, "QR"),
        (written(URL, CODE), "QR"),
        (written(URL, CODE, "text"), "QR"),
        (written(7, CODE, bytes(32)), "QR"),
        (written("ftp://genkan.example", CODE, bytes(32)), "url"),
        (written("http://", CODE, bytes(32)), "url"),
        (written("http://a b", CODE, bytes(32)), "url"),
        (written("http://[", CODE, bytes(32)), "url"),
        (written("http://genkan:port", CODE, bytes(32)), "url"),
        (written("http://" + "a" * 300, CODE, bytes(32)), "url"),
        (written(URL, CODE.lower(), bytes(32)), "code"),
        (written(URL, CODE + "\n", bytes(32)), "code"),
        (written(URL, CODE, bytes(31)), "fingerprint"),
    ],
)
def test_a_bad_code_names_the_field_that_is_wrong(text: str, field: str) -> None:
    with pytest.raises(MalformedTicketError) as refused:
        Ticket.read(text)
    assert refused.value.field == field


def test_a_typed_code_may_be_in_small_letters_with_blanks_around_it() -> None:
    assert Ticket.typed(f" {URL}/ ", f" {CODE.lower()}\n") == TYPED


def test_an_identity_shows_no_private_key() -> None:
    identity = TlsIdentity(b"certificate", b"private bytes", b"authority")
    assert "private bytes" not in repr(identity)


VECTORS: dict[str, str] = json.loads(make.FILE.read_text("utf-8"))["enrolment"]


def test_the_vectors_are_what_a_device_and_a_server_say() -> None:
    ticket = Ticket.read(VECTORS["ticket"])
    assert (ticket.url, ticket.code) == (VECTORS["url"], VECTORS["code"])
    asked = decode(EnrolmentRequest, VECTORS["request"].encode())
    assert proves(asked, bytes.fromhex(VECTORS["code_key"]))
    told = open_answer(decode(EnrolmentAnswer, VECTORS["answer"].encode()), asked, ticket)
    identity = enrolment.identity(told, bytes.fromhex(VECTORS["tls_key"]))
    message = bytes.fromhex(VECTORS["renewal"])
    assert renewal.read_request(message, asked.public_key).serial == 0x1001
    issued = decode(CertificateIssued, VECTORS["certificate_issued"].encode())
    renewed = renewal.take(issued, identity, bytes.fromhex(VECTORS["next_tls_key"]))
    assert renewed.name == identity.name == "gate-1.1"
