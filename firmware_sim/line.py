"""The line between a controller and its broker, on which messages get lost, late, twice or out of turn."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from random import Random

from access_protocol.transport.base import Handler, Message, Transport
from firmware_sim.scheduler import Scheduler

HELD_BACK_FOR = timedelta(seconds=1)
"""A message that was held back goes on after the next one, or after so long where none follows."""
_TWICE = 2


class Way(StrEnum):
    """Which messages are disturbed, as the controller sees them."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What happens to messages, each with a probability from 0 to 1; delays are drawn evenly."""

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    shortest_delay: timedelta = timedelta()
    longest_delay: timedelta = timedelta()
    way: Way = Way.BOTH

    def applies_to(self, way: Way) -> bool:
        """Whether messages that go this way are disturbed."""
        return self.way in (way, Way.BOTH)


class Line:
    """One controller's line, over all its reboots. The same seed and messages give the same faults."""

    def __init__(self, scheduler: Scheduler, seed: int = 0) -> None:
        """Begin without a fault; `scheduler` is the world's, not a processor's."""
        self._scheduler = scheduler
        self._random = Random(seed)
        self._disturbance: Disturbance | None = None
        self._held_back: dict[Way, list[Callable[[], None]]] = {Way.IN: [], Way.OUT: []}

    def disturb(self, disturbance: Disturbance, seed: int | None = None) -> None:
        """Disturb what is sent from now on; a `seed` makes it repeatable from here."""
        if seed is not None:
            self._random = Random(seed)
        self._disturbance = disturbance

    def mend(self) -> None:
        """Carry everything as it should be from now on; what is late still comes."""
        self._disturbance = None

    def connect(self, transport: Transport) -> Transport:
        """Return the transport as a controller at the end of this line has it."""
        return _LineTransport(transport, self)

    def carry(self, way: Way, deliver: Callable[[], None]) -> None:
        """Deliver, or not, or late, or twice."""
        disturbance = self._disturbance
        if disturbance is None or not disturbance.applies_to(way):
            deliver()
        elif way is Way.IN:  # on the transport's thread
            self._scheduler.post(partial(self._disturbed, disturbance, way, deliver))
        else:
            self._disturbed(disturbance, way, deliver)

    def _disturbed(self, disturbance: Disturbance, way: Way, deliver: Callable[[], None]) -> None:
        if self._random.random() < disturbance.drop:
            return
        for _ in range(_TWICE if self._random.random() < disturbance.duplicate else 1):
            if self._random.random() < disturbance.reorder:
                self._held_back[way].append(deliver)
                self._scheduler.after(HELD_BACK_FOR, partial(self._let_go, way))
                continue
            share = self._random.random()
            delay = disturbance.longest_delay - disturbance.shortest_delay
            delay = disturbance.shortest_delay + delay * share
            if delay:
                self._scheduler.after(delay, deliver)
            else:
                deliver()
            self._let_go(way)

    def _let_go(self, way: Way) -> None:
        held_back, self._held_back[way] = self._held_back[way], []
        for deliver in held_back:
            deliver()


class _LineTransport:
    """A `Transport` whose messages go over the line; connecting and vanishing do not."""

    def __init__(self, transport: Transport, line: Line) -> None:
        self._transport = transport
        self._line = line

    @property
    def connected(self) -> bool:
        return self._transport.connected

    @property
    def failures(self) -> int:
        return self._transport.failures

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        self._transport.subscribe(topic_filter, self._over_the_line(handler))

    def subscribe_without_retained(self, topic_filter: str, handler: Handler) -> None:
        self._transport.subscribe_without_retained(topic_filter, self._over_the_line(handler))

    def _over_the_line(self, handler: Handler) -> Handler:
        def take(message: Message) -> None:
            self._line.carry(Way.IN, lambda: handler(message))

        return take

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        expiry: timedelta | None = None,
    ) -> bool:
        taken = [True]  # what the line keeps or loses was handed over all the same

        def send() -> None:
            if self._transport.connected:
                taken[0] = self._transport.publish(topic, payload, retain=retain, expiry=expiry)

        self._line.carry(Way.OUT, send)
        return taken[0]

    def on_connection(self, handler: Callable[[bool], None]) -> None:
        self._transport.on_connection(handler)

    def start(self) -> None:
        self._transport.start()

    def stop(self) -> None:
        self._transport.stop()

    def vanish(self) -> None:
        self._transport.vanish()

    def reconnect(self) -> None:
        self._transport.reconnect()
