"""Whatever the order of choosing, dispensing, expiring and refilling: no stock below none, no drink too many."""

from contextlib import closing, suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from access_protocol.events import ControllerEventKind, Outcome
from access_protocol.ids import CredentialId, EventId
from server.access.models import DoorCommand
from server.kernel.errors import Conflict, Invalid
from server.refreshments import actions
from server.refreshments.actions import OPEN, Correction, OrderState, Refill
from server.refreshments.models import Order, Slot
from tests.fakes.drinks import MACHINE, Drinks
from tests.fakes.reception import SITE, SYSTEM, open_reception
from tests.services.template import SqliteTemplate

ALLOWANCE = 2
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("choose"), st.integers(0, 1)),
        st.tuples(st.just("cancel"), st.just(0)),
        st.tuples(st.just("show"), st.integers(0, 5)),
        st.tuples(st.just("poster"), st.just(0)),
        st.tuples(
            st.just("word"),
            st.sampled_from(
                ["dispensing", "dispensed", "empty", "jammed", "timed_out", "interrupted"]
            ),
        ),
        st.tuples(st.just("journal"), st.sampled_from(["dispensed", "not_dispensed", "no_answer"])),
        st.tuples(st.just("power"), st.integers(1, 3)),
        st.tuples(st.just("later"), st.sampled_from([1, 40, 70, 320])),
        st.tuples(st.just("refill"), st.integers(1, 3)),
        st.tuples(st.just("count"), st.integers(0, 2)),
    ),
    max_size=14,
)


class Play:
    """One visitor, one machine; a reader that takes what counts and was not used, as the rules say."""

    def __init__(self, drinks: Drinks) -> None:
        self.drinks = drinks
        self.seen: list[CredentialId] = []
        self.used: set[CredentialId] = set()
        self.events: list[tuple[EventId, CredentialId]] = []
        self.settled: set[EventId] = set()

    def step(self, what: str, how: int | str) -> None:
        with suppress(Conflict, Invalid):
            getattr(self, f"_{what}")(how)
        self.holds()

    def holds(self) -> None:
        with self.drinks.office.reading(SYSTEM) as work:
            slots = work.session.exec(select(Slot)).all()
            orders = work.session.exec(select(Order)).all()
        assert all(0 <= each.stock <= each.capacity for each in slots)
        counted = [each for each in orders if each.state in OPEN | {OrderState.DONE}]
        assert len(counted) <= ALLOWANCE
        waiting = [each for each in orders if each.state is OrderState.CHOSEN]
        # Of all vouchers that were ever made those count, at most, for which something is reserved.
        counting = {each for each in self.seen if self.drinks.counts(each)}
        assert counting <= {
            CredentialId(bytes(each.credential))
            for each in orders
            if each.state in OPEN | {OrderState.DONE}
        }
        assert len(waiting) <= 1

    def _choose(self, which: int | str) -> None:
        item = (self.drinks.water, self.drinks.tea)[int(which)]
        self.seen.append(CredentialId(bytes(self.drinks.choose(item).credential)))

    def _open(self) -> Order | None:
        order = self.drinks.standing().order
        return order if order is not None and order.state in OPEN else None

    def _cancel(self, _: int | str) -> None:
        order = self._open()
        if order is not None:
            self.drinks.cancel(order)

    def _show(self, back: int | str) -> None:
        for voucher in list(reversed(self.seen))[int(back) : int(back) + 1]:
            if self.drinks.counts(voucher) and voucher not in self.used:
                self.used.add(voucher)
                self.events.append((self.drinks.reader_takes(voucher), voucher))

    def _poster(self, _: int | str) -> None:
        order = self._open()
        if order is None or order.state is not OrderState.CHOSEN:
            return
        order = self.drinks.by_poster(order)
        voucher = CredentialId(bytes(order.credential))
        self.seen.append(voucher)
        self.used.add(voucher)
        if order.event is not None:
            self.events.append((order.event, voucher))

    def _word(self, word: int | str) -> None:
        if not self.events:
            return
        event, _ = self.events[-1]
        kind = ControllerEventKind(str(word))
        if kind is not ControllerEventKind.DISPENSING:
            # A machine tells one outcome of each order.
            if event in self.settled:
                return
            self.settled.add(event)
        self.drinks.machine_tells(kind, event)

    def _journal(self, word: int | str) -> None:
        if self.events and self.events[-1][0] not in self.settled:
            event, _ = self.events[-1]
            with self.drinks.office.reading(SYSTEM) as work:
                by_server = work.session.get(DoorCommand, event) is not None
            if not by_server:
                self.settled.add(event)
                self.drinks.gate_tells(event, Outcome(str(word)))

    def _power(self, slot: int | str) -> None:
        self.drinks.machine_tells(ControllerEventKind.INTERRUPTED, detail=f"slot {slot}")

    def _later(self, seconds: int | str) -> None:
        self.drinks.later(seconds=int(seconds))

    def _refill(self, count: int | str) -> None:
        with self.drinks.office.begin(SYSTEM) as work:
            actions.refill(work, SITE, MACHINE, 3, Refill(count=int(count)))

    def _count(self, stock: int | str) -> None:
        with self.drinks.office.begin(SYSTEM) as work:
            actions.correct(work, SITE, MACHINE, 3, Correction(stock=int(stock)))


@settings(
    max_examples=12,
    deadline=timedelta(minutes=2),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(STEPS)
def test_no_order_of_events_gives_too_much_or_counts_below_none(
    sqlite_template: SqliteTemplate,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, int | str]],
) -> None:
    folder = tmp_path_factory.mktemp("drinks")
    reception = open_reception(sqlite_template.copy(folder / "genkan.sqlite3"), folder)
    with closing(reception.office):
        drinks = Drinks(reception, stock=2, per_visit=ALLOWANCE)
        drinks.passes()
        play = Play(drinks)
        for what, how in steps:
            play.step(what, how)
