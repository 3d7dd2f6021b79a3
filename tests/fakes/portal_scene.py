"""A portal, its journal and the controller that it talks with, over a broker in memory."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from access_protocol.credential import CredentialClass
from access_protocol.events import DecisionEntry
from access_protocol.ids import AccessPointId, CredentialId, EventId
from access_protocol.topics import everything_for, parse
from access_protocol.transport.base import Message
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from gate_agent.clock import GateClock
from gate_agent.journal import Journal
from gate_agent.portal import Portal
from tests.fakes.gate_feedback import FakeFeedback
from tests.fakes.gate_site import (
    ENTRANCE,
    GATE,
    NOW,
    SITE,
    FakeController,
    entrance,
    identity,
)
from tests.fakes.pacing import FakeTime

VISITOR = CredentialId(bytes(15) + b"\x01")
SIDE = AccessPointId("side-gate-in")
MACHINE = AccessPointId("drinks-reader")


POINTS = {point: entrance(point=point) for point in (ENTRANCE, SIDE)} | {
    MACHINE: entrance(point=MACHINE, classes=frozenset({CredentialClass.VOUCHER}))
}


@dataclass
class Scene:
    """A portal and the controller it talks with."""

    broker: MemoryBroker
    portal: Portal
    journal: Journal
    controller: FakeController
    shown: FakeFeedback
    time: FakeTime

    def ask(self, point: AccessPointId = ENTRANCE) -> EventId:
        event = EventId(str(uuid4()))
        self.portal.ask(event, POINTS[point])
        return event

    def order(self, slot: int = 3) -> EventId:
        """Grant a voucher at the machine."""
        event = self.ask(MACHINE)
        self.journal.append(
            DecisionEntry(
                at=NOW,
                event=event,
                access_point=MACHINE,
                reason=None,
                credential=VISITOR.hex(),
                credential_class=CredentialClass.VOUCHER,
                generation=0,
            )
        )
        self.portal.open(event, slot)
        return event

    @property
    def served(self) -> list[object]:
        return [shown[-1] for shown in self.shown.of("machine")]

    @property
    def voucher_spent(self) -> bool:
        return self.journal.history.entry_spent(VISITOR, MACHINE)

    def grant(self, event: EventId, point: AccessPointId = ENTRANCE) -> None:
        self.journal.append(
            DecisionEntry(
                at=NOW,
                event=event,
                access_point=point,
                reason=None,
                credential=VISITOR.hex(),
                credential_class=CredentialClass.STATIC,
                generation=0,
            )
        )
        self.portal.open(event)

    @property
    def outcomes(self) -> list[object]:
        return [shown[-1] for shown in self.shown.of("door")]

    @property
    def spent(self) -> bool:
        return self.journal.history.entry_spent(VISITOR, ENTRANCE)


@contextmanager
def portal_scene(tmp_path: Path) -> Generator[Scene]:
    """Open a journal in the folder, and let a portal and one controller talk; no failure of theirs is kept quiet."""
    broker, time, shown = MemoryBroker(), FakeTime(), FakeFeedback()
    journal = Journal(tmp_path / "journal.sqlite3", lambda: POINTS)
    transports = [MemoryTransport(broker) for _ in range(2)]
    portal = Portal(
        identity(tmp_path / "gate"),
        transports[0],
        journal,
        GateClock(system=lambda: NOW),
        reports=shown,
        moment=time.clock,
    )

    def dispatch(message: Message) -> None:
        topic = parse(message.topic)
        handlers = {
            "answer": portal.handle_answer,
            "acknowledgement": portal.handle_acknowledgement,
            "event": portal.handle_event,
        }
        handlers[topic.subject](topic, message.payload)

    transports[0].subscribe(everything_for(SITE, GATE), dispatch)
    transports[0].subscribe(f"genkan/{SITE}/controller/+/event", dispatch)
    controller = FakeController(transports[1])
    for transport in transports:
        transport.start()
    yield Scene(broker, portal, journal, controller, shown, time)
    for transport in transports:
        assert not transport.failures
    journal.close()
