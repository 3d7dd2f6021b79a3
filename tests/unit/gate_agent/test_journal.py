"""The journal: durable, gap-free, chained, and honest about what it cannot write."""

import sqlite3
from collections import deque
from pathlib import Path
from uuid import uuid4

import pytest

from access_protocol import events
from access_protocol.codec import REPORT_CEILING, encode
from access_protocol.decision import DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import EventId
from gate_agent.journal import (
    Journal,
    JournalDamaged,
    JournalUnavailable,
    open_or_begin_anew,
)
from tests.fakes.gate_journal import VISITOR, dated, decision, later, opened, outcome
from tests.fakes.gate_site import ENTRANCE, NOW


def limit_pages(journal: Journal, pages: int | None) -> None:
    """Make SQLite's own disk full, or wide again."""
    count = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {count + (pages or 1_000_000)}")


def fill(journal: Journal) -> None:
    """Write until nothing more can be written."""
    limit_pages(journal, 1)
    entries = (decision(reason=DenyReason.EXPIRED) for _ in range(1000))
    with pytest.raises(JournalUnavailable):
        deque(map(journal.append, entries), maxlen=0)


def test_entries_are_numbered_from_one_and_chained(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    bodies = [decision() for _ in range(3)]
    previous = events.FIRST_HASH
    for number, body in enumerate(bodies, start=1):
        previous = events.chained(previous, events.body_text(body))
        position = journal.append(body)
        assert (position.sequence, position.hash) == (number, previous)
    journal.close()


def test_it_goes_on_where_it_was_after_a_restart(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(decision())
    before, name = journal.position, journal.id
    journal.close()
    journal = opened(tmp_path)
    assert (journal.position, journal.id) == (before, name)
    assert journal.append(decision()).sequence == 2
    journal.close()


def test_a_second_process_sees_an_entry_as_soon_as_append_returned(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(decision())
    with sqlite3.connect(tmp_path / "journal.sqlite3") as other:
        assert other.execute("SELECT count(*) FROM entry").fetchone() == (1,)
    other.close()
    journal.close()


def test_every_commit_waits_for_the_disk(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    journal.close()


def test_batches_begin_after_what_was_acknowledged(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    hashes = [journal.append(decision()).hash for _ in range(5)]
    first = journal.next_batch()
    assert first is not None
    assert [entry.sequence for entry in first.entries] == [1, 2, 3, 4, 5]
    assert first.previous == events.FIRST_HASH.hex()
    journal.acknowledge(2)
    second = journal.next_batch()
    assert second is not None
    assert second.previous == hashes[1].hex()
    assert [entry.sequence for entry in second.entries] == [3, 4, 5]
    assert journal.waiting == 3
    journal.close()


def test_what_was_acknowledged_stays_so_after_a_restart(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(decision())
    journal.acknowledge(1)
    journal.close()
    journal = opened(tmp_path)
    assert journal.next_batch() is None
    journal.close()


def test_of_many_batches_the_last_acknowledgement_is_written_down(tmp_path: Path) -> None:
    """After a crash in between the batches are sent again; the server stores each entry once."""
    journal = opened(tmp_path)
    for _ in range(3):
        journal.append(decision())
    other = sqlite3.connect(tmp_path / "journal.sqlite3")
    kept: list[int] = []
    for number in (1, 2, 3):
        journal.acknowledge(number)
        assert journal.waiting == 3 - number
        kept.append(other.execute("SELECT acknowledged FROM journal").fetchone()[0])
    assert kept == [0, 0, 3]
    journal.append(decision())
    journal.append(decision())
    journal.acknowledge(4)
    journal.close()
    assert other.execute("SELECT acknowledged FROM journal").fetchone() == (4,)
    other.close()


@pytest.mark.parametrize("sequence", [0, 2, 1 << 62])
def test_a_receipt_for_what_is_not_there_changes_nothing(tmp_path: Path, sequence: int) -> None:
    journal = opened(tmp_path)
    journal.append(decision())
    journal.acknowledge(sequence)
    assert journal.waiting == 1
    journal.close()


def test_what_the_server_lost_waits_again_also_after_a_restart(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for _ in range(3):
        journal.append(decision())
    assert journal.acknowledge(3)
    assert not journal.acknowledge(3)
    assert journal.acknowledge(1)
    journal.close()
    journal = opened(tmp_path)
    assert journal.waiting == 2
    journal.close()


@pytest.mark.parametrize(
    ("reason", "counts"),
    [
        (None, True),
        (DenyReason.EXPIRED, True),
        (DenyReason.LOCKDOWN, True),
        (DenyReason.CLOCK_UNTRUSTED, False),
        (DenyReason.KNOWLEDGE_STALE, False),
        (DenyReason.MALFORMED, False),
    ],
)
def test_a_time_counts_as_passed_only_where_a_trusted_clock_wrote_it(
    tmp_path: Path, reason: DenyReason | None, *, counts: bool
) -> None:
    """A machine that started in the year 2080 must not shut its door until then."""
    journal = opened(tmp_path)
    entry = decision(reason=reason)
    journal.append(entry)
    journal.append(outcome(entry.event, Outcome.PASSED))
    assert (journal.newest == NOW) == counts
    journal.close()
    journal = opened(tmp_path)
    assert (journal.newest == NOW) == counts
    journal.close()


def test_a_full_batch_fits_into_one_report(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for _ in range(events.LARGEST_BATCH + 20):
        journal.append(decision(reason=DenyReason.PRESENTATION_OUT_OF_TIME))
    batch = journal.next_batch()
    assert batch is not None
    assert len(batch.entries) == events.LARGEST_BATCH
    assert len(encode(batch)) <= REPORT_CEILING
    journal.close()


def test_a_full_disk_is_said_and_work_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    fill(journal)
    before = journal.position
    with pytest.raises(JournalUnavailable, match="full"):
        journal.append(decision())
    assert journal.position == before
    limit_pages(journal, None)
    assert journal.append(decision()).sequence == before.sequence + 1
    journal.close()
    opened(tmp_path).close()


def test_a_grant_that_could_not_be_journaled_reserves_nothing(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    fill(journal)
    with pytest.raises(JournalUnavailable):
        journal.append(decision())
    assert not journal.history.entry_spent(VISITOR, ENTRANCE)
    journal.close()


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE entry SET body = replace(body, 'main-gate-in', 'side-gate-in') WHERE sequence = 2",
        "DELETE FROM entry WHERE sequence = 2",
        "UPDATE entry SET hash = zeroblob(32) WHERE sequence = 3",
        "UPDATE journal SET acknowledged = 9",
        "ALTER TABLE journal DROP COLUMN told",
    ],
)
def test_a_journal_that_was_changed_is_noticed_at_the_start(tmp_path: Path, harm: str) -> None:
    journal = opened(tmp_path)
    for _ in range(3):
        journal.append(decision())
    journal._connection.execute(harm)
    journal.close()
    with pytest.raises(JournalDamaged):
        opened(tmp_path)


def test_a_damaged_journal_is_kept_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(b"no database at all " * 100)
    journal, damage = open_or_begin_anew(path, dict)
    assert damage is not None
    assert journal.append(decision()).sequence == 1
    journal.close()
    (aside,) = tmp_path.glob("journal-damaged-*.sqlite3")
    assert aside.read_bytes().startswith(b"no database")


def test_a_folder_that_cannot_be_used_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable):
        Journal(tmp_path, dict)


def test_the_history_is_the_same_after_a_restart(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    granted, passed, freed = (str(uuid4()) for _ in range(3))
    journal.append(decision(freed))
    journal.append(outcome(freed, Outcome.NOT_PASSED))
    assert not journal.history.entry_spent(VISITOR, ENTRANCE)
    journal.append(decision(granted))
    journal.append(decision(passed))
    journal.append(outcome(passed, Outcome.PASSED))
    journal.close()
    journal = opened(tmp_path)
    assert journal.history.entry_spent(VISITOR, ENTRANCE)
    assert journal.history.awaits(EventId(granted), Outcome.PASSED)
    assert not journal.history.awaits(EventId(passed), Outcome.NOT_PASSED)
    assert journal.newest == NOW
    journal.close()


def test_a_grant_that_was_decided_without_the_history_is_not_taken(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.history._reading.close()
    assert not journal.history.entry_spent(VISITOR, ENTRANCE)
    with pytest.raises(JournalUnavailable, match="history"):
        journal.append(decision())
    journal.history.entry_spent(VISITOR, ENTRANCE)
    assert journal.append(decision(reason=DenyReason.EXPIRED)).sequence == 1
    journal.close()


def test_an_outcome_that_is_written_meanwhile_does_not_make_up_for_the_history(
    tmp_path: Path,
) -> None:
    journal = opened(tmp_path)
    journal.history._reading.close()
    assert not journal.history.entry_spent(VISITOR, ENTRANCE)
    journal.append(outcome(EventId(str(uuid4())), Outcome.OPENED))
    with pytest.raises(JournalUnavailable, match="history"):
        journal.append(decision())
    journal.close()


def test_the_times_of_a_clock_that_was_wrong_can_be_taken_back(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(dated(30_000))
    journal.forget_newest()
    assert journal.newest is None
    journal.close()
    journal = opened(tmp_path)
    assert journal.newest is None
    journal.append(dated(1))
    assert journal.newest == later(1)
    journal.close()


def test_what_the_other_gates_were_told_is_kept_with_the_next_entry(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(decision())
    journal.tell(1)
    journal.close()
    journal = opened(tmp_path)
    assert journal.told == 0
    journal.tell(1)
    journal.acknowledge(1)
    journal.close()
    journal = opened(tmp_path)
    assert journal.told == 1
    journal.close()
