"""A part that many ask for at once is rendered once, and never older than the question."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from server.web.shared import Shared

DEADLINE = 30.0


class Renders:
    """Renders number after number, each when it is let."""

    def __init__(self) -> None:
        self.count = 0
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self.count += 1
            number = self.count
        self.begun.release()
        assert self.may_end.acquire(timeout=DEADLINE)
        return f"rendering {number}"


def until(condition: Callable[[], bool]) -> None:
    reached = threading.Event()
    for _ in range(30_000):
        if condition():
            return
        reached.wait(0.001)
    pytest.fail("not within 30 s")


def test_who_asks_while_it_is_rendered_gets_the_next_one_all_together() -> None:
    shared, renders = Shared(), Renders()
    asked = threading.Semaphore(0)

    def ask() -> str:
        asked.release()
        return shared.render("part", renders)

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(ask)
        assert renders.begun.acquire(timeout=DEADLINE)
        others = [pool.submit(ask) for _ in range(7)]
        for _ in range(8):
            assert asked.acquire(timeout=DEADLINE)
        until(lambda: "part" in shared._next)
        renders.may_end.release()
        assert first.result(DEADLINE) == "rendering 1"
        assert renders.begun.acquire(timeout=DEADLINE)
        for _ in range(7):
            renders.may_end.release()
        texts = {each.result(DEADLINE) for each in others}
    assert "rendering 1" not in texts
    assert renders.count <= 8


def test_a_change_before_the_question_is_always_in_the_answer() -> None:
    shared, stored = Shared(), [0]
    wrong: list[tuple[int, int]] = []

    def make() -> str:
        return str(stored[0])

    def look() -> None:
        for _ in range(300):
            before = stored[0]
            seen = int(shared.render("part", make))
            if seen < before:
                wrong.append((before, seen))

    def change() -> None:
        for _ in range(2_000):
            stored[0] += 1

    with ThreadPoolExecutor(9) as pool:
        done: list[Future[None]] = [pool.submit(look) for _ in range(8)]
        done.append(pool.submit(change))
        for each in done:
            each.result(DEADLINE)
    assert wrong == []


def test_parts_for_others_do_not_wait_for_each_other_and_are_not_mixed() -> None:
    shared, renders = Shared(), Renders()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(shared.render, ("part", "ja"), renders)
        assert renders.begun.acquire(timeout=DEADLINE)
        assert shared.render(("part", "en"), lambda: "English") == "English"
        renders.may_end.release()
        assert slow.result(DEADLINE) == "rendering 1"


def test_a_rendering_that_fails_fails_for_its_askers_alone_and_nothing_is_kept() -> None:
    shared = Shared()

    def fails() -> str:
        raise LookupError("gone")

    with pytest.raises(LookupError):
        shared.render("part", fails)
    assert shared.render("part", lambda: "there") == "there"
    assert not shared._next
    assert not shared._turns
