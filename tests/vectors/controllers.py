"""The vectors of controllers: every message as bytes, and what a controller must make of each.

A case is given the key list of version 8, holds the nonce for the sender unless it says otherwise, and
names the acknowledgement word for word.
"""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import cbor2

from access_protocol import codec, commands, documents, events, knowledge, signed, topics
from access_protocol.commands import Action, Result
from access_protocol.decision import CommandRefusal
from access_protocol.documents import Document, DocumentKind
from access_protocol.ids import DeviceId, Nonce, SiteCode
from access_protocol.keys import SigningKey
from access_protocol.topics import SERVER, Kind, Subject
from firmware_sim.kept import Flash, KeptInFlash
from tests.vectors.stage import (
    AUTHORITY,
    CONTROLLER,
    EVENT,
    FORGER,
    GATE,
    GATE_KEY,
    NONCE,
    NOON,
    SITE,
)

SERVER_KEY = SigningKey(sha256(b"vector: server").digest())
PULSE = timedelta(seconds=5)
OTHER_NONCE = Nonce(sha256(b"vector: another nonce").digest()[:16])
BOOT = "5d0c9c1e-7f63-4a52-8a3a-0f1f5b0a9e11"
OBEYED = (
    knowledge.Obeyed(GATE, GATE_KEY.public, frozenset({Action.UNLOCK})),
    knowledge.Obeyed(SERVER, SERVER_KEY.public, frozenset(Action)),
)
_PAYLOAD: dict[int, object] = {
    1: CONTROLLER,
    2: bytes(NONCE),
    3: 1,
    4: 5000,
    5: bytes.fromhex(EVENT.replace("-", "")),
}


def vectors() -> dict[str, Any]:
    """Return everything that concerns controllers."""
    dispense = _command(Action.DISPENSE, SERVER_KEY, slot=3)
    return {
        "server_public": SERVER_KEY.public.hex(),
        "dispense": dispense.hex(),
        "to_be_signed": _to_be_signed(_command()).hex(),
        "key_list_8": _key_list(8).hex(),
        "flash_record": _flash_record().hex(),
        "reports": _reports(),
        "cases": _cases(),
        "key_lists": _key_lists(),
    }


def _command(
    action: Action = Action.UNLOCK,
    key: SigningKey = GATE_KEY,
    *,
    controller: DeviceId = CONTROLLER,
    nonce: Nonce = NONCE,
    slot: int | None = None,
) -> bytes:
    pulse = PULSE if action is Action.UNLOCK else timedelta()
    return commands.seal(commands.Command(controller, nonce, action, pulse, EVENT, slot), key)


def _to_be_signed(message: bytes) -> bytes:
    envelope = signed.split(message, signed.EDDSA_HEADER)
    return envelope.to_be_signed(commands.COMMAND_CONTEXT)


def _payload(fields: dict[int, object], context: bytes = commands.COMMAND_CONTEXT) -> bytes:
    return signed.sign(cbor2.dumps(fields), GATE_KEY, context)


def _key_list(
    version: int,
    *,
    key: SigningKey = AUTHORITY,
    site: SiteCode = SITE,
    device: DeviceId = CONTROLLER,
    kind: DocumentKind = DocumentKind.KEY_LIST,
    obeyed: tuple[knowledge.Obeyed, ...] = OBEYED,
) -> bytes:
    body = knowledge.write_key_list(obeyed)
    return documents.seal(Document(kind, site, device, version, NOON, body), key)


def _flash_record() -> bytes:
    """The sector of a controller that took a key list and was then locked down, without its end."""
    kept = KeptInFlash(Flash())
    kept.keep_key_list(_key_list(8))
    kept.keep_locked_down(locked_down=True)
    return kept.flash.read(0).rstrip(b"\xff")


