"""A server that knows enrolment only: answers over real HTTP, and records what it was asked."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import msgspec

from access_protocol import codec
from access_protocol.enrolment import Enrolment, EnrolmentRequest


class EnrolmentServer:
    """Each code works once; anything else is refused with a problem document (RFC 9457)."""

    def __init__(self, codes: dict[str, Enrolment]) -> None:
        self.requests: list[EnrolmentRequest] = []
        self._codes = codes
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        if path != "/api/v1/devices/enrolments":
            return 404, b"no such page"
        request = codec.decode(EnrolmentRequest, body)
        self.requests.append(request)
        enrolment = self._codes.pop(request.code, None)
        if enrolment is None:
            problem = {"title": "Unknown code", "detail": "This code is spent or was never made."}
            return 404, msgspec.json.encode(problem)
        return 201, codec.encode(enrolment)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = server._answer(self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler
