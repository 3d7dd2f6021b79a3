"""The one way to send HTTP to an address that people gave us: push endpoints, hooks, messengers.

The name is looked up once, when a request is sent; the connection goes to the very address that was checked. No
redirect is followed, no proxy asked, TLS is verified with the name, and time and answer have a limit.
"""
# ruff: noqa: ANN401  what is overridden here is typed so in requests itself

import logging
import socket
import ssl
import threading
import time
from functools import cache
from typing import Any, cast

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError

from server.kernel import destinations
from server.kernel.destinations import Destinations
from server.kernel.settings import Settings

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 5.0, 10.0, 20.0
"""Well below the lease of an outbox row."""
LARGEST_ANSWER = 64 * 1024
"""Bytes of an answer that are read; what follows is dropped."""


# It writes the path of each request at the level of debugging, and the path of a push endpoint is a key.
logging.getLogger("urllib3").setLevel(logging.INFO)


class ForbiddenAddress(requests.exceptions.InvalidURL):
    """The address leads where no request may go."""


class Session(requests.Session):
    """A session of requests that goes only where it may; for one request or a few in a row, on one thread."""

    def __init__(
        self,
        allowed: Destinations,
        trust: ssl.SSLContext,
        *,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        """Reach public addresses and those allowed; trust the authorities of `trust`."""
        super().__init__()
        self._total_seconds = total_seconds
        self.trust_env = False  # no proxies, no .netrc
        self._open: list[socket.socket] = []
        adapter = _Adapter(allowed, trust, self._open)
        self.adapters.clear()
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one request; the answer's body is what came of it within time and size."""
        ends = time.monotonic() + self._total_seconds
        guard = threading.Timer(self._total_seconds, self._cut)
        guard.daemon = True
        guard.start()
        try:
            kwargs |= {
                "stream": True,
                "allow_redirects": False,
                "timeout": (CONNECT_SECONDS, READ_SECONDS),
                "verify": True,
                "proxies": {},
            }
            answer = super().send(request, **kwargs)
            if time.monotonic() >= ends:
                # What was cut off within its headers looks like an answer.
                answer.close()
                raise requests.exceptions.ReadTimeout("no whole answer in time", request=request)
            _read(answer, ends)
            return answer
        finally:
            guard.cancel()

    def close(self) -> None:
        """Close what is open."""
        super().close()
        while self._open:
            self._open.pop().close()

    def _cut(self) -> None:
        # A peer that sends a byte now and then never runs into the time limit of one read.
        for each in self._open:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def session(settings: Settings) -> Session:
    """Return a session as the settings allow; use it as a context manager."""
    trust = trust_of(str(settings.outbound_ca_file or ""))
    return Session(Destinations.of(settings.outbound_allowed), trust)


@cache
def trust_of(extra: str) -> ssl.SSLContext:
    """Return what trusts the public authorities and those of one more PEM file."""
    trust = ssl.create_default_context()
    trust.load_verify_locations(certifi.where())
    if extra:
        trust.load_verify_locations(extra)
    return trust


def _read(answer: requests.Response, ends: float) -> None:
    body = b""
    try:
        for part in answer.iter_content(8192):
            body += part
            if len(body) >= LARGEST_ANSWER or time.monotonic() > ends:
                break
    except (requests.RequestException, HTTPError, OSError):
        # Status and headers came: the rest of what it says does not matter.
        body = body[:LARGEST_ANSWER]
    finally:
        answer.close()
    # The one place where requests keeps a body that was read.
    answer._content = body[:LARGEST_ANSWER]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


class _Adapter(HTTPAdapter):
    """Makes connections that know where they may go."""

    def __init__(
        self, allowed: Destinations, trust: ssl.SSLContext, opened: list[socket.socket]
    ) -> None:
        self._allowed, self._trust, self._opened = allowed, trust, opened
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        manager = PoolManager(num_pools=1, maxsize=1, ssl_context=self._trust)
        manager.pool_classes_by_scheme = _pools(self._allowed, self._opened)
        self.poolmanager = manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        # requests would load its bundle of authorities anew for each connection; the context holds them.
        if url.lower().startswith("https"):
            conn.cert_reqs = "CERT_REQUIRED"

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        pool.pop("ca_certs", None)
        pool.pop("ca_cert_dir", None)
        return host, pool | ({"ssl_context": self._trust} if host["scheme"] == "https" else {})

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().send(request, *args, **kwargs)
        except requests.exceptions.ConnectionError as error:
            if _is_forbidden(error):
                raise ForbiddenAddress("the address leads where no request may go") from None
            raise


def _is_forbidden(error: BaseException | None) -> bool:
    reason = getattr(error.args[0], "reason", None) if error and error.args else None
    return isinstance(reason, _NotPermitted)


class _NotPermitted(NewConnectionError):
    """Carries through urllib3 that an address was refused."""


def _pools(allowed: Destinations, opened: list[socket.socket]) -> dict[str, Any]:
    def connect(connection: HTTPConnection, *, encrypted: bool) -> socket.socket:
        host, port = connection.host, connection.port
        try:
            found = allowed.choose(host, port, encrypted=encrypted)
        except destinations.Forbidden as error:
            raise _NotPermitted(connection, str(error)) from error
        except OSError as error:
            raise NewConnectionError(connection, f"no address: {error}") from error
        made = _connected(connection, found, port)
        # TLS takes the socket over; a second handle on it can end the connection at any time.
        opened.append(made.dup())
        return made

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self, encrypted=False)

    class Encrypted(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self, encrypted=True)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = cast("Any", Plain)

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = cast("Any", Encrypted)

    return {"http": PlainPool, "https": EncryptedPool}


def _connected(
    connection: HTTPConnection, found: list[tuple[int, str]], port: int
) -> socket.socket:
    error: OSError | None = None
    for family, address in found:
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.settimeout(CONNECT_SECONDS)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.connect((address, port))
        except OSError as failed:
            made.close()
            error = failed
        else:
            return made
    raise NewConnectionError(connection, f"nobody answers: {error}")