def _reports() -> list[dict[str, str]]:
    refused = CommandRefusal.NONCE_EXPIRED
    door = events.ControllerState(
        boot=BOOT,
        uptime_ms=1234,
        since_ms=1200,
        lock=events.Lock.UNLOCKED,
        contact=events.Contact.OPEN,
        alarms=(events.Alarm.HELD_OPEN,),
        firmware="genkan-sim 2",
    )
    machine = events.ControllerState(
        boot=BOOT,
        uptime_ms=1234,
        since_ms=1200,
        lock=events.Lock.LOCKED,
        contact=events.Contact.CLOSED,
        slots=(
            events.SlotState(slot=1, condition=events.SlotCondition.READY),
            events.SlotState(slot=2, condition=events.SlotCondition.EMPTY),
        ),
        firmware="genkan-sim 2",
    )
    opened = _event(7, events.ControllerEventKind.OPENED, EVENT)
    dispensed = _event(8, events.ControllerEventKind.DISPENSED, EVENT, "slot 3")
    forced = _event(9, events.ControllerEventKind.FORCED_OPEN)
    done = commands.Acknowledgement(event=EVENT, result=Result.DONE)
    no = commands.Acknowledgement(event=None, result=Result.REFUSED, refusal=refused)
    rows: list[tuple[str, str, codec.Report]] = [
        ("ask", _heard(Kind.GATE, GATE, Subject.ASK), commands.Ask(event=EVENT)),
        ("answer", _said(Subject.ANSWER, GATE), commands.Answer(event=EVENT, nonce=NONCE)),
        ("acknowledgement, done", _said(Subject.ACKNOWLEDGEMENT, GATE), done),
        ("acknowledgement, refused", _said(Subject.ACKNOWLEDGEMENT, GATE), no),
        ("status", _said(Subject.STATUS), events.Status(online=True)),
        ("last will", _said(Subject.STATUS), events.Status(online=False)),
        ("state of a door", _said(Subject.STATE), door),
        ("state of a machine", _said(Subject.STATE), machine),
        ("event with a command", _said(Subject.EVENT), opened),
        ("event of a machine", _said(Subject.EVENT), dispensed),
        ("event without a command", _said(Subject.EVENT), forced),
        (
            "receipt",
            _heard(Kind.SERVER, SERVER, Subject.RECEIPT),
            events.EventReceipt(boot=BOOT, sequence=7),
        ),
        ("sync, first", _said(Subject.SYNC, SERVER), events.SyncRequest(held={})),
        ("sync", _said(Subject.SYNC, SERVER), events.SyncRequest(held={"key_list": 8})),
    ]
    return [
        {"name": name, "topic": topic, "payload": codec.encode(report).decode()}
        for name, topic, report in rows
    ]


def _event(
    sequence: int, what: events.ControllerEventKind, event: str | None = None, detail: str = ""
) -> events.ControllerEvent:
    return events.ControllerEvent(
        boot=BOOT, sequence=sequence, uptime_ms=1234, what=what, event=event, detail=detail or None
    )


def _said(subject: Subject, addressee: DeviceId | None = None) -> str:
    return topics.build(SITE, Kind.CONTROLLER, CONTROLLER, subject, addressee)


def _heard(kind: Kind, sender: DeviceId, subject: Subject) -> str:
    return topics.build(SITE, kind, sender, subject, CONTROLLER)


def _cases() -> list[dict[str, Any]]:
    return [*_obeyed(), *_unreadable(), *_not_obeyed()]


def _case(
    name: str,
    message: bytes,
    refusal: CommandRefusal | None = None,
    *,
    sender: DeviceId = GATE,
    knows_event: bool = True,
    **given: object,
) -> dict[str, Any]:
    word = commands.Acknowledgement(
        event=EVENT if knows_event else None,
        result=Result.DONE if refusal is None else Result.REFUSED,
        refusal=refusal,
    )
    return {
        "name": name,
        "sender": sender,
        "message": message.hex(),
        "given": given,
        "acknowledgement": codec.encode(word).decode(),
    }


def _obeyed() -> list[dict[str, Any]]:
    server = SERVER_KEY
    return [
        _case("unlock", _command()),
        _case("unlock in the nonce's last millisecond", _command(), age_ms=4999),
        _case("lock down", _command(Action.LOCK_DOWN, server), sender=SERVER),
        _case("release", _command(Action.RELEASE, server), sender=SERVER, locked_down=True),
        _case(
            "dispense from slot 3",
            _command(Action.DISPENSE, server, slot=3),
            sender=SERVER,
            machine=True,
        ),
    ]


