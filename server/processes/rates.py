"""How many messages each device may send: a token bucket each, because the broker cannot limit rates."""

import time
from collections.abc import Callable
from dataclasses import dataclass

A_SECOND = 20.0
"""What a device may send for long. A gate that is well sends one in a few seconds."""
AT_ONCE = 1000.0
"""What it may send after a quiet time: a journal of 100,000 entries that waited, a door's 256 events."""


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


class Rates:
    """Told of each message; for one thread. `moment` counts seconds."""

    def __init__(
        self,
        a_second: float = A_SECOND,
        at_once: float = AT_ONCE,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with every bucket full."""
        self._a_second, self._at_once, self._moment = a_second, at_once, moment
        self._buckets: dict[str, _Bucket] = {}

    def allows(self, device: str) -> bool:
        """Take one message of a device; False where it has sent too many."""
        now = self._moment()
        bucket = self._buckets.setdefault(device, _Bucket(self._at_once, now))
        fresh = (now - bucket.filled_at) * self._a_second
        bucket.tokens, bucket.filled_at = min(self._at_once, bucket.tokens + fresh), now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True
