"""Offers and orders: who is asked, what they may choose, and the voucher that stands for one item in one slot."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from access_protocol.events import SlotCondition
from access_protocol.ids import PortalId, SiteCode
from access_protocol.knowledge import Direction
from server.access import actions as access
from server.access.actions import PassageReported
from server.access.models import CommandState
from server.credentials import actions as credentials
from server.credentials import models as issued
from server.credentials.models import Issue
from server.devices import models as devices
from server.kernel import live
from server.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from server.kernel.events import Event
from server.kernel.ids import ItemId, OrderId, VisitorId
from server.kernel.principal import Kind
from server.kernel.work import Work
from server.places import models as places
from server.places.models import Site
from server.refreshments import models, rules
from server.refreshments.machines import allowance_of, lock
from server.refreshments.models import Allowance, Item, Machine, Offer, Order
from server.refreshments.rules import OPEN, OrderState, Why
from server.refreshments.unheard import may_be_had
from server.visits.models import Visit, Visitor, VisitState

FRESH = timedelta(minutes=30)
"""A passage that is reported later than this offers nothing: the visitor is long past the machine."""


@dataclass(frozen=True, kw_only=True)
class DrinkOffered(Event):
    """A visitor came past a machine and was asked whether they would like a drink."""

    audited: ClassVar[bool] = False

    visitor: VisitorId
    site: SiteCode
    machine: PortalId


@dataclass(frozen=True, kw_only=True)
class OrderMoved(Event):
    """An order was made, or came to another state; `why` is given where nothing dropped."""

    audited: ClassVar[bool] = False

    order: OrderId
    visitor: VisitorId | None
    site: SiteCode
    machine: PortalId
    state: OrderState
    why: Why | None


@dataclass(frozen=True)
class Choice:
    """One line of the menu: an item, and the slot that it would come from."""

    item: Item
    slot: int
    left: int


@dataclass(frozen=True)
class Standing:
    """How things stand between a visitor and a machine."""

    offer: Offer | None
    order: Order | None
    """Their latest order at this machine, whatever became of it."""
    menu: tuple[Choice, ...]
    """What they can choose now."""
    left: int
    """How many more drinks they may have."""
    online: bool
    """Whether the machine is there."""


def passed(work: Work, passage: PassageReported) -> None:
    """Ask whoever came in through a portal that is set for a machine whether they would like a drink."""
    if passage.direction is not Direction.IN or passage.at < work.now - FRESH:
        return
    near = [
        each
        for each in models.machines(work.session, passage.site)
        if passage.portal in each.offered_after
    ]
    if not near:
        return
    holder = issued.holders_of(work.session, [passage.credential]).get(passage.credential)
    if holder is None or holder.visitor is None:
        return
    for machine in near:
        offer(work, machine.site, machine.portal, holder.visitor)


def offer(work: Work, site: SiteCode, portal: PortalId, visitor: VisitorId) -> Offer | None:
    """Offer a visitor what a machine holds, once in a visit unless their allowance is not used up.

    None: their visit does not count, or nothing is left to them. Who said no is not asked again.
    """
    machine = _machine(work, site, portal)
    if not _counts(work, site, visitor) or _left(work, allowance_of(work, site), visitor) == 0:
        return None
    found = work.session.get(Offer, (visitor, site, portal))
    if found is not None:
        taken = any(
            each.settled_at is not None and each.settled_at > found.at
            for each in models.orders_of(work.session, visitor)
        )
        if found.declined_at is not None or not taken:
            return found
        found.at = work.now
    else:
        found = Offer(visitor=visitor, site=site, machine=portal, at=work.now)
    work.session.add(found)
    work.session.flush()
    if menu(work, machine):
        work.record(DrinkOffered(visitor=visitor, site=site, machine=portal))
    live.notice(work, live.VISITOR, about=visitor, site=site)
    return found


def decline(work: Work, site: SiteCode, portal: PortalId, visitor: VisitorId) -> None:
    """Take a "no, thanks"."""
    _check_is(work, visitor)
    found = work.session.get(Offer, (visitor, site, portal))
    if found is not None and found.declined_at is None:
        found.declined_at = work.now
        work.session.add(found)
        live.notice(work, live.VISITOR, about=visitor, site=site)


def menu(work: Work, machine: Machine) -> tuple[Choice, ...]:
    """Return what the machine can give now: by our own count and by its sensors, each item once, by slot."""
    conditions = _conditions(work, machine)
    waiting = models.reserved(work.session, machine.site, machine.portal)
    best: dict[ItemId, Choice] = {}
    for slot in models.slots(work.session, machine.site, machine.portal):
        left = slot.stock - waiting.get(slot.number, 0)
        if slot.item is None or left <= 0:
            continue
        if conditions.get(slot.number) is not SlotCondition.READY:
            continue
        item = work.session.get_one(Item, slot.item)
        if item.id not in best or best[item.id].left < left:
            best[item.id] = Choice(item, slot.number, left)
    return tuple(best.values())


def standing(work: Work, site: SiteCode, portal: PortalId, visitor: VisitorId) -> Standing:
    """Return how things stand for the visitor's page."""
    _check_is(work, visitor)
    machine = _machine(work, site, portal)
    every = models.orders_of(work.session, visitor)
    counts = _counts(work, site, visitor)
    return Standing(
        offer=work.session.get(Offer, (visitor, site, portal)),
        order=next((each for each in every if each.machine == portal), None),
        menu=menu(work, machine),
        left=_left(work, allowance_of(work, site), visitor) if counts else 0,
        online=_is_online(work, machine),
    )


