"""Leaving while others are at it too: works that lock in different orders would end each other on PostgreSQL."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from access_protocol.events import DecisionEntry, Outcome, OutcomeEntry
from access_protocol.ids import AccessPointId, EventId
from access_protocol.knowledge import Direction
from server.access import ledger
from server.access.feeds import Feed
from server.arrivals import actions as arrivals
from server.arrivals import leaving
from server.credentials import actions as credentials
from server.credentials.models import Credential
from server.kernel.errors import Conflict
from server.kernel.work import Work
from server.places import actions as places
from server.places.actions import AccessPointInput
from server.visits import actions as visits
from server.visits.actions import CheckOutKind, LeavingInput
from server.visits.models import Visitor
from tests.fakes.reception import MAIN_GATE, SITE, SYSTEM, Reception

OUT_GATE = AccessPointId("main-gate-out")
WITHIN_S = 60.0


@pytest.fixture
def guests(reception: Reception) -> list[Visitor]:
    """Two visitors inside, at a site where the pass ends with the way out."""
    with reception.work("admin") as work:
        way_out = AccessPointInput(
            portal="main-gate",
            zone=2,
            direction=Direction.OUT,
            gate="gate-1",
            controller="turnstile-1",
        )
        places.put_access_point(work, SITE, OUT_GATE, way_out)
        visits.change_leaving(work, SITE, LeavingInput(ends_pass=True))
    visit = reception.invite("taro@example.jp", "jiro@example.jp")
    reception.clock.advance(timedelta(hours=1))
    found = reception.guests_of(visit)
    for each in found:
        with reception.office.begin(SYSTEM) as work:
            _pass(work, each, MAIN_GATE)
    reception.clock.advance(timedelta(hours=1))
    return found


def _pass(work: Work, visitor: Visitor, point: AccessPointId) -> None:
    event = EventId(ledger.new_event(work))
    credential = visitor.credential.hex()
    told: tuple[DecisionEntry | OutcomeEntry, ...] = (
        DecisionEntry(
            at=work.now, event=event, access_point=point, reason=None, credential=credential
        ),
        OutcomeEntry(at=work.now, event=event, access_point=point, outcome=Outcome.PASSED),
    )
    for each in told:
        ledger.append_own(work, SITE, each)


class Crowd:
    """Works that begin one after the other, each once the ones before it wait for a lock or are done."""

    def __init__(self, reception: Reception) -> None:
        self.reception, self.failed = reception, list[BaseException]()
        self._threads: list[threading.Thread] = []

    def begins(self, by: str, do: Callable[[Work], object]) -> None:
        """Let somebody begin a work."""

        def work_on() -> None:
            who = SYSTEM if by == "system" else self.reception.as_(by)
            try:
                with self.reception.office.begin(who) as work:
                    do(work)
            except Conflict:
                pass  # the other one came first
            except BaseException as error:  # noqa: BLE001  the thread's own end, for the test to see
                self.failed.append(error)

        thread = threading.Thread(target=work_on)
        self._threads.append(thread)
        thread.start()
        self._settle()

    def ends(self) -> None:
        """Wait for all of them."""
        for each in self._threads:
            each.join(timeout=WITHIN_S)
        assert not any(each.is_alive() for each in self._threads)
        assert not self.failed

    def _settle(self) -> None:
        engine = self.reception.office.engine
        if engine.dialect.name == "sqlite":
            return  # there one work writes at a time
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        until = monotonic() + WITHIN_S
        with engine.connect() as connection:
            while connection.execute(text(waiting)).scalar_one() < sum(
                each.is_alive() for each in self._threads
            ):
                assert monotonic() < until
                connection.rollback()
                threading.Event().wait(0.02)


@contextmanager
def _held(reception: Reception, rows: Callable[[Work], object]) -> Generator[Crowd]:
    """Keep rows locked while a crowd gathers, then let it go on and wait for its end."""
    crowd = Crowd(reception)
    with reception.office.begin(SYSTEM) as work:
        rows(work)
        yield crowd
    crowd.ends()


def _left(reception: Reception, visitor: Visitor) -> CheckOutKind | None:
    with reception.office.reading(SYSTEM) as work:
        found = visits.check_outs(work.session, [visitor.id]).get(visitor.id)
        return found.how if found else None


def test_a_guard_and_the_exit_gate_say_at_once_that_somebody_left(
    reception: Reception, guests: list[Visitor]
) -> None:
    taro = guests[0]

    def pass_of_taro(work: Work) -> None:
        work.session.get(Credential, taro.credential, with_for_update=True)

    with _held(reception, pass_of_taro) as crowd:
        crowd.begins("security", lambda work: arrivals.check_out_by_guard(work, taro.id))
        crowd.begins("system", lambda work: _pass(work, taro, OUT_GATE))

    assert _left(reception, taro) is not None
    assert reception.pass_of(taro.id) is None


def test_the_timer_and_the_exit_gate_say_at_once_that_somebody_left(
    reception: Reception, guests: list[Visitor]
) -> None:
    taro, jiro = guests
    reception.clock.advance(timedelta(hours=9))

    def pass_of_jiro(work: Work) -> None:
        work.session.get(Credential, jiro.credential, with_for_update=True)

    with _held(reception, pass_of_jiro) as crowd:
        crowd.begins("system", leaving.check_out_unseen)
        crowd.begins("system", lambda work: _pass(work, jiro, OUT_GATE))

    assert _left(reception, taro) is CheckOutKind.BY_ITSELF
    assert _left(reception, jiro) is not None


def test_two_go_out_while_the_pass_of_one_is_taken_away(
    reception: Reception, guests: list[Visitor]
) -> None:
    taro, jiro = guests

    def feeds(work: Work) -> None:
        work.session.exec(select(Feed).order_by(col(Feed.kind)).with_for_update()).all()

    def both(work: Work) -> None:
        for each in (taro, jiro):
            _pass(work, each, OUT_GATE)

    with _held(reception, feeds) as crowd:
        crowd.begins("system", both)
        crowd.begins("security", lambda work: credentials.revoke(work, jiro.id))

    assert [_left(reception, each) for each in guests] == [CheckOutKind.EXIT_GATE] * 2
    assert [reception.pass_of(each.id) for each in guests] == [None, None]
