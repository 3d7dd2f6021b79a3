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


def test_a_synchronised_kernel_that_the_server_does_not_contradict_is_the_finer_clock() -> None:
    gate = clock(synchronised=True, system=NOW)
    gate.server_said(NOW - timedelta(seconds=59))
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


def test_a_server_that_was_set_back_is_believed_at_once_for_its_answer_is_no_older_than_the_question() -> (
    None
):
    time = FakeTime()
    gate = clock(time=time)
    gate.server_said(NOW + 60 * MINUTE)
    gate.server_said(NOW)
    time.wait(60)
    assert gate.now() == NOW + MINUTE


def test_a_machines_clock_that_contradicts_the_server_does_not_count() -> None:
    gate = clock(battery=True, synchronised=True, system=NOW + timedelta(days=365 * 50))
    gate.server_said(NOW)
    assert gate.now() == NOW
    assert gate.trusted


class KeptFloor:
    """The journal's newest trusted time, as the gate keeps it."""

    def __init__(self, at: datetime) -> None:
        self.at: datetime | None = at

    def forget(self) -> None:
        self.at = None


def test_a_clock_that_ran_ahead_while_it_was_trusted_shuts_the_gate_only_until_the_server_is_heard() -> (
    None
):
    """A battery clock of the year 2076 made decisions; then somebody set it right."""
    floor = KeptFloor(NOW + timedelta(days=365 * 50))
    gate = GateClock(
        battery_clock=True,
        floor=lambda: floor.at,
        forget_floor=floor.forget,
        synchronised=lambda: False,
        system=lambda: NOW,
        counting=FakeTime().clock,
    )
    assert not gate.trusted
    gate.server_said(NOW)
    assert gate.trusted
    assert gate.now() == NOW
    assert floor.at is None


def test_a_server_a_moment_behind_the_newest_decision_takes_no_floor_away() -> None:
    floor = KeptFloor(NOW)
    gate = GateClock(
        battery_clock=True,
        floor=lambda: floor.at,
        forget_floor=floor.forget,
        system=lambda: NOW,
        counting=FakeTime().clock,
    )
    gate.server_said(NOW - timedelta(seconds=30))
    assert floor.at == NOW


def test_documents_that_are_each_a_little_late_do_not_set_the_clock_back_step_by_step() -> None:
    time = FakeTime()
    gate = clock(time=time)
    gate.server_said(NOW)
    for minute in range(1, 31):
        time.wait(60)
        gate.server_said(NOW + minute * MINUTE - timedelta(seconds=9))
    assert gate.now() == NOW + 30 * MINUTE