def machine_for(work: Work, visitor: VisitorId) -> Machine | None:
    """Return the machine whose page concerns the visitor: that of an open order, else the latest that was offered."""
    _check_is(work, visitor)
    for order in models.orders_of(work.session, visitor):
        if order.state in OPEN:
            return work.session.get(Machine, (order.site, order.machine))
    offers = models.offers_of(work.session, visitor)
    return work.session.get(Machine, (offers[0].site, offers[0].machine)) if offers else None


def voucher_text(work: Work, order: Order) -> str:
    """Return what stands in the order's QR code while it counts, otherwise an empty text."""
    _check_is(work, order.visitor)
    if order.state is not OrderState.CHOSEN or order.expires_at <= work.now:
        return ""
    found = work.session.get(Issue, (order.credential, 0))
    return found.text if found else ""


def choose(work: Work, site: SiteCode, portal: PortalId, visitor: VisitorId, item: ItemId) -> Order:
    """Order one item: it is reserved, and a voucher for it made that counts five minutes.

    A choice that waits already is taken back for this one. Raises `Conflict` where the visit does not count,
    nothing is left to the visitor, or what is left may have been had without our knowing; `Invalid` naming `item`
    where it is not in the menu any more.
    """
    _check_is(work, visitor)
    machine = _machine(work, site, portal)
    allowance = lock(work, site)
    if not _counts(work, site, visitor):
        raise Conflict("Drinks are for guests of the day. Your visit is over or has not begun.")
    if work.session.get(Offer, (visitor, site, portal)) is None:
        raise Conflict("Drinks are offered once you are past the gate.")
    _take_back_choices(work, visitor)
    left = _left(work, allowance, visitor)
    if left == 0:
        raise Conflict("You have had what we can offer you today. We hope you liked it.")
    if left <= len(may_be_had(work, visitor)):
        raise Conflict(
            "The machine could not be reached for a while, and may have taken your last code. "
            "Please try again in two minutes."
        )
    found = next((each for each in menu(work, machine) if each.item.id == item), None)
    if found is None:
        raise Invalid([("item", "is not there any more; please choose another one")])
    voucher = credentials.issue_voucher(work, site, portal, found.slot, rules.VOUCHER_LIFE)
    visit = work.session.get_one(Visitor, visitor).visit
    order = Order(
        id=OrderId(work.ids.new()),
        site=site,
        machine=portal,
        visitor=visitor,
        visit=visit,
        item=item,
        slot=found.slot,
        state=OrderState.CHOSEN,
        credential=voucher.credential,
        chosen_at=work.now,
        expires_at=voucher.expires,
    )
    work.session.add(order)
    work.session.flush()
    announce(work, order)
    return order


def cancel(work: Work, order_id: OrderId) -> Order:
    """Take a choice back before the machine has begun; its voucher counts no more."""
    order = _own_order(work, order_id)
    lock(work, order.site)
    work.session.refresh(order)
    if order.state is OrderState.DISPENSING:
        raise Conflict("The machine has begun already. Please take your drink.")
    if order.state is OrderState.CHOSEN:
        end(work, order, OrderState.CANCELLED)
    return order


def dispense_here(work: Work, order_id: OrderId, *, unseen: bool = False) -> Order:
    """Have the machine give out what was chosen, for a visitor who scanned its poster.

    The voucher that the phone showed is revoked first, and one that only the server knows takes its place: no
    two of them ever count. A gate that is away would not hear of it and still accept the first one, and one that
    has just come back may have, so `Conflict` is raised then; not where the order is `unseen`, made in this very
    work, and the visitor had no other voucher that could still be on a screen. What the machine does is its own
    word, as with a voucher at its reader.
    """
    order = _own_order(work, order_id)
    lock_for_machine(work, order.site)
    work.session.refresh(order)
    if order.state is OrderState.DISPENSING or order.visitor is None:
        return order
    if order.state is not OrderState.CHOSEN or order.expires_at <= work.now:
        raise Conflict("That took a little long. Please choose again.")
    shown = (each for each in may_be_had(work, order.visitor) if each.machine == order.machine)
    if any(not (unseen and each.id == order.id) for each in shown):
        raise Conflict("Please hold your code before the machine's reader.")
    points = places.access_points_of_portal(work.session, order.site, order.machine)
    point = next((each for each in points if each.controller is not None), None)
    if point is None:
        raise Conflict("This machine cannot be reached from here yet.")
    credentials.revoke_voucher(work, order.credential)
    life = min(rules.VOUCHER_LIFE, order.expires_at - work.now + timedelta(seconds=30))
    voucher = credentials.issue_voucher(work, order.site, order.machine, order.slot, life)
    order.credential = voucher.credential
    work.session.add(order)
    work.session.flush()
    command = access.dispense_by_poster(work, order.site, point.id, order.visitor, voucher.text)
    if command.state is CommandState.DENIED:
        end(work, order, OrderState.RETURNED, Why.REFUSED)
    return order


