"""What a gate accepts from its authority, and what its folder gives back after a restart."""

import stat
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import base45
import pytest

from access_protocol import feeds, knowledge
from access_protocol.documents import (
    DocumentKind,
    MalformedDocumentError,
    MisdirectedDocumentError,
    OlderDocumentError,
)
from access_protocol.feeds import Chunk, LastPassage, MissedChangesError, Revocation
from access_protocol.ids import CredentialId, DeviceId, Direction, EventId
from access_protocol.keys import KeyRing, SigningKey
from access_protocol.knowledge import MalformedSectionError, TimeAnswer
from access_protocol.signed import BadSignatureError, MalformedEnvelopeError, UnknownKeyError
from gate_agent.held_feeds import PRUNED_AT_ONCE, KnowledgeNotKept
from gate_agent.knowledge import Accepted, HeldKnowledge, UnaskedTimeError
from gate_agent.local_store import LocalStore, NotEnrolled
from tests.fakes.gate_site import (
    AUTHORITY,
    GATE,
    GATE_KEY,
    ISSUER,
    NOW,
    OFFICE,
    bound,
    document,
    enrolled,
    policy,
    ring,
    static,
)

VISITOR = CredentialId(bytes(16))
FIRST = CredentialId((1).to_bytes(16, "big"))


NONCE = bytes(range(16))


def held(store: LocalStore) -> HeldKnowledge:
    return HeldKnowledge(store.identity(), store)


def give(known: HeldKnowledge, message: bytes, at: datetime | None = NOW) -> Accepted | None:
    return known.accept(message, at, lambda nonce: nonce == NONCE)


def revocations(
    lowest: int, version: int, *, after: int | None = None, **further: SigningKey | DeviceId
) -> bytes:
    entry = Revocation(VISITOR, lowest, NOW + timedelta(days=1))
    body = feeds.write_revocations(Chunk(version - 1 if after is None else after, (entry,)))
    return document(DocumentKind.REVOCATIONS, body, version, **further)  # type: ignore[arg-type]


def credentials(*messages: bytes, version: int = 1, after: int = 0) -> bytes:
    body = feeds.write_credentials(Chunk(after, messages))
    return document(DocumentKind.CREDENTIALS, body, version)


def presence(*passages: LastPassage, version: int = 1, after: int = 0) -> bytes:
    body = feeds.write_presence(Chunk(after, passages))
    return document(DocumentKind.PRESENCE, body, version)


def passage(minutes: int, direction: Direction = Direction.IN) -> LastPassage:
    at = NOW + timedelta(minutes=minutes)
    return LastPassage(VISITOR, OFFICE, direction, at, EventId(str(uuid4())))


def time(*, issued: datetime = NOW, nonce: bytes = NONCE, **versions: int) -> bytes:
    body = knowledge.write_time(TimeAnswer(nonce, versions))
    return document(DocumentKind.TIME, body, int(issued.timestamp()), issued=issued)


KEYS = document(DocumentKind.KEYS, knowledge.write_keys(ring()))
POLICY = document(DocumentKind.POLICY, knowledge.write_policy(policy()))


def informed(store: LocalStore) -> HeldKnowledge:
    """A gate with its keys and its policy."""
    known = held(store)
    give(known, KEYS)
    give(known, POLICY)
    return known


def test_every_section_is_used_at_once_and_after_a_restart(tmp_path: Path) -> None:
    store = enrolled(tmp_path)
    known, last = informed(store), passage(3)
    give(known, revocations(3, 7, after=0))
    give(known, credentials(bound(), version=9))
    give(known, presence(last))
    give(known, time(keys=1, policy=1, revocations=7, credentials=9, presence=1))
    for now in (known, held(store)):
        assert list(now.issuer_keys(ISSUER.key_id, NOW)) == [ISSUER.public]
        assert now.policy == policy()
        assert now.lowest_generation(VISITOR) == 3
        assert now.held_credential(FIRST) == bound()
        assert now.feeds.last_passage(VISITOR, OFFICE) == last
        assert now.heard == NOW
        assert now.versions == {
            "keys": 1,
            "policy": 1,
            "revocations": 7,
            "credentials": 9,
            "presence": 1,
        }
        now.close()


