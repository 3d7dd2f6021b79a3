"""Serves the display's pages to this machine alone, and tells them what happens by an event stream.

The standard library's server, on the loopback address: a page is read once a day, and the stream
(server-sent events, HTML Living Standard 9.2) carries a few lines a minute.
"""

import html
import importlib.resources
import json
import re
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import msgspec

from access_protocol.ids import AccessPointId
from access_protocol.wording import Language
from gate_agent.display import screens
from gate_agent.display.board import DisplayFeedback, Shown
from gate_agent.logs import Log

ADDRESS = "127.0.0.1"
MOST_PAGES = 16
"""Connections at a time; a gate has as many displays as it has readers, and people who try it out."""
KEEP_ALIVE_S = 15.0
REQUEST_WITHIN_S = 10.0

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ASSETS = {"/display.css", "/display.js", "/tokens.css", "/icons.svg"}
_STREAM = re.compile(r"/([a-z0-9-]{1,32})?/?events")
_PAGE = re.compile(r"/([a-z0-9-]{1,32})?")

log = Log(__name__)


class DisplayOptions(NamedTuple):
    """How the pages are: the languages in their order, the arrow of each access point, the sound."""

    languages: tuple[Language, ...] = tuple(Language)
    arrows: tuple[tuple[AccessPointId | None, str], ...] = ()
    sound: bool = True

    def arrow(self, point: str) -> str:
        """Return where the arrow of an access point's page points."""
        known = {one: arrow for one, arrow in self.arrows}  # noqa: C416 - NamedTuples stay hashable
        return known.get(AccessPointId(point)) or (self.arrows[0][1] if self.arrows else "ahead")


class DisplayUnavailable(Exception):
    """The display's port cannot be used."""


class DisplayServer(ThreadingHTTPServer):
    """The display's pages at `url`; runs until it is closed."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, feedback: DisplayFeedback, options: DisplayOptions, port: int) -> None:
        """Listen on `port` of the loopback address; 0 is any free one. Raises `DisplayUnavailable`."""
        self.feedback = feedback
        self.options = options
        self._room = threading.Semaphore(MOST_PAGES)
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise DisplayUnavailable(f"port {port} cannot be used: {error.strerror}") from error
        self.url = f"http://{ADDRESS}:{self.server_address[1]}/"
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.2,), name="display", daemon=True
        )

    def start(self) -> None:
        """Serve, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """End the event streams and stop listening."""
        self.feedback.close()
        self.shutdown()
        self.server_close()
        self._thread.join(REQUEST_WITHIN_S)

    def process_request(self, request: object, client_address: object) -> None:
        """Take a connection, unless there are too many."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)  # pyright: ignore[reportArgumentType]
        else:
            self.shutdown_request(request)  # pyright: ignore[reportArgumentType]

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Give the connection's room back when it is done."""
        try:
            super().process_request_thread(request, client_address)  # pyright: ignore[reportArgumentType]
        finally:
            self._room.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log what a connection died of; a page that goes away is nothing to speak of."""
        log.exception("display_failed")  # noqa: LOG004 - called while the error is handled


class _Handler(BaseHTTPRequestHandler):
    """One connection: a page, an asset or the event stream of one access point."""

    server: DisplayServer  # pyright: ignore[reportIncompatibleVariableOverride]  # its own server only
    server_version = "Genkan"
    sys_version = ""
    timeout = REQUEST_WITHIN_S

    def do_GET(self) -> None:
        """Answer a page's request."""
        try:
            self._answer(self.path.partition("?")[0])
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _answer(self, path: str) -> None:
        port = self.server.server_address[1]
        if self.headers.get("Host") not in {f"{ADDRESS}:{port}", f"localhost:{port}"}:
            # A page of somebody else whose name was made to mean this machine.
            self._send(
                HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"This is not the gate's name.\n"
            )
        elif path in _ASSETS:
            name = path.removeprefix("/")
            self._send(HTTPStatus.OK, _TYPES[name.rpartition(".")[2]], _asset(name))
        elif (stream := _STREAM.fullmatch(path)) and self._shown(stream[1] or "") is not None:
            self._stream(stream[1] or "")
        elif path == "/" and len(self.server.feedback.points) > 1:
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", self._list())
        elif (page := _PAGE.fullmatch(path)) and self._shown(page[1] or "") is not None:
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", self._page(page[1] or ""))
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"There is no such access point here.\n")

    def _shown(self, point: str) -> Shown | None:
        return self.server.feedback.shown(point)

    def _page(self, point: str) -> bytes:
        options = self.server.options
        told = {
            "events": f"/{point}/events" if point else "/events",
            "languages": options.languages,
            "arrow": options.arrow(point),
            "sound": options.sound,
            "lost": _TROUBLE,
        }
        page = _asset("display.html").decode()
        text = page.replace("{{language}}", options.languages[0])
        return text.replace("{{told}}", html.escape(json.dumps(told, ensure_ascii=False))).encode()

    def _list(self) -> bytes:
        points = "".join(
            f'<li><a href="/{point}">{point}</a></li>' for point in self.server.feedback.points
        )
        return _asset("list.html").decode().replace("{{points}}", points).encode()

    def _send(self, status: HTTPStatus, type_: str, body: bytes) -> None:
        self.send_response(status)
        self._headers(type_)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _headers(self, type_: str) -> None:
        self.send_header("Content-Type", type_)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")

    def _stream(self, point: str) -> None:
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        self._headers("text/event-stream")
        self.end_headers()
        self.wfile.write(b"retry: 1000\n\n")
        feedback, last = self.server.feedback, b""
        while not feedback.closed:
            # Read before the board: what happens while a page is written to is not slept through.
            known, shown = feedback.news, feedback.shown(point)
            if shown is None:
                return
            now = _event(shown, feedback)
            # A comment keeps the stream alive, and finds out that the page has gone.
            self.wfile.write(now if now != last else b":\n\n")
            last = now
            left = KEEP_ALIVE_S if shown.left is None else min(shown.left, KEEP_ALIVE_S)
            feedback.wait_for_news(known, left)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: what a page asks for is no news."""


def _event(shown: Shown, feedback: DisplayFeedback) -> bytes:
    body = {
        "number": shown.number,
        "screen": shown.screen,
        "marks": [*screens.marks(feedback.standing()), *shown.marks],
        "code": shown.code,
    }
    return b"event: screen\ndata: " + msgspec.json.encode(body) + b"\n\n"


def _asset(name: str) -> bytes:
    return importlib.resources.files("gate_agent.display").joinpath("static", name).read_bytes()


_TROUBLE = msgspec.to_builtins(screens.TROUBLE)
