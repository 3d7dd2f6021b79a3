"""A small site in one process, for playing scenarios: simulated time, a broker in memory, one gate."""

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from access_protocol import codec, commands, documents, topics
from access_protocol.commands import Action, Answer, Ask, Command
from access_protocol.documents import Document, DocumentKind
from access_protocol.events import ControllerEvent, EventReceipt, SyncRequest
from access_protocol.ids import DeviceId, EventId, Nonce, SiteCode
from access_protocol.keys import SigningKey
from access_protocol.knowledge import Obeyed, write_key_list
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Message, Transport, Will
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from firmware_sim.controller import Identity, authority_ring
from firmware_sim.installation import Installation, Wiring
from firmware_sim.line import Line
from firmware_sim.saboteur import Saboteur
from firmware_sim.scheduler import SimulatedScheduler

SITE = SiteCode("SIM")
GATE = DeviceId("gate-sim")
PULSE = timedelta(seconds=5)


class RehearsedGate:
    """Asks a controller and commands it once the nonce is there, as a gate that granted."""

    def __init__(self, broker: MemoryBroker) -> None:
        """Take part in the site behind `broker` from now on."""
        self.key = SigningKey(secrets.token_bytes(32))
        self._sent: dict[DeviceId, list[bytes]] = {}
        self._wanted: dict[EventId, tuple[Action, int | None]] = {}
        self._transport = MemoryTransport(broker)
        self._transport.subscribe(topics.everything_for(SITE, GATE), self._take)
        self._transport.start()

    def command(self, controller: DeviceId, action: Action, slot: int | None = None) -> None:
        """Have an action carried out; where the broker is away, nothing happens."""
        event = EventId(str(uuid4()))
        self._wanted[event] = action, slot
        self._publish(Subject.ASK, controller, codec.encode(Ask(event=event)))

    def replay(self, controller: DeviceId) -> None:
        """Send the first command to a controller again, as somebody who recorded it would."""
        for message in self._sent.get(controller, [])[:1]:
            self._publish(Subject.COMMAND, controller, message)

    def _take(self, message: Message) -> None:
        topic = topics.parse(message.topic)
        if topic.subject is not Subject.ANSWER:
            return
        answer = codec.decode(Answer, message.payload)
        wanted = self._wanted.pop(EventId(answer.event), None)
        if wanted is not None:
            action, slot = wanted
            event = EventId(answer.event)
            command = Command(topic.device, Nonce(answer.nonce), action, PULSE, event, slot)
            sealed = commands.seal(command, self.key)
            self._sent.setdefault(topic.device, []).append(sealed)
            self._publish(Subject.COMMAND, topic.device, sealed)

    def _publish(self, subject: Subject, controller: DeviceId, payload: bytes) -> None:
        self._transport.publish(topics.build(SITE, Kind.GATE, GATE, subject, controller), payload)


class Rehearsal:
    """The site: its portals, its gate, and what a server would do for them."""

    def __init__(
        self,
        wirings: Mapping[DeviceId, Wiring],
        told: Callable[[DeviceId, ControllerEvent], None],
    ) -> None:
        """Build and power up; `told` gets each controller's events as the broker delivers them."""
        self.scheduler = SimulatedScheduler()
        self.broker = MemoryBroker()
        self.gate = RehearsedGate(self.broker)
        self._told = told
        self._stored: set[tuple[DeviceId, str, int]] = set()
        self._authority = SigningKey(secrets.token_bytes(32))
        self.saboteurs: dict[DeviceId, Saboteur] = {}
        self._server = MemoryTransport(self.broker)
        for topic_filter in (
            topics.of_all(SITE, Kind.CONTROLLER, Subject.EVENT),
            topics.to_all(Kind.CONTROLLER, Subject.SYNC, SERVER),
        ):
            self._server.subscribe(topic_filter, self._take)
        self._server.start()
        authority = authority_ring((self._authority.public,))
        self.installations = {
            device: self._installed(Identity(SITE, device, authority), wiring)
            for device, wiring in wirings.items()
        }
        for installation in self.installations.values():
            installation.power_up()

    def _installed(self, identity: Identity, wiring: Wiring) -> Installation:
        line = Line(self.scheduler)

        def connect(will: Will) -> Transport:
            return line.connect(MemoryTransport(self.broker, will))

        installation = Installation(identity, wiring, scheduler=self.scheduler, connect=connect)
        self.saboteurs[identity.device] = Saboteur(installation, line, self.scheduler)
        return installation

    def _take(self, message: Message) -> None:
        topic = topics.parse(message.topic)
        if topic.subject is Subject.EVENT:
            self._store(topic.device, codec.decode(ControllerEvent, message.payload))
        elif not codec.decode(SyncRequest, message.payload).held:
            self._send_key_list(topic.device)

    def _store(self, device: DeviceId, event: ControllerEvent) -> None:
        """Take an event once, and give its receipt each time."""
        name = device, event.boot, event.sequence
        if name not in self._stored:
            self._stored.add(name)
            self._told(device, event)
        receipt = EventReceipt(boot=event.boot, sequence=event.sequence)
        topic = topics.build(SITE, Kind.SERVER, SERVER, Subject.RECEIPT, device)
        self._server.publish(topic, codec.encode(receipt))

    def _send_key_list(self, device: DeviceId) -> None:
        body = write_key_list((Obeyed(GATE, self.gate.key.public, frozenset(Action)),))
        document = Document(DocumentKind.KEY_LIST, SITE, device, 1, datetime.now(UTC), body)
        topic = topics.build(SITE, Kind.SERVER, SERVER, Subject.KEYS, device)
        self._server.publish(topic, documents.seal(document, self._authority))
