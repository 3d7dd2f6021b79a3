"""A broker in memory, for tests and simulations: same interface, delivery in order, no network.

Messages are delivered on the publisher's thread, one after the other, before `publish` returns;
what a handler publishes while one is being delivered follows after it.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from access_protocol.transport.base import Handler, Message, TransportClosedError, Will, matches

_log = logging.getLogger(__name__)


class MemoryBroker:
    """What the transports of one simulated site share; `lose` and `restore` play an outage."""

    def __init__(self) -> None:
        """Start with nobody connected and nothing retained."""
        self.reachable = True
        self._clients: list[MemoryTransport] = []
        self._retained: dict[str, bytes] = {}
        self._waiting: deque[tuple[MemoryTransport | None, Message]] = deque()
        self._lock = threading.RLock()
        self._delivering = False

    def lose(self) -> None:
        """Cut every connection, as a broker that dies: no last will is sent, retained is lost."""
        self.reachable = False
        self._retained.clear()
        for client in tuple(self._clients):
            client.set_connected(now=False)

    def restore(self) -> None:
        """Come back empty; every transport that runs connects again."""
        self.reachable = True
        for client in tuple(self._clients):
            client.connect()

    def cut(self, client: "MemoryTransport") -> None:
        """Cut one connection without a goodbye: its last will is published."""
        client.set_connected(now=False)
        if client.will is not None:
            self.publish(client.will.topic, client.will.payload, retain=True)

    def join(self, client: "MemoryTransport") -> None:
        """Take part from now on."""
        if client not in self._clients:
            self._clients.append(client)

    def leave(self, client: "MemoryTransport") -> None:
        """Take part no longer."""
        if client in self._clients:
            self._clients.remove(client)

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Deliver to everyone connected whose filter matches; an empty retained payload clears."""
        if retain and payload:
            self._retained[topic] = payload
        elif retain:
            self._retained.pop(topic, None)
        self._deliver(None, Message(topic, payload))

    def send_retained(self, client: "MemoryTransport", topic_filter: str) -> None:
        """Deliver to one client what is retained under a filter."""
        for topic, payload in tuple(self._retained.items()):
            if matches(topic_filter, topic):
                self._deliver(client, Message(topic, payload, retained=True))

    def _deliver(self, only: "MemoryTransport | None", message: Message) -> None:
        with self._lock:
            self._waiting.append((only, message))
            if self._delivering:
                return
            self._delivering = True
            try:
                while self._waiting:
                    addressee, next_message = self._waiting.popleft()
                    for client in (addressee,) if addressee else tuple(self._clients):
                        client.receive(next_message)
            finally:
                self._delivering = False


class MemoryTransport:
    """A `Transport` on a `MemoryBroker`."""

    def __init__(self, broker: MemoryBroker, will: Will | None = None) -> None:
        """Prepare a connection; nothing is delivered before `start`."""
        self.will = will
        self._broker = broker
        self._handlers: dict[str, Handler] = {}
        self._without_retained: set[str] = set()
        self._watchers: list[Callable[[bool], None]] = []
        self._connected = False
        self._running = False
        self._failures = 0

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        return self._connected

    @property
    def failures(self) -> int:
        """How many handlers raised."""
        return self._failures

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """See `Transport.subscribe`."""
        self._handlers[topic_filter] = handler
        if self._connected:
            self._broker.send_retained(self, topic_filter)

    def subscribe_without_retained(self, topic_filter: str, handler: Handler) -> None:
        """See `Transport.subscribe_without_retained`."""
        self._handlers[topic_filter] = handler
        self._without_retained.add(topic_filter)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        expiry: timedelta | None = None,  # nothing waits here, so nothing expires
    ) -> bool:
        """See `Transport.publish`."""
        if not self._running:
            message = "the transport is not running"
            raise TransportClosedError(message)
        if not self._connected:
            return False
        self._broker.publish(topic, payload, retain=retain)
        return True

    def on_connection(self, handler: Callable[[bool], None]) -> None:
        """See `Transport.on_connection`."""
        self._watchers.append(handler)

    def start(self) -> None:
        """See `Transport.start`."""
        self._running = True
        self._broker.join(self)
        self.connect()

    def reconnect(self) -> None:
        """See `Transport.reconnect`."""
        self.set_connected(now=False)
        self.connect()

    def stop(self) -> None:
        """See `Transport.stop`."""
        self._running = False
        self._broker.leave(self)
        self.set_connected(now=False)

    def vanish(self) -> None:
        """See `Transport.vanish`."""
        was_connected, self._running = self._connected, False
        self._broker.leave(self)
        if was_connected:
            self._broker.cut(self)

    def connect(self) -> None:
        """Connect if the broker is there: subscriptions stand first, then the watchers are told."""
        if not self._running or not self._broker.reachable or self._connected:
            return
        self.set_connected(now=True)
        for topic_filter in self._handlers.keys() - self._without_retained:
            self._broker.send_retained(self, topic_filter)

    def set_connected(self, *, now: bool) -> None:
        """Tell the watchers, once, that the broker came or went."""
        if now == self._connected:
            return
        self._connected = now
        for watcher in tuple(self._watchers):
            try:
                watcher(now)
            except Exception:  # noqa: BLE001 - as over MQTT: one bad watcher stops nothing
                self._failures += 1
                _log.exception("a watcher of the connection failed")

    def receive(self, message: Message) -> None:
        """Call every handler whose filter matches."""
        if not self._connected:
            return
        for topic_filter, handler in tuple(self._handlers.items()):
            if matches(topic_filter, message.topic):
                try:
                    handler(message)
                except Exception:  # noqa: BLE001 - as over MQTT: one bad message stops nothing
                    self._failures += 1
                    _log.exception("a handler failed on a message under %s", message.topic)
