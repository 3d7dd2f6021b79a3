"""Who plays: the people, their phones and what they share, from one act to the next."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from playwright.sync_api import Page

from demo.caller import Caller, wait_for
from demo.frames import hold_before_the_camera
from demo.host import HostPhone
from demo.ledger import Ledger
from demo.live_page import LivePage
from demo.mail import Invitation, read_invitation
from demo.stage import Stage
from demo.timeline import StepFailedError, Timeline
from demo.visitor import VisitorPhone

FRONT, TURNSTILE, MACHINE, DOOR = "door-front", "turnstile-1", "vending-1", "door-sakura"
"""The controllers."""
FRONT_SIDE, ENTRANCE, EXIT = "front-door-in", "main-gate-in", "main-gate-out"
DRINKS, ROOM, OUT_OF_ROOM = "drinks-reader", "sakura-in", "sakura-out"
"""The access points."""
VISITOR = {
    "name": "Hana Suzuki",
    "email": "hana.suzuki@visitor.example",
    "company": "Aozora Design",
}

T = TypeVar("T")
Event: TypeAlias = dict[str, Any]
"""A decision as the ledger shows it."""
_TRIES = 4


class Bearer(Protocol):
    """Whoever carries a pass on their phone."""

    known: str | None
    """The id of their credential, as the ledger names them; None where it is not known yet."""

    def pass_picture(self, presentation: str) -> bytes:
        """Return a picture of the pass as the browser draws it now."""
        ...


@dataclass
class Cast:
    """Everybody who plays in one visit on one stage."""

    stage: Stage
    timeline: Timeline
    site: dict[str, Any]
    host: Caller
    guard: Caller
    admin: Caller
    ledger: Ledger
    panel: LivePage
    visitor: VisitorPhone
    host_phone: HostPhone
    kiosk: Page
    guest: dict[str, str] = field(default_factory=VISITOR.copy)
    """Who is invited: name, email, company."""
    visit: dict[str, Any] = field(default_factory=dict[str, Any])
    invitation: Invitation | None = None
    way: str = ""
    """What the way says before the gate."""
    shown: int = 0
    """How often something was held before a camera."""

    def holds(self, point: str, name: str, code: str | bytes) -> None:
        """Hold a phone before the camera of an access point: `code` is a text, or what a browser drew."""
        self.shown += 1
        hold_before_the_camera(self.stage.scene_folder(point), name, code, self.shown)

    def shows_pass(
        self, point: str, phone: Bearer, presentation: str, *, after: str | None = None
    ) -> Event:
        """Hold a phone with its pass before a camera until the gate grants access; return the decision.

        A presentation counts for 30 s. Where drawing what the camera sees took longer, on a busy machine, the
        phone is held there once more, as people do.
        """
        for tries_left in reversed(range(_TRIES)):
            self.holds(point, f"pass-{tries_left}", phone.pass_picture(presentation))
            try:
                return self.ledger.decided(point, credential=phone.known, after=after)
            except StepFailedError:
                if not tries_left:
                    raise
                self.timeline.note(
                    "the picture came too late on this busy machine; the phone is held there again"
                )
        raise AssertionError

    def mailed(self, address: str, subject: str = "") -> Invitation:
        """Return the newest mail to this address that the catcher holds."""
        mails = wait_for(
            f"a mail to {address}",
            lambda: (
                [
                    mail
                    for mail in self.admin.get("/api/v1/mails", recipient=address)["items"]
                    if subject in mail["subject"]
                ]
                or None
            ),
        )
        return read_invitation(self.admin.bytes(f"/api/v1/mails/{mails[0]['id']}/message"))

    def waits(self, what: str, look: Callable[[], T | None]) -> T:
        """Return what `look` finds at last; raise `StepFailedError` where it never does."""
        return wait_for(what, look)
