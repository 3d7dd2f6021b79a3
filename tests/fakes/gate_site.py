"""A site around one gate: a server and a controller that speak the protocol and record what they got."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec

from access_protocol import codec, commands, credential, documents, events, feeds, knowledge, topics
from access_protocol.commands import Acknowledgement, Answer, Ask, Command, Result
from access_protocol.credential import Credential, CredentialClass
from access_protocol.decision import CommandRefusal
from access_protocol.documents import Document, DocumentKind
from access_protocol.enrolment import Enrolment
from access_protocol.events import (
    FIRST_HASH,
    ControllerEvent,
    ControllerEventKind,
    EntryBody,
    GateHealth,
    JournalBatch,
    Receipt,
    Status,
    SyncRequest,
)
from access_protocol.feeds import Chunk, Revocation
from access_protocol.ids import (
    AccessPointId,
    CredentialId,
    DeviceId,
    EventId,
    Nonce,
    PortalId,
    SiteCode,
    ZoneNumber,
)
from access_protocol.keys import HolderKey, KeyRing, RingKey, SigningKey
from access_protocol.knowledge import AccessPoint, Direction, Policy, TimeAnswer
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Message, Transport
from gate_agent.local_store import Identity, LocalStore
from tests.services.broker import identity as identity_of

SITE = SiteCode("TYO")
GATE = DeviceId("gate-1")
TURNSTILE = DeviceId("turnstile-1")
ENTRANCE = AccessPointId("main-gate-in")
OFFICE = ZoneNumber(2)
NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
AUTHORITY = SigningKey(b"A" * 32)
ISSUER = SigningKey(b"I" * 32)
GATE_KEY = SigningKey(b"G" * 32)
TLS = identity_of(GATE)
STATIC_ONLY = frozenset({CredentialClass.STATIC})


def entrance(
    controller: DeviceId = TURNSTILE,
    classes: frozenset[CredentialClass] = STATIC_ONLY,
    point: AccessPointId = ENTRANCE,
) -> AccessPoint:
    return AccessPoint(
        id=point,
        portal=PortalId("main-gate"),
        controller=controller,
        zone=OFFICE,
        direction=Direction.IN,
        classes=classes,
        pulse=timedelta(seconds=3),
    )


def policy(*points: AccessPoint) -> Policy:
    return Policy(access_points={point.id: point for point in points or (entrance(),)})


def static(
    number: int = 1,
    *,
    at: datetime = NOW,
    zones: tuple[ZoneNumber, ...] = (OFFICE,),
    generation: int = 0,
    key: SigningKey = ISSUER,
    site: SiteCode = SITE,
) -> str:
    """The text of a static credential that is valid for an hour on both sides of `at`."""
    claims = Credential(
        id=CredentialId(number.to_bytes(16, "big")),
        site=site,
        not_before=(at - timedelta(hours=1)).replace(microsecond=0),
        expires=(at + timedelta(hours=1)).replace(microsecond=0),
        credential_class=CredentialClass.STATIC,
        generation=generation,
        zones=zones,
    )
    return credential.to_text(credential.issue(claims, key))


HOLDER = ec.derive_private_key(1, ec.SECP256R1())


def bound(
    number: int = 1, *, at: datetime = NOW, generation: int = 0, key: SigningKey = ISSUER
) -> bytes:
    """A bound credential of the phone `HOLDER`, valid for an hour on both sides of `at`."""
    claims = Credential(
        id=CredentialId(number.to_bytes(16, "big")),
        site=SITE,
        not_before=(at - timedelta(hours=1)).replace(microsecond=0),
        expires=(at + timedelta(hours=1)).replace(microsecond=0),
        credential_class=CredentialClass.BOUND,
        generation=generation,
        zones=(OFFICE,),
        holder=HolderKey.of(HOLDER.public_key()),
    )
    return credential.issue(claims, key)


def full(message: bytes, *, at: datetime = NOW) -> str:
    """The text of its full presentation at this time."""
    return credential.to_text(credential.present(message, HOLDER, at))


def short(message: bytes, number: int = 1, *, at: datetime = NOW) -> str:
    """The text of its short presentation at this time."""
    id_ = CredentialId(number.to_bytes(16, "big"))
    return credential.to_text(credential.present_short(message, id_, HOLDER, at))


def enrolment(host: str = "127.0.0.1", port: int = 18830) -> Enrolment:
    return Enrolment(
        site=SITE,
        kind="gate",
        device=GATE,
        broker_host=host,
        broker_port=port,
        certificate=TLS.certificate,
        certificate_authority=TLS.authority,
        authority=(AUTHORITY.public,),
    )


def enrolled(folder: Path, host: str = "127.0.0.1", port: int = 18830) -> LocalStore:
    """A store that holds the gate's identity."""
    store = LocalStore(folder)
    store.enrol(enrolment(host, port), GATE_KEY, TLS.key)
    return store


