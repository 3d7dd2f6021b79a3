"""The rendered phone is the same for the same seed, and shows a code that is really there."""

import io

import cv2
import numpy as np
import pytest
import qrcode
import zxingcpp

from demo.hall import HEIGHT, WIDTH, empty_hall
from demo.phone import QUIET_ZONE, View, code_picture, held_phone, png

_FORMATS = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCodeModel2)
PASS = "GK1:" + "6BFOXN%TSMAHN-HRDD8R0HJV7:8P*U0-3DW98KWXG7/0PT0H50" * 3


def read(frame: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> list[zxingcpp.Barcode]:
    return zxingcpp.read_barcodes(frame, formats=_FORMATS)


def test_the_same_arguments_give_the_same_picture() -> None:
    assert np.array_equal(held_phone(PASS, seed=7), held_phone(PASS, seed=7))
    assert not np.array_equal(held_phone(PASS, seed=7), held_phone(PASS, seed=8))


def test_a_frame_has_the_size_of_a_cameras() -> None:
    frame = held_phone(PASS, seed=1)

    assert frame.shape == (HEIGHT, WIDTH, 3)
    assert frame.dtype == np.uint8


def test_an_ordinary_view_is_read() -> None:
    (found,) = read(held_phone(PASS, View(), seed=1))

    assert found.text == PASS


@pytest.mark.parametrize("angle", [-40, 40])
@pytest.mark.parametrize("axis", ["yaw", "pitch"])
def test_a_phone_turned_away_is_read(axis: str, angle: int) -> None:
    view = View(code_height=0.5, yaw=angle * (axis == "yaw"), pitch=angle * (axis == "pitch"))

    (found,) = read(held_phone(PASS, view, seed=1))

    assert found.text == PASS


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_the_code_is_as_high_as_asked(share: float) -> None:
    (found,) = read(held_phone(PASS, View(code_height=share), seed=1))

    modules = code_picture(PASS, module=1).shape[0]
    height = found.position.bottom_left.y - found.position.top_left.y
    with_quiet_zone = height * modules / (modules - 2 * QUIET_ZONE)
    assert with_quiet_zone / HEIGHT == pytest.approx(share, rel=0.05)


def test_a_png_of_a_code_may_be_given_instead_of_its_text() -> None:
    image = qrcode.QRCode(border=4)
    image.add_data("https://genkan.example/v/1")
    packed = io.BytesIO()
    image.make_image().save(packed)

    (found,) = read(held_phone(packed.getvalue(), View(), seed=1))

    assert found.text == "https://genkan.example/v/1"


def test_bytes_that_are_no_picture_are_refused() -> None:
    with pytest.raises(ValueError, match="no PNG"):
        held_phone(b"hello", View(), seed=1)


@pytest.mark.parametrize(
    ("text", "modules", "level"),
    [("A" * 154, 37, "L"), ("A" * 155, 41, "L"), ("A" * 60, 29, "M"), ("A" * 12, 21, "Q")],
)
def test_a_code_is_the_smallest_there_is_with_the_best_level_it_has_room_for(
    text: str, modules: int, level: str
) -> None:
    picture = code_picture(text, module=4)

    (found,) = read(picture)

    assert picture.shape[0] == (modules + 2 * QUIET_ZONE) * 4
    assert (found.text, found.ec_level) == (text, level)


def test_views_are_drawn_within_what_a_camera_meets() -> None:
    for seed in range(200):
        view = View.drawn(seed, hardness=1)
        assert 0.15 <= view.code_height <= 0.6
        assert abs(view.yaw) <= 40
        assert abs(view.pitch) <= 40


def test_the_empty_hall_holds_no_code_and_stands_still_but_for_its_noise() -> None:
    first, second = empty_hall(0), empty_hall(1)

    assert read(first) == []
    assert not np.array_equal(first, second)
    assert np.abs(empty_hall(0, noise=0).astype(int) - empty_hall(1, noise=0)).max() == 0


def test_a_frame_can_be_written_as_a_png() -> None:
    frame = empty_hall(3)

    unpacked = cv2.imdecode(np.frombuffer(png(frame), np.uint8), cv2.IMREAD_COLOR)

    assert unpacked is not None
    assert np.array_equal(unpacked, frame)
