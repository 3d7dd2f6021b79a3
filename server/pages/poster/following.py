"""What the pages behind a posted QR share for visitors and staff: what the phone sent, and what becomes of the door."""

from flask import request

from access_protocol.events import ControllerEventKind
from access_protocol.wording import Language
from server.access import actions as access
from server.access.models import CommandState, DoorCommand
from server.arrivals import actions as arrivals
from server.arrivals.models import Poster
from server.kernel.work import Work
from server.web import languages

LONGEST_TEXT = 400
_MEANS_OPEN = frozenset(
    {ControllerEventKind.UNLOCKED, ControllerEventKind.OPENED, ControllerEventKind.PASSED}
)


def presentation() -> tuple[str, ...]:
    """Return what the phone's key signed, where it did."""
    sent = request.form.get("presentation", "")
    return (sent,) if sent and len(sent) <= LONGEST_TEXT else ()


def is_there(work: Work, poster: Poster) -> bool:
    """Tell whether the phone says that it is within the fence; where it is is neither kept nor logged."""
    try:
        latitude, longitude, accuracy = (
            float(request.form[each]) for each in ("latitude", "longitude", "accuracy")
        )
    except (KeyError, ValueError):
        return False
    return arrivals.is_at_site(work, poster.site, latitude, longitude, accuracy)


def outcome(work: Work, command: DoorCommand) -> str:
    """Return waiting, open, denied, refused or silent; open is only what the controller reported."""
    if command.state is CommandState.DENIED:
        return "denied"
    if access.reported_of_opening(work, command) & _MEANS_OPEN:
        return "open"
    match command.state:
        case CommandState.WAITING | CommandState.DONE:
            # It obeyed, but has not said yet that it is open; after a while nobody waits for that any more.
            late = work.now > command.deadline and command.state is CommandState.DONE
            return "silent" if late else "waiting"
        case CommandState.REFUSED:
            return "refused"
        case _:
            return "silent"


def language_now() -> Language:
    """Return the language of this answer, as decisions are worded in it."""
    return Language(languages.current())
