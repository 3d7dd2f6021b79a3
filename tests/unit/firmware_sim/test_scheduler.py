"""The two schedulers keep one order: what is due first, and one thing after the other."""

import threading
from datetime import timedelta

from firmware_sim.scheduler import Processor, RealScheduler, SimulatedScheduler
from tests.fakes.controller_scene import seconds


def test_timers_run_in_order_each_at_its_own_time() -> None:
    scheduler = SimulatedScheduler()
    begin = scheduler.now()
    seen: list[tuple[str, timedelta]] = []

    def note(name: str) -> None:
        seen.append((name, scheduler.now() - begin))

    scheduler.after(seconds(2), lambda: note("later"))
    scheduler.after(seconds(1), lambda: scheduler.after(seconds(0.5), lambda: note("chained")))
    scheduler.after(seconds(1), lambda: note("first")).cancel()
    scheduler.advance(seconds(3))
    assert seen == [("chained", seconds(1.5)), ("later", seconds(2))]
    assert scheduler.now() - begin == seconds(3)


def test_what_is_posted_meanwhile_waits_for_what_is_running() -> None:
    scheduler = SimulatedScheduler()
    seen: list[str] = []

    def outer() -> None:
        scheduler.post(lambda: seen.append("inner"))
        seen.append("outer")

    scheduler.post(outer)
    assert seen == ["outer", "inner"]


def test_a_halted_processor_does_nothing_any_more() -> None:
    scheduler = SimulatedScheduler()
    processor = Processor(scheduler)
    seen: list[str] = []
    processor.after(seconds(1), lambda: seen.append("timer"))
    processor.halt()
    processor.post(lambda: seen.append("posted"))
    scheduler.advance(seconds(2))
    assert not processor.alive
    assert seen == []


def test_the_real_loop_runs_timers_and_what_other_threads_post_until_it_is_stopped() -> None:
    scheduler = RealScheduler()
    seen: list[str] = []

    def finish() -> None:
        seen.append("posted")
        scheduler.stop()

    def from_another_thread() -> None:
        seen.append("second")
        thread = threading.Thread(target=scheduler.post, args=(finish,))
        thread.start()
        thread.join()

    scheduler.after(seconds(0.002), from_another_thread)
    scheduler.after(seconds(0.001), lambda: seen.append("first"))
    scheduler.after(seconds(3600), lambda: seen.append("never"))
    scheduler.run()
    assert seen == ["first", "second", "posted"]
