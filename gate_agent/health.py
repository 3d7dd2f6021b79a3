"""How the gate fares: the figures of its readers, and what it tells the server about itself."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from access_protocol.certificates import UnusableCertificateError
from access_protocol.events import GateHealth, ReaderHealth
from access_protocol.ids import AccessPointId
from gate_agent import machine
from gate_agent.clock import Clock
from gate_agent.journal import Journal, JournalUnavailable
from gate_agent.knowledge import HeldKnowledge
from gate_agent.local_store import LocalStore, NotEnrolled
from gate_agent.malformed import MalformedMessages

HANGS_AFTER = timedelta(seconds=20)
"""A reader that looks at one frame, or timers that go round once, for so long have stopped working:
the longest of what they may wait for, a decoder or a disk, gives up earlier."""
RUNTIME_FOLDER = "/run/genkan-gate"
"""As the unit in deploy/systemd has it made; it is gone after a restart of the machine."""
KEEP_EVERY = timedelta(seconds=30)
_MOST_COUNTED = 1000
_FRAMES_REMEMBERED = 60
_LONGEST_TROUBLE = 200


class ReaderGauge:
    """What one reader notes about itself, and others read."""

    def __init__(
        self, point: AccessPointId, *, moment: Callable[[], float] = time.monotonic
    ) -> None:
        """`moment` counts seconds."""
        self.point = point
        self.trouble: str | None = None
        self.running = threading.Event()
        self._moment = moment
        self._frames: deque[tuple[float, float]] = deque(maxlen=_FRAMES_REMEMBERED)
        self._at_work_since: float | None = None

    @contextmanager
    def at_work(self) -> Generator[None]:
        """Note that the reader's thread works on what it has seen, and how long that takes."""
        self._at_work_since = self._moment()
        try:
            yield
        finally:
            self._at_work_since = None

    @property
    def hangs(self) -> bool:
        """Whether the reader's thread has been at work on one frame for too long."""
        since = self._at_work_since
        return since is not None and self._moment() - since >= HANGS_AFTER.total_seconds()

    def frame(self, decode_ms: float) -> None:
        """Note one frame that was read."""
        self._frames.append((self._moment(), decode_ms))

    def health(self) -> ReaderHealth:
        """Return the reader's part of a health report."""
        frames = tuple(self._frames)
        age = self._moment() - frames[0][0] if frames else 0.0
        decode_ms = sum(ms for _, ms in frames) / len(frames) if frames else 0.0
        return ReaderHealth(
            access_point=self.point,
            camera_ok=self.trouble is None and self.running.is_set(),
            frames_per_second=round(len(frames) / age, 1) if age > 0 else 0.0,
            decode_ms=round(decode_ms, 1),
            trouble=(self.trouble or "")[:_LONGEST_TROUBLE],
        )


def software() -> str:
    """The name and version of this program."""
    try:
        return f"genkan {version('genkan')}"
    except PackageNotFoundError:
        return "genkan"


class HealthReport:
    """Puts the gate's health report together."""

    def __init__(
        self,
        *,
        clock: Clock,
        knowledge: HeldKnowledge,
        journal: Journal,
        malformed: MalformedMessages,
        readers: Sequence[ReaderGauge],
        store: LocalStore,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        """`moment` counts seconds; the gate's uptime counts from now."""
        self._store = store
        self._path = health_path(store)
        self._keep_due = self._machine_due = moment()
        self._machine_said: dict[str, Any] = {}
        self._clock = clock
        self._knowledge = knowledge
        self._journal = journal
        self._malformed = malformed
        self._readers = tuple(readers)
        self._moment = moment
        self._began = moment()
        self._software = software()

    def keep_if_due(self) -> None:
        """Keep the report for `python -m gate_agent status`, now and then; called several times a second."""
        if self._moment() < self._keep_due:
            return
        self._keep_due = self._moment() + KEEP_EVERY.total_seconds()
        with suppress(
            OSError
        ):  # a full disk, or one that is read only: the server is told all the same
            fresh = self._path.with_name(f".{self._path.name}.new")
            fresh.write_bytes(msgspec.json.encode(self()))
            fresh.replace(self._path)

    def __call__(self) -> GateHealth:
        """Return how the gate fares now."""
        now, heard = self._clock.now(), self._knowledge.heard
        age = None if heard is None else max(0, int((now - heard).total_seconds()))
        return GateHealth(
            at=now,
            software=self._software,
            uptime_s=int(self._moment() - self._began),
            knowledge_age_s=age,
            clock_trusted=self._clock.trusted,
            journal=self._journal.id,
            journal_sequence=self._journal.position.sequence,
            journal_waiting=self._journal.waiting,
            malformed_messages=self._malformed.count,
            readers=tuple(reader.health() for reader in self._readers),
            **self._machine(),
        )

    def _machine(self) -> dict[str, Any]:
        """Return what takes a look at files, as it was at most `KEEP_EVERY` ago."""
        if self._moment() >= self._machine_due:
            self._machine_due = self._moment() + KEEP_EVERY.total_seconds()
            self._machine_said = {
                "temperature_c": machine.temperature_c(),
                "disk_free_mb": machine.disk_free_mb(self._store.folder),
                "memory_mb": machine.memory_mb(),
                "passages_waiting": self._passages_waiting(),
                "certificate_expires": certificate_expires(self._store),
            }
        return self._machine_said

    def _passages_waiting(self) -> int | None:
        """Return how many passages the other gates were not told of; a thousand stands for all above."""
        journal = self._journal
        try:
            return len(journal.history.passages_after(journal.told, _MOST_COUNTED))
        except JournalUnavailable:
            return None


def health_path(store: LocalStore) -> Path:
    """Return where the newest health report lies: in memory where the system gives a folder there."""
    given = Path(os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0] or RUNTIME_FOLDER)
    return (given if given.is_dir() else store.folder) / "health.json"


def last_health(store: LocalStore) -> GateHealth | None:
    """Return the newest report that a running gate kept; None where there is none to be read."""
    try:
        return msgspec.json.decode(health_path(store).read_bytes(), type=GateHealth)
    except (OSError, msgspec.MsgspecError):
        return None


def certificate_expires(store: LocalStore) -> datetime | None:
    """Return when the gate's certificate for the broker ends."""
    try:
        return store.identity().tls.not_after
    except (NotEnrolled, UnusableCertificateError):
        return None
