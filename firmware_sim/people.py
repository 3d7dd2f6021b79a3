"""Simulated people: who stands before a portal walks through once it lets them, and takes the drink."""

from datetime import timedelta
from enum import StrEnum

from firmware_sim.machine import Machine
from firmware_sim.physical import Barrier, Doorway, Lines
from firmware_sim.scheduler import Scheduler

REACTION = timedelta(milliseconds=800)
"""From the click of the lock to the push."""
WALK = timedelta(seconds=2)
"""How long somebody needs to go through a door and to let it fall shut."""


class People(StrEnum):
    """Who stands before the simulated portal."""

    WALK = "walk"
    NONE = "none"


class Walkers:
    """Somebody waits before the portal for every release of the lock, and walks through.

    They see the lock let go, not the command: where it was refused, nobody moves.
    """

    def __init__(
        self,
        body: Doorway | Barrier,
        scheduler: Scheduler,
        reaction: timedelta = REACTION,
        walk: timedelta = WALK,
    ) -> None:
        """Watch `body`'s lock from now on."""
        self._body = body
        self._scheduler = scheduler
        self._reaction = reaction
        self._walk = walk
        self._on_the_way = False
        body.circuit.watch(self._look)

    def _look(self, lines: Lines) -> None:
        if lines.relay and not self._on_the_way:
            self._on_the_way = True
            self._scheduler.after(self._reaction, self._go_through)

    def _go_through(self) -> None:
        self._on_the_way = False
        went_through = self._body.push()
        if went_through and isinstance(self._body, Doorway):
            self._scheduler.after(self._walk, self._body.shut)
        elif went_through:
            # Once the turnstile has counted, whoever else was granted meanwhile is next.
            self._scheduler.post(lambda: self._look(self._body.circuit.lines))


class Attendant:
    """Somebody with the key looks after a vending machine: comes a while after a slot ran empty."""

    COMES_AFTER = timedelta(minutes=5)
    LOOKS_EVERY = timedelta(minutes=1)
    STAYS = timedelta(seconds=30)

    def __init__(self, machine: Machine, scheduler: Scheduler, bottles: int = 8) -> None:
        """Look after `machine` from now on, filling each empty slot with so many bottles."""
        self._machine = machine
        self._scheduler = scheduler
        self._bottles = bottles
        self._scheduler.after(self.LOOKS_EVERY, self._look)

    def _look(self) -> None:
        if any(self._machine.sold_out(slot) for slot in self._machine.slots):
            self._scheduler.after(self.COMES_AFTER, self._come)
        else:
            self._scheduler.after(self.LOOKS_EVERY, self._look)

    def _come(self) -> None:
        self._machine.open_service()
        for slot in self._machine.slots:
            if self._machine.sold_out(slot) or not self._machine.at_home(slot):
                self._machine.restock(slot, self._bottles)
        self._scheduler.after(self.STAYS, self._go)

    def _go(self) -> None:
        self._machine.close_service()
        self._scheduler.after(self.LOOKS_EVERY, self._look)
