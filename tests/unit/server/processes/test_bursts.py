"""What a stream has yet to say: together what comes together, each once, and nothing lost between two bursts."""

import asyncio
from collections.abc import Awaitable, Callable

from access_protocol.events import LiveNotice
from server.processes.live import WAITING_AT_MOST, Waiting

DEADLINE = 30.0


def run(scenario: Callable[[Waiting], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        async with asyncio.timeout(DEADLINE):
            await scenario(Waiting(asyncio.get_running_loop()))

    asyncio.run(all_of_it())


def notice(what: str, about: str = "") -> LiveNotice:
    return LiveNotice(what=what, about=about)


def test_what_is_told_several_times_before_a_burst_is_said_once_in_its_order() -> None:
    async def scenario(waiting: Waiting) -> None:
        for what in ("doors", "access", "doors", "access", "visits"):
            assert waiting.tell(notice(what, "main-gate"))
        heard = await waiting.burst()
        assert heard is not None
        assert [each.what for each in heard] == ["doors", "access", "visits"]

    run(scenario)


def test_notices_about_different_things_are_all_said() -> None:
    async def scenario(waiting: Waiting) -> None:
        told = [notice("staff-pass", "a"), notice("staff-pass", "b")]
        for each in told:
            waiting.tell(each)
        assert await waiting.burst() == told

    run(scenario)


def test_what_was_said_and_happens_again_is_said_again() -> None:
    async def scenario(waiting: Waiting) -> None:
        for _ in range(2):
            waiting.tell(notice("access"))
            assert await waiting.burst() == [notice("access")]

    run(scenario)


def test_a_quiet_time_says_nothing_and_loses_nothing() -> None:
    async def scenario(waiting: Waiting) -> None:
        assert await waiting.burst(0.001) == []
        waiting.tell(notice("access"))
        assert await waiting.burst(0.001) == [notice("access")]

    run(scenario)


def test_a_browser_that_is_too_far_behind_loses_its_stream() -> None:
    async def scenario(waiting: Waiting) -> None:
        taken = [waiting.tell(notice("visits", str(each))) for each in range(WAITING_AT_MOST)]
        assert all(taken)
        assert waiting.tell(notice("visits", "0"))
        assert not waiting.tell(notice("visits", "one too many"))
        assert await waiting.burst() is None

    run(scenario)
