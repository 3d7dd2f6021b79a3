"""A vending machine's program: one order, one turn of one spiral, at most one bottle, one outcome."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from access_protocol.commands import Action, Command
from access_protocol.decision import CommandRefusal
from access_protocol.events import (
    Alarm,
    Contact,
    ControllerEventKind,
    Lock,
    SlotCondition,
    SlotState,
)
from access_protocol.ids import EventId
from firmware_sim.machine import Edge, Machine
from firmware_sim.portal import Alarms, PortalState, Reporter, Timings
from firmware_sim.relay import Relay
from firmware_sim.scheduler import Scheduler, Timer

TURN_WITHIN = timedelta(seconds=6)
"""A motor that has not brought its spiral home by then is blocked."""
FALL_WITHIN = timedelta(seconds=1)
"""How long after the turn a bottle may still be on its way past the sensor."""


@dataclass(eq=False, slots=True)
class _Order:
    """What the machine is giving out now; its outcome is told once."""

    slot: int
    event: EventId
    timer: Timer
    told: bool = False


class Vending:
    """A `Portal` that gives out one thing at a time.

    It counts no bottles: what is sold out, and which spiral stands in the middle of a turn, its
    switches say, also after a power cut. A spiral that was interrupted is not moved again until
    somebody has opened the service door, so that no order ever gives two.
    """

    actions = frozenset({Action.DISPENSE, Action.LOCK_DOWN, Action.RELEASE})

    def __init__(self, machine: Machine, scheduler: Scheduler, timings: Timings) -> None:
        """Drive `machine`; nothing is watched before `start`."""
        self._machine = machine
        self._scheduler = scheduler
        self._selected: int | None = None
        self._motor = Relay(self._drive, scheduler, timings)
        self._order: _Order | None = None
        self._out_of_order: set[int] = set()
        self._was_empty: set[int] = set()

    def start(self, reporter: Reporter) -> None:
        """See `Portal.start`."""
        self._reporter, self._alarms = reporter, Alarms(reporter)
        self._machine.wire(lambda edge: self._scheduler.post(partial(self._sensed, edge)))
        self._was_empty = self._empty()
        for slot in self._away_from_home():
            self._out_of_order.add(slot)
            reporter.report(ControllerEventKind.INTERRUPTED, detail=f"slot {slot}")
        if self._machine.case_open:
            self._case_moved()

    def hindrance(self, command: Command) -> CommandRefusal | None:
        """See `Portal.hindrance`."""
        slot = command.slot
        if slot is None or slot not in self._machine.slots:
            return CommandRefusal.SLOT_UNKNOWN
        if self._machine.service_open or slot in self._out_of_order:
            return CommandRefusal.OUT_OF_ORDER
        if self._machine.sold_out(slot):
            return CommandRefusal.SLOT_EMPTY
        if self._order is not None:
            return CommandRefusal.BUSY
        return CommandRefusal.RELAY_LIMIT if self._motor.exhausted else None

    def carry_out(self, command: Command) -> None:
        """See `Portal.carry_out`: begin one turn. What came of it is told by one event."""
        if command.slot is None:
            return
        blocked = self._scheduler.after(TURN_WITHIN, self._blocked)
        self._order = _Order(command.slot, command.event, blocked)
        self._reporter.report(ControllerEventKind.DISPENSING, command.event, f"slot {command.slot}")
        self._selected = command.slot
        self._motor.on()

    def end_entry(self) -> None:
        """See `Portal.end_entry`: a turn that has begun is brought to its end."""

    def state(self) -> PortalState:
        """See `Portal.state`; the contact is the service door's."""
        return PortalState(
            lock=Lock.LOCKED,
            contact=Contact.OPEN if self._machine.service_open else Contact.CLOSED,
            alarms=self._alarms.lasting,
            slots=tuple(
                SlotState(slot=slot, condition=self._condition(slot))
                for slot in self._machine.slots
            ),
        )

    def _condition(self, slot: int) -> SlotCondition:
        if slot in self._out_of_order:
            return SlotCondition.OUT_OF_ORDER
        return SlotCondition.EMPTY if self._machine.sold_out(slot) else SlotCondition.READY

    def _drive(self, on: bool) -> None:  # noqa: FBT001 - what the pin says
        self._machine.drive_motor(self._selected if on else None)

    def _sensed(self, edge: Edge) -> None:
        match edge:
            case Edge.FELL:
                self._fell()
            case Edge.HOME:
                self._came_home()
            case Edge.SERVICE_OPENED:
                self._service_opened()
            case Edge.SERVICE_CLOSED:
                self._service_closed()
            case Edge.CASE:
                self._case_moved()
        self._reporter.state_changed()

    def _fell(self) -> None:
        if self._order is None or self._order.told:
            self._reporter.report(ControllerEventKind.DISPENSED, detail="without an order")
        else:
            self._tell(self._order, ControllerEventKind.DISPENSED)

    def _came_home(self) -> None:
        """The spiral has made its one turn."""
        self._motor.off()
        order = self._order
        if order is None:
            return
        order.timer.cancel()
        if order.told:
            self._end()
        else:
            order.timer = self._scheduler.after(FALL_WITHIN, self._nothing_fell)

    def _nothing_fell(self) -> None:
        """A whole turn and nothing seen: whether a bottle fell, a dead sensor cannot say."""
        if self._order is None:
            return
        if not self._order.told:
            self._out_of_order.add(self._order.slot)
            self._tell(self._order, ControllerEventKind.TIMED_OUT)
        self._end()

    def _blocked(self) -> None:
        self._motor.off()
        order = self._order
        if order is None:
            return
        self._out_of_order.add(order.slot)
        event = None if order.told else order.event
        detail = f"slot {order.slot}"
        self._alarms.sound(Alarm.JAMMED, ControllerEventKind.JAMMED, event, detail)
        self._end()

    def _service_opened(self) -> None:
        self._motor.off()
        self._reporter.report(ControllerEventKind.OPENED, detail="service door")
        order = self._order
        if order is not None:
            order.timer.cancel()
            self._out_of_order.add(order.slot)
            if not order.told:
                self._tell(order, ControllerEventKind.INTERRUPTED)
            self._order = None

    def _service_closed(self) -> None:
        self._reporter.report(ControllerEventKind.CLOSED, detail="service door")
        self._out_of_order = set(self._away_from_home())
        self._alarms.clear(Alarm.JAMMED)
        for slot in sorted(self._was_empty - self._empty()):
            self._reporter.report(ControllerEventKind.RESTOCKED, detail=f"slot {slot}")
        self._was_empty = self._empty()

    def _case_moved(self) -> None:
        if self._machine.case_open:
            self._alarms.sound(Alarm.TAMPER, ControllerEventKind.TAMPERED, detail="case")
        else:
            self._alarms.clear(Alarm.TAMPER)

    def _tell(self, order: _Order, outcome: ControllerEventKind) -> None:
        order.told = True
        self._reporter.report(outcome, order.event, f"slot {order.slot}")

    def _end(self) -> None:
        self._order = None
        for slot in sorted(self._empty() - self._was_empty):
            self._reporter.report(ControllerEventKind.EMPTY, detail=f"slot {slot}")
        self._was_empty = self._empty()
        self._reporter.state_changed()

    def _empty(self) -> set[int]:
        return {slot for slot in self._machine.slots if self._machine.sold_out(slot)}

    def _away_from_home(self) -> tuple[int, ...]:
        return tuple(slot for slot in self._machine.slots if not self._machine.at_home(slot))
