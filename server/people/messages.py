"""What the worker does for people on time: end sessions that are over, forget old failures."""

from datetime import timedelta

from server.kernel import throttle
from server.kernel.desk import Desk
from server.people.actions import end_old_sessions


def register(desk: Desk) -> None:
    """Forget old sessions and failures; people send no messages over MQTT."""
    desk.every(timedelta(hours=1), "end old sessions", end_old_sessions)
    desk.every(timedelta(hours=1), "forget old failures to sign in", throttle.forget_old)
