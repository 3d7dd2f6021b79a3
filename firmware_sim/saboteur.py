"""Does to one simulated portal what a fault says, and sees how the portal really stands."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import msgspec

from firmware_sim import faults
from firmware_sim.controller import Controller
from firmware_sim.faults import AnyFault
from firmware_sim.installation import Installation
from firmware_sim.line import Disturbance, Line
from firmware_sim.machine import Machine
from firmware_sim.physical import Barrier, Doorway, LockCircuit
from firmware_sim.scheduler import Scheduler

_MILLISECOND = timedelta(milliseconds=1)


class NoSuchPart(ValueError):
    """The portal has no part that this fault could happen to."""


class Truth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a portal really stands, whatever its controller says.

    `pulses` counts how often the relay was switched on, `boots` how often the controller started.
    """

    powered: bool
    running: bool
    boots: int
    pulses: int
    released: bool | None = None
    open: bool | None = None
    fallen: tuple[int, ...] = ()
    stock: dict[int, int] = {}


class Saboteur:
    """What happens, happens at once and on the caller's thread: the scheduler's."""

    def __init__(self, installation: Installation, line: Line, scheduler: Scheduler) -> None:
        """Begin to count, before the first power-up; all messages go over `line`."""
        self._installation = installation
        self._line = line
        self._scheduler = scheduler
        self._boots = self._pulses = 0
        self._relay = False
        installation.watch_boots(self._count_boot)
        if not isinstance(installation.body, Machine):
            installation.body.circuit.watch(lambda lines: self._see_relay(on=lines.relay))

    def look(self) -> Truth:
        """Return how it really stands now."""
        place, body = self._installation, self._installation.body
        seen = Truth(
            powered=place.cabinet.powered,
            running=place.running,
            boots=self._boots,
            pulses=self._pulses,
        )
        match body:
            case Machine():
                stock = {slot: body.stock(slot) for slot in body.slots}
                fallen, is_open = tuple(body.fallen), body.service_open
                return msgspec.structs.replace(seen, open=is_open, fallen=fallen, stock=stock)
            case Doorway():
                released, is_open = body.circuit.released, body.leaf_open
                return msgspec.structs.replace(seen, released=released, open=is_open)
            case Barrier():
                return msgspec.structs.replace(seen, released=body.circuit.released)

    def inject(self, fault: AnyFault) -> None:
        """Do it; raise `NoSuchPart` where the portal has nothing that it could happen to."""
        place = self._installation
        match fault:
            case faults.Look():
                pass
            case faults.CutPower():
                place.cut_power()
                self._later(fault.for_seconds, place.restore_power)
            case faults.RestorePower():
                place.restore_power()
            case faults.Freeze():
                place.freeze()
            case faults.Reset():
                place.reset()
            case faults.Messages():
                self._line.disturb(_disturbance(fault), fault.seed)
                self._later(fault.for_seconds, self._line.mend)
            case faults.MendMessages():
                self._line.mend()
            case faults.OpenCase():
                place.cabinet.open_case()
            case faults.CloseCase():
                place.cabinet.close_case()
            case _:
                self._to_lock(fault)

    def _to_lock(self, fault: AnyFault) -> None:
        match fault:
            case faults.StickBolt():
                self._circuit.stick_bolt()
            case faults.FreeBolt():
                self._circuit.free_bolt()
            case faults.PressExit():
                self._circuit.press_exit()
            case faults.LetGoExit():
                self._circuit.let_go_exit()
            case faults.DemandFireRelease():
                self._circuit.demand_fire_release()
            case faults.EndFireDemand():
                self._circuit.end_fire_demand()
            case faults.ResetFireRelease():
                self._circuit.reset_fire_release()
            case _:
                self._by_people(fault)

    def _by_people(self, fault: AnyFault) -> None:
        match fault:
            case faults.Push():
                self._opening.push()
            case faults.Leave():
                self._opening.leave()
            case faults.Force():
                self._opening.force()
            case faults.Shut():
                self._doorway.shut()
            case faults.BounceContact():
                self._bounce(fault)
            case _:
                self._to_machine(fault)

    def _to_machine(self, fault: AnyFault) -> None:
        match fault:
            case faults.Jam():
                self._machine_with(fault.slot).jam(fault.slot)
            case faults.Shake():
                self._machine_with(fault.slot).shake(fault.slot)
            case faults.Restock():
                if not self._machine_with(fault.slot).restock(fault.slot, fault.bottles):
                    raise NoSuchPart("the service door is locked: open_service comes first")
            case faults.BreakDropSensor():
                self._machine.break_drop_sensor()
            case faults.MendDropSensor():
                self._machine.mend_drop_sensor()
            case faults.OpenService():
                self._machine.open_service()
            case faults.CloseService():
                self._machine.close_service()
            case _:
                raise NoSuchPart(f"nothing here can be told to {fault}")

    def _bounce(self, fault: faults.BounceContact) -> None:
        """The contact flickers, beginning with the opposite of what it says, and ends with the truth."""
        doorway, every = self._doorway, fault.every_ms * _MILLISECOND
        for edge in range(fault.times):
            flicker = partial(_flicker, doorway)
            self._scheduler.after(every * edge, flicker)
        self._scheduler.after(
            every * fault.times, lambda: doorway.touch_contact(is_open=doorway.leaf_open)
        )

    @property
    def _circuit(self) -> LockCircuit:
        return self._opening.circuit

    @property
    def _opening(self) -> Doorway | Barrier:
        body = self._installation.body
        if isinstance(body, Machine):
            raise NoSuchPart("a vending machine has no lock that people go through")
        return body

    @property
    def _doorway(self) -> Doorway:
        if not isinstance(self._installation.body, Doorway):
            raise NoSuchPart("only a door has a leaf and a contact")
        return self._installation.body

    @property
    def _machine(self) -> Machine:
        if not isinstance(self._installation.body, Machine):
            raise NoSuchPart("only a vending machine has slots and a service door")
        return self._installation.body

    def _machine_with(self, slot: int) -> Machine:
        if slot not in self._machine.slots:
            raise NoSuchPart(f"there is no slot {slot}")
        return self._machine

    def _later(self, seconds: float | None, action: Callable[[], None]) -> None:
        if seconds is not None:
            self._scheduler.after(timedelta(seconds=seconds), action)

    def _count_boot(self, _controller: Controller) -> None:
        self._boots += 1

    def _see_relay(self, *, on: bool) -> None:
        self._pulses += on and not self._relay
        self._relay = on


def _flicker(doorway: Doorway) -> None:
    doorway.touch_contact(is_open=not doorway.contact_open)


def _disturbance(fault: faults.Messages) -> Disturbance:
    return Disturbance(
        drop=fault.drop,
        duplicate=fault.duplicate,
        reorder=fault.reorder,
        shortest_delay=fault.shortest_delay_ms * _MILLISECOND,
        longest_delay=max(fault.shortest_delay_ms, fault.longest_delay_ms) * _MILLISECOND,
        way=fault.way,
    )
