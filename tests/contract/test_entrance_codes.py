"""The changing code of an entrance on the server: given, checked, renewed, and told to gates; on both databases."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from access_protocol import entrance_code, topics
from access_protocol import knowledge as sections
from access_protocol.documents import DocumentKind, open_document
from access_protocol.keys import KeyRing, RingKey
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.memory import MemoryTransport
from server.access import actions
from server.devices.actions import public_keys
from server.devices.models import IssuedDocument, KeyPurpose
from server.kernel.clock import FixedClock
from server.kernel.errors import Forbidden, TooMany
from server.kernel.outbox import OutboxRow
from tests.fakes.entrance_scene import GUARD, THE_VISITOR, Scene
from tests.fakes.site import GATE, NOW, SAKURA_IN, SYSTEM, TYO, VISITOR, enrolled_site


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    clock = FixedClock(NOW + timedelta(minutes=65))
    office = enrolled_site(database_url, tmp_path, clock)
    yield Scene(office, clock)
    office.close()


def test_the_code_on_the_screen_is_accepted_for_two_steps_and_guesses_are_slowed_down(
    scene: Scene,
) -> None:
    with scene.office.begin(SYSTEM) as work:
        actions.post_entrance(work, TYO, SAKURA_IN, "/e/K7M2QX")
        shown = actions.entrance_code_now(work, TYO, SAKURA_IN)
    assert shown is not None

    def right(digits: str) -> bool:
        with scene.office.begin(THE_VISITOR) as work:
            return actions.check_code(work, TYO, SAKURA_IN, digits, VISITOR)

    assert right(shown.digits)
    assert right(f"{shown.digits[:4]} {shown.digits[4:]}")
    scene.clock.advance(timedelta(seconds=31))
    assert [right(shown.digits) for _ in range(5)] == [False] * 5
    with pytest.raises(TooMany):
        right(shown.digits)


def test_a_new_key_ends_the_codes_of_the_old_one(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        actions.post_entrance(work, TYO, SAKURA_IN, "/e/K7M2QX")
        before = actions.entrance_code_now(work, TYO, SAKURA_IN)
    with scene.office.begin(GUARD) as work:
        actions.rotate_entrance_key(work, TYO, SAKURA_IN)
    assert before is not None

    with scene.office.begin(THE_VISITOR) as work:
        assert not actions.check_code(work, TYO, SAKURA_IN, before.digits, VISITOR)
    with pytest.raises(Forbidden), scene.office.begin(THE_VISITOR) as work:
        actions.rotate_entrance_key(work, TYO, SAKURA_IN)


def test_a_gate_is_told_what_its_screen_shows_and_no_row_keeps_the_key(scene: Scene) -> None:
    told: list[bytes] = []
    listener = MemoryTransport(scene.broker)
    topic = topics.build(TYO, Kind.SERVER, SERVER, Subject.KNOWLEDGE, GATE)
    listener.subscribe(topic, lambda message: told.append(message.payload))
    listener.start()
    with scene.office.begin(SYSTEM) as work:
        actions.post_entrance(work, TYO, SAKURA_IN, "/e/K7M2QX")
    scene.worker.send()

    with scene.office.reading(SYSTEM) as work:
        authority = KeyRing(
            RingKey(public, NOW - timedelta(days=1), NOW + timedelta(days=1))
            for public in public_keys(work, TYO, KeyPurpose.AUTHORITY)
        )
        code = actions.entrance_code_now(work, TYO, SAKURA_IN)
        sent = work.session.exec(select(OutboxRow)).all()
        numbered = work.session.get_one(IssuedDocument, (GATE, DocumentKind.ENTRANCE))
    documents = [open_document(one, authority, site=TYO, device=GATE, at=None) for one in told]
    (document,) = [each for each in documents if each.kind is DocumentKind.ENTRANCE]
    (screen,) = sections.read_entrance(document.body)
    assert (screen.access_point, document.version) == (SAKURA_IN, numbered.version)
    assert screen.address == "http://localhost:8080/e/K7M2QX"
    assert entrance_code.code_at(screen.key, scene.clock.now()) == code
    for kept in (numbered.body, *(row.body or b"" for row in sent)):
        assert screen.key not in kept


def test_where_no_poster_hangs_no_code_is_shown_or_taken(scene: Scene) -> None:
    with scene.office.begin(THE_VISITOR) as work:
        assert actions.entrance_code_now(work, TYO, SAKURA_IN) is None
        assert not actions.check_code(work, TYO, SAKURA_IN, "00000000", VISITOR)
