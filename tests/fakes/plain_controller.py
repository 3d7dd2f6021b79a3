"""A controller written from docs/protocol.md alone, as somebody would in C: hand-written byte offsets.

It imports nothing of ours. What it cannot know from the page, the page does not say.
"""

import base64
import hashlib
import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NONCE_LIFE_MS = 5000
COMMAND_CEILING, ASK_CEILING, KEY_LIST_CEILING = 256, 256, 8192
ACTIONS = {1: "unlock", 2: "lock_down", 3: "release", 4: "dispense"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Malformed(Exception):
    """Bytes that are not what the page says must stand there."""


class Cursor:
    """Walks over bytes; whatever does not stand where it should is malformed."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, length: int) -> bytes:
        if self.at + length > len(self.data):
            raise Malformed
        self.at += length
        return self.data[self.at - length : self.at]

    def expect(self, *wanted: int) -> None:
        if self.take(len(wanted)) != bytes(wanted):
            raise Malformed

    def number(self, major: int) -> int:
        """A CBOR head of this major type, in its shortest form."""
        (first,) = self.take(1)
        kind, small = first >> 5, first & 0x1F
        sizes = {24: 1, 25: 2, 26: 4, 27: 8}
        if kind != major or (small > 23 and small not in sizes):
            raise Malformed
        if small <= 23:
            return small
        size = sizes[small]
        value = int.from_bytes(self.take(size), "big")
        if value < {1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}[size]:
            raise Malformed
        return value

    def bytes_(self) -> bytes:
        return self.take(self.number(2))

    def text(self) -> str:
        try:
            return self.take(self.number(3)).decode("ascii")
        except UnicodeDecodeError as error:
            raise Malformed from error

    def end(self) -> None:
        if self.at != len(self.data):
            raise Malformed


def bstr(data: bytes) -> bytes:
    length = len(data)
    if length < 24:
        return bytes([0x40 + length]) + data
    if length < 256:
        return bytes([0x58, length]) + data
    return struct.pack(">BH", 0x59, length) + data


def cut(message: bytes) -> tuple[bytes, bytes, bytes]:
    """Protected header, payload and signature of an envelope."""
    walk = Cursor(message)
    walk.expect(0x84, 0x47, 0xA2, 0x01, 0x27, 0x04, 0x42)
    kid = walk.take(2)
    walk.expect(0xA0)
    payload = walk.bytes_()
    walk.expect(0x58, 0x40)
    signature = walk.take(64)
    walk.end()
    return b"\xa2\x01\x27\x04\x42" + kid, payload, signature


def to_be_signed(protected: bytes, context: bytes, payload: bytes) -> bytes:
    return b"\x84\x6aSignature1" + bstr(protected) + bstr(context) + bstr(payload)


def signed_by(key: bytes, message: bytes, context: bytes) -> bool:
    protected, payload, signature = cut(message)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(
            signature, to_be_signed(protected, context, payload)
        )
    except InvalidSignature:
        return False
    return True


@dataclass
class Order:
    controller: str
    nonce: bytes
    action: str
    pulse_ms: int
    event: str
    slot: int | None


def read_command(payload: bytes) -> Order:
    walk = Cursor(payload)
    fields = walk.number(5)
    if fields not in (5, 6):
        raise Malformed
    walk.expect(0x01)
    controller = walk.text()
    walk.expect(0x02, 0x50)
    nonce = walk.take(16)
    walk.expect(0x03)
    action = ACTIONS.get(walk.number(0))
    walk.expect(0x04)
    pulse_ms = walk.number(0)
    walk.expect(0x05, 0x50)
    event = walk.take(16).hex()
    slot = None
    if fields == 6:
        walk.expect(0x06)
        slot = walk.number(0)
    walk.end()
    if action is None or (action == "dispense") != (slot is not None):
        raise Malformed
    if slot is not None and not 1 <= slot <= 255:
        raise Malformed
    dashed = "-".join((event[:8], event[8:12], event[12:16], event[16:20], event[20:]))
    return Order(controller, nonce, action, pulse_ms, dashed, slot)


def read_key_list(payload: bytes, site: str, device: str) -> tuple[int, list[Any]]:
    """The version, and [sender, key, actions] of each that is to be obeyed."""
    walk = Cursor(payload)
    walk.expect(0xA6, 0x01)
    kind = walk.text()
    walk.expect(0x02)
    for_site = walk.text()
    walk.expect(0x03)
    for_device = walk.text()
    walk.expect(0x04)
    version = walk.number(0)
    walk.expect(0x05)
    walk.number(0)
    walk.expect(0x06)
    body = Cursor(walk.bytes_())
    walk.end()
    if (kind, for_site, for_device) != ("key_list", site, device):
        raise Malformed
    obeyed: list[Any] = []
    for _ in range(body.number(4)):
        body.expect(0x83)
        sender = body.text()
        body.expect(0x58, 0x20)
        key = body.take(32)
        obeyed.append((sender, key, [body.text() for _ in range(body.number(4))]))
    body.end()
    return version, obeyed


def read_flash(sectors: list[bytes]) -> tuple[bool, bytes]:
    """Whether it is locked down, and the key list, from the newer whole record."""
    newest, found = 0, (False, b"")
    for sector in sectors:
        magic, counter, locked_down, length = struct.unpack(">4sIBI", sector[:13])
        end = 13 + length
        whole = sector[end : end + 8] == hashlib.sha256(sector[:end]).digest()[:8]
        if magic == b"GKK1" and whole and counter > newest:
            newest, found = counter, (bool(locked_down), sector[13:end])
    return found


@dataclass
class PlainController:
    """The state that the page names, and nothing else; `moved` is what the portal was told to do."""

    site: str
    device: str
    authority: bytes
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]
    publish: Callable[[str, bytes, bool], object]
    able_to: tuple[str, ...] = ("unlock", "lock_down", "release")
    slots: int = 0
    locked_down: bool = False
    version: int | None = None
    obeyed: list[Any] = field(default_factory=list[Any])
    nonces: dict[str, tuple[bytes, str, int]] = field(default_factory=dict[str, Any])
    last_words: dict[str, tuple[str, bytes]] = field(default_factory=dict[str, Any])
    moved: list[Order] = field(default_factory=list[Order])

    def connected(self) -> None:
        self._say("status", {"version": 1, "online": True}, retain=True)
        held = {} if self.version is None else {"key_list": self.version}
        self._say("sync/server", {"version": 1, "held": held, "journal": None, "nonce": None})

    def receive(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        parts = topic.split("/")
        if len(parts) != 6 or parts[:2] != ["genkan", self.site] or parts[5] != self.device:
            return
        kind, sender, subject = parts[2:5]
        if (kind == "server") != (sender == "server"):
            return
        if subject == "keys" and kind == "server":
            self._take_key_list(payload)
        elif subject == "ask" and not retained:
            self._answer(sender, payload)
        elif subject == "command":
            self._take_command(sender, payload, retained=retained)

    def _take_key_list(self, message: bytes) -> None:
        if len(message) > KEY_LIST_CEILING:
            return
        try:
            if not signed_by(self.authority, message, b"genkan-document-1"):
                return
            version, obeyed = read_key_list(cut(message)[1], self.site, self.device)
        except Malformed:
            return
        if self.version is None or version >= self.version:
            self.version, self.obeyed = version, obeyed
            listed = {sender for sender, _, _ in obeyed}
            for held in (self.nonces, self.last_words):
                for sender in set(held) - listed:
                    del held[sender]

    def _answer(self, sender: str, payload: bytes) -> None:
        if len(payload) > ASK_CEILING:
            return
        try:
            loaded: object = json.loads(payload)
        except (ValueError, RecursionError):
            return
        ask = cast("dict[str, Any]", loaded) if isinstance(loaded, dict) else {}
        event: Any = ask.get("event")
        if not isinstance(event, str) or not UUID.fullmatch(event):
            return
        if ask != {"version": 1, "event": event}:
            return
        if not any(listed == sender for listed, _, _ in self.obeyed):
            self._acknowledge(sender, event, "unknown_sender")
            return
        nonce, asked, until = self.nonces.get(sender, (b"", "", 0))
        if asked != event or self.now_ms() >= until:
            nonce = self.random_bytes(16)
            self.nonces[sender] = nonce, event, self.now_ms() + NONCE_LIFE_MS
        text = base64.b64encode(nonce).decode()
        self._say(f"answer/{sender}", {"version": 1, "event": event, "nonce": text})

    def _take_command(self, sender: str, message: bytes, *, retained: bool) -> None:
        if retained:
            self._acknowledge(sender, None, "retained")
            return
        keys = [(key, actions) for listed, key, actions in self.obeyed if listed == sender]
        try:
            _, payload, _ = cut(message if len(message) <= COMMAND_CEILING else b"")
            if not keys:
                self._acknowledge(sender, None, "unknown_sender")
                return
            allowed = [a for key, a in keys if signed_by(key, message, b"genkan-command-1")]
            if not allowed:
                self._acknowledge(sender, None, "bad_signature")
                return
            order = read_command(payload)
        except Malformed:
            self._acknowledge(sender, None, "malformed")
            return
        self._judge(sender, order, allowed[0])

    def _judge(self, sender: str, order: Order, allowed: list[str]) -> None:
        if order.controller != self.device:
            self._acknowledge(sender, order.event, "other_controller")
            return
        last_event, last_word = self.last_words.get(sender, ("", b""))
        if last_event == order.event:
            self._publish(f"acknowledgement/{sender}", last_word)
            return
        nonce, _, until = self.nonces.get(sender, (b"", "", 0))
        if nonce != order.nonce:
            self._acknowledge(sender, order.event, "nonce_wrong" if nonce else "no_nonce")
            return
        del self.nonces[sender]  # before anything moves
        refusal = self._hindrance(order, allowed, expired=self.now_ms() >= until)
        if refusal is None:
            self._move(order)
        self.last_words[sender] = (
            order.event,
            self._acknowledge(sender, order.event, refusal),
        )

    def _hindrance(self, order: Order, allowed: list[str], *, expired: bool) -> str | None:
        if expired:
            return "nonce_expired"
        if order.action not in allowed or order.action not in self.able_to:
            return "action_not_allowed"
        if order.action in ("unlock", "dispense") and self.locked_down:
            return "locked_down"
        if order.slot is not None and order.slot > self.slots:
            return "slot_unknown"
        return None

    def _move(self, order: Order) -> None:
        if order.action in ("lock_down", "release"):
            self.locked_down = order.action == "lock_down"
        self.moved.append(order)

    def _acknowledge(self, sender: str, event: str | None, refusal: str | None) -> bytes:
        result = "done" if refusal is None else "refused"
        word = {"version": 1, "event": event, "result": result, "refusal": refusal}
        return self._say(f"acknowledgement/{sender}", word)

    def _say(self, subject: str, report: dict[str, Any], *, retain: bool = False) -> bytes:
        payload = json.dumps(report, separators=(",", ":")).encode()
        self._publish(subject, payload, retain=retain)
        return payload

    def _publish(self, subject: str, payload: bytes, *, retain: bool = False) -> None:
        topic = f"genkan/{self.site}/controller/{self.device}/{subject}"
        self.publish(topic, payload, retain)
