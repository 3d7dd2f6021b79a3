"""A controller's firmware: it answers, obeys whom its key list names, drives its portal, and tells."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from access_protocol import codec, documents, topics
from access_protocol.commands import (
    NONCE_LIFE,
    Acknowledgement,
    Action,
    Answer,
    Ask,
    Command,
    Result,
)
from access_protocol.decision import CommandRefusal
from access_protocol.documents import Document, DocumentKind
from access_protocol.events import (
    ControllerEvent,
    ControllerEventKind,
    ControllerState,
    EventReceipt,
    Lock,
    Status,
    SyncRequest,
)
from access_protocol.ids import DeviceId, EventId, SiteCode, event_id
from access_protocol.keys import KeyRing, RingKey
from access_protocol.knowledge import MalformedSectionError, Obeyed, read_key_list
from access_protocol.signed import BadSignatureError, MalformedEnvelopeError, UnknownKeyError
from access_protocol.topics import SERVER, Kind, Subject, Topic
from access_protocol.transport.base import Message, Transport, Will
from firmware_sim.conversation import Conversation, RandomBytes
from firmware_sim.kept import Kept
from firmware_sim.portal import Portal, PortalState
from firmware_sim.scheduler import Scheduler
from firmware_sim.unreceipted import AT_A_TIME, Unreceipted

FIRMWARE = "genkan-sim 2"
KEY_LIST_CEILING = 8 * 1024
"""Bytes of the longest key list: about a hundred keys, and it has to fit a microcontroller."""
INBOX = 64
"""Messages that wait for the loop; what comes while so many wait is dropped and counted."""
REFUSALS_TOLD = 10
"""Refused commands told as events in a minute; a flood of them must not push out what matters."""
SYNC_EVERY = timedelta(minutes=1)
RECEIPTS_LOOKED_AFTER = timedelta(seconds=1)

_log = logging.getLogger(__name__)
_MILLISECOND = timedelta(milliseconds=1)
_BOOT_BYTES = 16


def authority_ring(authority: tuple[bytes, ...]) -> KeyRing:
    """Return the ring of the keys that sign documents; a device without a clock asks no dates."""
    always = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
    return KeyRing(RingKey(public, *always) for public in authority)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a controller is, and whose documents it trusts."""

    site: SiteCode
    device: DeviceId
    authority: KeyRing


def last_will(identity: Identity) -> Will:
    """Return what the broker says of a controller that is gone without a goodbye."""
    topic = topics.build(identity.site, Kind.CONTROLLER, identity.device, Subject.STATUS)
    return Will(topic, codec.encode(Status(online=False)))


