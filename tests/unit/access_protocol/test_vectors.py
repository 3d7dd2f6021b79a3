"""The frozen vectors: our bytes stay what they are, and a library that we did not write reads them."""

import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import cbor2
import cwt
import pytest
from cwt import COSEKey

from access_protocol import (
    commands,
    credential,
    documents,
    entrance_code,
    events,
    feeds,
    knowledge,
)
from access_protocol.credential import PASSES, CredentialClass
from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.ids import CredentialId, PortalId
from access_protocol.keys import KeyRing, RingKey
from access_protocol.presence import Presence
from access_protocol.rules import (
    Circumstances,
    CodePresented,
    OperatorRequest,
    PosterScanned,
    Request,
    decide,
    not_journaled,
)
from tests.fakes.knowledge import FakeHistory, FakeKnowledge
from tests.vectors import make, stage

VECTORS: dict[str, Any] = json.loads(make.FILE.read_text(encoding="utf-8"))
NOW = datetime.fromisoformat(VECTORS["now"])
AUTHORITY = KeyRing(
    [RingKey(stage.AUTHORITY.public, NOW - timedelta(days=1), NOW + timedelta(days=1))]
)
CASES: list[dict[str, Any]] = VECTORS["decisions"]["cases"]


def test_making_the_vectors_again_gives_the_same_bytes() -> None:
    assert make.written() == make.FILE.read_text(encoding="utf-8")


def test_every_credential_vector_is_within_its_ceiling() -> None:
    sizes = {v["name"]: len(bytes.fromhex(v["message"])) for v in VECTORS["credentials"]}

    assert sizes["static at its ceiling"] == credential.STATIC_CEILING
    assert sizes["voucher at its ceiling"] == credential.VOUCHER_CEILING
    assert sizes["bound, short presentation"] <= credential.SHORT_CEILING
    assert max(sizes.values()) <= credential.FULL_CEILING


@pytest.mark.parametrize(
    "name",
    [
        "static",
        "static at its ceiling",
        "bound",
        "refreshed",
        "voucher",
        "voucher at its ceiling",
    ],
)
def test_an_independent_cwt_library_verifies_our_credentials_and_reads_the_same_claims(
    name: str,
) -> None:
    message = bytes.fromhex(_credential(name)["message"])
    issuer = COSEKey.new({1: 1, 2: stage.ISSUER.key_id, 3: -8, -1: 6, -2: stage.ISSUER.public})
    tagged = b"\xd2" + message  # the library wants tag 18 (COSE_Sign1), the QR code does without

    claims = cwt.COSE.new().decode(tagged, issuer)
    ours = credential.verify_issuer(
        credential.read(_credential(name)["text"]), lambda _hint: [stage.ISSUER.public]
    )

    read = cbor2.loads(claims)
    assert read[3] == ours.site == "TYO"
    assert read[4] == int(ours.expires.timestamp())
    assert read[5] == int(ours.not_before.timestamp())
    assert read[7] == ours.id
    if ours.machine is None:
        assert ours.id == stage.VISITOR
        assert read[-65537][2:] == list(ours.zones)
    else:
        assert ours.id == stage.VOUCHER
        assert read[-65537] == [4, ours.slot, ours.machine]


