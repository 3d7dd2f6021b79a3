"""Stock: refills, corrections, what was taken, and telling whoever refills when little is left."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from access_protocol.ids import PortalId, SiteCode
from server.kernel import live
from server.kernel.errors import Invalid, NotFound
from server.kernel.ids import ItemId, MovementId, OrderId
from server.kernel.principal import Right, require
from server.kernel.text import Line
from server.kernel.work import Work
from server.places.models import Site
from server.refreshments import low_stock, models
from server.refreshments.machines import Pieces, find_machine, lock
from server.refreshments.models import Machine, Order, Slot, StockMovement
from server.refreshments.rules import MovementKind


class Refill(BaseModel):
    """So many more lie in a slot now."""

    model_config = ConfigDict(extra="forbid")

    count: int = Field(ge=1, le=999)


class Correction(BaseModel):
    """So many lie in a slot, as somebody counted."""

    model_config = ConfigDict(extra="forbid")

    stock: Pieces
    note: Annotated[Line, Field(max_length=200, examples=["Two were past their date"])] = ""


@dataclass(frozen=True)
class Consumption:
    """What was taken at a site, by day and item; the days without a gap, the earliest first."""

    days: Sequence[date]
    items: Sequence[ItemId]
    """The most taken first."""
    taken: Counter[tuple[date, ItemId]]

    def of_day(self, day: date) -> int:
        """Return how many were taken that day."""
        return sum(self.taken[day, item] for item in self.items)

    def of_item(self, item: ItemId) -> int:
        """Return how many of an item were taken."""
        return sum(self.taken[day, item] for day in self.days)


def refill(work: Work, site: SiteCode, machine: PortalId, number: int, wanted: Refill) -> Slot:
    """Note that somebody put more into a slot."""
    slot = _slot(work, site, machine, number)
    if slot.item is None:
        raise Invalid([("count", "needs an item first: say what lies in the slot")])
    if slot.stock + wanted.count > slot.capacity:
        fits = slot.capacity - slot.stock
        raise Invalid([("count", f"is more than fits: there is room for {fits}")])
    slot.restocked_at = None
    return _moved(work, slot, MovementKind.REFILL, slot.stock + wanted.count)


def correct(work: Work, site: SiteCode, machine: PortalId, number: int, wanted: Correction) -> Slot:
    """Note how many somebody counted in a slot."""
    slot = _slot(work, site, machine, number)
    if wanted.stock and slot.item is None:
        raise Invalid([("stock", "needs an item first: say what lies in the slot")])
    if wanted.stock > slot.capacity:
        raise Invalid([("stock", f"is more than fits: there is room for {slot.capacity}")])
    slot.restocked_at = None
    return _moved(work, slot, MovementKind.CORRECTION, wanted.stock, note=wanted.note)


def take_one(work: Work, order: Order) -> None:
    """Count what the machine said has dropped; the site is locked."""
    slot = work.session.get(Slot, (order.site, order.machine, order.slot), populate_existing=True)
    if slot is None:
        return
    _moved(
        work, slot, MovementKind.DISPENSED, max(0, slot.stock - 1), order=order.id, item=order.item
    )


def restocked(work: Work, machine: Machine, number: int) -> None:
    """Take a machine's word that a slot which was empty holds something again; somebody says how much."""
    lock(work, machine.site)
    slot = work.session.get(Slot, (machine.site, machine.portal, number), populate_existing=True)
    if slot is None:
        return
    slot.restocked_at = work.now
    _moved(work, slot, MovementKind.RESTOCKED, slot.stock)


def consumption(work: Work, site: SiteCode, days: int = 14) -> Consumption:
    """Return what was taken at a site in the last days, today included, by the site's clock."""
    require(work.principal, Right.REFRESHMENTS_MANAGE, site)
    found = work.session.get(Site, site)
    if found is None:
        raise NotFound("There is no such site.")
    zone = ZoneInfo(found.time_zone)
    today = work.now.astimezone(zone).date()
    every = [today - timedelta(days=back) for back in reversed(range(days))]
    since = datetime.combine(every[0], datetime.min.time(), zone)
    taken: Counter[tuple[date, ItemId]] = Counter()
    of_item: Counter[ItemId] = Counter()
    for each in models.dispensed_since(work.session, site, since):
        if each.item is not None:
            taken[each.at.astimezone(zone).date(), each.item] += 1
            of_item[each.item] += 1
    return Consumption(every, [item for item, _ in of_item.most_common()], taken)


def _slot(work: Work, site: SiteCode, machine: PortalId, number: int) -> Slot:
    find_machine(work, site, machine)
    lock(work, site)
    found = work.session.get(Slot, (site, machine, number), populate_existing=True)
    if found is None:
        raise NotFound("There is no such slot.")
    return found


def _moved(
    work: Work,
    slot: Slot,
    kind: MovementKind,
    stock: int,
    *,
    note: str = "",
    order: OrderId | None = None,
    item: ItemId | None = None,
) -> Slot:
    change, slot.stock = stock - slot.stock, stock
    work.session.add(
        StockMovement(
            id=MovementId(work.ids.new()),
            site=slot.site,
            machine=slot.machine,
            slot=slot.number,
            item=item or slot.item,
            kind=kind,
            change=change,
            stock=stock,
            person=work.principal.person,
            order=order,
            note=note,
            at=work.now,
        )
    )
    machine = work.session.get_one(Machine, (slot.site, slot.machine))
    if slot.stock > machine.low_stock:
        slot.low_told_at = None
    work.session.add(slot)
    live.notice(work, "drinks", about=slot.machine, site=slot.site)
    if slot.stock <= machine.low_stock and slot.low_told_at is None and slot.item is not None:
        # At the end, so that of several slots at once one mail tells.
        work.at_the_end(
            ("low stock", slot.site, slot.machine), lambda later: low_stock.tell(later, machine)
        )
    return slot
