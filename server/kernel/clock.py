"""Where the time comes from: the system's clock, or one that a test or the demo sets by hand."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Protocol

from pydantic import AfterValidator, AwareDatetime


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC).replace(microsecond=0)
    except (OverflowError, ValueError) as error:
        raise ValueError("is too far away") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment that somebody sends (RFC 3339 with a zone), in UTC and whole seconds."""


class Clock(Protocol):
    """Gives the present moment, always aware and in UTC."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        """Start at `start`, which must carry a time zone."""
        self._now = self._in_utc(start)

    def now(self) -> datetime:
        """Return the moment at which the clock was last set."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock on; a negative step moves it back, as a corrected clock would."""
        self._now += by

    def set(self, to: datetime) -> None:
        """Set the clock to an aware moment."""
        self._now = self._in_utc(to)

    @staticmethod
    def _in_utc(moment: datetime) -> datetime:
        if moment.tzinfo is None:
            raise ValueError(
                "a clock needs an aware moment, for example datetime(2026, 4, 1, tzinfo=UTC)"
            )
        return moment.astimezone(UTC)
