"""What devices report: the gate's journal of decisions and outcomes, and the controllers' own word.

A gate journals each decision before its command goes out, with a gap-free sequence number and a hash
chained to the entry before. Entries hold ids only, never names. Controllers have no wall clock: their
reports carry the time since they started, and a `boot` id that changes at every start.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from access_protocol.codec import (
    Count,
    CredentialIdText,
    EventIdText,
    HexText,
    JournalIdText,
    MalformedReportError,
    Report,
    ShortText,
    SlugText,
)
from access_protocol.credential import HIGHEST_GENERATION, CredentialClass
from access_protocol.decision import DecisionWarning, DenyReason
from access_protocol.ids import HIGHEST_ZONE, NONCE_BYTES, Direction

FIRST_HASH = bytes(32)
"""What stands before the first entry of a journal."""
LARGEST_BATCH = 100
"""Entries in one upload; a gate with more sends them one batch after the other."""

AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]
_Generation = Annotated[int, msgspec.Meta(ge=0, le=HIGHEST_GENERATION)]
_Zone = Annotated[int, msgspec.Meta(ge=1, le=HIGHEST_ZONE)]
SyncNonce = Annotated[bytes, msgspec.Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
_UnixSeconds = Annotated[int, msgspec.Meta(ge=0, le=(1 << 32) - 1)]


class Outcome(StrEnum):
    """What became of a granted access, as far as the controller told the gate."""

    OPENED = "opened"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    PASSED = "passed"
    NOT_PASSED = "not_passed"
    DISPENSED = "dispensed"
    NOT_DISPENSED = "not_dispensed"


class DecisionEntry(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="decision", tag_field="kind"
):
    """A decision: `reason` is None exactly when access was granted.

    `credential` is the credential's id in hex and, like `credential_class`, `generation` and
    `presented_at` (Unix seconds), known only where an issuer vouched for it. `warning` is what was
    noticed about an access that was granted all the same.
    """

    at: AwareTime
    event: EventIdText
    access_point: SlugText
    reason: DenyReason | None
    credential: CredentialIdText | None = None
    credential_class: CredentialClass | None = None
    generation: _Generation | None = None
    presented_at: _UnixSeconds | None = None
    warning: DecisionWarning | None = None


class OutcomeEntry(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="outcome", tag_field="kind"
):
    """What the controller reported after the decision with the same event id."""

    at: AwareTime
    event: EventIdText
    access_point: SlugText
    outcome: Outcome


EntryBody = DecisionEntry | OutcomeEntry
_BODY_DECODER = msgspec.json.Decoder(EntryBody)
_BODY_ENCODER = msgspec.json.Encoder(order="deterministic")


def body_text(body: EntryBody) -> str:
    """Return the entry's one written form, over which the chain's hashes go.

    Optional fields without a value are left out: when a later version adds one, the entries that a
    gate journaled before it are still in their one form.
    """
    return _BODY_ENCODER.encode(body).decode()


def read_body(text: str) -> EntryBody:
    """Return the entry that `text` holds, or raise `MalformedReportError`."""
    try:
        body = _BODY_DECODER.decode(text)
    except msgspec.MsgspecError as error:
        raise MalformedReportError(str(error)) from error
    if body_text(body) != text:
        message = "a journal entry must be in its one written form"
        raise MalformedReportError(message)
    return body


def chained(previous: bytes, text: str) -> bytes:
    """Return the hash of an entry: SHA-256 over the hash before it and the entry's written form."""
    return hashlib.sha256(previous + text.encode()).digest()


@dataclass(frozen=True, slots=True)
class JournalPosition:
    """How far a journal has come: the last sequence number (0: empty) and the hash there."""

    sequence: int
    hash: bytes


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One journaled entry: its number from 1 on, the hash up to and with it, and its written form."""

    sequence: Count
    hash: HexText
    body: Annotated[str, msgspec.Meta(max_length=1000)]


class JournalBatch(Report, frozen=True, kw_only=True):
    """Entries in unbroken order; `previous` is the hash before the first of them."""

    journal: JournalIdText
    previous: HexText
    entries: Annotated[
        tuple[JournalEntry, ...], msgspec.Meta(min_length=1, max_length=LARGEST_BATCH)
    ]


class Receipt(Report, frozen=True, kw_only=True):
    """The server has committed all entries of a journal up to and with `sequence`.

    It answers a batch whose last entry is `up_to`. From `differs_from` on, the batch is not what the
    server holds, or does not follow from it: it was not stored, and the gate begins a new journal there.
    """

    journal: JournalIdText
    sequence: Count
    up_to: Count | None = None
    differs_from: Count | None = None


class ControllerEventKind(StrEnum):
    """What happened at a door, turnstile or machine."""

    STARTED = "started"
    UNLOCKED = "unlocked"
    LOCKED = "locked"
    OPENED = "opened"
    CLOSED = "closed"
    PASSED = "passed"
    NOT_PASSED = "not_passed"
    REQUEST_TO_EXIT = "request_to_exit"
    HELD_OPEN = "held_open"
    FORCED_OPEN = "forced_open"
    BOLT_STUCK = "bolt_stuck"
    TAMPERED = "tampered"
    DISPENSING = "dispensing"
    DISPENSED = "dispensed"
    EMPTY = "empty"
    JAMMED = "jammed"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"
    RESTOCKED = "restocked"
    ALARM_CLEARED = "alarm_cleared"
    COMMAND_REFUSED = "command_refused"


OF_MACHINES = {
    ControllerEventKind.DISPENSED: Outcome.DISPENSED,
    ControllerEventKind.EMPTY: Outcome.NOT_DISPENSED,
    ControllerEventKind.JAMMED: Outcome.NOT_DISPENSED,
    ControllerEventKind.TIMED_OUT: Outcome.NOT_DISPENSED,
    ControllerEventKind.INTERRUPTED: Outcome.NOT_DISPENSED,
}
"""What a machine's word on an order means for its voucher: used, or given back."""
OF_DOORS = {
    ControllerEventKind.OPENED: Outcome.OPENED,
    ControllerEventKind.PASSED: Outcome.PASSED,
    ControllerEventKind.NOT_PASSED: Outcome.NOT_PASSED,
}
"""What the word of a door or turnstile means for the access that was granted there."""
FREEING = frozenset({Outcome.NOT_PASSED, Outcome.NOT_DISPENSED, Outcome.REFUSED, Outcome.NO_ANSWER})
"""After these a single use counts as not made."""


