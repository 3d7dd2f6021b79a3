"""The sections about the appointment: who, when, where and what for, and what happens on the day."""

from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting
from server.web.languages import gettext


def section(now: Visiting) -> Shown:
    """Return the facts of the visit."""
    visit, names = now.visit, now.names
    return Shown(
        {
            "host": names.person(visit.host),
            "room": names.room(visit.room),
            "site_name": names.site(visit.site),
            "address": names.address(visit.site),
            "purpose": visit.title,
            "note": visit.note,
            "starts_at": visit.starts_at,
            "ends_at": visit.ends_at,
        }
    )


def steps(now: Visiting) -> Shown | None:
    """Return what happens on the day, step by step."""
    if not now.counts:
        return None
    visit, names = now.visit, now.names
    room = names.room(visit.room)
    return Shown(
        {
            "steps": [
                gettext(
                    "Come to the entrance at the time of your visit. There is no desk to report to."
                ),
                gettext("Hold the code before the reader at the gate. The gate opens by itself."),
                gettext("Go on to %(room)s. The same code opens the room.", room=room)
                if room
                else gettext("%(host)s will meet you inside.", host=names.person(visit.host)),
            ]
        }
    )