def identity(folder: Path) -> Identity:
    return enrolled(folder).identity()


def document(
    kind: DocumentKind,
    body: bytes,
    version: int = 1,
    *,
    issued: datetime = NOW,
    key: SigningKey = AUTHORITY,
    device: DeviceId = GATE,
) -> bytes:
    return documents.seal(Document(kind, SITE, device, version, issued, body), key)


def ring(key: SigningKey = ISSUER) -> KeyRing:
    return KeyRing([RingKey(key.public, NOW - timedelta(days=400), NOW + timedelta(days=4000))])


WRITERS: dict[DocumentKind, Callable[[Chunk[Any]], bytes]] = {
    DocumentKind.REVOCATIONS: feeds.write_revocations,
    DocumentKind.CREDENTIALS: feeds.write_credentials,
    DocumentKind.PRESENCE: feeds.write_presence,
}


@dataclass
class FakeServer:
    """Answers sync requests with signed documents and journal batches with receipts."""

    transport: Transport
    now: Callable[[], datetime] = lambda: NOW
    bodies: dict[DocumentKind, bytes] = field(
        default_factory=lambda: {
            DocumentKind.KEYS: knowledge.write_keys(ring()),
            DocumentKind.POLICY: knowledge.write_policy(policy()),
        }
    )
    versions: dict[DocumentKind, int] = field(default_factory=dict[DocumentKind, int])
    changes: dict[DocumentKind, list[Any]] = field(
        default_factory=lambda: {kind: [] for kind in feeds.FEEDS}
    )
    chunk: int = 1000
    """Changes in one chunk."""
    tells_time: bool = True
    acknowledges: bool = True
    asked: list[Mapping[str, int]] = field(default_factory=list[Mapping[str, int]])
    nonces: list[bytes] = field(default_factory=list[bytes])
    batches: list[JournalBatch] = field(default_factory=list[JournalBatch])
    entries: dict[tuple[str, int], EntryBody] = field(
        default_factory=dict[tuple[str, int], EntryBody]
    )
    health: list[GateHealth] = field(default_factory=list[GateHealth])
    status: list[bool] = field(default_factory=list[bool])

    def __post_init__(self) -> None:
        self._hashes: dict[tuple[str, int], str] = {}
        self.transport.subscribe(topics.below(SITE, Kind.GATE, GATE), self._receive)

    def publish(self, subject: Subject, payload: bytes, to: DeviceId = GATE) -> None:
        self.transport.publish(topics.build(SITE, Kind.SERVER, SERVER, subject, to), payload)

    def change(self, kind: DocumentKind, body: bytes) -> None:
        """Push a new version of a section."""
        self.bodies[kind] = body
        self.versions[kind] = self.versions.get(kind, 1) + 1
        self.push(kind)

    def push(self, kind: DocumentKind) -> None:
        message = document(kind, self.bodies[kind], self.versions.get(kind, 1), issued=self.now())
        self.publish(Subject.KNOWLEDGE, message)

    def tell(self, kind: DocumentKind, *entries: object) -> None:
        """Change a feed, and push the change."""
        before = len(self.changes[kind])
        self.changes[kind] += entries
        self._send_feed(kind, before)

    def revoke(self, credential: CredentialId, lowest: int) -> None:
        until = self.now() + timedelta(days=1)
        self.tell(DocumentKind.REVOCATIONS, Revocation(credential, lowest, until))

    def site_versions(self) -> dict[str, int]:
        """What there is to know."""
        whole = {str(kind): self.versions.get(kind, 1) for kind in self.bodies}
        return whole | {str(kind): len(changes) for kind, changes in self.changes.items()}

    def send_time(self, nonce: bytes, *, issued: datetime | None = None) -> None:
        answer = TimeAnswer(nonce, self.site_versions())
        body, at = knowledge.write_time(answer), issued or self.now()
        message = document(DocumentKind.TIME, body, int(at.timestamp()), issued=at)
        self.publish(Subject.KNOWLEDGE, message)

    def outcomes(self) -> list[str]:
        return [
            entry.outcome
            for entry in self.entries.values()
            if isinstance(entry, events.OutcomeEntry)
        ]

    def _receive(self, message: Message) -> None:
        subject = topics.parse(message.topic).subject
        if subject is Subject.SYNC:
            self._answer_sync(codec.decode(SyncRequest, message.payload))
        elif subject is Subject.JOURNAL:
            self._store(codec.decode(JournalBatch, message.payload))
        elif subject is Subject.HEALTH:
            self.health.append(codec.decode(GateHealth, message.payload))
        elif subject is Subject.STATUS:
            self.status.append(codec.decode(Status, message.payload).online)

    def _answer_sync(self, request: SyncRequest) -> None:
        self.asked.append(request.held)
        assert request.nonce is not None
        self.nonces.append(request.nonce)
        for kind in self.bodies:
            if request.held.get(kind, -1) < self.versions.get(kind, 1):
                self.push(kind)
        left = feeds.CHUNKS_AT_ONCE
        for kind in feeds.FEEDS:
            left -= self._send_feed(kind, request.held.get(kind, 0), left)
        if self.tells_time:
            self.send_time(request.nonce)

    def _send_feed(self, kind: DocumentKind, after: int, most: int = 99) -> int:
        """Send the changes after a number in at most so many chunks; return how many those were."""
        changes = self.changes[kind]
        sent = 0
        while after < len(changes) and sent < most:
            upto = min(after + self.chunk, len(changes))
            more = sent + 1 == most and upto < len(changes)
            body = WRITERS[kind](Chunk(after, tuple(changes[after:upto]), more))
            message = document(kind, body, upto, issued=self.now())
            self.publish(Subject.KNOWLEDGE, message)
            after, sent = upto, sent + 1
        return sent

    def _store(self, batch: JournalBatch) -> None:
        self.batches.append(batch)
        previous = bytes.fromhex(batch.previous)
        first = batch.entries[0].sequence
        known = self._hashes.get((batch.journal, first - 1))
        assert previous == FIRST_HASH if first == 1 else known in (None, batch.previous)
        for entry in batch.entries:
            previous = events.chained(previous, entry.body)
            assert previous.hex() == entry.hash
            key = (batch.journal, entry.sequence)
            assert self._hashes.setdefault(key, entry.hash) == entry.hash
            self.entries[key] = events.read_body(entry.body)
        if self.acknowledges:
            receipt = Receipt(journal=batch.journal, sequence=batch.entries[-1].sequence)
            self.publish(Subject.RECEIPT, codec.encode(receipt))


