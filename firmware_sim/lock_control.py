"""What door and turnstile have in common: one lock, driven within limits, and told as it really is."""

from collections.abc import Callable
from functools import partial

from access_protocol.decision import CommandRefusal
from access_protocol.events import Alarm, ControllerEventKind, Lock
from access_protocol.ids import EventId
from firmware_sim.physical import Lines, LockCircuit
from firmware_sim.portal import Alarms, Reporter, Timings
from firmware_sim.relay import Relay
from firmware_sim.scheduler import Scheduler, Timer


class LockControl:
    """Drives the relay only in `release`; the bolt, the exit button, fire and the case it senses."""

    def __init__(self, circuit: LockCircuit, scheduler: Scheduler, timings: Timings) -> None:
        """Drive `circuit`; nothing is watched before `start`."""
        self._circuit = circuit
        self._scheduler = scheduler
        self._timings = timings
        self._relay = Relay(lambda on: circuit.drive_relay(on=on), scheduler, timings)
        self._lines = circuit.lines
        # Commands whose bolt has not moved yet.
        self._awaited: list[EventId] = []
        self._bolt_check: Timer | None = None
        # Where a bolt stuck (True: released); the alarm lasts until it has moved from there.
        self._stuck_at: bool | None = None
        self._tampering: set[str] = set()

    @property
    def lines(self) -> Lines:
        """What the sense lines said when they last changed."""
        return self._lines

    @property
    def state(self) -> Lock:
        """What the bolt's sensor says."""
        return Lock.UNLOCKED if self._lines.released else Lock.LOCKED

    @property
    def hindrance(self) -> CommandRefusal | None:
        """Why the relay may not be switched on now."""
        return CommandRefusal.RELAY_LIMIT if self._relay.exhausted else None

    def start(
        self, reporter: Reporter, alarms: Alarms, changed: Callable[[Lines, Lines], None]
    ) -> None:
        """Begin to sense; `changed` gets the lines before and after each change."""
        self._reporter, self._alarms, self._changed = reporter, alarms, changed
        self._lines = self._circuit.lines
        # As an interrupt does, each edge keeps what the line said then, however late it is looked at.
        self._circuit.wire(lambda now: self._scheduler.post(partial(self._lines_changed, now)))
        self.tampered("case", is_so=self._lines.case_open)
        self._look_at_bolt()

    def release(self, event: EventId) -> None:
        """Let the lock go for a command; it is told as unlocked once the bolt has really moved."""
        self._awaited.append(event)
        self._relay.on()
        if self._circuit.released:
            self._tell_released()

    def engage(self) -> None:
        """Let the relay fall off; whoever holds the exit button goes on holding the lock open."""
        self._awaited.clear()
        self._relay.off()

    def tampered(self, with_what: str, *, is_so: bool) -> None:
        """Begin or end the alarm that somebody is at the case or the wiring."""
        if is_so and with_what not in self._tampering:
            self._tampering.add(with_what)
            self._alarms.sound(Alarm.TAMPER, ControllerEventKind.TAMPERED, detail=with_what)
        elif not is_so and with_what in self._tampering:
            self._tampering.remove(with_what)
            if not self._tampering:
                self._alarms.clear(Alarm.TAMPER)

    def _lines_changed(self, lines: Lines) -> None:
        before, self._lines = self._lines, lines
        if lines.exit_pressed and not before.exit_pressed:
            self._reporter.report(ControllerEventKind.REQUEST_TO_EXIT)
        if before.released and not lines.released:
            self._reporter.report(ControllerEventKind.LOCKED)
        if lines.released:
            self._tell_released()
        if lines.released and not before.released and not lines.relay:
            detail = "fire input" if lines.fire else None
            self._reporter.report(ControllerEventKind.UNLOCKED, detail=detail)
        self.tampered("case", is_so=lines.case_open)
        self._look_at_bolt()
        self._changed(before, lines)
        self._reporter.state_changed()

    def _tell_released(self) -> None:
        while self._awaited:
            self._reporter.report(ControllerEventKind.UNLOCKED, self._awaited.pop(0))

    def _look_at_bolt(self) -> None:
        """Give a bolt that is not where it should be a moment, then say so."""
        lines = self._lines
        by_hand = lines.exit_pressed or lines.fire
        if self._stuck_at is not None and not by_hand and lines.released is not self._stuck_at:
            self._stuck_at = None
            self._alarms.clear(Alarm.BOLT_STUCK)
        if lines.released is (lines.relay or by_hand):
            if self._bolt_check is not None:
                self._bolt_check.cancel()
            self._bolt_check = None
        elif self._bolt_check is None and self._stuck_at is None:
            self._bolt_check = self._scheduler.after(self._timings.bolt_within, self._bolt_sticks)

    def _bolt_sticks(self) -> None:
        self._bolt_check = None
        self._stuck_at = self._lines.released
        event = self._awaited[-1] if self._awaited else None
        where = "does not lock" if self._stuck_at else "does not unlock"
        self._alarms.sound(Alarm.BOLT_STUCK, ControllerEventKind.BOLT_STUCK, event, where)
