"""A vending machine at the site of `tests.fakes.site`, with a server and its controller on a broker in memory."""

from datetime import timedelta

from access_protocol.events import (
    Contact,
    ControllerEvent,
    ControllerEventKind,
    ControllerState,
    Lock,
    Outcome,
    SlotCondition,
    SlotState,
)
from access_protocol.ids import AccessPointId, CredentialId, DeviceId, PortalId
from access_protocol.topics import Kind, Subject
from access_protocol.transport.memory import MemoryBroker
from server.access import actions
from server.access.actions import OutcomesReported, ReportedOutcome
from server.access.models import DoorCommand
from server.credentials import actions as credentials
from server.credentials.models import Issue
from server.devices.actions import public_keys
from server.devices.models import KeyPurpose
from server.kernel.principal import Principal
from server.kernel.work import Office, Work
from server.places import actions as places
from server.places.actions import AccessPointInput, PortalInput
from server.places.rules import PortalKind
from tests.fakes.site import SYSTEM, TYO, VISITOR, enrol
from tests.fakes.worker import FakeController, FakeWorker

DRINKS, READER = PortalId("drinks"), AccessPointId("drinks-reader")
VENDING, DRINKS_GATE = DeviceId("vending-1"), DeviceId("gate-3")
BOOT = "00000000-0000-4000-8000-000000000002"
THE_VISITOR = Principal.for_visitor(VISITOR)


def build_machine(
    work: Work, gate: DeviceId | None = DRINKS_GATE, portal: PortalId = DRINKS
) -> None:
    """Put a machine into zone 2, with a reader of this gate."""
    machine = PortalInput(name="Drinks", kind=PortalKind.VENDING)
    places.put_portal(work, TYO, portal, machine)
    point = AccessPointInput(portal=portal, zone=2, gate=gate, controller=VENDING)
    places.put_access_point(work, TYO, READER, point)


class Scene:
    """The visitor's phone at the machine's poster; `machine` is its controller."""

    def __init__(self, office: Office) -> None:
        self.office, self.broker = office, MemoryBroker()
        self.heard: list[ReportedOutcome] = []
        office.reactions.on(OutcomesReported, lambda _work, it: self.heard.extend(it.outcomes))
        with office.begin(SYSTEM) as work:
            build_machine(work, gate=None)
            (key,) = public_keys(work, TYO, KeyPurpose.COMMAND)
        enrol(office, VENDING, Kind.CONTROLLER)
        self.worker = FakeWorker(office, self.broker)
        self.machine = FakeController(self.broker, VENDING, key)
        self.machine.is_here()
        self.worker.send()
        self.told = 0

    def voucher(self, slot: int = 3, life: timedelta = timedelta(minutes=5)) -> Issue:
        with self.office.begin(SYSTEM) as work:
            return credentials.issue_voucher(work, TYO, DRINKS, slot, life)

    def order(self, voucher: Issue | None = None) -> DoorCommand:
        text = (voucher or self.voucher()).text
        with self.office.begin(THE_VISITOR) as work:
            asked = actions.dispense_by_poster(work, TYO, READER, VISITOR, text)
        self.worker.send()
        return self.command(asked)

    def command(self, asked: DoorCommand) -> DoorCommand:
        with self.office.reading(THE_VISITOR) as work:
            return actions.find_opening(work, asked.event)

    def says(self, what: ControllerEventKind, asked: DoorCommand | None) -> None:
        self.told += 1
        event = None if asked is None else asked.event
        report = ControllerEvent(
            boot=BOOT, sequence=self.told, uptime_ms=self.told, what=what, event=event
        )
        self.machine.say(Subject.EVENT, report)

    def stands(self, **slots: SlotCondition) -> None:
        """Report the conditions of slots, such as `s1=READY`."""
        self.told += 1
        states = [
            SlotState(slot=int(name[1:]), condition=condition) for name, condition in slots.items()
        ]
        report = ControllerState(
            boot=BOOT,
            uptime_ms=self.told,
            since_ms=0,
            lock=Lock.LOCKED,
            contact=Contact.CLOSED,
            slots=tuple(states),
        )
        self.machine.say(Subject.STATE, report, retain=True)

    def outcomes(self, voucher: Issue) -> list[Outcome]:
        """What was told of a voucher, in order."""
        id_ = CredentialId(bytes(voucher.credential))
        return [each.outcome for each in self.heard if each.credential == id_]