def test_older_documents_are_refused_and_older_changes_change_nothing_also_after_a_restart(
    tmp_path: Path,
) -> None:
    store = enrolled(tmp_path)
    known = held(store)
    give(known, document(DocumentKind.POLICY, knowledge.write_policy(policy()), 2))
    give(known, revocations(3, 7, after=0))
    for now in (known, held(store)):
        with pytest.raises(OlderDocumentError):
            give(now, POLICY)
        assert give(now, revocations(1, 6)) is None
        assert give(now, revocations(1, 7)) is None
        assert now.lowest_generation(VISITOR) == 3
        now.close()


def test_changes_with_a_gap_before_them_are_not_taken(tmp_path: Path) -> None:
    known = held(enrolled(tmp_path))
    give(known, revocations(3, 1))
    with pytest.raises(MissedChangesError):
        give(known, revocations(5, 3, after=2))
    assert known.lowest_generation(VISITOR) == 3
    assert give(known, revocations(5, 3, after=1)) is not None
    assert known.lowest_generation(VISITOR) == 5


def test_a_revocation_that_was_taken_back_counts_no_longer(tmp_path: Path) -> None:
    known = held(enrolled(tmp_path))
    give(known, revocations(3, 1))
    give(known, revocations(0, 2))
    assert known.lowest_generation(VISITOR) == 0


def test_a_chunk_that_the_disk_does_not_take_does_not_count(tmp_path: Path) -> None:
    known = held(enrolled(tmp_path))
    give(known, revocations(3, 1))
    known.feeds._writing.execute("PRAGMA query_only = ON")
    with pytest.raises(KnowledgeNotKept):
        give(known, revocations(5, 2))
    known.feeds._writing.execute("PRAGMA query_only = OFF")
    assert known.versions == {"revocations": 1}
    assert give(known, revocations(5, 2)) is not None


def test_only_what_an_issuer_of_the_site_signed_is_held(tmp_path: Path) -> None:
    known = informed(enrolled(tmp_path))
    forged = bound(2)[:-1] + bytes([bound(2)[-1] ^ 1])
    static_one = base45.b45decode(static(3).removeprefix("GK1:"))
    accepted = give(known, credentials(forged, b"no credential", static_one, bound(1)))
    assert accepted is not None
    assert accepted.refused == 3
    assert known.held_credential(FIRST) == bound(1)
    assert known.held_credential(CredentialId((2).to_bytes(16, "big"))) is None
    assert known.held_credential(CredentialId((3).to_bytes(16, "big"))) is None


def test_credentials_that_came_before_their_issuers_key_are_asked_for_again(tmp_path: Path) -> None:
    store, other = enrolled(tmp_path), SigningKey(b"J" * 32)
    known = informed(store)
    accepted = give(known, credentials(bound(1), bound(2, key=other), version=2))
    assert accepted is not None
    assert accepted.refused == 1
    known.close()
    known = held(store)
    both = KeyRing([*ring(), *ring(other)])
    accepted = give(known, document(DocumentKind.KEYS, knowledge.write_keys(both), 2))
    assert accepted is not None
    assert accepted.more
    assert "credentials" not in known.versions
    assert known.held_credential(FIRST) == bound(1)
    give(known, credentials(bound(1), bound(2, key=other), version=2))
    second = CredentialId((2).to_bytes(16, "big"))
    assert known.held_credential(second) == bound(2, key=other)
    assert give(known, document(DocumentKind.KEYS, knowledge.write_keys(both), 3)) is not None
    assert known.versions[DocumentKind.CREDENTIALS] == 2


def test_an_older_credential_never_takes_the_place_of_a_newer_one(tmp_path: Path) -> None:
    known = informed(enrolled(tmp_path))
    give(known, credentials(bound(generation=2)))
    give(known, credentials(bound(generation=1), version=2, after=1))
    assert known.held_credential(FIRST) == bound(generation=2)


def test_of_two_passages_the_later_one_counts_whichever_came_first(tmp_path: Path) -> None:
    known, late = informed(enrolled(tmp_path)), passage(5, Direction.OUT)
    known.feeds.note(late, None)
    give(known, presence(passage(4)))
    assert known.feeds.last_passage(VISITOR, OFFICE) == late
    later = passage(6)
    give(known, presence(later, version=2, after=1))
    assert known.feeds.last_passage(VISITOR, OFFICE) == later


