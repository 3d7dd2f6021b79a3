"""How soon every gate refuses what was revoked, and how soon a gate that was away has told all it journaled."""

import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from uuid import UUID

from access_protocol import codec, rules
from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.documents import DocumentKind
from access_protocol.events import DecisionEntry, EntryBody, Outcome, OutcomeEntry
from access_protocol.ids import AccessPointId
from bench.entrance import HandedFrames, NotedFeedback, shown_flat
from bench.real_site import Guest, RealSite, agent_of
from bench.result import Result, Track, percentile
from gate_agent.agent import Agent, ReaderPlan
from gate_agent.gatekeeper import Gatekeeper
from gate_agent.journal import Journal
from gate_agent.logs import set_up_logs
from gate_agent.passages import SharedHistory
from gate_agent.vision import Image
from tests.faults.proxy import FAIR, Line, Weather

GATES = 20
REVOKED = 15
AT_ONCE = 4
"""Gates that start side by side."""
WAITING = 10_000
HEAD_START = 600
"""Entries that may reach the server before the gate is cut off from it."""
PRESENTED_EVERY_S = 0.11
PRESENTERS = 100
"""More than are presented in ten seconds: within these a pass is not decided on again."""
BEFORE = 60
"""Decisions measured while nothing is uploaded."""
_LOOKED_EVERY_S = 0.001
_WITHIN_S = 60.0
_DOWN = Weather(down=True)
_OUTCOME = 2


def revocation_to_refusal_ms(track: Track) -> Iterator[Result]:
    """From the call that revokes a pass until each of 20 gates refuses it."""
    name = "revocation_to_refusal_ms"
    set_up_logs("error")
    with RealSite() as site, ExitStack() as stack:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            stores = [
                site.add_gate(f"gate-{number:02}")
                for number in track(range(GATES), f"{name}: enrolling gates")
            ]
            gates = [_KnowingGate(agent_of(store, NotedFeedback())) for store in stores]
            for gate in gates:
                stack.callback(gate.agent.stop)
            guests = site.invite(REVOKED)
            list(track(pool.map(_KnowingGate.start, gates), f"{name}: starting", GATES))
        samples: list[float] = []
        calls: list[float] = []
        with ThreadPoolExecutor(1) as caller:
            for guest in track(guests, name):
                for gate in gates:
                    gate.expect(guest.text)
                began = time.monotonic()
                call = caller.submit(_timed, lambda each=guest: site.revoke(each))
                samples += [(at - began) * 1000 for at in _refusals(gates)]
                calls.append(call.result() * 1000)
    yield Result.of(
        name,
        "ms",
        samples,
        baseline=median(calls),
        baseline_is="the revoking call itself, until the server has answered it",
        gates=GATES,
        gates_in_one_process=GATES,
        revocations=REVOKED,
        slowest=round(max(samples), 1),
    )


