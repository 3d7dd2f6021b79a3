"""A camera that is gone, stands still or hangs is noticed, said, and opened anew ever more seldom."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from gate_agent.camera import Frame
from gate_agent.health import ReaderGauge
from gate_agent.watching import (
    FIRST_PAUSE_S,
    FROZEN_AFTER,
    HUNG_AFTER,
    LONGEST_PAUSE_S,
    LONGEST_REOPENING,
    MOST_STUCK,
    CameraWatch,
)
from tests.fakes.gate_camera import FRAME_S, LivingCamera
from tests.fakes.gate_site import ENTRANCE
from tests.fakes.pacing import FakeTime

STILL = "the camera's picture stands still"
HANGS = "the camera hangs"
WITHIN = 20.0


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
        self.watch = CameraWatch(
            lambda: self.camera,
            look=self._look,
            say=self._say,
            gauge=self.gauge,
            stop=self.stop,
            can_freeze=True,
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

    def _look(self, frame: Frame) -> None:
        with self.news:
            self.looked_at.append(frame.image.tobytes())
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
    assert scene.said == [STILL]
    assert not scene.gauge.health().camera_ok
    assert scene.gauge.health().trouble == STILL
    first, second = scene.camera.opened_at
    assert second - first == 3 * FRAME_S + FROZEN_AFTER.total_seconds() + FIRST_PAUSE_S


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
    assert scene.said == [STILL]
    opened = scene.camera.opened_at
    pauses = [after - before for before, after in itertools.pairwise(opened[1:])]
    assert pauses == sorted(pauses)
    assert pauses[0] >= 2 * FROZEN_AFTER.total_seconds()
    assert pauses[-1] <= LONGEST_REOPENING.total_seconds() + FIRST_PAUSE_S + FRAME_S


def test_a_frozen_camera_that_lives_again_works_at_once(scene: Scene) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        camera.frozen = number > 1 and len(camera.opened_at) < 3
        if scene.said[-1:] == [None]:
            scene.stop.set()

    scene.script = script
    scene.play()
    assert scene.said == [STILL, None]
    assert scene.gauge.health().camera_ok


def test_an_unplugged_camera_is_said_once_and_tried_again_with_growing_pauses(
    scene: Scene,
) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        if number == 2:
            camera.plugged_in = False
        if len(scene.time.waits) == 8:
            scene.stop.set()

    scene.script = script
    scene.play()
    assert scene.time.waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, LONGEST_PAUSE_S]
    assert scene.said == ["camera 0 sends no picture", "camera 0 cannot be opened"]
    assert not scene.gauge.health().camera_ok


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


def test_a_recording_may_stand_still(scene: Scene) -> None:
    def script(camera: LivingCamera, number: int) -> None:
        camera.frozen = True
        if number == 100:
            scene.stop.set()

    scene.script = script
    scene.watch._can_freeze = False
    scene.play()
    assert len(scene.looked_at) == 99
    assert scene.said == []
