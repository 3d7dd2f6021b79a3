"""The way out, thanks and the survey; and everything that was written down agrees."""

from datetime import datetime

from demo.cast import DOOR, EXIT, FRONT, MACHINE, TURNSTILE, Cast
from demo.timeline import StepFailedError

PASSAGES = 8
REFUSALS = {
    "bad_signature",
    "expired",
    "presentation_out_of_time",
    "revoked",
    "use_phone",
    "voucher_spent",
    "wrong_zone",
}
"""What a whole play leaves in the ledger: grants, and why others were refused."""
TOLD = {
    "check_in",
    "check_out",
    "coming",
    "door",
    "drink",
    "invitation",
    "meeting",
    "passage",
    "phone",
    "survey",
    "terms",
    "visit",
}
"""What the timeline of the whole visit tells of."""
_BEST = 5
_COMMENT = "The drink was a lovely idea."


def leaves(cast: Cast) -> None:
    """Go out through the gate; the visit is over."""
    event = cast.shows_pass(EXIT, cast.visitor, "short")
    cast.ledger.reported(event, TURNSTILE, "passed")
    cast.timeline.happened("the exit is read as well: the visitor is checked out")
    cast.visitor.sees_visit()
    cast.visitor.reads("Thank you for your visit")


def is_asked(cast: Cast) -> None:
    """Answer the survey, and see that it arrived."""
    cast.visitor.answers_the_survey(_BEST, _COMMENT)
    cast.waits("the comment", lambda: _said(cast))
    cast.timeline.happened(
        "the survey is answered; its comment reaches the group that is responsible"
    )


def agrees(cast: Cast) -> None:
    """Hold the ledger against what the controllers themselves reported."""
    events = cast.ledger.everything()
    granted = {event["event"] for event in events if event["granted"]}
    moved = cast.ledger.moved([FRONT, TURNSTILE, MACHINE, DOOR])
    if moved != granted:
        raise StepFailedError(f"granted {sorted(granted)}, but moved {sorted(moved, key=str)}")
    if cast.guard.get("/api/v1/access/alarms")["items"]:
        raise StepFailedError("the ledger raised an alarm")
    denied = [event for event in events if not event["granted"]]
    reasons = {event["reason"] for event in denied}
    if len(granted) != PASSAGES or reasons != REFUSALS:
        raise StepFailedError(f"{len(granted)} granted, and denied for {sorted(reasons)}")
    cast.timeline.happened(
        f"{len(granted)} granted, {len(denied)} denied, each stored once; the controllers moved "
        f"for exactly the {len(granted)} granted; the hash chain holds"
    )


def tells_the_same(cast: Cast) -> None:
    """Hold the timeline of the visit against the ledger and the record of the meeting, to the second."""
    lines = cast.host.get(f"/api/v1/visits/{cast.visit['id']}/timeline")["items"]
    missing = TOLD - {line["kind"] for line in lines}
    if missing:
        raise StepFailedError(f"the timeline does not tell of {sorted(missing)}")
    told = {(line["kind"], _second(line["at"])) for line in lines}
    known = cast.visitor.known
    doors = [each for each in cast.ledger.everything() if each["credential"] == known]
    meeting = cast.host.get(f"/api/v1/meetings/{cast.visit['id']}")
    expected = {("door", _second(each["at"])) for each in doors}
    expected |= {("meeting", _second(meeting[what]["at"])) for what in ("started", "ended")}
    if expected - told:
        raise StepFailedError(f"not in the timeline: {sorted(expected - told)}")
    cast.timeline.happened(
        f"the timeline of the visit has {len(lines)} lines; ledger, meeting and timeline agree to the second"
    )


def _second(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp())


def _said(cast: Cast) -> bool | None:
    site = cast.site["site"]
    items = cast.admin.get(f"/api/v1/sites/{site}/survey")["items"]
    return [(each["score"], each["comment"]) for each in items] == [(_BEST, _COMMENT)] or None
