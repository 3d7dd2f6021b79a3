"""A frozen picture is never a new one, and a picture that shows nothing is noticed."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from demo.hall import empty_hall
from demo.phone import View, held_phone
from gate_agent.camera import CameraLost, Frame
from gate_agent.camera.freshness import STANDS_STILL, Freshness, shows_nothing
from tests.fakes.gate_camera import hall
from tests.fakes.pacing import FakeTime

Picture = NDArray[np.uint8]


def frame(picture: Picture, number: int = 2) -> Frame:
    return Frame(picture, number, 0.0)


def plain(*colour: int, noise: float = 0) -> Picture:
    flat = np.full((720, 1280, len(colour)), colour, np.float32)
    flat += np.random.default_rng(1).normal(0, noise, flat.shape) if noise else 0
    return np.clip(flat, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "picture",
    [
        plain(0, 0, 0),
        plain(5, 5, 5, noise=6),
        plain(0, 135, 0),  # what a decoder shows that got nothing but zeros
        plain(255, 255, 255),
        plain(90, 90, 90, noise=15),
    ],
    ids=["black", "dark noise", "green", "white", "a covered lens"],
)
def test_a_picture_of_one_colour_shows_nothing(picture: Picture) -> None:
    assert shows_nothing(picture)
    assert shows_nothing(picture[:, :, 0])


def test_a_hall_and_a_phone_in_the_dark_show_something() -> None:
    for seed in range(5):
        assert not shows_nothing(empty_hall(seed * 100))
    dark = np.zeros((720, 1280, 3), np.uint8)
    assert not shows_nothing(held_phone("GK1:A", View(code_height=0.15), seed=1, hall=dark))


def test_a_dim_hall_is_still_a_hall() -> None:
    assert not shows_nothing((empty_hall(3) // 6).astype(np.uint8))


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), max_size=60))
def test_whatever_order_pictures_repeat_in_none_is_new_twice_within_eight(
    order: list[int],
) -> None:
    freshness = Freshness(moment=lambda: 0.0)
    pictures = [hall(seed) for seed in range(7)]

    new = [seed for seed in order if freshness.is_new(frame(pictures[seed]))]

    assert new == list(dict.fromkeys(order))


def test_a_stream_that_may_stand_still_for_longer_is_given_that_long() -> None:
    time = FakeTime()
    freshness = Freshness(still_after=timedelta(seconds=90), moment=time.clock)
    freshness.is_new(frame(hall(1), 1))
    for _ in range(2):
        time.now += 89
        assert not freshness.is_new(frame(hall(1)))
        time.now += 1
        with pytest.raises(CameraLost, match=STANDS_STILL):
            freshness.is_new(frame(hall(1)))
        freshness.is_new(frame(hall(1), 1))
