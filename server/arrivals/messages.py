"""What the worker does for arrivals: it takes what OwnTracks apps write at the broker, and forgets in time."""

from datetime import timedelta

from access_protocol import topics
from server.arrivals import leaving, owntracks, trackers, walk_ins
from server.kernel.desk import Desk, Malformed
from server.kernel.work import Work

SETTLED_EVERY = timedelta(seconds=5)
FORGOTTEN_EVERY = timedelta(minutes=1)
CHECKED_OUT_EVERY = timedelta(minutes=1)


def register(desk: Desk) -> None:
    """Take OwnTracks' messages, and do on time what arrivals need."""
    for each in topics.of_all_trackers():
        desk.takes(each, topics.tracker, _tracked)
    desk.every(SETTLED_EVERY, "who stayed within a fence", owntracks.settle)
    desk.every(FORGOTTEN_EVERY, "forget the apps of visits that are over", trackers.forget_ended)
    desk.every(timedelta(hours=1), "forget old walk-ins", walk_ins.forget_old)
    desk.every(CHECKED_OUT_EVERY, "check out whom nobody saw leave", leaving.check_out_unseen)


def _tracked(work: Work, name: str, payload: bytes) -> None:
    tracker = trackers.named(work, name)
    if tracker is None:
        raise Malformed("no visitor's app, or not any more")
    owntracks.received(work, tracker, payload)
