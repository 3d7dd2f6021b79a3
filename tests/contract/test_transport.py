"""What every transport does, tried on the one in memory and on MQTT 5 over a real Mosquitto."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Protocol

import pytest

from access_protocol.transport.base import Message, Transport, TransportClosedError, Will
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from access_protocol.transport.mqtt import MqttTransport
from tests.services.broker import Broker

PATIENCE = 60
WILL = Will("genkan/TYO/gate/gate-1/status", b"gone")


class Hall(Protocol):
    """Where transports meet: makes them, and loses and restores the broker."""

    def transport(self, name: str, will: Will | None = None) -> Transport: ...
    def outage(self) -> None: ...
    def restore(self) -> None: ...
    def cut(self, transport: Transport) -> None: ...


class MemoryHall:
    """Transports in memory."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()

    def transport(self, name: str, will: Will | None = None) -> Transport:
        return MemoryTransport(self.broker, will)

    def outage(self) -> None:
        self.broker.lose()

    def restore(self) -> None:
        self.broker.restore()

    def cut(self, transport: Transport) -> None:
        assert isinstance(transport, MemoryTransport)
        self.broker.cut(transport)


class MqttHall:
    """Transports over a Mosquitto that this test started."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    def transport(self, name: str, will: Will | None = None) -> Transport:
        return MqttTransport(self.broker.address(name), name, will)

    def outage(self) -> None:
        self.broker.kill()

    def restore(self) -> None:
        self.broker.start()

    def cut(self, transport: Transport) -> None:
        assert isinstance(transport, MqttTransport)
        transport.drop()


@pytest.fixture(params=["memory", pytest.param("mqtt", marks=pytest.mark.broker)])
def hall(request: pytest.FixtureRequest) -> Hall:
    if request.param == "memory":
        return MemoryHall()
    return MqttHall(request.getfixturevalue("broker"))


Start = Callable[..., Transport]


@pytest.fixture
def start(hall: Hall) -> Iterator[Start]:
    """Starts a transport, waits until it is connected, and stops it at the end of the test."""
    with ExitStack() as stack:

        def started(name: str, will: Will | None = None) -> Transport:
            transport = hall.transport(name, will)
            connected = watch(transport)
            transport.start()
            stack.callback(transport.stop)
            assert connected.get(timeout=PATIENCE)
            return transport

        yield started


def watch(transport: Transport) -> "queue.Queue[bool]":
    changes: queue.Queue[bool] = queue.Queue()
    transport.on_connection(changes.put)
    return changes


def listen(transport: Transport, topic_filter: str) -> "queue.Queue[Message]":
    heard: queue.Queue[Message] = queue.Queue()
    transport.subscribe(topic_filter, heard.put)
    return heard


def test_a_message_reaches_whoever_subscribed_and_nobody_else(hall: Hall, start: Start) -> None:
    listener = hall.transport("listener")
    commands, states = listen(listener, "a/+/command"), listen(listener, "a/b/state/#")
    connected = watch(listener)
    listener.start()
    assert connected.get(timeout=PATIENCE)
    speaker = start("speaker")

    assert speaker.publish("a/b/other", b"0")
    assert speaker.publish("a/b/command", b"1")
    assert speaker.publish("a/b/state", b"2")

    assert commands.get(timeout=PATIENCE) == Message("a/b/command", b"1")
    assert states.get(timeout=PATIENCE) == Message("a/b/state", b"2")
    assert commands.empty()
    listener.stop()


def test_messages_of_one_sender_arrive_in_order(start: Start) -> None:
    listener = start("listener")
    heard = listen(listener, "count")
    speaker = start("speaker")
    _wait_for_subscription(speaker, heard, "count")

    for number in range(200):
        assert speaker.publish("count", str(number).encode())

    assert [int(heard.get(timeout=PATIENCE).payload) for _ in range(200)] == list(range(200))


def test_a_retained_message_reaches_a_late_listener_marked_as_such(start: Start) -> None:
    speaker = start("speaker")
    assert speaker.publish("door/state", b"locked", retain=True)

    heard = listen(start("late"), "door/state")

    assert heard.get(timeout=PATIENCE) == Message("door/state", b"locked", retained=True)


def test_a_listener_can_ask_for_no_retained_messages(start: Start) -> None:
    speaker = start("speaker")
    assert speaker.publish("door/command", b"old", retain=True)
    late = start("late")
    heard: queue.Queue[Message] = queue.Queue()
    late.subscribe_without_retained("door/command", heard.put)
    marker = listen(late, "marker")
    _wait_for_subscription(speaker, marker, "marker")

    assert heard.empty()
    assert speaker.publish("door/command", b"new")
    assert heard.get(timeout=PATIENCE).payload == b"new"


def test_the_last_will_is_published_when_a_connection_breaks(hall: Hall, start: Start) -> None:
    watcher = start("watcher")
    heard = listen(watcher, WILL.topic)
    _wait_for_subscription(watcher, heard, WILL.topic)
    device = start("device", WILL)

    hall.cut(device)

    assert heard.get(timeout=PATIENCE).payload == WILL.payload


def test_who_vanishes_is_told_by_its_last_will_and_does_not_come_back(start: Start) -> None:
    watcher = start("watcher")
    heard = listen(watcher, WILL.topic)
    _wait_for_subscription(watcher, heard, WILL.topic)
    device = start("device", WILL)

    device.vanish()

    assert heard.get(timeout=PATIENCE).payload == WILL.payload
    with pytest.raises(TransportClosedError):
        device.publish(WILL.topic, b"back")


def test_a_goodbye_sends_no_last_will(hall: Hall, start: Start) -> None:
    watcher = start("watcher")
    heard = listen(watcher, WILL.topic)
    marker = listen(watcher, "marker")
    _wait_for_subscription(watcher, marker, "marker")
    device = hall.transport("device", WILL)
    connected = watch(device)
    device.start()
    assert connected.get(timeout=PATIENCE)

    device.stop()

    assert watcher.publish("marker", b"after")
    assert marker.get(timeout=PATIENCE).payload == b"after"
    assert heard.empty()


def test_who_connects_anew_says_goodbye_first_and_keeps_its_subscriptions(start: Start) -> None:
    watcher = start("watcher")
    wills, marker = listen(watcher, WILL.topic), listen(watcher, "marker")
    _wait_for_subscription(watcher, marker, "marker")
    device = start("device", WILL)
    heard, changes = listen(device, "door"), watch(device)

    device.reconnect()

    assert [changes.get(timeout=PATIENCE) for _ in range(2)] == [False, True]
    assert device.publish("door", b"after")
    assert heard.get(timeout=PATIENCE).payload == b"after"
    assert watcher.publish("marker", b"end")
    assert marker.get(timeout=PATIENCE).payload == b"end"
    assert wills.empty()


def test_while_the_broker_is_away_nothing_is_taken_and_nothing_is_sent_later(
    hall: Hall, start: Start
) -> None:
    transport = start("gate")
    heard = listen(transport, "door")
    changes = watch(transport)

    hall.outage()
    assert changes.get(timeout=PATIENCE) is False
    assert transport.publish("door", b"lost") is False
    hall.restore()
    assert changes.get(timeout=PATIENCE) is True

    assert transport.publish("door", b"after")
    assert heard.get(timeout=PATIENCE).payload == b"after"
    assert heard.empty()


def test_a_handler_that_raises_is_counted_and_stops_nothing(start: Start) -> None:
    transport = start("gate")
    heard = listen(transport, "good")
    _wait_for_subscription(transport, heard, "good")
    raised = threading.Event()

    def fail(_message: Message) -> None:
        raised.set()
        raise ValueError("a bug")

    transport.subscribe("bad", fail)
    marker = listen(transport, "marker")
    _wait_for_subscription(transport, marker, "marker")

    assert transport.publish("bad", b"", expiry=timedelta(seconds=5))
    assert transport.publish("good", b"still here")

    assert heard.get(timeout=PATIENCE).payload == b"still here"
    assert raised.wait(PATIENCE)
    assert transport.failures == 1


def test_a_watcher_that_raises_is_counted_and_stops_nothing(hall: Hall, start: Start) -> None:
    transport = start("gate")

    def fail(_there: bool) -> None:  # noqa: FBT001 - the transport's form
        raise ValueError("a bug")

    transport.on_connection(fail)
    changes = watch(transport)
    heard = listen(transport, "door")
    hall.outage()
    assert changes.get(timeout=PATIENCE) is False
    hall.restore()
    assert changes.get(timeout=PATIENCE) is True

    assert transport.publish("door", b"still here")
    assert heard.get(timeout=PATIENCE).payload == b"still here"
    assert transport.failures == 2


@pytest.mark.broker
def test_a_message_that_was_not_taken_is_not_sent_after_a_reconnect_either(broker: Broker) -> None:
    transport = MqttHall(broker).transport("gate")
    assert isinstance(transport, MqttTransport)
    changes, heard = watch(transport), listen(transport, "#")
    transport.start()
    assert changes.get(timeout=PATIENCE) is True
    taken: set[bytes] = set()

    def publish_while_it_breaks(*_what: object) -> None:
        if transport.publish("door", b"in the gap"):
            taken.add(b"in the gap")

    transport._client.on_socket_close = publish_while_it_breaks
    transport.drop()
    assert changes.get(timeout=PATIENCE) is False
    transport._client.on_socket_close = None
    assert changes.get(timeout=PATIENCE) is True
    assert transport.publish("door", b"after")

    arrived: set[bytes] = set()
    while b"after" not in arrived:
        arrived.add(heard.get(timeout=PATIENCE).payload)
    transport.stop()
    assert arrived - {b"after"} == taken


def test_a_transport_that_was_not_started_refuses_to_publish(hall: Hall) -> None:
    with pytest.raises(TransportClosedError):
        hall.transport("gate").publish("door", b"")


def _wait_for_subscription(speaker: Transport, heard: "queue.Queue[Message]", topic: str) -> None:
    """Publish until the listener hears: then its subscription stands; take the rest away."""
    for _ in range(PATIENCE * 20):
        assert speaker.publish(topic, b"there?")
        try:
            heard.get(timeout=0.05)
        except queue.Empty:
            continue
        break
    else:
        pytest.fail(f"no subscription to {topic}")
    assert speaker.publish(topic, b"end of waiting")
    while heard.get(timeout=PATIENCE).payload != b"end of waiting":
        pass
