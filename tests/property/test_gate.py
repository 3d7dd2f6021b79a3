"""Whatever stands before the reader, and whatever order things happen in, the gate keeps its rules."""

import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from access_protocol import rules
from access_protocol.events import DecisionEntry, Outcome, OutcomeEntry
from access_protocol.ids import EventId
from gate_agent.gatekeeper import Gatekeeper
from gate_agent.journal import Journal
from gate_agent.reader import entry_of
from tests.fakes.gate_site import ENTRANCE, NOW, SITE, entrance, policy, ring, static
from tests.fakes.knowledge import FakeHistory, FakeKnowledge

KNOWN = FakeKnowledge(SITE, policy(), ring())
CIRCUMSTANCES = rules.Circumstances(NOW, clock_trusted=True, knowledge_age=timedelta())
VALID = static()
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(max_size=600).map(lambda text: "GK1:" + text),
    st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", max_size=300).map(
        lambda text: "GK1:" + text
    ),
    st.integers(4, len(VALID)).map(lambda end: VALID[:end]),
    st.tuples(st.integers(4, len(VALID) - 1), st.sampled_from("0AZ $:")).map(
        lambda change: VALID[: change[0]] + change[1] + VALID[change[0] + 1 :]
    ),
)


@given(st.lists(TEXTS, max_size=5).map(tuple), st.floats(0, 1e9))
def test_no_text_makes_the_gatekeeper_raise_or_grant(texts: tuple[str, ...], moment: float) -> None:
    texts = tuple(text for text in texts if text != VALID)
    decision = Gatekeeper().decide(texts, entrance(), KNOWN, FakeHistory(), CIRCUMSTANCES, moment)
    assert decision is None or not decision.granted
    ours = any(text.startswith("GK1:") for text in texts)
    assert (decision is not None) == ours


@given(st.lists(st.tuples(TEXTS, st.floats(0, 30)), max_size=8))
def test_no_text_is_decided_twice_within_ten_seconds(shown: list[tuple[str, float]]) -> None:
    gatekeeper, decided, moment = Gatekeeper(), dict[str, float](), 0.0
    for text, pause in shown:
        moment += pause
        decision = gatekeeper.decide(
            (text,), entrance(), KNOWN, FakeHistory(), CIRCUMSTANCES, moment
        )
        if decision is not None:
            assert moment - decided.get(text, -100.0) >= 10
            decided[text] = moment


@dataclass
class Turnstile:
    """What the controller of one event did; it lets each granted event through once at most."""

    obeyed: bool = False
    final: bool = False


@dataclass
class Seen:
    events: dict[EventId, Turnstile] = field(default_factory=dict[EventId, Turnstile])
    passages: int = 0


class SingleEntry(RuleBasedStateMachine):
    """One static credential at one access point, with restarts at any moment.

    The gate never hears some reports; the machine's controller is honest: it reports a passage only
    for a command that it obeyed, and after `not_passed` nobody goes through.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.site = Seen()
        self.moment = 0.0
        self.start()

    def start(self) -> None:
        points = policy().access_points
        path = Path(self.folder.name) / "journal.sqlite3"
        self.journal = Journal(path, lambda: points)
        self.gatekeeper = Gatekeeper()

    def report(self, event: EventId, outcome: Outcome) -> None:
        if self.journal.history.awaits(event, outcome):
            self.journal.append(
                OutcomeEntry(at=NOW, event=event, access_point=ENTRANCE, outcome=outcome)
            )

    @rule(pause=st.sampled_from([0.1, 11.0]), reaches_the_door=st.booleans())
    def present(self, pause: float, *, reaches_the_door: bool) -> None:
        self.moment += pause
        decision = self.gatekeeper.decide(
            (VALID,), entrance(), KNOWN, self.journal.history, CIRCUMSTANCES, self.moment
        )
        if decision is None:
            return
        event = EventId(str(uuid4()))
        entry = entry_of(decision, event, entrance(), CIRCUMSTANCES)
        assert isinstance(entry, DecisionEntry)
        self.journal.append(entry)
        if decision.granted:
            self.site.events[event] = Turnstile(obeyed=reaches_the_door)

    @rule()
    def restart(self) -> None:
        self.journal.close()
        self.start()

    @precondition(lambda self: self.site.events)
    @rule(data=st.data(), heard=st.booleans())
    def somebody_passes(self, data: st.DataObject, *, heard: bool) -> None:
        event = data.draw(st.sampled_from(sorted(self.site.events)))
        turnstile = self.site.events[event]
        if turnstile.obeyed and not turnstile.final:
            turnstile.final = True
            self.site.passages += 1
            if heard:
                self.report(event, Outcome.PASSED)

    @precondition(lambda self: self.site.events)
    @rule(
        data=st.data(),
        outcome=st.sampled_from([Outcome.NOT_PASSED, Outcome.REFUSED, Outcome.NO_ANSWER]),
    )
    def nobody_passes(self, data: st.DataObject, outcome: Outcome) -> None:
        event = data.draw(st.sampled_from(sorted(self.site.events)))
        turnstile = self.site.events[event]
        # A command that was obeyed ends in a passage or in `not_passed`, never in the other two.
        if turnstile.final or turnstile.obeyed != (outcome is Outcome.NOT_PASSED):
            return
        turnstile.final = True
        self.report(event, outcome)

    @invariant()
    def at_most_one_passage(self) -> None:
        assert self.site.passages <= 1

    @invariant()
    def the_sequence_has_no_gap(self) -> None:
        rows = self.journal._connection.execute("SELECT count(*), max(sequence) FROM entry")
        count, last = rows.fetchone()
        assert count == (last or 0) == self.journal.position.sequence

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()


TestSingleEntry = SingleEntry.TestCase
TestSingleEntry.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
