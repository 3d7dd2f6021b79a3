"""A scenario on a terminal: the timeline while it plays, and what came of it."""

import time
from collections import Counter
from datetime import timedelta

from rich.console import Console
from rich.table import Table
from rich.text import Text

from access_protocol.events import ControllerEvent
from access_protocol.events import ControllerEventKind as Kind
from access_protocol.ids import DeviceId
from firmware_sim.installation import Wiring
from firmware_sim.rehearsal import Rehearsal
from firmware_sim.running import STYLES
from firmware_sim.scenario import Day, Player, Step

_SLICE = timedelta(milliseconds=50)
_ROWS = {
    "came in": (Kind.OPENED, Kind.PASSED),
    "turned round": (Kind.NOT_PASSED,),
    "exit button": (Kind.REQUEST_TO_EXIT,),
    "held open": (Kind.HELD_OPEN,),
    "forced": (Kind.FORCED_OPEN,),
    "drinks": (Kind.DISPENSED,),
    "no drink": (Kind.TIMED_OUT, Kind.JAMMED, Kind.INTERRUPTED),
    "faults": (Kind.BOLT_STUCK, Kind.TAMPERED),
    "refused": (Kind.COMMAND_REFUSED,),
    "starts": (Kind.STARTED,),
}


class Narrator:
    """Prints what happens and what the controllers report of it, and counts the reports."""

    def __init__(self, console: Console, day: Day) -> None:
        """Print to `console`."""
        self.counts: dict[DeviceId, Counter[str]] = {
            DeviceId(controller.id): Counter() for controller in day.controllers
        }
        self._console = console
        self._day = day
        wirings = {
            DeviceId(controller.id): Wiring(controller.kind, controller.fails)
            for controller in day.controllers
        }
        self._began = timedelta()
        self._rehearsal = Rehearsal(wirings, self._tell)
        self._began = self._rehearsal.scheduler.now()

    def play(self, speed: float) -> None:
        """Play the whole day; `speed` is how many times faster than life, 0 as fast as possible."""
        Player(self._day, self._rehearsal, self._narrate).schedule()
        scheduler, ends = self._rehearsal.scheduler, self._began + self._day.lasts
        while scheduler.now() < ends:
            if speed:
                time.sleep(_SLICE.total_seconds())
            pace = _SLICE * speed if speed else self._day.lasts
            scheduler.advance(min(pace, ends - scheduler.now()))
        self._console.print(self._summary())

    def _narrate(self, step: Step) -> None:
        words = Text(f"{self._clock()}  {step.controller:<14} ", style="bold")
        self._console.print(words.append(step.sentence))

    def _tell(self, device: DeviceId, event: ControllerEvent) -> None:
        self._count(device, event)
        words = Text(f"{self._clock()}  {device:<14}   ", style="dim")
        words.append(event.what.replace("_", " "), style=STYLES.get(event.what, "not dim"))
        if event.detail:
            words.append(f" ({event.detail})")
        self._console.print(words)

    def _count(self, device: DeviceId, event: ControllerEvent) -> None:
        for row, kinds in _ROWS.items():
            # Without a command's event somebody opened from inside.
            inside = row == "came in" and event.event is None
            if event.what in kinds and not inside:
                self.counts[device][row] += 1

    def _clock(self) -> str:
        # What the controllers say while they are built comes before the clock runs.
        passed = self._rehearsal.scheduler.now() - self._began if self._began else timedelta()
        whole = int((self._day.begins + passed).total_seconds())
        return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"

    def _summary(self) -> Table:
        table = Table()
        table.add_column("what happened", no_wrap=True)
        for device in self.counts:
            table.add_column(device, justify="right", overflow="fold")
        for what in _ROWS:
            often = [counts[what] for counts in self.counts.values()]
            if any(often):
                table.add_row(what, *(str(count) if count else "–" for count in often))
        return table
