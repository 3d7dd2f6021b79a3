"""One portal as an electrician leaves it: lock, leaf or arms, and the controller that drives it."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from access_protocol.transport.base import Transport, Will
from firmware_sim.controller import Controller, Identity, last_will
from firmware_sim.conversation import RandomBytes
from firmware_sim.door import Door
from firmware_sim.kept import Kept, KeptInFlash
from firmware_sim.machine import Machine
from firmware_sim.metal import Metal
from firmware_sim.physical import Barrier, Cabinet, Doorway, FailMode, LockCircuit
from firmware_sim.portal import Portal, Timings
from firmware_sim.scheduler import Processor, Scheduler
from firmware_sim.turnstile import Turnstile
from firmware_sim.vending import Vending

WATCHDOG = timedelta(seconds=2)
"""A processor that hangs for so long is reset by its watchdog; shorter than a spiral takes for a bottle."""
FILLED = MappingProxyType(dict.fromkeys(range(1, 7), 8))
"""A machine of six slots, as it comes from the factory to the demo."""


class PortalKind(StrEnum):
    """What stands in the opening."""

    DOOR = "door"
    TURNSTILE = "turnstile"
    VENDING = "vending"


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the electrician decides."""

    kind: PortalKind = PortalKind.DOOR
    fails: FailMode = FailMode.SECURE
    timings: Timings = field(default_factory=Timings)
    stock: Mapping[int, int] = field(default_factory=lambda: FILLED)
    """Of a vending machine: bottles by slot number."""


class Installation:
    """A portal that can lose its mains, and whose controller then starts anew with what it kept.

    `connect` makes the transport of one power-up with the last will that it is given.
    """

    def __init__(
        self,
        identity: Identity,
        wiring: Wiring,
        *,
        scheduler: Scheduler,
        connect: Callable[[Will], Transport],
        kept: Kept | None = None,
        metal: Metal | None = None,
        random_bytes: RandomBytes = secrets.token_bytes,
    ) -> None:
        """Build the portal; its controller is off until `power_up`. `metal` is a vending machine's."""
        self.identity = identity
        self.body = _body(wiring, scheduler, metal)
        self.kept = KeptInFlash() if kept is None else kept
        self._boot_watchers: list[Callable[[Controller], None]] = []
        self._wiring = wiring
        self._scheduler = scheduler
        self._connect = connect
        self._random_bytes = random_bytes
        self._processor = Processor(scheduler)
        self.transport, self.controller = self._built()

    @property
    def circuit(self) -> LockCircuit:
        """The lock's circuit; a vending machine has none."""
        if isinstance(self.body, Machine):
            raise TypeError("a vending machine has no lock circuit")
        return self.body.circuit

    @property
    def cabinet(self) -> Cabinet:
        """Mains, outputs and case, whatever stands in the opening."""
        return self.body if isinstance(self.body, Machine) else self.body.circuit

    @property
    def running(self) -> bool:
        """Whether the processor runs: it has mains, and does not hang."""
        return self.cabinet.powered and self._processor.alive

    def watch_boots(self, watcher: Callable[[Controller], None]) -> None:
        """Call `watcher` with the controller at every boot, before it says anything."""
        self._boot_watchers.append(watcher)

    def power_up(self) -> None:
        """Start the controller."""
        for watcher in self._boot_watchers:
            watcher(self.controller)
        self._processor.post(self.controller.start)

    def cut_power(self) -> None:
        """Take the mains away, at any instant: the outputs fall off, the connection breaks."""
        self._processor.halt()
        self.cabinet.cut_power()
        self.transport.vanish()

    def restore_power(self) -> None:
        """Bring the mains back: a new boot, with nothing in memory but what was kept."""
        if not self.cabinet.powered:
            self.cabinet.restore_power()
            self._boot()

    def freeze(self) -> None:
        """Let the processor hang with its outputs as they are, until the watchdog resets it."""
        if self.running:
            hung = self._processor
            hung.halt()
            self._scheduler.after(WATCHDOG, lambda: self._watchdog_bites(hung))

    def reset(self) -> None:
        """Reset the processor at once, as its watchdog or somebody with a finger on the button does."""
        if self.cabinet.powered:
            self._processor.halt()
            self.cabinet.drop_outputs()
            self.transport.vanish()
            self._boot()

    def _watchdog_bites(self, hung: Processor) -> None:
        if self._processor is hung:
            self.reset()

    def _boot(self) -> None:
        self._processor = Processor(self._scheduler)
        self.transport, self.controller = self._built()
        self.power_up()

    def _built(self) -> tuple[Transport, Controller]:
        transport = self._connect(last_will(self.identity))
        controller = Controller(
            self.identity,
            portal=self._program(),
            transport=transport,
            scheduler=self._processor,
            kept=self.kept,
            random_bytes=self._random_bytes,
        )
        return transport, controller

    def _program(self) -> Portal:
        timings = self._wiring.timings
        match self.body:
            case Doorway():
                return Door(self.body, self._processor, timings)
            case Barrier():
                return Turnstile(self.body, self._processor, timings)
            case Machine():
                return Vending(self.body, self._processor, timings)


def _body(wiring: Wiring, scheduler: Scheduler, metal: Metal | None) -> Doorway | Barrier | Machine:
    match wiring.kind:
        case PortalKind.DOOR:
            return Doorway(LockCircuit(wiring.fails))
        case PortalKind.TURNSTILE:
            return Barrier(LockCircuit(wiring.fails))
        case PortalKind.VENDING:
            return Machine(scheduler, wiring.stock, metal)
