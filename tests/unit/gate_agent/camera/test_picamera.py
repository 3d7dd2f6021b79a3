"""The Raspberry Pi's camera, with a stand-in for picamera2: it was never run on a Raspberry Pi here."""

import pytest

from gate_agent.camera import CameraLost, CameraSpecification, camera_for
from gate_agent.camera.picamera import PiCamera, open_picamera2
from tests.fakes.pacing import FakeTime
from tests.fakes.picamera import FakePicamera2


class Ribbon:
    """Hands out a new stand-in for each opening."""

    def __init__(self, **fails: Exception) -> None:
        self.fails = fails
        self.cameras: list[FakePicamera2] = []

    def __call__(self, number: int) -> FakePicamera2:
        if "open" in self.fails:
            raise self.fails["open"]
        self.cameras.append(FakePicamera2(number, self.fails))
        return self.cameras[-1]


def test_frames_are_the_grey_plane_of_720p() -> None:
    time, ribbon = FakeTime(), Ribbon()
    camera = PiCamera(1, open_camera=ribbon, clock=time.clock)
    camera.open()

    first, second = camera.read(), camera.read()

    assert first.image.shape == (720, 1280)
    assert set(first.image.flat) == {200}
    assert (first.number, second.number, first.captured_at) == (1, 2, time.now)
    assert ribbon.cameras[0].number == 1
    assert dict(ribbon.cameras[0].asked)["create_video_configuration"] == {
        "main": {"size": (1280, 720), "format": "YUV420"},
        "controls": {"FrameRate": 30},
    }


def test_the_focus_is_set_where_one_is_told() -> None:
    ribbon = Ribbon()
    PiCamera(focus=5, open_camera=ribbon).open()
    PiCamera(open_camera=ribbon).open()

    assert ("set_controls", {"AfMode": 0, "LensPosition": 5}) in ribbon.cameras[0].asked
    assert "set_controls" not in dict(ribbon.cameras[1].asked)


def test_opening_it_again_lets_go_of_it_first() -> None:
    ribbon = Ribbon()
    camera = PiCamera(open_camera=ribbon)
    camera.open()
    camera.read()

    camera.open()

    assert [one.closed for one in ribbon.cameras] == [True, False]
    assert camera.read().number == 1
    camera.close()
    camera.close()
    assert ribbon.cameras[1].closed


@pytest.mark.parametrize(
    "why", [RuntimeError("in use"), IndexError("no such camera"), OSError("no device")]
)
def test_one_that_is_not_there_is_lost_and_says_what_to_look_at(why: Exception) -> None:
    with pytest.raises(CameraLost, match="is its cable in"):
        PiCamera(open_camera=Ribbon(open=why)).open()


def test_one_that_does_not_start_is_lost_and_let_go_of() -> None:
    ribbon = Ribbon(start=RuntimeError("no memory"))

    with pytest.raises(CameraLost, match="does not start: no memory"):
        PiCamera(open_camera=ribbon).open()
    assert ribbon.cameras[0].closed


def test_one_that_sends_nothing_for_two_seconds_is_lost() -> None:
    ribbon = Ribbon(capture_array=TimeoutError("timed out"))
    camera = PiCamera(open_camera=ribbon)
    camera.open()

    with pytest.raises(CameraLost, match="sends no picture"):
        camera.read()
    assert ribbon.cameras[0].asked[-1] == ("capture_array", ("main", 2.0))


def test_a_picamera2_that_was_built_for_another_numpy_says_what_it_needs() -> None:
    why = ValueError("numpy.dtype size changed, may indicate binary incompatibility")

    with pytest.raises(CameraLost, match=r"Debian 13 or newer.*numpy\.dtype size"):
        PiCamera(open_camera=Ribbon(open=why)).open()


def test_without_picamera2_the_reader_says_how_to_get_it() -> None:
    camera = camera_for(CameraSpecification.parse("picamera:0"))

    with pytest.raises(CameraLost, match="apt install python3-picamera2"):
        camera.open()
    with pytest.raises(ImportError):
        open_picamera2(0)
    with pytest.raises(CameraLost, match="not open"):
        camera.read()
