"""The gate's clock: what time it is, and whether that can be trusted.

Trusted when the kernel is synchronised, when a battery clock is declared, or when the server's
signed time was heard since the start. The floor is the newest decision that was journaled by a
trusted clock: a clock that stands before it is wrong.
"""

import ctypes
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

_FLOOR_TOLERANCE = timedelta(seconds=2)
"""A synchronised clock may be set back by this much without being wrong."""
_LONGEST_WAY = timedelta(seconds=10)
"""By more than this no document is late, unless something held it up."""
_STA_UNSYNC = 0x40
_TIME_ERROR = 5


class Clock(Protocol):
    """What the agent asks about time."""

    def now(self) -> datetime:
        """The time as well as it is known, aware, in UTC."""
        ...

    @property
    def trusted(self) -> bool:
        """Whether credentials with a time limit may be judged by it."""
        ...

    def server_said(self, issued: datetime) -> None:
        """A new signed time document came just now, which was issued at this time."""
        ...


class _Timex(ctypes.Structure):
    """The beginning of struct timex (adjtimex(2)); the rest is room for what the kernel writes."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def kernel_is_synchronised() -> bool:
    """Ask the kernel whether something (NTP, PTP, a GPS receiver) keeps its clock right."""
    timex = _Timex()
    try:
        answer: int = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return False
    unsynchronised = bool(int(timex.status) & _STA_UNSYNC)
    return answer >= 0 and answer != _TIME_ERROR and not unsynchronised


def monotonic() -> float:
    """Seconds that also go on while the machine sleeps, where the system can tell them."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


def system_time() -> datetime:
    """What the machine's clock says."""
    return datetime.now(UTC)


class GateClock:
    """The gate's `Clock`."""

    def __init__(
        self,
        *,
        battery_clock: bool = False,
        floor: Callable[[], datetime | None] = lambda: None,
        synchronised: Callable[[], bool] = kernel_is_synchronised,
        system: Callable[[], datetime] = system_time,
        counting: Callable[[], float] = monotonic,
    ) -> None:
        """`floor` is the time of the newest decision by a trusted clock; `counting` counts seconds."""
        self._battery_clock = battery_clock
        self._floor = floor
        self._synchronised = synchronised
        self._system = system
        self._counting = counting
        self._server: tuple[datetime, float] | None = None
        self._held_up: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """See `Clock.now`; never before the floor, so that the journal's times do not run back."""
        reading = self._reading()
        floor = self._floor()
        return reading if floor is None else max(reading, floor)

    @property
    def trusted(self) -> bool:
        """See `Clock.trusted`."""
        if not (self._system_counts() or self._server):
            return False
        floor = self._floor()
        return floor is None or self._reading() >= floor - _FLOOR_TOLERANCE

    def server_said(self, issued: datetime) -> None:
        """See `Clock.server_said`.

        The document that was shortest on its way tells the time best, so that a later one does not
        set the clock back: it may have been held up, even for hours by a broker that was down. Only
        where the next one says the same, the server itself was set back.
        """
        said, held_up = (issued, self._counting()), self._held_up
        self._held_up = None
        behind = timedelta() if self._server is None else self._since(self._server) - issued
        if timedelta() < behind <= _LONGEST_WAY:
            return
        if behind > _LONGEST_WAY and not (
            held_up is not None and abs(issued - self._since(held_up)) <= _LONGEST_WAY
        ):
            self._held_up = said
            return
        self._server = said

    def _system_counts(self) -> bool:
        return self._battery_clock or self._synchronised()

    def _reading(self) -> datetime:
        if self._server is not None and not self._system_counts():
            return self._since(self._server)
        return self._system()

    def _since(self, said: tuple[datetime, float]) -> datetime:
        """Return the time now by what the server said then."""
        issued, heard_at = said
        return issued + timedelta(seconds=self._counting() - heard_at)
