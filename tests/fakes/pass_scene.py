"""A served site with a visitor who is expected now, and a gate that reads what their phone's screen showed."""

import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from flask import Response
from pydantic import AnyHttpUrl
from werkzeug.serving import make_server

from access_protocol.credential import CredentialClass
from access_protocol.decision import AccessDecision
from access_protocol.ids import CredentialId
from access_protocol.keys import KeyRing
from access_protocol.rules import Circumstances
from demo.phone import View, held_phone
from demo.ports import free_port
from gate_agent.decoder.chain import DecoderChain
from gate_agent.decoder.process import DecodingProcess
from gate_agent.gatekeeper import Gatekeeper
from server.app import create_app, create_office
from server.credentials import models as credentials
from server.credentials.models import Issue
from server.kernel.clock import FixedClock
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.visits.models import Visit, Visitor
from tests.fakes.gate_site import entrance, policy
from tests.fakes.knowledge import FakeHistory, FakeKnowledge
from tests.fakes.panel_site import NOON, SITE, PanelSite

# A phone held well: what the lens makes of hard views is measured elsewhere.
WELL_HELD = View(code_height=0.6, yaw=6, pitch=-5, roll=3)


class RunningClock(FixedClock):
    """Starts at a moment of the test's choice and then goes on by itself."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._began = time.monotonic()

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=time.monotonic() - self._began)


@dataclass
class PassSite:
    """The application behind a real HTTP server, with real time from noon on."""

    url: str
    site: PanelSite
    clock: RunningClock
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1000)))

    def expect(self, *, starts_in: timedelta = timedelta()) -> tuple[Visit, Visitor]:
        """Invite somebody."""
        name = f"Anna Keller {next(self.numbers)}"
        visit, (visitor,) = self.site.invite((name, "Nordwind Optics GmbH"), starts_in=starts_in)
        return visit, visitor

    def link(self, visitor: Visitor) -> str:
        return self.url + self.site.link(visitor)

    def ring(self) -> KeyRing:
        with self.site.office.reading(Principal.system()) as work:
            return credentials.key_ring(work.session, SITE, self.clock.now())

    def bound(self, visitor: Visitor) -> Issue:
        """The credential that is bound to the visitor's phone now."""
        with self.site.office.reading(Principal.system()) as work:
            issue = credentials.current_issue(work.session, visitor.id, CredentialClass.BOUND)
            assert issue is not None
            return issue


@contextmanager
def serving(folder: Path, host: str = "localhost") -> Generator[PassSite]:
    """Serve a site on this host name or address of the machine."""
    port = free_port()
    url = f"http://{host}:{port}"
    settings = Settings(
        demo=True,
        data_folder=folder,
        worker_wake="",
        base_url=AnyHttpUrl(url),
        live_url=AnyHttpUrl(url),
    )
    clock = RunningClock(NOON)
    office = create_office(settings, clock)
    app = create_app(settings, office)
    over = threading.Event()

    def quiet(**_which: str) -> Response:
        return Response(_silence(over), mimetype="text/event-stream")

    # The live process is another test's business; here its streams are open and say nothing.
    app.add_url_rule("/live", view_func=quiet)
    app.add_url_rule("/live/visitor/<token>", view_func=quiet, endpoint="visitors_live")
    app.add_url_rule("/live/conversation/<id_>", view_func=quiet, endpoint="conversations_live")
    http = make_server(host, port, app, threaded=True)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    try:
        scene = PassSite(url, PanelSite(office, clock), clock)
        thread.start()
        yield scene
    finally:
        over.set()
        http.shutdown()
        thread.join()
        http.server_close()
        office.close()


def _silence(over: threading.Event) -> Iterator[str]:
    yield "event: connected\ndata:\n\n"
    over.wait()


class PassGate:
    """The gate agent's own decoder and gatekeeper, knowing what the server knows."""

    def __init__(self, process: DecodingProcess, scene: PassSite) -> None:
        self._process = process
        self._chain = DecoderChain(process, seconds=10)
        self._scene = scene
        self._gatekeeper = Gatekeeper()
        self._point = entrance(classes=frozenset(CredentialClass))
        self.history = FakeHistory()
        self.held: dict[CredentialId, bytes] = {}

    def another(self) -> "PassGate":
        """A gate that knows the same and has seen nobody yet."""
        made = PassGate(self._process, self._scene)
        made.held = self.held
        return made

    def holds(self, issue: Issue) -> None:
        """Let the gate know this credential, as the server tells it on the day."""
        self.held[CredentialId(bytes(issue.credential))] = issue.message

    def reads(self, screenshot: bytes) -> tuple[str, ...]:
        """What the decoder finds in a camera's frame of a phone that shows what the browser drew."""
        return self._chain.read(held_phone(screenshot, WELL_HELD, seed=7)).texts

    def decides(self, *texts: str, at: datetime | None = None) -> AccessDecision | None:
        """What the gatekeeper says at the server's present moment, or at another."""
        now = at or self._scene.clock.now()
        knowledge = FakeKnowledge(SITE, policy(self._point), self._scene.ring(), held=self.held)
        circumstances = Circumstances(now, clock_trusted=True, knowledge_age=timedelta())
        moment = now.timestamp()
        return self._gatekeeper.decide(
            texts, self._point, knowledge, self.history, circumstances, moment
        )


def own_address() -> str:
    """An address of this machine at which it is not the browser's own: there its pages are not secure."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Nothing is sent: connecting only chooses the way out, and with it the address.
        probe.connect(("192.0.2.1", 9))
        address: str = probe.getsockname()[0]
    return address
