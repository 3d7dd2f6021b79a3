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
from firmware_sim.installation import Installation, PortalKind
from firmware_sim.people import REACTION, WALK
from firmware_sim.physical import Doorway, FailMode
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
    FORCE = "force"
    LOCK_DOWN = "lock_down"
    RELEASE = "release"
    FIRE = "fire"
    LOSE_POWER = "lose_power"
    LOSE_BROKER = "lose_broker"


SENTENCES = {
    Does.VISIT: "a visitor is granted access",
    Does.STAY_AWAY: "a visitor is granted access and turns round",
    Does.HOLD_OPEN: "a visitor is granted access and holds the door",
    Does.REPLAY: "somebody sends an old command again",
    Does.LEAVE: "somebody leaves by the exit button",
    Does.FORCE: "somebody forces the way in",
    Does.LOCK_DOWN: "security locks down",
    Does.RELEASE: "security ends the lockdown",
    Does.FIRE: "the fire panel demands release",
    Does.LOSE_POWER: "the mains fail",
    Does.LOSE_BROKER: "the broker is away",
}


class ControllerForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One portal of the scenario."""

    id: DeviceIdText
    kind: PortalKind
    fails: FailMode = FailMode.SECURE


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that happens, at a time of day; `for_seconds` is how long, where that means something."""

    at: time
    controller: DeviceIdText
    does: Does
    for_seconds: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 30

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
    known = [controller.id for controller in day.controllers]
    if len(set(known)) != len(known):
        raise ScenarioError("two controllers have the same id")
    for number, step in enumerate(day.steps, start=1):
        if step.controller not in known:
            raise ScenarioError(f"step {number}: no controller is called {step.controller}")
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
        rehearsal, device = self.rehearsal, DeviceId(step.controller)
        installation = rehearsal.installations[device]
        lasts = timedelta(seconds=step.for_seconds)
        match step.does:
            case Does.VISIT | Does.HOLD_OPEN:
                rehearsal.gate.command(device, Action.UNLOCK)
                stays = WALK if step.does is Does.VISIT else lasts
                self._later(REACTION, lambda: self._goes_through(installation, stays))
            case Does.STAY_AWAY:
                rehearsal.gate.command(device, Action.UNLOCK)
            case Does.REPLAY:
                rehearsal.gate.replay(device)
            case Does.LEAVE:
                installation.body.leave()
                self._shuts(installation, WALK)
            case Does.FORCE:
                installation.body.force()
                self._shuts(installation, lasts)
            case Does.LOCK_DOWN | Does.RELEASE:
                rehearsal.gate.command(device, Action(step.does.value))
            case Does.FIRE:
                installation.circuit.demand_fire_release()
                self._later(lasts, installation.circuit.end_fire_release)
            case Does.LOSE_POWER:
                rehearsal.cut_power(device)
                self._later(lasts, installation.restore_power)
            case Does.LOSE_BROKER:
                rehearsal.broker.lose()
                self._later(lasts, rehearsal.broker.restore)

    def _goes_through(self, installation: Installation, stays: timedelta) -> None:
        if installation.body.push():
            self._shuts(installation, stays)

    def _shuts(self, installation: Installation, after: timedelta) -> None:
        if isinstance(installation.body, Doorway):
            self._later(after, installation.body.shut)

    def _later(self, delay: timedelta, action: Callable[[], None]) -> None:
        self.rehearsal.scheduler.after(delay, action)
