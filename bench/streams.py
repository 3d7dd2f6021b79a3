"""How long a request takes beside 500 open event streams, and how soon one notice has reached them all."""

import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Self

import httpx

from bench.result import Result, Skipped, Track
from demo.ports import free_port
from demo.program import DidNotStart, StartedProcess

STREAMS = 500
REQUESTS = 400
NOTICES = 5
DEADLINE = 30.0
ROOT = Path(__file__).resolve().parent.parent
SIGN_IN = {"email": "admin@genkan.example", "password": "genkan-demo-2026"}
SMALL_VIEW = "/api/v1/sites"


def request_ms_beside_500_streams(track: Track) -> Iterator[Result]:
    """Measure a small JSON view of a whole server, with and without open streams."""
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as environment:
        url, live = environment["GENKAN_BASE_URL"], int(environment["GENKAN_LIVE_PORT"])
        with httpx.Client(base_url=url, timeout=DEADLINE) as client:
            token = client.post("/api/v1/session", json=SIGN_IN).raise_for_status().json()
            client.headers["X-CSRF-Token"] = token["csrf_token"]
            cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
            _latencies(client, REQUESTS // 4)
            alone = _latencies(client, REQUESTS // 2)
            with Streams(live, cookie) as streams:
                opened = time.perf_counter()
                for _ in track(range(STREAMS), "open streams"):
                    streams.open()
                opening = (time.perf_counter() - opened) / STREAMS
                beside = _latencies(client, REQUESTS)
                reached = [_notice(client, streams, number) for number in range(NOTICES)]
            # Once more, so that a machine that grew busier meanwhile does not look like streams.
            alone += _latencies(client, REQUESTS // 2)
    yield Result.of(
        "request_ms_beside_500_streams",
        "ms",
        beside,
        baseline=median(alone),
        baseline_is="the same requests without an open stream",
        streams=STREAMS,
        stream_opens_in_ms=round(opening * 1000, 2),
        notice_reaches_all_in_ms=round(median(reached), 1),
        cores=os.cpu_count(),
    )


class Streams:
    """Event streams of one signed-in browser, each over a connection of its own."""

    def __init__(self, port: int, cookie: str) -> None:
        """Open none yet."""
        self._port = port
        self._request = (
            f"GET /live HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n"
            "Accept: text/event-stream\r\n\r\n"
        ).encode()
        self._selector = selectors.DefaultSelector()
        self._open = ExitStack()

    def open(self) -> None:
        """Open one more, and wait until it says that it is connected."""
        line = self._open.enter_context(socket.create_connection(("127.0.0.1", self._port)))
        line.settimeout(DEADLINE)
        line.sendall(self._request)
        heard = b""
        while b"event: connected" not in heard:
            part = line.recv(4096)
            if not part:
                raise ConnectionError(f"the stream ended: {heard[:200]!r}")
            heard += part
        self._selector.register(line, selectors.EVENT_READ)

    def hear(self, event: str) -> None:
        """Wait until an event of this name has reached every stream."""
        lines = {key.fd: b"" for key in self._selector.get_map().values()}
        wanted = f"event: {event}\r\n".encode()
        deadline = time.monotonic() + DEADLINE
        while lines:
            ready = self._selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError(f"{len(lines)} streams heard nothing of {event}")
            for key, _ in ready:
                line = key.fileobj
                part = line.recv(4096) if isinstance(line, socket.socket) else b""
                if not part:
                    raise ConnectionError("a stream ended")
                if key.fd in lines:
                    lines[key.fd] += part
                    if wanted in lines[key.fd]:
                        del lines[key.fd]

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every stream."""
        self.close()

    def close(self) -> None:
        """Close every stream."""
        self._selector.close()
        self._open.close()


@contextmanager
def _server(folder: Path) -> Generator[dict[str, str]]:
    """Run a demo site's whole server on free ports; gives the environment with its settings."""
    web, live = free_port(), free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GENKAN_")},
        "PYTHONUNBUFFERED": "1",
        "GENKAN_DEMO": "true",
        "GENKAN_DATA_FOLDER": str(folder / "data"),
        "GENKAN_BASE_URL": f"http://127.0.0.1:{web}",
        "GENKAN_LIVE_URL": f"http://127.0.0.1:{live}",
        "GENKAN_WEB_PORT": str(web),
        "GENKAN_LIVE_PORT": str(live),
        "GENKAN_BROKER_PORT": str(free_port()),
        "GENKAN_WORKER_WAKE": f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}",
    }
    command = [sys.executable, "-m", "server"]
    for step in (["init"], ["demo-data", "--json"]):
        subprocess.run(
            [*command, *step], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
        )
    try:
        running = StartedProcess(
            [*command, "serve"], ready="is ready", environment=environment, folder=ROOT
        )
    except DidNotStart as why:
        raise Skipped(str(why)) from why
    try:
        yield environment
    finally:
        running.stop(signal.SIGTERM)


def _latencies(client: httpx.Client, count: int) -> list[float]:
    taken: list[float] = []
    for _ in range(count):
        begun = time.perf_counter()
        client.get(SMALL_VIEW).raise_for_status()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def _notice(client: httpx.Client, streams: Streams, number: int) -> float:
    """Return the milliseconds from a change to the moment in which every stream heard of it."""
    device = {"id": f"bench-{number}", "site": "TYO", "kind": "gate", "name": "Bench"}
    begun = time.perf_counter()
    client.post("/api/v1/devices", json=device).raise_for_status()
    streams.hear("devices")
    return (time.perf_counter() - begun) * 1000
