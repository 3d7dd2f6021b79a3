"""When a gate asks the server for what is newer, and which answer it believes.

Every question has a nonce of its own; only the time document that repeats it, soon and once, is its answer.
All pauses vary by chance, so that gates which lost the broker together do not come back as one flood.
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom

from access_protocol.ids import NONCE_BYTES

ASK_EVERY_S = 60.0
ANSWERED_WITHIN_S = 10.0
"""A later answer could have been held back: it says nothing about now."""
FIRST_PAUSE_S = 5.0
"""After a question without an answer; the pauses double up to `ASK_EVERY_S`."""
AGAIN_AFTER_S = 2.0
"""How soon changes that were missed are asked for, at most once in this time."""
SPREAD_S = 3.0
"""Within so many seconds of a reconnect every gate asks and uploads, each at a moment of its own."""
_JITTER = 0.25
_MOST_OPEN = 4
"""While a long feed comes in parts, the next question goes out before the answer to the last is there."""

_chance = SystemRandom().random


def jittered(seconds: float, chance: float) -> float:
    """Return a pause that is longer or shorter by up to a quarter; `chance` lies between 0 and 1."""
    return seconds * (1 + _JITTER * (2 * chance - 1))


@dataclass(frozen=True, slots=True)
class _Question:
    nonce: bytes
    asked_at: float


class Asking:
    """Several threads may share it. `moment` counts seconds, `chance` gives numbers from 0 to 1."""

    def __init__(
        self,
        *,
        moment: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = _chance,
    ) -> None:
        """The first question is due at once."""
        self._moment = moment
        self._chance = chance
        self._lock = threading.Lock()
        self._open: deque[_Question] = deque(maxlen=_MOST_OPEN)
        self._asked_at = self._due = float("-inf")
        self._pause = FIRST_PAUSE_S
        self._answered = True
        self._more_at = float("inf")

    @property
    def due(self) -> bool:
        """Whether to ask now."""
        return self._moment() >= min(self._due, self._more_at)

    def ask(self) -> bytes:
        """Return the nonce of a question that is asked now."""
        with self._lock:
            now = self._moment()
            self._pause = FIRST_PAUSE_S if self._answered else min(self._pause * 2, ASK_EVERY_S)
            self._answered = False
            self._asked_at, self._more_at = now, float("inf")
            self._due = now + jittered(self._pause, self._chance())
            self._open.append(_Question(secrets.token_bytes(NONCE_BYTES), now))
            return self._open[-1].nonce

    def is_answer(self, nonce: bytes, arrived: float | None = None) -> bool:
        """Tell, once, whether one of the last questions waits for this answer, which arrived then (now: None).

        An answer to a question before one that was answered says nothing new.
        """
        with self._lock:
            now = self._moment()
            asked = [one for one in self._open if secrets.compare_digest(one.nonce, nonce)]
            if not asked:
                return False
            while self._open.popleft() is not asked[0]:
                pass
            if (now if arrived is None else arrived) - asked[0].asked_at > ANSWERED_WITHIN_S:
                return False
            self._answered = True
            self._due = now + jittered(ASK_EVERY_S, self._chance())
            return True

    def more(self) -> None:
        """The server has more than it sent: ask at once."""
        self._more_at = self._moment()

    def missed(self) -> None:
        """Changes were lost on the way: ask soon, but not for each of them."""
        soon = self._asked_at + jittered(AGAIN_AFTER_S, self._chance())
        self._more_at = min(self._more_at, max(soon, self._moment()))

    def reconnected(self) -> None:
        """The broker is there again: ask at a moment of one's own."""
        with self._lock:
            self._open.clear()
            self._answered = True
            self._due = self._moment() + SPREAD_S * self._chance()
