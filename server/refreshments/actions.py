"""What others ask of refreshments: offer, choose, dispense, look after machines and stock, and forget a visitor."""

from sqlalchemy import delete, update

from server.kernel.ids import VisitorId
from server.kernel.upsert import table_of
from server.kernel.work import Work
from server.refreshments import models
from server.refreshments.machines import (
    AllowanceInput,
    ItemInput,
    MachineInput,
    NewSlot,
    SlotInput,
    allowance_of,
    change_item,
    create_item,
    find_item,
    find_machine,
    lock,
    machines,
    picture_of,
    put_machine,
    put_slot,
    remove_slot,
    retire_item,
    set_allowance,
    set_picture,
)
from server.refreshments.models import Item, Offer, Order
from server.refreshments.orders import (
    Choice,
    DrinkOffered,
    OrderMoved,
    Standing,
    cancel,
    choose,
    condition_of,
    decline,
    dispense_here,
    end,
    lock_for_machine,
    machine_for,
    menu,
    offer,
    passed,
    standing,
    voucher_text,
)
from server.refreshments.pictures import LARGEST_UPLOAD, MEDIA_TYPE
from server.refreshments.rules import OPEN, MovementKind, OrderState, Why
from server.refreshments.settling import decided, outcomes, reported
from server.refreshments.stock import (
    Consumption,
    Correction,
    Refill,
    consumption,
    correct,
    refill,
)
from server.refreshments.unheard import may_be_had

__all__ = [
    "LARGEST_UPLOAD",
    "MEDIA_TYPE",
    "OPEN",
    "AllowanceInput",
    "Choice",
    "Consumption",
    "Correction",
    "DrinkOffered",
    "ItemInput",
    "MachineInput",
    "MovementKind",
    "NewSlot",
    "OrderMoved",
    "OrderState",
    "Refill",
    "SlotInput",
    "Standing",
    "Why",
    "about_visitor",
    "allowance_of",
    "cancel",
    "change_item",
    "choose",
    "condition_of",
    "consumption",
    "correct",
    "create_item",
    "decided",
    "decline",
    "dispense_here",
    "find_item",
    "find_machine",
    "forget_visitor",
    "lock_for_machine",
    "machine_for",
    "machines",
    "may_be_had",
    "menu",
    "offer",
    "outcomes",
    "passed",
    "picture_of",
    "put_machine",
    "put_slot",
    "refill",
    "remove_slot",
    "reported",
    "retire_item",
    "set_allowance",
    "set_picture",
    "standing",
    "voucher_text",
]


def about_visitor(work: Work, visitor: VisitorId) -> list[dict[str, str | None]]:
    """Return what is kept of a visitor's drinks, ready for JSON: each order, the earliest first."""
    found: list[dict[str, str | None]] = []
    for order in reversed(models.orders_of(work.session, visitor)):
        item = work.session.get_one(Item, order.item)
        found.append(
            {
                "item": item.name,
                "machine": order.machine,
                "state": order.state.value,
                "chosen_at": order.chosen_at.isoformat(),
                "settled_at": order.settled_at.isoformat() if order.settled_at else None,
            }
        )
    return found


def forget_visitor(work: Work, visitor: VisitorId) -> None:
    """Forget who ordered what: open choices end, and what stays for the figures names nobody."""
    mine = models.orders_of(work.session, visitor)
    for order in mine:
        if order.state is OrderState.CHOSEN:
            lock(work, order.site)
            end(work, order, OrderState.CANCELLED)
    work.session.flush()
    orders, offers = table_of(Order), table_of(Offer)
    connection = work.session.connection()
    connection.execute(delete(offers).where(offers.c.visitor == visitor))
    connection.execute(
        update(orders).where(orders.c.visitor == visitor).values(visitor=None, visit=None)
    )
    for order in mine:
        work.session.expire(order)
