"""One portal as an electrician leaves it: lock, leaf or arms, and the controller that drives it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from access_protocol.transport.base import Transport, Will
from firmware_sim.controller import Controller, Identity, last_will
from firmware_sim.conversation import RandomBytes
from firmware_sim.door import Door
from firmware_sim.kept import Kept, KeptInMemory
from firmware_sim.physical import Barrier, Doorway, FailMode, LockCircuit
from firmware_sim.portal import Portal, Timings
from firmware_sim.scheduler import Processor, Scheduler
from firmware_sim.turnstile import Turnstile


class PortalKind(StrEnum):
    """What stands in the opening."""

    DOOR = "door"
    TURNSTILE = "turnstile"


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the electrician decides."""

    kind: PortalKind = PortalKind.DOOR
    fails: FailMode = FailMode.SECURE
    timings: Timings = field(default_factory=Timings)


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
        random_bytes: RandomBytes = secrets.token_bytes,
    ) -> None:
        """Build the portal; its controller is off until `power_up`."""
        self.identity = identity
        self.circuit = LockCircuit(wiring.fails)
        self.body: Doorway | Barrier = (
            Doorway(self.circuit) if wiring.kind is PortalKind.DOOR else Barrier(self.circuit)
        )
        self.kept = KeptInMemory() if kept is None else kept
        self._wiring = wiring
        self._scheduler = scheduler
        self._connect = connect
        self._random_bytes = random_bytes
        self._processor = Processor(scheduler)
        self.transport, self.controller = self._built()

    def power_up(self) -> None:
        """Start the controller."""
        self.controller.start()

    def cut_power(self) -> None:
        """Take the mains away, at any instant; the connection is not closed but simply silent."""
        self._processor.halt()
        self.circuit.cut_power()

    def crash(self) -> None:
        """Stop the processor only: its watchdog lets the relay fall off."""
        self._processor.halt()
        self.circuit.drive_relay(on=False)

    def restore_power(self) -> None:
        """Bring the mains back: a new boot, with nothing in memory but what was kept."""
        self.circuit.restore_power()
        self._processor = Processor(self._scheduler)
        self.transport, self.controller = self._built()
        self.controller.start()

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
        if isinstance(self.body, Doorway):
            return Door(self.body, self._processor, timings)
        return Turnstile(self.body, self._processor, timings)
