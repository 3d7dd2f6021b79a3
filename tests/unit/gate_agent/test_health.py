"""How the gate fares: the machine's own figures, and readers that hang."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from access_protocol import codec
from access_protocol.events import GateHealth
from gate_agent import machine
from gate_agent.health import HANGS_AFTER, ReaderGauge
from tests.fakes.gate_site import ENTRANCE
from tests.fakes.pacing import FakeTime


def test_a_reader_that_works_on_one_frame_for_too_long_hangs() -> None:
    time = FakeTime()
    gauge = ReaderGauge(ENTRANCE, moment=time.clock)
    with gauge.at_work():
        time.now += HANGS_AFTER.total_seconds() - 1
        assert not gauge.hangs
        time.now += 1
        assert gauge.hangs
    assert not gauge.hangs


def test_a_reader_that_fails_is_at_work_no_longer() -> None:
    time = FakeTime()
    gauge = ReaderGauge(ENTRANCE, moment=time.clock)
    with pytest.raises(ZeroDivisionError), gauge.at_work():
        raise ZeroDivisionError
    time.now += 10 * HANGS_AFTER.total_seconds()
    assert not gauge.hangs


@pytest.mark.parametrize(
    ("zones", "degrees"),
    [
        (["48312"], 48.3),
        (["48312", "61000", "0"], 61.0),
        (["hot"], None),
        (["999000"], None),
        ([], None),
    ],
)
def test_the_warmest_zone_counts(tmp_path: Path, zones: list[str], degrees: float | None) -> None:
    for number, text in enumerate(zones):
        zone = tmp_path / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "temp").write_text(f"{text}\n")
    assert machine.temperature_c(tmp_path) == degrees


def test_the_memory_is_that_of_the_program_and_of_what_it_started(tmp_path: Path) -> None:
    for pid, kilobytes in ((10, 50_000), (11, 30_000)):
        task = tmp_path / str(pid) / "task" / str(pid)
        task.mkdir(parents=True)
        (task / "children").write_text("11 12 " if pid == 10 else "")
        (tmp_path / str(pid) / "status").write_text(f"Name:\tpython\nVmRSS:\t{kilobytes} kB\n")
    assert machine.memory_mb(tmp_path, 10) == 81  # 12 has just ended
    assert machine.memory_mb(tmp_path, 99) is None


def test_this_machine_has_room_and_this_program_takes_memory(tmp_path: Path) -> None:
    assert (machine.disk_free_mb(tmp_path) or 0) > 0
    assert (machine.memory_mb() or 0) > 1
    assert machine.disk_free_mb(tmp_path / "nowhere") is None


def test_the_report_of_an_older_gate_is_still_read() -> None:
    told = GateHealth(
        at=datetime(2026, 4, 1, tzinfo=UTC),
        software="genkan 0.1.0",
        uptime_s=1,
        knowledge_age_s=None,
        clock_trusted=True,
        journal="00000000-0000-4000-8000-000000000001",
        journal_sequence=0,
        journal_waiting=0,
        malformed_messages=0,
    )
    newer = {
        "temperature_c",
        "disk_free_mb",
        "memory_mb",
        "passages_waiting",
        "certificate_expires",
    }
    fields = {
        name: value
        for name, value in msgspec.json.decode(codec.encode(told)).items()
        if name not in newer
    }
    assert codec.decode(GateHealth, msgspec.json.encode(fields)) == told
