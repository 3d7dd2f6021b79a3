"""What a gate gets when it asks, and when something changes; on both databases."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog
from sqlmodel import col, select

from access_protocol import codec, documents, feeds, knowledge, topics
from access_protocol import credential as protocol
from access_protocol.documents import Document, DocumentKind, OlderDocumentError
from access_protocol.events import SyncRequest
from access_protocol.feeds import FEEDS, Chunk, LastPassage, MissedChangesError, Revocation
from access_protocol.ids import CredentialId, Direction, EventId, ZoneNumber
from access_protocol.keys import HolderKey, KeyRing, RingKey
from access_protocol.signed import UnknownKeyError
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from server.access import feeds as site_feeds
from server.access.feeds import FeedChange
from server.credentials import actions as credentials
from server.credentials.models import SLOWEST_CLOCK, Credential
from server.devices.actions import Section, public_keys, send_all
from server.devices.models import KeyPurpose
from server.kernel.clock import FixedClock
from server.kernel.outbox import OutboxRow
from server.kernel.work import Office
from server.places.actions import PlaceChanged
from server.places.models import Site
from server.visits.models import Visit
from tests.fakes.site import (
    CREDENTIAL,
    GATE,
    MAIN_IN,
    NOW,
    SAKURA_IN,
    SYSTEM,
    TYO,
    VISIT,
    VISITOR,
    enrolled_site,
)
from tests.fakes.worker import FakeWorker

NONCE = b"n" * 16
PHONE = HolderKey(
    bytes.fromhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"), y_is_odd=True
)  # the generator of P-256
READERS = {
    DocumentKind.REVOCATIONS: feeds.read_revocations,
    DocumentKind.CREDENTIALS: feeds.read_credentials,
    DocumentKind.PRESENCE: feeds.read_presence,
}


class ListeningGate:
    """Keeps what comes as a gate does: newer sections, and chunks that continue what it holds."""

    def __init__(self, office: Office, broker: MemoryBroker, worker: FakeWorker) -> None:
        with office.begin(SYSTEM) as work:
            keys = public_keys(work, TYO, KeyPurpose.AUTHORITY)
        self._ring = KeyRing(RingKey(key, NOW, NOW + timedelta(days=1)) for key in keys)
        self._worker = worker
        self.got: list[Document] = []
        self.held: dict[str, int] = {}
        self.entries: dict[DocumentKind, list[object]] = {kind: [] for kind in FEEDS}
        self.sections: dict[DocumentKind, bytes] = {}
        self.time: knowledge.TimeAnswer | None = None
        self.missed = 0
        self._transport = MemoryTransport(broker)
        self._transport.subscribe(
            topics.build(TYO, Kind.SERVER, SERVER, Subject.KNOWLEDGE, GATE),
            lambda message: self._take(message.payload),
        )
        self._transport.start()

    def ask(self, nonce: bytes | None = None) -> list[Document]:
        """Ask for what is newer, and return what came."""
        self.got.clear()
        topic = topics.build(TYO, Kind.GATE, GATE, Subject.SYNC, SERVER)
        request = SyncRequest(held=self.held, nonce=nonce)
        self._transport.publish(topic, codec.encode(request))
        return self.heard()

    def heard(self) -> list[Document]:
        """Let the worker send, and return what came since the last question."""
        while self._worker.send():
            pass
        return self.got

    def kinds(self) -> set[DocumentKind]:
        return {document.kind for document in self.got}

    def _take(self, payload: bytes) -> None:
        document = documents.open_document(payload, self._ring, site=TYO, device=GATE, at=NOW)
        self.got.append(document)
        if document.kind is DocumentKind.TIME:
            self.time = knowledge.read_time(document.body)
            return
        if document.kind in FEEDS:
            chunk: Chunk[object] = READERS[document.kind](document.body)  # pyright: ignore[reportAssignmentType]
            try:
                held = self.held.get(document.kind, 0)
                feeds.check_order(chunk.after, document.version, held)
            except OlderDocumentError:
                return
            except MissedChangesError:
                self.missed += 1
                return
            self.entries[document.kind] += chunk.entries
        else:
            self.sections[document.kind] = document.body
        self.held[str(document.kind)] = document.version


class Scene:
    def __init__(self, office: Office, clock: FixedClock) -> None:
        self.office, self.clock = office, clock
        self.broker = MemoryBroker()
        self.worker = FakeWorker(office, self.broker)
        self.gate = ListeningGate(office, self.broker, self.worker)

    def revoke(self, count: int, start: int = 0) -> None:
        """Put so many revocations into the feed at once."""
        with self.office.begin(SYSTEM) as work:
            changes = [
                site_feeds.revocation(Revocation(id_of(number), 1, NOW + timedelta(days=1)))
                for number in range(start, start + count)
            ]
            site_feeds.publish(work, TYO, changes)


def id_of(number: int) -> CredentialId:
    return CredentialId(number.to_bytes(16, "big"))


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    clock = FixedClock(NOW)
    office = enrolled_site(database_url, tmp_path, clock)
    yield Scene(office, clock)
    office.close()


def test_a_gate_that_asks_gets_what_it_lacks_and_nothing_twice(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        credentials.issue(work, VISITOR)
        credentials.bind(work, VISITOR, PHONE)
    scene.gate.heard()
    scene.gate.ask(NONCE)
    scene.gate.ask(NONCE)
    assert scene.gate.kinds() == {DocumentKind.TIME}, "everything else is held by now"
    assert set(scene.gate.held) == {"keys", "policy", "credentials"}
    policy = scene.gate.ask()
    assert policy == [], "without a question for the time there is no time"


def test_the_first_answer_holds_keys_policy_and_all_feeds(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        credentials.issue(work, VISITOR)
        credentials.issue(work, VISITOR)
    scene.gate.heard()
    scene.gate.held.clear()
    got = {document.kind: document for document in scene.gate.ask(NONCE)}
    assert set(got) == {
        DocumentKind.KEYS,
        DocumentKind.POLICY,
        DocumentKind.REVOCATIONS,
        DocumentKind.TIME,
    }
    policy = knowledge.read_policy(got[DocumentKind.POLICY].body)
    assert set(policy.access_points) == {MAIN_IN, SAKURA_IN}


def test_the_time_answers_the_question_and_names_what_the_gate_should_hold(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        credentials.issue(work, VISITOR)
        credentials.withdraw(work, VISITOR)
    documents_ = scene.gate.ask(NONCE)
    assert documents_[-1].kind is DocumentKind.TIME, "what it names comes before it"
    assert scene.gate.time is not None
    assert scene.gate.time.nonce == NONCE
    assert scene.gate.time.versions == scene.gate.held


def test_nobody_is_told_the_time_without_asking(scene: Scene) -> None:
    scene.gate.heard()
    scene.gate.got.clear()
    scene.clock.advance(timedelta(minutes=5))
    scene.worker.tick()
    assert DocumentKind.TIME not in {document.kind for document in scene.gate.heard()}


def test_a_revocation_is_pushed_as_a_chunk_that_follows_the_one_before(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        made = credentials.issue(work, VISITOR)
    scene.gate.ask()
    with scene.office.begin(SYSTEM) as work:
        credentials.withdraw(work, VISITOR)
    scene.gate.heard()
    assert scene.gate.entries[DocumentKind.REVOCATIONS] == [
        Revocation(CREDENTIAL, knowledge.ALL_GENERATIONS, made.expires + SLOWEST_CLOCK)
    ]
    with scene.office.begin(SYSTEM) as work:
        again = credentials.issue(work, VISITOR)
    scene.gate.heard()
    newest = scene.gate.entries[DocumentKind.REVOCATIONS][-1]
    assert newest == Revocation(CREDENTIAL, again.generation, again.expires + SLOWEST_CLOCK)
    assert scene.gate.missed == 0


def test_gates_are_told_once_of_all_that_one_change_does_to_credentials(scene: Scene) -> None:
    scene.gate.ask()
    with scene.office.begin(SYSTEM) as work:
        for _ in range(3):
            credentials.issue(work, VISITOR)
        credentials.withdraw(work, VISITOR)
        credentials.issue(work, VISITOR)
    told = [each for each in scene.gate.heard() if each.kind is DocumentKind.REVOCATIONS]
    assert len(told) == 1
    (entry,) = scene.gate.entries[DocumentKind.REVOCATIONS]
    assert isinstance(entry, Revocation)
    assert entry.lowest == 4


def test_a_bound_credential_of_today_is_pushed_and_one_of_next_week_waits_for_its_day(
    scene: Scene,
) -> None:
    with scene.office.begin(SYSTEM) as work:
        credentials.issue(work, VISITOR)
        visit = work.session.get_one(Visit, VISIT)
        visit.starts_at += timedelta(days=7)
        visit.ends_at += timedelta(days=7)
    with scene.office.begin(SYSTEM) as work:
        bound = credentials.bind(work, VISITOR, PHONE)
    scene.worker.tick()
    scene.gate.heard()
    assert scene.gate.entries[DocumentKind.CREDENTIALS] == []
    scene.clock.advance(timedelta(days=5, hours=2))
    scene.worker.tick()
    scene.worker.tick()
    scene.gate.heard()
    assert scene.gate.entries[DocumentKind.CREDENTIALS] == [bound.message]


def test_a_gate_that_was_away_for_long_gets_the_rest_when_it_asks_again(scene: Scene) -> None:
    """60 KiB a chunk and 16 chunks an answer hold about 40,000 revocations."""
    with scene.office.begin(SYSTEM) as work:
        credentials.issue(work, VISITOR)
        credentials.bind(work, VISITOR, PHONE)
    scene.revoke(50_000)
    scene.gate.heard()
    scene.gate.held.clear()
    scene.gate.entries[DocumentKind.REVOCATIONS].clear()
    first = [each for each in scene.gate.ask(NONCE) if each.kind is DocumentKind.REVOCATIONS]
    read = [feeds.read_revocations(each.body) for each in first]
    assert len(first) <= feeds.CHUNKS_AT_ONCE
    assert [chunk.more for chunk in read] == [False] * (len(read) - 1) + [True]
    assert all(len(each.body) <= 64 * 1024 for each in first)
    assert scene.gate.time is not None
    assert scene.gate.time.versions["revocations"] > scene.gate.held["revocations"]
    scene.gate.ask(NONCE)
    ids = {entry.credential for entry in scene.gate.entries[DocumentKind.REVOCATIONS]}  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
    assert ids == {id_of(number) for number in range(50_000)}
    assert scene.gate.time.versions == scene.gate.held
    assert scene.gate.missed == 0


def test_expired_changes_are_dropped_and_the_feed_still_ends_at_its_version(scene: Scene) -> None:
    scene.revoke(3)
    scene.gate.heard()
    scene.clock.advance(timedelta(days=2))
    scene.worker.tick()
    with scene.office.reading(SYSTEM) as work:
        assert work.session.exec(select(FeedChange)).all() == []
    held = scene.gate.held.pop("revocations")
    scene.gate.ask(NONCE)
    assert scene.gate.held["revocations"] == held
    assert scene.gate.ask() == []


def test_a_server_back_from_an_older_copy_numbers_everything_anew(scene: Scene) -> None:
    scene.revoke(3)
    scene.gate.heard()
    ahead = scene.gate.held["revocations"] + 10**9
    scene.gate.held["revocations"] = ahead
    scene.gate.ask(NONCE)
    assert scene.gate.held["revocations"] > ahead
    assert len(scene.gate.entries[DocumentKind.REVOCATIONS]) == 6, "all three came again"
    scene.revoke(1, start=7)
    scene.gate.heard()
    assert scene.gate.missed == 0
    assert len(scene.gate.entries[DocumentKind.REVOCATIONS]) == 7


def test_after_going_back_to_an_older_copy_new_numbers_lie_above_all_that_were_ever_given(
    scene: Scene,
) -> None:
    scene.revoke(5)
    lost = scene.gate.heard()[-1].version
    with scene.office.begin(SYSTEM) as work:
        site_feeds._set_version(work, TYO, DocumentKind.REVOCATIONS, lost - 4)
    scene.clock.advance(timedelta(seconds=1))
    scene.revoke(1, start=9)
    scene.gate.heard()
    entry = scene.gate.entries[DocumentKind.REVOCATIONS][-1]
    assert isinstance(entry, Revocation)
    assert entry.credential == id_of(9)


def test_the_latest_passage_at_a_place_is_what_gates_hear_whatever_order_it_came_in(
    scene: Scene,
) -> None:
    event = EventId("8c5d3a52-6e0f-4d5b-9a3e-2f9b8a7c6d10")
    late = LastPassage(CREDENTIAL, ZoneNumber(2), Direction.OUT, NOW, event)
    early = LastPassage(
        CREDENTIAL, ZoneNumber(2), Direction.IN, NOW - timedelta(microseconds=1), event
    )
    for passage in (late, early):
        with scene.office.begin(SYSTEM) as work:
            until = NOW + timedelta(days=1)
            site_feeds.publish(work, TYO, [site_feeds.passage(passage, until)])
    scene.gate.ask()
    assert scene.gate.entries[DocumentKind.PRESENCE] == [late]


def test_what_is_known_already_is_no_change(scene: Scene) -> None:
    scene.revoke(3)
    scene.gate.heard()
    version = scene.gate.held["revocations"]
    scene.revoke(3)
    assert scene.gate.ask() == []
    assert scene.gate.held["revocations"] == version


def test_a_section_that_no_device_would_take_is_said_aloud_and_not_sent(scene: Scene) -> None:
    section = Section(DocumentKind.REVOCATIONS, 7, bytes(documents.DOCUMENT_CEILING))
    with structlog.testing.capture_logs() as lines, scene.office.begin(SYSTEM) as work:
        before = len(work.session.exec(select(OutboxRow)).all())
        send_all(work, TYO, GATE, [section])
        after = len(work.session.exec(select(OutboxRow)).all())
    assert [(line["log_level"], line["device"]) for line in lines] == [("error", GATE)]
    assert after == before


def test_what_is_sent_to_one_gate_at_once_is_one_row_of_the_outbox(scene: Scene) -> None:
    scene.gate.heard()
    scene.gate.held.clear()
    scene.gate.ask(NONCE)
    with scene.office.reading(SYSTEM) as work:
        newest = work.session.exec(
            select(OutboxRow)
            .where(OutboxRow.kind == "documents")
            .order_by(col(OutboxRow.id).desc())
        ).first()
    assert newest is not None
    assert newest.reference.startswith("time:"), "the last of all that is in it"


def test_two_classes_of_one_visitor_share_their_id_and_one_revocation(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        credentials.issue(work, VISITOR)
        credentials.bind(work, VISITOR, PHONE)
        credentials.withdraw(work, VISITOR)
    scene.gate.heard()
    assert len(scene.gate.entries[DocumentKind.REVOCATIONS]) == 1
    with scene.office.reading(SYSTEM) as work:
        assert work.session.get_one(Credential, CREDENTIAL).revoked


def test_a_gate_that_holds_the_old_key_and_the_new_one_takes_credentials_of_both(
    scene: Scene,
) -> None:
    with scene.office.begin(SYSTEM) as work:
        old = credentials.issue(work, VISITOR)
    scene.gate.ask()
    before = knowledge.read_keys(scene.gate.sections[DocumentKind.KEYS])
    with scene.office.begin(SYSTEM) as work:
        credentials.rotate_key(work, TYO)
    scene.gate.heard()
    with scene.office.begin(SYSTEM) as work:
        new = credentials.bind(work, VISITOR, PHONE)
    scene.gate.heard()
    after = knowledge.read_keys(scene.gate.sections[DocumentKind.KEYS])
    assert len(list(before)) == 1
    assert len(list(after)) == 2

    def taken(message: bytes, ring: KeyRing, at: datetime) -> bool:
        presentation = protocol.read(protocol.to_text(message))
        try:
            protocol.verify_issuer(presentation, lambda hint: ring.with_hint(hint, at))
        except UnknownKeyError:
            return False
        return True

    assert taken(old.message, after, NOW)
    assert taken(new.message, after, NOW)
    assert not taken(new.message, before, NOW)
    assert taken(old.message, after, old.expires), "as long as a credential of the old key counts"
    assert not taken(old.message, after, old.expires + timedelta(minutes=2))
    assert taken(new.message, after, old.expires + timedelta(minutes=2))


def test_how_long_gates_go_on_without_contact_is_a_setting_of_the_site(scene: Scene) -> None:
    scene.gate.ask()
    with scene.office.begin(SYSTEM) as work:
        site = work.session.get_one(Site, TYO)
        site.static_staleness_h, site.staleness_h = 6, 12
        work.record(PlaceChanged(site=TYO, what="site", id=TYO, created=False))
    scene.gate.heard()
    policy = knowledge.read_policy(scene.gate.sections[DocumentKind.POLICY])
    assert (policy.static_staleness, policy.staleness) == (timedelta(hours=6), timedelta(hours=12))
