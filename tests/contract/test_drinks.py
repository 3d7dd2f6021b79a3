"""Drinks: offered past the gate, ordered once, counted when the machine says so and given back when it does not."""

from datetime import timedelta
from uuid import uuid4

import pytest

from access_protocol.events import ControllerEventKind, Outcome, SlotCondition
from access_protocol.ids import EventId
from server.kernel.errors import Conflict, Forbidden, Invalid
from server.kernel.principal import Principal
from server.refreshments import actions
from server.refreshments.actions import (
    AllowanceInput,
    OrderState,
)
from server.refreshments.rules import Why
from server.visits import actions as visits
from tests.fakes.drinks import GATE, MACHINE, Drinks
from tests.fakes.reception import SITE, SYSTEM, Reception

FAILURES = [
    (ControllerEventKind.EMPTY, Why.EMPTY),
    (ControllerEventKind.JAMMED, Why.JAMMED),
    (ControllerEventKind.TIMED_OUT, Why.TIMED_OUT),
    (ControllerEventKind.INTERRUPTED, Why.INTERRUPTED),
]


@pytest.fixture
def drinks(reception: Reception) -> Drinks:
    """A machine behind the gate, and a guest of today."""
    return Drinks(reception)


def test_who_passes_the_gate_is_offered_a_drink_and_their_page_is_told(drinks: Drinks) -> None:
    assert drinks.offers() == []
    before = drinks.pages_told()
    drinks.passes()
    assert drinks.offers() == [drinks.guest]
    assert drinks.pages_told() > before
    assert sorted(drinks.menu()) == ["Tea", "Water"]


def test_a_passage_that_is_reported_much_later_offers_nothing(drinks: Drinks) -> None:
    drinks.passes(ago=timedelta(hours=1))
    assert drinks.offers() == []


def test_a_visit_that_was_called_off_gets_no_offer(drinks: Drinks) -> None:
    with drinks.reception.work("host") as work:
        visits.cancel(work, drinks.visit.id)
    drinks.passes()
    assert drinks.offers() == []


def test_nobody_orders_before_the_gate(drinks: Drinks) -> None:
    with pytest.raises(Conflict):
        drinks.choose()


def test_a_choice_reserves_one_and_makes_a_voucher_of_five_minutes(drinks: Drinks) -> None:
    drinks.passes()
    order = drinks.choose()
    assert order.state is OrderState.CHOSEN
    assert drinks.counts(order.credential)
    assert timedelta(minutes=4) < order.expires_at - drinks.clock.now() <= timedelta(minutes=5)
    assert drinks.standing().left == 0
    assert drinks.stock() == {1: 3, 2: 3, 3: 3}


def test_the_drink_is_had_only_when_the_machine_says_so(drinks: Drinks) -> None:
    drinks.passes()
    order = drinks.choose()
    event = drinks.reader_takes(order.credential)
    assert drinks.order(order.id).state is OrderState.DISPENSING
    drinks.machine_tells(ControllerEventKind.DISPENSING, event, f"slot {order.slot}")
    assert drinks.order(order.id).state is OrderState.DISPENSING
    assert drinks.stock()[order.slot] == 3
    drinks.machine_tells(ControllerEventKind.DISPENSED, event, f"slot {order.slot}")
    assert drinks.order(order.id).state is OrderState.DONE
    assert drinks.stock()[order.slot] == 2
    drinks.gate_tells(event, Outcome.DISPENSED)
    assert drinks.stock()[order.slot] == 2


def test_the_machine_may_be_quicker_than_its_gate(drinks: Drinks) -> None:
    drinks.passes()
    order = drinks.choose()
    event = EventId(str(uuid4()))
    drinks.machine_tells(ControllerEventKind.DISPENSING, event)
    drinks.machine_tells(ControllerEventKind.DISPENSED, event)
    assert drinks.order(order.id).state is OrderState.CHOSEN
    drinks.journal(GATE, drinks.decision(event, order.credential))
    assert drinks.order(order.id).state is OrderState.DONE
    assert drinks.stock()[order.slot] == 2


