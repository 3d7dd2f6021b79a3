"""The demo's site with its real server, and further gates enrolled at it over HTTP as a gate is."""

import os
import re
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self

from access_protocol.certificates import TlsIdentity
from access_protocol.ids import DeviceId
from access_protocol.transport.base import Will
from access_protocol.transport.mqtt import BrokerAddress, MqttTransport
from bench.result import Skipped
from demo.caller import Caller, wait_for
from demo.program import DidNotStart
from demo.stage import Stage
from firmware_sim import identity as firmware
from gate_agent.agent import Agent, ReaderPlan
from gate_agent.clock import GateClock
from gate_agent.enrol import enrol
from gate_agent.feedback.base import Feedback
from gate_agent.local_store import Identity, LocalStore

ZONE = 2
GUESTS_A_VISIT = 20
_LINK = re.compile(r"https?://\S+/v/[A-Za-z0-9_-]+")
_MAILS_WITHIN_S = 60.0


class Guest(NamedTuple):
    """Somebody invited: who they are to the server, their pass's id in hex, and its text."""

    visitor: str
    credential: str
    text: str


class RealSite:
    """Web, worker, live and broker as processes of their own; `caller` is its administrator."""

    def __init__(self, stage: Stage | None = None) -> None:
        """Nothing is started before it is entered; `stage` has settings of its own."""
        self._open = ExitStack()
        self.stage = stage or Stage()

    def __enter__(self) -> Self:
        """Start the server. Raises `Skipped`."""
        self._open.enter_context(self.stage)
        told: dict[str, Any] = self.stage.prepare()
        self._site: str = told["site"]
        self.password: str = told["password"]
        try:
            self.stage.start_server()
        except DidNotStart as why:
            self._open.close()
            raise Skipped(f"the server did not start: {why}") from why
        self.caller = Caller(self.stage.url, self.stage.live_url, self.stage.trust)
        self._open.callback(self.caller.close)
        self.caller.sign_in("admin@genkan.example", told["password"])
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self._open.close()

    def add_gate(self, name: str) -> LocalStore:
        """Register a gate with a reader at a turnstile of its own, and enrol it; its access point has its name."""
        controller = f"{name}-turnstile"
        for device, kind in ((name, "gate"), (controller, "controller")):
            self.caller.post(
                "/api/v1/devices", {"id": device, "site": self._site, "kind": kind, "name": device}
            )
        self._put("portals", name, {"name": name, "kind": "turnstile"})
        point = {"portal": name, "zone": ZONE, "gate": name, "controller": controller}
        self._put("access-points", name, point)
        code: str = self.caller.post(f"/api/v1/devices/{name}/enrolment-code", {})["code"]
        store = LocalStore(self.stage.folder / name)
        with _trusting(self.stage.root):
            enrol(self.stage.url, code, store)
        return store

    def enrol_controller(self, name: str) -> tuple[DeviceId, TlsIdentity]:
        """Make a registered controller's keys and enrol it, as its firmware does; nothing of it runs."""
        code: str = self.caller.post(f"/api/v1/devices/{name}/enrolment-code", {})["code"]
        folder, device = self.stage.folder / name, DeviceId(name)
        folder.mkdir()
        with _trusting(self.stage.root):
            return device, firmware.enrol(folder, device, self.stage.url, code).tls

    def mailed_links(self, count: int) -> list[str]:
        """Invite so many guests and return the links in their mails."""
        return [link for _, link in self.invited_with_links(count)]

    def invited_with_links(self, count: int) -> list[tuple[Guest, str]]:
        """Invite so many guests and return each with the link in their mail; once a site."""
        guests = self.invite(count)
        links: dict[str, str] = {}
        query: dict[str, Any] = {"limit": 200}
        while len(links) < count:
            page = self.caller.get("/api/v1/mails", **query)
            for each in page["items"]:
                if each["recipient"].startswith("guest"):
                    text = self.caller.get(f"/api/v1/mails/{each['id']}")["text"]
                    links.update((each["recipient"], link) for link in _LINK.findall(text)[:1])
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        return [(guest, links[_address(number)]) for number, guest in enumerate(guests)]

    def invite(self, count: int) -> list[Guest]:
        """Invite so many guests for now, with static passes for the gates' zone."""
        invited = list[dict[str, Any]]()
        now = datetime.now(UTC)
        for start in range(0, count, GUESTS_A_VISIT):
            numbers = range(start, min(start + GUESTS_A_VISIT, count))
            visit = {
                "title": "Open day",
                "starts_at": now.isoformat(),
                "ends_at": (now + timedelta(hours=2)).isoformat(),
                "zones": [ZONE],
                "visitors": [
                    {"name": f"Guest {number}", "email": _address(number)} for number in numbers
                ],
            }
            made: dict[str, Any] = self.caller.post("/api/v1/visits", visit)
            wait_for("the invitations", lambda id_=made["id"]: self._are_sent(id_), _MAILS_WITHIN_S)
            invited += made["visitors"]
        return [Guest(each["id"], each["credential"], self._text(each["id"])) for each in invited]

    def revoke(self, guest: Guest) -> None:
        """Revoke a guest's pass, as the panel does."""
        self.caller.delete(f"/api/v1/visitors/{guest.visitor}/credential")

    def _are_sent(self, visit: str) -> bool | None:
        """Tell whether the server has no more to do for a visit that was just made."""
        visitors = self.caller.get(f"/api/v1/visits/{visit}")["visitors"]
        return all(each["mail"] == "sent" for each in visitors) or None

    def _text(self, visitor: str) -> str:
        shown: dict[str, Any] = self.caller.get(f"/api/v1/visitors/{visitor}/credential")
        return shown["text"]

    def _put(self, what: str, name: str, body: object) -> None:
        self.caller.put(f"/api/v1/sites/{self._site}/{what}/{name}", body)


def _address(number: int) -> str:
    return f"guest{number}@visitor.example"


def agent_of(
    store: LocalStore, feedback: Feedback, plans: Sequence[ReaderPlan] = (), port: int | None = None
) -> Agent:
    """A gate agent as its program makes it, not started; at another `port` where one is given."""

    def connect(identity: Identity, will: Will) -> MqttTransport:
        at = port or identity.broker_port
        address = BrokerAddress(identity.broker_host, at, lambda: store.identity().tls)
        return MqttTransport(address, identity.device, will)

    return Agent(
        store.identity(),
        store,
        plans,
        feedback,
        make_transport=connect,
        make_clock=lambda journal: GateClock(battery_clock=True, floor=lambda: journal.newest),
    )


@contextmanager
def _trusting(root: Path) -> Generator[None]:
    """Let what enrols in this process believe the certificates of `root`, as the stage lets its programs."""
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = str(root)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SSL_CERT_FILE"]
        else:
            os.environ["SSL_CERT_FILE"] = before
