"""Feedback by lamps, an LED ring and a buzzer on the machine's pins, through gpiozero."""

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, cast

from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import AccessPointId, EventId
from gate_agent.feedback.base import Enrolling, Serving

if TYPE_CHECKING:
    from gpiozero.pins import Factory

_SHOWN_S = 3.0
_SHORT_S = 0.1
_LONG_S = 0.6
_BLINK_S = 0.5

Colour = tuple[float, float, float]
"""Red, green and blue, each from 0 to 1."""
GREEN: Colour = (0, 1, 0)
RED: Colour = (1, 0, 0)
BLUE: Colour = (0, 0, 1)
AMBER: Colour = (1, 0.4, 0)


class PinSettings(Protocol):
    """BCM numbers of the pins; None where nothing is connected."""

    @property
    def green_pin(self) -> int | None:
        """The green lamp's."""
        ...

    @property
    def red_pin(self) -> int | None:
        """The red lamp's."""
        ...

    @property
    def buzzer_pin(self) -> int | None:
        """The buzzer's."""
        ...

    @property
    def ring_pins(self) -> tuple[int, int, int] | None:
        """The LED ring's red, green and blue."""
        ...

    @property
    def ring_common_anode(self) -> bool:
        """Whether the ring's common wire is the positive one."""
        ...


class LightsUnavailable(Exception):
    """The pins cannot be used."""


class _Output(Protocol):
    def off(self) -> None: ...
    def blink(self, on_time: float, off_time: float, n: int | None = None) -> None: ...
    def close(self) -> None: ...


class _ColourOutput(Protocol):
    def off(self) -> None: ...
    def blink(
        self,
        on_time: float,
        off_time: float,
        fade_in_time: float = 0,
        fade_out_time: float = 0,
        on_color: Colour = ...,
        off_color: Colour = ...,
        n: int | None = None,
    ) -> None: ...
    def close(self) -> None: ...


class Ring:
    """An LED ring in one colour at a time; each pattern is told by its rhythm as well.

    Read: blue, breathing. Granted: two green flashes. Open: green, steady. Refused: red, three long
    flashes. Hold still, wait: amber, breathing fast. Trouble: amber, a short flash every two seconds.
    """

    def __init__(self, output: _ColourOutput) -> None:
        """Work an RGBLED of gpiozero."""
        self._output = output

    def breathe(self, colour: Colour, seconds: float, times: int) -> None:
        """Go up and down slowly."""
        half = seconds / 2
        self._output.blink(0, 0, half, half, on_color=colour, n=times)

    def flash(self, colour: Colour, on: float, off: float, times: int) -> None:
        """Go on and off sharply."""
        self._output.blink(on, off, on_color=colour, n=times)

    def rest(self, pattern: tuple[float, float, Colour] | None) -> None:
        """Have this pattern (seconds on, seconds off, colour) go on for ever, or be dark."""
        if pattern is None:
            self._output.off()
        else:
            on, off, colour = pattern
            self._output.blink(on, off, on_color=colour)

    def close(self) -> None:
        """Be dark."""
        self._output.close()


