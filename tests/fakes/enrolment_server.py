"""A server that knows enrolment only: answers over real HTTP, and records what it was asked.

It signs as the site's authority of the tests, and its certificates are of the authority of their brokers.
"""

import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import msgspec

from access_protocol import codec, enrolment
from access_protocol.certificates import requested_key
from access_protocol.enrolment import Enrolment, EnrolmentAnswer, EnrolmentRequest
from access_protocol.keys import SigningKey
from tests.services.broker import authority_of_tests

AUTHORITY = SigningKey(b"A" * 32)


def answer(
    told: Enrolment, asked: EnrolmentRequest, code: str, signs: SigningKey = AUTHORITY
) -> EnrolmentAnswer:
    """The answer of a server that made `code`; the certificate of `told` is made for the key that asks."""
    made = authority_of_tests()
    now = datetime.now(UTC)
    certificate = made.for_client(f"{told.device}.1", requested_key(asked.csr), 7, now)
    told = msgspec.structs.replace(
        told, certificate=certificate, certificate_authority=made.certificate
    )
    return enrolment.answer(told, asked, enrolment.code_key(code), signs)


class EnrolmentServer:
    """Each code works once; anything else is refused with a problem document (RFC 9457)."""

    def __init__(self, codes: dict[str, Enrolment], signs: SigningKey = AUTHORITY) -> None:
        self.requests: list[EnrolmentRequest] = []
        self._signs = signs
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
        known = [
            code for code in self._codes if enrolment.proves(request, enrolment.code_key(code))
        ]
        if not known:
            problem = {"title": "Unknown code", "detail": "This code is spent or was never made."}
            return 404, msgspec.json.encode(problem)
        told = self._codes.pop(known[0])
        return 201, codec.encode(answer(told, request, known[0], self._signs))

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
