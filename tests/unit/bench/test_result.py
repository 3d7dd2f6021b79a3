"""What a measurement prints."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import BENCHES, find
from bench.result import Result, percentile


def test_a_result_is_one_line_of_json_with_its_ratio() -> None:
    result = Result.of("decode_ms", "ms", [1, 2, 3, 4, 5], baseline=6.0, baseline_is="x", read=2)

    line = result.line()

    assert "\n" not in line
    assert json.loads(line) == {
        "name": "decode_ms",
        "unit": "ms",
        "n": 5,
        "median": 3.0,
        "p95": 4.8,
        "p99": 4.96,
        "baseline": 6.0,
        "ratio": 0.5,
        "baseline_is": "x",
        "read": 2,
    }


def test_without_a_baseline_there_is_no_ratio() -> None:
    line = json.loads(Result.of("gate_agent_rss_mb", "MB", [80.0]).line())

    assert (line["median"], line["p99"], line["baseline"], line["ratio"]) == (
        80.0,
        80.0,
        None,
        None,
    )


def test_percentiles_lie_between_samples() -> None:
    assert percentile([1.0], 99) == 1.0
    assert percentile(list(range(101)), 95) == 95


@pytest.mark.parametrize("name", BENCHES)
def test_every_measurement_on_the_list_is_there(name: str) -> None:
    assert callable(find(name))


def bench(*arguments: str, photos: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "GENKAN_PHOTOS": str(photos)},
    )


def test_without_photos_the_measurement_says_where_it_looked(tmp_path: Path) -> None:
    ran = bench("decode_rate", photos=tmp_path / "nowhere")

    assert (ran.returncode, ran.stdout) == (0, "")
    assert "decode_rate skipped: no photos in" in ran.stderr


def test_a_measurement_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    ran = bench("decode_speed", photos=tmp_path)

    assert ran.returncode == 2
    assert "decode_rate" in ran.stderr