def test_the_server_counts_as_heard_once_all_that_it_named_is_held(tmp_path: Path) -> None:
    store = enrolled(tmp_path)
    known = held(store)
    give(known, time(keys=1, policy=1, revocations=2, presence=0, something_new=9))
    for message in (KEYS, POLICY, revocations(1, 1), revocations(2, 2)):
        assert known.heard is None
        assert known.incomplete
        give(known, message)
    assert known.heard == NOW
    assert not known.incomplete


def test_a_later_answer_takes_the_place_of_one_that_still_waits(tmp_path: Path) -> None:
    known, later = informed(enrolled(tmp_path)), NOW + timedelta(minutes=1)
    give(known, time(keys=1, revocations=1))
    give(known, time(keys=1, revocations=2, issued=later), later)
    give(known, revocations(1, 1))
    assert known.heard is None
    give(known, revocations(1, 2))
    assert known.heard == later


def test_a_time_that_answers_no_question_changes_nothing(tmp_path: Path) -> None:
    known = informed(enrolled(tmp_path))
    give(known, time(keys=1, policy=1))
    for nonce in (b"another question", bytes(16)):
        with pytest.raises(UnaskedTimeError):
            give(known, time(issued=NOW + timedelta(days=9), nonce=nonce, keys=1))
    assert known.heard == NOW


def test_nobody_is_admitted_by_an_hour_of_the_server_when_a_section_of_it_is_lost(
    tmp_path: Path,
) -> None:
    store = enrolled(tmp_path)
    known = informed(store)
    give(known, time(keys=1, policy=1))
    known.close()
    (tmp_path / "documents" / "policy.cose").unlink()
    assert held(store).heard is None


@pytest.mark.parametrize("harm", ["garbage", "cut short", "pages overwritten", "strange rows"])
def test_a_damaged_file_is_begun_anew_and_nothing_counts_as_heard(
    tmp_path: Path, harm: str
) -> None:
    store = enrolled(tmp_path)
    known = informed(store)
    give(known, revocations(3, 1))
    give(known, time(keys=1, policy=1, revocations=1))
    if harm == "strange rows":
        known.feeds._writing.execute("INSERT INTO feed VALUES ('gossip', 1, 0)")
    known.feeds._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    known.close()
    whole = store.feeds_path.read_bytes()
    if harm == "garbage":
        store.feeds_path.write_bytes(b"no database at all " * 1000)
    elif harm == "cut short":
        store.feeds_path.write_bytes(whole[:5000])
    elif harm == "pages overwritten":
        store.feeds_path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    now = held(store)
    # Damage may show only when the page is read; then the credential does not count.
    assert now.lowest_generation(VISITOR) in (0, knowledge.ALL_GENERATIONS)
    assert now.heard is None
    assert "revocations" not in now.versions
    give(now, revocations(3, 1))
    give(now, time(keys=1, policy=1, revocations=1))
    assert now.heard == NOW
    now.close()
    assert held(store).lowest_generation(VISITOR) == 3


def test_damage_that_shows_while_the_gate_works_counts_against_the_credential(
    tmp_path: Path,
) -> None:
    store = enrolled(tmp_path)
    known = informed(store)
    for version in range(1, 2000, 500):
        ids = range(version, version + 500)
        entries = [Revocation(CredentialId(n.to_bytes(16, "big")), 1, NOW) for n in ids]
        body = feeds.write_revocations(Chunk(version - 1, tuple(entries)))
        give(known, document(DocumentKind.REVOCATIONS, body, version + 499))
    give(known, time(keys=1, policy=1, revocations=2000))
    known.close()
    known = held(store)
    with store.feeds_path.open("r+b") as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(4096 * 2)
        file.write(b"\xff" * (size - 4096 * 2))
    lowest = known.lowest_generation(CredentialId((1234).to_bytes(16, "big")))
    assert lowest == knowledge.ALL_GENERATIONS
    assert known.heard is None
    # Also for a decision that began before and looks only now, when the file is a new one.
    assert known.lowest_generation(VISITOR) == knowledge.ALL_GENERATIONS
    assert known.held_credential(FIRST) is None
    give(known, revocations(3, 1))
    assert known.lowest_generation(VISITOR) == 3


