"""A site's devices on a real Mosquitto with the configuration that its database gives."""

import os
import shutil
import signal
import threading
from datetime import UTC, datetime, timedelta

from access_protocol.certificates import TlsIdentity
from access_protocol.topics import Kind
from access_protocol.transport.base import Message, Will
from access_protocol.transport.mqtt import BrokerAddress, MqttTransport
from demo.program import StartedProcess
from server.devices import broker_configuration, certification
from server.devices.broker_configuration import BrokerFiles
from server.kernel.settings import Settings
from server.kernel.work import Office
from tests.fakes.site import DOOR, GATE, SYSTEM, TURNSTILE, enrol

DEADLINE = 120.0
LAST_WORD = b"the end"


class Scene:
    """The site's three devices, a broker made from the database, and a witness who may hear and say all."""

    def __init__(self, office: Office, chosen: Settings) -> None:
        self.office, self.settings = office, chosen
        kinds = {GATE: Kind.GATE, TURNSTILE: Kind.CONTROLLER, DOOR: Kind.CONTROLLER}
        self.identities = {
            str(device): enrol(office, device, kind).tls for device, kind in kinds.items()
        }
        with office.begin(SYSTEM) as work:
            self.authority = certification.authority(work)
        for user in ("server", "live", "witness"):
            self.identities[user] = self.authority.for_own_process(user, datetime.now(UTC))
        self.write()
        files = self.files()
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None
        self.process = StartedProcess([program, "-c", files.configuration], ready=" running")
        self._open: list[MqttTransport] = []
        self.seen = 0

    def look(self) -> None:
        """What the broker logged until now is not waited for."""
        self.seen = len(self.process.lines)

    def address(self, user: str) -> BrokerAddress:
        identity = self.identities[user]
        return BrokerAddress("127.0.0.1", self.settings.broker_port, lambda: identity)

    def run(self, transport: MqttTransport) -> None:
        """Start a transport and return once it is connected."""
        there = threading.Event()
        transport.on_connection(lambda now: there.set() if now else None)
        transport.start()
        self._open.append(transport)
        assert there.wait(DEADLINE)

    def losses(self, client: "Client") -> list[bool]:
        """A list that grows each time that a client loses its connection from now on."""
        lost: list[bool] = []
        client.transport.on_connection(lambda there: None if there else lost.append(True))
        return lost

    def files(self) -> BrokerFiles:
        with self.office.reading(SYSTEM) as work:
            return broker_configuration.broker_files(work, self.settings.data_folder / "broker")

    def write(self) -> None:
        broker_configuration.write(self.files())
        folder = self.settings.data_folder / "broker"
        with (folder / "rights").open("a") as file:
            file.write("\nuser witness\ntopic readwrite #\n")

    def reload(self) -> None:
        """As the broker process does: new files, and a signal; returns once Mosquitto has read them."""
        self.write()
        told = len(self.process.lines)
        os.kill(self.process.pid, signal.SIGHUP)
        self.process.wait_for_line("Reloading config", within=DEADLINE, after=told)

    def join(
        self,
        user: str,
        identity: TlsIdentity | None = None,
        *,
        hears: str | None = None,
        client_id: str = "",
        will: Will | None = None,
    ) -> "Client":
        shown = identity or self.identities[user]
        client = Client(self.settings.broker_port, user, shown, hears, client_id, will)
        self._open.append(client.transport)
        return client

    def close(self) -> None:
        for transport in self._open:
            transport.stop()
        self.process.stop()
        self.office.close()


class Client:
    """One connection that keeps what it hears."""

    def __init__(
        self,
        port: int,
        user: str,
        identity: TlsIdentity,
        hears: str | None = None,
        client_id: str = "",
        will: Will | None = None,
    ) -> None:
        self.heard: set[str] = set()
        self.connected, self.ended = threading.Event(), threading.Event()
        self._news = threading.Condition()
        address = BrokerAddress("127.0.0.1", port, lambda: identity)
        self.transport = MqttTransport(address, client_id or f"{user}-{id(self)}", will)
        if hears is not None:
            self.transport.subscribe(hears, self._hear)
        self.transport.on_connection(
            lambda there: self.connected.set() if there else self.connected.clear()
        )
        self.transport.start()

    def here(self) -> "Client":
        assert self.connected.wait(DEADLINE)
        return self

    def say(self, topic: str, payload: bytes = b"x") -> None:
        assert self.transport.publish(topic, payload, expiry=timedelta(minutes=1))

    def hears(self, topic: str) -> None:
        with self._news:
            assert self._news.wait_for(lambda: topic in self.heard, DEADLINE)

    def _hear(self, message: Message) -> None:
        if message.payload == LAST_WORD:
            self.ended.set()
        with self._news:
            self.heard.add(message.topic)
            self._news.notify_all()
