"""When a gate asks, and which answer it believes."""

from gate_agent.asking import (
    AGAIN_AFTER_S,
    ANSWERED_WITHIN_S,
    ASK_EVERY_S,
    FIRST_PAUSE_S,
    SPREAD_S,
    Asking,
)
from tests.fakes.pacing import FakeTime


def asking(time: FakeTime, chance: float = 0.5) -> Asking:
    return Asking(moment=time.clock, chance=lambda: chance)


def pause(time: FakeTime, asks: Asking) -> float:
    """Wait until the next question is due, and return how long that took."""
    began = time.now
    while not asks.due:
        time.wait(0.25)
    return time.now - began


def test_the_first_question_is_due_at_once_and_each_has_a_nonce_of_its_own() -> None:
    asks = asking(FakeTime())
    assert asks.due
    assert len({asks.ask() for _ in range(3)}) == 3


def test_an_answer_is_believed_once() -> None:
    asks = asking(FakeTime())
    nonce = asks.ask()
    assert not asks.is_answer(bytes(16))
    assert asks.is_answer(nonce)
    assert not asks.is_answer(nonce)


def test_an_answer_that_was_held_back_is_not_believed() -> None:
    time = FakeTime()
    asks = asking(time)
    nonce = asks.ask()
    time.wait(ANSWERED_WITHIN_S + 0.1)
    assert not asks.is_answer(nonce)
    assert not asks.is_answer(nonce)


def test_an_answer_that_came_in_time_may_wait_behind_a_long_feed() -> None:
    time = FakeTime()
    asks = asking(time)
    nonce = asks.ask()
    time.wait(ANSWERED_WITHIN_S / 2)
    arrived = time.now
    time.wait(ANSWERED_WITHIN_S * 2)
    assert asks.is_answer(nonce, arrived)


def test_an_answer_to_a_question_before_one_that_was_answered_is_not_believed() -> None:
    asks = asking(FakeTime())
    first, second, third = asks.ask(), asks.ask(), asks.ask()
    assert asks.is_answer(second)
    assert not asks.is_answer(first)
    assert asks.is_answer(third)


def test_only_the_last_few_questions_wait_for_an_answer() -> None:
    asks = asking(FakeTime())
    nonces = [asks.ask() for _ in range(5)]
    assert not asks.is_answer(nonces[0])
    assert asks.is_answer(nonces[1])


def test_it_asks_every_minute_while_it_is_answered() -> None:
    time = FakeTime()
    asks = asking(time)
    for _ in range(3):
        asks.is_answer(asks.ask())
        assert pause(time, asks) == ASK_EVERY_S


def test_it_asks_ever_more_seldom_while_nobody_answers() -> None:
    time = FakeTime()
    asks = asking(time)
    pauses: list[float] = []
    for _ in range(7):
        asks.ask()
        pauses.append(pause(time, asks))
    assert pauses[0] == FIRST_PAUSE_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == ASK_EVERY_S


def test_what_was_missed_is_asked_for_soon_but_not_for_each_message() -> None:
    time = FakeTime()
    asks = asking(time)
    asks.is_answer(asks.ask())
    for _ in range(50):
        asks.missed()
    assert not asks.due
    assert pause(time, asks) == AGAIN_AFTER_S
    asks.ask()
    asks.missed()
    assert not asks.due


def test_more_is_asked_for_at_once() -> None:
    asks = asking(FakeTime())
    asks.is_answer(asks.ask())
    asks.more()
    assert asks.due
    asks.ask()
    assert not asks.due


def test_gates_that_lost_the_broker_together_come_back_at_different_moments() -> None:
    time = FakeTime()
    due: list[float] = []
    for chance in (0.0, 0.25, 0.5, 1.0):
        asks = asking(time, chance)
        asks.is_answer(asks.ask())
        asks.reconnected()
        due.append(pause(time, asks))
    assert due == sorted(set(due))
    assert due[-1] <= SPREAD_S


def test_an_answer_from_before_the_connection_broke_is_not_believed() -> None:
    asks = asking(FakeTime())
    nonce = asks.ask()
    asks.reconnected()
    assert not asks.is_answer(nonce)
