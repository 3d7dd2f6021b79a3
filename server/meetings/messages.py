"""What the worker does on time for meetings."""

from server.kernel.desk import Desk
from server.meetings import noting


def register(desk: Desk) -> None:
    """Let meetings be looked at as time passes."""
    desk.every(noting.LOOKED_EVERY, "meetings that begin, end or are missed", noting.note_due)
