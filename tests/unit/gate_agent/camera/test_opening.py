"""What may be written where a camera is named."""

import pytest

from gate_agent.camera import CameraLost, CameraSpecification, camera_for, open_camera
from gate_agent.camera.device import DeviceCamera
from gate_agent.camera.freshness import STILL_AFTER


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", CameraSpecification("device", "0", still_after=STILL_AFTER)),
        (
            "/dev/video2",
            CameraSpecification("device", "/dev/video2", still_after=STILL_AFTER),
        ),
        ("picamera:1", CameraSpecification("picamera", "1", still_after=STILL_AFTER)),
        (
            "picamera:0?focus=5",
            CameraSpecification("picamera", "0", focus=5, still_after=STILL_AFTER),
        ),
        (
            "stream:rtsp://me:word@camera/ch1?profile=2",
            CameraSpecification(
                "stream", "rtsp://me:word@camera/ch1?profile=2", still_after=STILL_AFTER
            ),
        ),
        (
            "stream:http://camera/video#still=0",
            CameraSpecification("stream", "http://camera/video"),
        ),
        ("replay:/srv/day", CameraSpecification("replay", "/srv/day")),
        (
            "replay:/srv/day.mjpeg?loop=1&fps=10",
            CameraSpecification("replay", "/srv/day.mjpeg", frames_a_second=10, loop=True),
        ),
        ("watch:/srv/in", CameraSpecification("watch", "/srv/in", frames_each=10)),
        ("watch:/srv/in?frames=4", CameraSpecification("watch", "/srv/in", frames_each=4)),
    ],
)
def test_a_specification_is_taken_apart(text: str, expected: CameraSpecification) -> None:
    assert CameraSpecification.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "give a number such as 0"),
        ("webcam", "give a number such as 0"),
        ("replay:", "give a number such as 0"),
        ("picamera:", "give a number such as 0"),
        ("picamera:front", "such as picamera:0"),
        ("picamera:0?focus=near", "focus=near"),
        ("stream:", "give a number such as 0"),
        ("stream:camera/video", "begins with"),
        ("stream:file:///etc/passwd", "begins with"),
        ("stream:http://camera/video#fps=3", "no such option: fps"),
        ("stream:http://camera/video#still=-1", "still=-1"),
        ("replay:/srv/day?speed=2", "no such option: speed"),
        ("watch:/srv/in?loop=1", "no such option: loop"),
        ("replay:/srv/day?fps=0", "fps=0"),
        ("replay:/srv/day?fps=fast", "fps=fast"),
        ("replay:/srv/day?fps=nan", "fps=nan"),
        ("watch:/srv/in?frames=-1", "frames=-1"),
        ("watch:/srv/in?frames=0.5", "frames=0.5"),
    ],
)
def test_a_specification_that_names_no_camera_says_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("?", r"\?")):
        CameraSpecification.parse(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0", "0"),
        ("watch:/srv/in?frames=3", "watch:/srv/in"),
        ("stream:rtsp://me:word@camera:554/ch1?token=secret", "stream:rtsp://camera:554/ch1"),
    ],
)
def test_what_is_shown_of_a_specification_holds_no_password(text: str, shown: str) -> None:
    assert CameraSpecification.parse(text).shown == shown


@pytest.mark.parametrize("text", ["stream:ftp://me:word@camera", "stream:me:word@camera"])
def test_an_error_about_a_stream_holds_no_password(text: str) -> None:
    with pytest.raises(ValueError, match="begins with") as raised:
        CameraSpecification.parse(text)
    assert "word" not in str(raised.value)


def test_a_number_is_a_webcam() -> None:
    assert isinstance(camera_for(CameraSpecification.parse("0")), DeviceCamera)


@pytest.mark.parametrize("text", ["63", "/dev/null", "/dev/no-such-camera"])
def test_a_webcam_that_is_not_there_is_lost_and_says_what_to_look_at(text: str) -> None:
    with pytest.raises(CameraLost, match=r"is it plugged in.*group 'video'"):
        open_camera(text)


def test_a_webcam_that_was_not_opened_gives_no_frames() -> None:
    camera = DeviceCamera(63)
    camera.close()

    with pytest.raises(CameraLost, match="not open"):
        camera.read()
