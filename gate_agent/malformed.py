"""Counts messages that could not be used, and says so once a minute for each sender."""

import threading
import time
from collections.abc import Callable

from gate_agent.logs import Log

_QUIET_SECONDS = 60.0
_MOST_SENDERS = 1000

log = Log(__name__)


class MalformedMessages:
    """Several threads may share it."""

    def __init__(self, *, moment: Callable[[], float] = time.monotonic) -> None:
        """`moment` counts seconds."""
        self._moment = moment
        self._lock = threading.Lock()
        self._said: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}
        self._count = 0

    @property
    def count(self) -> int:
        """How many there were since the start."""
        return self._count

    def add(self, sender: str, why: str) -> None:
        """Count one from `sender`."""
        now = self._moment()
        with self._lock:
            self._count += 1
            self._unsaid[sender] = self._unsaid.get(sender, 0) + 1
            if now < self._said.get(sender, float("-inf")) + _QUIET_SECONDS:
                return
            if len(self._said) >= _MOST_SENDERS:
                self._said.clear()
                self._unsaid = {sender: self._unsaid[sender]}
            self._said[sender] = now
            messages = self._unsaid.pop(sender)
        log.warning("malformed_message", sender=sender, why=why[:200], messages=messages)
