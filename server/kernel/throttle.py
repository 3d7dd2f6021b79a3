"""Slows down guessing: after a few failures a key (an account, an address) must wait longer and longer."""

from datetime import datetime, timedelta

from sqlalchemy import BigInteger
from sqlmodel import Field

from server.kernel.database import Record
from server.kernel.errors import TooMany
from server.kernel.work import Work

FREE_FAILURES = 5
"""Failures before the first wait: people mistype."""
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)


class Throttle(Record, table=True):
    """How often a key failed of late."""

    __tablename__ = "kernel_throttle"  # pyright: ignore[reportAssignmentType]

    key: str = Field(primary_key=True, max_length=320)
    failures: int = Field(default=0, sa_type=BigInteger)
    last_failure: datetime
    blocked_until: datetime | None = None


def check(work: Work, key: str) -> None:
    """Raise `TooMany` while the key has to wait."""
    entry = work.session.get(Throttle, key)
    if entry and entry.blocked_until and entry.blocked_until > work.now:
        wait = entry.blocked_until - work.now
        seconds = int(wait.total_seconds()) + 1
        raise TooMany(f"Too many failed attempts. Please try again in {seconds} seconds.", wait)


def failed(work: Work, key: str, free: int = FREE_FAILURES) -> None:
    """Count a failure; the wait doubles with each one after the first `free`."""
    entry = work.session.get(Throttle, key, with_for_update=True)
    if entry is None or work.now - entry.last_failure > FORGOTTEN_AFTER:
        entry = work.session.merge(Throttle(key=key, last_failure=work.now))
        entry.failures = 0
    entry.failures += 1
    entry.last_failure = work.now
    over = entry.failures - free
    entry.blocked_until = None
    if over >= 0:
        entry.blocked_until = work.now + min(LONGEST_WAIT, timedelta(seconds=2 ** min(over, 10)))


def succeeded(work: Work, key: str) -> None:
    """Forget the failures of a key."""
    entry = work.session.get(Throttle, key)
    if entry is not None:
        work.session.delete(entry)
