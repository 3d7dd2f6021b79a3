"""The kernel on a real SQLite and a real PostgreSQL."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from server.kernel import throttle
from server.kernel.audit import AuditLine
from server.kernel.clock import FixedClock
from server.kernel.database import open_database
from server.kernel.errors import Forbidden, Invalid, TooMany
from server.kernel.events import Event
from server.kernel.leader import Leadership
from server.kernel.outbox import OutboxRow, State, post
from server.kernel.pagination import PageQuery, paginate
from server.kernel.principal import Principal, Right, require
from server.kernel.schema import (
    differences,
    is_current,
    migrate,
    migrate_back,
    newest_version,
    present_version,
)
from server.kernel.throttle import Throttle
from server.kernel.work import Office, Work
from server.people.models import RoleOfPerson

SYSTEM = Principal.system()


@dataclass(frozen=True, kw_only=True)
class KettleBoiled(Event):
    kettle: str
    at: datetime


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Engine]:
    """A database on which no migration ever ran."""
    engine = open_database(empty_database_url)
    yield engine
    engine.dispose()


def test_migrations_make_exactly_the_tables_of_the_models(empty: Engine) -> None:
    assert not is_current(empty)
    migrate(empty)
    assert differences(empty) == []
    assert is_current(empty)


def test_migrations_can_go_back_and_forth(empty: Engine) -> None:
    migrate(empty)
    migrate_back(empty, "base")
    assert present_version(empty) is None
    migrate(empty)
    assert present_version(empty) == newest_version()


def test_every_constraint_of_every_table_has_a_name() -> None:
    tables = Throttle.metadata.sorted_tables
    assert [c for table in tables for c in table.constraints if c.name is None] == []


def test_times_come_back_aware_and_in_utc(office: Office) -> None:
    tokyo = timezone(timedelta(hours=9))
    noon = datetime(2026, 4, 1, 12, 0, 0, 123456, tzinfo=tokyo)
    with office.begin(SYSTEM) as work:
        work.session.add(Throttle(key="k", last_failure=noon))
    with office.reading(SYSTEM) as work:
        found = work.session.get_one(Throttle, "k").last_failure
    assert found == noon
    assert found.tzinfo is UTC


def test_foreign_keys_are_enforced(office: Office) -> None:
    with pytest.raises(IntegrityError), office.begin(SYSTEM) as work:
        work.session.add(RoleOfPerson(person="0" * 32, role="host"))  # pyright: ignore[reportArgumentType]


def test_enums_are_stored_as_text(office: Office) -> None:
    with office.begin(SYSTEM) as work:
        post(work, "mail", "a@example.jp")
    with office.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT state FROM kernel_outbox").scalar() == "pending"
    with office.reading(SYSTEM) as work:
        assert work.session.exec(select(OutboxRow)).one().state is State.PENDING


def test_an_event_becomes_a_line_of_the_audit_trail_and_runs_its_reactions(
    office: Office, clock: FixedClock
) -> None:
    heard: list[str] = []

    def hear(_work: Work, happened: KettleBoiled) -> None:
        heard.append(happened.kettle)

    office.reactions.on(KettleBoiled, hear)
    with office.begin(SYSTEM) as work:
        work.record(KettleBoiled(kettle="k-1", at=clock.now()))
    with office.reading(SYSTEM) as work:
        line = work.session.exec(select(AuditLine)).one()
    assert heard == ["k-1"]
    assert (line.what, line.about, line.who) == ("KettleBoiled", "k-1", "server")
    assert line.detail == {"kettle": "k-1", "at": "2026-04-01T09:00:00+00:00"}


def test_a_reaction_that_fails_takes_the_whole_work_back(office: Office) -> None:
    def fail(_work: Work, _happened: KettleBoiled) -> None:
        raise ZeroDivisionError

    office.reactions.on(KettleBoiled, fail)

    def boil() -> None:
        with office.begin(SYSTEM) as work:
            post(work, "mail", "a@example.jp")
            work.record(KettleBoiled(kettle="k-1", at=work.now))

    with pytest.raises(ZeroDivisionError):
        boil()
    with office.reading(SYSTEM) as work:
        assert work.session.exec(select(OutboxRow)).all() == []


def test_threads_that_read_before_they_write_wait_for_each_other(office: Office) -> None:
    with office.begin(SYSTEM) as work:
        work.session.add(Throttle(key="n", last_failure=work.now))
    errors: list[Exception] = []

    def count() -> None:
        try:
            for _ in range(10):
                with office.begin(SYSTEM) as work:
                    entry = work.session.get_one(Throttle, "n", with_for_update=True)
                    entry.failures += 1
        except Exception as error:  # noqa: BLE001  handed to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with office.reading(SYSTEM) as work:
        assert work.session.get_one(Throttle, "n").failures == 40


def test_guessing_has_to_wait_longer_and_longer(office: Office, clock: FixedClock) -> None:
    def fail() -> None:
        with office.begin(SYSTEM) as work:
            throttle.check(work, "k")
            throttle.failed(work, "k")

    for _ in range(throttle.FREE_FAILURES):
        fail()
    with pytest.raises(TooMany) as first:
        fail()
    assert first.value.retry_after == timedelta(seconds=1)
    clock.advance(timedelta(seconds=1))
    fail()
    with pytest.raises(TooMany) as second:
        fail()
    assert second.value.retry_after == timedelta(seconds=2)


def test_one_worker_leads_until_it_gives_up_or_its_lease_ends(
    office: Office, clock: FixedClock
) -> None:
    one, two = Leadership(office, "timers", "one"), Leadership(office, "timers", "two")
    assert (one.held(), two.held()) == (True, False)
    clock.advance(timedelta(seconds=10))
    assert one.held()
    clock.advance(timedelta(seconds=14))
    assert not two.held()
    clock.advance(timedelta(seconds=1))
    assert (two.held(), one.held()) == (True, False)
    two.release()
    assert one.held()


def test_pages_hold_every_row_once_though_rows_are_added_between(office: Office) -> None:
    with office.begin(SYSTEM) as work:
        for number in range(7):
            post(work, "mail", f"{number}@example.jp")
    seen: list[str] = []
    cursor = None
    while True:
        with office.begin(SYSTEM) as work:
            order = [col(OutboxRow.due_at), col(OutboxRow.id)]
            query = PageQuery(limit=3, cursor=cursor)
            page = paginate(work.session, select(OutboxRow), order, query, newest_first=True)
            seen += [row.destination for row in page.items]
            post(work, "mail", "late@example.jp")
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"{number}@example.jp" for number in reversed(range(7))]


@pytest.mark.parametrize("cursor", ["!", "e30", "WzEsMl0", "W10", "bnVsbA"])
def test_a_cursor_that_is_not_ours_is_refused_by_name(office: Office, cursor: str) -> None:
    order = [col(OutboxRow.id)]
    with office.reading(SYSTEM) as work, pytest.raises(Invalid) as refused:
        paginate(work.session, select(OutboxRow), order, PageQuery(limit=1, cursor=cursor))
    assert refused.value.errors[0].field == "cursor"


def test_a_right_counts_at_its_own_site_only() -> None:
    device = Principal.for_device("gate-1", "TYO")  # pyright: ignore[reportArgumentType]
    require(device, Right.REPORT, "TYO")  # pyright: ignore[reportArgumentType]
    with pytest.raises(Forbidden):
        require(device, Right.REPORT, "OSA")  # pyright: ignore[reportArgumentType]
