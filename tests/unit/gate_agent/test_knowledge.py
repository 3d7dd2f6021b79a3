"""What a gate accepts from its authority, and what its folder gives back after a restart."""

import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from access_protocol import knowledge
from access_protocol.documents import (
    DocumentKind,
    MalformedDocumentError,
    MisdirectedDocumentError,
    OlderDocumentError,
)
from access_protocol.ids import CredentialId, DeviceId
from access_protocol.keys import SigningKey
from access_protocol.knowledge import MalformedSectionError
from access_protocol.signed import BadSignatureError, MalformedEnvelopeError, UnknownKeyError
from gate_agent.knowledge import HeldKnowledge
from gate_agent.local_store import LocalStore, NotEnrolled
from tests.fakes.gate_site import (
    AUTHORITY,
    GATE,
    GATE_KEY,
    ISSUER,
    NOW,
    document,
    enrolled,
    policy,
    ring,
)

VISITOR = CredentialId(bytes(16))


def held(store: LocalStore) -> HeldKnowledge:
    return HeldKnowledge(store.identity(), store)


def revocations(lowest: int, version: int, **further: SigningKey | DeviceId) -> bytes:
    body = knowledge.write_revocations({VISITOR: lowest})
    return document(DocumentKind.REVOCATIONS, body, version, **further)  # type: ignore[arg-type]


def test_every_section_is_used_at_once_and_after_a_restart(tmp_path: Path) -> None:
    store = enrolled(tmp_path)
    known = held(store)
    known.accept(document(DocumentKind.KEYS, knowledge.write_keys(ring())), NOW)
    known.accept(document(DocumentKind.POLICY, knowledge.write_policy(policy())), NOW)
    known.accept(revocations(3, 7), NOW)
    known.accept(document(DocumentKind.TIME, b"", 4), NOW)
    for now in (known, held(store)):
        assert list(now.issuer_keys(ISSUER.key_id, NOW)) == [ISSUER.public]
        assert now.policy == policy()
        assert now.lowest_generation(VISITOR) == 3
        assert now.heard == NOW
        assert now.versions == {"keys": 1, "policy": 1, "revocations": 7, "time": 4}


def test_an_older_version_is_refused_also_after_a_restart(tmp_path: Path) -> None:
    store = enrolled(tmp_path)
    known = held(store)
    known.accept(revocations(3, 7), NOW)
    for now in (known, held(store)):
        with pytest.raises(OlderDocumentError):
            now.accept(revocations(1, 6), NOW)
        assert now.lowest_generation(VISITOR) == 3


def test_the_version_that_is_held_is_no_news(tmp_path: Path) -> None:
    known = held(enrolled(tmp_path))
    assert known.accept(revocations(3, 7), NOW) is not None
    assert known.accept(revocations(1, 7), NOW) is None
    assert known.lowest_generation(VISITOR) == 3


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (lambda: b"", MalformedEnvelopeError),
        (lambda: b"\x84" + bytes(90), MalformedEnvelopeError),
        (lambda: revocations(1, 1, key=SigningKey(b"X" * 32)), UnknownKeyError),
        (lambda: revocations(1, 1)[:-1] + b"\0", BadSignatureError),
        (lambda: revocations(1, 1, device=DeviceId("gate-2")), MisdirectedDocumentError),
        (lambda: document(DocumentKind.POLICY, b"\x01"), MalformedSectionError),
        (lambda: document(DocumentKind.KEY_LIST, b"\x80"), MalformedDocumentError),
    ],
)
def test_what_the_authority_did_not_sign_for_this_gate_changes_nothing(
    tmp_path: Path, message: Callable[[], bytes], error: type[Exception]
) -> None:
    store = enrolled(tmp_path)
    known = held(store)
    with pytest.raises(error):
        known.accept(message(), NOW)
    assert known.versions == held(store).versions == {}


def test_a_document_that_was_changed_on_the_disk_is_not_used(tmp_path: Path) -> None:
    store = enrolled(tmp_path)
    held(store).accept(revocations(3, 7), NOW)
    path = tmp_path / "documents" / "revocations.cose"
    path.write_bytes(path.read_bytes().replace(b"\x03", b"\x01"))
    assert held(store).versions == {}


def test_a_document_in_the_place_of_another_is_not_used(tmp_path: Path) -> None:
    store = enrolled(tmp_path)
    store.keep_document(DocumentKind.POLICY, revocations(3, 7))
    assert held(store).versions == {}


def test_a_new_document_counts_even_when_the_disk_does_not_take_it(tmp_path: Path) -> None:
    store = enrolled(tmp_path)
    (tmp_path / "documents").write_text("a file where the folder should be")
    known = held(store)
    known.accept(revocations(3, 7), NOW)
    assert known.lowest_generation(VISITOR) == 3


def test_the_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    store = enrolled(tmp_path / "gate")
    store.keep_document(DocumentKind.TIME, document(DocumentKind.TIME, b""))
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


def test_knowledge_of_a_gate_says_when_the_server_was_last_heard(tmp_path: Path) -> None:
    known = held(enrolled(tmp_path))
    assert known.heard is None
    later = NOW + timedelta(hours=1)
    known.accept(document(DocumentKind.TIME, b"", 1), NOW)
    known.accept(document(DocumentKind.TIME, b"", 2, issued=later), later)
    assert known.heard == later