@pytest.mark.parametrize(("word", "why"), FAILURES)
def test_what_did_not_drop_is_given_back_and_may_be_chosen_again(
    drinks: Drinks, word: ControllerEventKind, why: Why
) -> None:
    drinks.passes()
    order = drinks.choose()
    event = drinks.reader_takes(order.credential)
    drinks.machine_tells(word, event, f"slot {order.slot}")
    found = drinks.order(order.id)
    assert (found.state, found.why) == (OrderState.RETURNED, why)
    assert not drinks.counts(order.credential)
    assert drinks.stock()[order.slot] == 3
    assert drinks.standing().left == 1
    assert drinks.choose(drinks.tea).state is OrderState.CHOSEN


def test_a_power_cut_gives_back_what_was_under_way_in_the_slot_that_the_machine_names(
    drinks: Drinks,
) -> None:
    drinks.passes()
    order = drinks.choose()
    drinks.reader_takes(order.credential)
    drinks.machine_tells(ControllerEventKind.INTERRUPTED, detail="slot 3")
    assert drinks.order(order.id).state is OrderState.DISPENSING
    drinks.machine_tells(ControllerEventKind.INTERRUPTED, detail=f"slot {order.slot}")
    found = drinks.order(order.id)
    assert (found.state, found.why) == (OrderState.RETURNED, Why.INTERRUPTED)


def test_the_journal_alone_gives_it_back_and_the_machine_says_why_later(drinks: Drinks) -> None:
    drinks.passes()
    order = drinks.choose()
    event = drinks.reader_takes(order.credential)
    drinks.gate_tells(event, Outcome.NOT_DISPENSED)
    assert drinks.order(order.id).why is Why.FAILED
    drinks.machine_tells(ControllerEventKind.JAMMED, event, f"slot {order.slot}")
    assert drinks.order(order.id).why is Why.JAMMED


def test_a_silent_machine_gives_it_back_and_a_late_word_still_counts(drinks: Drinks) -> None:
    drinks.passes()
    order = drinks.choose()
    event = drinks.reader_takes(order.credential)
    drinks.later(seconds=61)
    assert drinks.order(order.id).why is Why.NO_ANSWER
    second = drinks.choose(drinks.tea)
    drinks.machine_tells(ControllerEventKind.DISPENSED, event)
    assert drinks.order(order.id).state is OrderState.DONE
    assert drinks.order(second.id).state is OrderState.CANCELLED
    assert not drinks.counts(second.credential)
    assert drinks.stock()[order.slot] == 2


def test_a_machine_that_is_back_after_its_order_was_given_up_still_says_what_became_of_it(
    drinks: Drinks,
) -> None:
    drinks.passes()
    order = drinks.choose(drinks.tea)
    event = drinks.reader_takes(order.credential)
    drinks.gate_tells(event, Outcome.NO_ANSWER)
    drinks.later(minutes=10)
    assert drinks.order(order.id).why is Why.NO_ANSWER
    told = drinks.pages_told()
    drinks.machine_tells(ControllerEventKind.INTERRUPTED, detail=f"slot {order.slot}")
    found = drinks.order(order.id)
    assert (found.state, found.why) == (OrderState.RETURNED, Why.INTERRUPTED)
    assert drinks.pages_told() > told
    assert drinks.stock()[order.slot] == 3
    assert drinks.standing().left == 1
    assert drinks.choose(drinks.tea).state is OrderState.CHOSEN


def test_an_interrupted_turn_is_that_of_the_order_that_began_last_in_the_slot(
    reception: Reception,
) -> None:
    drinks = Drinks(reception, per_visit=2)
    drinks.passes()
    first = drinks.choose(drinks.tea)
    drinks.reader_takes(first.credential)
    drinks.later(seconds=61)
    second = drinks.choose(drinks.tea)
    drinks.machine_tells(
        ControllerEventKind.DISPENSED, drinks.reader_takes(second.credential), "slot 3"
    )
    drinks.machine_tells(ControllerEventKind.INTERRUPTED, detail="slot 3")
    assert drinks.order(first.id).why is Why.NO_ANSWER
    assert drinks.order(second.id).state is OrderState.DONE
    assert drinks.stock()[3] == 2


