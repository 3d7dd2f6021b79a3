"""A TCP line between a device and its broker that can be cut, held, slowed, and made to lose what goes one way.

It passes bytes on and reads none of them: TLS goes through untouched. A direction that lost bytes stays
silent also when the line is mended, neither closed nor alive, until one end gives the connection up.
"""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any, Self, TypeVar

_CHUNK = 64 * 1024
_WITHIN_S = 10.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Weather:
    """How the line is at present. Delays are in seconds, chances from 0 to 1 for each piece that passes."""

    down: bool = False
    """Connections end, and no new one is taken."""
    silent_up: bool = False
    """What the device sends is swallowed; the connection stays open."""
    silent_down: bool = False
    """What the broker sends is swallowed."""
    delay: float = 0.0
    jitter: float = 0.0
    breaks: float = 0.0
    """Chance that the connection breaks instead of passing a piece on."""
    stalls: float = 0.0
    """Chance that a piece waits for `stall` first, as for a lost segment that is sent again."""
    stall: float = 0.2


FAIR = Weather()
HALF_OPEN = Weather(silent_up=True, silent_down=True)


class _Connection:
    """A device's connection and its other half to the broker."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near, self.far = near, far
        self.silent: set[bool] = set()
        """The directions (True: from the device up) in which something was swallowed."""

    def close(self) -> None:
        for end in (self.near, self.far):
            with suppress(OSError, RuntimeError):
                end.close()


class Line:
    """One listening port that leads to another one; everything may be called from any thread."""

    def __init__(self, target: int, seed: int = 0) -> None:
        """Lead to port `target` of this machine once it is entered."""
        self.port = 0
        self._target = target
        self._random = Random(seed)
        self._weather = FAIR
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="line", daemon=True)
        self._open: set[_Connection] = set()
        self._tasks: set[asyncio.Future[None]] = set()

    def __enter__(self) -> Self:
        """Begin to listen on a free port."""
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening and end every connection."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WITHIN_S)
        self._loop.close()

    def becomes(self, weather: Weather) -> None:
        """Let the line be so from now on."""
        self._do(self._change(weather))

    def cut(self) -> None:
        """Break what is connected now; whoever comes again is let through."""
        self._do(self._break())

    def _do(self, what: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(_WITHIN_S)

    async def _change(self, weather: Weather) -> None:
        self._weather = weather
        if weather.down:
            await self._break()

    async def _break(self) -> None:
        for connection in tuple(self._open):
            connection.close()

    async def _end(self) -> None:
        self._server.close()
        await self._break()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, near_in: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        if self._weather.down:
            near.close()
            return
        try:
            far_in, far = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            near.close()
            return
        connection = _Connection(near, far)
        self._open.add(connection)
        for passing in (
            self._pass_on(connection, near_in, far, up=True),
            self._pass_on(connection, far_in, near, up=False),
        ):
            task = asyncio.ensure_future(passing)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(
        self,
        connection: _Connection,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        *,
        up: bool,
    ) -> None:
        try:
            while piece := await source.read(_CHUNK):
                if await self._arrives(connection, up=up):
                    sink.write(piece)
                    await sink.drain()
        except OSError:
            pass
        finally:
            # Nobody hears of the end of a connection that is silent.
            if not connection.silent or connection.near.is_closing():
                connection.close()
                self._open.discard(connection)

    async def _arrives(self, connection: _Connection, *, up: bool) -> bool:
        """Let the piece travel as long as the weather wants; raise OSError where the line breaks."""
        weather, random = self._weather, self._random
        if weather.silent_up if up else weather.silent_down:
            connection.silent.add(up)
        if up in connection.silent:
            return False
        if weather.breaks and random.random() < weather.breaks:
            raise ConnectionResetError("the line broke")
        wait = weather.delay + weather.jitter * random.random()
        if weather.stalls and random.random() < weather.stalls:
            wait += weather.stall
        if wait:
            await asyncio.sleep(wait)
        return True
