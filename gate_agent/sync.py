"""The gate's side of the broker: knowledge in, journal and health out, controllers' words passed on.

Whatever cannot be used is counted and said once a minute for each sender; it never stops anything.
"""

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from access_protocol import codec, topics
from access_protocol.codec import MalformedReportError
from access_protocol.documents import DocumentKind
from access_protocol.events import GateHealth, Status, SyncRequest
from access_protocol.feeds import MissedChangesError
from access_protocol.ids import DeviceId
from access_protocol.topics import SERVER, Kind, Subject, Topic
from access_protocol.transport.base import Message, Transport, Will
from gate_agent.asking import Asking
from gate_agent.clock import Clock
from gate_agent.held_feeds import KnowledgeNotKept
from gate_agent.journal import Journal, JournalUnavailable
from gate_agent.knowledge import REFUSALS, HeldKnowledge
from gate_agent.local_store import Identity
from gate_agent.logs import Log
from gate_agent.malformed import MalformedMessages
from gate_agent.passages import Passages
from gate_agent.portal import Portal
from gate_agent.upload import Upload

HEALTH_EVERY = timedelta(seconds=30)
MOST_WAITING = 96
"""Messages that wait to be taken in; what comes on top is lost, and asked for again."""
STOP_WITHIN_S = 10.0

log = Log(__name__)


def last_will(identity: Identity) -> Will:
    """What the broker says, retained, when the gate is gone without a goodbye."""
    return Will(_own_topic(identity, Subject.STATUS), codec.encode(Status(online=False)))


def _own_topic(identity: Identity, subject: Subject, addressee: DeviceId | None = None) -> str:
    return topics.build(identity.site, Kind.GATE, identity.device, subject, addressee)