def test_a_voucher_that_nobody_shows_frees_reservation_and_allowance(drinks: Drinks) -> None:
    drinks.passes()
    order = drinks.choose()
    drinks.later(minutes=5, seconds=16)
    assert drinks.order(order.id).state is OrderState.EXPIRED
    assert drinks.standing().left == 1


def test_another_choice_takes_the_first_one_back(drinks: Drinks) -> None:
    drinks.passes()
    first = drinks.choose()
    second = drinks.choose(drinks.tea)
    assert drinks.order(first.id).state is OrderState.CANCELLED
    assert [drinks.counts(each.credential) for each in (first, second)] == [False, True]


def test_a_choice_can_be_taken_back_until_the_machine_has_begun(drinks: Drinks) -> None:
    drinks.passes()
    order = drinks.cancel(drinks.choose())
    assert order.state is OrderState.CANCELLED
    assert not drinks.counts(order.credential)
    order = drinks.choose()
    drinks.reader_takes(order.credential)
    with pytest.raises(Conflict):
        drinks.cancel(order)
    with pytest.raises(Conflict):
        drinks.choose(drinks.tea)


def test_the_allowance_ends_the_offers(drinks: Drinks) -> None:
    drinks.passes()
    event = drinks.reader_takes(drinks.choose().credential)
    drinks.machine_tells(ControllerEventKind.DISPENSED, event)
    with pytest.raises(Conflict):
        drinks.choose()
    with drinks.office.begin(SYSTEM) as work:
        assert actions.offer(work, SITE, MACHINE, drinks.guest) is None


def test_the_sites_day_has_an_end_as_well(drinks: Drinks) -> None:
    other = drinks.another()
    with drinks.reception.work("admin") as work:
        actions.set_allowance(work, SITE, AllowanceInput(per_visit=1, per_day=1))
    drinks.passes()
    drinks.passes(other)
    drinks.choose()
    with pytest.raises(Conflict):
        drinks.choose(guest=other)


def test_the_last_one_is_promised_once(reception: Reception) -> None:
    drinks = Drinks(reception, stock=1)
    other = drinks.another()
    drinks.passes()
    drinks.passes(other)
    drinks.choose(drinks.tea)
    with pytest.raises(Invalid) as refused:
        drinks.choose(drinks.tea, other)
    assert refused.value.errors[0].field == "item"


def test_only_what_the_machine_itself_can_give_is_on_the_menu(drinks: Drinks) -> None:
    drinks.machine_says(SlotCondition.EMPTY, SlotCondition.OUT_OF_ORDER, SlotCondition.READY)
    assert drinks.menu() == ["Tea"]
    drinks.machine_says(SlotCondition.READY, online=False)
    assert drinks.menu() == []


def test_at_the_poster_the_phones_voucher_ends_before_the_server_orders(drinks: Drinks) -> None:
    drinks.passes()
    order = drinks.choose()
    at_poster = drinks.by_poster(order)
    assert at_poster.state is OrderState.DISPENSING
    assert at_poster.credential != order.credential
    assert not drinks.counts(order.credential)
    command = drinks.command(at_poster)
    assert command.slot == order.slot
    assert drinks.by_poster(order).event == at_poster.event
    drinks.machine_tells(ControllerEventKind.DISPENSED, at_poster.event)
    assert drinks.order(order.id).state is OrderState.DONE


def test_a_gate_that_would_not_hear_of_it_leaves_the_drink_to_its_own_reader(
    drinks: Drinks,
) -> None:
    drinks.passes()
    order = drinks.choose()
    drinks.gate_is(online=False)
    with pytest.raises(Conflict, match="before the machine's reader"):
        drinks.by_poster(order)
    # What the phone shows counts on, and is the only one.
    assert drinks.counts(order.credential)
    assert drinks.order(order.id).state is OrderState.CHOSEN
    drinks.later(seconds=20)
    drinks.gate_is(online=True)
    # It may have accepted the code while it was away, and says so within a minute or so.
    with pytest.raises(Conflict, match="before the machine's reader"):
        drinks.by_poster(order)
    drinks.later(seconds=91)
    assert drinks.by_poster(order).state is OrderState.DISPENSING


