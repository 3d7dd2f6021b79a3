"""Keeps the decoding process: starts it, hands it pictures, ends it at a deadline, restarts it.

Nothing that comes back from it is trusted: a picture may have taken it over. The worst it can do
is to name a text, and a text opens nothing that its signature does not.
"""

import json
import mmap
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import numpy as np

from gate_agent.decoder.base import DecoderDied, DecoderFailed, DecoderOverran
from gate_agent.decoder.wire import LENGTH, REQUEST
from gate_agent.logs import Log
from gate_agent.vision import GrayImage

MAX_PIXELS = 1920 * 1080
"""The largest picture handed over: a 1280x720 frame enlarged 1.5 times."""

MAX_ANSWER = 4 * 1024 * 1024
"""A frame full of the largest codes stays far below; a longer answer is no answer of ours."""

START_SECONDS = 20.0
"""A process that has not said hello by then is ended and started again."""

RESTART_PAUSE_SECONDS = 1.0
"""Between two starts when the first did not even get to say hello."""

_SHORTEST_WAIT = 0.001
"""Seconds; a socket takes 0 for "do not wait at all"."""

# The child gets no other variable of ours: the environment may hold secrets.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]

PROGRAM = (sys.executable, "-m", "gate_agent.decoder.child")
"""The decoding process; two file descriptors are added: its connection and the shared picture."""

log = Log(__name__)


