"""What is old leaves the journal, and what stays is verified, without holding anybody up."""

import sqlite3
import tracemalloc
from pathlib import Path

import pytest

from access_protocol import events
from access_protocol.decision import DenyReason
from gate_agent.chain import VERIFIED_AT_LEAST
from gate_agent.journal import (
    PRUNED_AT_ONCE,
    Journal,
    JournalDamaged,
    JournalUnavailable,
)
from tests.fakes.gate_journal import dated, later, opened


def test_what_was_acknowledged_is_dropped_when_it_is_old_and_the_chain_goes_on(
    tmp_path: Path,
) -> None:
    journal = opened(tmp_path)
    hashes = [journal.append(dated(day)).hash for day in range(10)]
    journal.acknowledge(6)
    assert journal.prune(later(4)) == 4
    assert journal.prune(later(4)) == 0
    assert journal.prune(later(100)) == 2
    journal.close()
    journal = opened(tmp_path)
    assert (journal.pruned, journal.waiting) == (6, 4)
    batch = journal.next_batch()
    assert batch is not None
    assert batch.previous == hashes[5].hex()
    assert [entry.sequence for entry in batch.entries] == [7, 8, 9, 10]
    assert journal.append(dated(11)).sequence == 11
    journal.close()


def test_nothing_is_dropped_that_the_server_does_not_have(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(dated(0))
    assert journal.prune(later(1000)) == 0
    journal.close()


def test_a_journal_that_was_dropped_whole_keeps_number_hash_and_time(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for day in range(3):
        journal.append(dated(day))
    before = journal.position
    journal.acknowledge(3)
    assert journal.prune(later(100)) == 3
    journal.close()
    journal = opened(tmp_path)
    assert journal.position == before
    assert journal.newest == later(2)
    assert journal.next_batch() is None
    journal.close()


def test_the_time_of_an_untrusted_clock_neither_keeps_nor_drops_an_entry(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(dated(30_000, DenyReason.CLOCK_UNTRUSTED))
    journal.append(dated(0))
    journal.append(dated(-30_000, DenyReason.MALFORMED))
    journal.acknowledge(3)
    assert journal.prune(later(1)) == 2
    assert journal.pruned == 2
    journal.close()


def test_a_server_that_lost_what_was_dropped_gets_what_is_left(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for day in range(5):
        journal.append(dated(day))
    journal.acknowledge(5)
    journal.prune(later(2.5))
    assert journal.acknowledge(1)
    batch = journal.next_batch()
    assert batch is not None
    assert [entry.sequence for entry in batch.entries] == [4, 5]
    journal.close()
    opened(tmp_path).close()


def test_many_old_entries_are_dropped_a_few_at_a_time(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for _ in range(PRUNED_AT_ONCE + 5):
        journal.append(dated(0))
    journal.acknowledge(PRUNED_AT_ONCE + 5)
    assert [journal.prune(later(1)) for _ in range(3)] == [PRUNED_AT_ONCE, 5, 0]
    journal.close()


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE anchor SET hash = zeroblob(32)",
        "UPDATE anchor SET hash = 'text'",
        "UPDATE anchor SET sequence = 1",
        "UPDATE journal SET newest = 'yesterday'",
        "DELETE FROM anchor",
        "DELETE FROM entry WHERE sequence = 3",
        "UPDATE journal SET acknowledged = 1",
    ],
)
def test_a_pruned_journal_that_was_changed_is_noticed(tmp_path: Path, harm: str) -> None:
    journal = opened(tmp_path)
    for day in range(4):
        journal.append(dated(day))
    journal.acknowledge(3)
    assert journal.prune(later(2)) == 2
    journal._connection.execute(harm)
    journal.close()
    with pytest.raises(JournalDamaged):
        opened(tmp_path)


def test_a_full_disk_prunes_nothing_and_harms_nothing(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(dated(0))
    journal.append(dated(1))
    journal.acknowledge(2)
    journal._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(JournalUnavailable):
        journal.prune(later(5))
    journal._connection.execute("PRAGMA query_only = OFF")
    assert journal.pruned == 0
    assert journal.prune(later(5)) == 2
    journal.close()


def never(_seconds: float) -> bool:
    return False


def many(folder: Path, count: int = VERIFIED_AT_LEAST * 2) -> Journal:
    """A journal with entries that the server has, some of them too old to be verified at the opening."""
    journal = opened(folder)
    with sqlite3.connect(folder / "journal.sqlite3") as other:
        previous, rows = events.FIRST_HASH, list[tuple[int, bytes, str]]()
        for number in range(1, count + 1):
            text = events.body_text(dated(number / 1000))
            previous = events.chained(previous, text)
            rows.append((number, previous, text))
        other.executemany("INSERT INTO entry VALUES (?, ?, ?)", rows)
        other.execute("UPDATE journal SET acknowledged = ?", (count,))
    other.close()
    journal.close()
    return opened(folder)


def test_the_beginning_of_a_long_journal_is_verified_while_the_gate_works(tmp_path: Path) -> None:
    journal = many(tmp_path)
    journal.verify_beginning(never)
    journal._connection.execute("UPDATE entry SET body = body || ' ' WHERE sequence = 7")
    journal.close()
    journal = opened(tmp_path)
    with pytest.raises(JournalDamaged, match="entry 7"):
        journal.verify_beginning(never)
    journal.close()


def test_old_entries_that_were_all_written_anew_do_not_fit_what_follows(tmp_path: Path) -> None:
    journal = many(tmp_path)
    previous = events.FIRST_HASH
    journal._connection.execute("BEGIN")
    for number in range(1, VERIFIED_AT_LEAST + 1):
        text = events.body_text(dated(0))
        previous = events.chained(previous, text)
        journal._connection.execute(
            "UPDATE entry SET hash = ?, body = ? WHERE sequence = ?", (previous, text, number)
        )
    journal._connection.execute("COMMIT")
    with pytest.raises(JournalDamaged):
        journal.verify_beginning(never)
    journal.close()


def test_entries_that_are_dropped_while_they_are_verified_are_not_missed(tmp_path: Path) -> None:
    journal = many(tmp_path)
    dropped: list[int] = []

    def prune(_seconds: float) -> bool:
        dropped.append(journal.prune(later(100)))
        return False

    journal.verify_beginning(prune)
    assert sum(dropped) > 0
    journal.close()


def test_a_journal_that_is_begun_anew_while_it_is_verified_is_not_damaged(tmp_path: Path) -> None:
    journal = many(tmp_path)
    journal.prune(later(0.01))
    begun: list[int] = []

    def begin_anew(_seconds: float) -> bool:
        if not begun:
            begun.append(journal.pruned)
            journal.begin_anew(journal.pruned)
        return False

    journal.verify_beginning(begin_anew)
    assert begun
    journal.close()


def test_a_long_journal_is_begun_anew_without_being_read_into_memory(tmp_path: Path) -> None:
    journal = many(tmp_path, 10_000)
    tracemalloc.start()
    journal.begin_anew(0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    journal.close()
    assert peak < 1024 * 1024
    opened(tmp_path).close()


def test_a_gate_that_stops_does_not_wait_for_the_verification(tmp_path: Path) -> None:
    journal = many(tmp_path)
    journal._connection.execute("DELETE FROM entry WHERE sequence = 900")
    journal.verify_beginning(lambda _seconds: True)
    journal.close()
