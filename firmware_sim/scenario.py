"""A day at one or more portals, as a file tells it: who comes, who leaves, and what goes wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import time, timedelta
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated

import msgspec

from access_protocol.codec import DeviceIdText
from access_protocol.commands import Action
from access_protocol.ids import DeviceId
from firmware_sim.faults import AnyFault
from firmware_sim.installation import FILLED, PortalKind
from firmware_sim.machine import Machine
from firmware_sim.people import REACTION, WALK
from firmware_sim.physical import Barrier, Doorway, FailMode
from firmware_sim.rehearsal import Rehearsal

_BUILT_IN = "days"
AFTERWARDS = timedelta(minutes=2)
"""How long a day goes on after its last step, so that what followed from it is seen."""


class Does(StrEnum):
    """What happens at a portal."""

    VISIT = "visit"
    STAY_AWAY = "stay_away"
    HOLD_OPEN = "hold_open"
    REPLAY = "replay"
    LEAVE = "leave"
    DRINK = "drink"
    LOCK_DOWN = "lock_down"
    RELEASE = "release"
    FIRE = "fire"
    RESTOCK = "restock"
    LOSE_BROKER = "lose_broker"


AT_MACHINES = frozenset({Does.DRINK, Does.RESTOCK})
EVERYWHERE = frozenset({Does.REPLAY, Does.LOCK_DOWN, Does.RELEASE, Does.LOSE_BROKER})
SENTENCES = {
    Does.VISIT: "a visitor is granted access",
    Does.STAY_AWAY: "a visitor is granted access and turns round",
    Does.HOLD_OPEN: "a visitor is granted access and holds the door",
    Does.REPLAY: "somebody sends an old command again",
    Does.LEAVE: "somebody leaves by the exit button",
    Does.DRINK: "a visitor orders a drink",
    Does.LOCK_DOWN: "security locks down",
    Does.RELEASE: "security ends the lockdown",
    Does.FIRE: "the fire panel demands release until somebody resets it",
    Does.RESTOCK: "somebody with the key refills the machine",
    Does.LOSE_BROKER: "the broker is away",
}


class ControllerForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One portal of the scenario."""

    id: DeviceIdText
    kind: PortalKind
    fails: FailMode = FailMode.SECURE


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that happens, at a time of day: what people do, or a fault.

    `for_seconds` is how long, where that means something; `slot` is what a drink comes from.
    """

    at: time
    controller: DeviceIdText
    does: Does | None = None
    fault: AnyFault | None = None
    for_seconds: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 30
    slot: Annotated[int, msgspec.Meta(ge=1, le=255)] = 1

    @property
    def sentence(self) -> str:
        """What happens, for people."""
        if self.does is not None:
            return SENTENCES[self.does]
        return self.fault.SENTENCE if self.fault is not None else ""

    @property
    def since_midnight(self) -> timedelta:
        """The time of day as a duration."""
        return timedelta(hours=self.at.hour, minutes=self.at.minute, seconds=self.at.second)


class Day(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole scenario."""

    controllers: Annotated[tuple[ControllerForm, ...], msgspec.Meta(min_length=1)]
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1)]

    @property
    def begins(self) -> timedelta:
        """When the first thing happens, since midnight."""
        return min(step.since_midnight for step in self.steps)

    @property
    def lasts(self) -> timedelta:
        """From the first thing that happens to a while after the last."""
        return max(step.since_midnight for step in self.steps) - self.begins + AFTERWARDS


class ScenarioError(ValueError):
    """A file that is no scenario; the message names the place."""


def built_in() -> list[str]:
    """Return the names of the scenarios that come along."""
    files = resources.files("firmware_sim").joinpath(_BUILT_IN).iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def read_built_in(name: str) -> Day:
    """Return a scenario that comes along, or raise `ScenarioError`."""
    if name not in built_in():
        raise ScenarioError(f"there is no scenario {name!r}, only {', '.join(built_in())}")
    file = resources.files("firmware_sim").joinpath(_BUILT_IN, f"{name}.toml")
    return parse(file.read_bytes())


def read(file: Path) -> Day:
    """Return the scenario in a file, or raise `ScenarioError`."""
    try:
        return parse(file.read_bytes())
    except OSError as error:
        raise ScenarioError(f"cannot read it: {error}") from error


