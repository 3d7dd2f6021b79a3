"""The chain asks the cheapest reader first and stops at the first that reads."""

from collections.abc import Iterator
from datetime import timedelta

import cv2
import numpy as np
import pytest

from demo.phone import View, held_phone
from gate_agent.decoder.base import DecoderDied, DecoderFailed, DecoderOverran
from gate_agent.decoder.chain import CHAIN_SECONDS, REST_SECONDS, DecoderChain
from gate_agent.decoder.change import Attention
from gate_agent.decoder.process import DecodingProcess
from tests.fakes.decoders import ALL_DECODERS, FakeDecoders
from tests.fakes.pacing import FakeTime
from tests.fakes.pictures import (
    code,
    finder_sheet,
    in_a_frame,
    kanji,
    static_noise,
    structured_append,
    wall,
)

PASS = "GK1:6BFOXN%TSMAHN-HRDD8R0HJV7:8P*U0-3DW98KWXG7/0PT0H50QTP*PEIM+MQLIMLIVY49FKDV"
EMPTY = np.full((720, 1280), 128, np.uint8)
WHOLE_CHAIN = [
    ("zxing-dark", 1280),
    ("zxing", 1280),
    ("zxing", 1920),
    ("zxing-global", 1920),
    ("zbar", 640),
]


@pytest.fixture(scope="module")
def process() -> Iterator[DecodingProcess]:
    with DecodingProcess() as running:
        yield running


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def test_all_readers_are_asked_in_order_when_none_reads() -> None:
    decoders = FakeDecoders()

    reading = DecoderChain(decoders).read(EMPTY)

    assert decoders.asked == WHOLE_CHAIN
    assert (reading.texts, reading.reader, reading.failure) == ((), None, None)


def test_the_first_reader_that_reads_is_the_last_that_is_asked() -> None:
    decoders = FakeDecoders({"zxing": [PASS]})

    reading = DecoderChain(decoders).read(EMPTY)

    assert decoders.asked == WHOLE_CHAIN[:2]
    assert (reading.texts, reading.reader) == ((PASS,), "zxing-lifted")


def test_all_texts_of_a_frame_are_handed_on() -> None:
    reading = DecoderChain(FakeDecoders({"zxing": ["GK1:ONE", "GK1:TWO"]})).read(EMPTY)

    assert reading.texts == ("GK1:ONE", "GK1:TWO")


def test_a_missing_decoder_is_left_out() -> None:
    decoders = FakeDecoders(decoders=ALL_DECODERS - {"zbar"})

    DecoderChain(decoders).read(EMPTY)

    assert decoders.asked == WHOLE_CHAIN[:4]


def test_a_picture_that_one_library_gives_up_on_goes_to_the_next() -> None:
    decoders = FakeDecoders({"zxing-dark": DecoderFailed("no"), "zxing": [PASS]})

    reading = DecoderChain(decoders).read(EMPTY)

    assert (reading.texts, reading.failure) == ((PASS,), None)


def test_a_dead_process_is_reported_and_raises_nothing() -> None:
    died = DecoderDied("gone")

    reading = DecoderChain(FakeDecoders(dict.fromkeys(ALL_DECODERS, died))).read(EMPTY)

    assert reading.texts == ()
    assert reading.failure == "zbar: gone"


def test_each_reader_gets_what_is_left_of_the_time_for_a_frame(time: FakeTime) -> None:
    decoders = FakeDecoders(time=time, takes=CHAIN_SECONDS / 2)

    reading = DecoderChain(decoders, clock=time.clock).read(EMPTY)

    assert decoders.allowed == pytest.approx([CHAIN_SECONDS, CHAIN_SECONDS / 2])
    assert reading.ms == pytest.approx(CHAIN_SECONDS * 1000)
    assert reading.failure == "the time for this frame was up"


def test_a_reader_that_overran_rests_so_that_others_keep_reading(time: FakeTime) -> None:
    decoders = FakeDecoders({"zbar": DecoderOverran("slow")}, time=time)
    chain = DecoderChain(decoders, clock=time.clock)
    assert chain.read(EMPTY).failure == "zbar: slow"
    decoders.asked.clear()

    chain.read(EMPTY)
    assert decoders.asked == WHOLE_CHAIN[:4]

    time.now += REST_SECONDS
    chain.read(EMPTY)
    assert decoders.asked[4:] == WHOLE_CHAIN


def test_a_reader_that_overruns_again_rests_longer(time: FakeTime) -> None:
    decoders = FakeDecoders({"zbar": DecoderOverran("slow")}, time=time)
    chain = DecoderChain(decoders, clock=time.clock)
    for rest in (REST_SECONDS, REST_SECONDS * 2):
        chain.read(EMPTY)
        time.now += rest - 1
        assert chain.read(EMPTY).failure is None
        time.now += 1


def test_what_happened_long_ago_is_forgotten(time: FakeTime) -> None:
    decoders = FakeDecoders({"zbar": DecoderOverran("slow")}, time=time)
    chain = DecoderChain(decoders, clock=time.clock)
    chain.read(EMPTY)
    time.now += 3600
    chain.read(EMPTY)

    time.now += REST_SECONDS

    assert chain.read(EMPTY).failure == "zbar: slow"


