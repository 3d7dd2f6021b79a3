"""Recordings and watched folders behave like cameras."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gate_agent.camera import Camera, CameraLost, Frame, RecordingEnded, open_camera
from tests.fakes.pacing import FakeTime
from tests.fakes.pictures import png


def plain(level: int) -> NDArray[np.uint8]:
    return np.full((72, 128), level, np.uint8)


def put(folder: Path, name: str, level: int) -> None:
    """Add a picture the way the demo does: under a hidden name, then renamed."""
    hidden = folder / f".{name}"
    hidden.write_bytes(png(plain(level)))
    hidden.rename(folder / name)


def level_of(frame: Frame) -> int:
    return int(frame.image.mean())


def levels(camera: Camera, count: int) -> list[int]:
    return [level_of(camera.read()) for _ in range(count)]


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "recording.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15.0, (128, 72))
    assert writer.isOpened()
    for level in (40, 120, 200):
        writer.write(cv2.cvtColor(plain(level), cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def test_a_folder_is_shown_by_name_and_then_ends(tmp_path: Path, time: FakeTime) -> None:
    put(tmp_path, "b.png", 20)
    put(tmp_path, "a.png", 10)
    (tmp_path / "notes.txt").write_text("no picture")
    camera = open_camera(f"replay:{tmp_path}", clock=time.clock, wait=time.wait)

    assert levels(camera, 2) == [10, 20]
    with pytest.raises(RecordingEnded):
        camera.read()


def test_each_picture_is_shown_for_as_many_frames_as_asked(tmp_path: Path, time: FakeTime) -> None:
    put(tmp_path, "a.png", 10)
    put(tmp_path, "b.png", 20)
    camera = open_camera(f"replay:{tmp_path}?frames=2", clock=time.clock, wait=time.wait)

    assert levels(camera, 4) == [10, 10, 20, 20]


def test_a_looping_folder_never_ends(tmp_path: Path, time: FakeTime) -> None:
    put(tmp_path, "a.png", 10)
    put(tmp_path, "b.png", 20)
    camera = open_camera(f"replay:{tmp_path}?loop=1", clock=time.clock, wait=time.wait)

    assert levels(camera, 5) == [10, 20, 10, 20, 10]


def test_a_video_is_played_to_its_end(video: Path, time: FakeTime) -> None:
    camera = open_camera(f"replay:{video}", clock=time.clock, wait=time.wait)

    assert levels(camera, 3) == pytest.approx([40, 120, 200], abs=3)
    with pytest.raises(RecordingEnded):
        camera.read()


def test_a_looping_video_begins_again(video: Path, time: FakeTime) -> None:
    camera = open_camera(f"replay:{video}?loop=1", clock=time.clock, wait=time.wait)

    assert levels(camera, 4)[3] == pytest.approx(40, abs=3)


def test_frames_are_numbered_from_one_and_carry_the_time_they_were_taken(
    tmp_path: Path, time: FakeTime
) -> None:
    put(tmp_path, "a.png", 10)
    camera = open_camera(f"replay:{tmp_path}?loop=1&fps=10", clock=time.clock, wait=time.wait)

    frames = [camera.read() for _ in range(3)]

    assert [frame.number for frame in frames] == [1, 2, 3]
    assert [frame.captured_at for frame in frames] == pytest.approx([1000.0, 1000.1, 1000.2])


def test_a_slow_reader_misses_frames_instead_of_falling_behind(
    tmp_path: Path, time: FakeTime
) -> None:
    put(tmp_path, "a.png", 10)
    camera = open_camera(f"replay:{tmp_path}?loop=1&fps=10", clock=time.clock, wait=time.wait)
    camera.read()

    time.now += 5
    camera.read()
    camera.read()

    assert time.waits == pytest.approx([0.1])


def test_opening_again_shows_a_recording_from_its_start(tmp_path: Path, time: FakeTime) -> None:
    put(tmp_path, "a.png", 10)
    camera = open_camera(f"replay:{tmp_path}", clock=time.clock, wait=time.wait)
    camera.read()

    camera.open()

    assert camera.read().number == 1


def test_a_watched_folder_shows_each_picture_once_and_then_the_empty_hall(
    tmp_path: Path, time: FakeTime
) -> None:
    put(tmp_path, "empty.png", 200)
    camera = open_camera(f"watch:{tmp_path}?frames=3", clock=time.clock, wait=time.wait)
    assert levels(camera, 2) == [200, 200]

    put(tmp_path, "visitor.png", 50)

    assert levels(camera, 5) == [50, 50, 50, 200, 200]


def test_a_watched_folder_shows_pictures_in_the_order_they_came(
    tmp_path: Path, time: FakeTime
) -> None:
    put(tmp_path, "second-by-name.png", 20)
    put(tmp_path, "first-by-name.png", 10)
    camera = open_camera(f"watch:{tmp_path}?frames=1", clock=time.clock, wait=time.wait)

    assert levels(camera, 2) == [20, 10]


def test_a_picture_still_being_written_is_not_shown(tmp_path: Path, time: FakeTime) -> None:
    (tmp_path / ".visitor.png").write_bytes(b"half of a")
    camera = open_camera(f"watch:{tmp_path}", clock=time.clock, wait=time.wait)

    assert levels(camera, 2) == [128, 128]


def test_a_damaged_picture_is_a_lost_camera_and_not_a_crash(tmp_path: Path, time: FakeTime) -> None:
    camera = open_camera(f"watch:{tmp_path}", clock=time.clock, wait=time.wait)
    (tmp_path / "visitor.png").write_bytes(png(plain(9))[:30])
    camera.read()

    with pytest.raises(CameraLost, match="cut short"):
        camera.read()


def test_after_a_damaged_picture_a_watched_folder_goes_on_with_what_was_not_shown_yet(
    tmp_path: Path, time: FakeTime
) -> None:
    put(tmp_path, "empty.png", 200)
    put(tmp_path, "first.png", 10)
    camera = open_camera(f"watch:{tmp_path}?frames=1", clock=time.clock, wait=time.wait)
    assert levels(camera, 2) == [10, 200]
    (tmp_path / "second.png").write_bytes(b"damaged")
    put(tmp_path, "third.png", 30)
    with pytest.raises(CameraLost):
        camera.read()

    camera.close()
    camera.open()

    assert levels(camera, 3) == [30, 200, 200]


def test_a_picture_that_was_taken_away_and_put_back_is_shown_again(
    tmp_path: Path, time: FakeTime
) -> None:
    put(tmp_path, "visitor.png", 10)
    camera = open_camera(f"watch:{tmp_path}?frames=1", clock=time.clock, wait=time.wait)
    assert levels(camera, 2) == [10, 128]
    (tmp_path / "visitor.png").unlink()
    assert levels(camera, 1) == [128]

    put(tmp_path, "visitor.png", 20)

    assert levels(camera, 2) == [20, 128]


@pytest.mark.parametrize("kind", ["replay", "watch"])
def test_what_is_not_there_is_noticed_when_it_is_opened(kind: str, tmp_path: Path) -> None:
    with pytest.raises(CameraLost, match="nowhere"):
        open_camera(f"{kind}:{tmp_path / 'nowhere'}")


def test_an_empty_folder_cannot_be_replayed(tmp_path: Path) -> None:
    with pytest.raises(CameraLost, match="holds no pictures"):
        open_camera(f"replay:{tmp_path}")


def test_a_closed_recording_gives_no_frames(tmp_path: Path, time: FakeTime) -> None:
    put(tmp_path, "a.png", 10)
    camera = open_camera(f"replay:{tmp_path}", clock=time.clock, wait=time.wait)

    camera.close()
    camera.close()

    with pytest.raises(CameraLost, match="not open"):
        camera.read()
