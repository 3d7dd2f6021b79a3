"""A reception with a vending machine behind the gate: what visitors choose, what its reader and itself report."""

import io
from datetime import timedelta
from uuid import UUID, uuid4

from PIL import Image
from sqlmodel import select

from access_protocol.credential import CredentialClass
from access_protocol.events import (
    FIRST_HASH,
    Contact,
    ControllerEvent,
    ControllerEventKind,
    ControllerState,
    DecisionEntry,
    EntryBody,
    JournalBatch,
    JournalEntry,
    Lock,
    Outcome,
    OutcomeEntry,
    SlotCondition,
    SlotState,
    Status,
    body_text,
    chained,
)
from access_protocol.ids import AccessPointId, CredentialId, DeviceId, EventId, PortalId
from access_protocol.topics import Kind
from server.access import ledger
from server.access.ledger import Source
from server.access.models import DoorCommand
from server.credentials import models as issued
from server.devices import actions as devices
from server.devices import reports
from server.devices.models import Device
from server.kernel import live
from server.kernel.ids import ItemId, OrderId, VisitorId
from server.kernel.outbox import OutboxRow
from server.kernel.principal import Principal
from server.places import actions as places
from server.places.actions import AccessPointInput, PortalInput
from server.places.rules import PortalKind
from server.refreshments import actions, models, settling
from server.refreshments.actions import (
    AllowanceInput,
    ItemInput,
    MachineInput,
    Refill,
    SlotInput,
)
from server.refreshments.models import Offer, Order, Slot
from server.visits.models import Visit
from tests.fakes.reception import SITE, SYSTEM, Reception

MACHINE = PortalId("drinks")
READER = AccessPointId("drinks-reader")
GATE, VENDING = DeviceId("gate-2"), DeviceId("vending-1")
ENTRANCE = DeviceId("gate-1")
BOOT = str(UUID(int=9))


def png(width: int = 40, height: int = 30) -> bytes:
    """A picture."""
    written = io.BytesIO()
    Image.new("RGB", (width, height), "#2e6b4e").save(written, "PNG")
    return written.getvalue()


