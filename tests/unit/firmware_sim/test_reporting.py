"""What a controller tells, keeps and asks for while broker and server come and go."""

from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from access_protocol import topics
from access_protocol.commands import Action
from access_protocol.documents import DocumentKind
from access_protocol.events import ControllerEventKind as Kind
from access_protocol.events import Status, SyncRequest
from access_protocol.ids import DeviceId, SiteCode
from access_protocol.keys import SigningKey
from access_protocol.topics import SERVER, Subject
from access_protocol.topics import Kind as Sender
from firmware_sim.kept import KeptInFolder
from firmware_sim.unreceipted import AGAIN_AFTER, AGAIN_AT_A_TIME, EVENTS_KEPT
from tests.fakes.controller_scene import DOOR, GATE, OBEYED, SITE, STRANGER, Scene, done, key_list


@pytest.fixture
def scene() -> Scene:
    return Scene().start()


def test_a_controller_says_that_it_is_there_how_it_stands_and_what_it_needs() -> None:
    scene = Scene()
    scene.installation.power_up()
    assert scene.statuses == [Status(online=True)]
    assert scene.told() == [Kind.STARTED]
    assert scene.syncs == [SyncRequest(held={})]
    assert scene.state.boot == scene.events[0].boot


def test_the_key_list_is_asked_for_every_minute_with_the_version_held(scene: Scene) -> None:
    scene.advance(125)
    assert scene.syncs[1:] == [SyncRequest(held={"key_list": 1})] * 2


def test_events_wait_for_the_broker_and_come_in_order_without_a_gap(scene: Scene) -> None:
    scene.broker.lose()
    scene.doorway.leave()
    scene.advance(1)
    scene.doorway.shut()
    scene.advance(1)
    assert scene.told() == [Kind.STARTED]
    scene.broker.restore()
    assert scene.told()[-2:] == [Kind.OPENED, Kind.CLOSED]
    assert [event.sequence for event in scene.events] == list(range(1, len(scene.events) + 1))
    assert scene.events[-1].uptime_ms < 2000


def test_more_events_than_the_memory_holds_leave_a_gap_in_the_numbers(scene: Scene) -> None:
    scene.broker.lose()
    open_and_shut(scene, EVENTS_KEPT)
    scene.broker.restore()
    numbers = [event.sequence for event in scene.events]
    assert len(numbers) == EVENTS_KEPT + 1
    assert numbers[1:] == list(range(numbers[1], numbers[1] + EVENTS_KEPT))
    assert numbers[1] > 2
    assert scene.installation.controller.events_dropped == numbers[1] - 2
    assert scene.installation.controller.malformed_messages == 0


def open_and_shut(scene: Scene, times: int = 1) -> None:
    for _ in range(times):
        scene.doorway.leave()
        scene.advance(1)
        scene.doorway.shut()
        scene.advance(1)


def test_what_the_server_has_a_receipt_for_is_told_once(scene: Scene) -> None:
    open_and_shut(scene)
    scene.advance(60)
    scene.broker.lose()
    scene.broker.restore()
    numbers = [event.sequence for event in scene.events]
    assert numbers == list(range(1, len(numbers) + 1))


def test_without_a_receipt_an_event_is_told_again_in_order_until_there_is_one(scene: Scene) -> None:
    scene.server_stores = False
    open_and_shut(scene)
    first = scene.events[1:]
    before = len(scene.events)
    scene.advance(AGAIN_AFTER.total_seconds() + 1)
    assert scene.events[before:] == first
    scene.server_stores = True
    scene.advance(AGAIN_AFTER.total_seconds() + 1)
    assert scene.events[before + len(first) :] == first
    scene.advance(300)
    assert len(scene.events) == before + 2 * len(first)


def test_events_without_a_receipt_are_told_again_at_each_connect_before_what_is_new(
    scene: Scene,
) -> None:
    scene.server_stores = False
    open_and_shut(scene)
    first = scene.events[1:]
    scene.broker.lose()
    open_and_shut(scene)
    before = len(scene.events)
    scene.broker.restore()
    told = scene.events[before:]
    assert told[: len(first)] == first
    assert [event.sequence for event in told] == list(range(2, 2 + len(told)))
    assert len(told) > len(first)


def test_a_receipt_is_for_one_event_and_for_this_boot_only(scene: Scene) -> None:
    scene.server_stores = False
    open_and_shut(scene)
    first, *earlier = reversed(scene.events[1:])
    scene.receipt(first)
    scene.receipt(first)
    scene.receipt(msgspec.structs.replace(earlier[0], boot=str(UUID(int=9))))
    scene.receipt(msgspec.structs.replace(earlier[0], sequence=999))
    before = len(scene.events)
    scene.broker.lose()
    scene.broker.restore()
    assert scene.events[before:] == earlier[::-1]


def test_while_the_server_is_away_for_long_little_is_told_again_at_a_time_and_nothing_is_passed_over(
    scene: Scene,
) -> None:
    scene.server_stores = False
    open_and_shut(scene, EVENTS_KEPT)
    before = len(scene.events)
    scene.advance(10)
    assert len(scene.events) - before <= 10 * AGAIN_AT_A_TIME
    before = len(scene.events)
    scene.advance(30)
    assert len({event.sequence for event in scene.events[before:]}) == EVENTS_KEPT


