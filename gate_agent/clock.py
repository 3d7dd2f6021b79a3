"""The gate's clock: what time it is, and whether that can be trusted.

Trusted when the kernel is synchronised, when a battery clock is declared, or when the server's signed answer
was heard since the start. That answer, to a question of the gate's own, is the strongest witness: it wins where
the machine's clock says something else, and without it no clock counts that stands before the floor, which is
the newest decision that a trusted clock made.
"""

import ctypes
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from gate_agent.logs import Log

_FLOOR_TOLERANCE = timedelta(seconds=2)
"""A synchronised clock may be set back by this much without being wrong."""
_LONGEST_WAY = timedelta(seconds=10)
"""No answer that is believed is older than this."""
DISAGREEMENT = timedelta(seconds=60)
"""A machine's clock that is off the server's by more is wrong, whoever set it."""
_STA_UNSYNC = 0x40
_TIME_ERROR = 5


log = Log(__name__)


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
        """The server answered this gate's own question just now; it signed its answer at this time."""
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
        forget_floor: Callable[[], None] = lambda: None,
        synchronised: Callable[[], bool] = kernel_is_synchronised,
        system: Callable[[], datetime] = system_time,
        counting: Callable[[], float] = monotonic,
    ) -> None:
        """`floor` is the time of the newest decision by a trusted clock; `counting` counts seconds.

        `forget_floor` is called where the server says that the floor was made by a clock that was wrong.
        """
        self._battery_clock = battery_clock
        self._floor = floor
        self._forget_floor = forget_floor
        self._synchronised = synchronised
        self._system = system
        self._counting = counting
        self._server: tuple[datetime, float] | None = None

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

        The answer that was shortest on its way tells the time best, so that a slower one does not set the
        clock back. More than the longest way behind: the server itself was set back.
        """
        said = (issued, self._counting())
        behind = timedelta() if self._server is None else self._since(self._server) - issued
        if not timedelta() < behind <= _LONGEST_WAY:
            self._server = said
        floor = self._floor()
        if floor is not None and self._since(self._server or said) < floor - DISAGREEMENT:
            # Some clock ran ahead while it was trusted. Its floor would shut the gate until then.
            log.warning("clock_was_ahead", floor=floor.isoformat(), server=issued.isoformat())
            self._forget_floor()
        if self._system_set() and not self._system_counts():
            log.warning(
                "clock_disagrees", here=self._system().isoformat(), server=issued.isoformat()
            )

    def _system_set(self) -> bool:
        return self._battery_clock or self._synchronised()

    def _system_counts(self) -> bool:
        """Tell whether the machine's clock was set, and does not contradict the server."""
        if not self._system_set():
            return False
        return self._server is None or (
            abs(self._system() - self._since(self._server)) <= DISAGREEMENT
        )

    def _reading(self) -> datetime:
        if self._server is not None and not self._system_counts():
            return self._since(self._server)
        return self._system()

    def _since(self, said: tuple[datetime, float]) -> datetime:
        """Return the time now by what the server said then."""
        issued, heard_at = said
        return issued + timedelta(seconds=self._counting() - heard_at)
