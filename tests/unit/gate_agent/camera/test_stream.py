"""A camera in the network that sends, hangs, stops and sends rubbish, over real connections."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Protocol

import pytest

from gate_agent.camera import CameraLost, open_camera
from gate_agent.camera.stream import StreamCamera
from gate_agent.decoder.zxing import ZxingDecoder
from gate_agent.vision import cv2
from tests.fakes.pictures import code, in_a_frame
from tests.fakes.stream_server import NetworkCamera, part, rubbish

PASS = "GK1:6BFOXN%TSMAHN-HRDD8R0HJV7"
SHORT = timedelta(seconds=0.4)
IN_TIME_S = 5.0


class Send(Protocol):
    """Starts a network camera."""

    def __call__(
        self, *, before: Callable[[int], bytes | None] = ..., silent: bool = False
    ) -> NetworkCamera: ...


def a_frame(_number: int) -> bytes:
    return b""


@pytest.fixture
def sends() -> Iterator[Send]:
    with ExitStack() as stack:

        def start(
            *, before: Callable[[int], bytes | None] = a_frame, silent: bool = False
        ) -> NetworkCamera:
            camera = NetworkCamera(in_a_frame(code(PASS)), before, silent)
            return stack.enter_context(camera.running())

        yield start


def opened(camera: NetworkCamera) -> StreamCamera:
    stream = StreamCamera(camera.url, open_within=SHORT * 5, read_within=SHORT)
    stream.open()
    return stream


def text_of(stream: StreamCamera) -> list[str]:
    gray = cv2.cvtColor(stream.read().image, cv2.COLOR_BGR2GRAY)
    return ZxingDecoder().read(gray.data)


def lost_after(stream: StreamCamera) -> float:
    """Read until the stream is lost; how long the last read took."""
    while True:
        asked_at = time.monotonic()
        try:
            stream.read()
        except CameraLost:
            return time.monotonic() - asked_at


def test_what_a_network_camera_sends_is_read(sends: Send) -> None:
    stream = opened(sends())

    frames = [stream.read() for _ in range(3)]

    assert [frame.number for frame in frames] == [1, 2, 3]
    assert frames[0].image.shape == (720, 1280, 3)
    assert text_of(stream) == [PASS]
    stream.close()


def test_a_specification_opens_it(sends: Send) -> None:
    network = sends()
    camera = open_camera(f"stream:{network.url}?stream=2#still=0")

    assert camera.read().number == 1
    assert set(network.asked) == {"/video?stream=2"}
    camera.close()


def test_a_camera_that_hangs_is_lost_in_time(sends: Send) -> None:
    def hang(number: int) -> bytes:
        if number == 5:
            network.over.wait(30)
        return b""

    network = sends(before=hang)

    assert lost_after(opened(network)) < IN_TIME_S


def test_a_camera_that_accepts_and_says_nothing_is_lost_in_time(sends: Send) -> None:
    began = time.monotonic()

    with pytest.raises(CameraLost, match="cannot be opened"):
        opened(sends(silent=True))

    assert time.monotonic() - began < IN_TIME_S


def test_a_camera_that_is_not_there_is_lost_at_once() -> None:
    camera = NetworkCamera(in_a_frame())
    with camera.running():
        pass

    with pytest.raises(CameraLost, match="is the camera on"):
        opened(camera)


def test_a_stream_that_ends_is_lost_and_works_when_it_is_opened_again(sends: Send) -> None:
    network = sends(before=lambda number: None if number > 3 else b"")
    stream = opened(network)
    lost_after(stream)

    stream.close()
    network.before = a_frame
    stream.open()

    assert text_of(stream) == [PASS]
    assert stream.read().number == 2
    stream.close()


@pytest.mark.parametrize(
    "content",
    [rubbish(), part(rubbish()), part(b""), b"--frame\r\n", part(b"\xff\xd8" + rubbish())],
    ids=["bytes", "a part of rubbish", "an empty part", "a bare boundary", "a broken picture"],
)
def test_rubbish_loses_the_stream_at_worst(sends: Send, content: bytes) -> None:
    network = sends(before=lambda number: content if number in {4, 5} else b"")
    stream = opened(network)
    began = time.monotonic()
    for _ in range(20):
        try:
            stream.read()
        except CameraLost:
            break

    stream.close()
    stream.open()

    assert text_of(stream) == [PASS]
    assert time.monotonic() - began < 20 + IN_TIME_S
    stream.close()


def test_nothing_but_rubbish_is_lost(sends: Send) -> None:
    with pytest.raises(CameraLost):
        opened(sends(before=lambda _number: rubbish())).read()


def test_frames_that_waited_are_skipped(sends: Send) -> None:
    waiting = threading.Event()

    def burst(number: int) -> bytes:
        # Nine frames wait to be read, and then the newest; the next one takes its time.
        network.pace = 0.0 if number < 10 else 0.8
        if number == 10:
            network.picture = in_a_frame(code("GK1:NEW"))
        if number == 11:
            waiting.set()
        return b""

    network = sends(before=burst)
    stream = StreamCamera(network.url, queued=timedelta(seconds=0.4))
    stream.open()
    assert waiting.wait(20)

    assert text_of(stream) == ["GK1:NEW"]
    stream.close()


def test_a_stream_that_was_not_opened_gives_no_frames() -> None:
    stream = StreamCamera("rtsp://me:word@127.0.0.1/video")
    stream.close()

    with pytest.raises(CameraLost, match="not open") as raised:
        stream.read()
    assert "word" not in str(raised.value)


def test_an_rtsp_camera_that_is_not_there_is_lost_and_its_password_not_said() -> None:
    camera = NetworkCamera(in_a_frame())
    with camera.running():
        pass
    stream = StreamCamera(f"rtsp://me:word@127.0.0.1:{camera.port}/video", open_within=SHORT)

    with pytest.raises(CameraLost, match="cannot be opened") as raised:
        stream.open()
    assert "word@" not in str(raised.value)
