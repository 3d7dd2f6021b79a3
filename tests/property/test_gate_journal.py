"""Whatever is appended, acknowledged, pruned and restarted in whatever order, the journal stays whole."""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from access_protocol import events
from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.events import DecisionEntry, EntryBody, Outcome, OutcomeEntry
from access_protocol.ids import AccessPointId, CredentialId, EventId
from gate_agent.history import PassageHistory
from gate_agent.journal import Journal
from tests.fakes.gate_site import ENTRANCE, NOW, OFFICE, entrance

POINTS = {point: entrance(point=point) for point in (ENTRANCE, AccessPointId("side"))}
VISITORS = [CredentialId(bytes(15) + bytes([number])) for number in range(3)]
REASONS = [None, DenyReason.EXPIRED, DenyReason.ALREADY_USED, DenyReason.CLOCK_UNTRUSTED]
TIMES = range(3)


class KeptJournal(RuleBasedStateMachine):
    """The model is simply the list of all entries ever written, and how many of them were dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.written: list[EntryBody] = []
        self.hashes = [events.FIRST_HASH]
        self.acknowledged = 0
        self.now = NOW
        self.newest: datetime | None = None
        self.begin()

    def begin(self) -> None:
        path = Path(self.folder.name) / "journal.sqlite3"
        self.journal = Journal(path, lambda: POINTS)

    def append(self, body: EntryBody) -> None:
        self.written.append(body)
        self.hashes.append(events.chained(self.hashes[-1], events.body_text(body)))
        position = self.journal.append(body)
        assert (position.sequence, position.hash) == (len(self.written), self.hashes[-1])

    @rule(
        visitor=st.sampled_from(VISITORS),
        point=st.sampled_from(sorted(POINTS)),
        kind=st.sampled_from(CredentialClass),
        reason=st.sampled_from(REASONS),
        presented_at=st.one_of(st.none(), st.sampled_from(TIMES)),
        pause=st.integers(0, 20),
        wrong_by=st.integers(-9000, 9000),
    )
    def decide(
        self,
        visitor: CredentialId,
        point: AccessPointId,
        kind: CredentialClass,
        reason: DenyReason | None,
        presented_at: int | None,
        pause: int,
        wrong_by: int,
    ) -> None:
        self.now += timedelta(days=pause)
        untrusted = reason is DenyReason.CLOCK_UNTRUSTED
        if not untrusted:
            self.newest = self.now
        self.append(
            DecisionEntry(
                at=self.now + timedelta(days=wrong_by) * untrusted,
                event=str(uuid4()),
                access_point=point,
                reason=reason,
                credential=visitor.hex(),
                credential_class=kind,
                generation=0,
                presented_at=presented_at,
            )
        )

    @precondition(lambda self: self.written)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome))
    def report(self, data: st.DataObject, outcome: Outcome) -> None:
        body = data.draw(st.sampled_from(self.written))
        if self.journal.history.awaits(EventId(body.event), outcome):
            point = body.access_point
            self.append(
                OutcomeEntry(at=self.now, event=body.event, access_point=point, outcome=outcome)
            )

    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        self.acknowledged = data.draw(st.integers(self.journal.pruned, len(self.written)))
        self.journal.acknowledge(self.acknowledged)

    @rule(age=st.integers(0, 60))
    def prune(self, age: int) -> None:
        before, pruned = self.now - timedelta(days=age), self.journal.pruned
        dropped = self.journal.prune(before)
        assert self.journal.pruned == pruned + dropped <= self.acknowledged
        for body in self.written[pruned : pruned + dropped]:
            if isinstance(body, DecisionEntry) and body.reason is not DenyReason.CLOCK_UNTRUSTED:
                assert body.at < before

    @rule()
    def restart(self) -> None:
        self.journal.close()
        self.begin()

    @invariant()
    def the_chain_is_whole(self) -> None:
        journal = self.journal
        assert journal.position.sequence == len(self.written)
        assert journal.position.hash == self.hashes[-1]
        assert journal.waiting == len(self.written) - self.acknowledged
        assert journal.newest == self.newest
        batch = journal.next_batch()
        if batch is not None:
            previous = bytes.fromhex(batch.previous)
            assert previous == self.hashes[self.acknowledged]
            assert batch.entries[0].sequence == self.acknowledged + 1

    @invariant()
    def the_history_is_that_of_the_entries_kept(self) -> None:
        expected, told = PassageHistory(lambda: POINTS), self.journal.history
        pruned = self.journal.pruned
        for number, body in enumerate(self.written[pruned:], start=pruned + 1):
            expected.add(number, body)
        for body in self.written:
            assert told.grant(EventId(body.event)) == expected.grant(EventId(body.event))
        for visitor in VISITORS:
            assert told.bound_generation(visitor) == expected.bound_generation(visitor)
            assert told.inside(visitor, OFFICE, None) == expected.inside(visitor, OFFICE, None)
            for point in POINTS:
                assert told.entry_spent(visitor, point) == expected.entry_spent(visitor, point)
                for at in TIMES:
                    used = told.presentation_used(visitor, at, point)
                    assert used == expected.presentation_used(visitor, at, point)

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()


TestKeptJournal = KeptJournal.TestCase
TestKeptJournal.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