def _unreadable() -> list[dict[str, Any]]:
    whole = _command()
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    reordered = dict(reversed(_PAYLOAD.items()))
    malformed: dict[str, bytes] = {
        "nothing": b"",
        "cut short": whole[:-1],
        "one byte more": whole + b"\0",
        "tagged as COSE_Sign1": b"\xd2" + whole,
        "another algorithm": whole.replace(b"\xa2\x01\x27", b"\xa2\x01\x26", 1),
        "an unprotected header": whole.replace(b"\xa0\x58\x38", b"\xa1\x58\x38", 1),
        "longer than a command": whole + bytes(256),
        "fields out of order": _payload(reordered),
        "a field too many": _payload({**_PAYLOAD, 7: 1}),
        "a field too few": _payload({key: _PAYLOAD[key] for key in (1, 2, 3, 4)}),
        "an unknown action": _payload({**_PAYLOAD, 3: 9}),
        "a nonce of 15 bytes": _payload({**_PAYLOAD, 2: bytes(15)}),
        "a negative pulse": _payload({**_PAYLOAD, 4: -1}),
        "dispense without a slot": _payload({**_PAYLOAD, 3: 4}),
        "dispense from slot 0": _payload({**_PAYLOAD, 3: 4, 6: 0}),
        "dispense from slot 256": _payload({**_PAYLOAD, 3: 4, 6: 256}),
        "unlock with a slot": _payload({**_PAYLOAD, 6: 3}),
        "an event that is text": _payload({**_PAYLOAD, 5: EVENT}),
    }
    refused = CommandRefusal.MALFORMED
    wrong = CommandRefusal.BAD_SIGNATURE
    return [
        _case("retained", whole, CommandRefusal.RETAINED, knows_event=False, retained=True),
        *(_case(name, bad, refused, knows_event=False) for name, bad in malformed.items()),
        _case(
            "a sender that is not listed",
            _command(key=FORGER),
            CommandRefusal.UNKNOWN_SENDER,
            sender=DeviceId("gate-9"),
            knows_event=False,
        ),
        _case("the last bit flipped", bytes(flipped), wrong, knows_event=False),
        _case("another sender's key", _command(key=SERVER_KEY), wrong, knows_event=False),
        _case(
            "signed as another kind of message",
            _payload({**_PAYLOAD}, documents.DOCUMENT_CONTEXT),
            wrong,
            knows_event=False,
        ),
    ]


def _not_obeyed() -> list[dict[str, Any]]:
    elsewhere = _command(controller=DeviceId("door-sakura"))
    far_slot = _command(Action.DISPENSE, SERVER_KEY, slot=200)
    lock_down = _command(Action.LOCK_DOWN)
    refusal = CommandRefusal
    return [
        _case("another controller", elsewhere, refusal.OTHER_CONTROLLER),
        _case("no nonce given out", _command(), refusal.NO_NONCE, asked=False),
        _case("another nonce", _command(nonce=OTHER_NONCE), refusal.NONCE_WRONG),
        _case("five seconds later", _command(), refusal.NONCE_EXPIRED, age_ms=5000),
        _case("an action this key has not", lock_down, refusal.ACTION_NOT_ALLOWED),
        _case(
            "an action this portal has not",
            _command(Action.DISPENSE, SERVER_KEY, slot=3),
            refusal.ACTION_NOT_ALLOWED,
            sender=SERVER,
        ),
        _case("a lockdown", _command(), refusal.LOCKED_DOWN, locked_down=True),
        _case(
            "a slot that is not there",
            far_slot,
            refusal.SLOT_UNKNOWN,
            sender=SERVER,
            machine=True,
        ),
    ]


def _key_lists() -> list[dict[str, Any]]:
    flipped = bytearray(_key_list(8))
    flipped[-1] ^= 1
    many = tuple(
        knowledge.Obeyed(DeviceId(f"gate-{number:027}"), GATE_KEY.public, frozenset(Action))
        for number in range(110)
    )
    rows: list[tuple[str, bytes, int | None, bool]] = [
        ("the first", _key_list(8), None, True),
        ("the same again", _key_list(8), 8, True),
        ("a later one", _key_list(9), 8, True),
        ("an empty one", _key_list(9, obeyed=()), 8, True),
        ("an older one", _key_list(7), 8, False),
        ("a forger's", _key_list(9, key=FORGER), 8, False),
        ("the last bit flipped", bytes(flipped), None, False),
        ("cut short", _key_list(9)[:-1], 8, False),
        ("another site's", _key_list(9, site=SiteCode("OSA")), 8, False),
        ("another controller's", _key_list(9, device=DeviceId("door-sakura")), 8, False),
        ("another kind of document", _key_list(9, kind=DocumentKind.REVOCATIONS), 8, False),
        ("too long", _key_list(9, obeyed=many), 8, False),
    ]
    return [
        {"name": name, "message": message.hex(), "held": held, "taken": taken}
        for name, message, held, taken in rows
    ]
