"""What counts as a change in front of the gate."""

from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from demo.hall import empty_hall
from gate_agent.decoder.change import Attention, Look
from gate_agent.decoder.prepare import to_gray
from tests.fakes.pacing import FakeTime

STEADY = timedelta(seconds=1)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def attention(time: FakeTime) -> Attention:
    return Attention(steady=STEADY, clock=time.clock)


def hall(number: int) -> NDArray[np.uint8]:
    """The same hall at another moment: the noise differs."""
    return to_gray(empty_hall(number))


def test_the_first_frame_gets_a_thorough_look(attention: Attention) -> None:
    assert attention.look(hall(0)) is Look.THOROUGH


def test_the_noise_of_the_sensor_is_no_change(attention: Attention) -> None:
    attention.look(hall(0))

    assert [attention.look(hall(number)) for number in range(1, 5)] == [Look.GLANCE] * 4


def test_a_camera_that_adjusts_its_exposure_is_no_change(attention: Attention) -> None:
    attention.look(hall(0))
    brighter = np.clip(hall(1).astype(np.int16) + 25, 0, 255).astype(np.uint8)

    assert attention.look(brighter) is Look.GLANCE


@pytest.mark.parametrize("side", [108, 300])
def test_something_held_before_the_camera_is_a_change(attention: Attention, side: int) -> None:
    attention.look(hall(0))
    frame = hall(1)
    frame[300 : 300 + side, 600 : 600 + side] = 255

    assert attention.look(frame) is Look.THOROUGH


def test_what_stays_is_looked_at_again_in_a_while(attention: Attention, time: FakeTime) -> None:
    attention.look(hall(0))
    time.now += STEADY.total_seconds()

    assert attention.look(hall(1)) is Look.ONE_MORE
    assert attention.look(hall(2)) is Look.GLANCE


def test_a_camera_that_changes_its_size_does_no_harm(attention: Attention) -> None:
    attention.look(hall(0))

    assert attention.look(np.zeros((1, 1), np.uint8)) is Look.THOROUGH
