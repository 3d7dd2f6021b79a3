"""Both libraries, used in one way: the battery runs on each of them."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
import zxingcpp

from gate_agent.decoder.base import Decoder
from gate_agent.decoder.zbar import ZbarDecoder
from gate_agent.decoder.zxing import ZxingDecoder
from tests.fakes.pictures import (
    Gray,
    code,
    finder_sheet,
    in_a_frame,
    kanji,
    static_noise,
    structured_append,
    wall,
)

PASS = "GK1:6BFOXN%TSMAHN-HRDD8R0HJV7:8P*U0-3DW98KWXG7"


@pytest.fixture(
    params=[
        ZxingDecoder(),
        ZxingDecoder(light_on_dark=False),
        ZxingDecoder(zxingcpp.Binarizer.GlobalHistogram),
        ZbarDecoder(),
    ],
    ids=["zxing", "zxing-dark", "zxing-global", "zbar"],
)
def decoder(request: pytest.FixtureRequest) -> Decoder:
    chosen: Decoder = request.param
    return chosen


def test_a_code_in_a_frame_is_read(decoder: Decoder) -> None:
    assert decoder.read(in_a_frame(code(PASS)).data) == [PASS]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_code_is_read_whichever_way_it_is_held(decoder: Decoder, turns: int) -> None:
    turned = np.ascontiguousarray(np.rot90(in_a_frame(code(PASS)), turns))

    assert decoder.read(turned.data) == [PASS]


def test_two_codes_in_a_frame_are_both_read(decoder: Decoder) -> None:
    frame = in_a_frame(code("GK1:ONE"), code("GK1:TWO"))

    assert sorted(decoder.read(frame.data)) == ["GK1:ONE", "GK1:TWO"]


def test_a_light_code_on_dark_is_read_by_those_who_look_for_it() -> None:
    inverted = 255 - in_a_frame(code(PASS))

    assert ZxingDecoder().read(inverted.data) == [PASS]
    assert ZxingDecoder(light_on_dark=False).read(inverted.data) == []


def test_kanji_are_read(decoder: Decoder) -> None:
    assert decoder.read(in_a_frame(kanji("玄関受付")).data) == ["玄関受付"]


def test_bytes_that_are_no_text_do_no_harm(decoder: Decoder) -> None:
    texts = decoder.read(in_a_frame(code(bytes(range(0x80, 0x100)))).data)

    assert len(texts) == 1


def test_a_part_of_a_spread_text_does_no_harm(decoder: Decoder) -> None:
    assert decoder.read(in_a_frame(structured_append("GK1:PART")).data) in ([], ["GK1:PART"])


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((1, 1), np.uint8),
        np.zeros((1, 3000), np.uint8),
        np.full((720, 1280), 128, np.uint8),
        static_noise(),
        finder_sheet(6),
    ],
    ids=["one pixel", "one line", "grey", "noise", "finder patterns"],
)
def test_a_frame_without_a_code_gives_nothing(decoder: Decoder, frame: Gray) -> None:
    assert decoder.read(frame.data) == []


def test_a_wall_of_codes_gives_many_and_never_one() -> None:
    frame, texts = wall()

    read = ZxingDecoder().read(frame.data)

    # zxing-cpp stops at 255 codes; that there is more than one is what the rules have to know.
    assert len(read) > 200
    assert set(read) <= set(texts)


def test_other_kinds_of_codes_are_not_read(decoder: Decoder) -> None:

    aztec = zxingcpp.create_barcode(  # pyright: ignore[reportUnknownMemberType]
        PASS, zxingcpp.BarcodeFormat.Aztec
    )
    picture = cv2.resize(np.asarray(aztec.to_image()), None, fx=5, fy=5)

    assert decoder.read(np.ascontiguousarray(picture, np.uint8).data) == []


def test_without_zbar_the_other_decoders_are_there_and_it_is_named() -> None:
    program = (
        "import sys; sys.modules['pyzbar'] = None\n"
        "from gate_agent.decoder.child import load_decoders\n"
        "decoders, missing = load_decoders(); print(sorted(decoders), missing)"
    )

    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    ).stdout

    assert said.startswith("['zxing', 'zxing-dark', 'zxing-global'] ['zbar: ")