def lock_for_machine(work: Work, site: SiteCode) -> None:
    """Keep others from ordering at the site until this work ends, which also sends a machine its command.

    The ledger before the stock, as everybody does who needs both.
    """
    access.lock_ledger(work, site)
    lock(work, site)


def end(work: Work, order: Order, state: OrderState, why: Why | None = None) -> None:
    """Bring an order to its end without a drink: what was reserved is free, its voucher counts no more."""
    credentials.revoke_voucher(work, order.credential)
    order.state, order.why, order.settled_at = state, why, work.now
    work.session.add(order)
    work.session.flush()
    announce(work, order)


def announce(work: Work, order: Order) -> None:
    """Record where an order stands now, and tell open pages."""
    work.record(
        OrderMoved(
            order=order.id,
            visitor=order.visitor,
            site=order.site,
            machine=order.machine,
            state=order.state,
            why=order.why,
        )
    )
    if order.visitor is not None:
        live.notice(work, live.VISITOR, about=order.visitor, site=order.site)
    live.notice(work, "drinks", about=order.machine, site=order.site)


def used(orders: Iterable[Order]) -> int:
    """Return how many of the orders use the allowance."""
    return sum(1 for each in orders if each.state in rules.COUNTED)


def _take_back_choices(work: Work, visitor: VisitorId) -> None:
    for each in models.orders_of(work.session, visitor):
        if each.state is OrderState.DISPENSING:
            raise Conflict("Your drink is on its way already. One moment, please.")
        if each.state is OrderState.CHOSEN:
            end(work, each, OrderState.CANCELLED)


def _left(work: Work, allowance: Allowance, visitor: VisitorId) -> int:
    mine = [each.state for each in models.orders_of(work.session, visitor)]
    left = rules.left(allowance.per_visit, mine)
    if allowance.per_day is None or left == 0:
        return left
    given = models.counted_since(work.session, allowance.site, _day_began(work, allowance.site))
    return min(left, max(0, allowance.per_day - given))


def _day_began(work: Work, site: SiteCode) -> datetime:
    zone = ZoneInfo(work.session.get_one(Site, site).time_zone)
    return work.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _counts(work: Work, site: SiteCode, visitor_id: VisitorId) -> bool:
    visitor = work.session.get(Visitor, visitor_id)
    visit = work.session.get(Visit, visitor.visit) if visitor else None
    if visitor is None or visit is None or visit.site != site:
        return False
    comes = visitor.removed_at is None and visitor.declined_at is None
    begins, ends = credentials.window(visit.starts_at, visit.ends_at)
    return comes and visit.state is VisitState.CONFIRMED and begins <= work.now < ends


def _conditions(work: Work, machine: Machine) -> dict[int, SlotCondition]:
    """Return what the machine's sensors say of each slot; nothing while it is not there."""
    for point in places.access_points_of_portal(work.session, machine.site, machine.portal):
        if point.controller is not None:
            return devices.slot_conditions(work.session, point.controller)
    return {}


def condition_of(work: Work, machine: Machine) -> tuple[bool, dict[int, SlotCondition]]:
    """Return whether the machine is there, and what its sensors say of each slot."""
    return _is_online(work, machine), _conditions(work, machine)


def _is_online(work: Work, machine: Machine) -> bool:
    points = places.access_points_of_portal(work.session, machine.site, machine.portal)
    controllers = [point.controller for point in points if point.controller is not None]
    return bool(devices.door_states(work.session, controllers))


def _machine(work: Work, site: SiteCode, portal: PortalId) -> Machine:
    found = work.session.get(Machine, (site, portal))
    if found is None:
        raise NotFound("There is no such vending machine.")
    return found


def _own_order(work: Work, order_id: OrderId) -> Order:
    found = work.session.get(Order, order_id)
    if found is None:
        raise NotFound("There is no such order.")
    _check_is(work, found.visitor)
    return found


def _check_is(work: Work, visitor: VisitorId | None) -> None:
    asks = work.principal
    if asks.kind is Kind.SYSTEM or (asks.kind is Kind.VISITOR and asks.id == visitor):
        return
    raise Forbidden("This is another visitor's page.")
