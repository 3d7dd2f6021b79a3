"""Gates tell each other who passed; what they are told counts, and nothing is lost while the broker is away."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from access_protocol import codec, knowledge, topics
from access_protocol.codec import MalformedReportError
from access_protocol.credential import CredentialClass
from access_protocol.documents import DocumentKind
from access_protocol.events import DecisionEntry, Outcome, OutcomeEntry, PassageNotice
from access_protocol.ids import AccessPointId, CredentialId, DeviceId, EventId
from access_protocol.knowledge import AntiPassback, Direction, Policy, ZonePolicy
from access_protocol.topics import Kind, Subject, Topic
from access_protocol.transport.base import Message
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from gate_agent.clock import GateClock
from gate_agent.held_feeds import KnowledgeNotKept
from gate_agent.journal import Journal
from gate_agent.knowledge import HeldKnowledge
from gate_agent.passages import (
    BELIEVED_A_SECOND,
    BELIEVED_AT_ONCE,
    SURELY_TOLD_S,
    TOLD_AT_ONCE,
    ImplausibleNoticeError,
    Passages,
    SharedHistory,
    TooManyNoticesError,
)
from tests.fakes.gate_site import (
    ENTRANCE,
    GATE,
    NOW,
    OFFICE,
    SITE,
    document,
    enrolled,
    entrance,
)
from tests.fakes.pacing import FakeTime

VISITOR = CredentialId(bytes(15) + b"\x01")
EXIT = AccessPointId("main-gate-out")
OTHER = DeviceId("gate-2")
HARD = {OFFICE: ZonePolicy(AntiPassback.HARD)}


@dataclass
class Scene:
    broker: MemoryBroker
    journal: Journal
    known: HeldKnowledge
    passages: Passages
    time: FakeTime
    told: list[PassageNotice] = field(default_factory=list[PassageNotice])

    @property
    def history(self) -> SharedHistory:
        return SharedHistory(self.journal, self.known)

    def pass_by(
        self,
        point: AccessPointId = ENTRANCE,
        *,
        minutes: float = 0,
        kind: CredentialClass = CredentialClass.BOUND,
        generation: int = 0,
    ) -> EventId:
        """Somebody is granted access here, and the turnstile reports the passage."""
        event, at = EventId(str(uuid4())), NOW + timedelta(minutes=minutes)
        entry = DecisionEntry(
            at=at,
            event=event,
            access_point=point,
            reason=None,
            credential=VISITOR.hex(),
            credential_class=kind,
            generation=generation,
        )
        self.journal.append(entry)
        self.journal.append(
            OutcomeEntry(at=at, event=event, access_point=point, outcome=Outcome.PASSED)
        )
        return event

    def hear(self, told: PassageNotice, device: DeviceId = OTHER) -> None:
        topic = Topic(SITE, Kind.GATE, device, Subject.PASSAGE)
        self.passages.handle(topic, codec.encode(told))

    def inside(self) -> bool:
        return self.history.inside(VISITOR, OFFICE, None)


def notice(
    direction: Direction = Direction.IN,
    *,
    minutes: float = 0,
    kind: CredentialClass = CredentialClass.BOUND,
    generation: int = 0,
) -> PassageNotice:
    return PassageNotice(
        at=NOW + timedelta(minutes=minutes),
        event=str(uuid4()),
        access_point="west-gate-in",
        zone=OFFICE,
        direction=direction,
        credential=VISITOR.hex(),
        credential_class=kind,
        generation=generation,
    )


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    broker, time = MemoryBroker(), FakeTime()
    ours, theirs = MemoryTransport(broker), MemoryTransport(broker)
    store = enrolled(tmp_path)
    identity = store.identity()
    known = HeldKnowledge(identity, store)
    points = {ENTRANCE: entrance(), EXIT: replace(entrance(point=EXIT), direction=Direction.OUT)}
    body = knowledge.write_policy(Policy(points, zones=HARD))
    known.accept(document(DocumentKind.POLICY, body), NOW, lambda _: False)
    journal = Journal(store.journal_path, lambda: known.policy.access_points)
    passages = Passages(
        identity,
        ours,
        journal=journal,
        knowledge=known,
        clock=GateClock(battery_clock=True, system=lambda: NOW),
        moment=time.clock,
    )
    scene = Scene(broker, journal, known, passages, time)

    def listen(message: Message) -> None:
        assert topics.parse(message.topic).device == GATE
        scene.told.append(codec.decode(PassageNotice, message.payload))

    theirs.subscribe(topics.of_all(SITE, Kind.GATE, Subject.PASSAGE), listen)
    ours.on_connection(lambda there: passages.reconnected() if there else None)
    ours.start()
    theirs.start()
    yield scene
    assert (ours.failures, theirs.failures) == (0, 0)
    journal.close()
    known.close()


def conflicts(logged: pytest.LogCaptureFixture) -> list[list[str]]:
    """The events of each conflict that was said."""
    return [vars(line)["fields"]["events"] for line in logged.records if line.msg == "conflict"]


def test_a_gate_that_tells_more_than_can_pass_is_not_heard_further(scene: Scene) -> None:
    for _ in range(int(BELIEVED_AT_ONCE)):
        scene.hear(notice())
    with pytest.raises(TooManyNoticesError):
        scene.hear(notice())
    scene.hear(notice(), DeviceId("gate-9"))
    scene.time.wait(1 / BELIEVED_A_SECOND)
    scene.hear(notice())
    with pytest.raises(TooManyNoticesError):
        scene.hear(notice())


def test_a_passage_that_was_reported_is_told_and_a_mere_grant_is_not(scene: Scene) -> None:
    scene.journal.append(
        DecisionEntry(
            at=NOW,
            event=str(uuid4()),
            access_point=ENTRANCE,
            reason=None,
            credential=VISITOR.hex(),
            credential_class=CredentialClass.STATIC,
            generation=0,
        )
    )
    scene.passages.tick()
    assert scene.told == []
    event = scene.pass_by(generation=3)
    scene.passages.tick()
    scene.passages.tick()
    assert scene.told == [
        PassageNotice(
            at=NOW,
            event=event,
            access_point=ENTRANCE,
            zone=OFFICE,
            direction=Direction.IN,
            credential=VISITOR.hex(),
            credential_class=CredentialClass.BOUND,
            generation=3,
        )
    ]


def test_what_happened_while_the_broker_was_away_is_told_when_it_is_back(scene: Scene) -> None:
    scene.broker.lose()
    events = [scene.pass_by() for _ in range(TOLD_AT_ONCE + 3)]
    scene.passages.tick()
    assert scene.told == []
    scene.broker.restore()
    scene.passages.tick()
    assert len(scene.told) == TOLD_AT_ONCE
    scene.passages.tick()
    assert [told.event for told in scene.told] == events


def test_a_notice_that_may_have_been_lost_with_the_connection_is_told_again(scene: Scene) -> None:
    first = scene.pass_by()
    scene.passages.tick()
    scene.time.wait(SURELY_TOLD_S)
    second = scene.pass_by()
    scene.passages.tick()
    scene.broker.lose()
    scene.broker.restore()
    scene.passages.tick()
    assert [told.event for told in scene.told] == [first, second, second]


def test_after_a_restart_nothing_that_was_surely_told_is_told_again(scene: Scene) -> None:
    scene.pass_by()
    scene.passages.tick()
    scene.time.wait(SURELY_TOLD_S)
    scene.passages.tick()
    scene.journal.acknowledge(1)
    assert scene.journal.told == 2


def test_an_old_passage_is_not_told_any_more(scene: Scene) -> None:
    scene.pass_by(minutes=-4 * 24 * 60)
    scene.passages.tick()
    assert scene.told == []


def test_who_entered_at_another_gate_is_inside_until_leaving_at_any(scene: Scene) -> None:
    assert not scene.inside()
    scene.hear(notice())
    assert scene.inside()
    scene.pass_by(EXIT, minutes=1)
    assert not scene.inside()
    scene.pass_by(minutes=2)
    assert scene.inside()
    scene.hear(notice(Direction.OUT, minutes=0.5))
    assert scene.inside()


def test_an_entry_before_an_amnesty_does_not_count_wherever_it_was(scene: Scene) -> None:
    scene.hear(notice())
    assert scene.history.inside(VISITOR, OFFICE, NOW - timedelta(seconds=1))
    assert not scene.history.inside(VISITOR, OFFICE, NOW)


def test_a_bound_credential_that_was_used_at_another_gate_counts_here(scene: Scene) -> None:
    assert scene.history.bound_generation(VISITOR) is None
    scene.hear(notice(kind=CredentialClass.STATIC, generation=7))
    assert scene.history.bound_generation(VISITOR) is None
    scene.hear(notice(generation=2))
    assert scene.history.bound_generation(VISITOR) == 2
    scene.pass_by(generation=4)
    assert scene.history.bound_generation(VISITOR) == 4


def test_what_was_told_is_still_known_after_a_restart(scene: Scene, tmp_path: Path) -> None:
    scene.hear(notice(generation=2))
    scene.known.close()
    store = enrolled(tmp_path)
    history = SharedHistory(scene.journal, HeldKnowledge(store.identity(), store))
    assert history.inside(VISITOR, OFFICE, None)
    assert history.bound_generation(VISITOR) == 2


@pytest.mark.parametrize("minutes", [-4 * 24 * 60, 2, 60 * 24 * 365])
def test_a_time_that_cannot_be_is_not_believed(scene: Scene, minutes: float) -> None:
    with pytest.raises(ImplausibleNoticeError):
        scene.hear(notice(minutes=minutes))
    assert not scene.inside()


def test_a_malformed_notice_changes_nothing(scene: Scene) -> None:
    topic = Topic(SITE, Kind.GATE, OTHER, Subject.PASSAGE)
    for payload in (b"", b"{", b'{"version": 1}', b"\xff" * 100):
        with pytest.raises(MalformedReportError):
            scene.passages.handle(topic, payload)


def test_its_own_notice_comes_back_and_says_nothing_new(scene: Scene) -> None:
    scene.hear(notice(), device=GATE)
    assert not scene.inside()


def test_a_notice_that_the_disk_does_not_take_can_be_told_again(scene: Scene) -> None:
    told = notice()
    scene.known.feeds._writing.execute("PRAGMA query_only = ON")
    with pytest.raises(KnowledgeNotKept):
        scene.hear(told)
    scene.known.feeds._writing.execute("PRAGMA query_only = OFF")
    scene.hear(told)
    assert scene.inside()


def test_whoever_cannot_be_looked_up_counts_as_inside(scene: Scene) -> None:
    scene.known.close()
    assert scene.inside()


def test_a_second_entry_found_after_a_partition_is_said_once(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    ours, theirs = scene.pass_by(minutes=-5), notice(minutes=-3)
    scene.hear(theirs)
    scene.hear(theirs)
    assert conflicts(caplog) == [[ours, theirs.event]]


def test_an_entry_here_that_another_gate_knew_nothing_of_is_said_when_it_is_told(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = notice(minutes=-5)
    scene.hear(theirs)
    ours = scene.pass_by(minutes=-3)
    scene.passages.tick()
    assert conflicts(caplog) == [[theirs.event, ours]]


def test_an_exit_between_two_entries_is_no_conflict(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.pass_by(minutes=-5)
    scene.pass_by(EXIT, minutes=-4)
    scene.hear(notice(minutes=-3))
    scene.hear(notice(Direction.OUT, minutes=-2))
    scene.pass_by(minutes=-1)
    scene.passages.tick()
    assert conflicts(caplog) == []