def test_what_an_absent_reader_may_have_taken_holds_the_allowance_until_it_can_have_told(
    drinks: Drinks,
) -> None:
    drinks.passes()
    drinks.gate_is(online=False)
    first = drinks.choose()
    with pytest.raises(Conflict, match="may have taken your last code"):
        drinks.choose(drinks.tea)
    assert drinks.order(first.id).state is OrderState.CHOSEN
    drinks.cancel(first)
    drinks.later(seconds=20)
    drinks.gate_is(online=True)
    with pytest.raises(Conflict, match="may have taken your last code"):
        drinks.choose(drinks.tea)
    drinks.later(seconds=91)
    assert drinks.choose(drinks.tea).state is OrderState.CHOSEN


def test_a_code_that_was_taken_back_and_used_all_the_same_is_the_one_drink(drinks: Drinks) -> None:
    drinks.passes()
    drinks.gate_is(online=False)
    first = drinks.cancel(drinks.choose())
    drinks.later(seconds=20)
    drinks.gate_is(online=True)
    event = drinks.reader_takes(first.credential)
    drinks.machine_tells(ControllerEventKind.DISPENSED, event)
    assert drinks.order(first.id).state is OrderState.DONE
    assert drinks.stock()[first.slot] == 2
    drinks.later(seconds=91)
    with pytest.raises(Conflict, match="You have had what we can offer"):
        drinks.choose(drinks.tea)


def test_what_was_taken_back_may_be_on_a_screen_for_as_long_as_it_would_have_counted(
    reception: Reception,
) -> None:
    drinks = Drinks(reception, per_visit=2)
    drinks.passes()
    drinks.cancel(drinks.choose())
    drinks.gate_is(online=False)
    with drinks.office.begin(drinks.visitor) as work:
        order = actions.choose(work, SITE, MACHINE, drinks.guest, drinks.tea)
        with pytest.raises(Conflict):
            actions.dispense_here(work, order.id, unseen=True)
    drinks.later(minutes=6)
    with drinks.office.begin(drinks.visitor) as work:
        order = actions.choose(work, SITE, MACHINE, drinks.guest, drinks.tea)
        assert actions.dispense_here(work, order.id, unseen=True).state is OrderState.DISPENSING


def test_nobody_acts_for_another_guest(drinks: Drinks) -> None:
    drinks.passes()
    order = drinks.choose()
    with drinks.office.begin(Principal.for_visitor(drinks.another())) as work:
        with pytest.raises(Forbidden):
            actions.cancel(work, order.id)
        with pytest.raises(Forbidden):
            actions.choose(work, SITE, MACHINE, drinks.guest, drinks.tea)


def test_who_is_forgotten_leaves_figures_without_a_name(drinks: Drinks) -> None:
    drinks.passes()
    event = drinks.reader_takes(drinks.choose(drinks.tea).credential)
    drinks.machine_tells(ControllerEventKind.DISPENSED, event)
    with drinks.office.begin(SYSTEM) as work:
        (told,) = actions.about_visitor(work, drinks.guest)
        assert (told["item"], told["state"]) == ("Tea", "done")
        actions.forget_visitor(work, drinks.guest)
    with drinks.office.begin(SYSTEM) as work:
        assert actions.about_visitor(work, drinks.guest) == []
        assert actions.consumption(work, SITE).of_item(drinks.tea) == 1
    assert drinks.offers() == []


def test_forgetting_ends_an_open_choice(drinks: Drinks) -> None:
    drinks.passes()
    order = drinks.choose()
    with drinks.office.begin(SYSTEM) as work:
        actions.forget_visitor(work, drinks.guest)
    assert drinks.order(order.id).state is OrderState.CANCELLED
    assert not drinks.counts(order.credential)
