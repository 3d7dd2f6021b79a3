"""Whatever is chosen, taken back and shown while the server hears nothing of a machine: no drink too many."""

from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from access_protocol.events import ControllerEventKind, SlotCondition
from access_protocol.ids import CredentialId, EventId
from server.credentials.models import Credential as Voucher
from server.kernel.errors import Conflict, Invalid
from server.refreshments.actions import OrderState
from server.refreshments.models import Order
from tests.fakes.drinks import GATE, Drinks
from tests.fakes.reception import SYSTEM, open_reception
from tests.services.template import SqliteTemplate

ALLOWANCE, STOCK = 1, 6
JOURNAL_WITHIN = timedelta(seconds=75)
"""A gate asks once a minute, a quarter more or less, whether its journal can be taken."""
Step = tuple[str, int]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("choose"), st.integers(0, 1)),
        st.tuples(st.just("show"), st.integers(0, 2)),
        st.tuples(st.sampled_from(["cancel", "poster", "cut", "mend", "told"]), st.just(0)),
        st.tuples(st.just("later"), st.sampled_from([1, 30, 80, 320])),
    ),
    max_size=16,
)


class Apart:
    """One visitor who keeps a picture of every code; a machine that the server hears of only at times.

    Gate and machine stand together: cut off from the server, they go by what they knew before.
    """

    def __init__(self, drinks: Drinks) -> None:
        self.drinks = drinks
        self.pictures: list[CredentialId] = []
        self.used: set[CredentialId] = set()
        self.known_before: set[CredentialId] | None = None
        """While it is cut off: the vouchers of which the gate knew that they had ended."""
        self.untold: list[Callable[[], None]] = []
        self.tells_by = drinks.clock.now()
        self.had = 0

    def step(self, what: str, how: int) -> None:
        self._later(1)
        with suppress(Conflict, Invalid):
            getattr(self, f"_{what}")(how)
        assert self.had <= ALLOWANCE

    def ends(self) -> None:
        """All is told; then the books are right."""
        self._mend(0)
        self._told(0)
        with self.drinks.office.reading(SYSTEM) as work:
            states = [each.state for each in work.session.exec(select(Order)).all()]
        assert states.count(OrderState.DONE) == self.had
        assert OrderState.DISPENSING not in states
        assert sum(self.drinks.stock().values()) == 3 * STOCK - self.had

    def _choose(self, which: int) -> None:
        item = (self.drinks.water, self.drinks.tea)[which]
        self.pictures.append(CredentialId(bytes(self.drinks.choose(item).credential)))

    def _cancel(self, _: int) -> None:
        order = self.drinks.standing().order
        if order is not None:
            self.drinks.cancel(order)

    def _show(self, back: int) -> None:
        for voucher in list(reversed(self.pictures))[back : back + 1]:
            if voucher not in self.used and self._gate_takes(voucher):
                self._drops(voucher)

    def _gate_takes(self, voucher: CredentialId) -> bool:
        with self.drinks.office.reading(SYSTEM) as work:
            held = work.session.get_one(Voucher, voucher)
            ended = held.revoked if self.known_before is None else voucher in self.known_before
            return not ended and held.last_expires > self.drinks.clock.now()

    def _drops(self, voucher: CredentialId) -> None:
        event = EventId(str(uuid4()))
        entry = self.drinks.decision(event, voucher)
        self.used.add(voucher)
        self.had += 1
        self.untold += [
            lambda: self.drinks.machine_tells(ControllerEventKind.DISPENSED, event),
            lambda: self.drinks.journal(GATE, entry),
        ]
        if self.known_before is None and self.drinks.clock.now() >= self.tells_by:
            self._told(0)

    def _poster(self, _: int) -> None:
        order = self.drinks.standing().order
        if order is None or order.state is not OrderState.CHOSEN or self.known_before is not None:
            return
        made = self.drinks.by_poster(order)
        self.had += 1
        self.drinks.machine_tells(ControllerEventKind.DISPENSED, made.event)

    def _cut(self, _: int) -> None:
        if self.known_before is None:
            self.known_before = {each for each in self.pictures if not self._counts(each)}
            self.drinks.gate_is(online=False)
            self.drinks.machine_says(SlotCondition.READY, online=False)

    def _counts(self, voucher: CredentialId) -> bool:
        with self.drinks.office.reading(SYSTEM) as work:
            return not work.session.get_one(Voucher, voucher).revoked

    def _mend(self, _: int) -> None:
        if self.known_before is not None:
            self.known_before = None
            self.drinks.gate_is(online=True)
            self.drinks.machine_says(SlotCondition.READY)
            self.tells_by = self.drinks.clock.now() + JOURNAL_WITHIN

    def _told(self, _: int) -> None:
        if self.known_before is None:
            untold, self.untold = self.untold, []
            for tell in untold:
                tell()

    def _later(self, seconds: int) -> None:
        ends = self.drinks.clock.now() + timedelta(seconds=seconds)
        if self.known_before is None and self.drinks.clock.now() < self.tells_by <= ends:
            wait = self.tells_by - self.drinks.clock.now()
            self.drinks.later(seconds=wait.total_seconds())
            self._told(0)
        self.drinks.later(seconds=(ends - self.drinks.clock.now()).total_seconds())


USED_UNHEARD: list[Step] = [("choose", 0), ("cut", 0), ("show", 0), ("mend", 0)]


@settings(
    max_examples=15,
    deadline=timedelta(minutes=2),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@example([*USED_UNHEARD, ("choose", 1), ("show", 0)])
@example([*USED_UNHEARD, ("poster", 0)])
@example([*USED_UNHEARD, ("later", 320), ("choose", 1), ("show", 0)])
@example(
    [("choose", 0), ("cut", 0), ("cancel", 0), ("show", 0), ("mend", 0), ("choose", 1), ("show", 0)]
)
@example(
    [
        ("choose", 0),
        ("cut", 0),
        ("show", 0),
        ("later", 320),
        ("mend", 0),
        ("choose", 1),
        ("show", 0),
    ]
)
@given(STEPS)
def test_no_order_of_cuts_and_late_reports_gives_a_drink_too_many(
    sqlite_template: SqliteTemplate,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[Step],
) -> None:
    folder = tmp_path_factory.mktemp("drinks")
    reception = open_reception(sqlite_template.copy(folder / "genkan.sqlite3"), folder)
    with closing(reception.office):
        drinks = Drinks(reception, stock=STOCK, per_visit=ALLOWANCE)
        drinks.passes()
        # It has been there for long.
        drinks.later(minutes=5)
        apart = Apart(drinks)
        for what, how in steps:
            apart.step(what, how)
        apart.ends()
