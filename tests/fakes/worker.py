"""A worker without threads: what arrives is handled at once, what is due is sent when the test says so."""

from access_protocol import codec, commands, topics
from access_protocol.commands import Acknowledgement, Answer, Ask, Command, Result
from access_protocol.decision import CommandRefusal
from access_protocol.events import Status
from access_protocol.ids import DeviceId, Nonce
from access_protocol.topics import SERVER, WRITES, Kind, Subject
from access_protocol.transport.base import Message, Transport
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from server.access import messages as access
from server.devices import messages as devices
from server.kernel.desk import Desk, Incoming, Malformed
from server.kernel.outbox import Outgoing, SendFailed, send_due
from server.kernel.principal import Principal
from server.kernel.work import Office
from tests.fakes.site import SYSTEM, TYO


class FakeWorker:
    """Joins an office to a broker in memory as the real worker does; `malformed` keeps what was refused."""

    def __init__(
        self, office: Office, broker: MemoryBroker, transport: Transport | None = None
    ) -> None:
        """`transport` joins it to another broker, such as a real one; not started yet."""
        self.office = office
        self.malformed: list[str] = []
        self.transport: Transport = transport or MemoryTransport(broker)
        self.desk = Desk(office, self.transport)
        self.desk.sends("mqtt", self._publish)
        for messages in (devices, access):
            messages.register(self.desk)
        for kind, subject in {*self.desk.handlers, *self.desk.listeners}:
            addressed = WRITES[kind][subject]
            wanted = topics.to_all if addressed else None
            topic = wanted(kind, subject, SERVER) if wanted else topics.of_all(None, kind, subject)
            self.transport.subscribe(topic, self._take)
        self.transport.start()

    def send(self) -> int:
        """Send everything that is due."""
        return send_due(self.office, self.desk.senders)

    def tick(self) -> None:
        """Run every timer once."""
        for timer in self.desk.timers:
            with self.office.begin(SYSTEM) as work:
                timer.job(work)

    def _publish(self, row: Outgoing) -> None:
        if not self.transport.publish(row.destination, row.body or b""):
            raise SendFailed("the broker is away")

    def _take(self, message: Message) -> None:
        incoming = Incoming(topics.parse(message.topic), message.payload, message.retained)
        key = (incoming.topic.kind, incoming.topic.subject)
        for listener in self.desk.listeners.get(key, []):
            listener(incoming)
        handler = self.desk.handlers.get(key)
        if handler is None:
            return
        try:
            sender = Principal.for_device(incoming.topic.device, incoming.topic.site)
            with self.office.begin(sender) as work:
                handler(work, incoming)
        except Malformed as why:
            self.malformed.append(str(why))


class FakeController:
    """A controller that answers and acknowledges as told, and keeps every command that was rightly signed."""

    def __init__(self, broker: MemoryBroker, device: DeviceId, server_key: bytes) -> None:
        self.device, self.server_key = device, server_key
        self.asked: list[Ask] = []
        self.obeyed: list[Command] = []
        self.answers, self.acknowledges = True, True
        self.refuses: CommandRefusal | None = None
        self.nonce = Nonce(b"n" * 16)
        self.transport = MemoryTransport(broker)
        for subject in (Subject.ASK, Subject.COMMAND):
            topic = topics.build(TYO, Kind.SERVER, SERVER, subject, device)
            take = self._asked if subject is Subject.ASK else self._commanded
            self.transport.subscribe(topic, take)
        self.transport.start()

    def say(self, subject: Subject, report: codec.Report, *, retain: bool = False) -> None:
        addressed = WRITES[Kind.CONTROLLER][subject]
        topic = topics.build(
            TYO, Kind.CONTROLLER, self.device, subject, SERVER if addressed else None
        )
        self.transport.publish(topic, codec.encode(report), retain=retain)

    def is_here(self) -> None:
        self.say(Subject.STATUS, Status(online=True), retain=True)

    def answer(self, ask: Ask) -> None:
        self.say(Subject.ANSWER, Answer(event=ask.event, nonce=self.nonce))

    def _asked(self, message: Message) -> None:
        ask = codec.decode(Ask, message.payload)
        self.asked.append(ask)
        if self.answers:
            self.answer(ask)

    def _commanded(self, message: Message) -> None:
        command = commands.open_command(message.payload, (self.server_key,))
        self.obeyed.append(command)
        if self.acknowledges:
            result = Result.REFUSED if self.refuses else Result.DONE
            self.say(
                Subject.ACKNOWLEDGEMENT,
                Acknowledgement(event=command.event, result=result, refusal=self.refuses),
            )
