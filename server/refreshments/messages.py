"""What the worker does for refreshments: it ends orders that took too long."""

from server.kernel.desk import Desk
from server.refreshments import settling


def register(desk: Desk) -> None:
    """Look in time after vouchers that ran out and machines that fell silent."""
    desk.every(settling.EVERY, "drinks overdue", settling.overdue)
