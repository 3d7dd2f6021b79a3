"""What makes a controller move: asked for, answered with a nonce, signed, fresh, and used once.

The sender asks while it still decides; the controller answers with a random nonce that it holds for
that sender alone; the command carries the nonce back, signed by the sender's key; the controller
acts and acknowledges. An acknowledgement says what the controller did, not what the door does: that
is told by its events and its state (`events`).
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

import cbor2

from access_protocol import signed
from access_protocol.cbor import UNREADABLE, bytes_at, int_at, load_map
from access_protocol.codec import EventIdText, Report
from access_protocol.decision import CommandRefusal
from access_protocol.ids import (
    HIGHEST_SLOT,
    NONCE_BYTES,
    DeviceId,
    EventId,
    Nonce,
    device_id,
    event_id,
)
from access_protocol.keys import SigningKey

COMMAND_CONTEXT = b"genkan-command-1"
NONCE_LIFE = timedelta(seconds=5)
"""How long a nonce is good, by the controller's own monotonic clock."""
LONGEST_PULSE = timedelta(seconds=60)
COMMAND_CEILING = 256
ASK_CEILING = 256

_CONTROLLER, _NONCE, _ACTION, _PULSE, _EVENT, _SLOT = 1, 2, 3, 4, 5, 6
_MILLISECOND = timedelta(milliseconds=1)


class Action(StrEnum):
    """What a controller can be told to do."""

    UNLOCK = "unlock"
    LOCK_DOWN = "lock_down"
    RELEASE = "release"
    DISPENSE = "dispense"


_ACTION_NUMBERS = {
    Action.UNLOCK: 1,
    Action.LOCK_DOWN: 2,
    Action.RELEASE: 3,
    Action.DISPENSE: 4,
}
_ACTIONS = {number: action for action, number in _ACTION_NUMBERS.items()}


class MalformedCommandError(ValueError):
    """A payload that a known key signed and that is still no command of this version."""


@dataclass(frozen=True, slots=True)
class Command:
    """One order to one controller; `pulse` is how long the relay should stay on, in whole ms.

    `slot` says what to dispense: a number from 1 to `HIGHEST_SLOT`, given exactly where the action is
    `DISPENSE`. Only `UNLOCK` has a use for the pulse; a machine's motor has limits of its own.
    """

    controller: DeviceId
    nonce: Nonce
    action: Action
    pulse: timedelta
    event: EventId
    slot: int | None = None


def seal(command: Command, key: SigningKey) -> bytes:
    """Return the command as a COSE_Sign1 by the sender's `key`."""
    payload = cbor2.dumps(_fields(command))
    return signed.sign(payload, key, COMMAND_CONTEXT)


def _fields(command: Command) -> dict[int, object]:
    fields: dict[int, object] = {
        _CONTROLLER: str(command.controller),
        _NONCE: bytes(command.nonce),
        _ACTION: _ACTION_NUMBERS[command.action],
        _PULSE: command.pulse // _MILLISECOND,
        _EVENT: UUID(command.event).bytes,
    }
    if command.slot is not None:
        fields[_SLOT] = command.slot
    return fields


def open_command(message: bytes, sender_keys: tuple[bytes, ...]) -> Command:
    """Return the command in `message` that one of the sender's raw public keys signed.

    Raises `signed.MalformedEnvelopeError`, `signed.UnknownKeyError` (the sender has no key),
    `signed.BadSignatureError` or `MalformedCommandError`. Whether the command is for this
    controller, fresh and allowed is for the caller to see.
    """
    if len(message) > COMMAND_CEILING:
        reason = "longer than any command"
        raise signed.MalformedEnvelopeError(reason)
    payload = signed.verify(message, lambda _hint: sender_keys, COMMAND_CONTEXT)
    try:
        fields = load_map(payload)
        command = Command(
            controller=device_id(fields[_CONTROLLER]),
            nonce=Nonce(bytes_at(fields, _NONCE)),
            action=_ACTIONS[int_at(fields, _ACTION)],
            pulse=int_at(fields, _PULSE) * _MILLISECOND,
            event=event_id(str(UUID(bytes=bytes_at(fields, _EVENT)))),
            slot=int_at(fields, _SLOT) if _SLOT in fields else None,
        )
        rewritten = cbor2.dumps(_fields(command))
    except UNREADABLE as error:
        raise MalformedCommandError(str(error)) from error
    if rewritten != payload or len(command.nonce) != NONCE_BYTES or command.pulse < timedelta():
        reason = "not the deterministic form of a command"
        raise MalformedCommandError(reason)
    slots = range(1, HIGHEST_SLOT + 1) if command.action is Action.DISPENSE else (None,)
    if command.slot not in slots:
        reason = f"a slot from 1 to {HIGHEST_SLOT} belongs to dispense, and to nothing else"
        raise MalformedCommandError(reason)
    return command


class Ask(Report, frozen=True, kw_only=True):
    """A sender tells a controller that a command for `event` may follow."""

    CEILING: ClassVar[int] = ASK_CEILING
    event: EventIdText


class Answer(Report, frozen=True, kw_only=True):
    """The controller's nonce for the sender that asked, good for `NONCE_LIFE` and one command."""

    event: EventIdText
    nonce: bytes


class Result(StrEnum):
    """What a controller did with a command."""

    DONE = "done"
    REFUSED = "refused"


class Acknowledgement(Report, frozen=True, kw_only=True):
    """The controller's word on one command; a repeated command gets the same word again.

    `event` is None where the command could not be read far enough to know it.
    """

    event: EventIdText | None
    result: Result
    refusal: CommandRefusal | None = None


COMMAND_MESSAGES = (Ask, Answer, Acknowledgement)
"""The JSON messages of the conversation, for tests and documentation."""
