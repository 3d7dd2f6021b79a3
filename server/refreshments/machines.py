"""Setting machines up: what they are offered after, what a site gives away, items with their pictures, and slots."""

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import col, select

from access_protocol.commands import HIGHEST_SLOT
from access_protocol.ids import PortalId, SiteCode
from access_protocol.wording import Language
from server.kernel import live
from server.kernel.errors import Conflict, Invalid, NotFound
from server.kernel.ids import ItemId, PersonId
from server.kernel.principal import Right, require
from server.kernel.text import EmailAddress, Line
from server.kernel.upsert import insert_once
from server.kernel.work import Work
from server.people.models import Person
from server.places.actions import PortalKind, Slug
from server.places.models import Portal, Site
from server.refreshments import models, pictures
from server.refreshments.models import Allowance, Item, Machine, Order, Picture, Slot
from server.refreshments.rules import OPEN

ItemName = Annotated[Line, Field(min_length=1, max_length=80)]
Note = Annotated[
    Line, Field(max_length=200, description="Allergens, or what else is good to know.")
]
SlotNumber = Annotated[int, Field(ge=1, le=HIGHEST_SLOT)]
Pieces = Annotated[int, Field(ge=0, le=999)]


class AllowanceInput(BaseModel):
    """How many drinks a site gives away."""

    model_config = ConfigDict(extra="forbid")

    per_visit: int = Field(ge=0, le=20, description="To each visitor in one visit.")
    per_day: int | None = Field(
        default=None,
        ge=0,
        le=100_000,
        description="To all visitors in one day of the site; null: no limit.",
    )


class MachineInput(BaseModel):
    """A machine's settings."""

    model_config = ConfigDict(extra="forbid")

    offered_after: list[Slug] = Field(
        max_length=16,
        description="Portals; whoever comes in through one of them is offered a drink.",
    )
    low_stock: int = Field(default=2, ge=0, le=999)
    refill_person: str | None = Field(default=None, pattern="^[0-9a-f]{32}$")
    refill_mail: EmailAddress | None = None


class ItemInput(BaseModel):
    """An item's names and notes; both may be given in further languages."""

    model_config = ConfigDict(extra="forbid")

    name: ItemName
    translations: dict[Language, ItemName] = Field(default_factory=dict[Language, str])
    note: Note = ""
    note_translations: dict[Language, Note] = Field(default_factory=dict[Language, str])


class SlotInput(BaseModel):
    """What a slot is for."""

    model_config = ConfigDict(extra="forbid")

    item: str | None = Field(
        default=None, pattern="^[0-9a-f]{32}$", description="null: nothing yet."
    )
    capacity: int = Field(ge=1, le=999)


class NewSlot(SlotInput):
    """A slot by its number on the machine."""

    number: SlotNumber


def lock(work: Work, site: SiteCode) -> Allowance:
    """Keep others from ordering, settling or counting stock at the site until this work ends.

    Whoever also decides or journals locks the site's ledger first, and this after it.
    """
    wanted = select(Allowance).where(Allowance.site == site)
    wanted = wanted.with_for_update().execution_options(populate_existing=True)
    found = work.session.exec(wanted).one_or_none()
    if found is None:
        insert_once(work.session, Allowance, site=site, per_visit=1, per_day=None)
        found = work.session.exec(wanted).one()
    return found


def allowance_of(work: Work, site: SiteCode) -> Allowance:
    """Return how many drinks the site gives away."""
    return work.session.get(Allowance, site) or Allowance(site=site, per_visit=1)


def set_allowance(work: Work, site: SiteCode, wanted: AllowanceInput) -> Allowance:
    """Say how many drinks the site gives away."""
    require(work.principal, Right.REFRESHMENTS_MANAGE, site)
    _site(work, site)
    found = lock(work, site)
    found.per_visit, found.per_day = wanted.per_visit, wanted.per_day
    work.session.add(found)
    return found


def put_machine(work: Work, site: SiteCode, portal: PortalId, wanted: MachineInput) -> Machine:
    """Set a machine up, or change its settings; its portal must be a vending machine."""
    require(work.principal, Right.REFRESHMENTS_MANAGE, site)
    found = work.session.get(Portal, (site, portal))
    if found is None or found.kind is not PortalKind.VENDING:
        raise NotFound("There is no such vending machine. Set its portal up first.")
    for each in wanted.offered_after:
        if work.session.get(Portal, (site, each)) is None:
            raise Invalid([("offered_after", f"there is no door {each} at this site")])
    if wanted.refill_person and work.session.get(Person, wanted.refill_person) is None:
        raise Invalid([("refill_person", "is nobody with an account")])
    machine = work.session.get(Machine, (site, portal)) or Machine(
        site=site, portal=portal, created_at=work.now
    )
    machine.offered_after = list(dict.fromkeys(wanted.offered_after))
    machine.low_stock = wanted.low_stock
    machine.refill_person = PersonId(wanted.refill_person) if wanted.refill_person else None
    machine.refill_mail = wanted.refill_mail or ""
    work.session.add(machine)
    work.session.flush()
    return machine