def parse(content: bytes) -> Day:
    """Return the scenario that TOML text holds, or raise `ScenarioError`."""
    try:
        day = msgspec.toml.decode(content, type=Day)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ScenarioError(str(error)) from error
    known = {controller.id: controller.kind for controller in day.controllers}
    if len(known) != len(day.controllers):
        raise ScenarioError("two controllers have the same id")
    for number, step in enumerate(day.steps, start=1):
        if step.controller not in known:
            raise ScenarioError(f"step {number}: no controller is called {step.controller}")
        if (step.does is None) == (step.fault is None):
            raise ScenarioError(f"step {number}: needs either does or fault")
        kind = known[step.controller]
        only_there = step.does is not None and step.does not in EVERYWHERE
        if only_there and (step.does in AT_MACHINES) != (kind is PortalKind.VENDING):
            raise ScenarioError(f"step {number}: {step.does} means nothing at a {kind}")
    return day


@dataclass(frozen=True, slots=True)
class Player:
    """Lets each step happen at its time; `narrate` is told at that instant."""

    day: Day
    rehearsal: Rehearsal
    narrate: Callable[[Step], None]

    def schedule(self) -> None:
        """Plan all steps, from now on."""
        for step in self.day.steps:
            delay = step.since_midnight - self.day.begins

            def happen(step: Step = step) -> None:
                self.narrate(step)
                self._happen(step)

            self.rehearsal.scheduler.after(delay, happen)

    def _happen(self, step: Step) -> None:
        device = DeviceId(step.controller)
        if step.fault is not None:
            self.rehearsal.saboteurs[device].inject(step.fault)
            return
        body = self.rehearsal.installations[device].body
        match body:
            case Machine():
                self._at_machine(step, device, body)
            case _:
                self._at_opening(step, device, body)

    def _at_opening(self, step: Step, device: DeviceId, body: Doorway | Barrier) -> None:
        gate, lasts = self.rehearsal.gate, timedelta(seconds=step.for_seconds)
        match step.does:
            case Does.VISIT | Does.HOLD_OPEN:
                gate.command(device, Action.UNLOCK)
                stays = WALK if step.does is Does.VISIT else lasts
                self._later(REACTION, lambda: self._goes_through(body, stays))
            case Does.STAY_AWAY:
                gate.command(device, Action.UNLOCK)
            case Does.LEAVE:
                body.leave()
                self._shuts(body, WALK)
            case Does.FIRE:
                body.circuit.demand_fire_release()
                self._later(lasts, body.circuit.end_fire_demand)
                self._later(lasts, body.circuit.reset_fire_release)
            case _:
                self._anywhere(step, device, lasts)

    def _at_machine(self, step: Step, device: DeviceId, machine: Machine) -> None:
        lasts = timedelta(seconds=step.for_seconds)
        match step.does:
            case Does.DRINK:
                self.rehearsal.gate.command(device, Action.DISPENSE, step.slot)
            case Does.RESTOCK:
                machine.open_service()
                for slot in machine.slots:
                    machine.restock(slot, FILLED.get(slot, 1))
                self._later(lasts, machine.close_service)
            case _:
                self._anywhere(step, device, lasts)

    def _anywhere(self, step: Step, device: DeviceId, lasts: timedelta) -> None:
        rehearsal = self.rehearsal
        match step.does:
            case Does.REPLAY:
                rehearsal.gate.replay(device)
            case Does.LOCK_DOWN | Does.RELEASE:
                rehearsal.gate.command(device, Action(step.does.value))
            case Does.LOSE_BROKER:
                rehearsal.broker.lose()
                self._later(lasts, rehearsal.broker.restore)
            case _:
                pass

    def _goes_through(self, body: Doorway | Barrier, stays: timedelta) -> None:
        if body.push():
            self._shuts(body, stays)

    def _shuts(self, body: Doorway | Barrier, after: timedelta) -> None:
        if isinstance(body, Doorway):
            self._later(after, body.shut)

    def _later(self, delay: timedelta, action: Callable[[], None]) -> None:
        self.rehearsal.scheduler.after(delay, action)
