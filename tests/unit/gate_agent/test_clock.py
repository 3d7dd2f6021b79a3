"""When a gate may trust its clock, and what time it takes it to be."""

from datetime import UTC, datetime, timedelta

from gate_agent.clock import GateClock, kernel_is_synchronised, monotonic, system_time
from tests.fakes.gate_site import NOW
from tests.fakes.pacing import FakeTime

WRONG = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def clock(
    *,
    synchronised: bool = False,
    battery: bool = False,
    system: datetime = WRONG,
    floor: datetime | None = None,
    time: FakeTime | None = None,
) -> GateClock:
    return GateClock(
        battery_clock=battery,
        floor=lambda: floor,
        synchronised=lambda: synchronised,
        system=lambda: system,
        counting=(time or FakeTime()).clock,
    )


def test_a_clock_that_nobody_set_is_not_trusted() -> None:
    assert not clock().trusted


def test_a_synchronised_kernel_is_trusted() -> None:
    assert clock(synchronised=True, system=NOW).trusted
    assert clock(synchronised=True, system=NOW).now() == NOW


def test_a_declared_battery_clock_is_trusted() -> None:
    assert clock(battery=True, system=NOW).trusted


def test_the_servers_time_is_trusted_and_goes_on_from_there() -> None:
    time = FakeTime()
    gate = clock(time=time)
    gate.server_said(NOW)
    time.wait(60)
    assert gate.trusted
    assert gate.now() == NOW + MINUTE


def test_a_synchronised_kernel_counts_more_than_the_servers_time() -> None:
    gate = clock(synchronised=True, system=NOW)
    gate.server_said(NOW - MINUTE)
    assert gate.now() == NOW


def test_a_clock_before_the_newest_journaled_event_is_wrong() -> None:
    gate = clock(battery=True, system=NOW - MINUTE, floor=NOW)
    assert not gate.trusted
    assert gate.now() == NOW


def test_a_clock_that_was_set_back_by_a_moment_is_still_trusted() -> None:
    assert clock(synchronised=True, system=NOW - timedelta(seconds=1), floor=NOW).trusted


def test_the_machine_is_asked_without_harm() -> None:
    assert isinstance(kernel_is_synchronised(), bool)
    assert monotonic() <= monotonic()
    assert system_time().tzinfo is UTC


def test_a_time_document_that_was_held_up_for_hours_does_not_set_the_clock_back() -> None:
    time = FakeTime()
    gate = clock(time=time)
    gate.server_said(NOW)
    time.wait(3 * 3600)
    gate.server_said(NOW + MINUTE)
    assert gate.now() == NOW + 180 * MINUTE
    time.wait(60)
    gate.server_said(NOW + 181 * MINUTE)
    assert gate.now() == NOW + 181 * MINUTE


def test_a_server_that_was_set_back_is_believed_once_it_says_so_twice() -> None:
    time = FakeTime()
    gate = clock(time=time)
    gate.server_said(NOW + 60 * MINUTE)
    gate.server_said(NOW)
    time.wait(60)
    gate.server_said(NOW + MINUTE)
    assert gate.now() == NOW + MINUTE


def test_documents_that_are_each_a_little_late_do_not_set_the_clock_back_step_by_step() -> None:
    time = FakeTime()
    gate = clock(time=time)
    gate.server_said(NOW)
    for minute in range(1, 31):
        time.wait(60)
        gate.server_said(NOW + minute * MINUTE - timedelta(seconds=9))
    assert gate.now() == NOW + 30 * MINUTE
