"""How a sender says why it could not deliver: one reason of the closed list, and a few words without secrets."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from server.kernel.outbox import SendFailed
from server.notifications.kinds import Failure

LONGEST_RETRY = timedelta(minutes=2)
"""After an outage a host is told this late at most: who stands at the door cannot wait ten minutes."""


def failed(
    failure: Failure, why: str, *, final: bool = False, again_in: timedelta | None = None
) -> SendFailed:
    """Return the error that a sender raises."""
    return SendFailed(
        f"{failure}: {why}", final=final, again_in=again_in, longest_retry=LONGEST_RETRY
    )


def failure_in(error: str) -> tuple[Failure, str]:
    """Return reason and words of an error that `failed` made; any other error is `OTHER`."""
    reason, colon, why = error.partition(": ")
    if colon and reason in set(Failure):
        return Failure(reason), why
    return Failure.OTHER, error


def asked_to_wait(headers: Mapping[str, str], now: datetime | None = None) -> timedelta:
    """Return how long an answer asks to wait before the next try: seconds or a date (RFC 9110, 10.2.3)."""
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return timedelta(seconds=min(int(said[:9]), 86_400))
    try:
        return max(timedelta(), parsedate_to_datetime(said) - (now or datetime.now(UTC)))
    except (ValueError, TypeError):
        return timedelta()
