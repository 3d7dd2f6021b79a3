"""One simulated portal on a broker in memory, with senders that ask, command and record the answers."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from access_protocol import codec, commands, documents, topics
from access_protocol.commands import Acknowledgement, Action, Answer, Ask, Command, Result
from access_protocol.decision import CommandRefusal
from access_protocol.documents import Document, DocumentKind
from access_protocol.events import (
    ControllerEvent,
    ControllerEventKind,
    ControllerState,
    EventReceipt,
    Status,
    SyncRequest,
)
from access_protocol.ids import DeviceId, EventId, Nonce, SiteCode
from access_protocol.keys import SigningKey
from access_protocol.knowledge import Obeyed, write_key_list
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Handler, Message, Transport, Will
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from firmware_sim.controller import Identity, authority_ring
from firmware_sim.installation import FILLED, Installation, PortalKind, Wiring
from firmware_sim.kept import Kept, KeptInFlash
from firmware_sim.line import Line
from firmware_sim.machine import Machine
from firmware_sim.metal import Metal
from firmware_sim.physical import Barrier, Doorway, FailMode, LockCircuit
from firmware_sim.portal import Timings
from firmware_sim.saboteur import Saboteur
from firmware_sim.scheduler import SimulatedScheduler

SITE = SiteCode("TYO")
DOOR = DeviceId("door-sakura")
GATE, OTHER_GATE, STRANGER = DeviceId("gate-1"), DeviceId("gate-2"), DeviceId("gate-3")
AUTHORITY = SigningKey(b"A" * 32)
KEYS = {
    GATE: SigningKey(b"1" * 32),
    OTHER_GATE: SigningKey(b"2" * 32),
    STRANGER: SigningKey(b"3" * 32),
    SERVER: SigningKey(b"S" * 32),
}
ALL = frozenset(Action)
UNLOCKS = frozenset({Action.UNLOCK})
PULSE = timedelta(seconds=5)
OBEYED = (
    Obeyed(GATE, KEYS[GATE].public, UNLOCKS),
    Obeyed(OTHER_GATE, KEYS[OTHER_GATE].public, UNLOCKS),
    Obeyed(SERVER, KEYS[SERVER].public, ALL),
)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def key_list(
    version: int,
    obeyed: Iterable[Obeyed] = OBEYED,
    *,
    key: SigningKey = AUTHORITY,
    site: SiteCode = SITE,
    device: DeviceId = DOOR,
    kind: DocumentKind = DocumentKind.KEY_LIST,
) -> bytes:
    issued = datetime(2026, 1, 1, tzinfo=UTC)
    body = write_key_list(tuple(obeyed))
    return documents.seal(Document(kind, site, device, version, issued, body), key)


class Sender:
    """A gate or the server, as far as a controller meets them; keeps what the controller says."""

    def __init__(self, transport: Transport, device: DeviceId, controller: DeviceId = DOOR) -> None:
        self.device = device
        self.key = KEYS[device]
        self.transport = transport
        self.controller = controller
        self.kind = Kind.SERVER if device == SERVER else Kind.GATE
        self.answers: list[Answer] = []
        self.acknowledgements: list[Acknowledgement] = []
        transport.subscribe(topics.everything_for(SITE, device), self._take)

    def ask(self, event: EventId) -> Nonce | None:
        """Ask, and return the nonce where an answer came (at once, in memory)."""
        before = len(self.answers)
        self.publish(Subject.ASK, codec.encode(Ask(event=event)))
        return Nonce(self.answers[-1].nonce) if len(self.answers) > before else None

    def sealed(
        self,
        nonce: Nonce,
        event: EventId,
        action: Action = Action.UNLOCK,
        pulse: timedelta = PULSE,
        controller: DeviceId | None = None,
        key: SigningKey | None = None,
        slot: int = 1,
    ) -> bytes:
        device = controller or self.controller
        from_slot = slot if action is Action.DISPENSE else None
        command = Command(device, nonce, action, pulse, event, from_slot)
        return commands.seal(command, key or self.key)

    def send(self, message: bytes, *, retain: bool = False) -> Acknowledgement | None:
        """Publish bytes as a command, and return the word that came back, if any."""
        before = len(self.acknowledgements)
        self.publish(Subject.COMMAND, message, retain=retain)
        new = self.acknowledgements[before:]
        return new[-1] if new else None

    def do(
        self,
        event: EventId,
        action: Action = Action.UNLOCK,
        pulse: timedelta = PULSE,
        slot: int = 1,
    ) -> Acknowledgement | None:
        """Ask and command, as a gate that granted."""
        nonce = self.ask(event)
        assert nonce is not None
        return self.send(self.sealed(nonce, event, action, pulse, slot=slot))

    def publish(self, subject: Subject, payload: bytes, *, retain: bool = False) -> None:
        topic = topics.build(SITE, self.kind, self.device, subject, self.controller)
        self.transport.publish(topic, payload, retain=retain)

    def _take(self, message: Message) -> None:
        subject = topics.parse(message.topic).subject
        if subject is Subject.ANSWER:
            self.answers.append(codec.decode(Answer, message.payload))
        elif subject is Subject.ACKNOWLEDGEMENT:
            self.acknowledgements.append(codec.decode(Acknowledgement, message.payload))


class Scene:
    """The portal under test with everything around it; time stands still until `advance`."""

    def __init__(
        self,
        kind: PortalKind = PortalKind.DOOR,
        fails: FailMode = FailMode.SECURE,
        timings: Timings | None = None,
        kept: Kept | None = None,
        stock: Mapping[int, int] = FILLED,
        metal: Metal | None = None,
    ) -> None:
        self.random = Random(20260101)
        self.scheduler = SimulatedScheduler()
        self.broker = MemoryBroker()
        self.kept = KeptInFlash()
        self.events: list[ControllerEvent] = []
        self.states: list[ControllerState] = []
        self.statuses: list[Status] = []
        self.syncs: list[SyncRequest] = []
        self.server_stores = True
        """Whether the server stores events and answers them, or is away."""
        self.relay_edges: list[bool] = []
        self.before_each_instant: Callable[[], None] = lambda: None
        self._numbers = itertools.count(1)
        self._listen()
        self.line = Line(self.scheduler)
        self.installation = Installation(
            Identity(SITE, DOOR, authority_ring((AUTHORITY.public,))),
            Wiring(kind, fails, timings or Timings(), stock),
            scheduler=self.scheduler,
            connect=self._connected,
            kept=kept or self.kept,
            metal=metal,
            random_bytes=self.random.randbytes,
        )
        self.saboteur = Saboteur(self.installation, self.line, self.scheduler)
        self._last_relay = False
        if kind is not PortalKind.VENDING:
            self.circuit.watch(lambda lines: self._relay_seen(on=lines.relay))

    @property
    def circuit(self) -> LockCircuit:
        return self.installation.circuit

    @property
    def machine(self) -> Machine:
        assert isinstance(self.installation.body, Machine)
        return self.installation.body

    @property
    def doorway(self) -> Doorway:
        assert isinstance(self.installation.body, Doorway)
        return self.installation.body

    @property
    def barrier(self) -> Barrier:
        assert isinstance(self.installation.body, Barrier)
        return self.installation.body

    @property
    def state(self) -> ControllerState:
        return self.states[-1]

    def start(self, obeyed: Iterable[Obeyed] = OBEYED) -> "Scene":
        self.installation.power_up()
        self.give_key_list(key_list(1, obeyed))
        return self

    def give_key_list(self, message: bytes) -> None:
        topic = topics.build(SITE, Kind.SERVER, SERVER, Subject.KEYS, DOOR)
        self.listener.publish(topic, message)

    def receipt(self, event: ControllerEvent) -> None:
        """The server has committed this event."""
        topic = topics.build(SITE, Kind.SERVER, SERVER, Subject.RECEIPT, DOOR)
        self.listener.publish(
            topic, codec.encode(EventReceipt(boot=event.boot, sequence=event.sequence))
        )

    def sender(self, device: DeviceId = GATE) -> Sender:
        transport = MemoryTransport(self.broker)
        sender = Sender(transport, device)
        transport.start()
        return sender

    def event(self) -> EventId:
        return EventId(str(UUID(int=next(self._numbers))))

    def advance(self, by: float) -> None:
        self.scheduler.advance(timedelta(seconds=by))

    def cut_power(self) -> None:
        """The mains go, and with them the connection: the broker publishes the last will."""
        self.installation.cut_power()

    def restore_power(self) -> None:
        self.installation.restore_power()

    def told(self, event: EventId | None = None) -> list[ControllerEventKind]:
        """What the controller reported, of one command or of all."""
        return [told.what for told in self.events if event is None or told.event == event]

    def _connected(self, will: Will) -> Transport:
        self.transport = MemoryTransport(self.broker, will)
        return _Observed(self.line.connect(self.transport), self._instant)

    def _instant(self) -> None:
        self.before_each_instant()

    def _listen(self) -> None:
        self.listener = MemoryTransport(self.broker)
        self.listener.subscribe(topics.below(SITE, Kind.CONTROLLER, DOOR), self._take)
        self.listener.start()

    def _take(self, message: Message) -> None:
        subject = topics.parse(message.topic).subject
        if subject is Subject.EVENT:
            event = codec.decode(ControllerEvent, message.payload)
            self.events.append(event)
            if self.server_stores:
                self.receipt(event)
        elif subject is Subject.STATE:
            self.states.append(codec.decode(ControllerState, message.payload))
        elif subject is Subject.STATUS:
            self.statuses.append(codec.decode(Status, message.payload))
        elif subject is Subject.SYNC:
            self.syncs.append(codec.decode(SyncRequest, message.payload))

    def _relay_seen(self, *, on: bool) -> None:
        if on != self._last_relay:
            self._last_relay = on
            self.relay_edges.append(on)
            self.before_each_instant()


class _Observed:
    """A controller's transport; something is called before and after each message it publishes."""

    def __init__(self, transport: Transport, instant: Callable[[], None]) -> None:
        self._transport = transport
        self._instant = instant

    @property
    def connected(self) -> bool:
        return self._transport.connected

    @property
    def failures(self) -> int:
        return self._transport.failures

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        self._transport.subscribe(topic_filter, handler)

    def subscribe_without_retained(self, topic_filter: str, handler: Handler) -> None:
        self._transport.subscribe_without_retained(topic_filter, handler)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        expiry: timedelta | None = None,
    ) -> bool:
        self._instant()
        taken = self._transport.publish(topic, payload, retain=retain, expiry=expiry)
        self._instant()
        return taken

    def on_connection(self, handler: Callable[[bool], None]) -> None:
        self._transport.on_connection(handler)

    def start(self) -> None:
        self._transport.start()

    def reconnect(self) -> None:
        self._transport.reconnect()

    def stop(self) -> None:
        self._transport.stop()

    def vanish(self) -> None:
        self._transport.vanish()


def done(event: EventId) -> Acknowledgement:
    return Acknowledgement(event=event, result=Result.DONE)


def refused(event: EventId | None, refusal: CommandRefusal) -> Acknowledgement:
    return Acknowledgement(event=event, result=Result.REFUSED, refusal=refusal)
