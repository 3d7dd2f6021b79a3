"""The scene: from an invitation to an opened door, each step checked before it is told.

What counts is the server's ledger and the controllers' own reports, never what was sent.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from access_protocol import credential
from demo.arrival import Arrival
from demo.caller import Caller, wait_for
from demo.frames import hold_before_the_camera, show_empty_hall
from demo.live_page import LivePage
from demo.mail import Invitation, read_invitation
from demo.stage import Stage
from demo.timeline import StepFailedError, Timeline
from demo.visitor import VisitorPhone

FRONT, TURNSTILE, MACHINE, DOOR = "door-front", "turnstile-1", "vending-1", "door-sakura"
FRONT_SIDE, ENTRANCE, ROOM = "front-door-in", "main-gate-in", "sakura-in"
VISITOR = {
    "name": "Hana Suzuki",
    "email": "hana.suzuki@visitor.example",
    "company": "Aozora Design",
}
PASSAGES, REFUSALS = 3, 8
"""What a whole play leaves in the ledger."""
COPY_IS_OLD = timedelta(seconds=32)
"""A picture of the pass counts for 30 s."""
SHOWN_WITHIN = timedelta(seconds=1)
"""How soon after the decision the panel's live page must show it."""
PERSON_AT_CAMERA = 600.0
"""Seconds given to a person who holds a real phone before a real camera."""


