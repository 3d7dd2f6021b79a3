"""Any bytes, texts and claims before the access protocol: refused by name or read back the same."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cbor2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_protocol import (
    codec,
    commands,
    credential,
    documents,
    events,
    knowledge,
    signed,
    topics,
)
from access_protocol.codec import MalformedReportError
from access_protocol.credential import (
    Credential,
    CredentialClass,
    MalformedCredentialError,
)
from access_protocol.decision import DenyReason
from access_protocol.ids import (
    CredentialId,
    DeviceId,
    EventId,
    Nonce,
    PortalId,
    SiteCode,
    ZoneNumber,
)
from access_protocol.keys import HolderKey, KeyRing, RingKey
from access_protocol.rules import Circumstances, CodePresented, decide
from tests.fakes.knowledge import FakeHistory, FakeKnowledge
from tests.vectors import stage

_SECONDS = st.integers(1 << 16, (1 << 32) - 2)
_ALPHANUMERIC = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", max_size=500)


@st.composite
def credentials_of_any_kind(draw: st.DrawFn) -> Credential:
    begins = draw(_SECONDS)
    ends = draw(st.integers(begins + 1, (1 << 32) - 1))
    credential_class = draw(st.sampled_from(CredentialClass))
    bound = credential_class is CredentialClass.BOUND
    voucher = credential_class is CredentialClass.VOUCHER
    zones = st.lists(st.integers(1, 23), min_size=1, max_size=4, unique=True)
    machines = st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True)
    return Credential(
        id=CredentialId(draw(st.binary(min_size=16, max_size=16))),
        site=SiteCode(draw(st.from_regex(r"[A-Z]{1,3}", fullmatch=True))),
        not_before=datetime.fromtimestamp(begins, UTC),
        expires=datetime.fromtimestamp(ends, UTC),
        credential_class=credential_class,
        generation=0 if voucher else draw(st.integers(0, 255)),
        zones=() if voucher else tuple(map(ZoneNumber, draw(zones))),
        holder=HolderKey.of(stage.HOLDER.public_key()) if bound else None,
        machine=PortalId(draw(machines)) if voucher else None,
        slot=draw(st.integers(1, 255)) if voucher else None,
    )


@given(credentials_of_any_kind())
def test_every_credential_that_can_be_issued_is_read_back_and_stays_within_its_ceiling(
    claims: Credential,
) -> None:
    message = credential.issue(claims, stage.ISSUER)

    read = credential.read(credential.to_text(message))

    assert credential.verify_issuer(read, lambda _hint: [stage.ISSUER.public]) == claims
    if claims.machine is not None:
        assert len(message) <= credential.VOUCHER_CEILING
    elif claims.holder is None:
        assert len(message) <= credential.STATIC_CEILING
    else:
        presented = credential.present(message, stage.HOLDER, stage.NOON)
        full = credential.read(credential.to_text(presented))
        assert len(presented) <= credential.FULL_CEILING
        assert credential.verify_holder(full, claims) == stage.NOON


@given(
    st.sampled_from(["machine", "slot", "zones", "generation"]),
    st.sampled_from(CredentialClass),
    st.one_of(st.integers(-2, 300), st.booleans(), st.text(max_size=40), st.none()),
)
def test_claims_of_a_pass_and_of_a_voucher_never_stand_together(
    field: str, credential_class: CredentialClass, value: object
) -> None:
    voucher = credential_class is CredentialClass.VOUCHER
    plain = stage.voucher() if voucher else stage.claims(credential_class)
    given_value = (value,) if field == "zones" else value
    foreign = {True: ("zones", "generation"), False: ("machine", "slot")}[voucher]
    as_before = value is None or (value == 0 and type(value) in (int, bool))

    # What reads a credential lets nothing but a number be its generation.
    no_generation = field == "generation" and not isinstance(value, int)
    if field not in foreign or as_before or no_generation:
        return
    with pytest.raises(MalformedCredentialError):
        replace(plain, **{field: given_value})


@given(st.lists(st.one_of(st.integers(-1, 300), st.booleans(), st.text(max_size=40)), max_size=6))
def test_whatever_an_issuer_signed_as_a_voucher_is_read_or_malformed(said: list[object]) -> None:
    """Also what no version of ours would sign: slots that are none, machines without a name."""
    payload = cbor2.loads(signed.verify(_VOUCHER, lambda _hint: [stage.ISSUER.public]))
    payload[-65537] = [4, *said]
    message = signed.sign(cbor2.dumps(payload), stage.ISSUER)
    read = credential.read(credential.to_text(message))

    try:
        claims = credential.verify_issuer(read, lambda _hint: [stage.ISSUER.public])
    except MalformedCredentialError:
        return
    assert [claims.slot, claims.machine] == said
    assert type(claims.slot) is int
    assert 1 <= claims.slot <= 255
    assert re.fullmatch(r"[a-z0-9-]{1,32}", str(claims.machine))


_VOUCHER = credential.issue(stage.voucher(), stage.ISSUER)


@given(st.integers(0, 8 * len(_VOUCHER) - 1))
def test_no_voucher_with_a_bit_flipped_is_granted(bit: int) -> None:
    message = bytearray(_VOUCHER)
    message[bit // 8] ^= 1 << bit % 8
    text = credential.to_text(bytes(message))

    assert _decide(credential.to_text(_VOUCHER), point=stage.MACHINE_POINT) is None
    assert isinstance(_decide(text, point=stage.MACHINE_POINT), DenyReason)


def _decide(*texts: str, point: knowledge.AccessPoint = stage.POINT) -> DenyReason | None:
    site = FakeKnowledge(stage.SITE, stage.POLICY, stage.RING)
    now = Circumstances(stage.NOON, clock_trusted=True, knowledge_age=timedelta())
    return decide(CodePresented(texts), point, site, FakeHistory(), now).reason


@given(st.lists(st.one_of(st.text(max_size=500), _ALPHANUMERIC.map("GK1:".__add__)), max_size=4))
def test_no_text_before_the_reader_is_granted_or_raises(texts: list[str]) -> None:
    assert isinstance(_decide(*texts), DenyReason)


@given(st.sampled_from([b"", b"\x82\x1a"]), st.binary(max_size=40))
def test_whatever_stands_in_a_full_presentation_is_refused_as_malformed(
    begins: bytes, rest: bytes
) -> None:
    message = signed.assemble(signed.HOLDER_HEADER, begins + rest, bytes(64))

    assert _decide(credential.to_text(message)) is DenyReason.MALFORMED


@pytest.mark.parametrize("ending", ["", "ff", "58", "59", "5900", "5a0000"])
def test_a_presentation_that_ends_where_its_credential_should_stand_is_malformed(
    ending: str,
) -> None:
    payload = bytes.fromhex("821a6b0187c0" + ending)
    message = signed.assemble(signed.HOLDER_HEADER, payload, bytes(64))

    assert _decide(credential.to_text(message)) is DenyReason.MALFORMED


@given(st.data())
def test_no_bytes_changed_anywhere_in_a_presentation_are_granted(data: st.DataObject) -> None:
    bound = credential.issue(stage.claims(CredentialClass.BOUND), stage.ISSUER)
    message = bytearray(credential.present(bound, stage.HOLDER, stage.NOON))
    place = data.draw(st.integers(0, len(message) - 1))
    message[place] ^= data.draw(st.integers(1, 255))

    assert isinstance(_decide(credential.to_text(bytes(message))), DenyReason)


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_by_name_as_a_command_and_as_a_document(data: bytes) -> None:
    ring = KeyRing([RingKey(stage.AUTHORITY.public, stage.NOON, stage.NOON + timedelta(days=1))])

    with pytest.raises((signed.MalformedEnvelopeError, signed.BadSignatureError)):
        commands.open_command(data, (stage.GATE_KEY.public,))
    with pytest.raises((signed.MalformedEnvelopeError, signed.UnknownKeyError)):
        documents.open_document(data, ring, site=stage.SITE, device=stage.GATE, at=stage.NOON)


@given(st.binary(max_size=200))
def test_a_signed_payload_that_is_no_command_or_document_is_malformed(payload: bytes) -> None:
    ring = KeyRing([RingKey(stage.AUTHORITY.public, stage.NOON, stage.NOON + timedelta(days=1))])
    command = signed.sign(payload, stage.GATE_KEY, commands.COMMAND_CONTEXT)
    document = signed.sign(payload, stage.AUTHORITY, documents.DOCUMENT_CONTEXT)

    with pytest.raises((commands.MalformedCommandError, signed.MalformedEnvelopeError)):
        commands.open_command(command, (stage.GATE_KEY.public,))
    with pytest.raises(documents.MalformedDocumentError):
        documents.open_document(document, ring, site=stage.SITE, device=stage.GATE, at=stage.NOON)


@given(st.binary(max_size=300))
def test_a_payload_that_an_issuer_signed_by_mistake_is_malformed(payload: bytes) -> None:
    text = credential.to_text(signed.sign(payload, stage.ISSUER))

    with pytest.raises(MalformedCredentialError):
        credential.verify_issuer(credential.read(text), lambda _hint: [stage.ISSUER.public])


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_by_name_as_every_section(body: bytes) -> None:
    readers = (
        knowledge.read_keys,
        knowledge.read_policy,
        knowledge.read_time,
        knowledge.read_key_list,
    )
    for read in readers:
        try:
            read(body)
        except knowledge.MalformedSectionError:
            continue


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_bytes_are_refused_by_name_as_every_report(data: bytes) -> None:
    for kind in (*events.REPORTS, *commands.COMMAND_MESSAGES):
        with pytest.raises(MalformedReportError):
            codec.decode(kind, data)


def test_a_report_of_an_unknown_version_or_over_its_ceiling_is_refused() -> None:
    with pytest.raises(MalformedReportError, match="version 2"):
        codec.decode(events.Status, b'{"version":2,"online":true,"since":"yesterday"}')
    with pytest.raises(MalformedReportError, match="allowed"):
        codec.decode(events.Status, b" " * (codec.REPORT_CEILING + 1))


@given(st.text(max_size=80))
def test_any_text_is_refused_by_name_as_a_topic_or_is_that_topic(text: str) -> None:
    try:
        assert str(topics.parse(text)) == text
    except topics.MalformedTopicError:
        return


@given(st.timedeltas(timedelta(), commands.LONGEST_PULSE), st.uuids(version=4))
def test_every_command_is_read_back(pulse: timedelta, event: object) -> None:
    whole = timedelta(milliseconds=pulse // timedelta(milliseconds=1))
    command = commands.Command(
        DeviceId("door-1"), Nonce(bytes(16)), commands.Action.UNLOCK, whole, EventId(str(event))
    )

    message = commands.seal(command, stage.GATE_KEY)

    assert commands.open_command(message, (stage.GATE_KEY.public,)) == command
    assert len(message) <= commands.COMMAND_CEILING


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("generation", -1),
        ("generation", 256),
        ("presented_at", -1),
        ("presented_at", 1 << 32),
        ("credential", "00"),
        ("credential", "00" * 17),
        ("credential", "0"),
    ],
)
def test_a_journal_entry_holds_nothing_that_no_decision_could_say(
    field: str, value: object
) -> None:
    good = events.DecisionEntry(
        at=stage.NOON, event=stage.EVENT, access_point="main-gate-in", reason=None
    )
    body = msgspec.json.decode(events.body_text(good))
    assert events.read_body(events.body_text(good)) == good

    with pytest.raises(MalformedReportError):
        events.read_body(msgspec.json.encode(body | {field: value}).decode())
