"""A meeting room's door at a reception: gates journal who passed, the controller says what its contact saw."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, select

from access_protocol.events import (
    FIRST_HASH,
    ControllerEvent,
    ControllerEventKind,
    DecisionEntry,
    JournalBatch,
    JournalEntry,
    Outcome,
    OutcomeEntry,
    body_text,
    chained,
)
from access_protocol.ids import AccessPointId, CredentialId, DeviceId, EventId, SiteCode
from access_protocol.knowledge import Direction
from access_protocol.topics import Kind
from server.access import ledger
from server.access.actions import OutcomesReported, ReportedOutcome
from server.access.ledger import Source
from server.credentials.models import Credential, CredentialKind
from server.devices import actions as devices
from server.devices import reports
from server.devices.models import Device
from server.kernel.ids import PersonId
from server.meetings.models import Attendance
from server.places import actions as places
from server.places.actions import AccessPointInput
from tests.fakes.reception import MAIN_GATE, ROOM_DOOR, SITE, SYSTEM, Reception

ROOM_OUT = AccessPointId("sakura-out")
GATE, DOOR = DeviceId("gate-1"), DeviceId("door-sakura")
BOOT = str(UUID(int=9))


@dataclass
class MeetingRoom:
    """The room of a reception; each method lets a device report something, at any time and in any order."""

    reception: Reception
    made: int = 0
    words: int = 0
    _began: datetime | None = field(default=None)

    def read_on_leaving(self) -> None:
        """Hang a reader inside the room."""
        with self.reception.office.begin(SYSTEM) as work:
            inner = AccessPointInput(
                portal="sakura-door",
                zone=3,
                direction=Direction.OUT,
                gate="gate-1",
                controller="door-sakura",
            )
            places.put_access_point(work, SITE, ROOM_OUT, inner)

    def devices(self) -> None:
        """Let the gate and the controller of the door be known, and be there."""
        with self.reception.office.begin(SYSTEM) as work:
            for name, kind in ((GATE, Kind.GATE), (DOOR, Kind.CONTROLLER)):
                devices.register(
                    work, devices.NewDevice(id=name, site=SITE, kind=kind, name="Sakura")
                )
                found = work.session.get_one(Device, name)
                found.online, found.last_seen = True, work.now

    def staff(self, name: str) -> CredentialId:
        """The pass of one of the reception's people."""
        person = self.reception.people[name]
        credential = CredentialId(UUID(person).bytes)
        with self.reception.office.begin(SYSTEM) as work:
            if work.session.get(Credential, credential) is None:
                work.session.add(
                    Credential(
                        id=credential,
                        kind=CredentialKind.STAFF,
                        person=PersonId(person),
                        site=SiteCode(SITE),
                        last_expires=work.now + timedelta(days=1),
                    )
                )
        return credential

    def passes(
        self,
        credential: CredentialId,
        at: datetime,
        point: AccessPointId = ROOM_DOOR,
        outcome: Outcome | None = Outcome.OPENED,
    ) -> EventId:
        """Let a gate report, in a journal of its own, whom it let in and what the door said of it."""
        self.made += 1
        event = str(UUID(int=self.made))
        entries = [
            DecisionEntry(
                at=at, event=event, access_point=point, reason=None, credential=credential.hex()
            )
        ]
        told = (
            [OutcomeEntry(at=at, event=event, access_point=point, outcome=outcome)]
            if outcome
            else []
        )
        made: list[JournalEntry] = []
        before = FIRST_HASH
        for number, body in enumerate((*entries, *told), 1):
            text = body_text(body)
            before = chained(before, text)
            made.append(JournalEntry(sequence=number, hash=before.hex(), body=text))
        batch = JournalBatch(
            journal=str(UUID(int=1000 + self.made)), previous="", entries=tuple(made)
        )
        with self.reception.office.begin(SYSTEM) as work:
            ledger.ingest(work, Source(GATE, SITE), batch)
        return EventId(event)

    def outcomes(self, people: Sequence[CredentialId], at: datetime) -> OutcomesReported:
        """What the ledger tells of many passages in one batch."""
        told = [
            ReportedOutcome(
                event=EventId(str(UUID(int=number))),
                access_point=ROOM_DOOR,
                outcome=Outcome.OPENED,
                at=at,
                credential=credential,
            )
            for number, credential in enumerate(people, 1)
        ]
        return OutcomesReported(gate=GATE, site=SITE, outcomes=tuple(told))

    def goes_away(self, since: datetime) -> None:
        """Let the gate not be heard of any more."""
        with self.reception.office.begin(SYSTEM) as work:
            gate = work.session.get_one(Device, GATE)
            gate.online, gate.last_seen = False, since

    def elsewhere(self, credential: CredentialId, at: datetime) -> EventId:
        """Let somebody be seen at the main gate."""
        return self.passes(credential, at, MAIN_GATE, Outcome.PASSED)

    def says(self, what: ControllerEventKind, event: EventId | None = None) -> None:
        """Let the door's controller say something, now."""
        now = self.reception.clock.now()
        self._began = self._began or now
        self.words += 1
        said = ControllerEvent(
            boot=BOOT,
            sequence=self.words,
            uptime_ms=1000 + (now - self._began) // timedelta(milliseconds=1),
            what=what,
            event=event,
        )
        with self.reception.office.begin(SYSTEM) as work:
            reports.door_event(work, work.session.get_one(Device, DOOR), said)

    def attendance(self) -> list[Attendance]:
        """Who came, as lists over many visits show it."""
        with Session(self.reception.office.engine) as session:
            return list(session.exec(select(Attendance)).all())
