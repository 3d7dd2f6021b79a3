"""The scene on one page: a visit from invitation to survey, each step checked before it is told."""

from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from demo.acts import afterwards, arrival, drink, gate, invitation, meeting
from demo.caller import Caller, wait_for
from demo.cast import DOOR, ENTRANCE, FRONT, MACHINE, TURNSTILE, Cast
from demo.frames import show_empty_hall
from demo.host import HostPhone
from demo.ledger import Ledger
from demo.live_page import LivePage
from demo.mail import read_invitation
from demo.phones import browsers, phone
from demo.stage import Stage
from demo.timeline import Timeline
from demo.visitor import VisitorPhone

_CONTROLLERS = {FRONT: "door", TURNSTILE: "turnstile", MACHINE: "vending", DOOR: "door"}


@dataclass
class Scene:
    """One visit on one stage."""

    stage: Stage
    timeline: Timeline
    camera: str | None = None
    """A real camera for the entrance, such as ``0``: then nothing is played, and a real phone may try it."""
    people: str = "walk"
    """What simulated people do once a portal is unlocked: walk, or none."""
    site: dict[str, Any] = field(default_factory=dict[str, Any])

    def play(self) -> None:
        """Play all of it; raises `StepFailedError` at the first step that did not really happen."""
        tell = self.timeline
        self.sets_up()
        if self.camera is not None:
            tell.waiting(
                f"camera {self.camera} looks at the entrance: hold your own pass before it"
            )
            return
        with ExitStack() as stack:
            cast, stranger = self.gathers(stack)
            tell.title("An invitation")
            invitation.is_made(cast)
            invitation.is_opened(cast, stranger)
            tell.title("Coming near")
            arrival.is_tried_from_home(cast)
            arrival.is_noticed(cast)
            tell.title("At the front door")
            arrival.is_let_in(cast)
            tell.title("At the gate")
            copied = gate.is_passed(cast)
            tell.title("A drink on the way")
            drink.is_offered(cast)
            drink.is_had(cast)
            tell.title("At the meeting room")
            meeting.is_entered(cast)
            tell.title("Those who may not come in, meanwhile")
            gate.refuses_others(cast)
            gate.refuses_copies(cast, copied)
            tell.title("The end of the meeting")
            meeting.ends(cast)
            tell.title("Afterwards")
            afterwards.leaves(cast)
            afterwards.is_asked(cast)
            tell.title("The ledger")
            afterwards.agrees(cast)
            afterwards.tells_the_same(cast)

    def sets_up(self) -> None:
        """Start the server, the controllers and the gates, and wait until all of them know each other."""
        stage, tell = self.stage, self.timeline
        tell.title("The house wakes up")
        self.site = stage.prepare()
        tell.happened(
            "database made, demo site written (zones, gate, machine, room Sakura, people)"
        )
        stage.start_server()
        tell.happened(f"server is ready: web {stage.url}, live, worker, and Mosquitto with an ACL")
        codes = {device["id"]: device["code"] for device in self.site["devices"]}
        for device, kind in _CONTROLLERS.items():
            stage.start_controller(kind, device, codes[device], self.people)
        tell.happened(
            "front door, turnstile, drinks machine and meeting-room door enrolled with their one-time codes"
        )
        for number, (name, points) in enumerate(self.site["gates"].items()):
            cameras = {point: f"watch:{stage.scene_folder(point)}" for point in points}
            for point in points:
                show_empty_hall(stage.scene_folder(point), 1000 + number)
            if self.camera is not None and ENTRANCE in cameras:
                cameras[ENTRANCE] = self.camera
            stage.start_gate(name, codes[name], cameras)
        tell.happened(
            "three gate agents enrolled: at the gate, at the drinks machine and at the room"
        )
        with closing(self.signed_in("security")) as guard:
            wait_for("the doors' first word", lambda: _all_locked(guard))
        tell.happened("all four controllers reported: locked, closed")

    def signed_in(self, role: str) -> Caller:
        """Sign in as somebody of the house, over the API."""
        person = self.person(role)
        caller = Caller(self.stage.url, self.stage.live_url, self.stage.trust)
        return caller.sign_in(person["email"], self.site["password"])

    def person(self, role: str) -> dict[str, Any]:
        """Return who has this role."""
        found: dict[str, Any] = next(each for each in self.site["people"] if each["role"] == role)
        return found

    def invite_you(self) -> str:
        """Invite whoever looks on, from now on; return the link for their own phone."""
        now = datetime.now(UTC)
        you = {"name": "You", "email": "you@visitor.example"}
        wanted = {
            "title": "Looking around",
            "starts_at": now.isoformat(),
            "ends_at": (now + timedelta(hours=8)).isoformat(),
            "room": self.site["room"],
            "visitors": [you],
        }
        self.signed_in("host").post("/api/v1/visits", wanted)
        admin = self.signed_in("administrator")

        def mailed() -> str | None:
            found = admin.get("/api/v1/mails", recipient=you["email"])["items"]
            return found[0]["id"] if found else None

        mail = wait_for("your invitation", mailed)
        return read_invitation(admin.bytes(f"/api/v1/mails/{mail}/message")).link

    def gathers(self, stack: ExitStack) -> tuple[Cast, VisitorPhone]:
        """Give everybody their phone; return them, and a stranger's phone."""
        host, guard, admin = (
            stack.enter_context(closing(self.signed_in(role)))
            for role in ("host", "security", "administrator")
        )
        shop = stack.enter_context(browsers(self.stage.url, str(self.stage.root)))
        outside, inside = (stack.enter_context(shop.opened()) for _ in range(2))
        kiosk, host_phone = phone(inside), HostPhone(phone(inside), self.stage.url)
        host_phone.signs_in(self.person("host")["email"], self.site["password"])
        kiosk.goto(self.site["kiosk"])
        cast = Cast(
            stage=self.stage,
            timeline=self.timeline,
            site=self.site,
            host=host,
            guard=guard,
            admin=admin,
            ledger=Ledger(guard, admin, datetime.now(UTC)),
            panel=stack.enter_context(LivePage(guard)),
            visitor=VisitorPhone(phone(outside), ""),
            host_phone=host_phone,
            kiosk=kiosk,
        )
        return cast, VisitorPhone(phone(outside), "")


def _all_locked(guard: Caller) -> bool | None:
    states = [door["state"] for door in guard.get("/api/v1/doors")["items"]]
    return True if states and all(state and state["lock"] == "locked" for state in states) else None
