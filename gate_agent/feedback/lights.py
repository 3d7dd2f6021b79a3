"""Feedback by lamps and a buzzer on the machine's pins, through gpiozero."""

from typing import TYPE_CHECKING, Protocol, cast

from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import AccessPointId, EventId

if TYPE_CHECKING:
    from gpiozero.pins import Factory

_SHOWN_S = 3.0
_SHORT_S = 0.1
_LONG_S = 0.6
_BLINK_S = 0.5


class PinSettings(Protocol):
    """BCM numbers of the pins; None where nothing is connected."""

    green_pin: int | None
    red_pin: int | None
    buzzer_pin: int | None


class _Output(Protocol):
    def off(self) -> None: ...
    def blink(self, on_time: float, off_time: float, n: int | None = None) -> None: ...
    def close(self) -> None: ...


class LightsFeedback:
    """Green and one short beep: granted. Red and a long beep: refused. Red blinking: trouble."""

    def __init__(self, pins: PinSettings, factory: "Factory | None" = None) -> None:
        """Take the pins; `factory` is gpiozero's way to them (its mock one in tests)."""
        import gpiozero  # noqa: PLC0415 - a gate without lamps need not load it

        def output(pin: int | None) -> _Output | None:
            if pin is None:
                return None
            # gpiozero has no stubs: what it makes is called here as its documentation says.
            return cast("_Output", gpiozero.DigitalOutputDevice(pin, pin_factory=factory))

        self._green = output(pins.green_pin)
        self._red = output(pins.red_pin)
        self._buzzer = output(pins.buzzer_pin)
        self._troubles: set[str] = set()

    def reading(self, point: AccessPointId) -> None:
        """Show nothing: a lamp has one meaning."""

    def hold_still(self, point: AccessPointId) -> None:
        """Show nothing: neither granted nor refused."""

    def wait(self, point: AccessPointId) -> None:
        """Show nothing: neither granted nor refused."""

    def granted(self, point: AccessPointId, event: EventId, decision: AccessDecision) -> None:
        """One short beep: the pass was good. The lamp waits for the door."""
        _once(self._buzzer, _SHORT_S)

    def refused(
        self,
        point: AccessPointId,
        event: EventId,
        reason: DenyReason,
        decision: AccessDecision,
    ) -> None:
        """Red, and a long beep."""
        _once(self._red, _SHOWN_S)
        _once(self._buzzer, _LONG_S)

    def unlocked(self, point: AccessPointId, event: EventId) -> None:
        """Green, because the controller said that it released the lock."""
        _once(self._green, _SHOWN_S)

    def door(self, point: AccessPointId, event: EventId, outcome: Outcome) -> None:
        """Red where nothing opened."""
        if outcome in {Outcome.REFUSED, Outcome.NO_ANSWER}:
            _once(self._red, _SHOWN_S)
            _once(self._buzzer, _LONG_S)

    def offline(self, *, now: bool) -> None:
        """Show nothing: the gate goes on deciding."""

    def trouble(self, where: str, what: str | None) -> None:
        """Blink red for as long as something does not work."""
        if what is None:
            self._troubles.discard(where)
        else:
            self._troubles.add(where)
        if self._red is None:
            return
        if self._troubles:
            self._red.blink(_BLINK_S, _BLINK_S)
        else:
            self._red.off()

    def close(self) -> None:
        """Everything off."""
        for output in (self._green, self._red, self._buzzer):
            if output is not None:
                output.close()


def _once(output: _Output | None, seconds: float) -> None:
    if output is not None:
        output.blink(seconds, _SHORT_S, n=1)
