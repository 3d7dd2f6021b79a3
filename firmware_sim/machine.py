"""A vending machine's parts that work without any processor: spirals, motors, sensors, service door."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum

from firmware_sim.metal import Forgotten, Metal, SpiralStands
from firmware_sim.scheduler import Scheduler, Timer

TURN = timedelta(seconds=3)
"""How long a spiral takes for one turn, from its home switch to its home switch."""
HOME_SWITCH = timedelta(milliseconds=50)
"""Over so much of a turn the home switch is pressed: no motor stops in the very instant it is told to."""
_MILLISECOND = timedelta(milliseconds=1)
FALLS_AT = timedelta(milliseconds=2400)
"""Where in its turn a spiral lets the bottle go."""


class Edge(StrEnum):
    """What the machine's sense lines tell a processor."""

    FELL = "fell"
    HOME = "home"
    SERVICE_OPENED = "service_opened"
    SERVICE_CLOSED = "service_closed"
    CASE = "case"


class _Spiral:
    """One slot: bottles in a row, and how far the spiral has turned since its home switch."""

    def __init__(self, stands: SpiralStands) -> None:
        self.stock = stands.stock
        self.turned = stands.turned
        self.jammed = stands.jammed

    def stands(self, *, running: bool) -> SpiralStands:
        """Return how it stands; one whose motor runs is away from home from its first moment on."""
        least = HOME_SWITCH + _MILLISECOND if running else timedelta()
        turned_ms = max(self.turned, least) // _MILLISECOND
        return SpiralStands(stock=self.stock, turned_ms=turned_ms, jammed=self.jammed)


class Machine:
    """Mains, a motor for each slot, and what the sensors say.

    The motor driver can select one motor only, so two never run against each other.
    """

    def __init__(
        self, scheduler: Scheduler, stock: Mapping[int, int], metal: Metal | None = None
    ) -> None:
        """Begin as `metal` has it, or filled with `stock`: bottles by slot number.

        `scheduler` is the world's, not a processor's.
        """
        self._scheduler = scheduler
        self._metal = Forgotten() if metal is None else metal
        found = self._metal.found(stock)
        self._spirals = {slot: _Spiral(stands) for slot, stands in found.items()}
        self._powered = True
        self._case_open = False
        self._service_open = False
        self._drop_sensor_works = True
        self._motor: int | None = None
        self._runs_since = timedelta()
        self._ahead: list[Timer] = []
        self._processor: Callable[[Edge], None] = lambda _edge: None
        self.fallen: list[int] = []

    @property
    def powered(self) -> bool:
        """See `Cabinet.powered`."""
        return self._powered

    @property
    def case_open(self) -> bool:
        """See `Cabinet.case_open`."""
        return self._case_open

    @property
    def service_open(self) -> bool:
        """Whether the service door stands open; its contact also cuts the motors' current."""
        return self._service_open

    @property
    def motor(self) -> int | None:
        """The slot whose motor runs."""
        return self._motor

    @property
    def slots(self) -> tuple[int, ...]:
        """The numbers of its slots."""
        return tuple(sorted(self._spirals))

    def stock(self, slot: int) -> int:
        """How many bottles really stand in a slot; no sensor counts them."""
        return self._spirals[slot].stock

    def sold_out(self, slot: int) -> bool:
        """What the slot's sold-out switch says."""
        return self._spirals[slot].stock == 0

    def at_home(self, slot: int) -> bool:
        """What the slot's home switch says: its spiral stands between two bottles."""
        return self._spirals[slot].turned <= HOME_SWITCH

    def wire(self, processor: Callable[[Edge], None]) -> None:
        """Wire the sense lines to the one processor; at each boot it is another that listens."""
        self._processor = processor

    def drive_motor(self, slot: int | None) -> None:
        """Select the motor that runs, or none; without mains, or with the service door open, none."""
        self._stop()
        if slot is not None and self._powered and not self._service_open:
            self._motor, self._runs_since = slot, self._scheduler.now()
            self._note()
            self._plan()

    def drop_outputs(self) -> None:
        """See `Cabinet.drop_outputs`."""
        self._stop()

    def cut_power(self) -> None:
        """See `Cabinet.cut_power`. A spiral stays where it was."""
        self._stop()
        self._powered = False

    def restore_power(self) -> None:
        """See `Cabinet.restore_power`."""
        self._powered = True

    def open_case(self) -> None:
        """See `Cabinet.open_case`."""
        self._case_open = True
        self._processor(Edge.CASE)

    def close_case(self) -> None:
        """See `Cabinet.close_case`."""
        self._case_open = False
        self._processor(Edge.CASE)

    def open_service(self) -> None:
        """Somebody with the key opens the service door; whatever motor runs, stops."""
        self._stop()
        self._service_open = True
        self._processor(Edge.SERVICE_OPENED)

    def close_service(self) -> None:
        """The service door is locked again."""
        self._service_open = False
        self._processor(Edge.SERVICE_CLOSED)

    def restock(self, slot: int, bottles: int) -> bool:
        """Fill a slot, free its spiral and turn it home by hand; possible with the service door open."""
        if self._service_open:
            spiral = self._spirals[slot]
            spiral.stock, spiral.turned, spiral.jammed = bottles, timedelta(), False
            self._note()
        return self._service_open

    def jam(self, slot: int) -> None:
        """A bottle wedges a spiral: its motor runs and nothing turns."""
        self._settle()
        self._spirals[slot].jammed = True
        self._note()
        self._plan()

    def shake(self, slot: int) -> None:
        """Somebody shakes the machine until a bottle falls that nobody ordered."""
        self._drop(slot)

    def break_drop_sensor(self) -> None:
        """The drop sensor sees nothing any more."""
        self._drop_sensor_works = False

    def mend_drop_sensor(self) -> None:
        """The drop sensor sees again."""
        self._drop_sensor_works = True

    def _stop(self) -> None:
        self._settle()
        if self._motor is not None:
            self._motor = None
            self._note()

    def _note(self) -> None:
        """Have it written down, so that the metal stands so at the next start of the simulator too."""
        running = self._motor
        stand = {
            slot: spiral.stands(running=slot == running) for slot, spiral in self._spirals.items()
        }
        self._metal.note(stand)

    def _settle(self) -> None:
        """Take down how far the spiral has come."""
        for timer in self._ahead:
            timer.cancel()
        self._ahead.clear()
        if self._motor is None:
            return
        spiral, now = self._spirals[self._motor], self._scheduler.now()
        if not spiral.jammed:
            spiral.turned += now - self._runs_since
        self._runs_since = now

    def _plan(self) -> None:
        """Let happen what happens if the motor runs on."""
        if self._motor is None or self._spirals[self._motor].jammed:
            return
        turned = self._spirals[self._motor].turned
        if turned < FALLS_AT:
            self._ahead.append(self._scheduler.after(FALLS_AT - turned, self._let_go))
        self._ahead.append(self._scheduler.after(TURN - turned, self._comes_home))

    def _let_go(self) -> None:
        if self._motor is not None:
            self._drop(self._motor)

    def _drop(self, slot: int) -> None:
        spiral = self._spirals[slot]
        if spiral.stock:
            spiral.stock -= 1
            self.fallen.append(slot)
            self._note()
            if self._drop_sensor_works and self._powered:
                self._processor(Edge.FELL)

    def _comes_home(self) -> None:
        if self._motor is None:
            return
        self._settle()
        self._spirals[self._motor].turned = timedelta()
        self._plan()  # whoever does not stop it gets the next turn, and the next bottle
        self._processor(Edge.HOME)
