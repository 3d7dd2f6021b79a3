"""A camera that is gone, stands still, goes black or hangs is noticed, said, and opened anew."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from gate_agent.camera import Camera, Frame
from gate_agent.camera.freshness import (
    LONGEST_PATIENCE,
    SHOWS_NOTHING,
    STANDS_STILL,
    STILL_AFTER,
    Freshness,
)
from gate_agent.health import ReaderGauge
from gate_agent.watching import (
    FIRST_PAUSE_S,
    HUNG_AFTER,
    LONGEST_PAUSE_S,
    LONGEST_REOPENING,
    MOST_STUCK,
    OPENING_HUNG_AFTER,
    SourceWatch,
)
from tests.fakes.gate_camera import FRAME_S, LivingCamera
from tests.fakes.gate_site import ENTRANCE
from tests.fakes.pacing import FakeTime

HANGS = "the camera hangs"
WITHIN = 20.0
NOTICED_AND_REOPENED_WITHIN_S = 5.0


@dataclass
class RecordingEyes:
    """Sees through one camera, and records each frame that it is to read."""

    camera: LivingCamera
    freshness: Freshness | None
    looked_at: list[bytes]
    name: str = "camera"

    def make(self) -> Camera:
        return self.camera

    def is_new(self, seen: Frame) -> bool:
        return self.freshness is None or self.freshness.is_new(seen)

    def texts(self, seen: Frame) -> tuple[str, ...]:
        self.looked_at.append(seen.image.tobytes())
        return ()


@dataclass
class Scene:
    """One watched camera; `script` says what happens with each frame."""

    script: Callable[[LivingCamera, int], None] = lambda _camera, _number: None
    time: FakeTime = field(default_factory=FakeTime)
    stop: threading.Event = field(default_factory=threading.Event)
    looked_at: list[bytes] = field(default_factory=list[bytes])
    said: list[str | None] = field(default_factory=list[str | None])
    news: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.camera = LivingCamera(self.time, self._follow)
        self.gauge = ReaderGauge(ENTRANCE, moment=self.time.clock)
        self.eyes = RecordingEyes(self.camera, Freshness(moment=self.time.clock), self.looked_at)
        self.watch = SourceWatch(
            self.eyes,
            look=self._look,
            say=self._say,
            gauge=self.gauge,
            stop=self.stop,
            moment=self.time.clock,
            wait=self.time.wait,
        )

    def play(self) -> None:
        """Let the script run until it sets `stop`."""
        self.watch.start()
        assert self.stop.wait(WITHIN)
        self.watch.join(WITHIN)

    def until(self, holds: Callable[[], object]) -> None:
        with self.news:
            assert self.news.wait_for(holds, WITHIN), self.said

    def _follow(self, camera: LivingCamera, number: int) -> None:
        self.script(camera, number)

    def _look(self, _texts: tuple[str, ...]) -> None:
        with self.news:
            self.news.notify_all()

    def _say(self, what: str | None) -> None:
        with self.news:
            self.said.append(what)
            self.news.notify_all()


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.stop.set()
    scene.camera.released.set()
    scene.watch.join(WITHIN)


def test_a_living_camera_is_looked_at_frame_after_frame(scene: Scene) -> None:
    scene.script = lambda _, number: scene.stop.set() if number == 50 else None
    scene.play()
    assert len(set(scene.looked_at)) == len(scene.looked_at) == 49
    assert scene.said == []
    assert len(scene.camera.opened_at) == 1


def test_a_frozen_picture_is_looked_at_once_said_and_the_camera_opened_anew(scene: Scene) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        camera.frozen = number > 3
        if len(camera.opened_at) == 2:
            scene.stop.set()

    scene.script = script
    scene.play()
    assert len(scene.looked_at) == 3
    assert scene.said == [STANDS_STILL]
    assert not scene.gauge.health().camera_ok
    assert scene.gauge.health().trouble == STANDS_STILL
    first, second = scene.camera.opened_at
    assert second - first == 3 * FRAME_S + STILL_AFTER.total_seconds() + FIRST_PAUSE_S


def test_a_picture_that_stays_frozen_is_reopened_ever_more_seldom_and_never_read_again(
    scene: Scene,
) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        camera.frozen = number > 1
        if len(camera.opened_at) == 10:
            scene.stop.set()

    scene.script = script
    scene.play()
    assert len(scene.looked_at) == 1
    assert scene.said == [STANDS_STILL]
    opened = scene.camera.opened_at
    pauses = [after - before for before, after in itertools.pairwise(opened[1:])]
    assert pauses == sorted(pauses)
    assert pauses[0] >= 2 * STILL_AFTER.total_seconds()
    assert pauses[-1] <= LONGEST_PATIENCE.total_seconds() + FIRST_PAUSE_S + 2 * FRAME_S


def test_a_frozen_camera_that_lives_again_works_at_once(scene: Scene) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        camera.frozen = number > 1 and len(camera.opened_at) < 3
        if scene.said[-1:] == [None]:
            scene.stop.set()

    scene.script = script
    scene.play()
    assert scene.said == [STANDS_STILL, None]
    assert scene.gauge.health().camera_ok


def test_an_unplugged_camera_is_said_once_and_tried_again_every_second(
    scene: Scene,
) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        if number == 2:
            camera.plugged_in = False
        if len(scene.time.waits) == 8:
            scene.stop.set()

    scene.script = script
    scene.play()
    assert scene.time.waits == [FIRST_PAUSE_S, *[LONGEST_PAUSE_S] * 7]
    assert scene.said == ["camera 0 sends no picture", "camera 0 cannot be opened"]
    assert not scene.gauge.health().camera_ok


def test_a_camera_whose_driver_cannot_even_close_it_is_opened_anew(scene: Scene) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        camera.closing_fails = True
        camera.plugged_in = number != 3
        if len(camera.opened_at) == 2 and number > 5:
            scene.stop.set()

    scene.script = script
    scene.play()
    assert scene.said == ["camera 0 sends no picture", None]


def test_a_camera_that_hangs_is_said_and_another_thread_opens_it_anew(scene: Scene) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        camera.hangs = int(number == 3)

    scene.script = script
    scene.watch.start()
    assert scene.camera.stuck.acquire(timeout=WITHIN)
    looked = len(scene.looked_at)
    scene.watch.tick()
    assert scene.said == []
    scene.time.now += HUNG_AFTER.total_seconds()
    scene.watch.tick()
    assert scene.said[0] == HANGS
    scene.until(lambda: scene.said == [HANGS, None])
    assert len(scene.camera.opened_at) == 2
    assert looked == 2


def test_what_a_hanging_thread_still_brings_is_not_looked_at(scene: Scene) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        camera.hangs = int(number in {1, 2})

    scene.script = script
    scene.watch.start()
    assert scene.camera.stuck.acquire(timeout=WITHIN)
    first = scene.watch._thread
    assert first is not None
    scene.time.now += HUNG_AFTER.total_seconds()
    scene.watch.tick()
    assert scene.camera.stuck.acquire(timeout=WITHIN)
    scene.stop.set()
    scene.camera.released.set()
    first.join(WITHIN)
    scene.watch.join(WITHIN)
    assert scene.looked_at == []


def test_hanging_threads_do_not_pile_up_and_it_works_again_when_the_driver_does(
    scene: Scene,
) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        camera.hangs = int(number > 0 and not camera.released.is_set())

    scene.script = script
    scene.watch.start()
    for _ in range(MOST_STUCK + 1):
        assert scene.camera.stuck.acquire(timeout=WITHIN)
        scene.time.now += LONGEST_REOPENING.total_seconds()
        scene.watch.tick()
    for _ in range(10):
        scene.time.now += LONGEST_REOPENING.total_seconds()
        scene.watch.tick()
    assert len(scene.camera.opened_at) == MOST_STUCK + 1
    assert scene.said == [HANGS]
    scene.camera.released.set()
    scene.until(lambda: scene.said == [HANGS, None])


def test_a_reopening_of_a_hanging_camera_waits_ever_longer(scene: Scene) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        camera.hangs = int(number > 0)

    scene.script = script
    scene.watch.start()
    assert scene.camera.stuck.acquire(timeout=WITHIN)
    scene.time.now += HUNG_AFTER.total_seconds()
    scene.watch.tick()
    assert scene.camera.stuck.acquire(timeout=WITHIN)
    scene.time.now += HUNG_AFTER.total_seconds()
    scene.watch.tick()
    assert len(scene.camera.opened_at) == 2
    scene.time.now += HUNG_AFTER.total_seconds()
    scene.watch.tick()
    assert scene.camera.stuck.acquire(timeout=WITHIN)
    assert len(scene.camera.opened_at) == 3


def test_a_slow_camera_may_take_its_time_to_be_opened(scene: Scene) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        if number == 0 and len(camera.opened_at) == 1:
            camera.stuck.release()
            assert camera.released.wait(WITHIN)

    scene.script = script
    scene.watch.start()
    assert scene.camera.stuck.acquire(timeout=WITHIN)
    scene.time.now += OPENING_HUNG_AFTER.total_seconds() - 1
    scene.watch.tick()
    assert scene.said == []
    scene.time.now += 1
    scene.watch.tick()
    assert scene.said[0] == HANGS
    scene.until(lambda: scene.said == [HANGS, None])


@pytest.mark.parametrize("fault", ["frozen", "buffers", "black", "unplugged"])
def test_a_fault_is_noticed_and_the_camera_reopened_within_five_seconds(
    scene: Scene, fault: str
) -> None:
    failed_at: list[float] = []

    def script(camera: LivingCamera, number: int) -> None:
        if number == 10:
            failed_at.append(scene.time.now)
            camera.frozen = fault in {"frozen", "buffers"}
            camera.buffers = 4 if fault == "buffers" else 1
            camera.black = fault == "black"
            camera.plugged_in = fault != "unplugged"
        if len(camera.opened_at) == 2:
            scene.stop.set()

    scene.script = script
    scene.play()
    assert scene.camera.opened_at[1] - failed_at[0] <= NOTICED_AND_REOPENED_WITHIN_S
    assert len(scene.said) == 1
    assert len(set(scene.looked_at)) == len(scene.looked_at)


def test_a_hanging_camera_is_noticed_and_reopened_within_five_seconds() -> None:
    tick = timedelta(seconds=0.25)
    assert (HUNG_AFTER + tick).total_seconds() <= NOTICED_AND_REOPENED_WITHIN_S


def test_a_black_picture_is_said_not_read_and_over_with_the_first_that_shows_something(
    scene: Scene,
) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        camera.black = 3 < number < 30
        if scene.said[-1:] == [None]:
            scene.stop.set()

    scene.script = script
    scene.play()
    assert scene.said == [SHOWS_NOTHING, None]
    assert len(scene.looked_at) == 3 + 1


def test_a_camera_that_starts_with_a_black_picture_is_left_to_find_its_exposure(
    scene: Scene,
) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        if number == 0 and len(camera.opened_at) == 2:
            camera.plugged_in = True
        if number == 5:
            camera.plugged_in = False
        camera.black = 5 < number < 10
        if number == 15:
            scene.stop.set()

    scene.script = script
    scene.time.now += 3600
    scene.play()
    assert len(scene.camera.opened_at) == 2
    assert SHOWS_NOTHING not in scene.said


@pytest.mark.parametrize("away_s", [1.0, 7.0, 100.0])
def test_a_camera_that_is_plugged_in_again_is_opened_within_a_second_and_read_at_once(
    scene: Scene, away_s: float
) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        if number == 3:
            camera.plugged_in = False
        if scene.time.now >= 1000.0 + away_s:
            camera.plugged_in = True
        if len(scene.looked_at) == 4:
            scene.stop.set()

    scene.script = script
    scene.play()
    assert scene.camera.opened_at[-1] - (1000.0 + away_s) <= LONGEST_PAUSE_S
    assert len(scene.looked_at) >= 4


def test_a_recording_may_stand_still(scene: Scene) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        camera.frozen = True
        if number == 100:
            scene.stop.set()

    scene.script = script
    scene.eyes.freshness = None
    scene.play()
    assert len(scene.looked_at) == 99
    assert scene.said == []
