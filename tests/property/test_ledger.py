"""Whatever order uploads come in, and whatever bytes: each entry once, in order, and nothing falls over."""

import itertools
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from access_protocol import codec
from access_protocol.codec import MalformedReportError
from access_protocol.events import (
    FIRST_HASH,
    DecisionEntry,
    JournalBatch,
    JournalEntry,
    Outcome,
    OutcomeEntry,
    body_text,
    chained,
)
from access_protocol.ids import CredentialId, EventId, JournalId
from server.access import ledger, models
from server.access.ledger import Source
from server.access.models import AccessEvent, Journal
from server.access.rules import read_entry
from server.kernel.work import Office
from tests.fakes.site import GATE, MAIN_IN, NOW, SAKURA_IN, SYSTEM, TYO, enrolled_site

JOURNALS = itertools.count(1)
COMMON = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder: Path = tmp_path_factory.mktemp("ledger")
    made = enrolled_site(f"sqlite:///{folder / 'genkan.sqlite3'}", folder)
    yield made
    made.close()


def fresh_journal() -> JournalId:
    return JournalId(str(UUID(int=next(JOURNALS))))


def chain(texts: list[str]) -> list[JournalEntry]:
    entries: list[JournalEntry] = []
    before = FIRST_HASH
    for sequence, text in enumerate(texts, 1):
        before = chained(before, text)
        entries.append(JournalEntry(sequence=sequence, hash=before.hex(), body=text))
    return entries


def visit(number: int, credential: CredentialId, point: str, second: int) -> list[str]:
    """A granted decision and its passage, as a gate writes them."""
    event = EventId(str(UUID(int=number)))
    at = NOW + timedelta(seconds=second)
    decision = DecisionEntry(
        at=at, event=event, access_point=point, reason=None, credential=credential.hex()
    )
    outcome = OutcomeEntry(at=at, event=event, access_point=point, outcome=Outcome.PASSED)
    return [body_text(decision), body_text(outcome)]


def upload(office: Office, journal: JournalId, entries: list[JournalEntry]) -> int:
    sent = JournalBatch(journal=journal, previous="", entries=tuple(entries))
    with office.begin(SYSTEM) as work:
        return ledger.ingest(work, Source(GATE, TYO), sent).sequence


@COMMON
@given(
    st.lists(
        st.tuples(st.integers(0, 11), st.integers(1, 12)).map(lambda cut: slice(cut[0], sum(cut))),
        max_size=12,
    )
)
def test_any_order_of_uploads_stores_an_unbroken_beginning(
    office: Office, uploads: list[slice]
) -> None:
    journal = fresh_journal()
    texts = [
        text
        for number in range(6)
        for text in visit(int(journal[-8:], 16) * 100 + number, CredentialId(bytes(16)), MAIN_IN, 0)
    ]
    entries = chain(texts)
    reached = 0
    for cut in uploads:
        part = entries[cut]
        if not part:
            continue
        if part[0].sequence <= reached + 1:
            reached = max(reached, part[-1].sequence)
        assert upload(office, journal, part) == reached
    with office.reading(SYSTEM) as work:
        stored = work.session.exec(
            select(AccessEvent.sequence, AccessEvent.hash)
            .where(AccessEvent.journal == journal)
            .order_by(col(AccessEvent.sequence))
        ).all()
    expected = [(each.sequence, bytes.fromhex(each.hash)) for each in entries[:reached]]
    assert [(sequence, bytes(digest)) for sequence, digest in stored] == expected


@COMMON
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=6))
def test_where_somebody_is_does_not_depend_on_the_order_in_which_journals_arrive(
    office: Office, passages: list[tuple[bool, int]]
) -> None:
    where: list[tuple[int | None, object]] = []
    orders = [passages, sorted(passages), list(reversed(passages))]
    number = next(JOURNALS)
    for order, turn in zip(orders, itertools.count(), strict=False):
        credential = CredentialId(number.to_bytes(8, "big") + turn.to_bytes(8, "big"))
        for inner, second in order:
            point = SAKURA_IN if inner else MAIN_IN
            name = (number << 40) + (turn << 16) + (second << 1) + inner
            upload(office, fresh_journal(), chain(visit(name, credential, point, second)))
        with office.reading(SYSTEM) as work:
            present = work.session.get_one(models.Presence, credential)
            where.append((present.zone, present.since))
    assert len(set(where)) == 1


ANY_TEXT = st.text(max_size=300)
NEARLY = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["decision", "outcome", "x"]),
        "at": st.sampled_from(
            ["2026-04-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "x"]
        ),
        "event": st.sampled_from([str(UUID(int=9)), "x"]),
        "access_point": st.sampled_from(["main-gate-in", "MAIN", ""]),
        "reason": st.sampled_from([None, "expired", "because"]),
        "credential": st.sampled_from([None, "00", "0" * 32, "0" * 128, "zz"]),
        "generation": st.sampled_from([None, -1, 255, 256, 1 << 70]),
        "presented_at": st.sampled_from([None, -1, 1 << 33, 1 << 70]),
        "outcome": st.sampled_from(["passed", "x"]),
    }
).map(lambda fields: msgspec.json.encode(fields).decode())


@COMMON
@given(st.lists(st.one_of(ANY_TEXT, NEARLY), min_size=1, max_size=5))
def test_whatever_a_gate_has_chained_is_kept_and_receipted(
    office: Office, texts: list[str]
) -> None:
    entries = chain(texts)
    journal = fresh_journal()
    assert upload(office, journal, entries) == len(entries)
    with office.reading(SYSTEM) as work:
        head = work.session.get_one(Journal, (GATE, journal))
        assert (head.sequence, bytes(head.hash)) == (
            len(entries),
            bytes.fromhex(entries[-1].hash),
        )


@settings(max_examples=300, deadline=None)
@given(st.one_of(ANY_TEXT, NEARLY))
def test_reading_an_entry_returns_it_or_says_why_not(text: str) -> None:
    with suppress(MalformedReportError):
        _, at = read_entry(text)
        assert at.utcoffset() == timedelta()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_bytes_that_are_no_batch_are_refused(payload: bytes) -> None:
    with suppress(MalformedReportError):
        batch = codec.decode(JournalBatch, payload)
        assert batch.entries