def test_the_first_reader_never_rests(time: FakeTime) -> None:
    decoders = FakeDecoders({"zxing-dark": DecoderOverran("slow")}, time=time)
    chain = DecoderChain(decoders, clock=time.clock)
    chain.read(EMPTY)
    decoders.answers["zxing-dark"] = [PASS]

    assert chain.read(EMPTY).texts == (PASS,)


def test_an_unchanged_frame_costs_one_reader_and_now_and_then_another_in_turn(
    time: FakeTime,
) -> None:
    decoders = FakeDecoders()
    attention = Attention(steady=timedelta(seconds=1), clock=time.clock)
    chain = DecoderChain(decoders, attention=attention, clock=time.clock)
    chain.read(EMPTY)
    assert decoders.asked == WHOLE_CHAIN
    decoders.asked.clear()

    for _ in range(8):
        time.now += 0.5
        chain.read(EMPTY)

    first, *others = WHOLE_CHAIN
    assert decoders.asked == [asked for other in others for asked in (first, first, other)]


def test_a_phone_that_comes_into_the_picture_gets_the_whole_chain(time: FakeTime) -> None:
    decoders = FakeDecoders()
    chain = DecoderChain(decoders, attention=Attention(clock=time.clock))
    chain.read(EMPTY)
    decoders.asked.clear()

    chain.read(in_a_frame(code(PASS)))

    assert decoders.asked == WHOLE_CHAIN


def test_a_colour_frame_is_read(process: DecodingProcess) -> None:
    frame = cv2.cvtColor(in_a_frame(code(PASS)), cv2.COLOR_GRAY2BGR).astype(np.uint8)

    reading = DecoderChain(process).read(frame)

    assert (reading.texts, reading.reader) == ((PASS,), "zxing")
    assert reading.ms > 0


@pytest.mark.parametrize("seed", range(4))
def test_a_phone_held_before_the_camera_is_read(process: DecodingProcess, seed: int) -> None:
    frame = held_phone(PASS, View.drawn(seed, hardness=0.3), seed=seed)

    assert DecoderChain(process, seconds=10).read(frame).texts == (PASS,)


def test_a_phone_out_of_focus_is_read_by_a_later_reader(process: DecodingProcess) -> None:
    frame = held_phone(PASS, View(code_height=0.4, blur=3.7), seed=3)

    reading = DecoderChain(process, seconds=10).read(frame)

    assert reading.texts == (PASS,)
    assert reading.reader != "zxing"


def test_every_code_of_a_wall_but_never_only_one_is_read(process: DecodingProcess) -> None:
    frame, texts = wall()

    read = DecoderChain(process, seconds=10).read(frame).texts

    assert len(read) > 200
    assert set(read) <= set(texts)


@pytest.mark.parametrize(
    "frame",
    [
        in_a_frame(structured_append("GK1:PART")),
        in_a_frame(kanji("玄関受付")),
        in_a_frame(code(bytes(range(0x80, 0x100)))),
        finder_sheet(1),
        finder_sheet(2),
        finder_sheet(10),
        static_noise(),
        np.zeros((1, 1), np.uint8),
        np.zeros((1, 100_000), np.uint8),
        np.zeros((100_000, 1), np.uint8),
        np.zeros((3, 3, 3), np.uint8),
        np.full((5000, 10_000), 255, np.uint8),
    ],
    ids=[
        "structured append", "kanji", "bytes", "finders 1", "finders 2", "finders 10", "noise",
        "one pixel", "one line", "one column", "nine pixels", "50 megapixels",
    ],
)  # fmt: skip
def test_hostile_pictures_end_in_an_answer_within_the_deadline(
    process: DecodingProcess, frame: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
) -> None:
    process.start()

    reading = DecoderChain(process, seconds=CHAIN_SECONDS).read(frame)

    assert len(reading.texts) <= 1
    assert reading.failure is None or "deadline" in reading.failure or "time" in reading.failure
    process.start()
    assert DecoderChain(process, seconds=10).read(in_a_frame(code(PASS))).texts == (PASS,)


def test_a_code_in_a_picture_of_50_megapixels_is_read(process: DecodingProcess) -> None:
    large = np.full((5000, 10_000), 255, np.uint8)
    drawn = code("GK1:LARGE", module=100)
    large[500 : 500 + drawn.shape[0], 500 : 500 + drawn.shape[1]] = drawn

    assert DecoderChain(process, seconds=10).read(large).texts == ("GK1:LARGE",)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 0), np.uint8),
        np.zeros((10,), np.uint8),
        np.zeros((2, 2, 2, 2), np.uint8),
        np.zeros((4, 4), np.float64),
    ],
)
def test_an_array_that_is_no_picture_is_a_mistake_of_the_caller(
    array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> None:
    with pytest.raises(ValueError, match="not a picture"):
        DecoderChain(FakeDecoders()).read(array)