class _KnowingGate:
    """A whole gate agent without a reader; a pass is held before it all the time, so to speak."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self._text = ""
        self._known: int | None = None

    def start(self) -> None:
        self.agent.start(timedelta(seconds=_WITHIN_S))
        if self.agent.knowledge.heard is None:
            raise RuntimeError(f"{self.agent.knowledge.device} was not told what it must know")

    def expect(self, text: str) -> None:
        """Make sure that this pass is admitted, before it is revoked."""
        self._text, self._known = text, self._version
        reason = self._decide()
        if reason is not None:
            raise RuntimeError(f"a pass that counts was refused: {reason}")

    def refuses(self) -> bool:
        """Whether the pass is refused as revoked now; asked again only where there is news."""
        if self._version == self._known:
            return False
        self._known = self._version
        return self._decide() is DenyReason.REVOKED

    @property
    def _version(self) -> int | None:
        return self.agent.knowledge.feeds.versions.get(DocumentKind.REVOCATIONS)

    def _decide(self) -> DenyReason | None:
        knowledge, now = self.agent.knowledge, self.agent.clock.now()
        heard = knowledge.heard
        decision = Gatekeeper().decide(
            (self._text,),
            knowledge.policy.access_points[AccessPointId(knowledge.device)],
            knowledge,
            SharedHistory(self.agent.journal, knowledge),
            rules.Circumstances(
                now,
                clock_trusted=self.agent.clock.trusted,
                knowledge_age=None if heard is None else now - heard,
            ),
            time.monotonic(),
        )
        if decision is None:
            raise RuntimeError("nothing was decided")
        return decision.reason


def _refusals(gates: Sequence[_KnowingGate]) -> list[float]:
    """Wait until all gates refuse; return the moment of each."""
    waiting, refused = set(gates), list[float]()
    deadline = time.monotonic() + _WITHIN_S
    while waiting:
        for gate in tuple(waiting):
            if gate.refuses():
                refused.append(time.monotonic())
                waiting.remove(gate)
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(waiting)} gates did not hear of the revocation")
        time.sleep(_LOOKED_EVERY_S)
    return refused


def _timed(do: Callable[[], None]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began


def reconnect_10k_s(track: Track) -> Iterator[Result]:
    """From the return of the network until the server has acknowledged 10,000 entries and more."""
    name = "reconnect_10k_s"
    set_up_logs("error")
    with RealSite() as site:
        store = site.add_gate("gate-a")
        told, camera = NotedFeedback(), HandedFrames()
        guests = site.invite(PRESENTERS)
        _learn(agent_of(store, told))
        alone = _fill(store.journal_path, guests, track, name)
        visitors = _Visitors(camera, told, [shown_flat(guest.text) for guest in guests])
        with Line(site.stage.broker_port) as line:
            plans = [ReaderPlan(AccessPointId("gate-a"), camera)]
            agent = agent_of(store, told, plans, line.port)
            with _cut_off(agent, line):
                journal = agent.journal
                without = [visitors.come() for _ in track(range(BEFORE), f"{name}: cut off")]
                entries, target = journal.waiting, journal.position.sequence
                if entries < WAITING:
                    raise RuntimeError(f"only {entries} entries wait")
                began = time.monotonic()
                line.becomes(FAIR)
                back_at = visitors.until_back()
                meanwhile = visitors.until(
                    lambda: journal.position.sequence - journal.waiting >= target,
                    track,
                    name,
                )
                took = meanwhile.ended - began
    yield Result.of(
        name,
        "s",
        [took],
        baseline=alone,
        baseline_is="the gate alone: its batches read, encoded and noted as acknowledged, without network and server",
        entries=entries,
        entries_per_s=round(entries / (meanwhile.ended - back_at)),
        connected_after_s=round(back_at - began, 2),
        decisions=len(meanwhile.took_ms),
        decision_ms=round(median(meanwhile.took_ms), 2),
        decision_p99_ms=round(percentile(meanwhile.took_ms, 99), 2),
        decision_without_ms=round(median(without), 2),
        decision_without_p99_ms=round(percentile(without, 99), 2),
    )


class _Meanwhile:
    """What was measured while something else went on, and when that ended."""

    def __init__(self) -> None:
        self.took_ms: list[float] = []
        self.ended = 0.0


class _Visitors:
    """People who hold their codes before the camera, one after the other, again and again."""

    def __init__(self, camera: HandedFrames, told: NotedFeedback, frames: Sequence[Image]) -> None:
        self._camera, self._told = camera, told
        self._frames = frames
        self._number = 0
        self._due = time.monotonic()

    def come(self) -> float:
        """Let the next one come; return the milliseconds from the frame to the journaled decision."""
        self._due = max(self._due + PRESENTED_EVERY_S, time.monotonic())
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._camera.hand(self._frames[self._number % len(self._frames)])
        self._number += 1
        decided_at, _, _ = self._told.decided.get(timeout=_WITHIN_S)
        return (decided_at - self._camera.handed_at) * 1000

    def until_back(self) -> float:
        """Let them come until the broker is there again, and return when that was."""
        while True:
            self.come()
            try:
                return self._told.back.get_nowait()
            except queue.Empty:
                continue

    def until(self, done: Callable[[], bool], track: Track, what: str) -> _Meanwhile:
        """Let them come until something is done, and look for that a hundred times a second."""
        meanwhile, found = _Meanwhile(), threading.Event()

        def look() -> None:
            while not done():
                time.sleep(10 * _LOOKED_EVERY_S)
            meanwhile.ended = time.monotonic()
            found.set()

        threading.Thread(target=look, daemon=True).start()
        deadline = time.monotonic() + _WITHIN_S
        for _ in track(_unless(found), what):
            meanwhile.took_ms.append(self.come())
            if time.monotonic() > deadline:
                raise RuntimeError("the server did not acknowledge the journal")
        return meanwhile


def _unless(found: threading.Event) -> Iterator[None]:
    while not found.is_set():
        yield


def _learn(agent: Agent) -> None:
    """Let a gate learn what it must know, and stop it."""
    agent.start(timedelta(seconds=_WITHIN_S))
    agent.stop()


@contextmanager
def _cut_off(agent: Agent, line: Line) -> Generator[None]:
    """A gate that was connected for a moment, and is cut off; it is stopped at the end."""
    cutting = threading.Thread(target=_cut_when_online, args=(agent, line), daemon=True)
    cutting.start()
    agent.start(timedelta(seconds=1))
    try:
        cutting.join(_WITHIN_S)
        yield
    finally:
        agent.stop()


def _cut_when_online(agent: Agent, line: Line) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while not agent.online and time.monotonic() < deadline:
        time.sleep(_LOOKED_EVERY_S)
    line.becomes(_DOWN)


def _fill(path: Path, guests: Sequence[Guest], track: Track, name: str) -> float:
    """Put a journal of a day at a gate in place; return how long the gate alone would take to tell it.

    It is written where the disk need not be waited for, or it would take longer than all the rest.
    """
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        made = Path(folder) / path.name
        journal = Journal(made, dict)
        for number in track(range(WAITING + HEAD_START), f"{name}: a day at the gate"):
            journal.append(entry(number, path.parent.name, guests))
        journal.close()
        path.unlink(missing_ok=True)
        shutil.copy(made, path)
    copy = path.with_name("copy.sqlite3")
    shutil.copy(path, copy)
    journal = Journal(copy, dict)
    began = time.monotonic()
    while (batch := journal.next_batch()) is not None:
        codec.encode(batch)
        journal.acknowledge(batch.entries[-1].sequence)
    took = time.monotonic() - began
    journal.close()
    return took * WAITING / (WAITING + HEAD_START)


def entry(number: int, point: str, guests: Sequence[Guest]) -> EntryBody:
    """The entry `number` of a day at a gate: a third refused, a third let in, a third passed."""
    turn = number % 3
    at = datetime.now(UTC) - timedelta(days=1) + timedelta(seconds=6 * number)
    # An outcome has the event of the grant before it.
    grant = number - (turn == _OUTCOME)
    event = str(UUID(int=grant + 1))
    if turn == _OUTCOME:
        return OutcomeEntry(at=at, event=event, access_point=point, outcome=Outcome.PASSED)
    return DecisionEntry(
        at=at,
        event=event,
        access_point=point,
        reason=None if turn else DenyReason.EXPIRED,
        credential=guests[grant % len(guests)].credential,
        credential_class=CredentialClass.STATIC,
        generation=1,
    )
