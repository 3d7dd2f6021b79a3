"""Sends the outbox: threads for each kind of row, so that a slow mail server never delays a door."""

import threading
from collections.abc import Mapping
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from access_protocol import codec, topics
from access_protocol.events import LiveNotice
from access_protocol.ids import SiteCode
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Transport
from server.kernel import live
from server.kernel.outbox import Outgoing, Sender, SendFailed, send_due
from server.kernel.work import Office

log = structlog.get_logger(__name__)

MQTT = "mqtt"
"""Outbox kind of messages that go out as they are: destination is the topic, body the bytes."""
POLLED_EVERY = timedelta(seconds=1)
THREADS_PER_KIND = 2
BATCH = 20


class Relay:
    """Runs `send_due` whenever it is woken, and once a second."""

    def __init__(self, office: Office, senders: Mapping[str, Sender]) -> None:
        """Take the senders by kind; nothing runs before `start`."""
        self._office = office
        self._stopping = threading.Event()
        self._lanes: list[_Lane] = [
            _Lane(office, kind, sender, self._stopping)
            for kind, sender in senders.items()
            for _ in range(THREADS_PER_KIND)
        ]

    def start(self) -> None:
        """Start the threads."""
        for lane in self._lanes:
            lane.start()

    def wake(self) -> None:
        """Look into the outbox now."""
        for lane in self._lanes:
            lane.woken.set()

    def stop(self) -> None:
        """Let each thread finish the row that it is sending."""
        self._stopping.set()
        self.wake()
        for lane in self._lanes:
            lane.join(10)


class _Lane(threading.Thread):
    """One thread that sends rows of one kind."""

    def __init__(
        self, office: Office, kind: str, sender: Sender, stopping: threading.Event
    ) -> None:
        super().__init__(name=f"relay-{kind}", daemon=True)
        self.woken = threading.Event()
        self._office, self._kind, self._sender, self._stopping = office, kind, sender, stopping

    def run(self) -> None:
        while not self._stopping.is_set():
            self.woken.clear()
            try:
                if send_due(self._office, {self._kind: self._sender}, limit=BATCH) == BATCH:
                    continue
            except SQLAlchemyError:
                # The database may be away for a while; rows wait in it, and so do we.
                log.exception("the outbox could not be read", kind=self._kind)
                self._stopping.wait(POLLED_EVERY.total_seconds())
            self.woken.wait(POLLED_EVERY.total_seconds())


def mqtt_sender(transport: Transport) -> Sender:
    """Return the sender of prepared messages; the broker keeps them no longer than their deadline."""

    def send(row: Outgoing) -> None:
        expiry = None if row.deadline is None else row.deadline - row.created_at
        retain = bool(row.payload.get("retain", False))
        if not transport.publish(row.destination, row.body or b"", retain=retain, expiry=expiry):
            raise SendFailed("the broker is away")

    return send


def live_sender(transport: Transport) -> Sender:
    """Return the sender of live notices."""

    def send(row: Outgoing) -> None:
        notice = LiveNotice(what=str(row.payload["what"]), about=str(row.payload["about"]))
        topic = topics.build(SiteCode(row.destination), Kind.SERVER, SERVER, Subject.LIVE)
        if not transport.publish(topic, codec.encode(notice), expiry=live.KEPT):
            raise SendFailed("the broker is away")

    return send
