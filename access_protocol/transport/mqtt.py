"""MQTT 5 over TLS and paho: the only file that imports it.

The broker knows us by our certificate, and we know it by its own: there is no other way in. Each connection is a
clean start: nothing that the broker kept for us while we were away is wanted,
least of all a door command. Nagle's algorithm is off, because it costs 88 ms a round trip (measured).
"""

import hmac
import logging
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import SystemRandom

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from access_protocol.certificates import TlsIdentity
from access_protocol.ids import DeviceId
from access_protocol.transport.base import Handler, Message, TransportClosedError, Will

_log = logging.getLogger(__name__)

AT_LEAST_ONCE = 1
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=15)
_JITTER = 0.5
LARGEST_PACKET = 268_435_455
"""What MQTT itself allows (MQTT 5, 2.1.4); a broker may allow less, and says so when we connect."""
ROOM_FOR_HEADERS = 512
KEEPALIVE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker listens, and who we are there.

    `identity` is asked before each connect, so that a renewed certificate is used from the next one on.
    """

    host: str
    port: int
    identity: Callable[[], TlsIdentity]


@dataclass(frozen=True, slots=True)
class _Subscription:
    handler: Handler
    options: SubscribeOptions


class MqttTransport:
    """A `Transport` over a real broker."""

    def __init__(
        self,
        address: BrokerAddress,
        client_id: DeviceId | str,
        will: Will | None = None,
        keepalive: timedelta = KEEPALIVE,
    ) -> None:
        """Prepare a connection as `client_id`, which nobody else may use; nothing is sent before `start`.

        Raises `UnusableCertificateError`.
        """
        self._address = address
        self._identity = address.identity()
        self._tls = self._identity.context()
        self._was_let_in = self._may_write = False
        self._said = ""
        self._client_id, self._will, self._keepalive = client_id, will, keepalive
        self._subscriptions: dict[str, _Subscription] = {}
        self._watchers: list[Callable[[bool], None]] = []
        self._awaited: set[int | None] = set()
        self._lock = threading.Lock()
        self._connected = False
        self._running = False
        self._failures = 0
        self._largest = LARGEST_PACKET
        self._client = self._new_client()

    @property
    def connected(self) -> bool:
        """Whether the broker is there now and every subscription stands."""
        return self._connected

    @property
    def failures(self) -> int:
        """How many handlers raised."""
        return self._failures

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """See `Transport.subscribe`."""
        self._add(topic_filter, handler, SubscribeOptions(qos=AT_LEAST_ONCE))

    def subscribe_without_retained(self, topic_filter: str, handler: Handler) -> None:
        """See `Transport.subscribe_without_retained`."""
        options = SubscribeOptions(
            qos=AT_LEAST_ONCE, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND
        )
        self._add(topic_filter, handler, options)

    def _new_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=_unguessable(self._client_id, self._identity),
            protocol=MQTTv5,
        )
        client.tls_set_context(self._tls)  # pyright: ignore[reportUnknownMemberType]
        # Each client has pauses of its own, so that those which lost the broker together do not come as one flood.
        stretched = 1 + _JITTER * SystemRandom().random()
        client.reconnect_delay_set(
            SHORTEST_PAUSE.total_seconds() * stretched,  # pyright: ignore[reportArgumentType] - it only adds
            LONGEST_PAUSE.total_seconds() * stretched,  # pyright: ignore[reportArgumentType]
        )
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, qos=AT_LEAST_ONCE, retain=True)
        client.on_pre_connect = self._on_pre_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_socket_open = _without_delay
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        for topic_filter, subscription in list(self._subscriptions.items()):
            client.message_callback_add(topic_filter, self._deliverer(subscription.handler))
        return client

    def _add(self, topic_filter: str, handler: Handler, options: SubscribeOptions) -> None:
        self._client.message_callback_add(topic_filter, self._deliverer(handler))
        self._subscriptions[topic_filter] = _Subscription(handler, options)
        if self._client.is_connected():
            self._client.subscribe(topic_filter, options=options)

    def _deliverer(self, handler: Handler) -> Callable[[Client, object, MQTTMessage], None]:
        def deliver(_client: Client, _userdata: object, message: MQTTMessage) -> None:
            self._deliver(handler, message)

        return deliver

    def _deliver(self, handler: Handler, message: MQTTMessage) -> None:
        try:
            handler(Message(message.topic, bytes(message.payload), retained=message.retain))
        except Exception:  # noqa: BLE001 - one bad message must not end the thread others need
            self._failures += 1
            _log.exception("a handler failed on a message under %s", message.topic)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        expiry: timedelta | None = None,
    ) -> bool:
        """See `Transport.publish`."""
        if not self._running:
            message = "the transport is not running"
            raise TransportClosedError(message)
        if not self._connected:
            return False
        if len(payload) + ROOM_FOR_HEADERS > self._largest:
            # The broker would close the connection, again and again.
            _log.error("a message of %d bytes is too large for %s", len(payload), self._where)
            return False
        properties = Properties(PacketTypes.PUBLISH)
        if expiry is not None:
            properties.MessageExpiryInterval = max(1, round(expiry.total_seconds()))
        info = self._client.publish(
            topic, payload, qos=AT_LEAST_ONCE, retain=retain, properties=properties
        )
        # Without a connection, because it broke this instant, paho keeps the message and sends it
        # after the next connect: to say that it was not taken would be wrong.
        return info.rc in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN)

    def on_connection(self, handler: Callable[[bool], None]) -> None:
        """See `Transport.on_connection`."""
        self._watchers.append(handler)

    def start(self) -> None:
        """See `Transport.start`."""
        self._running = True
        self._client.connect_async(
            self._address.host,
            self._address.port,
            keepalive=round(self._keepalive.total_seconds()),
            clean_start=True,
        )
        self._client.loop_start()

    def reconnect(self) -> None:
        """See `Transport.reconnect`."""
        self._leave()
        self.start()

    def stop(self) -> None:
        """See `Transport.stop`."""
        self._running = False
        self._leave()

    def _leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._set_connected(now=False)
        # Another one: paho's lets go of the sockets that woke its thread only when nobody holds it any more.
        self._client = self._new_client()

    def vanish(self) -> None:
        """See `Transport.vanish`; returns at once, the thread ends within a second or two."""
        self._running = False
        self.drop()
        threading.Thread(target=self._end_thread, daemon=True).start()

    def _end_thread(self) -> None:
        self._client.loop_stop()
        self.drop()  # once more, where it was just connecting

    def drop(self) -> None:
        """Break the connection without a goodbye, as a network does; it comes back by itself."""
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            # Not SSLSocket's own: it would take TLS away under the thread that reads.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def _on_pre_connect(self, _client: Client, _userdata: object) -> None:
        try:
            identity = self._address.identity()
            if identity != self._identity:
                identity.load_into(self._tls)
                self._identity = identity
        except Exception:  # noqa: BLE001 - whoever keeps it may fail in any way; this thread must go on
            _log.exception("no certificate but the one of the last connect can be had")

    def _on_connect_fail(self, _client: Client, _userdata: object) -> None:
        self._say_once(f"{self._where} cannot be reached: {sys.exception()}")

    def _say_once(self, why: str) -> None:
        """Log why there is no connection; the same reason only once until a connection stands."""
        if why != self._said:
            self._said = why
            _log.warning("%s", why)

    @property
    def _where(self) -> str:
        return f"the broker at {self._address.host}:{self._address.port}"

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._say_once(f"{self._where} refused us: {reason}")
            return
        self._was_let_in, self._said, self._may_write = True, "", False
        self._largest = getattr(properties, "MaximumPacketSize", LARGEST_PACKET)
        with self._lock:
            self._awaited = {
                client.subscribe(topic_filter, options=subscription.options)[1]
                for topic_filter, subscription in list(self._subscriptions.items())
            }
            nothing_to_await = not self._awaited
        if nothing_to_await:
            self._set_connected(now=True)

    def _on_subscribe(
        self,
        _client: Client,
        _userdata: object,
        mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        for reason in reasons:
            if reason.is_failure:
                _log.error("%s refused a subscription", self._where)
        with self._lock:
            was_awaited = mid in self._awaited
            self._awaited.discard(mid)
            last_of_the_connect = was_awaited and not self._awaited
        if last_of_the_connect:
            self._set_connected(now=True)

    def _on_publish(
        self,
        _client: Client,
        _userdata: object,
        _mid: int,
        reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        """Begin anew where the broker took nothing from us yet: it learns a moment later of who was just enrolled.

        What is told at the beginning of a connection alone, such as that we are there, would be lost for good.
        """
        knew_us, self._may_write = self._may_write, True
        if reason.is_failure and not knew_us:
            self._say_once(f"{self._where} does not know our rights yet: {reason}")
            self.drop()

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if not self._was_let_in and self._running:
            self._say_once(
                f"{self._where} closed the connection at once: our certificate may be revoked or have ended"
            )
        self._was_let_in = False
        self._set_connected(now=False)

    def _set_connected(self, *, now: bool) -> None:
        if now == self._connected:
            return
        self._connected = now
        for watcher in self._watchers:
            try:
                watcher(now)
            except Exception:  # noqa: BLE001 - it runs on the thread that all messages need
                self._failures += 1
                _log.exception("a watcher of the connection failed")


def _unguessable(client_id: str, identity: TlsIdentity) -> str:
    """Return the id under which the broker knows us: only who has our private key can name it.

    A broker closes a connection when another one comes with the same client id (MQTT 5, 3.1.4-3), whoever it
    signed in as: with ids that are known, any device could push any other off. It stays the same from one start
    to the next, so that a client does replace its own connection that broke without a goodbye.
    """
    digest = hmac.digest(identity.key, f"client id {client_id}".encode(), "sha256")
    return f"{client_id}-{digest.hex()[:12]}"


def _without_delay(_client: Client, _userdata: object, connection: object) -> None:
    if isinstance(connection, socket.socket):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
