"""The visitor comes near, scans the poster at the front door, and is in the entrance hall."""

import time
from datetime import timedelta

from demo.cast import FRONT, FRONT_SIDE, Cast
from demo.timeline import StepFailedError
from demo.visitor import shown_beside

TOLD_WITHIN = timedelta(seconds=10)
"""How soon after a crossing the host's mail must lie in the catcher; how soon it does is measured by the bench."""


def is_tried_from_home(cast: Cast) -> None:
    """Scan a photograph of the poster, far from the door, with a guessed code."""
    outcome = cast.visitor.scans(cast.site["poster"])
    if outcome != "denied":
        raise StepFailedError(f"a photographed poster: {outcome}")
    cast.timeline.refused(
        "a photograph of the poster, scanned at home: a guessed code opens nothing"
    )


def is_noticed(cast: Cast) -> None:
    """Say “I'm on my way”, and look whether the host is told: by mail, and on the open page."""
    host = next(each["email"] for each in cast.site["people"] if each["role"] == "host")
    known = _mails(cast, host)
    began = time.monotonic()
    cast.visitor.comes_near()
    cast.waits("the host’s alert", lambda: _mails(cast, host) > known or None)
    late = timedelta(seconds=time.monotonic() - began)
    if late > TOLD_WITHIN:
        raise StepFailedError(f"the host was told after {late.total_seconds():.2f} s")
    cast.timeline.happened(
        f"the visitor is on the way; the host is told after {late.total_seconds():.2f} s"
    )
    cast.host_phone.reads(cast.guest["name"])
    cast.timeline.happened("the host’s open page shows who comes")


def is_let_in(cast: Cast) -> None:
    """Scan the poster and the screen beside it, and follow the door to its end."""
    digits = shown_beside(cast.kiosk)
    cast.timeline.note(f"the screen beside the door shows {digits}, and another code soon")
    outcome = cast.visitor.scans(cast.site["poster"], digits)
    if outcome != "open":
        raise StepFailedError(f"at the front door: {outcome}")
    cast.timeline.happened(
        "the posted QR, the phone’s key and the code on the spot open the front door"
    )
    event = cast.ledger.decided(FRONT_SIDE, credential=cast.visitor.known)
    cast.ledger.reported(event, FRONT, "opened")
    cast.timeline.happened("the door reported that it was opened; the visitor is checked in")

    cast.way = cast.visitor.opens_the_way()
    cast.timeline.happened("the phone shows the way to Sakura: the plan, and each step in words")


def _mails(cast: Cast, address: str) -> int:
    return len(cast.admin.get("/api/v1/mails", recipient=address)["items"])
