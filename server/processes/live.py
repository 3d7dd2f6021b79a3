"""The live process: holds every browser's event stream, and hands on what the worker publishes.

A member of staff opens a stream with the session cookie, and loses it soon after they signed out, their account was
closed or the session ran out. A visitor opens one with their link and their phone's cookie, gets only what is about
them, and loses it soon after the link or the phone counts no longer.
A browser that is too slow loses its stream, connects anew and fetches its page again; so does every browser when the
broker was away. Notices that come close together go out together, and what was said already in such a burst is not
said again: a page fetches a part once for them all.
"""

import asyncio
import contextlib
import os
import resource
import socket
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import structlog
from granian.constants import Interfaces, SSLProtocols
from granian.log import LogLevels
from granian.server import Server
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
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
from server.conversations import actions as conversations
from server.devices import certification
from server.devices.broker_configuration import LIVE_USER
from server.kernel import logs
from server.kernel.errors import GenkanError
from server.kernel.ids import ConversationId, PersonId, VisitorId
from server.kernel.live import CALL, SESSIONS, VISITOR
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.kernel.work import Office
from server.people import actions as people
from server.processes import ports, tls
from server.processes.orphans import end_with
from server.visits import actions as visits
from server.web import phone
from server.web.limits import network_of
from server.web.session import COOKIE

log = structlog.get_logger(__name__)

HEARTBEAT = 15
"""Seconds between events of this name on a stream: proxies keep it open, and pages see that it is not dead."""
WAITING_AT_MOST = 200
"""Notices that a slow browser may be behind before its stream ends."""
GATHERED = timedelta(milliseconds=40)
"""So long the first notice after a quiet time waits for others: what follows from one change comes within this."""
PAUSE = timedelta(milliseconds=400)
"""Between two bursts on a stream: of all that happens meanwhile a page hears at once."""
REFRESH = LiveNotice(what="refresh")
"""Told to every page when notices may have been missed."""

CHECKED_EVERY = 45
"""Seconds after which a session or a visitor's link is looked at again where nothing told of it."""
ATTEMPTS = "120 per minute"
"""So often one address may open visitors' streams."""
MOST_STREAMS = 200
"""Streams of visitors from one address that may be open at once: a group in one network, and some more."""

Wants = Callable[[LiveNotice], bool]
StillAllowed = Callable[[], Awaitable[bool]]
AtPhone = Callable[[Office, str, str], VisitorId | None]
"""Who the holder of a phone is to the live process: by the address' last part and the phone's secret."""


def for_staff(person: PersonId) -> Wants:
    """Return what a member of staff is to hear of: visitors' own pages are none of theirs, nor others' sessions."""

    def wants(notice: LiveNotice) -> bool:
        if notice.what == SESSIONS:
            return notice.about == person
        return notice.what != VISITOR

    return wants


def for_visitor(visitor: VisitorId) -> Wants:
    """Return what a visitor's page is to hear of: what is about them, and that something may have been missed."""
    own = {VISITOR, CALL}
    return lambda notice: notice == REFRESH or (notice.what in own and notice.about == visitor)


class Waiting:
    """What one stream has yet to say; used on the loop alone."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin with nothing."""
        self._loop = loop
        # In the order in which they came, each once.
        self._notices: dict[LiveNotice, None] = {}
        self._any = asyncio.Event()
        self._ended = False
        self._again_at = 0.0

    def tell(self, notice: LiveNotice) -> bool:
        """Add a notice; False where the browser is too far behind, which ends the stream."""
        if notice not in self._notices and len(self._notices) >= WAITING_AT_MOST:
            self.end()
            return False
        self._notices[notice] = None
        self._any.set()
        return True

    def end(self) -> None:
        """End the stream, and say no more."""
        self._ended = True
        self._any.set()

    async def burst(self, within: float | None = None) -> list[LiveNotice] | None:
        """Wait for notices and return them, none where none came `within` so many seconds, None at the end."""
        try:
            await asyncio.wait_for(self._any.wait(), within)
        except TimeoutError:
            return []
        if not self._ended:
            pause = max(GATHERED.total_seconds(), self._again_at - self._loop.time())
            await asyncio.sleep(pause)
        if self._ended:
            return None
        self._again_at = self._loop.time() + PAUSE.total_seconds()
        self._any.clear()
        notices = list(self._notices)
        self._notices.clear()
        return notices


class Streams:
    """Every open stream of this process; `tell` may be called from any thread."""

    def __init__(self) -> None:
        """Begin with none; the loop is the running one."""
        self._loop = asyncio.get_running_loop()
        self._open: dict[Waiting, Wants] = {}

    def tell(self, notice: LiveNotice | None) -> None:
        """Hand a notice to every stream; None ends them all."""
        self._loop.call_soon_threadsafe(self._tell, notice)

    async def stream(
        self, wants: Wants, still_allowed: StillAllowed, checked_every: float, told_by: Wants
    ) -> AsyncGenerator[ServerSentEvent]:
        """Yield events until the browser leaves, is too slow, may no longer have them, or the process stops.

        That last but one is asked before each burst in which a notice may tell of it, and each `checked_every` seconds.
        """
        with self._waiting(wants) as waiting:
            yield ServerSentEvent(event="connected", data="", retry=3000)
            checked_at = self._loop.time()
            while (notices := await waiting.burst(checked_every)) is not None:
                now = self._loop.time()
                if now - checked_at >= checked_every or any(told_by(each) for each in notices):
                    if not await still_allowed():
                        # The page asks for its parts once more, and learns why there are none.
                        yield ServerSentEvent(event=REFRESH.what, data="")
                        return
                    checked_at = now
                for notice in notices:
                    yield ServerSentEvent(event=notice.what, data=notice.about)

    @contextmanager
    def _waiting(self, wants: Wants) -> Generator[Waiting]:
        waiting = Waiting(self._loop)
        self._open[waiting] = wants
        try:
            yield waiting
        finally:
            self._open.pop(waiting, None)

    def _tell(self, notice: LiveNotice | None) -> None:
        for waiting, wants in list(self._open.items()):
            if notice is None:
                waiting.end()
            elif wants(notice) and not waiting.tell(notice):
                self._open.pop(waiting, None)


