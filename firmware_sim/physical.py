"""The parts of a portal that work without any processor: lock circuit, leaf, barrier, exit button.

The exit button (REX) and the fire input are wired past the processor: they release the lock by
themselves, whatever controller, broker, server or mains do. The processor only senses them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class FailMode(StrEnum):
    """What a lock does without mains: fail-safe opens, fail-secure stays locked against entry."""

    SAFE = "safe"
    SECURE = "secure"


@dataclass(frozen=True, slots=True)
class Lines:
    """What the processor senses of a lock circuit at one instant."""

    relay: bool
    exit_pressed: bool
    fire: bool
    released: bool


class LockCircuit:
    """Mains, the processor's relay, the exit button and the fire input, wired to one lock."""

    def __init__(self, fails: FailMode) -> None:
        """Begin with mains on, relay off, nobody at the button and no fire."""
        self.fails = fails
        self._powered = True
        self._relay = False
        self._exit_pressed = False
        self._fire = False
        self._watchers: list[Callable[[Lines], None]] = []

    @property
    def powered(self) -> bool:
        """Whether there is mains."""
        return self._powered

    @property
    def relay(self) -> bool:
        """Whether the processor's relay is on; it cannot be without mains."""
        return self._relay

    @property
    def exit_pressed(self) -> bool:
        """Whether somebody inside holds the exit button."""
        return self._exit_pressed

    @property
    def fire(self) -> bool:
        """Whether the fire panel demands release."""
        return self._fire

    @property
    def released(self) -> bool:
        """Whether the lock lets go, whatever the reason."""
        if self._exit_pressed or self._fire:
            return True
        if self._powered:
            return self._relay
        return self.fails is FailMode.SAFE

    @property
    def lines(self) -> Lines:
        """What a processor would sense now."""
        return Lines(self._relay, self._exit_pressed, self._fire, self.released)

    def watch(self, watcher: Callable[[Lines], None]) -> None:
        """Call `watcher` after every change: the sense lines into a processor, or a person's eyes."""
        self._watchers.append(watcher)

    def drive_relay(self, *, on: bool) -> None:
        """What the processor's output pin does; without mains nothing."""
        self._relay = on and self._powered
        self._changed()

    def cut_power(self) -> None:
        """Take the mains away: the relay falls off at the same instant."""
        self._powered = self._relay = False
        self._changed()

    def restore_power(self) -> None:
        """Bring the mains back; the relay is off."""
        self._powered = True
        self._changed()

    def press_exit(self) -> None:
        """Press the exit button, or the handle inside: works always."""
        self._exit_pressed = True
        self._changed()

    def let_go_exit(self) -> None:
        """Let go of the exit button."""
        self._exit_pressed = False
        self._changed()

    def demand_fire_release(self) -> None:
        """The fire panel demands release: works always."""
        self._fire = True
        self._changed()

    def end_fire_release(self) -> None:
        """The fire panel is reset."""
        self._fire = False
        self._changed()

    def _changed(self) -> None:
        lines = self.lines
        for watcher in tuple(self._watchers):
            watcher(lines)


class Doorway:
    """A door leaf with its lock and its contact."""

    def __init__(self, circuit: LockCircuit) -> None:
        """Begin with the leaf closed."""
        self.circuit = circuit
        self._open = False
        self._watchers: list[Callable[[bool], None]] = []

    @property
    def leaf_open(self) -> bool:
        """Whether the leaf stands open: what its contact says."""
        return self._open

    def watch(self, watcher: Callable[[bool], None]) -> None:
        """Call `watcher` when the leaf opens (True) or closes: the contact's line into a processor."""
        self._watchers.append(watcher)

    def push(self) -> bool:
        """Somebody outside pushes; return whether the leaf is open then."""
        if self.circuit.released:
            self._move(to_open=True)
        return self._open

    def leave(self) -> bool:
        """Somebody inside presses the exit button, opens and lets go; return whether that opened."""
        self.circuit.press_exit()
        opened = self.push()
        self.circuit.let_go_exit()
        return opened

    def force(self) -> None:
        """Somebody opens the leaf with a crowbar, locked or not."""
        self._move(to_open=True)

    def shut(self) -> None:
        """The leaf falls into its frame."""
        self._move(to_open=False)

    def _move(self, *, to_open: bool) -> None:
        if self._open != to_open:
            self._open = to_open
            for watcher in tuple(self._watchers):
                watcher(to_open)


class Passage(StrEnum):
    """Which way somebody went through a turnstile, as its sensor tells."""

    INWARD = "inward"
    OUTWARD = "outward"


class Barrier:
    """A turnstile's arms with their lock and a sensor that counts passages."""

    def __init__(self, circuit: LockCircuit) -> None:
        """Begin with nobody between the arms."""
        self.circuit = circuit
        self._watchers: list[Callable[[Passage], None]] = []

    def watch(self, watcher: Callable[[Passage], None]) -> None:
        """Call `watcher` for every passage: the sensor's line into a processor."""
        self._watchers.append(watcher)

    def push(self) -> bool:
        """Somebody outside pushes the arms; return whether they went through."""
        return self._turn(Passage.INWARD, forced=False)

    def leave(self) -> bool:
        """Somebody inside presses the exit button, goes through and lets go."""
        self.circuit.press_exit()
        went_through = self._turn(Passage.OUTWARD, forced=False)
        self.circuit.let_go_exit()
        return went_through

    def force(self) -> None:
        """Somebody outside goes through although the arms are locked."""
        self._turn(Passage.INWARD, forced=True)

    def _turn(self, passage: Passage, *, forced: bool) -> bool:
        if not forced and not self.circuit.released:
            return False
        for watcher in tuple(self._watchers):
            watcher(passage)
        return True
