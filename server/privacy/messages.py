"""What the worker does for privacy: the daily run of the retention, and wiping what was deleted out of the file."""

from datetime import timedelta

from server.kernel import wiping
from server.kernel.desk import Desk
from server.kernel.work import Work
from server.privacy import actions, models

LOOKED_EVERY = timedelta(minutes=15)
RUN_EVERY = timedelta(days=1)


def register(desk: Desk) -> None:
    """Say what the worker does."""
    desk.sends(wiping.KIND, wiping.Wiper(desk.office))
    desk.every(LOOKED_EVERY, "delete what is kept no longer", daily)


def daily(work: Work) -> None:
    """Run the retention where the latest run lies a day back; restarts make it neither rarer nor more often."""
    latest = models.latest_runs(work.session, 1)
    if not latest or work.now - latest[0].began_at >= RUN_EVERY:
        actions.run(work, "timer")
