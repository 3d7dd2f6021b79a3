"""The worker process: takes messages, sends the outbox, and does what is due."""

import os
import socket
import threading
from datetime import timedelta

import structlog

from access_protocol.topics import SERVER, Subject
from access_protocol.transport.base import Transport
from access_protocol.transport.mqtt import BrokerAddress, MqttTransport
from server.app import create_office, set_up
from server.devices import certification
from server.kernel import live, logs, outbox
from server.kernel.desk import Desk
from server.kernel.settings import Settings
from server.kernel.work import Office, Work
from server.processes.inbox import Inbox
from server.processes.relay import MQTT, Relay, live_sender, mqtt_sender
from server.processes.stopping import stop_signal
from server.processes.timers import Timers

log = structlog.get_logger(__name__)

SENT_KEPT = timedelta(days=7)
_LARGEST_WAKE = 4096
HEARD_ANEW = timedelta(seconds=20)
"""A worker that loses the broker, or stops, calls every device away. Where another one goes on, it hears again
at this interval from the broker who is there."""


class Worker:
    """Everything that one worker process runs."""

    def __init__(self, office: Office, transport: Transport, name: str) -> None:
        """Join the parts; nothing runs before `start`."""
        self.desk = Desk(office, transport)
        self.desk.sends(MQTT, mqtt_sender(transport))
        self.desk.sends(live.KIND, live_sender(transport), together=True)
        self.desk.every(timedelta(hours=6), "forget what was sent", _prune)
        set_up(self.desk)
        self.inbox = Inbox(self.desk)
        self.desk.every(
            HEARD_ANEW, "hear anew who is there", lambda _work: self.inbox.hear_anew(Subject.STATUS)
        )
        self.relay = Relay(office, self.desk.senders, self.desk.together)
        self.timers = Timers(office, self.desk.timers, name)
        self._office = office
        self._waker = _Waker(office.settings.worker_wake, self.relay)

    def start(self) -> None:
        """Start every thread, and the connection to the broker."""
        self.inbox.subscribe()
        self.inbox.start()
        self.relay.start()
        self._waker.start()
        self.timers.start()
        self.desk.transport.start()

    def stop(self) -> None:
        """Finish what is being done, then stop."""
        self.timers.stop()
        self.desk.transport.stop()
        self.inbox.stop()
        self._waker.stop()
        self.relay.stop()
        self._office.close()


class _Waker(threading.Thread):
    """Waits for the datagrams that other processes send after a commit: they name the kinds of rows it wrote."""

    def __init__(self, address: str, relay: Relay) -> None:
        super().__init__(name="wake", daemon=True)
        self._relay = relay
        self._stopping = False
        self._socket: socket.socket | None = None
        host, _, port = address.rpartition(":")
        if not host:
            return
        try:
            found = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
            bound = socket.socket(found[0], socket.SOCK_DGRAM)
            bound.bind(found[4])
            self._socket = bound
        except OSError as error:
            # A second worker on this machine, for example: polling finds the rows a second later.
            log.warning("cannot be woken, polling only", address=address, error=str(error))

    def run(self) -> None:
        while self._socket is not None and not self._stopping:
            kinds = self._socket.recv(_LARGEST_WAKE).decode(errors="replace").split()
            self._relay.wake(kinds)

    def stop(self) -> None:
        self._stopping = True
        if self._socket is not None:
            if self.is_alive():
                with socket.socket(self._socket.family, socket.SOCK_DGRAM) as own:
                    own.sendto(b"", self._socket.getsockname())
                self.join(5)
            self._socket.close()


def worker_name() -> str:
    """Return a name that no other worker has, at the broker and for the lead."""
    return f"{SERVER}-{socket.gethostname()[:24]}-{os.getpid()}"


def run(settings: Settings) -> None:
    """Work until told to stop."""
    logs.configure(settings.log_level, settings.log_format, "worker")
    stopping = stop_signal()
    office = create_office(settings)
    identity = certification.own_identity(office, SERVER)
    address = BrokerAddress(settings.broker_host, settings.broker_port, identity)
    worker = Worker(office, MqttTransport(address, worker_name()), worker_name())
    worker.start()
    print("worker ready", flush=True)  # noqa: T201  `serve` waits for this line
    stopping.wait()
    worker.stop()


def _prune(work: Work) -> None:
    outbox.prune(work.session, work.now - SENT_KEPT)