def test_a_folder_that_gives_no_file_leaves_the_gate_a_memory(tmp_path: Path) -> None:
    store = enrolled(tmp_path)
    store.feeds_path.mkdir()
    known = informed(store)
    give(known, revocations(3, 1))
    give(known, time(keys=1, policy=1, revocations=1))
    assert known.lowest_generation(VISITOR) == 3
    assert known.heard == NOW


def test_what_no_longer_matters_is_forgotten_a_part_at_a_time(tmp_path: Path) -> None:
    known = informed(enrolled(tmp_path))
    many = [bound(number) for number in range(1, PRUNED_AT_ONCE + 3)]
    give(known, credentials(*many))
    give(known, revocations(3, 1))
    known.feeds.note(passage(0), 4)
    assert known.feeds.prune(NOW) == 0
    an_hour = NOW + timedelta(hours=1)
    assert [known.feeds.prune(an_hour) for _ in range(3)] == [PRUNED_AT_ONCE, 2, 0]
    assert known.held_credential(FIRST) is None
    assert known.lowest_generation(VISITOR) == 3
    assert known.feeds.prune(NOW + timedelta(days=2)) == 1
    known.feeds.hear(NOW)
    assert known.lowest_generation(VISITOR) == 0
    assert known.feeds.bound_generation(VISITOR) == 4
    assert known.feeds.prune(NOW + timedelta(days=31)) == 2
    assert known.feeds.bound_generation(VISITOR) is None


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (lambda: b"", MalformedEnvelopeError),
        (lambda: b"\x84" + bytes(90), MalformedEnvelopeError),
        (lambda: revocations(1, 1, key=SigningKey(b"X" * 32)), UnknownKeyError),
        (lambda: revocations(1, 1)[:-1] + b"\0", BadSignatureError),
        (lambda: revocations(1, 1, device=DeviceId("gate-2")), MisdirectedDocumentError),
        (lambda: document(DocumentKind.POLICY, b"\x01"), MalformedSectionError),
        (lambda: document(DocumentKind.TIME, b"\x01"), MalformedSectionError),
        (lambda: document(DocumentKind.PRESENCE, b"\x01"), MalformedSectionError),
        (lambda: document(DocumentKind.KEY_LIST, b"\x80"), MalformedDocumentError),
    ],
)
def test_what_the_authority_did_not_sign_for_this_gate_changes_nothing(
    tmp_path: Path, message: Callable[[], bytes], error: type[Exception]
) -> None:
    store = enrolled(tmp_path)
    known = held(store)
    with pytest.raises(error):
        give(known, message())
    assert known.versions == held(store).versions == {}


def test_a_document_that_was_changed_on_the_disk_is_not_used(tmp_path: Path) -> None:
    store = enrolled(tmp_path)
    give(held(store), POLICY)
    path = tmp_path / "documents" / "policy.cose"
    path.write_bytes(path.read_bytes().replace(b"main", b"side"))
    assert held(store).versions == {}


def test_a_document_in_the_place_of_another_is_not_used(tmp_path: Path) -> None:
    store = enrolled(tmp_path)
    store.keep_document(DocumentKind.POLICY, KEYS)
    assert held(store).versions == {}


def test_a_new_document_counts_even_when_the_disk_does_not_take_it(tmp_path: Path) -> None:
    store = enrolled(tmp_path)
    (tmp_path / "documents").write_text("a file where the folder should be")
    known = held(store)
    give(known, POLICY)
    assert known.policy == policy()


def test_the_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    store = enrolled(tmp_path / "gate")
    give(held(store), POLICY)
    for path in [store.folder, *store.folder.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_identity_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    identity = enrolled(tmp_path).identity()
    assert identity.device == GATE
    assert identity.key == GATE_KEY
    assert identity.authority == (AUTHORITY.public,)
    assert "secret" not in repr(identity)


def test_a_folder_without_identity_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolled, match="holds no identity"):
        LocalStore(tmp_path).identity()


def test_an_identity_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    store = enrolled(tmp_path)
    store.identity_path.write_text("{")
    with pytest.raises(NotEnrolled, match="cannot be read"):
        store.identity()
