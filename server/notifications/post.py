"""How a sender says why it could not deliver: one reason of the closed list, and a few words without secrets."""

from datetime import timedelta

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