class DecodingProcess:
    """The libraries that read codes, in a process of their own.

    Several threads (one a camera) may share one; their pictures are read one after the other.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        """`clock` counts seconds. Another `program` shows what a broken one does."""
        self._clock = clock
        self._program = program
        self._lock = threading.Lock()
        self._memory_fd = os.memfd_create("genkan-picture")
        os.ftruncate(self._memory_fd, MAX_PIXELS)
        self._memory = mmap.mmap(self._memory_fd, MAX_PIXELS)
        self._child: _Child | None = None
        self._next_start = float("-inf")
        self._decoders: frozenset[str] = frozenset()
        self._missing: list[str] = []
        self._closed = False
        self.restarts = 0

    def __enter__(self) -> Self:
        """Start it and wait until it is ready."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self.close()

    @property
    def pid(self) -> int | None:
        """The number of the process while there is one."""
        return self._child.process.pid if self._child else None

    @property
    def decoders(self) -> frozenset[str]:
        """The decoders it offers; empty until it has been ready once."""
        return self._decoders

    def start(self) -> None:
        """Start it and wait until it is ready. Raises `DecoderFailed` when it does not come up."""
        with self._lock:
            self._ready_child(self._clock() + START_SECONDS)

    def close(self) -> None:
        """End the process and give its memory back. Closing twice is allowed."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._child:
                self._child.end()
                self._child = None
            self._memory.close()
            os.close(self._memory_fd)

    def read(self, decoder: str, image: GrayImage, seconds: float) -> list[str]:
        """The texts that `decoder` finds in `image` within `seconds`.

        Raises `DecoderOverran` when the time is up (the process is then replaced), `DecoderDied`
        when it ended or is not ready yet, `DecoderFailed` when the library gave up on the picture.
        """
        if not 0 < image.size <= MAX_PIXELS:
            raise DecoderFailed(f"a picture of {image.size} pixels is not handed over")
        with self._lock:
            deadline = self._clock() + seconds
            child = self._ready_child(deadline)
            if decoder not in self._decoders:
                raise DecoderFailed(f"there is no decoder {decoder} here")
            height, width = image.shape
            self._memory[: image.size] = np.ascontiguousarray(image).data.cast("B")
            request = REQUEST.pack(decoder.encode("ascii"), width, height, seconds)
            try:
                child.send(request, deadline - self._clock())
                return texts_of(self._receive(child, deadline))
            except TimeoutError:
                self._replace(child, ready=True)
                raise DecoderOverran("the decoder had not finished at its deadline") from None
            except (OSError, Nonsense) as why:
                self._replace(child, ready=True)
                raise DecoderDied(f"the decoding process is gone: {why}") from None

    def _ready_child(self, deadline: float) -> "_Child":
        """The process, started where there is none, once it has said hello."""
        if self._closed:
            raise DecoderDied("the decoding process was closed")
        now = self._clock()
        if self._child is None:
            if now < self._next_start:
                raise DecoderDied("the decoding process does not start; trying again soon")
            self._begin(now)
        child = self._child
        if child is None:
            raise DecoderDied("the decoding process cannot be started; trying again soon")
        if child.ready:
            return child
        try:
            decoders, missing = greeting_of(self._receive(child, deadline))
        except TimeoutError:
            if self._clock() - child.started_at > START_SECONDS:
                self._replace(child, ready=False)
            raise DecoderDied("the decoding process is still starting") from None
        except (OSError, Nonsense) as why:
            self._replace(child, ready=False)
            raise DecoderDied(f"the decoding process did not start: {why}") from None
        child.ready = True
        self._decoders = frozenset(decoders)
        if missing and missing != self._missing:
            self._missing = missing
            log.warning(
                "decoder_missing",
                missing=missing,
                hint="install libzbar0 to read a few more codes; the gate works without it",
            )
        return child

    def _receive(self, child: "_Child", deadline: float) -> bytes:
        (length,) = LENGTH.unpack(child.receive(LENGTH.size, deadline - self._clock()))
        if length > MAX_ANSWER:
            raise Nonsense(f"an answer of {length} bytes")
        return child.receive(length, deadline - self._clock())

    def _replace(self, child: "_Child", *, ready: bool) -> None:
        """End `child`; start the next at once if this one was `ready`, and a little later if not."""
        child.end()
        self.restarts += 1
        self._child = None
        now = self._clock()
        if ready:
            self._begin(now)
        else:
            self._next_start = now + RESTART_PAUSE_SECONDS

    def _begin(self, now: float) -> None:
        """Start a process; where the machine has no room for one, it is tried again a little later."""
        try:
            self._child = _Child(self._program, self._memory_fd, started_at=now)
        except OSError as why:
            self._next_start = now + RESTART_PAUSE_SECONDS
            log.warning("decoder_not_started", why=str(why))


class Nonsense(Exception):
    """The decoding process said something that it never says."""


def texts_of(answer: bytes) -> list[str]:
    """The texts in an answer. Raises `DecoderFailed` or `Nonsense`."""
    body = _object_in(answer)
    if "failed" in body:
        raise DecoderFailed(str(body["failed"])[:200])
    return _strings(body.get("texts"))


def greeting_of(answer: bytes) -> tuple[list[str], list[str]]:
    """The decoders that there are, and what is missing. Raises `Nonsense`."""
    body = _object_in(answer)
    return _strings(body.get("decoders")), _strings(body.get("missing"))


def _object_in(answer: bytes) -> dict[str, object]:
    try:
        body: object = json.loads(answer)
    except (ValueError, RecursionError):
        raise Nonsense("an answer that is not JSON") from None
    if not isinstance(body, dict):
        raise Nonsense("an answer that is no JSON object")
    return cast("dict[str, object]", body)


def _strings(value: object) -> list[str]:
    items = cast("list[object]", value) if isinstance(value, list) else None
    if items is None or not all(isinstance(item, str) for item in items):
        raise Nonsense("an answer without the list of texts it should have")
    return cast("list[str]", items)


class _Child:
    """One running decoding process and the connection to it. Making one may raise OSError."""

    def __init__(self, program: Sequence[str], memory_fd: int, *, started_at: float) -> None:
        self.started_at = started_at
        self.ready = False
        self._connection, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment["PYTHONPATH"] = str(_PACKAGE_ROOT)
        with theirs:
            try:
                self.process = subprocess.Popen(
                    [*program, str(theirs.fileno()), str(memory_fd)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(), memory_fd),
                    env=environment,
                )
            except OSError:
                self._connection.close()
                raise

    def send(self, request: bytes, seconds: float) -> None:
        """Raises TimeoutError, or another OSError when the process is gone."""
        self._connection.settimeout(max(seconds, _SHORTEST_WAIT))
        self._connection.sendall(request)

    def receive(self, count: int, seconds: float) -> bytes:
        """Exactly `count` bytes. Raises TimeoutError, or another OSError when it is gone."""
        deadline = time.monotonic() + max(seconds, _SHORTEST_WAIT)
        parts = bytearray()
        while len(parts) < count:
            self._connection.settimeout(max(deadline - time.monotonic(), _SHORTEST_WAIT))
            part = self._connection.recv(count - len(parts))
            if not part:
                raise ConnectionResetError("it ended")
            parts += part
        return bytes(parts)

    def end(self) -> None:
        """End it, whatever it is doing."""
        self._connection.close()
        self.process.kill()
        self.process.wait()
