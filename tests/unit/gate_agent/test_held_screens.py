"""What the gate's screen shows at a poster: accepted, kept and taken away, with no say in who is admitted."""

from pathlib import Path

import pytest

from access_protocol import knowledge
from access_protocol.documents import DocumentKind
from access_protocol.knowledge import EntranceScreen, MalformedSectionError, TimeAnswer
from gate_agent.knowledge import HeldKnowledge
from tests.fakes.gate_site import ENTRANCE, NOW, document, enrolled, policy, ring

NONCE = bytes(range(16))


def give(known: HeldKnowledge, message: bytes) -> None:
    known.accept(message, NOW, lambda nonce: nonce == NONCE)


def test_what_the_screen_shows_at_a_poster_is_kept_and_has_no_say_in_who_is_admitted(
    tmp_path: Path,
) -> None:
    store = enrolled(tmp_path)
    screen = EntranceScreen(ENTRANCE, b"k" * 32, "https://genkan.example/e/K7M2QX")
    known = HeldKnowledge(store.identity(), store)
    give(known, document(DocumentKind.ENTRANCE, knowledge.write_entrance([screen]), 1))

    assert known.screens == HeldKnowledge(store.identity(), store).screens == (screen,)
    assert known.versions[DocumentKind.ENTRANCE] == 1
    assert known.heard is None

    other = enrolled(tmp_path / "other")
    without = HeldKnowledge(other.identity(), other)
    give(without, document(DocumentKind.KEYS, knowledge.write_keys(ring()), 1))
    give(without, document(DocumentKind.POLICY, knowledge.write_policy(policy()), 1))
    answer = TimeAnswer(NONCE, {"keys": 1, "policy": 1, "entrance": 9})
    give(without, document(DocumentKind.TIME, knowledge.write_time(answer), 1))
    assert without.heard == NOW

    give(known, document(DocumentKind.ENTRANCE, knowledge.write_entrance([]), 2))
    assert known.screens == ()
    with pytest.raises(MalformedSectionError):
        give(known, document(DocumentKind.ENTRANCE, knowledge.dump([["x", b"", "ftp:"]]), 3))
