"""A push service on this machine, over HTTPS with a certificate of the tests' own authority, and browsers that read."""

import base64
import json
import os
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.devices import authority
from server.devices.authority import Authority


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    """By their names in small letters."""
    body: bytes
    at: float
    """On the monotonic clock."""


@dataclass(frozen=True)
class Reply:
    """What the service answers."""

    status: int = 201
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


class PushService:
    """Takes whatever is posted to it; `replies` are given first, then 201."""

    def __init__(self, folder: Path, names: Sequence[str] = ("localhost", "127.0.0.1")) -> None:
        """Make an authority and a certificate for these names, and listen on a free port of localhost."""
        made = Authority.new(datetime.now(UTC))
        own = made.for_broker(names, datetime.now(UTC))
        self.ca_file = folder / "push-authority.pem"
        self.ca_file.write_text(authority.pem_certificate(made.certificate), "ascii")
        self.own_file = own_file = folder / "push.pem"
        own_pem = authority.pem_certificate(own.certificate) + authority.pem_key(own.key)
        own_file.write_text(own_pem, "ascii")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(own_file)
        self.replies: deque[Reply] = deque()
        self.received: list[Received] = []
        self._changed = threading.Condition()
        self._server = _Server(self, tls)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"https://localhost:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def note(self, request: Received) -> Reply:
        """Keep a request and say what to answer."""
        with self._changed:
            self.received.append(request)
            self._changed.notify_all()
            return self.replies.popleft() if self.replies else Reply()

    def wait_for(self, count: int, seconds: float = 20) -> list[Received]:
        """Wait until so many requests came."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.received) >= count, seconds):
                raise TimeoutError(f"{len(self.received)} of {count} requests came")
            return list(self.received)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, service: PushService, tls: ssl.SSLContext) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                self._answer(service.note(Received(self.path, headers, body, time.monotonic())))

            do_GET = do_PUT = do_POST  # noqa: N815  the standard library's names

            def _answer(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._tls = tls
        super().__init__(("127.0.0.1", 0), Handler)

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        # The handshake is the handler thread's: a client that stops in it holds nobody else up.
        wrapped = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        wrapped.settimeout(20)
        return wrapped, address

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients break off on purpose: when they do not trust us, for example."""


class Browser:
    """The keys of one push subscription, and what it makes of a push."""

    def __init__(self, service_url: str, name: str = "b") -> None:
        """Subscribe, with a path that nobody can guess."""
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._auth = os.urandom(16)
        self.path = f"/push/{name}-{os.urandom(16).hex()}"
        self.endpoint = f"{service_url}{self.path}"

    @property
    def keys(self) -> dict[str, str]:
        """As `PushSubscription.toJSON()` gives them."""
        point = self._private.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )
        return {"p256dh": to_base64url(point), "auth": to_base64url(self._auth)}

    @property
    def subscription(self) -> dict[str, Any]:
        """As the page sends it."""
        return {"endpoint": self.endpoint, "keys": self.keys}

    def read(self, push: Received) -> dict[str, Any]:
        """Decrypt a push (RFC 8291)."""
        text = http_ece.decrypt(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            push.body, private_key=self._private, auth_secret=self._auth, version="aes128gcm"
        )
        return json.loads(text)  # pyright: ignore[reportUnknownArgumentType]


def vapid_claims(push: Received, public_key: str) -> dict[str, Any]:
    """Verify who sent a push (RFC 8292, section 3) and return the claims; raises `InvalidSignature`."""
    scheme, _, rest = push.headers["authorization"].partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    if scheme != "vapid" or parts["k"] != public_key:
        raise ValueError("not signed with the key that the browser knows")
    signed, _, signature = parts["t"].rpartition(".")
    raw = from_base64url(signature)
    pair = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_base64url(public_key))
    key.verify(pair, signed.encode(), ec.ECDSA(SHA256()))
    return json.loads(from_base64url(signed.split(".")[1]))


def to_base64url(raw: bytes) -> str:
    """Without padding, as browsers write it."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Without padding, as browsers write it."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
