"""Whatever a picture is made of, the gate's eyes answer and go on."""

import json
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate_agent.camera.opening import CameraSpecification
from gate_agent.camera.pictures import UnreadablePicture, unpack_picture
from gate_agent.decoder.base import DecoderFailed
from gate_agent.decoder.chain import DecoderChain
from gate_agent.decoder.process import DecodingProcess, Nonsense, greeting_of, texts_of
from tests.fakes.pictures import code, in_a_frame, jpeg, png

PASS = "GK1:6BFOXN%TSMAHN-HRDD8R0HJV7"
FRAME = in_a_frame(code(PASS))
FILES = [png(code(PASS)), jpeg(code(PASS))]


@pytest.fixture(scope="module")
def chain() -> Iterator[DecoderChain]:
    with DecodingProcess() as process:
        yield DecoderChain(process, seconds=10)


changes = st.lists(
    st.tuples(
        st.integers(0, 719), st.integers(0, 1279), st.integers(1, 400), st.integers(1, 400),
        st.sampled_from(["black", "white", "inverted", "noise", "moved"]),
    ),
    max_size=8,
)  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=changes, seed=st.integers(0, 2**32 - 1))
def test_a_damaged_frame_is_read_rightly_or_not_at_all(
    chain: DecoderChain, changes: list[tuple[int, int, int, int, str]], seed: int
) -> None:
    random = np.random.default_rng(seed)
    frame = FRAME.copy()
    for top, left, height, width, how in changes:
        part = frame[top : top + height, left : left + width]
        match how:
            case "black":
                part[:] = 0
            case "white":
                part[:] = 255
            case "inverted":
                part[:] = 255 - part
            case "noise":
                part[:] = random.integers(0, 256, part.shape, dtype=np.uint8)
            case _:
                part[:] = np.roll(part, 7, axis=1)

    reading = chain.read(frame)

    assert set(reading.texts) <= {PASS}
    assert reading.failure is None


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    height=st.integers(1, 60), width=st.integers(1, 60), colours=st.booleans(), content=st.binary()
)
def test_any_small_picture_is_answered(
    chain: DecoderChain, height: int, width: int, *, colours: bool, content: bytes
) -> None:
    shape = (height, width, 3) if colours else (height, width)
    picture = np.resize(np.frombuffer(content or b"\0", np.uint8), shape)

    assert chain.read(picture).failure is None


@given(content=st.binary(max_size=400))
def test_any_bytes_are_a_picture_or_unreadable(content: bytes) -> None:
    with suppress(UnreadablePicture):
        assert unpack_picture(content).ndim == 3


@settings(deadline=None)
@given(
    file=st.sampled_from(FILES),
    at=st.integers(0, 5000),
    content=st.binary(min_size=1, max_size=20),
    cut=st.integers(0, 5000),
)
def test_a_damaged_file_is_a_picture_or_unreadable(
    file: bytes, at: int, content: bytes, cut: int
) -> None:
    damaged = bytearray(file)
    damaged[at % len(file) : at % len(file) + len(content)] = content
    with suppress(UnreadablePicture):
        assert unpack_picture(bytes(damaged[: len(damaged) - cut])).ndim == 3


@given(answer=st.binary() | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["texts", "failed"]), inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_answer_of_the_decoding_process_is_texts_or_refused(answer: bytes) -> None:
    with suppress(DecoderFailed, Nonsense):
        assert all(isinstance(text, str) for text in texts_of(answer))
    with suppress(Nonsense):
        greeting_of(answer)


@given(text=st.text() | st.text().map("replay:/x?".__add__) | st.text().map("watch:/x?".__add__))
def test_any_camera_specification_is_one_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        CameraSpecification.parse(text)
