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
from gate_agent.decoder.change import Attention
from gate_agent.decoder.process import DecodingProcess, Nonsense, greeting_of, texts_of
from gate_agent.scanner import ScannerSpecification
from tests.fakes.pictures import (
    code,
    finder_sheet,
    in_a_frame,
    jpeg,
    kanji,
    png,
    static_noise,
    structured_append,
    wall,
)

PASS = "GK1:6BFOXN%TSMAHN-HRDD8R0HJV7"
FRAME = in_a_frame(code(PASS))
FILES = [png(code(PASS)), jpeg(code(PASS))]


@pytest.fixture(scope="module")
def process() -> Iterator[DecodingProcess]:
    with DecodingProcess() as process:
        yield process


@pytest.fixture
def chain(process: DecodingProcess) -> DecoderChain:
    return DecoderChain(process, seconds=10)


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


HOSTILE = {
    "finders 1": finder_sheet(1),
    "finders 2": finder_sheet(2),
    "finders 10": finder_sheet(10),
    "structured append": in_a_frame(structured_append("GK1:PART")),
    "kanji": in_a_frame(kanji("玄関受付")),
    "a wall": wall()[0],
    "noise": static_noise(),
    "50 megapixels": np.full((5000, 10_000), 255, np.uint8),
    "one line": np.zeros((1, 100_000), np.uint8),
}
FRAMES_UNTIL_READ = 10


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(shown=st.lists(st.sampled_from(sorted(HOSTILE)), min_size=1, max_size=6))
def test_after_whatever_hostile_pictures_the_next_pass_is_read(
    process: DecodingProcess, shown: list[str]
) -> None:
    chain = DecoderChain(process, attention=Attention())
    for name in shown:
        chain.read(HOSTILE[name])

    read = [chain.read(FRAME).texts for _ in range(FRAMES_UNTIL_READ)]

    assert read[-1] == (PASS,)
    assert set(read) <= {(), (PASS,)}


ANY_SPECIFICATION = st.text() | st.builds(
    "{}{}".format,
    st.sampled_from(
        ["replay:/x?", "watch:/x?", "picamera:", "stream:http://", "serial:/x?", "hid:/x?"]
    ),
    st.text(),
)


@given(text=ANY_SPECIFICATION)
def test_any_specification_of_a_reader_is_one_or_a_value_error(text: str) -> None:
    for parse in (CameraSpecification.parse, ScannerSpecification.parse):
        with suppress(ValueError):
            parse(text)
