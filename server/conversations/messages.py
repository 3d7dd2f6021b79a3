"""What the worker does for conversations: reception takes over in time, groups hear of surveys, stray files go."""

from datetime import timedelta

from server.conversations import calls, handing, models, store, surveys
from server.kernel.desk import Desk
from server.kernel.work import Work


def register(desk: Desk) -> None:
    """Do on time what conversations need."""
    desk.every(timedelta(seconds=5), "hand unanswered chats to reception", handing.pass_on_overdue)
    desk.every(timedelta(seconds=5), "end calls that nobody answers", calls.settle_over_time)
    desk.every(timedelta(minutes=1), "tell groups of changed answers", surveys.tell_waiting)
    desk.every(timedelta(hours=1), "delete files of no conversation", _remove_orphans)


def _remove_orphans(work: Work) -> None:
    store.remove_orphans(work.settings.data_folder, models.stored_names(work.session))