def test_a_receipt_that_is_none_is_counted(scene: Scene) -> None:
    topic = topics.build(SITE, Sender.SERVER, SERVER, Subject.RECEIPT, DOOR)
    scene.listener.publish(topic, b"{}")
    assert scene.installation.controller.malformed_messages == 1


def test_a_power_cut_loses_what_has_no_receipt(scene: Scene) -> None:
    scene.server_stores = False
    open_and_shut(scene)
    before = len(scene.events)
    scene.cut_power()
    scene.restore_power()
    assert {event.boot for event in scene.events[before:]}.isdisjoint({scene.events[0].boot})


def test_the_state_is_told_once_for_each_change_and_again_after_each_connect(scene: Scene) -> None:
    before = len(scene.states)
    scene.advance(300)
    assert len(scene.states) == before
    scene.broker.lose()
    scene.broker.restore()
    assert len(scene.states) == before + 1
    assert scene.state.since_ms == scene.states[before - 1].since_ms


def test_a_new_boot_has_a_new_name_and_counts_from_one(scene: Scene) -> None:
    scene.cut_power()
    assert scene.statuses[-1] == Status(online=False)
    scene.restore_power()
    assert scene.events[-1].what is Kind.STARTED
    assert scene.events[-1].sequence == 1
    assert scene.events[-1].boot != scene.events[0].boot


def test_the_kept_key_list_is_obeyed_after_a_power_cut_without_the_server(scene: Scene) -> None:
    scene.cut_power()
    scene.restore_power()
    assert scene.syncs[-1] == SyncRequest(held={"key_list": 1})
    event = scene.event()
    assert scene.sender().do(event) == done(event)


def test_an_older_key_list_is_refused_also_after_a_power_cut(scene: Scene) -> None:
    scene.give_key_list(key_list(3, OBEYED[1:]))
    scene.cut_power()
    scene.restore_power()
    scene.give_key_list(key_list(2))
    assert scene.installation.controller.key_list_version == 3
    assert scene.sender(GATE).ask(scene.event()) is None


@pytest.mark.parametrize(
    "document",
    [
        key_list(9, key=SigningKey(b"x" * 32)),
        key_list(9, site=SiteCode("OSA")),
        key_list(9, device=DeviceId("turnstile-1")),
        key_list(9, kind=DocumentKind.REVOCATIONS),
        key_list(9)[:-1],
        b"",
        b"\xff" * 1000,
    ],
    ids=["forged", "other site", "other device", "other kind", "cut short", "empty", "noise"],
)
def test_a_key_list_that_is_not_for_this_controller_changes_nothing(
    scene: Scene, document: bytes
) -> None:
    scene.give_key_list(document)
    assert scene.installation.controller.key_list_version == 1
    assert scene.transport.failures == 0
    assert scene.sender(STRANGER).ask(scene.event()) is None
    assert scene.sender(GATE).ask(scene.event()) is not None


def test_nothing_is_written_to_flash_but_a_new_key_list_and_a_lockdown() -> None:
    scene = Scene().start()
    server = scene.sender(SERVER)
    for _ in range(5):
        server.do(scene.event())
        scene.give_key_list(key_list(1))
        scene.advance(60)
    assert scene.kept.flash.erasures == 1
    server.do(scene.event(), Action.LOCK_DOWN)
    server.do(scene.event(), Action.LOCK_DOWN)
    assert scene.kept.flash.erasures == 2


def test_a_controller_that_cannot_write_goes_on_from_its_memory(tmp_path: Path) -> None:
    kept = KeptInFolder(tmp_path / "gone")
    scene = Scene(kept=kept).start()
    event = scene.event()
    assert scene.sender(SERVER).do(event, Action.LOCK_DOWN) == done(event)
    assert scene.state.lock == "locked_down"


def test_what_is_kept_in_a_folder_survives_and_an_unfinished_write_does_not_count(
    tmp_path: Path,
) -> None:
    kept = KeptInFolder(tmp_path)
    kept.keep_key_list(b"list")
    kept.keep_locked_down(locked_down=True)
    (tmp_path / "key-list.cose.new").write_bytes(b"half a li")
    again = KeptInFolder(tmp_path)
    assert (again.key_list, again.locked_down) == (b"list", True)
    again.keep_key_list(b"later")
    again.keep_locked_down(locked_down=False)
    assert (kept.key_list, kept.locked_down) == (b"later", False)


def test_a_damaged_key_list_in_flash_is_no_key_list(tmp_path: Path) -> None:
    kept = KeptInFolder(tmp_path)
    damaged = bytearray(key_list(1))
    damaged[-1] ^= 1
    kept.keep_key_list(bytes(damaged))
    scene = Scene(kept=kept)
    scene.installation.power_up()
    assert scene.installation.controller.key_list_version is None
    assert scene.syncs == [SyncRequest(held={})]
