"""The host's page: at home on a phone and installable; who comes, where they are, and what to do about it."""

from typing import NamedTuple

from flask import Blueprint, Flask, Response, request, url_for

from server.arrivals import actions as arrivals
from server.kernel.request import reading
from server.pages.thresholds import for_staff
from server.web.languages import gettext

blueprint = Blueprint("host", __name__, url_prefix="/host", template_folder="templates")

OPEN_TO_ALL = frozenset(
    {"host.service_worker", "host.pass_worker", "host.manifest", "host.offline"}
)
"""What a browser fetches by itself, and what holds nothing personal."""
for_staff(blueprint, open_to_all=OPEN_TO_ALL)


class Place(NamedTuple):
    """One entry of the bar under the thumb."""

    word: str
    icon: str
    url: str
    here: bool
    waiting: int = 0


def install(app: Flask) -> None:
    """Add every page of the host to the application; after the panel, whose form of a visit it uses."""
    # Importing them adds their views to the blueprint.
    from server.pages.host import (  # noqa: PLC0415
        alerts,
        approvals,
        chat,
        installed,
        invite,
        meeting,
        pass_,
        today,
        visit,
    )

    del alerts, approvals, chat, installed, invite, meeting, pass_, today, visit
    app.add_template_global(places, "host_places")
    app.register_blueprint(blueprint)


@blueprint.after_request
def keep_to_oneself(response: Response) -> Response:
    """Leave no page with names in it in a cache, whatever stands between here and the phone."""
    if request.endpoint not in OPEN_TO_ALL:
        response.headers["Cache-Control"] = "no-store"
    return response


def waiting_for_me() -> int:
    """Return how many people wait for this person's yes or no."""
    with reading() as work:
        return len(arrivals.list_asked(work)) + len(arrivals.list_walk_ins(work))


def places() -> list[Place]:
    """Return where one can go from here."""
    from server.pages.host import chat  # noqa: PLC0415  it adds its views to the blueprint above

    here = str(request.endpoint or "").removeprefix("host.")
    waiting = {"host.approvals": waiting_for_me, "host.chats_of_mine": chat.unread_for_me}
    every = (
        (gettext("Today"), "today", "host.today", {"today", "visit", "meeting", "correct_meeting"}),
        (gettext("Visits"), "visits", "host.visits", {"visits", "change_visit", "cancel_visit"}),
        (gettext("Invite"), "add", "host.new_visit", {"new_visit"}),
        (gettext("Pass"), "key", "host.my_pass", {"my_pass", "show_pass"}),
        (gettext("Approve"), "approve", "host.approvals", {"approvals"}),
        (gettext("Chat"), "message", "host.chats_of_mine", {"chats_of_mine", "chat"}),
        (gettext("Alerts"), "bell", "host.alerts", {"alerts"}),
    )
    return [
        Place(
            word,
            icon,
            url_for(endpoint),
            here in shown_by,
            waiting[endpoint]() if endpoint in waiting else 0,
        )
        for word, icon, endpoint, shown_by in every
    ]
