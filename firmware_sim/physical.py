"""The parts of a door or turnstile that work without any processor: lock, leaf, arms, exit button.

The exit button (REX) and the fire input are wired past the processor: they release the lock by
themselves, whatever controller, broker, server or mains do. The processor only senses them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


def _nobody(_line: object) -> None:
    """No processor is wired yet."""


class FailMode(StrEnum):
    """What a lock does without mains: fail-safe opens, fail-secure stays locked against entry."""

    SAFE = "safe"
    SECURE = "secure"


class Cabinet(Protocol):
    """What every installation has, whatever stands in the opening: mains, outputs, and a case."""

    @property
    def powered(self) -> bool:
        """Whether there is mains."""
        ...

    @property
    def case_open(self) -> bool:
        """Whether the controller's case stands open: what its tamper switch says."""
        ...

    def cut_power(self) -> None:
        """Take the mains away: every output falls off at the same instant."""
        ...

    def restore_power(self) -> None:
        """Bring the mains back; every output is off."""
        ...

    def drop_outputs(self) -> None:
        """Let every output fall off, as at a reset of the processor."""
        ...

    def open_case(self) -> None:
        """Somebody opens the controller's case."""
        ...

    def close_case(self) -> None:
        """Somebody closes it again."""
        ...


@dataclass(frozen=True, slots=True)
class Lines:
    """What the processor senses of a lock circuit at one instant; `released` is the bolt's sensor."""

    relay: bool
    exit_pressed: bool
    fire: bool
    released: bool
    case_open: bool = False


class LockCircuit:
    """Mains, the processor's relay, the exit button and the fire input, wired to one lock."""

    def __init__(self, fails: FailMode) -> None:
        """Begin with mains on, relay off, nobody at the button and no fire."""
        self.fails = fails
        self._powered = True
        self._relay = False
        self._exit_pressed = False
        self._fire_demanded = False
        self._fire = False
        self._case_open = False
        # What the relay moves; a bolt that sticks stays where it is, whatever the relay does.
        self._drawn = False
        self._stuck = False
        self._watchers: list[Callable[[Lines], None]] = []
        self._processor: Callable[[Lines], None] = _nobody

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
        """Whether the fire release holds the lock open; a latching contact, reset by hand."""
        return self._fire

    @property
    def case_open(self) -> bool:
        """See `Cabinet.case_open`."""
        return self._case_open

    @property
    def released(self) -> bool:
        """Whether the lock lets go, whatever the reason: where the bolt really is."""
        if self._exit_pressed or self._fire:
            return True
        if self._powered or self.fails is FailMode.SECURE:
            return self._drawn
        return True

    @property
    def lines(self) -> Lines:
        """What a processor would sense now."""
        return Lines(
            self._relay, self._exit_pressed, self._fire, self.released, case_open=self._case_open
        )

    def watch(self, watcher: Callable[[Lines], None]) -> None:
        """Call `watcher` after every change, as somebody sees it who looks at the lock."""
        self._watchers.append(watcher)

    def wire(self, processor: Callable[[Lines], None]) -> None:
        """Wire the sense lines to the one processor; at each boot it is another that listens."""
        self._processor = processor

    def drive_relay(self, *, on: bool) -> None:
        """What the processor's output pin does; without mains nothing."""
        self._relay = on and self._powered
        self._changed()

    def drop_outputs(self) -> None:
        """See `Cabinet.drop_outputs`."""
        self.drive_relay(on=False)

    def cut_power(self) -> None:
        """See `Cabinet.cut_power`."""
        self._powered = self._relay = False
        self._changed()

    def restore_power(self) -> None:
        """See `Cabinet.restore_power`."""
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
        """The fire panel demands release: works always, and holds until it is reset by hand."""
        self._fire_demanded = self._fire = True
        self._changed()

    def end_fire_demand(self) -> None:
        """The fire panel is quiet again; the release still holds."""
        self._fire_demanded = False

    def reset_fire_release(self) -> None:
        """Somebody resets the release with the key at the door; in vain while the panel demands it."""
        self._fire = self._fire_demanded
        self._changed()

    def stick_bolt(self) -> None:
        """The bolt sticks where it is: the relay does not move it. Handle and fire release still do."""
        self._stuck = True

    def free_bolt(self) -> None:
        """The bolt follows the relay again."""
        self._stuck = False
        self._changed()

    def open_case(self) -> None:
        """See `Cabinet.open_case`."""
        self._case_open = True
        self._changed()

    def close_case(self) -> None:
        """See `Cabinet.close_case`."""
        self._case_open = False
        self._changed()

    def _changed(self) -> None:
        if not self._stuck:
            self._drawn = self._relay
        lines = self.lines
        for watcher in (*self._watchers, self._processor):
            watcher(lines)


class Doorway:
    """A door leaf with its lock, its contact, and a small sounder beside it."""

    def __init__(self, circuit: LockCircuit) -> None:
        """Begin with the leaf closed."""
        self.circuit = circuit
        self._open = False
        self._contact_open = False
        self._sounds = False
        self._processor: Callable[[bool], None] = _nobody

    @property
    def leaf_open(self) -> bool:
        """Whether the leaf really stands open."""
        return self._open

    @property
    def contact_open(self) -> bool:
        """What its contact says at this instant; while it bounces, anything."""
        return self._contact_open

    @property
    def sounds(self) -> bool:
        """Whether the sounder asks people to close the door; silent without mains."""
        return self._sounds and self.circuit.powered

    def drive_sounder(self, *, on: bool) -> None:
        """What the processor's output pin does."""
        self._sounds = on

    def wire(self, processor: Callable[[bool], None]) -> None:
        """Wire the contact to the one processor: it is told when the contact opens (True) or closes."""
        self._processor = processor

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

    def touch_contact(self, *, is_open: bool) -> None:
        """Let the contact say what it likes, as a bouncing or damaged one does; the leaf rests."""
        if self._contact_open != is_open:
            self._contact_open = is_open
            self._processor(is_open)

    def _move(self, *, to_open: bool) -> None:
        self._open = to_open
        self.touch_contact(is_open=to_open)


class Passage(StrEnum):
    """Which way somebody went through a turnstile, as its sensor tells."""

    INWARD = "inward"
    OUTWARD = "outward"


class Barrier:
    """A turnstile's arms with their lock and a sensor that counts passages."""

    def __init__(self, circuit: LockCircuit) -> None:
        """Begin with nobody between the arms."""
        self.circuit = circuit
        self._processor: Callable[[Passage], None] = _nobody

    def wire(self, processor: Callable[[Passage], None]) -> None:
        """Wire the sensor to the one processor: it is told of every passage."""
        self._processor = processor

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
        self._processor(passage)
        return True
