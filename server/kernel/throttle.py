"""Slows down guessing: after a few failures a key (an account, an address) must wait longer and longer."""

from datetime import datetime, timedelta

from sqlalchemy import BigInteger
from sqlmodel import Field, col, delete, select

from server.kernel.database import Record
from server.kernel.errors import TooMany
from server.kernel.upsert import insert_once
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
    # A row to lock is there before it is read: a whole office signs in from one address at nine.
    insert_once(work.session, Throttle, key=key, failures=0, last_failure=work.now)
    entry = work.session.exec(
        select(Throttle)
        .where(Throttle.key == key)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if work.now - entry.last_failure > FORGOTTEN_AFTER:
        entry.failures = 0
    entry.failures += 1
    entry.last_failure = work.now
    over = entry.failures - free
    entry.blocked_until = None
    if over >= 0:
        entry.blocked_until = work.now + min(LONGEST_WAIT, timedelta(seconds=2 ** min(over, 10)))


def succeeded(work: Work, key: str) -> None:
    """Forget the failures of a key, unless somebody else just did."""
    work.session.exec(delete(Throttle).where(col(Throttle.key) == key))


def forget_old(work: Work) -> None:
    """Delete what counts no longer; a timer calls it, for anybody can try any address."""
    old = col(Throttle.last_failure) < work.now - FORGOTTEN_AFTER
    work.session.exec(delete(Throttle).where(old))
