"""Live notices: tell every open page that something it shows has changed.

A notice has a topic and small plain details, never names: pages fetch the changed fragment again, with their own
rights. The worker publishes it, the live process hands it to browsers as `event: <topic>`.
"""

from datetime import timedelta

from server.kernel import outbox
from server.kernel.work import Work

KIND = "live"
KEPT = timedelta(seconds=30)
"""A notice older than this tells nothing: pages that reconnect load everything anew."""


def notice(work: Work, topic: str, **details: str | int | bool) -> None:
    """Tell open pages of a change: `live.notice(work, "doors", site="TYO", portal="main-gate")`."""
    outbox.post(work, KIND, topic, details, deadline=work.now + KEPT)
