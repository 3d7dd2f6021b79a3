"""The live process: holds every browser's event stream, and hands on what the worker publishes.

A stream is opened with the session cookie, checked once. A browser that is too slow loses its stream, connects anew
and fetches its page again; so does every browser when the broker was away.
"""

import asyncio
import os
import resource
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from access_protocol import topics
from access_protocol.codec import MalformedReportError, decode
from access_protocol.events import LiveNotice
from access_protocol.topics import Kind, Subject
from access_protocol.transport.base import Message, Transport
from access_protocol.transport.mqtt import BrokerAddress, MqttTransport
from server.devices import certification
from server.devices.broker_configuration import LIVE_USER
from server.kernel import logs
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.kernel.work import Office
from server.people import actions as people
from server.processes import ports
from server.processes.orphans import end_with
from server.web.session import COOKIE

log = structlog.get_logger(__name__)

HEARTBEAT = 15
"""Seconds between events of this name on a stream: proxies keep it open, and pages see that it is not dead."""
WAITING_AT_MOST = 200
"""Notices that a slow browser may be behind before its stream ends."""
REFRESH = LiveNotice(what="refresh")
"""Told to every page when notices may have been missed."""

Waiting = asyncio.Queue[LiveNotice | None]


class Streams:
    """Every open stream of this process; `tell` may be called from any thread."""

    def __init__(self) -> None:
        """Begin with none; the loop is the running one."""
        self._loop = asyncio.get_running_loop()
        self._open: set[Waiting] = set()

    def tell(self, notice: LiveNotice | None) -> None:
        """Hand a notice to every stream; None ends them all."""
        self._loop.call_soon_threadsafe(self._tell, notice)

    async def stream(self) -> AsyncGenerator[ServerSentEvent]:
        """Yield events until the browser leaves, is too slow, or the process stops."""
        waiting: Waiting = asyncio.Queue(WAITING_AT_MOST)
        self._open.add(waiting)
        try:
            yield ServerSentEvent(event="connected", data="", retry=3000)
            while (notice := await waiting.get()) is not None:
                yield ServerSentEvent(event=notice.what, data=notice.about)
        finally:
            self._open.discard(waiting)

    def _tell(self, notice: LiveNotice | None) -> None:
        for waiting in list(self._open):
            if waiting.full():
                waiting.get_nowait()
                waiting.put_nowait(None)
                self._open.discard(waiting)
            else:
                waiting.put_nowait(notice)


def create_live(office: Office, transport: Transport) -> Starlette:
    """Return the ASGI application; it starts and stops the transport, and closes the office."""
    settings = office.settings

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        streams = app.state.streams = Streams()
        was_away = False

        def connection(there: bool) -> None:  # noqa: FBT001  the transport's own form
            nonlocal was_away
            if there and was_away:
                streams.tell(REFRESH)
            was_away = not there

        transport.on_connection(connection)
        every = topics.of_all(None, Kind.SERVER, Subject.LIVE)
        transport.subscribe_without_retained(every, lambda message: _hand_on(streams, message))
        transport.start()
        print("live ready", flush=True)  # noqa: T201  `serve` waits for this line
        yield
        streams.tell(None)
        transport.stop()
        office.close()

    async def live(request: Request) -> Response:
        secret = request.cookies.get(COOKIE, "")
        if not secret or not await run_in_threadpool(_signed_in, office, secret):
            return PlainTextResponse("Please sign in.", 401)
        streams: Streams = request.app.state.streams
        return EventSourceResponse(
            streams.stream(), ping=HEARTBEAT, ping_message_factory=_heartbeat
        )

    return Starlette(
        routes=[Route("/live", live), Route("/health", _health)],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=[str(settings.base_url).rstrip("/")],
                allow_credentials=True,
                allow_methods=["GET"],
                allow_headers=["Last-Event-ID", "Cache-Control"],
            )
        ],
        lifespan=lifespan,
    )


def _heartbeat() -> ServerSentEvent:
    return ServerSentEvent(event="heartbeat", data="")


async def _health(_request: Request) -> Response:
    return PlainTextResponse("ok")


def _signed_in(office: Office, secret: str) -> bool:
    with office.reading(Principal.anonymous()) as work:
        return people.identify_session(work, secret) is not None


def _hand_on(streams: Streams, message: Message) -> None:
    try:
        streams.tell(decode(LiveNotice, message.payload))
    except MalformedReportError as error:
        log.warning("malformed live notice", error=str(error))


def application() -> Starlette:
    """Make the application of the live process; granian calls it."""
    end_with(os.getppid())
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format, "live")
    office = Office(settings)
    identity = certification.own_identity(office, LIVE_USER)
    address = BrokerAddress(settings.broker_host, settings.broker_port, identity)
    return create_live(office, MqttTransport(address, client_name("live")))


def client_name(process: str) -> str:
    """Return a name at the broker that no other process has: a second one would push the first out."""
    return f"{process}-{socket.gethostname()[:12]}-{os.getpid()}"


def _allow_many_connections() -> None:
    """Raise our limit of open files as far as the system lets us: each stream holds one, and 1,024 are usual."""
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))


def run(settings: Settings) -> None:
    """Serve until told to stop; raises `PortTaken`."""
    ports.live(settings).check()
    _allow_many_connections()
    Server(
        "server.processes.live:application",
        factory=True,
        interface=Interfaces.ASGI,
        address=settings.live_host,
        port=settings.live_port,
        websockets=False,
        respawn_failed_workers=True,
        # Event streams never end by themselves.
        workers_kill_timeout=2,
        log_level=LogLevels.error,
    ).serve()