class Controller:
    """One controller from power-up to power-down. Everything runs on its scheduler's loop."""

    def __init__(
        self,
        identity: Identity,
        *,
        portal: Portal,
        transport: Transport,
        scheduler: Scheduler,
        kept: Kept,
        random_bytes: RandomBytes,
    ) -> None:
        """Join the parts; nothing happens before `start`."""
        self._site, self._device = identity.site, identity.device
        self._authority = identity.authority
        self._portal, self._transport, self._scheduler = portal, transport, scheduler
        self._kept = kept
        self._locked_down = kept.locked_down
        self._conversation = Conversation(
            identity.device, portal.actions, scheduler.now, random_bytes
        )
        self._booted = scheduler.now()
        self._boot = str(UUID(bytes=random_bytes(_BOOT_BYTES), version=4))
        self._sequence = 0
        self._events = Unreceipted()
        self._state: PortalState | None = None
        self._since = timedelta()
        self._key_list_version: int | None = None
        self._malformed = 0
        self._inbox = threading.BoundedSemaphore(INBOX)
        self._refusals_told = 0
        self._refusals_untold = 0
        self._watchers: list[Callable[[ControllerEvent], None]] = []
        self.on_key_list: Callable[[int, tuple[Obeyed, ...]], None] = lambda _version, _list: None
        self.on_connection: Callable[[bool], None] = lambda _there: None

    @property
    def malformed_messages(self) -> int:
        """How many messages were no message of this protocol, or one too many, since the start."""
        return self._malformed

    @property
    def events_dropped(self) -> int:
        """How many events were given up without a receipt, because the memory was full."""
        return self._events.dropped

    @property
    def key_list_version(self) -> int | None:
        """The version of the key list that is obeyed; None before the first."""
        return self._key_list_version

    def watch(self, watcher: Callable[[ControllerEvent], None]) -> None:
        """Call `watcher` for each event as it is recorded, before it is sent."""
        self._watchers.append(watcher)

    def start(self) -> None:
        """Power up: take the kept key list, report, and begin to connect."""
        document = self._kept.key_list
        if document is not None:
            self._take_key_list(document, keep=False)
        self.report(ControllerEventKind.STARTED)
        self._portal.start(self)
        self.state_changed()
        self._transport.subscribe_without_retained(
            topics.everything_for(self._site, self._device), self._receive
        )
        self._transport.on_connection(
            lambda there: self._scheduler.post(partial(self._connection_changed, there))
        )
        self._scheduler.after(SYNC_EVERY, self._every_minute)
        self._scheduler.after(RECEIPTS_LOOKED_AFTER, self._every_second)
        self._transport.start()

    def say_goodbye(self) -> None:
        """Say that the controller goes down on purpose; the last will is not sent then."""
        self._publish(Subject.STATUS, Status(online=False), retain=True)

    # --- what the portal tells (`Reporter`)

    def report(
        self,
        what: ControllerEventKind,
        event: EventId | None = None,
        detail: str | None = None,
    ) -> None:
        """See `Reporter.report`: keep the event in RAM until the server has stored it."""
        self._sequence += 1
        record = ControllerEvent(
            boot=self._boot,
            sequence=self._sequence,
            uptime_ms=self._uptime // _MILLISECOND,
            what=what,
            event=event,
            detail=detail,
        )
        self._events.keep(record)
        for watcher in self._watchers:
            watcher(record)
        self._hand_over_events()

    def state_changed(self) -> None:
        """See `Reporter.state_changed`: publish the state where it differs from the one before."""
        state = self._locked_down_as_it_may_be(self._portal.state())
        if state != self._state:
            self._state, self._since = state, self._uptime
            self._publish_state(state)

    def _locked_down_as_it_may_be(self, state: PortalState) -> PortalState:
        if self._locked_down and state.lock is Lock.LOCKED:
            return replace(state, lock=Lock.LOCKED_DOWN)
        return state

    # --- messages

    def _receive(self, message: Message) -> None:
        """Take a message on the transport's thread; the loop looks at it when it is free."""
        if not self._inbox.acquire(blocking=False):
            self._count_malformed(message.topic)
            return
        self._scheduler.post(partial(self._take_waiting, message))

    def _take_waiting(self, message: Message) -> None:
        self._inbox.release()
        self._take(message)

    def _take(self, message: Message) -> None:
        try:
            topic = topics.parse(message.topic)
        except topics.MalformedTopicError:
            self._count_malformed(message.topic)
            return
        if (topic.kind is Kind.SERVER) != (topic.device == SERVER):
            self._count_malformed(message.topic)  # nobody else writes in the server's name
        elif topic.subject is Subject.COMMAND:
            self._take_command(topic.device, message)
        elif topic.subject is Subject.ASK and not message.retained:
            self._take_ask(topic, message.payload)
        elif topic.subject is Subject.KEYS:
            self._take_key_list(message.payload, keep=True)
        elif topic.subject is Subject.RECEIPT:
            self._take_receipt(topic, message.payload)

    def _take_receipt(self, topic: Topic, payload: bytes) -> None:
        try:
            receipt = codec.decode(EventReceipt, payload)
        except codec.MalformedReportError:
            self._count_malformed(str(topic))
            return
        self._events.receipted(receipt)

    def _take_ask(self, topic: Topic, payload: bytes) -> None:
        try:
            event = event_id(codec.decode(Ask, payload).event)
        except codec.MalformedReportError:
            self._count_malformed(str(topic))
            return
        nonce = self._conversation.answer(topic.device, event)
        if nonce is None:
            refusal = CommandRefusal.UNKNOWN_SENDER
            word = Acknowledgement(event=event, result=Result.REFUSED, refusal=refusal)
            self._publish(Subject.ACKNOWLEDGEMENT, word, topic.device)
            return
        answer = Answer(event=event, nonce=nonce)
        self._publish(Subject.ANSWER, answer, topic.device, expiry=NONCE_LIFE)

    def _take_command(self, sender: DeviceId, message: Message) -> None:
        verdict = self._conversation.judge(
            sender,
            message.payload,
            retained=message.retained,
            hindrance=self._hindrance,
        )
        if verdict.command is not None:
            self._carry_out(verdict.command)
        word = verdict.acknowledgement
        self._publish(Subject.ACKNOWLEDGEMENT, word, sender, expiry=NONCE_LIFE)
        if word.refusal is not None and not verdict.repeated:
            event = None if word.event is None else EventId(word.event)
            self._tell_refusal(event, f"{sender}: {word.refusal}")

    def _tell_refusal(self, event: EventId | None, why: str) -> None:
        if self._refusals_told >= REFUSALS_TOLD:
            self._refusals_untold += 1
            return
        self._refusals_told += 1
        self.report(ControllerEventKind.COMMAND_REFUSED, event, why)

    def _hindrance(self, command: Command) -> CommandRefusal | None:
        """Say why a command that is to be obeyed is not carried out now."""
        if command.action in (Action.LOCK_DOWN, Action.RELEASE):
            return None
        if self._locked_down:
            return CommandRefusal.LOCKED_DOWN
        return self._portal.hindrance(command)

    def _carry_out(self, command: Command) -> None:
        """Act. A lockdown is kept before it is acknowledged, so that a power cut cannot end it."""
        if command.action in (Action.LOCK_DOWN, Action.RELEASE):
            self._locked_down = command.action is Action.LOCK_DOWN
            if self._locked_down:
                self._portal.end_entry()
            self._keep(partial(self._kept.keep_locked_down, locked_down=self._locked_down))
        else:
            self._portal.carry_out(command)
        self.state_changed()

    def _keep(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:  # a worn-out flash must not stop the door: it goes on from RAM
            _log.error("cannot keep it over a power cut: %s", error)

    # --- the key list

    def _take_key_list(self, message: bytes, *, keep: bool) -> None:
        try:
            if len(message) > KEY_LIST_CEILING:
                reason = "longer than any key list"
                raise MalformedEnvelopeError(reason)  # noqa: TRY301 - refused as all others are
            document = self._opened_key_list(message)
            key_list = read_key_list(document.body)
        except (
            MalformedEnvelopeError,
            UnknownKeyError,
            BadSignatureError,
            MalformedSectionError,
            documents.MalformedDocumentError,
            documents.MisdirectedDocumentError,
            documents.OlderDocumentError,
        ) as error:
            self._malformed += 1
            _log.warning("a key list was refused: %s", error)
            return
        if keep and document.version != self._key_list_version:
            self._keep(partial(self._kept.keep_key_list, message))
        self._key_list_version = document.version
        self._conversation.obey(key_list)
        self.on_key_list(document.version, key_list)

    def _opened_key_list(self, message: bytes) -> Document:
        document = documents.open_document(
            message, self._authority, site=self._site, device=self._device, at=None
        )
        if document.kind is not DocumentKind.KEY_LIST:
            reason = f"a document of kind {document.kind}"
            raise documents.MisdirectedDocumentError(reason)
        return documents.not_older(document, self._key_list_version)

    # --- the connection

    def _connection_changed(self, there: bool) -> None:  # noqa: FBT001 - what the transport says
        if there:
            self._publish(Subject.STATUS, Status(online=True), retain=True)
            self._publish_state(self._locked_down_as_it_may_be(self._portal.state()))
            self._events.connection_is_new()
            self._hand_over_events()
            self._ask_for_key_list()
        self.on_connection(there)

    def _every_minute(self) -> None:
        self._scheduler.after(SYNC_EVERY, self._every_minute)
        self._refusals_told = 0
        if self._refusals_untold:
            untold, self._refusals_untold = self._refusals_untold, 0
            self._tell_refusal(None, f"{untold} more within a minute")
        self._ask_for_key_list()

    def _ask_for_key_list(self) -> None:
        version = self._key_list_version
        held = {} if version is None else {str(DocumentKind.KEY_LIST): version}
        self._publish(Subject.SYNC, SyncRequest(held=held), SERVER)

    def _hand_over_events(self) -> None:
        told = 0
        for event in self._events.untold():
            if not self._tell(event):
                return
            told += 1
        if told == AT_A_TIME:
            self._scheduler.post(self._hand_over_events)

    def _every_second(self) -> None:
        self._scheduler.after(RECEIPTS_LOOKED_AFTER, self._every_second)
        self._hand_over_events()
        for event in self._events.overdue(self._scheduler.now()):
            self._tell(event)

    def _tell(self, event: ControllerEvent) -> bool:
        given = self._publish(Subject.EVENT, event)
        if given:
            self._events.told(event, self._scheduler.now())
        return given

    def _publish_state(self, state: PortalState) -> None:
        report = ControllerState(
            boot=self._boot,
            uptime_ms=self._uptime // _MILLISECOND,
            since_ms=self._since // _MILLISECOND,
            lock=state.lock,
            contact=state.contact,
            alarms=state.alarms,
            slots=state.slots,
            firmware=FIRMWARE,
        )
        self._publish(Subject.STATE, report, retain=True)

    def _publish(
        self,
        subject: Subject,
        report: codec.Report,
        addressee: DeviceId | None = None,
        *,
        retain: bool = False,
        expiry: timedelta | None = None,
    ) -> bool:
        if not self._transport.connected:
            return False
        topic = topics.build(self._site, Kind.CONTROLLER, self._device, subject, addressee)
        return self._transport.publish(topic, codec.encode(report), retain=retain, expiry=expiry)

    @property
    def _uptime(self) -> timedelta:
        return self._scheduler.now() - self._booted

    def _count_malformed(self, topic: str) -> None:
        self._malformed += 1
        _log.debug("not a message of this protocol, on %s (%d so far)", topic, self._malformed)
