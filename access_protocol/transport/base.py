"""The interface of a transport: publish, subscribe, and learn whether the broker is there."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it arrived. `retained` is true where the broker had kept it from before."""

    topic: str
    payload: bytes
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when the connection is lost without a goodbye."""

    topic: str
    payload: bytes


Handler = Callable[[Message], None]


class TransportClosedError(RuntimeError):
    """The transport was closed, or was never started."""


class Transport(Protocol):
    """A connection that comes back by itself. Handlers run on the transport's own thread, in order.

    A handler must be quick and must not raise: what it raises is logged and counted as `failures`,
    and stops nothing.
    """

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        ...

    @property
    def failures(self) -> int:
        """How many handlers raised."""
        ...

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Call `handler` for each message under the filter, from now on and after every reconnect.

        What the broker had retained comes at each connect, marked as `retained`.
        """
        ...

    def subscribe_without_retained(self, topic_filter: str, handler: Handler) -> None:
        """Like `subscribe`, but ask the broker for no retained messages (Retain Handling 2)."""
        ...

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        expiry: timedelta | None = None,
    ) -> bool:
        """Hand a message over with QoS 1; return False, and keep nothing, when the broker is away.

        `expiry` is how long the broker may hold it for a subscriber (MQTT 5 message expiry).
        Nothing is queued here: whoever must not lose a message keeps it until it is answered.
        True is no receipt: a message that was handed over while the connection broke may be lost, or
        may arrive after the next connect.
        """
        ...

    def on_connection(self, handler: Callable[[bool], None]) -> None:
        """Call `handler` with True after each connect (subscriptions stand), with False at each loss."""
        ...

    def start(self) -> None:
        """Begin to connect, and go on trying; return at once."""
        ...

    def reconnect(self) -> None:
        """Say goodbye and connect anew, with the certificate of now; not for the transport's own thread."""
        ...

    def stop(self) -> None:
        """Say goodbye (the last will is then not sent) and end the thread."""
        ...

    def vanish(self) -> None:
        """End without a goodbye, as a device whose mains fail: the broker publishes the last will."""
        ...


def matches(topic_filter: str, topic: str) -> bool:
    """Tell whether a topic falls under an MQTT filter with ``+`` and ``#`` (MQTT 5, 4.7)."""
    wanted, given = topic_filter.split("/"), topic.split("/")
    for place, part in enumerate(wanted):
        if part == "#":
            return True
        if place >= len(given) or part not in ("+", given[place]):
            return False
    return len(wanted) == len(given)