def find_machine(work: Work, site: SiteCode, portal: PortalId) -> Machine:
    """Return a machine, or raise `NotFound`."""
    require(work.principal, Right.REFRESHMENTS_MANAGE, site)
    found = work.session.get(Machine, (site, portal))
    if found is None:
        raise NotFound("There is no such vending machine.")
    return found


def create_item(work: Work, site: SiteCode, wanted: ItemInput) -> Item:
    """Add something to drink or eat."""
    require(work.principal, Right.REFRESHMENTS_MANAGE, site)
    _site(work, site)
    item = Item(id=ItemId(work.ids.new()), site=site, name=wanted.name)
    return _written(work, item, wanted)


def change_item(work: Work, item: ItemId, wanted: ItemInput) -> Item:
    """Name it otherwise."""
    return _written(work, find_item(work, item), wanted)


def retire_item(work: Work, item: ItemId) -> None:
    """Offer it no more; it leaves the slots, and what was taken of it stays in the figures."""
    found = find_item(work, item)
    lock(work, found.site)
    for slot in work.session.exec(select(Slot).where(Slot.item == item)).all():
        _check_nobody_waits(work, slot)
        slot.item, slot.stock = None, 0
        work.session.add(slot)
    found.retired_at = found.retired_at or work.now
    work.session.add(found)


def find_item(work: Work, item: ItemId) -> Item:
    """Return an item, or raise `NotFound`."""
    found = work.session.get(Item, item)
    if found is None:
        raise NotFound("There is no such item.")
    require(work.principal, Right.REFRESHMENTS_MANAGE, found.site)
    return found


def set_picture(work: Work, item: ItemId, body: bytes) -> Item:
    """Take an uploaded picture: PNG, JPEG or WebP, written anew; or raise `Invalid`."""
    found = find_item(work, item)
    try:
        clean = pictures.rewritten(body)
    except pictures.NotAPicture as error:
        raise Invalid([("picture", str(error))]) from error
    kept = work.session.get(Picture, item)
    if kept is None:
        kept = Picture(item=item, body=clean)
    kept.body = clean
    found.picture = hashlib.sha256(clean).hexdigest()
    work.session.add_all([kept, found])
    return found


def picture_of(work: Work, item: ItemId) -> bytes | None:
    """Return an item's picture as WebP; it is no secret."""
    found = work.session.get(Picture, item)
    return found.body if found else None


def put_slot(work: Work, site: SiteCode, machine: PortalId, number: int, wanted: SlotInput) -> Slot:
    """Say what lies in a slot and how much fits; another item begins with a stock of none."""
    find_machine(work, site, machine)
    if not 1 <= number <= HIGHEST_SLOT:
        raise Invalid([("number", f"must be from 1 to {HIGHEST_SLOT}")])
    lock(work, site)
    item = work.session.get(Item, wanted.item) if wanted.item else None
    if wanted.item and (item is None or item.site != site or item.retired_at is not None):
        raise Invalid([("item", "is not offered at this site")])
    slot = work.session.get(Slot, (site, machine, number))
    if slot is None:
        slot = Slot(site=site, machine=machine, number=number, capacity=wanted.capacity)
    chosen = item.id if item else None
    if slot.item != chosen:
        _check_nobody_waits(work, slot)
        slot.item, slot.stock, slot.low_told_at = chosen, 0, None
    if wanted.capacity < slot.stock:
        raise Invalid([("capacity", f"is less than the {slot.stock} that lie in it")])
    slot.capacity = wanted.capacity
    work.session.add(slot)
    work.session.flush()
    live.notice(work, "drinks", about=machine, site=site)
    return slot


def remove_slot(work: Work, site: SiteCode, machine: PortalId, number: int) -> None:
    """Take a slot off the machine."""
    find_machine(work, site, machine)
    lock(work, site)
    slot = work.session.get(Slot, (site, machine, number))
    if slot is None:
        raise NotFound("There is no such slot.")
    _check_nobody_waits(work, slot)
    work.session.delete(slot)


def _written(work: Work, item: Item, wanted: ItemInput) -> Item:
    item.name, item.note = wanted.name, wanted.note
    item.translations = {str(key): value for key, value in wanted.translations.items()}
    item.note_translations = {
        str(key): value for key, value in wanted.note_translations.items() if value
    }
    work.session.add(item)
    work.session.flush()
    return item


def _check_nobody_waits(work: Work, slot: Slot) -> None:
    waiting = select(Order.id).where(
        Order.site == slot.site,
        Order.machine == slot.machine,
        Order.slot == slot.number,
        col(Order.state).in_(OPEN),
    )
    if work.session.exec(waiting).first() is not None:
        raise Conflict(
            "Somebody has just ordered from this slot. Please try again in a few minutes."
        )


def _site(work: Work, site: SiteCode) -> Site:
    found = work.session.get(Site, site)
    if found is None:
        raise NotFound("There is no such site.")
    return found


def machines(work: Work) -> list[Machine]:
    """Return the machines that the caller may look after."""
    require(work.principal, Right.REFRESHMENTS_MANAGE)
    every = models.machines(work.session)
    return [each for each in every if work.principal.may(Right.REFRESHMENTS_MANAGE, each.site)]
