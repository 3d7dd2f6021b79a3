"""Runs the whole server on one machine: broker, worker, web and live as child processes."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO

import structlog

from server.kernel import logs
from server.kernel.settings import Settings
from server.processes import ports
from server.processes.orphans import ending_with_this_process
from server.processes.ports import Listening
from server.processes.stopping import stop_signal

log = structlog.get_logger(__name__)

READY_WITHIN = 120.0
STOPPED_WITHIN = 15.0
LONGEST_PAUSE = 30.0
STEADY_AFTER = 60.0
"""Seconds after which a process that died is started again without a pause."""
LOOKED_EVERY = 0.2


class NotReady(Exception):
    """A process did not come up."""


@dataclass
class Child:
    """One process. It is up when it said so itself, and takes connections where it should.

    Connections alone would prove nothing: somebody else may take them.
    """

    name: str
    listening: Listening | None = None
    said_ready: threading.Event = field(default_factory=threading.Event)
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    deaths: int = 0
    again_at: float = field(default=0.0)

    def start(self) -> None:
        """Start the process."""
        self.said_ready.clear()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server", self.name],
            stdout=subprocess.PIPE,
            # Ctrl-C is ours to hand on, in the right order.
            start_new_session=True,
            # What kills us takes them too: left alone they would keep their ports and send on.
            preexec_fn=ending_with_this_process(),  # noqa: PLW1509  it calls the system and nothing else
        )
        if self.process.stdout is not None:
            threading.Thread(target=self._hear, args=[self.process.stdout], daemon=True).start()
        self.started_at = time.monotonic()

    def wait_until_ready(self, stopping: threading.Event) -> None:
        """Return when the process is up; raises `NotReady`."""
        process = self._running()
        until = time.monotonic() + READY_WITHIN
        while not self._is_ready():
            if process.poll() is not None:
                raise NotReady(f"{self.name} ended with code {process.returncode}")
            if time.monotonic() > until:
                raise NotReady(f"{self.name} is not up after {READY_WITHIN:.0f} s")
            if stopping.wait(LOOKED_EVERY / 2):
                return

    def ask_to_stop(self) -> None:
        """Ask the process to stop."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def stop(self) -> None:
        """Wait until the process has stopped, and end it if it does not."""
        if self.process is None:
            return
        self.ask_to_stop()
        try:
            self.process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            log.warning("did not stop in time", name=self.name)
            self.process.kill()
            self.process.wait()

    def look_after(self, now: float) -> None:
        """Start the process again when it died, after a pause that grows with each death."""
        process = self._running()
        if process.poll() is None:
            return
        if not self.again_at:
            self.deaths = 0 if now - self.started_at > STEADY_AFTER else self.deaths + 1
            pause = min(LONGEST_PAUSE, 2.0 ** (self.deaths - 1)) if self.deaths else 0.0
            self.again_at = now + pause
            log.error("a process died", name=self.name, code=process.returncode, again_in=pause)
        if now >= self.again_at:
            self.again_at = 0.0
            self.start()

    def _is_ready(self) -> bool:
        return self.said_ready.is_set() and (self.listening is None or self.listening.is_answered())

    def _hear(self, said: IO[bytes]) -> None:
        """Wait for the word that the process is ready; hand on everything else that it prints."""
        for line in said:
            if line.strip() == f"{self.name} ready".encode():
                self.said_ready.set()
            else:
                sys.stdout.write(line.decode(errors="replace"))
                sys.stdout.flush()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self.process is None:
            raise RuntimeError("not started")
        return self.process


def run(settings: Settings, say: Callable[[str], None]) -> None:
    """Run them all until SIGTERM or SIGINT; `say` tells the person at the terminal.

    Raises `NotReady`, and `PortTaken` before anything is started.
    """
    logs.configure(settings.log_level, settings.log_format, "serve")
    stopping = stop_signal()
    children = _children(settings)
    for child in children:
        if child.listening is not None:
            child.listening.check()
    try:
        _start(children, stopping)
        if not stopping.is_set():
            say(f"Genkan is ready: {settings.base_url}")
        while not stopping.wait(LOOKED_EVERY):
            for child in children:
                child.look_after(time.monotonic())
    finally:
        broker, *others = children
        for child in others:
            child.ask_to_stop()
        for child in (*others, broker):
            child.stop()


def _start(children: Sequence[Child], stopping: threading.Event) -> None:
    """Start the broker, and then all who speak to it beside each other; raises `NotReady`."""
    broker, *others = children
    for together in ([broker], others):
        for child in together:
            if stopping.is_set():
                return
            child.start()
        for child in together:
            child.wait_until_ready(stopping)


def _children(settings: Settings) -> list[Child]:
    children = [
        Child("broker", ports.broker(settings)),
        Child("worker"),
        Child("web", ports.web(settings)),
        Child("live", ports.live(settings)),
    ]
    if settings.plain_port:
        children.append(Child("plain", ports.plain(settings)))
    if settings.mail_in:
        children.append(Child("mail-in", ports.mail_in(settings)))
    return children
