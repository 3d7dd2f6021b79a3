"""The frozen vectors: our bytes stay what they are, and a library that we did not write reads them."""

import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import cbor2
import cwt
import pytest
from cwt import COSEKey

from access_protocol import commands, credential, documents, events, knowledge, signed
from access_protocol.decision import DenyReason
from access_protocol.keys import KeyRing, RingKey
from access_protocol.rules import Circumstances, CodePresented, decide
from tests.fakes.knowledge import FakeHistory, FakeKnowledge
from tests.vectors import make

VECTORS: dict[str, Any] = json.loads(make.FILE.read_text(encoding="utf-8"))
NOW = datetime.fromisoformat(VECTORS["now"])
AUTHORITY = KeyRing(
    [RingKey(make.AUTHORITY.public, NOW - timedelta(days=1), NOW + timedelta(days=1))]
)
CASES: list[dict[str, Any]] = VECTORS["decisions"]["cases"]


def test_making_the_vectors_again_gives_the_same_bytes() -> None:
    assert make.written() == make.FILE.read_text(encoding="utf-8")


def test_every_credential_vector_is_within_its_ceiling() -> None:
    sizes = {v["name"]: len(bytes.fromhex(v["message"])) for v in VECTORS["credentials"]}

    assert sizes["static at its ceiling"] == credential.STATIC_CEILING
    assert max(sizes.values()) <= credential.FULL_CEILING


@pytest.mark.parametrize("name", ["static", "static at its ceiling", "bound"])
def test_an_independent_cwt_library_verifies_our_credentials_and_reads_the_same_claims(
    name: str,
) -> None:
    message = bytes.fromhex(_credential(name)["message"])
    issuer = COSEKey.new({1: 1, 2: make.ISSUER.key_id, 3: -8, -1: 6, -2: make.ISSUER.public})
    tagged = b"\xd2" + message  # the library wants tag 18 (COSE_Sign1), the QR code does without

    claims = cwt.COSE.new().decode(tagged, issuer)
    ours = credential.verify_issuer(
        credential.read(_credential(name)["text"]), lambda _hint: [make.ISSUER.public]
    )

    read = cbor2.loads(claims)
    assert read[3] == ours.site == "TYO"
    assert read[4] == int(ours.expires.timestamp())
    assert read[5] == int(ours.not_before.timestamp())
    assert read[7] == ours.id == make.VISITOR
    assert read[-65537][2:] == list(ours.zones)


def test_an_independent_cose_library_verifies_the_holders_presentation() -> None:
    full = b"\xd2" + bytes.fromhex(_credential("bound, full presentation")["message"])
    bound = bytes.fromhex(_credential("bound")["message"])
    point = make.HOLDER.public_key().public_numbers()
    holder = COSEKey.new(
        {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
    )
    context = b"genkan-pass-1" + sha256(bound).digest()

    payload = cwt.COSE.new().decode(full, holder, external_aad=context)

    assert cbor2.loads(payload) == [int(NOW.timestamp()), bound]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_each_vector_is_decided_as_the_file_says(case: dict[str, Any]) -> None:
    site = FakeKnowledge(make.SITE, make.POLICY, make.RING, {make.VISITOR: 1})
    circumstances = Circumstances(NOW, clock_trusted=True, knowledge_age=timedelta())

    decision = decide(
        CodePresented(tuple(case["texts"])), make.POINT, site, FakeHistory(), circumstances
    )

    assert decision.reason == (case["reason"] and DenyReason(case["reason"]))


def test_the_command_vector_says_what_the_file_says() -> None:
    vector = VECTORS["command"]

    command = commands.open_command(bytes.fromhex(vector["message"]), (make.GATE_KEY.public,))

    assert command.controller == vector["controller"]
    assert command.nonce.hex() == vector["nonce"]
    assert command.event == vector["event"]
    assert command.pulse == timedelta(milliseconds=vector["pulse_ms"])
    assert command.action is commands.Action.UNLOCK


@pytest.mark.parametrize("vector", VECTORS["documents"], ids=lambda vector: vector["kind"])
def test_each_document_vector_opens_for_the_device_it_is_for(vector: dict[str, str]) -> None:
    device = make.CONTROLLER if vector["kind"] == "key_list" else make.GATE

    document = documents.open_document(
        bytes.fromhex(vector["message"]), AUTHORITY, site=make.SITE, device=device, at=NOW
    )

    assert document.kind == vector["kind"]
    assert document.version == 7
    assert document.issued == NOW


def test_the_document_vectors_hold_the_sections_they_were_made_from() -> None:
    body = {
        documents.DocumentKind(v["kind"]): documents.open_document(
            bytes.fromhex(v["message"]),
            AUTHORITY,
            site=make.SITE,
            device=make.CONTROLLER if v["kind"] == "key_list" else make.GATE,
            at=NOW,
        ).body
        for v in VECTORS["documents"]
    }

    assert knowledge.read_keys(body[documents.DocumentKind.KEYS]) == make.RING
    assert knowledge.read_policy(body[documents.DocumentKind.POLICY]) == make.POLICY
    assert knowledge.read_revocations(body[documents.DocumentKind.REVOCATIONS]) == {make.VISITOR: 1}
    (obeyed,) = knowledge.read_key_list(body[documents.DocumentKind.KEY_LIST])
    assert obeyed.public == make.GATE_KEY.public


def test_the_journal_vector_is_one_chain() -> None:
    previous = events.FIRST_HASH
    for row in VECTORS["journal"]:
        previous = events.chained(previous, row["body"])

        assert previous.hex() == row["hash"]
        assert events.body_text(events.read_body(row["body"])) == row["body"]


@pytest.mark.parametrize("name", ["static", "bound"])
def test_every_flipped_bit_of_a_credential_is_refused(name: str) -> None:
    message = bytes.fromhex(_credential(name)["message"])

    for flipped in _each_bit_flipped(message):
        with pytest.raises(ValueError, match=r".*"):
            credential.verify_issuer(
                credential.read(credential.to_text(flipped)), lambda _hint: [make.ISSUER.public]
            )


def test_every_flipped_bit_of_a_command_is_refused() -> None:
    message = bytes.fromhex(VECTORS["command"]["message"])

    for flipped in _each_bit_flipped(message):
        with pytest.raises((signed.MalformedEnvelopeError, signed.BadSignatureError)):
            commands.open_command(flipped, (make.GATE_KEY.public,))


def _credential(name: str) -> dict[str, str]:
    return next(vector for vector in VECTORS["credentials"] if vector["name"] == name)


def _each_bit_flipped(message: bytes) -> list[bytes]:
    flipped: list[bytes] = []
    for place in range(len(message) * 8):
        changed = bytearray(message)
        changed[place // 8] ^= 1 << place % 8
        flipped.append(bytes(changed))
    return flipped