class Sync:
    """Subscribes, dispatches, and asks the server for what is newer."""

    def __init__(  # noqa: PLR0913 - it stands between the broker and every other part
        self,
        identity: Identity,
        transport: Transport,
        *,
        knowledge: HeldKnowledge,
        journal: Journal,
        portal: Portal,
        upload: Upload,
        passages: Passages,
        clock: Clock,
        malformed: MalformedMessages,
        health: Callable[[], GateHealth],
        on_connection: Callable[[bool], None],
        certificate: Callable[[bytes], None],
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_connection` is told when the broker comes or goes, `certificate` gets the next one, `moment` is in s."""
        self._identity = identity
        self._transport = transport
        self._knowledge = knowledge
        self._journal = journal
        self._portal = portal
        self._upload = upload
        self._passages = passages
        self._clock = clock
        self._malformed = malformed
        self._health = health
        self._on_connection = on_connection
        self._certificate = certificate
        self._moment = moment
        self._asking = Asking(moment=moment)
        self._health_due = 0.0
        self._health_signature: object = None
        self._listened_to: set[DeviceId] = set()
        self._was_connected = False
        self._was_fresh = False
        self._waiting: queue.Queue[tuple[Topic, bytes, float] | None] = queue.Queue(MOST_WAITING)
        self._intake = threading.Thread(target=self._take_in, name="knowledge", daemon=True)
        self.synchronised = threading.Event()

    def start(self) -> None:
        """Subscribe and begin to connect; what was published before we came is not wanted."""
        to_us = topics.everything_for(self._identity.site, self._identity.device)
        self._transport.subscribe_without_retained(to_us, self._receive)
        passages = topics.of_all(self._identity.site, Kind.GATE, Subject.PASSAGE)
        self._transport.subscribe_without_retained(passages, self._receive)
        self._listen_to_controllers()
        self._transport.on_connection(self._connection_changed)
        self._intake.start()
        self._transport.start()

    def stop(self) -> None:
        """Say goodbye."""
        status = codec.encode(Status(online=False))
        self._transport.publish(_own_topic(self._identity, Subject.STATUS), status, retain=True)
        self._transport.stop()
        if self._intake.is_alive():
            with suppress(queue.Full):
                self._waiting.put(None, timeout=STOP_WITHIN_S)
            self._intake.join(STOP_WITHIN_S)

    def tick(self) -> None:
        """Do what is due; called several times a second."""
        self._portal.tick()
        self._upload.tick()
        self._passages.tick()
        if not self._transport.connected:
            return
        self._notice_loss()
        if self._asking.due:
            self._ask()
        self._tell_health()

    def _notice_loss(self) -> None:
        """Ask at once where the file of what was known has been begun anew."""
        fresh = self._knowledge.heard is not None
        if self._was_fresh and not fresh:
            self._asking.missed()
        self._was_fresh = fresh

    def _connection_changed(self, connected: bool) -> None:  # noqa: FBT001 - the transport's form
        if connected:
            status = codec.encode(Status(online=True))
            self._transport.publish(_own_topic(self._identity, Subject.STATUS), status, retain=True)
            self._health_due = 0.0
            if self._was_connected:
                # All gates of the site have come back at this moment: each goes on at one of its own.
                self._asking.reconnected()
                self._passages.reconnected()
                self._upload.reconnected()
            else:
                self._was_connected = True
                self._ask()
                self._upload.connected()
        self._on_connection(connected)

    def _ask(self) -> None:
        held = {str(kind): version for kind, version in self._knowledge.versions.items()}
        request = SyncRequest(held=held, journal=self._journal.id, nonce=self._asking.ask())
        topic = _own_topic(self._identity, Subject.SYNC, SERVER)
        self._transport.publish(topic, codec.encode(request))

    def _tell_health(self) -> None:
        health = self._health()
        signature = (
            health.clock_trusted,
            tuple((reader.camera_ok, reader.trouble) for reader in health.readers),
        )
        now = self._moment()
        if now < self._health_due and signature == self._health_signature:
            return
        self._health_due = now + HEALTH_EVERY.total_seconds()
        self._health_signature = signature
        topic = _own_topic(self._identity, Subject.HEALTH)
        self._transport.publish(topic, codec.encode(health), retain=True)

    def _receive(self, message: Message) -> None:
        sender = message.topic[:200]
        try:
            topic = topics.parse(message.topic)
            sender = f"{topic.kind}/{topic.device}"
            self._dispatch(topic, message)
        except topics.MalformedTopicError:
            self._malformed.add(sender, "not a topic of ours")
        except (MalformedReportError, *REFUSALS) as error:
            self._malformed.add(sender, f"{type(error).__name__}: {error}")

    def _dispatch(self, topic: Topic, message: Message) -> None:
        payload = message.payload
        match topic.kind, topic.subject:
            case (Kind.SERVER, Subject.KNOWLEDGE) | (Kind.GATE, Subject.PASSAGE):
                self._put_aside(topic, payload)
            case Kind.SERVER, Subject.RECEIPT if topic.device == SERVER:
                self._upload.handle_receipt(payload)
            case Kind.CONTROLLER, Subject.ANSWER:
                self._portal.handle_answer(topic, payload)
            case Kind.CONTROLLER, Subject.ACKNOWLEDGEMENT:
                self._portal.handle_acknowledgement(topic, payload)
            case Kind.CONTROLLER, Subject.EVENT:
                self._portal.handle_event(topic, payload)
            case Kind.SERVER, Subject.CERTIFICATE if topic.device == SERVER:
                self._certificate(payload)
            case _:
                raise MalformedReportError(f"{topic.subject} is not for a gate")

    def _put_aside(self, topic: Topic, payload: bytes) -> None:
        """Have it taken in beside: a controller's answer does not wait until a feed is on the disk.

        Other gates may take half of the room: what they tell comes from the server as well.
        """
        try:
            if topic.kind is not Kind.GATE or self._waiting.qsize() < MOST_WAITING // 2:
                self._waiting.put_nowait((topic, payload, self._moment()))
                return
        except queue.Full:
            self._asking.missed()
        self._malformed.add(f"{topic.kind}/{topic.device}", "more than could be taken in")

    def _take_in(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            topic, payload, arrived = waiting
            sender = f"{topic.kind}/{topic.device}"
            try:
                if topic.subject is Subject.PASSAGE:
                    self._passages.handle(topic, payload)
                else:
                    self._accept(sender, payload, arrived)
            except MissedChangesError:
                self._asking.missed()
            except (KnowledgeNotKept, JournalUnavailable) as error:
                log.warning("knowledge_not_kept", why=str(error))
                self._asking.missed()
            except REFUSALS as error:
                self._malformed.add(sender, f"{type(error).__name__}: {error}")
            except Exception:  # a thread that ends would leave the gate without news for ever
                log.exception("not_taken_in", sender=sender)
                self._malformed.add(sender, "an error in this program")

    def _accept(self, sender: str, payload: bytes, arrived: float) -> None:
        at = self._clock.now() if self._clock.trusted else None
        accepted = self._knowledge.accept(
            payload, at, lambda nonce: self._asking.is_answer(nonce, arrived)
        )
        if accepted is None:
            return
        document = accepted.document
        if document.kind is DocumentKind.TIME:
            waited = timedelta(seconds=self._moment() - arrived)
            self._clock.server_said(document.issued + waited)
            if self._knowledge.incomplete:
                self._asking.missed()
        elif document.kind is DocumentKind.POLICY:
            self._listen_to_controllers()
        if accepted.refused:
            self._malformed.add(sender, f"{accepted.refused} credentials that no issuer signed")
        if accepted.more:
            self._asking.more()
        if self._knowledge.heard is not None:
            self.synchronised.set()
        log.info("knowledge", section=document.kind, version=document.version)

    def _listen_to_controllers(self) -> None:
        points = self._knowledge.policy.access_points.values()
        for controller in {point.controller for point in points} - self._listened_to:
            self._listened_to.add(controller)
            self._transport.subscribe_without_retained(
                topics.build(self._identity.site, Kind.CONTROLLER, controller, Subject.EVENT),
                self._receive,
            )