@dataclass
class Scene:
    """One visit on one stage."""

    stage: Stage
    timeline: Timeline
    camera: str | None = None
    """A real camera for the entrance, such as ``0``; None plays rendered frames."""
    people: str = "walk"
    """What simulated people do once a portal is unlocked: walk, or none."""
    seeds: int = 0
    site: dict[str, Any] = field(default_factory=dict[str, Any])

    def play(self) -> None:
        """Play all of it; raises `StepFailedError` at the first step that did not really happen."""
        self._set_up()
        host, guard = self._signed_in("host"), self._signed_in("security")
        admin = self._signed_in("administrator")
        with LivePage(guard) as page:
            self.timeline.title("An invitation")
            visit = self._appointment(host)
            invitation = self._invitation(admin)
            arrival = self._on_the_way(admin, invitation) if self.camera is None else None
            if arrival is not None:
                self._enters_the_hall(guard, visit, arrival)
            self.timeline.title("At the gate")
            self._passes_the_gate(guard, page, visit, invitation, arrival)
            if arrival is not None:
                self.timeline.title("Those who may not come in")
                self._refusals(host, guard, page, invitation)
                self._copies(guard, visit, invitation, arrival)
            self.timeline.title("At the meeting room")
            self._enters_the_room(host, guard, visit, invitation, arrival)
        self.timeline.title("The ledger")
        self._agrees(guard, admin)

    def _set_up(self) -> None:
        stage, tell = self.stage, self.timeline
        tell.title("The house wakes up")
        self.site = stage.prepare()
        tell.happened("database made, demo site written (zones, gate, meeting room Sakura, people)")
        stage.start_server()
        tell.happened(f"server is ready: web {stage.url}, live, worker, and Mosquitto with an ACL")
        codes = {device["id"]: device["code"] for device in self.site["devices"]}
        controllers = {FRONT: "door", TURNSTILE: "turnstile", MACHINE: "vending", DOOR: "door"}
        for device, kind in controllers.items():
            stage.start_controller(kind, device, codes[device], self.people)
        tell.happened(
            "front door, turnstile, drinks machine and meeting-room door enrolled with their one-time codes"
        )
        for gate, points in self.site["gates"].items():
            cameras = {point: f"watch:{stage.scene_folder(point)}" for point in points}
            for point in points:
                show_empty_hall(stage.scene_folder(point), self._seed())
            if self.camera is not None and ENTRANCE in cameras:
                cameras[ENTRANCE] = self.camera
            stage.start_gate(gate, codes[gate], cameras)
        tell.happened(
            "three gate agents enrolled: at the entrance gate, the drinks machine and the room"
        )
        guard = self._signed_in("security")
        wait_for("the doors' first word", lambda: self._doors_known(guard))
        tell.happened("all four controllers reported: locked, closed")

    def _doors_known(self, guard: Caller) -> bool | None:
        doors = guard.get("/api/v1/doors")["items"]
        states = [door["state"] for door in doors]
        return (
            True
            if states and all(state and state["lock"] == "locked" for state in states)
            else None
        )

    def _signed_in(self, role: str) -> Caller:
        person = next(each for each in self.site["people"] if each["role"] == role)
        caller = Caller(self.stage.url, self.stage.live_url, self.stage.trust)
        return caller.sign_in(person["email"], self.site["password"])

    def _appointment(self, host: Caller) -> dict[str, Any]:
        now = datetime.now(UTC)
        visit = host.post(
            "/api/v1/visits",
            {
                "title": "Design review",
                "starts_at": (now + timedelta(minutes=5)).isoformat(),
                "ends_at": (now + timedelta(hours=2)).isoformat(),
                "room": self.site["room"],
                "visitors": [VISITOR],
            },
        )
        if visit["state"] != "confirmed":
            raise StepFailedError(f"the visit is {visit['state']}, not confirmed")
        self.timeline.happened(
            f"the host invites {VISITOR['name']} to “{visit['title']}” in Sakura"
        )
        return visit

    def _mailed(self, admin: Caller, address: str) -> Invitation:
        def caught() -> str | None:
            mails = admin.get("/api/v1/mails", recipient=address)["items"]
            return mails[0]["id"] if mails else None

        mail = wait_for("the invitation in the mail catcher", caught)
        return read_invitation(admin.bytes(f"/api/v1/mails/{mail}/message"))

    def _invitation(self, admin: Caller) -> Invitation:
        invitation = self._mailed(admin, VISITOR["email"])
        if "METHOD:REQUEST" not in invitation.calendar:
            raise StepFailedError("the calendar entry is no invitation")
        self.timeline.happened(f"mail “{invitation.subject}”: link, QR code, calendar entry")
        length = len(invitation.code_text)
        self.timeline.note(
            f"the QR code in the mail reads {invitation.code_text[:18]}… ({length} characters)"
        )
        return invitation

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
        self._signed_in("host").post("/api/v1/visits", wanted)
        return self._mailed(self._signed_in("administrator"), you["email"]).link

    def _on_the_way(self, admin: Caller, invitation: Invitation) -> Arrival:
        trust = self.stage.trust
        arrival = Arrival(self.timeline, VisitorPhone(invitation.link, trust))
        self.timeline.title("The visitor’s phone")
        arrival.opens_the_link(VisitorPhone(invitation.link, trust))
        arrival.scans_from_home(self.site["poster"])
        self.timeline.title("Coming near")
        host = next(each for each in self.site["people"] if each["role"] == "host")
        arrival.comes_near(admin, host["email"])
        return arrival

    def _enters_the_hall(self, guard: Caller, visit: dict[str, Any], arrival: Arrival) -> None:
        self.timeline.title("At the front door")
        arrival.scans_at_the_door(self.site["poster"], self.site["kiosk"])
        event = self._decided(guard, FRONT_SIDE, visit["visitors"][0]["credential"])
        self._opened(guard, event, FRONT, "opened")
        self.timeline.happened("the door reported that it was opened; the visitor is checked in")

    def _passes_the_gate(
        self,
        guard: Caller,
        page: LivePage,
        visit: dict[str, Any],
        invitation: Invitation,
        arrival: Arrival | None,
    ) -> None:
        known = visit["visitors"][0]["credential"]
        if arrival is not None:
            self._show(ENTRANCE, "visitor", arrival.phone.pass_text(short=True))
            event = self._decided(guard, ENTRANCE, known)
        else:
            self.timeline.waiting("hold the QR code from the mail before the camera:")
            self.timeline.note(
                f"sign in at {self.stage.url}/panel/mail to see it, or open {invitation.link}"
            )
            event = self._decided(guard, ENTRANCE, known, PERSON_AT_CAMERA)
        self._granted(event, "the gate reads the phone and grants access by itself")
        self._shown_in_time(page, event)
        self._opened(guard, event, TURNSTILE, "passed")
        self.timeline.happened("the turnstile opened, let one person through, and locked again")
        wait_for(
            "who is inside",
            lambda: guard.get("/api/v1/access/occupancy")["count"] == 1 or None,
        )
        self.timeline.happened("the server counts one person inside")

    def _refusals(
        self, host: Caller, guard: Caller, page: LivePage, invitation: Invitation
    ) -> None:
        guests = self.site["guests"]
        host.delete(f"/api/v1/visitors/{guests['revoked']['visitor']}/credential")
        self.timeline.note("the host revokes a credential; the gate learns of it within seconds")
        cases = (
            ("forged", _forged(invitation.code_text), "bad_signature", None),
            ("expired", guests["expired"]["text"], "expired", guests["expired"]["credential"]),
            ("revoked", guests["revoked"]["text"], "revoked", guests["revoked"]["credential"]),
            (
                "wrong zone",
                guests["wrong_zone"]["text"],
                "wrong_zone",
                guests["wrong_zone"]["credential"],
            ),
        )
        for name, text, reason, known in cases:
            self._show(ENTRANCE, name.replace(" ", "-"), text)
            event = self._decided(guard, ENTRANCE, known, reason=reason)
            if event["granted"] or event["reason"] != reason:
                raise StepFailedError(f"{name}: {event['reason']} instead of {reason}")
            page.shows(event["id"])
            if event["outcomes"]:
                raise StepFailedError(f"{name}: something opened: {event['outcomes']}")
            self.timeline.refused(
                f"{name}: refused as {reason}, on the gate, in the ledger, on the panel"
            )

    def _copies(
        self, guard: Caller, visit: dict[str, Any], invitation: Invitation, arrival: Arrival
    ) -> None:
        known = visit["visitors"][0]["credential"]
        self._show(ENTRANCE, "mailed", invitation.code_png)
        self._refused(
            guard, known, "use_phone", "the code in the mail, now that the phone was used"
        )
        time.sleep(max(0.0, arrival.copied_at + COPY_IS_OLD.total_seconds() - time.monotonic()))
        self._show(ENTRANCE, "copied", arrival.copied)
        self._refused(
            guard, known, "presentation_out_of_time", "a picture of the pass, half a minute old"
        )

    def _refused(self, guard: Caller, known: str, reason: str, text: str) -> None:
        event = self._decided(guard, ENTRANCE, known, reason=reason)
        if event["granted"] or event["outcomes"]:
            raise StepFailedError(f"{text}: something opened: {event}")
        self.timeline.refused(f"{text}: refused as {reason}")

    def _enters_the_room(
        self,
        host: Caller,
        guard: Caller,
        visit: dict[str, Any],
        invitation: Invitation,
        arrival: Arrival | None,
    ) -> None:
        known = visit["visitors"][0]["credential"]
        shown = arrival.phone.pass_text(short=False) if arrival else invitation.code_png
        self._show(ROOM, "visitor", shown)
        event = self._decided(guard, ROOM, known)
        self._granted(event, "the same pass opens the room’s door, shown in its full form")
        self._opened(guard, event, DOOR, "opened")
        self.timeline.happened("the door reported that it was opened")

        def attended() -> dict[str, Any] | None:
            rows = host.get("/api/v1/attendance", visit=visit["id"])["items"]
            return rows[0] if rows else None

        row = wait_for("the attendance", attended)
        if row["event"] != event["event"] or row["visitor"] != visit["visitors"][0]["id"]:
            raise StepFailedError(f"the attendance names something else: {row}")
        self.timeline.happened(f"attendance: {VISITOR['name']} in Sakura ({row['certainty']})")
        reason = "already_used" if arrival else "entry_spent"
        self._show(ROOM, "again", shown, wait=True)
        again = self._decided(guard, ROOM, known, reason=reason)
        if again["outcomes"]:
            raise StepFailedError("the second entry opened something")
        self.timeline.refused(f"the same code a second time: refused as {reason}")

    def _agrees(self, guard: Caller, admin: Caller) -> None:
        """Hold the ledger against what the controllers themselves reported."""
        events = guard.get("/api/v1/access/events", limit=100)["items"]
        granted = {event["event"] for event in events if event["granted"]}
        moved: set[str] = set()
        for controller in (FRONT, TURNSTILE, DOOR):
            for report in admin.get(f"/api/v1/devices/{controller}/events")["items"]:
                if report["what"] in ("unlocked", "opened", "passed"):
                    moved.add(report["event"])
        if moved != granted:
            raise StepFailedError(f"granted {sorted(granted)}, but moved {sorted(moved, key=str)}")
        if guard.get("/api/v1/access/alarms")["items"]:
            raise StepFailedError("the ledger raised an alarm")
        denied = len(events) - len(granted)
        if self.camera is None and (len(granted), denied) != (PASSAGES, REFUSALS):
            raise StepFailedError(f"{len(granted)} granted and {denied} denied")
        self.timeline.happened(
            f"{len(granted)} granted, {denied} denied, each stored once; the controllers moved "
            f"for exactly the {len(granted)} granted; the hash chain holds"
        )

    def _show(self, point: str, name: str, code: str | bytes, *, wait: bool = False) -> None:
        """Hold a phone before the camera; `wait` until the gate takes it for a new presentation."""
        if wait:
            time.sleep(10.5)  # the same claims within 10 s are the same presentation
        hold_before_the_camera(self.stage.scene_folder(point), name, code, self._seed())

    def _decided(
        self,
        guard: Caller,
        point: str,
        known: str | None,
        patience: float | None = None,
        *,
        reason: str | None = None,
    ) -> dict[str, Any]:
        """Return the ledger's newest decision at this access point about this credential."""
        query: dict[str, Any] = {"since": self._began, "limit": 20}
        if known is not None:
            query["credential"] = known
        if reason is not None:
            query["granted"] = False

        def look() -> dict[str, Any] | None:
            found = guard.get("/api/v1/access/events", **query)["items"]
            fitting = [
                event
                for event in found
                if event["access_point"] == point and event["reason"] == reason
            ]
            return fitting[0] if fitting else None

        what = f"a decision at {point}" + (f" ({reason})" if reason else "")
        return wait_for(what, look) if patience is None else wait_for(what, look, patience)

    @property
    def _began(self) -> str:
        return (datetime.now(UTC) - timedelta(minutes=30)).isoformat()

    def _granted(self, event: dict[str, Any], text: str) -> None:
        if not event["granted"]:
            raise StepFailedError(f"refused as {event['reason']}")
        self.timeline.happened(text)

    def _shown_in_time(self, page: LivePage, event: dict[str, Any]) -> None:
        late = page.shows(event["id"]) - datetime.fromisoformat(event["at"])
        if late > SHOWN_WITHIN:
            raise StepFailedError(f"the live page showed it after {late.total_seconds():.2f} s")
        self.timeline.happened(f"the panel’s live page shows it after {late.total_seconds():.2f} s")

    def _opened(self, guard: Caller, event: dict[str, Any], controller: str, last: str) -> None:
        """Wait for the controller's own reports on this access, up to the last one expected."""

        def reported() -> bool | None:
            reports = guard.get(f"/api/v1/devices/{controller}/events")["items"]
            return any(r["event"] == event["event"] and r["what"] == last for r in reports) or None

        def journaled() -> bool | None:
            found = guard.get("/api/v1/access/events", since=self._began, limit=50)["items"]
            return any(e["id"] == event["id"] and last in e["outcomes"] for e in found) or None

        wait_for(f"“{last}” by {controller} itself", reported)
        wait_for(f"“{last}” in the ledger", journaled)

    def _seed(self) -> int:
        self.seeds += 1
        return self.seeds


def _forged(genuine: str) -> str:
    """Return a genuine credential with another id: everything fits but the signature."""
    carried = credential.read(genuine).credential
    if carried is None:
        raise StepFailedError("the code in the mail carries no credential")
    message = bytearray(carried)
    message[40] ^= 1
    return credential.to_text(bytes(message))
