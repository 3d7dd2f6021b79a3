"""Double entries: whatever order the journals of a site arrive in, the same ones stand, each of them once."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from access_protocol.ids import CredentialId, Direction, EventId, ZoneNumber
from access_protocol.knowledge import AntiPassback
from server.access import actions, conflicts
from server.access.models import AntiPassbackConflict, Passage
from server.kernel.work import Office
from server.places import actions as places
from server.places.actions import ZoneInput
from tests.fakes.site import MAIN_GATE, MAIN_IN, NOW, SYSTEM, TYO, enrolled_site

CREDENTIALS = itertools.count(1)
ZONE = ZoneNumber(2)
STEPS = st.lists(st.tuples(st.sampled_from(Direction), st.integers(0, 3)), max_size=8)


@pytest.fixture(scope="module")
def found() -> list[tuple[CredentialId, str, str]]:
    return []


@pytest.fixture(scope="module")
def office(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[CredentialId, str, str]]
) -> Iterator[Office]:
    folder: Path = tmp_path_factory.mktemp("conflicts")
    made = enrolled_site(f"sqlite:///{folder / 'genkan.sqlite3'}", folder)
    with made.begin(SYSTEM) as work:
        places.put_zone(work, TYO, ZONE, ZoneInput(name="Office", anti_passback=AntiPassback.SOFT))
    made.reactions.on(
        actions.ConflictFound,
        lambda _work, one: found.append((one.credential, one.first_event, one.second_event)),
    )
    yield made
    made.close()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, data=st.data())
def test_the_same_double_entries_stand_whatever_order_the_passages_arrive_in(
    office: Office,
    found: list[tuple[CredentialId, str, str]],
    steps: list[tuple[Direction, int]],
    data: st.DataObject,
) -> None:
    """Passages may be at the same instant; then their events tell which counts as the first."""
    number = next(CREDENTIALS)
    credential = CredentialId(number.to_bytes(16, "big"))
    at = NOW
    passages: list[Passage] = []
    for place, (direction, minutes) in enumerate(steps):
        at += timedelta(minutes=minutes)
        passages.append(
            Passage(
                event=EventId(str(UUID(int=number * 1000 + place))),
                credential=credential,
                site=TYO,
                access_point=MAIN_IN,
                portal=MAIN_GATE,
                zone=ZONE,
                direction=direction,
                at=at,
            )
        )
    expected = {
        (first.event, second.event)
        for first, second in itertools.pairwise(passages)
        if first.direction is second.direction is Direction.IN
    }

    for passage in data.draw(st.permutations(passages)):
        with office.begin(SYSTEM) as work:
            stored = passage.model_copy()
            work.session.add(stored)
            work.session.flush()
            conflicts.look(work, stored)

    with office.reading(SYSTEM) as work:
        standing = work.session.exec(
            select(AntiPassbackConflict).where(
                AntiPassbackConflict.credential == credential,
                col(AntiPassbackConflict.explained_at).is_(None),
            )
        ).all()
        assert {(each.first_event, each.second_event) for each in standing} == expected
    told = [each for each in found if each[0] == credential]
    assert len(told) == len(set(told)), "no pair is told twice"
