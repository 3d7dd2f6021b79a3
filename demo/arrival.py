"""The scene's first half as the visitor and the host live it: the phone, coming near, and the poster at the door."""

import re
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from demo.caller import Caller, wait_for
from demo.timeline import StepFailedError, Timeline
from demo.visitor import VisitorPhone

TOLD_WITHIN = timedelta(seconds=2)
"""How soon after a crossing the host's mail must lie in the catcher."""
_AGREE = re.compile(r'href="[^"]*(/agree/[0-9a-f]+)"')


@dataclass
class Arrival:
    """One visitor on the way to the door."""

    timeline: Timeline
    phone: VisitorPhone
    copied: str = field(default="", init=False)
    """What a picture of the pass holds that somebody took while it was shown."""
    copied_at: float = field(default=0.0, init=False)
    """When, in seconds of the monotonic clock."""

    def opens_the_link(self, stranger: VisitorPhone) -> None:
        """Open the invitation, agree to the house rules, and let the phone make its key."""
        page = self.phone.open_invitation()
        self.timeline.happened(
            "the visitor opens the link and presses its one button: no app, no account"
        )
        if "on another phone" not in stranger.page_of_refusal():
            raise StepFailedError("another phone may read the invitation")
        self.timeline.refused(
            "the same link on another phone: nothing is shown, a code can be mailed"
        )
        for path in dict.fromkeys(_AGREE.findall(page)):
            page = self.phone.send_form(path, {"agreed": "yes"})
            self.timeline.happened(
                "the house rules are agreed to; their text and the time are kept"
            )
        self.phone.keep_key()
        self.copied, self.copied_at = self.phone.pass_text(short=False), time.monotonic()
        short = self.phone.pass_text(short=True)
        self.timeline.happened(
            "the phone makes a key that never leaves it; the pass is bound to it"
        )
        self.timeline.note(
            f"its QR code is signed anew every 10 s: {len(short)} characters, "
            f"or {len(self.copied)} for a gate that never heard of it"
        )

    def comes_near(self, admin: Caller, host: str) -> None:
        """Let the phone notice that it is near, and look whether the host is told."""
        known = _mails(admin, host)
        began = time.monotonic()
        self.phone.post("crossing", {"kind": "approaching", "expected_min": 10})
        wait_for("the host’s alert", lambda: _mails(admin, host) > known or None)
        late = timedelta(seconds=time.monotonic() - began)
        if late > TOLD_WITHIN:
            raise StepFailedError(f"the host was told after {late.total_seconds():.2f} s")
        self.timeline.happened(
            f"the phone comes near and says only that; the host is told after {late.total_seconds():.2f} s"
        )

    def scans_from_home(self, poster: str) -> None:
        """Scan a photograph of the poster, far from the door."""
        outcome = self.phone.asks_for_the_door(poster)
        if outcome != "denied":
            raise StepFailedError(f"a photographed poster: {outcome}")
        self.timeline.refused(
            "a photograph of the poster, scanned at home: refused, nobody stands there"
        )

    def scans_at_the_door(self, poster: str, kiosk: str) -> None:
        """Type what the screen at the door shows now, and follow the door to its end."""
        digits = self.phone.reads_screen(kiosk)
        self.timeline.note(f"the screen beside the door shows {digits}, and another code soon")
        outcome = self.phone.asks_for_the_door(poster, digits)
        if outcome != "open":
            raise StepFailedError(f"at the front door: {outcome}")
        self.timeline.happened(
            "the posted QR, the phone’s key and the code on the spot open the front door"
        )


def _mails(admin: Caller, address: str) -> int:
    found: dict[str, Any] = admin.get("/api/v1/mails", recipient=address)
    return len(found["items"])
