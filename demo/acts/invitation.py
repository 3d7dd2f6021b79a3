"""A host invites, a mail arrives, and the visitor opens it on their phone."""

from datetime import UTC, datetime, timedelta

from demo.cast import Cast
from demo.timeline import StepFailedError
from demo.visitor import VisitorPhone

BEGAN = timedelta(minutes=2)
"""So long ago the appointment began: whoever comes now comes late, and nobody has to wait for it."""


def is_made(cast: Cast) -> None:
    """Let the host invite the visitor, and read the mail."""
    starts_at = datetime.now(UTC).replace(microsecond=0) - BEGAN
    cast.visit = cast.host.post(
        "/api/v1/visits",
        {
            "title": "Design review",
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(hours=1)).isoformat(),
            "room": cast.site["room"],
            "visitors": [cast.guest],
        },
    )
    if cast.visit["state"] != "confirmed":
        raise StepFailedError(f"the visit is {cast.visit['state']}, not confirmed")
    cast.timeline.happened(
        f"the host invites {cast.guest['name']} to “{cast.visit['title']}” in Sakura"
    )
    invitation = cast.mailed(cast.guest["email"])
    if "METHOD:REQUEST" not in invitation.calendar:
        raise StepFailedError("the calendar entry is no invitation")
    cast.timeline.happened(f"mail “{invitation.subject}”: link, QR code, calendar entry")
    cast.timeline.note(
        f"the QR code in the mail reads {invitation.code_text[:18]}… ({len(invitation.code_text)} characters)"
    )
    cast.invitation = invitation
    cast.visitor.link = invitation.link
    cast.visitor.known = str(cast.visit["visitors"][0]["credential"])


def is_opened(cast: Cast, stranger: VisitorPhone) -> None:
    """Open the link on the visitor's phone, try it on a stranger's, agree, and make the pass."""
    cast.visitor.opens_invitation()
    cast.timeline.happened(
        "the visitor opens the link and presses its one button: no app, no account"
    )
    stranger.link = cast.visitor.link
    if "on another phone" not in stranger.finds_closed():
        raise StepFailedError("another phone may read the invitation")
    cast.timeline.refused("the same link on another phone: nothing is shown, a code can be mailed")
    if not cast.visitor.agrees():
        raise StepFailedError("no house rules were asked for")
    cast.timeline.happened("the house rules are agreed to; their text and the time are kept")
    cast.visitor.opens_pass()
    cast.timeline.happened("the phone makes a key that never leaves it; the pass is bound to it")
