"""A gate that is killed at any moment around a decision loses no entry and repeats no command."""

import subprocess
import sys
from pathlib import Path

import pytest

from access_protocol.documents import DocumentKind
from access_protocol.ids import CredentialId
from gate_agent.held_feeds import HeldFeeds
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


# It takes in one chunk of revocations after the other, and says how far it has come; it is killed from outside.
FEEDING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from access_protocol.feeds import Revocation
from access_protocol.documents import DocumentKind
from access_protocol.ids import CredentialId
from gate_agent.held_feeds import HeldFeeds

feeds, until = HeldFeeds(Path(sys.argv[1])), datetime(2030, 1, 1, tzinfo=UTC)
feeds.hear(datetime.now(UTC))  # before that, everybody counts as revoked
for version in range(1, 100_000):
    ids = (CredentialId((version * 1000 + n).to_bytes(16, "big")) for n in range(50))
    feeds.take_revocations(version, [Revocation(id_, 1, until) for id_ in ids])
    print(version, flush=True)
"""


@pytest.mark.faults
@pytest.mark.parametrize("after", [1, 7, 40])
def test_a_kill_while_a_feed_comes_in_leaves_whole_chunks_with_their_version(
    tmp_path: Path, after: int
) -> None:
    path = tmp_path / "knowledge.sqlite3"
    with subprocess.Popen(
        [sys.executable, "-c", FEEDING, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= after:
                break
        process.kill()
        said = [int(line) for line in process.stdout.read().split()] or [after]
    held = HeldFeeds(path)
    version = held.versions[DocumentKind.REVOCATIONS]
    assert version in (said[-1], said[-1] + 1)
    for chunk in (1, version, version + 1):
        lowest = {
            held.lowest_generation(CredentialId((chunk * 1000 + number).to_bytes(16, "big")))
            for number in range(50)
        }
        assert lowest == {int(chunk <= version)}
    held.close()