class Drinks:
    """The machine `drinks`: water in slots 1 and 2, tea in slot 3; offered after the main gate."""

    def __init__(self, reception: Reception, stock: int = 3, per_visit: int = 1) -> None:
        self.reception, self.office, self.clock = reception, reception.office, reception.clock
        self._journals: dict[DeviceId, tuple[int, str]] = {}
        self._reports = 0
        with self.office.begin(SYSTEM) as work:
            portal = PortalInput(name="Drinks", kind=PortalKind.VENDING)
            places.put_portal(work, SITE, MACHINE, portal)
            reader = AccessPointInput(
                portal=MACHINE,
                zone=2,
                gate=GATE,
                controller=VENDING,
                classes=[CredentialClass.VOUCHER],
            )
            places.put_access_point(work, SITE, READER, reader)
            for device, kind in (
                (ENTRANCE, Kind.GATE),
                (GATE, Kind.GATE),
                (VENDING, Kind.CONTROLLER),
            ):
                if work.session.get(Device, device) is None:
                    new = devices.NewDevice(id=device, site=SITE, kind=kind, name=device)
                    devices.register(work, new)
                    work.session.get_one(Device, device).enrolled_at = work.now
            wanted = MachineInput(
                offered_after=["main-gate"], low_stock=1, refill_mail="refill@genkan.example"
            )
            actions.put_machine(work, SITE, MACHINE, wanted)
            actions.set_allowance(work, SITE, AllowanceInput(per_visit=per_visit))
            self.water = actions.create_item(work, SITE, ItemInput(name="Water")).id
            self.tea = actions.create_item(work, SITE, ItemInput(name="Tea", note="Caffeine")).id
            actions.set_picture(work, self.water, png())
            for number, item in ((1, self.water), (2, self.water), (3, self.tea)):
                actions.put_slot(work, SITE, MACHINE, number, SlotInput(item=item, capacity=8))
                if stock:
                    actions.refill(work, SITE, MACHINE, number, Refill(count=stock))
        self.machine_says(SlotCondition.READY)
        self.gate_is(online=True)
        self.visit = reception.invite(
            starts_at=self.clock.now(), ends_at=self.clock.now() + timedelta(hours=2)
        )
        self.guest = reception.guests_of(self.visit)[0].id

    @property
    def visitor(self) -> Principal:
        """The guest, at their phone."""
        return Principal.for_visitor(self.guest)

    def another(self) -> VisitorId:
        """Another guest on another visit of the same day."""
        now = self.clock.now()
        made: Visit = self.reception.invite(
            "hanako@example.jp", starts_at=now, ends_at=now + timedelta(hours=2)
        )
        return self.reception.guests_of(made)[0].id

    # What happens at doors and machines.

    def passes(self, guest: VisitorId | None = None, *, ago: timedelta = timedelta()) -> None:
        """Let a guest pass the main gate."""
        with self.office.reading(SYSTEM) as work:
            held = issued.of_visitor(work.session, guest or self.guest)
        assert held is not None
        event, at = str(uuid4()), self.clock.now() - ago
        self.journal(
            ENTRANCE,
            DecisionEntry(
                at=at,
                event=event,
                access_point="main-gate-in",
                reason=None,
                credential=held.id.hex(),
                credential_class=CredentialClass.STATIC,
                generation=1,
            ),
            OutcomeEntry(at=at, event=event, access_point="main-gate-in", outcome=Outcome.PASSED),
        )

    def reader_takes(self, voucher: CredentialId) -> EventId:
        """Let the machine's reader accept a voucher; its gate tells the server of the decision."""
        event = EventId(str(uuid4()))
        self.journal(GATE, self.decision(event, voucher))
        return event

    def decision(self, event: EventId, voucher: CredentialId) -> DecisionEntry:
        """The gate's entry of an accepted voucher."""
        return DecisionEntry(
            at=self.clock.now(),
            event=event,
            access_point=READER,
            reason=None,
            credential=voucher.hex(),
            credential_class=CredentialClass.VOUCHER,
            generation=0,
        )

    def gate_tells(self, event: EventId, outcome: Outcome) -> None:
        """Let the machine's gate journal what became of it."""
        self.journal(
            GATE,
            OutcomeEntry(at=self.clock.now(), event=event, access_point=READER, outcome=outcome),
        )

    def machine_tells(
        self, what: ControllerEventKind, event: EventId | None = None, detail: str | None = None
    ) -> None:
        """Let the machine report something itself."""
        self._reports += 1
        report = ControllerEvent(
            boot=BOOT,
            sequence=self._reports,
            uptime_ms=self._reports,
            what=what,
            event=event,
            detail=detail,
        )
        with self.office.begin(Principal.for_device(VENDING, SITE)) as work:
            reports.door_event(work, work.session.get_one(Device, VENDING), report)

    def machine_says(self, *conditions: SlotCondition, online: bool = True) -> None:
        """Let the machine tell the condition of its slots; one stands for all three."""
        self._reports += 1
        every = conditions * 3 if len(conditions) == 1 else conditions
        state = ControllerState(
            boot=BOOT,
            uptime_ms=self._reports,
            since_ms=0,
            lock=Lock.LOCKED,
            contact=Contact.CLOSED,
            slots=tuple(
                SlotState(slot=number, condition=said) for number, said in enumerate(every, 1)
            ),
        )
        with self.office.begin(Principal.for_device(VENDING, SITE)) as work:
            device = work.session.get_one(Device, VENDING)
            reports.door_state(work, device, state, retained=False)
            reports.status(work, device, Status(online=online))

    def gate_is(self, *, online: bool) -> None:
        """Let the machine's gate come to the broker, or be away."""
        with self.office.begin(Principal.for_device(GATE, SITE)) as work:
            reports.status(work, work.session.get_one(Device, GATE), Status(online=online))

    def journal(self, gate: DeviceId, *bodies: EntryBody) -> None:
        """Let a gate upload entries."""
        sequence, previous = self._journals.get(gate, (0, FIRST_HASH.hex()))
        last, entries = bytes.fromhex(previous), list[JournalEntry]()
        for body in bodies:
            text = body_text(body)
            sequence += 1
            last = chained(last, text)
            entries.append(JournalEntry(sequence=sequence, hash=last.hex(), body=text))
        name = str(UUID(int=int.from_bytes(gate.encode()[-4:], "big")))
        batch = JournalBatch(journal=name, previous=previous, entries=tuple(entries))
        with self.office.begin(Principal.for_device(gate, SITE)) as work:
            ledger.ingest(work, Source(gate, SITE), batch)
        self._journals[gate] = (sequence, last.hex())

    def later(self, **time: float) -> None:
        """Let time pass, and the worker look."""
        self.clock.advance(timedelta(**time))
        self.tick()

    def tick(self) -> None:
        """Let the worker end what took too long."""
        with self.office.begin(SYSTEM) as work:
            settling.overdue(work)

    # What visitors do.

    def choose(self, item: ItemId | None = None, guest: VisitorId | None = None) -> Order:
        """Choose, as the visitor."""
        who = guest or self.guest
        with self.office.begin(Principal.for_visitor(who)) as work:
            return actions.choose(work, SITE, MACHINE, who, item or self.water)

    def cancel(self, order: Order) -> Order:
        """Take it back."""
        with self.office.begin(self.visitor) as work:
            return actions.cancel(work, order.id)

    def by_poster(self, order: Order) -> Order:
        """Scan the machine's poster."""
        with self.office.begin(self.visitor) as work:
            return actions.dispense_here(work, order.id)

    # What is seen.

    def standing(self, guest: VisitorId | None = None) -> actions.Standing:
        """How things stand for a guest."""
        with self.office.reading(SYSTEM) as work:
            return actions.standing(work, SITE, MACHINE, guest or self.guest)

    def order(self, order: OrderId) -> Order:
        """An order as it stands now."""
        with self.office.reading(SYSTEM) as work:
            return work.session.get_one(Order, order)

    def offers(self) -> list[VisitorId]:
        """Who was offered a drink."""
        with self.office.reading(SYSTEM) as work:
            return [each.visitor for each in work.session.exec(select(Offer)).all()]

    def stock(self) -> dict[int, int]:
        """How much lies in each slot, by our own count."""
        with self.office.reading(SYSTEM) as work:
            found = work.session.exec(select(Slot)).all()
            return {each.number: each.stock for each in found}

    def menu(self) -> list[str]:
        """What can be chosen."""
        with self.office.reading(SYSTEM) as work:
            (machine,) = models.machines(work.session)
            return [each.item.name for each in actions.menu(work, machine)]

    def counts(self, voucher: CredentialId) -> bool:
        """Whether a voucher still counts."""
        with self.office.reading(SYSTEM) as work:
            held = work.session.get_one(issued.Credential, voucher)
            return not held.revoked and held.last_expires > self.clock.now()

    def command(self, order: Order) -> DoorCommand:
        """The server's own command for an order by poster."""
        with self.office.reading(SYSTEM) as work:
            return work.session.get_one(DoorCommand, order.event)

    def pages_told(self) -> int:
        """How often the guest's open page was told to look again."""
        with self.office.reading(SYSTEM) as work:
            rows = work.session.exec(select(OutboxRow).where(OutboxRow.kind == live.KIND)).all()
            return sum(1 for each in rows if each.payload.get("about") == self.guest)
