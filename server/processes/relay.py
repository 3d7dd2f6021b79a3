"""Sends the outbox: threads for each kind of row, so that a slow mail server never delays a door."""

import threading
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from access_protocol import codec, topics
from access_protocol.events import LiveNotice
from access_protocol.ids import SiteCode
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Transport
from server.kernel import live
from server.kernel.outbox import Outgoing, Sender, SendFailed, due_kinds, send_due
from server.kernel.work import Office

log = structlog.get_logger(__name__)

MQTT = "mqtt"
"""Outbox kind of messages that go out as they are: destination is the topic, body the bytes."""
POLLED_EVERY = timedelta(seconds=1)
THREADS_PER_KIND = 2
BATCH = 20


class Relay:
    """Sends what waits of each kind whenever it is woken for it, and looks once a second what is due."""

    def __init__(
        self, office: Office, senders: Mapping[str, Sender], together: Collection[str] = ()
    ) -> None:
        """Take the senders by kind, and the kinds that are settled together; nothing runs before `start`."""
        self._office = office
        self._stopping = threading.Event()
        self._calls = {kind: _Call() for kind in senders}
        self._lanes = [
            _Lane(office, kind, sender, self._calls[kind], together=kind in together)
            for kind, sender in senders.items()
            # What is settled together waits for nobody: a second thread would make two batches of one.
            for _ in range(1 if kind in together else THREADS_PER_KIND)
        ]
        self._poll = threading.Thread(target=self._look, name="relay", daemon=True)

    def start(self) -> None:
        """Start the threads."""
        for lane in self._lanes:
            lane.start()
        self._poll.start()

    def wake(self, kinds: Iterable[str]) -> None:
        """Look now for what waits of these kinds; those without a sender are nobody's here."""
        for kind in kinds:
            if kind in self._calls:
                self._calls[kind].call()

    def stop(self) -> None:
        """Let each thread finish the row that it is sending."""
        self._stopping.set()
        for call in self._calls.values():
            call.end()
        for thread in (self._poll, *self._lanes):
            thread.join(10)

    def _look(self) -> None:
        while not self._stopping.is_set():
            try:
                self.wake(due_kinds(self._office, self._calls))
            except SQLAlchemyError:
                # The database may be away for a while; rows wait in it, and so do we.
                log.exception("the outbox could not be read")
            self._stopping.wait(POLLED_EVERY.total_seconds())


class _Call:
    """Calls one thread of a kind to work; where all are at work, the first that is done goes on."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._wanted = self._ended = False

    def call(self) -> None:
        with self._changed:
            self._wanted = True
            self._changed.notify()

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def heard(self) -> bool:
        """Wait until called; False where it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or self._ended)
            self._wanted = False
            return not self._ended


class _Lane(threading.Thread):
    """One thread that sends rows of one kind."""

    def __init__(
        self, office: Office, kind: str, sender: Sender, call: _Call, *, together: bool
    ) -> None:
        super().__init__(name=f"relay-{kind}", daemon=True)
        self._office, self._call, self._together = office, call, together
        self._senders = {kind: sender}

    def run(self) -> None:
        while self._call.heard():
            try:
                sent = send_due(self._office, self._senders, limit=BATCH, together=self._together)
            except SQLAlchemyError:
                # It is looked at again within a second.
                log.exception("the outbox could not be read", kind=self.name)
            else:
                if sent >= BATCH:
                    self._call.call()


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