class LightsFeedback:
    """Green and one short beep: granted. Red and a long beep: refused. Red blinking: trouble."""

    def __init__(self, pins: PinSettings, factory: "Factory | None" = None) -> None:
        """Take the pins; `factory` is gpiozero's way to them (its mock one in tests).

        Raises `LightsUnavailable`.
        """
        import gpiozero  # noqa: PLC0415 - a gate without lamps need not load it

        self._outputs: list[_Output | Ring] = []
        self._troubles: set[str] = set()
        self._resting: threading.Timer | None = None

        def output(pin: int | None) -> _Output | None:
            if pin is None:
                return None
            # gpiozero has no stubs: what it makes is called here as its documentation says.
            made = cast("_Output", gpiozero.DigitalOutputDevice(pin, pin_factory=factory))
            self._outputs.append(made)
            return made

        try:
            self._green = output(pins.green_pin)
            self._red = output(pins.red_pin)
            self._buzzer = output(pins.buzzer_pin)
            self._ring = None
            if pins.ring_pins is not None:
                red, green, blue = pins.ring_pins
                made = gpiozero.RGBLED(
                    red, green, blue, active_high=not pins.ring_common_anode, pin_factory=factory
                )
                self._ring = Ring(cast("_ColourOutput", made))
                self._outputs.append(self._ring)
        except (gpiozero.GPIOZeroError, OSError, RuntimeError) as error:
            self.close()
            raise LightsUnavailable(f"the pins cannot be used: {error}") from error

    def reading(self, point: AccessPointId) -> None:
        """Breathe blue; the lamps have one meaning each and stay dark."""
        if self._ring is not None:
            self._ring.breathe(BLUE, 0.6, 5)

    def hold_still(self, point: AccessPointId) -> None:
        """Breathe amber, faster."""
        if self._ring is not None:
            self._ring.breathe(AMBER, 0.4, 20)

    def wait(self, point: AccessPointId) -> None:
        """Breathe amber slowly."""
        if self._ring is not None:
            self._ring.breathe(AMBER, 1.0, 5)

    def granted(self, point: AccessPointId, event: EventId, decision: AccessDecision) -> None:
        """One short beep and two flashes: the pass was good. Steady green waits for the door."""
        _once(self._buzzer, _SHORT_S)
        if self._ring is not None:
            self._ring.flash(GREEN, 0.12, 0.12, 2)

    def refused(
        self,
        point: AccessPointId,
        event: EventId,
        reason: DenyReason,
        decision: AccessDecision,
    ) -> None:
        """Red, and a long beep."""
        self._say_no()

    def unlocked(self, point: AccessPointId, event: EventId) -> None:
        """Green, because the controller said that it released the lock."""
        self._say_yes()

    def door(self, point: AccessPointId, event: EventId, outcome: Outcome) -> None:
        """Red where nothing opened."""
        if outcome in {Outcome.REFUSED, Outcome.NO_ANSWER}:
            self._say_no()

    def machine(self, point: AccessPointId, event: EventId, said: Serving) -> None:
        """Green while the machine gives something out and when it fell; red where nothing comes."""
        if said in {Serving.COMING, Serving.GIVEN}:
            self._say_yes()
        else:
            self._say_no()

    def offline(self, *, now: bool) -> None:
        """Show nothing: the gate goes on deciding."""

    def trouble(self, where: str, what: str | None) -> None:
        """Blink red for as long as something does not work; the ring flashes amber now and then."""
        if what is None:
            self._troubles.discard(where)
        else:
            self._troubles.add(where)
        self._rest()

    def _rest(self) -> None:
        if self._ring is not None:
            self._ring.rest((0.2, 1.8, AMBER) if self._troubles else None)
        if self._red is None:
            return
        if self._troubles:
            self._red.blink(_BLINK_S, _BLINK_S)
        else:
            self._red.off()

    def enrolling(self, step: Enrolling, why: str = "") -> None:
        """Blue flashes while a code is waited for; then green or red as for a pass."""
        if step is Enrolling.CODE_REFUSED:
            self._say_no()
        elif step is Enrolling.DONE:
            _once(self._buzzer, _SHORT_S)
        if self._ring is not None and step is not Enrolling.CODE_REFUSED:
            self._ring.rest((0.3, 0.7, BLUE) if step is not Enrolling.DONE else None)

    def close(self) -> None:
        """Everything off."""
        if self._resting is not None:
            self._resting.cancel()
        for output in self._outputs:
            with suppress(OSError, RuntimeError):
                output.close()

    def _show_trouble_again(self) -> None:
        """Go on telling of the trouble after what was said to a visitor."""
        if self._resting is not None:
            self._resting.cancel()
        if self._troubles:
            self._resting = threading.Timer(_SHOWN_S, self._rest)
            self._resting.daemon = True
            self._resting.start()

    def _say_yes(self) -> None:
        _once(self._green, _SHOWN_S)
        if self._ring is not None:
            self._ring.flash(GREEN, _SHOWN_S, 0, 1)
        self._show_trouble_again()

    def _say_no(self) -> None:
        _once(self._red, _SHOWN_S)
        _once(self._buzzer, _LONG_S)
        if self._ring is not None:
            self._ring.flash(RED, 0.7, 0.3, 3)
        self._show_trouble_again()


def _once(output: _Output | None, seconds: float) -> None:
    if output is not None:
        output.blink(seconds, _SHORT_S, n=1)
