"""Joins the parts of the gate and runs them: a thread for each reader, one for all that is timed."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from access_protocol.events import Outcome
from access_protocol.ids import AccessPointId, EventId
from access_protocol.transport.base import Transport, Will
from gate_agent.camera import Camera
from gate_agent.chain import JournalDamaged
from gate_agent.clock import Clock
from gate_agent.decoder.base import DecoderFailed
from gate_agent.decoder.chain import DecoderChain
from gate_agent.decoder.change import Attention
from gate_agent.decoder.process import DecodingProcess
from gate_agent.eyes import Eyes, camera_eyes, scanner_eyes
from gate_agent.feedback.base import Feedback, Serving
from gate_agent.gatekeeper import Gatekeeper
from gate_agent.health import HANGS_AFTER, HealthReport, ReaderGauge
from gate_agent.held_feeds import KnowledgeNotKept
from gate_agent.journal import Journal, JournalUnavailable, open_or_begin_anew
from gate_agent.knowledge import HeldKnowledge
from gate_agent.local_store import Identity, LocalStore
from gate_agent.logs import Log
from gate_agent.malformed import MalformedMessages
from gate_agent.passages import Passages, SharedHistory
from gate_agent.portal import Portal
from gate_agent.reader import Desk, Reader
from gate_agent.renewal import Renewal
from gate_agent.scanner import is_scanner
from gate_agent.sync import Sync, last_will
from gate_agent.upload import Upload

TICK_S = 0.25
STOP_WITHIN_S = 10.0
"""A camera gives its frame or its error within that; what takes longer hangs and is left behind."""
FAULT_PAUSE_S = 1.0
"""So that an error that comes back at once does not fill the disk with its log lines."""
JOURNAL_KEPT = timedelta(days=30)
"""What was used once is remembered for longer than any visit lasts; the server allows 14 days."""
PRUNE_EVERY = timedelta(hours=1)
KNOWN_OFFLINE_AFTER = timedelta(seconds=5)
"""A gate that has not heard the server by then starts to work by what it knows."""

MakeTransport = Callable[[Identity, Will], Transport]
MakeClock = Callable[[Journal], Clock]

_Seen = TypeVar("_Seen")

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class ReaderPlan:
    """A reader to run: the access point, and the camera or scan engine it reads with."""

    point: AccessPointId
    source: str | Camera
    """A camera's or a scan engine's specification, or a camera."""


class Agent:
    """One gate: `start`, then `stop` from any thread."""

    def __init__(
        self,
        identity: Identity,
        store: LocalStore,
        plans: Sequence[ReaderPlan],
        feedback: Feedback,
        *,
        make_transport: MakeTransport,
        make_clock: MakeClock,
        journal_kept: timedelta = JOURNAL_KEPT,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the journal and load what is known. Raises `JournalUnavailable`.

        `journal_kept` is how long journal entries stay after the server has acknowledged them.
        """
        self._identity = identity
        self._feedback = feedback
        self._moment = moment
        self.knowledge = HeldKnowledge(identity, store)
        self.journal, damage = open_or_begin_anew(
            store.journal_path, lambda: self.knowledge.policy.access_points
        )
        if damage is not None:
            log.error("journal_damaged", what=damage)
            feedback.trouble("journal", damage)
        self.clock = make_clock(self.journal)
        self._journal_kept = journal_kept
        self._prune_due = float("-inf")
        self._said_offline = False
        self._round_at = moment()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._timers = threading.Thread(target=self._run_timers, name="timers", daemon=True)
        self._decoders = DecodingProcess()
        self._transport = make_transport(identity, last_will(identity))
        self._renewal = Renewal(identity, store, self._transport, self.clock, moment=moment)
        portal = Portal(
            identity, self._transport, self.journal, self.clock, reports=self, moment=moment
        )
        self._gauges = [ReaderGauge(plan.point, moment=moment) for plan in plans]
        self._malformed = MalformedMessages(moment=moment)
        self.health = HealthReport(
            clock=self.clock,
            knowledge=self.knowledge,
            journal=self.journal,
            malformed=self._malformed,
            readers=self._gauges,
            store=store,
            moment=moment,
        )
        self._sync = self._new_sync(portal)
        desk = self._new_desk(portal)
        self.readers = [
            self._new_reader(plan, gauge, desk)
            for plan, gauge in zip(plans, self._gauges, strict=True)
        ]

    def _new_sync(self, portal: Portal) -> Sync:
        return Sync(
            self._identity,
            self._transport,
            knowledge=self.knowledge,
            journal=self.journal,
            portal=portal,
            upload=Upload(self._identity, self._transport, self.journal, moment=self._moment),
            passages=Passages(
                self._identity,
                self._transport,
                journal=self.journal,
                knowledge=self.knowledge,
                clock=self.clock,
                moment=self._moment,
            ),
            clock=self.clock,
            malformed=self._malformed,
            health=self.health,
            on_connection=self._connection_changed,
            certificate=self._renewal.receive,
            moment=self._moment,
        )

    def _new_desk(self, portal: Portal) -> Desk:
        return Desk(
            gatekeeper=Gatekeeper(),
            knowledge=self.knowledge,
            journal=self.journal,
            history=SharedHistory(self.journal, self.knowledge),
            clock=self.clock,
            portal=portal,
            feedback=self._feedback,
            wake=self._wake,
            deciding=threading.Lock(),
        )

    def _new_reader(self, plan: ReaderPlan, gauge: ReaderGauge, desk: Desk) -> Reader:
        def build(eyes: Eyes[_Seen]) -> Reader:
            return Reader(plan.point, eyes, desk, gauge=gauge, stop=self._stop, moment=self._moment)

        def rubbish(why: str) -> None:
            self._malformed.add(f"scanner at {plan.point}", why)

        if isinstance(plan.source, str) and is_scanner(plan.source):
            return build(scanner_eyes(plan.source, on_rubbish=rubbish))
        chain = DecoderChain(self._decoders, attention=Attention())
        return build(
            camera_eyes(plan.source, chain, gauge, wait=self._stop.wait, moment=self._moment)
        )

    def start(self, known_offline_after: timedelta = KNOWN_OFFLINE_AFTER) -> None:
        """Start everything, and return when the readers run and the server was heard or is away."""
        self._sync.start()
        try:
            self._decoders.start()
        except DecoderFailed as why:
            log.warning("decoder_not_started", why=str(why))
        self._timers.start()
        threading.Thread(target=self._verify_journal, name="journal", daemon=True).start()
        for reader in self.readers:
            reader.watch.start()
        deadline = time.monotonic() + known_offline_after.total_seconds()
        for news in (self._sync.synchronised, *(gauge.running for gauge in self._gauges)):
            news.wait(max(0.0, deadline - time.monotonic()))
        self._say_offline(now=not self._transport.connected)

    @property
    def online(self) -> bool:
        """Whether the broker is there now."""
        return self._transport.connected

    @property
    def going_round(self) -> bool:
        """Whether the loops of the timers and of every reader have gone round lately."""
        now = self._moment()
        timers = self._timers.is_alive() and now - self._round_at < HANGS_AFTER.total_seconds()
        return timers and not any(gauge.hangs for gauge in self._gauges)

    @property
    def troubles(self) -> dict[AccessPointId, str]:
        """What is wrong with which reader now."""
        return {gauge.point: gauge.trouble for gauge in self._gauges if gauge.trouble is not None}

    def stop(self) -> None:
        """End the readers, say goodbye, and close the journal."""
        self._stop.set()
        self._wake.set()
        self._timers.join(STOP_WITHIN_S)
        for reader in self.readers:
            reader.watch.join(STOP_WITHIN_S)
        self._decoders.close()
        self._sync.stop()
        self._feedback.close()
        self.journal.close()
        self.knowledge.close()

    def unlocked(self, point: AccessPointId, event: EventId) -> None:
        """Pass on what a controller says."""
        self._feedback.unlocked(point, event)

    def door(self, point: AccessPointId, event: EventId, outcome: Outcome) -> None:
        """Pass on what a controller says, and have its journal entry uploaded soon."""
        self._feedback.door(point, event, outcome)
        self._wake.set()

    def machine(self, point: AccessPointId, event: EventId, said: Serving) -> None:
        """Pass on what a vending machine says."""
        self._feedback.machine(point, event, said)
        self._wake.set()

    def _connection_changed(self, connected: bool) -> None:  # noqa: FBT001 - the transport's form
        self._say_offline(now=not connected)
        self._wake.set()

    def _say_offline(self, *, now: bool) -> None:
        """Say it when it changes; that all is well from the start needs no words."""
        if now != self._said_offline and not self._stop.is_set():
            self._said_offline = now
            self._feedback.offline(now=now)

    def _run_timers(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(TICK_S)
            self._wake.clear()
            try:
                for reader in self.readers:
                    reader.tick()
                self._sync.tick()
                self._renewal.tick()
                self._prune_if_due()
                self.health.keep_if_due()
                self._round_at = self._moment()
            except Exception:  # a thread that ends would leave every deadline unwatched
                log.exception("timers_failed")
                self._stop.wait(FAULT_PAUSE_S)

    def _verify_journal(self) -> None:
        """Look also at the old entries, which the server has; they hold nobody up."""
        try:
            self.journal.verify_beginning(self._stop.wait)
        except JournalDamaged as damage:
            log.error("journal_damaged", what=str(damage))  # noqa: TRY400 - where is no matter
            self._feedback.trouble("journal", str(damage))

    def _prune_if_due(self) -> None:
        """Drop old entries, a few at a time; never by a clock that may have jumped ahead.

        The server's last word bounds it: a revocation that went by a wrong clock never comes again.
        """
        now, heard = self._moment(), self.knowledge.heard
        if now < self._prune_due or heard is None or not self.clock.trusted:
            return
        try:
            at = min(self.clock.now(), heard)
            forgotten = self.knowledge.feeds.prune(at)
            dropped = self.journal.prune(at - self._journal_kept)
        except (JournalUnavailable, KnowledgeNotKept) as error:
            log.warning("not_pruned", why=str(error))
            dropped = forgotten = 0
        if dropped:
            log.info("journal_pruned", entries=dropped, up_to=self.journal.pruned)
        if not (dropped or forgotten):
            self._prune_due = now + PRUNE_EVERY.total_seconds()
