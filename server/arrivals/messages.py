"""What the worker does for arrivals."""

from datetime import timedelta

from server.arrivals import crossings
from server.kernel.desk import Desk

FORGOTTEN_EVERY = timedelta(minutes=10)


def register(desk: Desk) -> None:
    """Do on time what arrivals need."""
    desk.every(FORGOTTEN_EVERY, "forget how visitors came", crossings.forget_watches)
