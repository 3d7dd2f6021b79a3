"""docs/reliability.md has a line for each fault of the suite, and for nothing else."""

import re
from pathlib import Path

from tests.faults.suite import FAULTS

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)


def test_each_fault_has_its_line_and_each_line_its_fault() -> None:
    assert ROW.findall(DOCUMENT.read_text(encoding="utf-8")) == [fault.name for fault in FAULTS]
