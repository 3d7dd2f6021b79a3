"""Open pages without a browser: each hears its event stream and fetches its fragments as htmx does.

A fragment that is being fetched when it is told of once more is fetched again after that, once, however often it was
told (`hx-sync="this:queue last"`).
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

REFRESH = "refresh"
_CONNECTED = "connected"
_OPENS_WITHIN_S = 60.0
_OK = 200


class Fragment(NamedTuple):
    """A part of a page: where it is fetched, and the notices after which it is."""

    path: str
    notices: frozenset[str]
    delay_s: float = 0.0
    """How long it waits for further notices before it is fetched."""


class Served(NamedTuple):
    """Where a server is reached, and whom to believe there."""

    web: str
    live: str
    trust: ssl.SSLContext


class Page:
    """One open page; `shown` is called with a fragment's path and text, and when it was there."""

    def __init__(
        self,
        served: Served,
        stream: str,
        fragments: Sequence[Fragment],
        headers: Mapping[str, str],
        shown: Callable[[str, bytes, float], None],
    ) -> None:
        """Prepare it; nothing is sent before `open`."""
        self._stream = _Line(served.live, served.trust, headers)
        self._path = stream
        self._fetched = [
            _Fetched(each, _Line(served.web, served.trust, headers), shown) for each in fragments
        ]
        self._tasks = set[asyncio.Task[None]]()
        self.fetches = 0
        """How many fragments were fetched."""

    async def open(self) -> None:
        """Open the stream, and return once it says that it is connected. Raises ConnectionError, TimeoutError."""
        async with asyncio.timeout(_OPENS_WITHIN_S):
            await self._stream.ask(self._path, {"Accept": "text/event-stream"})
            status = await self._stream.status()
            if status != _OK:
                raise ConnectionError(f"{self._path}: {status}")
            while await self._stream.event() != _CONNECTED:
                pass
        self._begin(self._listen())

    async def close(self) -> None:
        """Leave the page."""
        for task in self._tasks:
            task.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._stream.close()
        for each in self._fetched:
            each.line.close()
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    def raise_what_failed(self) -> None:
        """Raise what ended the page's stream or a fetch of it, if anything did."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _listen(self) -> None:
        while True:
            event = await self._stream.event()
            for each in self._fetched:
                if event != REFRESH and event not in each.fragment.notices:
                    continue
                if each.under_way:
                    each.told_again = True
                else:
                    each.under_way = True
                    self._begin(self._fetch(each))

    async def _fetch(self, each: "_Fetched") -> None:
        while True:
            await asyncio.sleep(each.fragment.delay_s)
            each.told_again = False
            await each.fetch()
            self.fetches += 1
            if not each.told_again:
                each.under_way = False
                return

    def _begin(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is None:
            self._tasks.discard(task)


class _Fetched:
    """A fragment on its page."""

    def __init__(
        self, fragment: Fragment, line: "_Line", shown: Callable[[str, bytes, float], None]
    ) -> None:
        self.fragment, self.line, self._shown = fragment, line, shown
        self.under_way = self.told_again = False

    async def fetch(self) -> None:
        text = await self.line.get(self.fragment.path)
        self._shown(self.fragment.path, text, time.monotonic())


class _Line:
    """One connection to a server, kept open; HTTP/1.1 by hand: clients of a library would cost more than the server."""

    def __init__(self, url: str, trust: ssl.SSLContext, headers: Mapping[str, str]) -> None:
        at = urlsplit(url)
        self._host, self._port, self._trust = at.hostname or "", at.port, trust
        told = {"Host": at.netloc, **headers}
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def get(self, path: str) -> bytes:
        """Return what is at `path`; raise ConnectionError where it is not there."""
        for again in (True, False):
            try:
                await self.ask(path, {"HX-Request": "true"})
                status = await self.status()
                text = await self._body()
            except (ConnectionError, asyncio.IncompleteReadError):
                # The server may end a connection that was quiet for long.
                self.close()
                if not again:
                    raise
                continue
            if status != _OK:
                raise ConnectionError(f"{path}: {status} {text[:200]!r}")
            return text
        raise AssertionError

    async def ask(self, path: str, headers: Mapping[str, str]) -> None:
        """Send a request."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(
                self._host, self._port, ssl=self._trust
            )
        further = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._writer.write(f"GET {path} HTTP/1.1\r\n{self._headers}{further}\r\n".encode())
        await self._writer.drain()

    async def status(self) -> int:
        """Read the head of an answer, and return its status."""
        head = await self._read.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self._told = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        return int(first.split()[1])

    async def event(self) -> str:
        """Return the name of the stream's next event."""
        while True:
            line = await self._read.readuntil(b"\n")
            if line.startswith(b"event:"):
                return line[6:].strip().decode()

    def close(self) -> None:
        """End the connection."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    @property
    def _read(self) -> asyncio.StreamReader:
        if self._reader is None:
            raise ConnectionError("not connected")
        return self._reader

    async def _body(self) -> bytes:
        if "chunked" not in self._told.get("transfer-encoding", ""):
            return await self._read.readexactly(int(self._told.get("content-length", "0")))
        parts = list[bytes]()
        while size := int((await self._read.readuntil(b"\r\n")).split(b";")[0], 16):
            parts.append((await self._read.readexactly(size + 2))[:-2])
        await self._read.readuntil(b"\r\n")
        return b"".join(parts)
