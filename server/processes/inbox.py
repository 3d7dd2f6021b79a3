"""Takes what devices publish and gives it to the subjects' handlers, each message in its own transaction."""

import queue
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from access_protocol import topics
from access_protocol.codec import MalformedReportError
from access_protocol.topics import SERVER, WRITES, MalformedTopicError, Subject, Topic
from access_protocol.transport.base import Message
from server.kernel.desk import Desk, Handler, Incoming, Malformed, Strangers
from server.kernel.errors import GenkanError
from server.kernel.principal import Principal
from server.kernel.work import Work
from server.processes.rates import Rates

log = structlog.get_logger(__name__)

LOGGED_EVERY = timedelta(minutes=1)
WAITING_AT_MOST = 10_000
"""Messages that may wait for the database; gates send again what is beyond, doors report their state anew."""

QUESTIONS_A_SECOND = 0.5
"""Of what it should know: an answer may be three megabytes, signed. A gate that is well asks once a minute."""
QUESTIONS_AT_ONCE = 100.0
"""A gate that begins with nothing asks for a full feed in some thirty parts."""

AGAIN_AFTER = timedelta(milliseconds=100)
AGAIN_AT_MOST_EVERY = timedelta(seconds=5)
AGAIN_FOR = timedelta(minutes=5)
"""The broker has its acknowledgement already: a message that the database could not take now is kept here as long."""


class Refusals:
    """Counts messages that were refused and logs them once a minute per device."""

    def __init__(self, what: str = "malformed message") -> None:
        """Begin with none; `what` is the line that is logged."""
        self._what = what
        self.counts: Counter[str] = Counter()
        self._logged: dict[str, datetime] = {}

    def count(self, device: str, why: str, now: datetime) -> None:
        """Count one message of a device."""
        self.counts[device] += 1
        last = self._logged.get(device)
        if last is None or now - last >= LOGGED_EVERY:
            self._logged[device] = now
            log.warning(self._what, device=device, why=why, so_far=self.counts[device])


class _Waiting(NamedTuple):
    """A message on its way to its handler."""

    sender: str
    subject: str
    principal: Principal
    handle: Callable[[Work], None]


class Inbox(threading.Thread):
    """One thread that handles messages in the order in which they came."""

    def __init__(
        self, desk: Desk, rates: Rates | None = None, questions: Rates | None = None
    ) -> None:
        """Take the desk with all that the subjects asked for; `rates` and `questions` say how much is too much."""
        super().__init__(name="inbox", daemon=True)
        self._desk = desk
        self._waiting: queue.Queue[_Waiting | None] = queue.Queue(WAITING_AT_MOST)
        self._stopping = threading.Event()
        self.refusals = Refusals()
        self.floods = Refusals("a device sends too many messages; some were dropped")
        self._rates = rates or Rates()
        self._questions = questions or Rates(QUESTIONS_A_SECOND, QUESTIONS_AT_ONCE)

    def subscribe(self) -> None:
        """Subscribe to everything that has a handler or a listener; call before the transport starts."""
        wanted = set(self._desk.handlers) | set(self._desk.listeners)
        for kind, subject in sorted(wanted):
            take = self._taker(self._desk.handlers.get((kind, subject)))
            if WRITES[kind][subject]:
                every = topics.to_all(kind, subject, SERVER)
                self._desk.transport.subscribe_without_retained(every, take)
            else:
                self._desk.transport.subscribe(topics.of_all(None, kind, subject), take)
        for each in self._desk.strangers:
            self._desk.transport.subscribe_without_retained(
                each.topic_filter, self._taker_from(each)
            )

    def hear_anew(self, subject: Subject) -> None:
        """Let the broker repeat what it keeps of a subject, by subscribing once more (MQTT 5, 3.8.4)."""
        for kind, handled in sorted(self._desk.handlers):
            if handled is subject:
                take = self._taker(self._desk.handlers[kind, subject])
                self._desk.transport.subscribe(topics.of_all(None, kind, subject), take)

    def run(self) -> None:
        """Handle messages until stopped."""
        while (waiting := self._waiting.get()) is not None:
            self._guard(waiting, lambda each=waiting: self._in_its_own_work(each))

    def stop(self) -> None:
        """Finish what waits, then end."""
        self._stopping.set()
        self._waiting.put(None)
        self.join(10)

    def _taker(self, handler: Handler | None) -> Callable[[Message], None]:
        def take(message: Message) -> None:
            try:
                topic = topics.parse(message.topic)
            except MalformedTopicError:
                self.refusals.count("?", "topic", self._desk.office.clock.now())
                return
            if not self._allows(topic):
                self.floods.count(topic.device, topic.subject, self._desk.office.clock.now())
                return
            incoming = Incoming(topic, message.payload, message.retained)

            def handle(work: Work) -> None:
                if handler is not None:
                    handler(work, incoming)

            device = Principal.for_device(topic.device, topic.site)
            waiting = _Waiting(topic.device, topic.subject, device, handle)
            # Listeners first and at once: a door's answer must not wait for the database.
            for listener in self._desk.listeners.get((topic.kind, topic.subject), ()):
                self._guard(waiting, lambda each=listener: each(incoming))
            if handler is not None:
                self._enqueue(waiting)

        return take

    def _taker_from(self, strangers: Strangers) -> Callable[[Message], None]:
        def take(message: Message) -> None:
            now = self._desk.office.clock.now()
            try:
                name = strangers.name_of(message.topic)
            except ValueError:
                self.refusals.count("?", "topic", now)
                return
            if not self._rates.allows(name):
                self.floods.count(name, strangers.topic_filter, now)
                return

            def handle(work: Work) -> None:
                strangers.handler(work, name, message.payload)

            self._enqueue(_Waiting(name, strangers.topic_filter, Principal.anonymous(), handle))

        return take

    def _allows(self, topic: Topic) -> bool:
        if topic.subject is Subject.SYNC and not self._questions.allows(topic.device):
            return False
        return self._rates.allows(topic.device)

    def _enqueue(self, waiting: _Waiting) -> None:
        try:
            self._waiting.put_nowait(waiting)
        except queue.Full:
            log.warning("too many messages wait: one was dropped", device=waiting.sender)

    def _in_its_own_work(self, waiting: _Waiting) -> None:
        """Handle a message in one transaction, again where the database is away or two works met in it."""
        wait, waited = AGAIN_AFTER, timedelta()
        while True:
            try:
                with self._desk.office.begin(waiting.principal) as work:
                    waiting.handle(work)
            except (OperationalError, InterfaceError) as error:
                if waited >= AGAIN_FOR or self._stopping.wait(wait.total_seconds()):
                    raise
                log.warning("the database did not take it, again", error=type(error.orig).__name__)
                waited, wait = waited + wait, min(2 * wait, AGAIN_AT_MOST_EVERY)
            else:
                return

    def _guard(self, waiting: _Waiting, handle: Callable[[], None]) -> None:
        device, now = waiting.sender, self._desk.office.clock.now()
        try:
            handle()
        except (Malformed, MalformedReportError, GenkanError) as error:
            self.refusals.count(device, str(error), now)
        except SQLAlchemyError:
            log.exception("a message could not be stored", device=device)
        except Exception:
            # A handler's own fault must not end the thread that all other devices depend on.
            log.exception("a handler failed", device=device, subject=waiting.subject)
