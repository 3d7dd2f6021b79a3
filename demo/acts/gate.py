"""The gate reads what the phone's browser drew, like a ticket barrier; it stays closed to whoever may not come in."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from access_protocol import credential
from demo.cast import ENTRANCE, TURNSTILE, Cast
from demo.timeline import StepFailedError

COPY_IS_OLD = timedelta(seconds=32)
"""A picture of the pass counts for 30 s."""
SHOWN_WITHIN = timedelta(seconds=5)
"""How soon after the decision the panel's live page must show it; a machine may be busy with other things."""


@dataclass(frozen=True)
class Copy:
    """What somebody photographed of the pass, and when by the monotonic clock."""

    picture: bytes
    at: float


def is_passed(cast: Cast) -> Copy:
    """Hold the pass before the gate and go through; return what somebody copied meanwhile."""
    cast.visitor.opens_pass()
    copied = Copy(cast.visitor.pass_picture("full"), time.monotonic())
    event = cast.shows_pass(ENTRANCE, cast.visitor, "short")
    cast.timeline.happened("the gate reads the phone and grants access by itself")
    _is_shown_in_time(cast, event)
    cast.ledger.reported(event, TURNSTILE, "passed")
    cast.timeline.happened("the turnstile opened, let one person through, and locked again")
    cast.visitor.way_goes_on(cast.way)
    cast.timeline.happened(
        "the open page of the way goes on from the gate, without being loaded again"
    )
    cast.waits(
        "who is inside",
        lambda: cast.guard.get("/api/v1/access/occupancy")["count"] == 1 or None,
    )
    cast.timeline.happened("the server counts one person inside")
    return copied


def refuses_others(cast: Cast) -> None:
    """Hold what may not come in before the gate, one after the other."""
    if cast.invitation is None:
        raise StepFailedError("nobody was invited")
    guests = cast.site["guests"]
    cast.host.delete(f"/api/v1/visitors/{guests['revoked']['visitor']}/credential")
    cast.timeline.note("the host revokes a credential; the gate learns of it within seconds")
    cases = (
        ("forged", _forged(cast.invitation.code_text), "bad_signature", None),
        *(
            (name.replace("_", " "), guests[name]["text"], name, guests[name]["credential"])
            for name in ("expired", "revoked", "wrong_zone")
        ),
    )
    for name, text, reason, known in cases:
        cast.holds(ENTRANCE, reason, text)
        event = cast.ledger.refused(ENTRANCE, reason, known)
        cast.panel.shows(event["id"])
        cast.timeline.refused(
            f"{name}: refused as {reason}, on the gate, in the ledger, on the panel"
        )


def refuses_copies(cast: Cast, copied: Copy) -> None:
    """Hold the mailed code, and a picture of the pass that is half a minute old, before the gate."""
    if cast.invitation is None:
        raise StepFailedError("nobody was invited")
    cast.holds(ENTRANCE, "mailed", cast.invitation.code_png)
    cast.ledger.refused(ENTRANCE, "use_phone", cast.visitor.known)
    cast.timeline.refused("the code in the mail, now that the phone was used: refused as use_phone")
    time.sleep(max(0.0, copied.at + COPY_IS_OLD.total_seconds() - time.monotonic()))
    cast.holds(ENTRANCE, "copied", copied.picture)
    cast.ledger.refused(ENTRANCE, "presentation_out_of_time", cast.visitor.known)
    cast.timeline.refused(
        "a picture of the pass, half a minute old: refused as presentation_out_of_time"
    )


def _is_shown_in_time(cast: Cast, event: dict[str, Any]) -> None:
    late = cast.panel.shows(event["id"]) - datetime.fromisoformat(event["at"])
    if late > SHOWN_WITHIN:
        raise StepFailedError(f"the live page showed it after {late.total_seconds():.2f} s")
    cast.timeline.happened(f"the panel’s live page shows it after {late.total_seconds():.2f} s")


def _forged(genuine: str) -> str:
    """Return a genuine credential with another id: everything fits but the signature."""
    carried = credential.read(genuine).credential
    if carried is None:
        raise StepFailedError("the code in the mail carries no credential")
    message = bytearray(carried)
    message[40] ^= 1
    return credential.to_text(bytes(message))
