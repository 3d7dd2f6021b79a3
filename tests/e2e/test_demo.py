"""The whole scene on the real programs, as `make demo ONCE=1` plays it."""

import os
import sys
from pathlib import Path

import pytest

from demo.program import StartedProcess

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.broker


def play(tmp_path: Path, *arguments: str) -> tuple[int, str]:
    """Play the demo once; returns its exit code and what it printed."""
    program = StartedProcess(
        [sys.executable, "-m", "demo", "--once", *arguments],
        environment={**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "200"},
        folder=ROOT,
    )
    return program.wait(within=600), program.output


def test_a_visit_from_invitation_to_meeting_room_really_happens(tmp_path: Path) -> None:
    code, told = play(tmp_path)

    assert code == 0, told
    assert "steps really happened" in told
    assert told.count("✕") == 9
    assert not list(tmp_path.glob("genkan-demo-*")), "a demo that went well leaves nothing behind"


def test_the_demo_fails_where_nobody_opens_the_door_that_was_unlocked(tmp_path: Path) -> None:
    code, told = play(tmp_path, "--people", "none")

    assert code == 1
    assert "FAILED" in told
    assert "“opened” by door-front itself" in told
    assert list(tmp_path.glob("genkan-demo-*/logs/gate-1.log")), (
        "the logs of a failed demo are kept"
    )
