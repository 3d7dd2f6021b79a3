"""Faults for a running simulator: a local socket that takes one JSON object a line and answers each."""

import logging
import os
import queue
import socket
import threading
from pathlib import Path

import msgspec

from firmware_sim.faults import AnyFault
from firmware_sim.saboteur import NoSuchPart, Saboteur, Truth
from firmware_sim.scheduler import Scheduler

LONGEST_LINE = 4096
ANSWERS_WITHIN = 10.0
"""Seconds that the simulator may take for one fault."""
_log = logging.getLogger(__name__)
_decoder = msgspec.json.Decoder(AnyFault)


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of one line: the truth after it, or what is wrong with it."""

    ok: bool
    error: str = ""
    truth: Truth | None = None


class ControlSocket:
    """Listens on a Unix socket that only its owner may use, until the process ends."""

    def __init__(self, path: Path, saboteur: Saboteur, scheduler: Scheduler) -> None:
        """Listen from now on; raise OSError where `path` cannot be listened on."""
        self._saboteur = saboteur
        self._scheduler = scheduler
        self._path = path
        if path.is_socket():  # of a simulator that was killed; any other file is not ours to remove
            path.unlink()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            self._listener.bind(str(path))
        finally:
            os.umask(before)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no longer, and take the socket away."""
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream:
            try:
                while line := stream.readline(LONGEST_LINE):
                    stream.write(msgspec.json.encode(self._answer(line)) + b"\n")
                    stream.flush()
            except OSError as error:
                _log.debug("who injects faults went away: %s", error)

    def _answer(self, line: bytes) -> Answer:
        try:
            fault = _decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return Answer(ok=False, error=str(error))
        answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._scheduler.post(lambda: answers.put(self._injected(fault)))
        try:
            return answers.get(timeout=ANSWERS_WITHIN)
        except queue.Empty:
            return Answer(ok=False, error="the simulator is going down")

    def _injected(self, fault: AnyFault) -> Answer:
        try:
            self._saboteur.inject(fault)
        except NoSuchPart as error:
            return Answer(ok=False, error=str(error))
        return Answer(ok=True, truth=self._saboteur.look())


def send(path: Path, line: bytes) -> Answer:
    """Send one line to a running simulator's socket, and return its answer; raise OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWERS_WITHIN)
        connection.connect(str(path))
        connection.sendall(line + b"\n")
        with connection.makefile("rb") as stream:
            return msgspec.json.decode(stream.readline(), type=Answer)
