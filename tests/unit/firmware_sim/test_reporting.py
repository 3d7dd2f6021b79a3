"""What a controller tells, keeps and asks for while broker and server come and go."""

from pathlib import Path

import pytest

from access_protocol.commands import Action
from access_protocol.documents import DocumentKind
from access_protocol.events import ControllerEventKind as Kind
from access_protocol.events import Status, SyncRequest
from access_protocol.ids import DeviceId, SiteCode
from access_protocol.keys import SigningKey
from access_protocol.topics import SERVER
from firmware_sim.controller import EVENTS_KEPT
from firmware_sim.kept import KeptInFolder
from tests.fakes.controller_scene import GATE, OBEYED, STRANGER, Scene, done, key_list


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
    for _ in range(EVENTS_KEPT):
        scene.doorway.leave()
        scene.advance(1)
        scene.doorway.shut()
        scene.advance(1)
    scene.broker.restore()
    numbers = [event.sequence for event in scene.events]
    assert len(numbers) == EVENTS_KEPT + 1
    assert numbers[1:] == list(range(numbers[1], numbers[1] + EVENTS_KEPT))
    assert numbers[1] > 2


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
