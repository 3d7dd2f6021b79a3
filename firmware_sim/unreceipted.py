"""The events that a controller keeps in RAM until the server says that it has stored them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from access_protocol.events import ControllerEvent, EventReceipt

EVENTS_KEPT = 256
"""Events without a receipt; then the oldest goes, and its number is missed."""
AGAIN_AFTER = timedelta(seconds=10)
"""How long a receipt is waited for before an event is told again."""
AT_A_TIME = 32
"""Events told in one go, so that their receipts do not fill the inbox."""
AGAIN_AT_A_TIME = 10
"""Events told again in a second: half of what the server takes from one device for long."""


@dataclass(slots=True)
class _Kept:
    event: ControllerEvent
    told_at: timedelta | None = None


class Unreceipted:
    """Events of one boot in the order in which they happened; for the loop alone."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: dict[int, _Kept] = {}
        self.dropped = 0

    def __len__(self) -> int:
        """How many have no receipt."""
        return len(self._kept)

    def keep(self, event: ControllerEvent) -> None:
        """Keep a new one; where there is no room, the oldest is gone and counted."""
        if len(self._kept) >= EVENTS_KEPT:
            del self._kept[next(iter(self._kept))]
            self.dropped += 1
        self._kept[event.sequence] = _Kept(event)

    def receipted(self, receipt: EventReceipt) -> None:
        """The server has it. A receipt for another boot, or a second one, changes nothing."""
        kept = self._kept.get(receipt.sequence)
        if kept is not None and kept.event.boot == receipt.boot:
            del self._kept[receipt.sequence]

    def connection_is_new(self) -> None:
        """Nobody knows what of the told ones arrived: all are to be told again, the oldest first."""
        for kept in self._kept.values():
            kept.told_at = None

    def untold(self) -> Iterator[ControllerEvent]:
        """Those to be told now, in order, at most `AT_A_TIME`."""
        waiting = [kept.event for kept in self._kept.values() if kept.told_at is None]
        yield from waiting[:AT_A_TIME]

    def overdue(self, now: timedelta) -> Iterator[ControllerEvent]:
        """Those whose receipt did not come in time, the one told longest ago first."""
        overdue = [
            (kept.told_at, sequence)
            for sequence, kept in self._kept.items()
            if kept.told_at is not None and now - kept.told_at >= AGAIN_AFTER
        ]
        for _, sequence in sorted(overdue)[:AGAIN_AT_A_TIME]:
            if (kept := self._kept.get(sequence)) is not None:
                yield kept.event

    def told(self, event: ControllerEvent, now: timedelta) -> None:
        """The broker was given it; its receipt may have come already."""
        if (kept := self._kept.get(event.sequence)) is not None:
            kept.told_at = now
