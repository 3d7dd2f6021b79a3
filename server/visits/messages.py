"""What the worker does for visits on time: passes of series before each date, and thanks after the end."""

from datetime import timedelta

from server.kernel.desk import Desk
from server.visits import leaving, series_letters

REMINDERS_EVERY = timedelta(minutes=1)
THANKED_EVERY = timedelta(minutes=1)


def register(desk: Desk) -> None:
    """Say what the worker does."""
    desk.every(REMINDERS_EVERY, "mail the passes of series", series_letters.remind)
    desk.every(THANKED_EVERY, "thank those who left early", leaving.thank_due)
