"""Keeps the decoding process: starts it, hands it pictures, ends it at a deadline, restarts it."""

import contextlib
import json
import mmap
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import numpy as np
import structlog

from gate_agent.decoder.base import DecoderDied, DecoderFailed, DecoderOverran
from gate_agent.decoder.wire import LENGTH, REQUEST
from gate_agent.vision import GrayImage

MAX_PIXELS = 1920 * 1080
"""The largest picture handed over: a 1280x720 frame enlarged 1.5 times."""

MAX_ANSWER = 4 * 1024 * 1024
"""A frame full of the largest codes stays far below; a longer answer is no answer of ours."""

START_SECONDS = 20.0
"""A process that has not said hello by then is ended and started again."""

RESTART_PAUSE_SECONDS = 1.0
"""Between two starts when the first did not even get to say hello."""

# The child gets no other variable of ours: the environment may hold secrets.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]

log = structlog.stdlib.get_logger(__name__)


class DecodingProcess:
    """The libraries that read codes, in a process of their own.

    Several threads (one a camera) may share one; their pictures are read one after the other.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._memory_fd = os.memfd_create("genkan-picture")
        os.ftruncate(self._memory_fd, MAX_PIXELS)
        self._memory = mmap.mmap(self._memory_fd, MAX_PIXELS)
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._started_at = float("-inf")
        self._greeted = False
        self._warned = False
        self._decoders: frozenset[str] = frozenset()
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
        return self._process.pid if self._process else None

    @property
    def decoders(self) -> frozenset[str]:
        """The decoders it offers; empty until it has been ready once."""
        return self._decoders

    def start(self) -> None:
        """Start it and wait until it is ready. Raises `DecoderFailed` when it does not come up."""
        with self._lock:
            self._ensure_ready(self._clock() + START_SECONDS)

    def close(self) -> None:
        """End the process and give its memory back. Closing twice is allowed."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._end()
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
            self._ensure_ready(deadline)
            height, width = image.shape
            self._memory[: image.size] = np.ascontiguousarray(image).data.cast("B")
            request = REQUEST.pack(decoder.encode("ascii"), width, height, seconds)
            answer = self._exchange(request, deadline)
        if "texts" in answer:
            return cast("list[str]", answer["texts"])
        raise DecoderFailed(str(answer.get("failed")))

    def _ensure_ready(self, deadline: float) -> None:
        """Start the process where there is none, and take its greeting."""
        if self._closed:
            raise DecoderDied("the decoding process was closed")
        if self._process is None:
            if not self._greeted and self._clock() < self._started_at + RESTART_PAUSE_SECONDS:
                raise DecoderDied("the decoding process cannot be started; trying again soon")
            self._launch()
        if self._greeted:
            return
        try:
            greeting = self._receive(deadline)
        except TimeoutError:
            if self._clock() > self._started_at + START_SECONDS:
                self._end()
            raise DecoderDied("the decoding process is still starting") from None
        self._greeted = True
        self._decoders = frozenset(cast("list[str]", greeting["decoders"]))
        if greeting["missing"] and not self._warned:
            self._warned = True
            log.warning(
                "decoder_missing",
                missing=greeting["missing"],
                hint="install libzbar0 to read a few more codes; the gate works without it",
            )

    def _exchange(self, request: bytes, deadline: float) -> dict[str, object]:
        connection = self._connection
        if connection is None:
            raise DecoderDied("the decoding process is not there")
        try:
            connection.settimeout(max(deadline - self._clock(), 0.001))
            connection.sendall(request)
            return self._receive(deadline)
        except TimeoutError:
            self._replace()
            raise DecoderOverran("the decoder had not finished at its deadline") from None
        except OSError as why:
            self._replace()
            raise DecoderDied(f"the decoding process is gone: {why}") from None

    def _receive(self, deadline: float) -> dict[str, object]:
        (length,) = LENGTH.unpack(self._receive_exactly(LENGTH.size, deadline))
        if length > MAX_ANSWER:
            self._replace()
            raise DecoderDied("the decoding process answered with nonsense")
        return cast("dict[str, object]", json.loads(self._receive_exactly(length, deadline)))

    def _receive_exactly(self, count: int, deadline: float) -> bytes:
        connection = self._connection
        parts = bytearray()
        while connection is not None and len(parts) < count:
            connection.settimeout(max(deadline - self._clock(), 0.001))
            part = connection.recv(count - len(parts))
            if not part:
                self._replace()
                raise DecoderDied("the decoding process ended")
            parts += part
        return bytes(parts)

    def _launch(self) -> None:
        ours, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment["PYTHONPATH"] = str(_PACKAGE_ROOT)
        fds = (theirs.fileno(), self._memory_fd)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gate_agent.decoder.child", *map(str, fds)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=fds,
                env=environment,
            )
        self._connection = ours
        self._started_at = self._clock()
        self._greeted = False

    def _replace(self) -> None:
        """End the process and, if it had been working, start the next one at once."""
        worked = self._greeted
        self._end()
        self.restarts += 1
        if worked:
            self._launch()

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
            self._process = None
