"""A gate that is killed at any moment around a decision loses no entry and repeats no command."""

import subprocess
import sys
from pathlib import Path

import pytest

from access_protocol.ids import CredentialId
from gate_agent.journal import Journal
from tests.fakes.gate_site import ENTRANCE

ROOT = Path(__file__).parents[2]
VISITOR = CredentialId((1).to_bytes(16, "big"))

# A process of its own: it says what it has reached on standard output, and then kills itself.
PROGRAM = """
import os, signal, sys
from pathlib import Path
from uuid import uuid4
from access_protocol.credential import CredentialClass
from access_protocol.events import DecisionEntry
from gate_agent.journal import Journal
from tests.fakes.gate_site import ENTRANCE, NOW

folder, point = Path(sys.argv[1]), sys.argv[2]
journal = Journal(folder / "journal.sqlite3", dict)

def reach(here):
    print(here, flush=True)
    if here == point:
        os.kill(os.getpid(), signal.SIGKILL)

for number in range(20):
    entry = DecisionEntry(
        at=NOW, event=str(uuid4()), access_point=ENTRANCE, reason=None,
        credential="00000000000000000000000000000001",
        credential_class=CredentialClass.STATIC, generation=0,
    )
    reach(f"deciding {number}")
    journal.append(entry)
    reach(f"journaled {number}")
    reach(f"commanded {number}")
"""


@pytest.mark.faults
@pytest.mark.parametrize("point", ["deciding 0", "journaled 0", "deciding 7", "journaled 19"])
def test_a_kill_between_journal_and_command_loses_nothing(tmp_path: Path, point: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), point],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    reached = done.stdout.splitlines()
    journaled = sum(line.startswith("journaled") for line in reached)
    commanded = sum(line.startswith("commanded") for line in reached)
    journal = Journal(tmp_path / "journal.sqlite3", dict)
    assert journal.position.sequence == journaled >= commanded
    # What was granted before the kill stays reserved, because nobody said that nobody passed.
    assert journal.history.entry_spent(VISITOR, ENTRANCE) == (journaled > 0)
    journal.close()
