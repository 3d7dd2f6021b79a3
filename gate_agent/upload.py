"""Brings the journal to the server: one batch at a time, again until it is acknowledged."""

import threading
import time
from collections.abc import Callable
from random import SystemRandom

from access_protocol import codec, topics
from access_protocol.events import Receipt
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Transport
from gate_agent.asking import SPREAD_S, jittered
from gate_agent.journal import Journal, JournalUnavailable
from gate_agent.local_store import Identity
from gate_agent.logs import Log

FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 60.0

_chance = SystemRandom().random

log = Log(__name__)


class Upload:
    """Several threads may call it; `moment` counts seconds, `chance` gives numbers from 0 to 1."""

    def __init__(
        self,
        identity: Identity,
        transport: Transport,
        journal: Journal,
        *,
        moment: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = _chance,
    ) -> None:
        """Nothing is sent before `connected` or `tick`."""
        self._transport = transport
        self._journal = journal
        self._moment = moment
        self._chance = chance
        self._lock = threading.Lock()
        self._tried = False
        self._pause = FIRST_PAUSE_S
        self._due = float("-inf")
        self._topic = topics.build(
            identity.site, Kind.GATE, identity.device, Subject.JOURNAL, SERVER
        )

    def connected(self) -> None:
        """The broker is there: what waits is sent without waiting."""
        self._begin_anew()
        self.tick()

    def reconnected(self) -> None:
        """The broker is there again, for every gate at once: begin anew at a moment of one's own."""
        with self._lock:
            self._tried = False
            self._due = self._moment() + SPREAD_S * self._chance()

    def tick(self) -> None:
        """Send the next batch where there is one and none is in flight, or the last was lost."""
        now = self._moment()
        with self._lock:
            if self._journal.waiting == 0 or now < self._due or not self._transport.connected:
                return
            self._pause = min(self._pause * 2, LONGEST_PAUSE_S) if self._tried else FIRST_PAUSE_S
            self._tried = True
            self._due = now + jittered(self._pause, self._chance())
            try:
                batch = self._journal.next_batch()
            except JournalUnavailable as error:
                log.warning("journal_not_read", why=str(error))
                return
        if batch is None:
            return
        # Outside the lock: over a transport in memory the receipt comes before publish returns.
        self._transport.publish(self._topic, codec.encode(batch))

    def handle_receipt(self, payload: bytes) -> None:
        """Take the server's receipt. Raises `MalformedReportError`."""
        receipt = codec.decode(Receipt, payload)
        if receipt.journal != self._journal.id:
            return
        try:
            after = self._journal.parted(receipt)
            if after is None:
                is_news = self._journal.acknowledge(receipt.sequence)
            else:
                is_news = self._begin_new_journal(receipt, after)
        except JournalUnavailable as error:
            # It is sent again later; the server stores each entry once.
            log.warning("acknowledgement_not_kept", why=str(error))
            return
        if is_news:
            self._begin_anew()
            self.tick()

    def _begin_new_journal(self, receipt: Receipt, after: int) -> bool:
        """One of the two disks was brought back from an older copy, or changed: say so, and go on."""
        old, pruned = self._journal.id, self._journal.pruned
        self._journal.begin_anew(after)
        log.error(
            "journal_begun_anew",
            old=old,
            new=self._journal.id,
            after=after,
            pruned=pruned,
            server_holds=receipt.sequence,
            server_differs_from=receipt.differs_from,
        )
        return True

    def _begin_anew(self) -> None:
        """The next batch need not wait."""
        with self._lock:
            self._tried = False
            self._due = float("-inf")
