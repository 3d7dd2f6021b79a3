"""The room opens for visitor and host alike; that and when they met follows from what its door reported."""

from datetime import datetime, timedelta
from typing import Any

from demo.acts.invitation import BEGAN
from demo.cast import DOOR, OUT_OF_ROOM, ROOM, Cast
from demo.timeline import StepFailedError

_MINUTE = timedelta(minutes=1)


def is_entered(cast: Cast) -> None:
    """Let the visitor in, then the host, each with the pass of their own phone; the meeting starts."""
    first = cast.shows_pass(ROOM, cast.visitor, "full")
    came_in = cast.ledger.reported(first, DOOR, "opened")
    cast.timeline.happened("the same pass opens the room’s door; the door reported that it opened")
    host = cast.shows_pass(ROOM, cast.host_phone, "full", after=first["event"])
    met = cast.ledger.reported(host, DOOR, "opened")
    cast.timeline.happened("the host’s own phone opens it as well: staff carry a pass, too")
    meeting = cast.waits("the start of the meeting", lambda: _started(cast))
    _is_as_the_door_said(cast, meeting, came_in, met)


def ends(cast: Cast) -> None:
    """Let both go out, read inside the door."""
    out = cast.shows_pass(OUT_OF_ROOM, cast.visitor, "full")
    cast.ledger.reported(out, DOOR, "opened")
    last = cast.shows_pass(OUT_OF_ROOM, cast.host_phone, "full", after=out["event"])
    cast.ledger.reported(last, DOOR, "opened")
    meeting = cast.waits("the end of the meeting", lambda: _ended(cast))
    left = datetime.fromisoformat(meeting["ended"]["at"])
    cast.timeline.happened(
        f"both went out; the meeting ended at {left.astimezone():%H:%M:%S}, by the door’s own word"
    )


def _record(cast: Cast) -> dict[str, Any]:
    found: dict[str, Any] = cast.host.get(f"/api/v1/meetings/{cast.visit['id']}")
    return found


def _started(cast: Cast) -> dict[str, Any] | None:
    meeting = _record(cast)
    return meeting if meeting["started"] else None


def _ended(cast: Cast) -> dict[str, Any] | None:
    meeting = _record(cast)
    return meeting if meeting["ended"] else None


def _is_as_the_door_said(
    cast: Cast, meeting: dict[str, Any], came_in: datetime, met: datetime
) -> None:
    """Hold the record against the ledger, to the second."""
    visitor = cast.visit["visitors"][0]["id"]
    (part,) = (each for each in meeting["participants"] if each["visitor"] == visitor)
    began = datetime.fromisoformat(cast.visit["starts_at"])
    _agree("the visitor came in", part["entered"]["at"], came_in)
    _agree("the meeting started", meeting["started"]["at"], met)
    late = timedelta(seconds=meeting["late_s"])
    _agree("it is late", (began + late).isoformat(), met)
    if late < BEGAN:
        raise StepFailedError(f"the meeting started {late} after its time")
    cast.timeline.happened(
        f"the meeting started {late // _MINUTE} min late, by the door’s own word "
        f"({meeting['started']['certainty']})"
    )


def _agree(what: str, recorded: str, reported: datetime) -> None:
    """Raise `StepFailedError` unless two times are the same second."""
    if int(datetime.fromisoformat(recorded).timestamp()) != int(reported.timestamp()):
        raise StepFailedError(f"{what} at {recorded} by the record, at {reported} by the ledger")