class Doorkeeper:
    """Holds back who opens too many visitors' streams from one address."""

    def __init__(self, settings: Settings) -> None:
        """Begin with none."""
        self._hops = settings.trusted_proxies
        usual = parse(ATTEMPTS)
        self._attempts = type(usual)(max(1, int(usual.amount * settings.limits_factor)))
        self._most = max(1, int(MOST_STREAMS * settings.limits_factor))
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._open: Counter[str] = Counter()

    def lets_in(self, request: Request) -> bool:
        """Count an attempt, and tell whether it is one too many."""
        sender = self.sender(request)
        return self._limiter.hit(self._attempts, sender) and self._open[sender] < self._most

    async def counted(
        self, request: Request, events: AsyncGenerator[ServerSentEvent]
    ) -> AsyncGenerator[ServerSentEvent]:
        """Yield the events, and count the stream while it is open."""
        sender = self.sender(request)
        self._open[sender] += 1
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    yield event
        finally:
            self._open[sender] -= 1
            if not self._open[sender]:
                del self._open[sender]

    def sender(self, request: Request) -> str:
        """Return the address to count, as the last proxy that is believed wrote it down."""
        forwarded = ",".join(request.headers.getlist("X-Forwarded-For")).split(",")
        if self._hops and len(forwarded) >= self._hops:
            return network_of(forwarded[-self._hops].strip())
        return network_of(request.client.host if request.client else "")


def create_live(
    office: Office, transport: Transport, checked_every: float = CHECKED_EVERY
) -> Starlette:
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
        person = await run_in_threadpool(_signed_in, office, secret) if secret else None
        if person is None:
            return PlainTextResponse("Please sign in.", 401)

        async def still_signed_in() -> bool:
            return person == await run_in_threadpool(_signed_in, office, secret)

        streams: Streams = request.app.state.streams
        events = streams.stream(
            for_staff(person), still_signed_in, checked_every, lambda each: each.what == SESSIONS
        )
        return EventSourceResponse(events, ping=HEARTBEAT, ping_message_factory=_heartbeat)

    return Starlette(
        routes=[
            Route("/live", live),
            Route("/live/visitor/{token}", _visitor_streams(office, checked_every)),
            Route("/live/conversation/{token}", _visitor_streams(office, checked_every, _writes)),
            Route("/health", _health),
        ],
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


def _visitor_streams(
    office: Office, checked_every: float, at_phone: AtPhone | None = None
) -> Callable[[Request], Awaitable[Response]]:
    known = at_phone or _visitor_at_phone
    doorkeeper = Doorkeeper(office.settings)

    async def live_for_visitor(request: Request) -> Response:
        if not doorkeeper.lets_in(request):
            return PlainTextResponse("Please wait a minute.", 429, {"Retry-After": "60"})
        token, secret = request.path_params["token"], request.cookies.get(phone.COOKIE, "")
        visitor = await run_in_threadpool(known, office, token, secret)
        if visitor is None:
            return PlainTextResponse("Please open the link in your invitation.", 403)

        async def still_allowed() -> bool:
            return visitor == await run_in_threadpool(known, office, token, secret)

        streams: Streams = request.app.state.streams
        # What is about them is little, and may be of just that: another phone took over.
        events = streams.stream(
            for_visitor(visitor), still_allowed, checked_every, lambda _each: True
        )
        return EventSourceResponse(
            doorkeeper.counted(request, events), ping=HEARTBEAT, ping_message_factory=_heartbeat
        )

    return live_for_visitor


def _heartbeat() -> ServerSentEvent:
    return ServerSentEvent(event="heartbeat", data="")


async def _health(_request: Request) -> Response:
    return PlainTextResponse("ok")


def _signed_in(office: Office, secret: str) -> PersonId | None:
    with office.reading(Principal.anonymous()) as work:
        found = people.identify_session(work, secret)
        return found[2].id if found else None


def _visitor_at_phone(office: Office, token: str, secret: str) -> VisitorId | None:
    if not secret.isascii():
        return None
    with office.reading(Principal.anonymous()) as work:
        try:
            _, visitor = visits.at_phone(work, token, secret)
        except GenkanError:
            return None
        return visitor.id


def _writes(office: Office, conversation: str, secret: str) -> VisitorId | None:
    """Return the name by which the page of somebody without a visit is told, where this phone is theirs."""
    if not secret.isascii() or not secret:
        return None
    with office.reading(conversations.stranger(conversations.identity(secret))) as work:
        try:
            found = conversations.find(work, ConversationId(conversation))
        except GenkanError:
            return None
        return VisitorId(found.id)


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
    """Serve until told to stop; raises `PortTaken` or `NoCertificate`."""
    ports.live(settings).check()
    files = tls.prepare(settings, "live")
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
        ssl_cert=files and files.certificate,
        ssl_key=files and files.key,
        ssl_protocol_min=SSLProtocols.tls12,
        log_level=LogLevels.error,
    ).serve()