@dataclass
class FakeController:
    """Answers, checks the command as a controller does, acknowledges; says what it is told to say."""

    transport: Transport
    name: DeviceId = TURNSTILE
    answers: bool = True
    acknowledges: bool = True
    refusal: CommandRefusal | None = None
    refuses_ask: bool = False
    asks: list[EventId] = field(default_factory=list[EventId])
    commands: list[Command] = field(default_factory=list[Command])

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._nonces = itertools.count(1)
        self._boot = str(uuid4())
        self._nonce: bytes | None = None
        to_us = topics.everything_for(SITE, self.name)
        self.transport.subscribe_without_retained(to_us, self._receive)

    def answer(self, event: EventId) -> None:
        self._nonce = next(self._nonces).to_bytes(16, "big")
        self._publish(Subject.ANSWER, codec.encode(Answer(event=event, nonce=Nonce(self._nonce))))

    def acknowledge(self, event: EventId | None, refusal: CommandRefusal | None = None) -> None:
        result = Result.DONE if refusal is None else Result.REFUSED
        word = Acknowledgement(event=event, result=result, refusal=refusal)
        self._publish(Subject.ACKNOWLEDGEMENT, codec.encode(word))

    def happens(self, what: ControllerEventKind, event: EventId | None) -> None:
        """Report that something happened at the portal."""
        number = next(self._numbers)
        report = ControllerEvent(
            boot=self._boot, sequence=number, uptime_ms=number * 10, what=what, event=event
        )
        topic = topics.build(SITE, Kind.CONTROLLER, self.name, Subject.EVENT)
        self.transport.publish(topic, codec.encode(report))

    def _receive(self, message: Message) -> None:
        subject = topics.parse(message.topic).subject
        if subject is Subject.ASK:
            event = EventId(codec.decode(Ask, message.payload).event)
            self.asks.append(event)
            if self.refuses_ask:
                self.acknowledge(event, CommandRefusal.UNKNOWN_SENDER)
            elif self.answers:
                self.answer(event)
        elif subject is Subject.COMMAND:
            command = commands.open_command(message.payload, (GATE_KEY.public,))
            assert command.controller == self.name
            assert command.nonce == self._nonce
            self._nonce = None
            self.commands.append(command)
            if self.acknowledges:
                self.acknowledge(command.event, self.refusal)

    def _publish(self, subject: Subject, payload: bytes) -> None:
        topic = topics.build(SITE, Kind.CONTROLLER, self.name, subject, GATE)
        self.transport.publish(topic, payload)
