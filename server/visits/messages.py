"""What the worker does for visits on time: the passes of series go out before each date."""

from datetime import timedelta

from server.kernel.desk import Desk
from server.visits import series_letters

REMINDERS_EVERY = timedelta(minutes=1)


def register(desk: Desk) -> None:
    """Say what the worker does."""
    desk.every(REMINDERS_EVERY, "mail the passes of series", series_letters.remind)
