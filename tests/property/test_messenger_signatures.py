"""What a messenger signed is read back whole; anything else, down to one bit, is refused."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.kernel.ids import MessengerAccountId
from server.notifications.messengers import joining
from server.notifications.messengers.base import Account, Asked, NotGenuine, Unreadable
from server.notifications.messengers.line import SIGNATURE, Line, LineKeys
from server.notifications.messengers.sealed_calls import Envelope, fields_of
from server.notifications.messengers.wecom import Wecom, WecomKeys
from tests.services.messengers import (
    AES_KEY,
    CORP,
    LINE_KEYS,
    TOKEN,
    WECOM_KEYS,
    line_signature,
)

ENVELOPE = Envelope(TOKEN, AES_KEY, CORP)
ID = MessengerAccountId("0" * 32)
LINE, WECOM = Line("https://api.line.me"), Wecom("https://qyapi.weixin.qq.com")
LINE_ACCOUNT = Account(ID, LineKeys.model_validate(LINE_KEYS))
WECOM_ACCOUNT = Account(ID, WecomKeys.model_validate(WECOM_KEYS))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    max_leaves=12,
)
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["message", "follow", "unfollow", "accountLink"]) | JSON,
        "source": st.fixed_dictionaries({"type": st.just("user"), "userId": st.text()}) | JSON,
        "webhookEventId": st.text(max_size=40) | JSON,
        "timestamp": st.integers() | JSON,
        "message": JSON,
        "replyToken": JSON,
        "mode": JSON,
    },
)


def flipped(data: bytes, bit: int) -> bytes:
    """The same bytes with one bit turned."""
    place = bit % (len(data) * 8)
    changed = bytearray(data)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


@given(st.binary(max_size=300))
def test_what_wecom_sealed_is_opened_whole(text: bytes) -> None:
    sealed = ENVELOPE.sealed(text)
    assert ENVELOPE.opened(ENVELOPE.signature("1", "2", sealed), "1", "2", sealed) == text


@given(st.binary(max_size=300), st.integers(0, 10**6))
def test_a_bit_turned_in_what_wecom_sealed_breaks_the_signature(text: bytes, bit: int) -> None:
    sealed = ENVELOPE.sealed(text)
    signature = ENVELOPE.signature("1", "2", sealed)
    changed = base64.b64encode(flipped(base64.b64decode(sealed), bit)).decode()
    with pytest.raises(NotGenuine):
        ENVELOPE.opened(signature, "1", "2", changed)
    turned = flipped(signature.encode(), bit).decode("latin-1")
    with pytest.raises(NotGenuine):
        ENVELOPE.opened(turned, "1", "2", sealed)


@given(st.binary(max_size=200))
def test_signed_bytes_that_are_no_sealed_text_are_refused(raw: bytes) -> None:
    """Whoever learns the token, and not the key, gets nothing in."""
    sealed = base64.b64encode(raw).decode()
    with pytest.raises(NotGenuine):
        ENVELOPE.opened(ENVELOPE.signature("1", "2", sealed), "1", "2", sealed)


@given(st.binary(max_size=100), st.text(max_size=20))
def test_a_text_for_another_company_is_refused(text: bytes, other: str) -> None:
    sealed = Envelope(TOKEN, AES_KEY, f"{CORP}{other}x").sealed(text)
    with pytest.raises(NotGenuine):
        ENVELOPE.opened(ENVELOPE.signature("1", "2", sealed), "1", "2", sealed)


def test_the_signature_is_over_the_sorted_parts() -> None:
    """A frozen value, computed with sha1sum over the parts in the order of their characters."""
    signature = Envelope("QDG6eK", AES_KEY, CORP).signature(
        "1409659813", "1372623149", "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo"
    )
    assert signature == "65664ba4ebf14da066e746a9e3aa9aac1f19e4ef"


@given(st.lists(EVENT, max_size=4))
def test_any_signed_events_are_read_or_refused_and_never_break_anything(
    events: list[dict[str, object]],
) -> None:
    body = json.dumps({"events": events}).encode()
    asked = Asked({SIGNATURE: line_signature(body)}, {}, body)
    try:
        heard = LINE.hear(LINE_ACCOUNT, asked)
    except Unreadable:
        return
    assert all(event.user and event.id and event.at.tzinfo is UTC for event in heard.events)


@given(st.binary(max_size=200), st.integers(0, 10**6))
def test_a_bit_turned_in_a_line_webhook_breaks_its_signature(tail: bytes, bit: int) -> None:
    body = b'{"events":[]}' + tail
    signature = line_signature(body)
    for sent, signed in (
        (flipped(body, bit), signature),
        (body, flipped(signature.encode(), bit).decode("latin-1")),
    ):
        with pytest.raises(NotGenuine):
            LINE.hear(LINE_ACCOUNT, Asked({SIGNATURE: signed}, {}, sent))


@given(st.binary(max_size=300))
def test_any_bytes_at_wecom_s_hook_are_refused(body: bytes) -> None:
    query = {"msg_signature": "0" * 40, "timestamp": "1", "nonce": "2"}
    with pytest.raises((NotGenuine, Unreadable)):
        WECOM.hear(WECOM_ACCOUNT, Asked({}, query, body))


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_code_is_found_in_any_sentence_and_nothing_else_is(before: str, after: str) -> None:
    code = "0123456789AB"
    assert joining.code_in(f"{before} GENKAN-{code} {after}") == code or "GENKAN" in before.upper()
    assert joining.code_in(f"{before}{after}") == "" or "GENKAN" in (before + after).upper()


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml/>',
        b"<xml><Encrypt>",
        b"<xml>&a;</xml>",
    ],
)
def test_a_document_that_declares_something_is_not_read(document: bytes) -> None:
    with pytest.raises(Unreadable):
        fields_of(document)


def test_what_a_document_says_of_its_encoding_does_not_matter() -> None:
    document = '<?xml version="1.0" encoding="nothing"?><xml><Encrypt>語</Encrypt></xml>'
    assert fields_of(document.encode()) == {"Encrypt": "語"}


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_document_is_read_or_refused(document: bytes) -> None:
    for each in (document, b"<xml>" + document + b"</xml>", b"<?xml " + document + b"?><xml/>"):
        try:
            fields_of(each)
        except Unreadable:
            continue


def test_a_moment_of_line_is_in_milliseconds() -> None:
    event = {
        "type": "follow",
        "timestamp": 1_775_019_600_000,
        "webhookEventId": "a",
        "source": {"type": "user", "userId": "U1"},
    }
    body = json.dumps({"events": [event]}).encode()
    heard = LINE.hear(LINE_ACCOUNT, Asked({SIGNATURE: line_signature(body)}, {}, body))
    assert heard.events[0].at == datetime(2026, 4, 1, 5, tzinfo=UTC)
