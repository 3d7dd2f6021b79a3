"""The way out, thanks and the survey; and everything that was written down agrees."""

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
    cast.waits("the comment", lambda: _COMMENT in cast.admin.page("/panel/survey") or None)
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
