"""The stock of a drinks machine: slots and what is in them, low stock, refills, and what was had."""

import pytest

from access_protocol.events import ControllerEventKind
from server.kernel.errors import Conflict, Forbidden, Invalid
from server.refreshments import actions
from server.refreshments.actions import (
    Correction,
    MachineInput,
    Refill,
    SlotInput,
)
from server.refreshments.models import Slot
from tests.fakes.drinks import MACHINE, Drinks
from tests.fakes.reception import SITE, SYSTEM, Reception


@pytest.fixture
def drinks(reception: Reception) -> Drinks:
    """A machine behind the gate, and a guest of today."""
    return Drinks(reception)


def test_low_stock_is_told_once_until_it_is_refilled(reception: Reception) -> None:
    drinks = Drinks(reception, stock=2, per_visit=5)
    drinks.passes()
    guard = reception.people["security"]
    with reception.work("admin") as work:
        wanted = MachineInput(offered_after=["main-gate"], low_stock=1, refill_person=guard)
        actions.put_machine(work, SITE, MACHINE, wanted)
    subject = "Drinks at Tokyo Office runs low"
    for expected in (1, 1):
        event = drinks.reader_takes(drinks.choose(drinks.tea).credential)
        drinks.machine_tells(ControllerEventKind.DISPENSED, event)
        assert reception.subjects().count(subject) == expected
    with reception.work("security") as work:
        actions.refill(work, SITE, MACHINE, 3, Refill(count=4))
        actions.correct(work, SITE, MACHINE, 3, Correction(stock=1))
    assert reception.subjects().count(subject) == 2


def test_a_slot_takes_no_more_than_fits(drinks: Drinks) -> None:
    with drinks.reception.work("security") as work:
        with pytest.raises(Invalid) as refused:
            actions.refill(work, SITE, MACHINE, 1, Refill(count=6))
        assert refused.value.errors[0].field == "count"
        with pytest.raises(Invalid):
            actions.correct(work, SITE, MACHINE, 1, Correction(stock=9))


def test_a_slot_changes_its_item_only_while_nobody_waits_for_it(drinks: Drinks) -> None:
    drinks.passes()
    order = drinks.choose()
    with drinks.reception.work("security") as work, pytest.raises(Conflict):
        actions.put_slot(work, SITE, MACHINE, order.slot, SlotInput(item=drinks.tea, capacity=8))


def test_hosts_do_not_look_after_machines(drinks: Drinks) -> None:
    with drinks.reception.work("host") as work, pytest.raises(Forbidden):
        actions.refill(work, SITE, MACHINE, 1, Refill(count=1))


def test_the_machine_says_that_it_was_restocked_and_asks_for_the_number(drinks: Drinks) -> None:
    drinks.machine_tells(ControllerEventKind.RESTOCKED, detail="slot 3")
    with drinks.office.reading(SYSTEM) as work:
        assert work.session.get_one(Slot, (SITE, MACHINE, 3)).restocked_at is not None
    with drinks.reception.work("security") as work:
        slot = actions.correct(work, SITE, MACHINE, 3, Correction(stock=8))
        assert (slot.stock, slot.restocked_at) == (8, None)


def test_consumption_counts_what_dropped_by_day_and_item(drinks: Drinks) -> None:
    drinks.passes()
    event = drinks.reader_takes(drinks.choose(drinks.tea).credential)
    drinks.machine_tells(ControllerEventKind.DISPENSED, event)
    with drinks.reception.work("security") as work:
        found = actions.consumption(work, SITE, days=3)
    assert len(found.days) == 3
    assert found.items == [drinks.tea]
    assert found.of_day(found.days[-1]) == found.of_item(drinks.tea) == 1