class ControllerEvent(Report, frozen=True, kw_only=True):
    """One thing that happened, once: known by (controller, boot, sequence).

    `event` names the command that led to it, where one did. `uptime_ms` counts from the boot.
    """

    boot: EventIdText
    sequence: Count
    uptime_ms: Count
    what: ControllerEventKind
    event: EventIdText | None = None
    detail: ShortText | None = None


class EventReceipt(Report, frozen=True, kw_only=True):
    """The server has committed this one report of a controller, whichever came before or after it."""

    boot: EventIdText
    sequence: Count


class Lock(StrEnum):
    """What the lock does, as the controller drives or senses it."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    LOCKED_DOWN = "locked_down"


class Contact(StrEnum):
    """What the contact of a door or of a machine's service door says; `none` where there is none."""

    CLOSED = "closed"
    OPEN = "open"
    NONE = "none"


class Alarm(StrEnum):
    """What a controller complains about for as long as it lasts."""

    HELD_OPEN = "held_open"
    FORCED_OPEN = "forced_open"
    BOLT_STUCK = "bolt_stuck"
    TAMPER = "tamper"
    JAMMED = "jammed"


class SlotCondition(StrEnum):
    """Whether a vending machine's slot can give something now."""

    READY = "ready"
    EMPTY = "empty"
    OUT_OF_ORDER = "out_of_order"


class SlotState(msgspec.Struct, frozen=True, kw_only=True):
    """One slot of a vending machine, as its sensors say."""

    slot: Annotated[int, msgspec.Meta(ge=1, le=255)]
    condition: SlotCondition


class ControllerState(Report, frozen=True, kw_only=True):
    """The door as its controller sees it now; retained, so that a screen that comes late knows it.

    `since_ms` is the controller's uptime when lock, contact, alarms or slots last changed. A vending
    machine's contact is that of its service door; only machines have `slots`.
    """

    boot: EventIdText
    uptime_ms: Count
    since_ms: Count
    lock: Lock
    contact: Contact
    alarms: tuple[Alarm, ...] = ()
    slots: tuple[SlotState, ...] = ()
    firmware: ShortText = ""


class Status(Report, frozen=True, kw_only=True):
    """Whether a device is there; retained, and its last will says `online: false`."""

    online: bool


class ReaderHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One reader of a gate: where it stands, and whether its camera and decoder work."""

    access_point: SlugText
    camera_ok: bool
    frames_per_second: float
    decode_ms: float
    trouble: ShortText = ""


class GateHealth(Report, frozen=True, kw_only=True):
    """How a gate fares; retained. Ages are in whole seconds, None where nothing is known yet.

    The fields from `temperature_c` on are optional: an older gate does not tell them, and a machine need
    not know them. Memory and disk are in MB of 10^6 bytes; `passages_waiting` counts the passages that the
    other gates were not told of yet.
    """

    at: AwareTime
    software: ShortText
    uptime_s: Count
    knowledge_age_s: Count | None
    clock_trusted: bool
    journal: JournalIdText
    journal_sequence: Count
    journal_waiting: Count
    malformed_messages: Count
    readers: tuple[ReaderHealth, ...] = ()
    temperature_c: Annotated[float, msgspec.Meta(ge=-100, le=200)] | None = None
    disk_free_mb: Count | None = None
    memory_mb: Count | None = None
    passages_waiting: Count | None = None
    certificate_expires: AwareTime | None = None


class SyncRequest(Report, frozen=True, kw_only=True):
    """A device asks for all that is newer than the versions it holds.

    A gate puts in random bytes as `nonce`: the time document that repeats them is the answer to this
    very question, and no older one that somebody held back.
    """

    held: dict[str, Count]
    journal: JournalIdText | None = None
    nonce: SyncNonce | None = None


class PassageNotice(Report, frozen=True, kw_only=True):
    """A gate tells the other gates of its site that somebody passed, by a controller's word.

    For anti-passback, and for static credentials that no longer count once a bound one was used.
    """

    at: AwareTime
    event: EventIdText
    access_point: SlugText
    zone: _Zone
    direction: Direction
    credential: CredentialIdText
    credential_class: CredentialClass
    generation: _Generation


class LiveNotice(Report, frozen=True, kw_only=True):
    """Something that open pages show has changed; it says what to fetch again, never the content."""

    what: SlugText
    about: ShortText = ""


REPORTS: tuple[type[Report], ...] = (
    JournalBatch,
    Receipt,
    ControllerEvent,
    EventReceipt,
    ControllerState,
    Status,
    GateHealth,
    SyncRequest,
    LiveNotice,
    PassageNotice,
)
"""Every JSON report beside the command conversation, for tests and documentation."""
