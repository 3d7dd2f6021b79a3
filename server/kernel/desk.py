"""The worker's desk: where subjects say which messages they take, which rows they send and what they do on time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from access_protocol.topics import Kind, Subject, Topic
from access_protocol.transport.base import Transport
from server.kernel.outbox import Sender
from server.kernel.work import Office, Work


@dataclass(frozen=True)
class Incoming:
    """One message from a device. The broker let it publish under its own name only."""

    topic: Topic
    payload: bytes
    retained: bool


class Malformed(Exception):
    """A message that cannot be read; it is counted, logged once a minute per device, and stops nothing."""


Handler = Callable[[Work, Incoming], None]
StrangerHandler = Callable[[Work, str, bytes], None]
Listener = Callable[[Incoming], None]
Job = Callable[[Work], None]


@dataclass(frozen=True)
class Timer:
    """Something that the leading worker does again and again."""

    every: timedelta
    name: str
    job: Job


@dataclass(frozen=True)
class Strangers:
    """Clients at the broker that are no devices of ours and write topics of their own."""

    topic_filter: str
    name_of: Callable[[str], str]
    """Who writes a topic; what it raises, a `ValueError`, means nobody."""
    handler: StrangerHandler


@dataclass
class Desk:
    """Collects what the subjects' `messages.register` functions ask for; the worker then runs it."""

    office: Office
    transport: Transport
    handlers: dict[tuple[Kind, Subject], Handler] = field(
        default_factory=dict[tuple[Kind, Subject], Handler]
    )
    listeners: dict[tuple[Kind, Subject], list[Listener]] = field(
        default_factory=dict[tuple[Kind, Subject], list[Listener]]
    )
    strangers: list[Strangers] = field(default_factory=list[Strangers])
    senders: dict[str, Sender] = field(default_factory=dict[str, Sender])
    together: set[str] = field(default_factory=set[str])
    """The kinds of rows that are settled a batch at a time."""
    timers: list[Timer] = field(default_factory=list[Timer])

    def on(self, kind: Kind, subject: Subject, handler: Handler) -> None:
        """Give messages of devices of `kind` about `subject` to `handler(work, incoming)`, each in its own work.

        The principal is the device. Raise `Malformed` for what cannot be read. With several workers a message
        may reach more than one of them: handlers store each thing once.
        """
        if (kind, subject) in self.handlers:
            raise ValueError(f"two handlers for {kind}/{subject}")
        self.handlers[kind, subject] = handler

    def hear(self, kind: Kind, subject: Subject, listener: Listener) -> None:
        """Give messages to `listener(incoming)` without a transaction, for example a controller's answer."""
        self.listeners.setdefault((kind, subject), []).append(listener)

    def takes(
        self, topic_filter: str, name_of: Callable[[str], str], handler: StrangerHandler
    ) -> None:
        """Give what strangers write to `handler(work, name, payload)`, each in its own work of nobody's.

        The broker let each write under its own name only. Nothing that it had retained is given.
        """
        self.strangers.append(Strangers(topic_filter, name_of, handler))

    def sends(self, kind: str, sender: Sender, *, together: bool = False) -> None:
        """Send outbox rows of `kind` with this sender. Kinds do not wait for each other.

        `together`: nobody minds a row that is sent twice, so that what was sent is settled a batch at a time.
        """
        if kind in self.senders:
            raise ValueError(f"two senders for outbox kind {kind}")
        self.senders[kind] = sender
        if together:
            self.together.add(kind)

    def every(self, interval: timedelta, name: str, job: Job) -> None:
        """Run `job(work)` at this interval, on one worker only."""
        self.timers.append(Timer(interval, name, job))
