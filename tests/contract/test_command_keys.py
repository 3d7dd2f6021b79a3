"""The key by which the server commands doors: rotated with overlap, so that no controller misses a command."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from access_protocol.documents import DocumentKind
from access_protocol.knowledge import read_key_list
from access_protocol.topics import SERVER
from access_protocol.transport.memory import MemoryBroker
from server.access import actions as access
from server.access.actions import OpenPortal
from server.access.models import CommandState, DoorCommand
from server.devices import actions
from server.devices.actions import public_keys, signing_key
from server.devices.key_lists import key_list
from server.devices.models import IssuedDocument, KeyPurpose
from server.kernel.clock import FixedClock
from server.kernel.errors import Conflict, Forbidden
from server.kernel.work import Office
from tests.fakes.site import DOOR, NOW, OPERATOR, SAKURA_DOOR, SYSTEM, TYO, enrolled_site
from tests.fakes.worker import FakeController, FakeWorker


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def office(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Office]:
    made = enrolled_site(database_url, tmp_path, clock)
    clock.advance(timedelta(hours=1))
    yield made
    made.close()


def obeyed(office: Office) -> set[bytes]:
    """The server's keys on the door's list, as it would be written now."""
    with office.begin(SYSTEM) as work:
        body = key_list(work, DOOR, TYO)
    return {one.public for one in read_key_list(body) if one.sender == SERVER}


def signs(office: Office) -> bytes:
    with office.begin(SYSTEM) as work:
        return signing_key(work, TYO, KeyPurpose.COMMAND).public


def rotate(office: Office) -> bytes:
    with office.begin(SYSTEM) as work:
        return actions.rotate_command_key(work, TYO).public


def test_the_new_key_is_obeyed_at_once_signs_later_and_the_old_one_goes_last(
    office: Office, clock: FixedClock
) -> None:
    old = signs(office)
    new = rotate(office)
    assert (signs(office), obeyed(office)) == (old, {old, new})
    clock.advance(timedelta(minutes=5))
    assert (signs(office), obeyed(office)) == (new, {old, new})
    clock.advance(timedelta(minutes=1))
    assert (signs(office), obeyed(office)) == (new, {new})


def test_controllers_are_told_of_it_at_once(office: Office) -> None:
    def version() -> int:
        with office.reading(SYSTEM) as work:
            return work.session.get_one(IssuedDocument, (DOOR, DocumentKind.KEY_LIST)).version

    before = version()
    rotate(office)
    assert version() == before + 1


def test_a_door_obeys_before_during_and_after_the_change(office: Office, clock: FixedClock) -> None:
    broker = MemoryBroker()
    worker = FakeWorker(office, broker)

    def opened() -> CommandState:
        door = FakeController(broker, DOOR, signs(office))
        door.is_here()
        with office.begin(OPERATOR) as work:
            wish = OpenPortal(reason="Delivery")
            asked = access.open_portal(work, TYO, SAKURA_DOOR, wish)
        while worker.send():
            pass
        assert len(door.obeyed) == 1
        door.transport.stop()
        with office.reading(SYSTEM) as work:
            return work.session.get_one(DoorCommand, asked.event).state

    assert opened() is CommandState.DONE
    rotate(office)
    assert opened() is CommandState.DONE
    clock.advance(timedelta(minutes=5))
    assert opened() is CommandState.DONE


def test_two_rotations_at_once_are_refused_and_so_is_who_may_not(office: Office) -> None:
    rotate(office)
    with pytest.raises(Conflict):
        rotate(office)
    with pytest.raises(Forbidden), office.begin(OPERATOR) as work:
        actions.rotate_command_key(work, TYO)


def test_a_site_whose_first_key_was_just_made_signs_with_it(
    database_url: str, tmp_path: Path
) -> None:
    office = enrolled_site(database_url, tmp_path, FixedClock(NOW))
    with office.begin(SYSTEM) as work:
        (only,) = public_keys(work, TYO, KeyPurpose.COMMAND)
    assert signs(office) == only
    new = rotate(office)
    assert (signs(office), obeyed(office)) == (only, {only, new})
    office.close()
