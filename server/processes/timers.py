"""Runs what is due at intervals, on the one worker that leads."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from server.kernel.desk import Timer
from server.kernel.leader import Leadership
from server.kernel.principal import Principal
from server.kernel.work import Office

log = structlog.get_logger(__name__)

LOOKED_EVERY = timedelta(seconds=1)
RENEWED_EVERY = timedelta(seconds=5)


class Timers(threading.Thread):
    """One thread that leads, or waits to lead."""

    def __init__(self, office: Office, timers: Sequence[Timer], holder: str) -> None:
        """Take the timers of all subjects; `holder` names this worker."""
        super().__init__(name="timers", daemon=True)
        self._office, self._timers = office, timers
        self._leadership = Leadership(office, "timers", holder)
        self._stopping = threading.Event()
        self._leading = False
        self._asked_at: datetime | None = None
        self._due: dict[str, datetime] = {}

    def run(self) -> None:
        """Run what is due until stopped."""
        while not self._stopping.is_set():
            try:
                self.round()
            except SQLAlchemyError:
                log.exception("the lead could not be renewed")
                self._leading = False
            self._stopping.wait(LOOKED_EVERY.total_seconds())

    def stop(self) -> None:
        """Finish the running job and give the lead away."""
        self._stopping.set()
        if self.is_alive():
            self.join(10)
        if self._leading:
            self._leadership.release()

    def round(self) -> None:
        """Renew the lead where that is due, then run each job whose time has come."""
        now = self._office.clock.now()
        if self._asked_at is None or now - self._asked_at >= RENEWED_EVERY:
            self._leading, self._asked_at = self._leadership.held(), now
        if not self._leading:
            return
        for timer in self._timers:
            if self._due.get(timer.name, now) <= now:
                self._due[timer.name] = now + timer.every
                self._do(timer)

    def _do(self, timer: Timer) -> None:
        try:
            with self._office.begin(Principal.system(timer.name)) as work:
                timer.job(work)
        except Exception:
            # One failing job must not stop the others; it is tried again at its next time.
            log.exception("a timer failed", timer=timer.name)
