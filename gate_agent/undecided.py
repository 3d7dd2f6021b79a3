"""Counts presentations that were not decided on, and says so once a minute."""

import threading

from access_protocol.ids import AccessPointId
from gate_agent.logs import Log

SAID_EVERY_S = 60.0
SHOWN_EVERY_S = 2.0
"""So that a screen full of forgeries fills neither the gate's screen nor whatever keeps its lines."""

log = Log(__name__)


class Undecided:
    """Of one access point; several threads may share it. Moments are seconds of one clock."""

    def __init__(self, point: AccessPointId) -> None:
        """Nothing was counted yet."""
        self._point = point
        self._lock = threading.Lock()
        self._unsaid = 0
        self._say_due = self._show_due = float("-inf")

    def add(self, moment: float) -> bool:
        """Count one, and tell whether to ask for patience on the screen."""
        with self._lock:
            self._unsaid += 1
            if moment < self._show_due:
                return False
            self._show_due = moment + SHOWN_EVERY_S
            return True

    def tick(self, moment: float) -> None:
        """Log the count where a minute is over."""
        with self._lock:
            count = self._unsaid
            if not count or moment < self._say_due:
                return
            self._unsaid, self._say_due = 0, moment + SAID_EVERY_S
        log.warning("too_many_forged", access_point=self._point, not_decided=count)
