"""A whole site in memory: the server's own actions on SQLite; gates that know, decide, journal and tell for real."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from sqlmodel import select

from access_protocol import codec, credential, rules, topics
from access_protocol.codec import MalformedReportError
from access_protocol.credential import Credential, CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.events import Outcome, OutcomeEntry, SyncRequest
from access_protocol.ids import (
    AccessPointId,
    CredentialId,
    DeviceId,
    Direction,
    EventId,
    PortalId,
    ZoneNumber,
)
from access_protocol.keys import SigningKey
from access_protocol.knowledge import AntiPassback
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Message
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from access_protocol.wording import Language
from gate_agent.asking import Asking
from gate_agent.journal import Journal
from gate_agent.knowledge import REFUSALS, HeldKnowledge
from gate_agent.local_store import LocalStore
from gate_agent.passages import Passages, SharedHistory
from gate_agent.reader import entry_of
from gate_agent.upload import Upload
from server.access import actions as access
from server.access.actions import NewAmnesty, NewLockdown, Reason
from server.access.models import AccessEvent, AntiPassbackConflict, EntryKind, LedgerAlarm
from server.credentials import actions as credentials
from server.credentials import keys
from server.kernel.clock import FixedClock
from server.kernel.ids import VisitorId
from server.kernel.work import Office
from server.places import actions as places
from server.places.actions import AccessPointInput, ZoneInput
from server.visits.models import Visitor
from tests.fakes.pacing import FakeTime
from tests.fakes.site import (
    GATE,
    MAIN_GATE,
    NOW,
    OTHER_GATE,
    SYSTEM,
    TURNSTILE,
    TYO,
    VISIT,
    enrol,
    office_with_site,
)
from tests.fakes.worker import FakeWorker

OFFICE = ZoneNumber(2)
SIDE_GATE, OTHER_TURNSTILE = PortalId("side-gate"), DeviceId("turnstile-2")
WAY_IN = {GATE: AccessPointId("main-in"), OTHER_GATE: AccessPointId("side-in")}
WAY_OUT = {GATE: AccessPointId("main-out"), OTHER_GATE: AccessPointId("side-out")}
_HOUR = timedelta(hours=1)


class GateClock:
    """The site's one clock, which the gates trust."""

    trusted = True

    def __init__(self, clock: FixedClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()

    def server_said(self, issued: datetime) -> None:
        """The server's time is this clock's."""


class MemoryGate:
    """One gate without camera and controller: what it knows, decides, journals and tells is real."""

    def __init__(
        self, store: LocalStore, broker: MemoryBroker, clock: FixedClock, time: FakeTime
    ) -> None:
        self.device = store.identity().device
        self.clock, self._time = GateClock(clock), time
        self.knowledge = HeldKnowledge(store.identity(), store)
        self.journal = Journal(store.journal_path, lambda: self.knowledge.policy.access_points)
        self.history = SharedHistory(self.journal, self.knowledge)
        self.transport = MemoryTransport(broker)
        self._broker = broker
        identity = store.identity()
        self.upload = Upload(identity, self.transport, self.journal, moment=time.clock)
        self.passages = Passages(
            identity,
            self.transport,
            journal=self.journal,
            knowledge=self.knowledge,
            clock=self.clock,
            moment=time.clock,
        )
        self._asking = Asking(moment=time.clock)
        to_us = topics.everything_for(TYO, self.device)
        others = topics.of_all(TYO, Kind.GATE, Subject.PASSAGE)
        for wanted in (to_us, others):
            self.transport.subscribe_without_retained(wanted, self._take)
        self.transport.start()

    @property
    def connected(self) -> bool:
        return self.transport.connected

    def part(self) -> None:
        """The line to the broker breaks."""
        self._broker.cut(self.transport)

    def join(self) -> None:
        """The line is there again; what was missed is asked for by `ask`."""
        self.transport.connect()
        self.passages.reconnected()
        self.upload.connected()

    def ask(self) -> None:
        """Ask the server for what is newer."""
        held = {str(kind): version for kind, version in self.knowledge.versions.items()}
        request = SyncRequest(held=held, journal=self.journal.id, nonce=self._asking.ask())
        topic = topics.build(TYO, Kind.GATE, self.device, Subject.SYNC, SERVER)
        self.transport.publish(topic, codec.encode(request))

    def tick(self) -> None:
        """Upload and tell what is new."""
        self.upload.connected()
        self.passages.tick()

    def present(self, text: str, point: AccessPointId) -> DenyReason | None:
        """Decide on a code and journal it; who is granted passes at once."""
        circumstances = rules.Circumstances(
            self.clock.now(),
            clock_trusted=True,
            knowledge_age=self.clock.now() - (self.knowledge.heard or NOW),
        )
        known = self.knowledge.policy.access_points[point]
        request = rules.CodePresented((text,))
        decision = rules.decide(request, known, self.knowledge, self.history, circumstances)
        event = EventId(str(uuid4()))
        self.journal.append(entry_of(decision, event, known, circumstances))
        if decision.granted:
            passed = OutcomeEntry(
                at=self.clock.now(), event=event, access_point=point, outcome=Outcome.PASSED
            )
            self.journal.append(passed)
        return decision.reason

    def close(self) -> None:
        self.journal.close()
        self.knowledge.close()

    def _take(self, message: Message) -> None:
        topic = topics.parse(message.topic)
        try:
            if topic.subject is Subject.RECEIPT:
                self.upload.handle_receipt(message.payload)
            elif topic.subject is Subject.PASSAGE:
                self.passages.handle(topic, message.payload)
            elif topic.subject is Subject.KNOWLEDGE:
                at = self.clock.now()
                self.knowledge.accept(message.payload, at, self._asking.is_answer)
        except (MalformedReportError, *REFUSALS):
            pass  # a push after one that was missed: the next question brings both


class MemorySite:
    """Two gates into one zone of hard anti-passback, three visitors, and the server behind them."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.clock, self.time, self.broker = FixedClock(NOW), FakeTime(), MemoryBroker()
        self.office: Office = office_with_site(database_url, folder, self.clock)
        self._put_places()
        for controller in (TURNSTILE, OTHER_TURNSTILE):
            enrol(self.office, controller, Kind.CONTROLLER)
        self.visitors = [VisitorId(f"{number:032x}") for number in range(1, 4)]
        self.ids = {v: CredentialId(bytes.fromhex(v)) for v in self.visitors}
        self._invite()
        self.worker = FakeWorker(self.office, self.broker)
        self.gates = {device: self._gate(device, folder) for device in WAY_IN}
        for gate in self.gates.values():
            gate.ask()
        self.settle()

    def pass_of(self, visitor: VisitorId) -> str:
        """A visitor's credential, re-issued now by the site's present key."""
        with self.office.begin(SYSTEM) as work:
            _, key = keys.issuing_key(work, TYO)
        now = self.clock.now()
        claims = Credential(
            id=self.ids[visitor],
            site=TYO,
            not_before=now,
            expires=now + _HOUR,
            credential_class=CredentialClass.REFRESHED,
            generation=1,
            zones=(OFFICE,),
        )
        return credential.to_text(credential.issue(claims, key))

    def revoke(self, visitor: VisitorId) -> None:
        with self.office.begin(SYSTEM) as work:
            credentials.withdraw(work, visitor)

    def rotate_key(self) -> None:
        with self.office.begin(SYSTEM) as work:
            credentials.rotate_key(work, TYO)

    def lock_down(self) -> str:
        with self.office.begin(SYSTEM) as work:
            return access.lock_down(work, TYO, NewLockdown(reason="Alarm", zone=OFFICE)).id

    def release(self, lockdown: str) -> None:
        with self.office.begin(SYSTEM) as work:
            access.release(work, lockdown, Reason(reason="All clear"))

    def forgive(self) -> None:
        with self.office.begin(SYSTEM) as work:
            access.grant_amnesty(work, TYO, NewAmnesty(reason="Fire drill", zone=OFFICE))

    def settle(self) -> None:
        """A second passes, and everything that can be sent is sent and taken in."""
        self.clock.advance(timedelta(seconds=1))
        self.time.wait(1.0)
        for _ in range(3):
            for gate in self.gates.values():
                if gate.connected:
                    gate.tick()
            while self.worker.send():
                pass

    def stored(self, gate: DeviceId) -> list[str]:
        """The hashes that the ledger holds of a gate's journal, in order."""
        with self.office.reading(SYSTEM) as work:
            rows = work.session.exec(select(AccessEvent).where(AccessEvent.gate == gate)).all()
            return [row.hash.hex() for row in sorted(rows, key=lambda row: row.sequence)]

    def decisions(self) -> int:
        with self.office.reading(SYSTEM) as work:
            rows = work.session.exec(select(AccessEvent)).all()
            return sum(row.kind is EntryKind.DECISION for row in rows)

    def conflicts(self) -> set[tuple[CredentialId, datetime, datetime]]:
        """Who entered twice without an exit between, and when."""
        with self.office.reading(SYSTEM) as work:
            found = work.session.exec(select(AntiPassbackConflict)).all()
            return {
                (CredentialId(bytes(one.credential)), one.first_at, one.second_at)
                for one in found
                if one.explained_at is None
            }

    def alarms(self) -> int:
        with self.office.reading(SYSTEM) as work:
            return len(work.session.exec(select(LedgerAlarm)).all())

    def close(self) -> None:
        for gate in self.gates.values():
            gate.close()
        self.office.close()

    def _gate(self, device: DeviceId, folder: Path) -> MemoryGate:
        key = SigningKey(device.encode().ljust(32, b"-"))
        enrolled = enrol(self.office, device, Kind.GATE, key)
        store = LocalStore(folder / device)
        store.enrol(enrolled.told, key, enrolled.tls.key)
        return MemoryGate(store, self.broker, self.clock, self.time)

    def _put_places(self) -> None:
        with self.office.begin(SYSTEM) as work:
            side = places.PortalInput(name="Side gate", kind=places.PortalKind.TURNSTILE)
            places.put_portal(work, TYO, SIDE_GATE, side)
            for gate, portal, controller in (
                (GATE, MAIN_GATE, TURNSTILE),
                (OTHER_GATE, SIDE_GATE, OTHER_TURNSTILE),
            ):
                for points, direction in ((WAY_IN, Direction.IN), (WAY_OUT, Direction.OUT)):
                    point = AccessPointInput(
                        portal=portal,
                        zone=OFFICE,
                        direction=direction,
                        gate=gate,
                        controller=controller,
                    )
                    places.put_access_point(work, TYO, points[gate], point)
            zone = ZoneInput(name="Office", anti_passback=AntiPassback.HARD)
            places.put_zone(work, TYO, OFFICE, zone)

    def _invite(self) -> None:
        with self.office.begin(SYSTEM) as work:
            for number, visitor in enumerate(self.visitors):
                guest = Visitor(
                    id=visitor,
                    visit=VISIT,
                    name=f"Guest {number}",
                    email=f"guest{number}@visitor.example",
                    language=Language.EN,
                    credential=self.ids[visitor],
                    link_hash=f"{number + 1:064x}",
                    sealed_link=b"sealed",
                    created_at=NOW,
                )
                work.session.add(guest)
            work.session.flush()
            for visitor in self.visitors:
                credentials.issue(work, visitor)
