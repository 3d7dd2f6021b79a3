"""How many messages a device may send, by a clock that the test moves."""

from hypothesis import given
from hypothesis import strategies as st

from server.processes.rates import Rates


class Seconds:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_device_that_was_quiet_may_send_a_burst_and_then_so_many_a_second() -> None:
    clock = Seconds()
    rates = Rates(a_second=2, at_once=5, moment=clock)
    assert [rates.allows("gate-1") for _ in range(6)] == [True] * 5 + [False]
    clock.now = 1.0
    assert [rates.allows("gate-1") for _ in range(3)] == [True, True, False]


def test_one_device_that_floods_takes_nothing_from_another() -> None:
    rates = Rates(a_second=1, at_once=1, moment=Seconds())
    assert rates.allows("gate-1")
    assert not rates.allows("gate-1")
    assert rates.allows("gate-2")


@given(st.lists(st.floats(0, 10), max_size=200))
def test_no_order_of_messages_gets_more_through_than_burst_and_rate(pauses: list[float]) -> None:
    clock = Seconds()
    rates = Rates(a_second=3, at_once=7, moment=clock)
    through = 0
    for pause in pauses:
        clock.now += pause
        through += rates.allows("gate-1")
    assert through <= 7 + 3 * clock.now + 1e-6