def test_an_independent_cose_library_verifies_the_holders_presentation() -> None:
    full = b"\xd2" + bytes.fromhex(_credential("bound, full presentation")["message"])
    bound = bytes.fromhex(_credential("bound")["message"])
    point = stage.HOLDER.public_key().public_numbers()
    holder = COSEKey.new(
        {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
    )
    context = b"genkan-pass-1" + sha256(bound).digest()

    payload = cwt.COSE.new().decode(full, holder, external_aad=context)

    assert cbor2.loads(payload) == [int(NOW.timestamp()), bound]


def test_an_independent_cose_library_verifies_the_short_presentation() -> None:
    short = b"\xd2" + bytes.fromhex(_credential("bound, short presentation")["message"])
    bound = bytes.fromhex(_credential("bound")["message"])
    point = stage.HOLDER.public_key().public_numbers()
    holder = COSEKey.new(
        {
            1: 2,
            2: stage.VISITOR,
            3: -7,
            -1: 1,
            -2: point.x.to_bytes(32, "big"),
            -3: point.y.to_bytes(32, "big"),
        }
    )
    context = b"genkan-pass-1" + sha256(bound).digest()

    payload = cwt.COSE.new().decode(short, holder, external_aad=context)

    assert cbor2.loads(payload) == [int(NOW.timestamp())]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_each_vector_is_decided_as_the_file_says(case: dict[str, Any]) -> None:
    decision = _decided(case["texts"], case["given"])

    assert decision.reason == (case["reason"] and DenyReason(case["reason"]))
    assert decision.warning == case["given"].get("warning")
    if decision.granted:
        assert decision.slot == case["given"].get("slot")


def test_there_is_a_vector_for_every_reason_and_for_every_class() -> None:
    assert {case["reason"] for case in CASES} == {None, *DenyReason}
    granted = {_decided(c["texts"], c["given"]).credential_class for c in CASES if not c["reason"]}
    assert granted == {None, *CredentialClass}


def _decided(texts: list[str], given: dict[str, Any]) -> AccessDecision:
    zone = knowledge.ZonePolicy(knowledge.AntiPassback(given.get("anti_passback", "off")))
    policy = replace(
        stage.POLICY,
        zones={stage.POINT.zone: zone},
        locked_down=frozenset({stage.POINT.zone} if given.get("locked_down") else ()),
    )
    held = {stage.VISITOR: stage.credentials()["bound"]} if given.get("held") else {}
    known = FakeKnowledge(stage.SITE, policy, stage.RING, {stage.VISITOR: 1}, held)
    classes = frozenset(map(CredentialClass, given.get("classes", PASSES)))
    portal = PortalId(given.get("portal", stage.POINT.portal))
    point = replace(stage.POINT, classes=classes, portal=portal)
    age = given.get("knowledge_age_s", 0)
    circumstances = Circumstances(
        NOW,
        clock_trusted=given.get("clock_trusted", True),
        knowledge_age=None if age is None else timedelta(seconds=age),
    )
    decision = decide(
        _request(texts, given), point, known, _remembered(given.get("history", {})), circumstances
    )
    return decision if given.get("journaled", True) else not_journaled(decision)


def _request(texts: list[str], given: dict[str, Any]) -> Request:
    if "operator_permitted" in given:
        return OperatorRequest(given["operator_permitted"])
    if "poster" not in given:
        return CodePresented(tuple(texts))
    poster = given["poster"]
    return PosterScanned(
        texts=tuple(texts),
        bearer=CredentialId(bytes.fromhex(poster.get("bearer", stage.VISITOR.hex()))),
        shown=frozenset(map(Presence, poster["shown"])),
        ways=frozenset(frozenset(map(Presence, way)) for way in poster["ways"]),
    )


def _remembered(history: dict[str, Any]) -> FakeHistory:
    visitor, point = stage.VISITOR, stage.POINT
    bound = history.get("bound_generation")
    spent = [(visitor, "entry_spent"), (stage.VOUCHER, "voucher_spent")]
    return FakeHistory(
        presentations={(visitor, at, point.id) for at in history.get("presentations", ())},
        entries={(each, point.id) for each, said in spent if history.get(said)},
        bound={} if bound is None else {visitor: bound},
        presence={(each, point.zone): NOW for each in (visitor, stage.VOUCHER)}
        if history.get("inside")
        else {},
    )


def test_the_command_vector_says_what_the_file_says() -> None:
    vector = VECTORS["command"]

    command = commands.open_command(bytes.fromhex(vector["message"]), (stage.GATE_KEY.public,))

    assert command.controller == vector["controller"]
    assert command.nonce.hex() == vector["nonce"]
    assert command.event == vector["event"]
    assert command.pulse == timedelta(milliseconds=vector["pulse_ms"])
    assert command.action is commands.Action.UNLOCK


@pytest.mark.parametrize("vector", VECTORS["documents"], ids=lambda vector: vector["kind"])
def test_each_document_vector_opens_for_the_device_it_is_for(vector: dict[str, str]) -> None:
    device = stage.CONTROLLER if vector["kind"] == "key_list" else stage.GATE

    document = documents.open_document(
        bytes.fromhex(vector["message"]), AUTHORITY, site=stage.SITE, device=device, at=NOW
    )

    assert document.kind == vector["kind"]
    assert document.version == 7
    assert document.issued == NOW


def test_the_document_vectors_hold_the_sections_they_were_made_from() -> None:
    body = {
        documents.DocumentKind(v["kind"]): documents.open_document(
            bytes.fromhex(v["message"]),
            AUTHORITY,
            site=stage.SITE,
            device=stage.CONTROLLER if v["kind"] == "key_list" else stage.GATE,
            at=NOW,
        ).body
        for v in VECTORS["documents"]
    }

    assert knowledge.read_keys(body[documents.DocumentKind.KEYS]) == stage.RING
    assert knowledge.read_policy(body[documents.DocumentKind.POLICY]) == stage.POLICY_SENT
    assert knowledge.read_time(body[documents.DocumentKind.TIME]) == stage.TIME_ANSWER
    revoked = feeds.read_revocations(body[documents.DocumentKind.REVOCATIONS])
    assert revoked == feeds.Chunk(6, (stage.REVOCATION,))
    held = feeds.read_credentials(body[documents.DocumentKind.CREDENTIALS])
    assert held == feeds.Chunk(6, (stage.credentials()["bound"],))
    inside = feeds.read_presence(body[documents.DocumentKind.PRESENCE])
    assert inside == feeds.Chunk(0, (stage.LAST_PASSAGE,), more=True)
    screens = knowledge.read_entrance(body[documents.DocumentKind.ENTRANCE])
    assert screens == (stage.ENTRANCE_SCREEN,)
    (obeyed,) = knowledge.read_key_list(body[documents.DocumentKind.KEY_LIST])
    assert obeyed.public == stage.GATE_KEY.public


def test_an_independent_totp_gives_the_digits_of_the_entrance_vectors() -> None:
    """RFC 4226 5.3 over the step's number, by hand."""
    key = bytes.fromhex(VECTORS["entrance_codes"]["key"])
    for step in VECTORS["entrance_codes"]["steps"]:
        digest = hmac.digest(key, (step["at"] // 15).to_bytes(8, "big"), "sha256")
        start = digest[-1] & 15
        number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF

        assert f"{number % 10**8:08d}" == step["digits"]
        at = datetime.fromtimestamp(step["at"], UTC)
        assert entrance_code.code_at(key, at).digits == step["digits"]


def test_the_journal_vector_is_one_chain() -> None:
    previous = events.FIRST_HASH
    for row in VECTORS["journal"]:
        previous = events.chained(previous, row["body"])

        assert previous.hex() == row["hash"]
        assert events.body_text(events.read_body(row["body"])) == row["body"]


def _credential(name: str) -> dict[str, str]:
    return next(vector for vector in VECTORS["credentials"] if vector["name"] == name)
