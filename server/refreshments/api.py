"""Refreshments as JSON: machines, items and slots; refills and counts; what visitors took."""

from datetime import date, datetime
from typing import Annotated

from flask import Response, request
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from access_protocol.ids import PortalId, SiteCode
from server.kernel.blueprint import ApiBlueprint
from server.kernel.ids import ItemId, MovementId, OrderId, PersonId
from server.kernel.pagination import PageQuery
from server.kernel.principal import Right, require
from server.kernel.request import answer, answer_page, begin, no_content, reading
from server.places.actions import Slug
from server.refreshments import actions, models
from server.refreshments.actions import (
    AllowanceInput,
    Correction,
    ItemInput,
    MachineInput,
    MovementKind,
    Refill,
    SlotInput,
)
from server.refreshments.models import Item, Machine
from server.web.limits import at_most

blueprint = ApiBlueprint(
    "Refreshments", "Vending machines, their stock, and what visitors took.", "/refreshments"
)

_SiteText = Annotated[str, Field(pattern="^[A-Z]{1,3}$")]


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class SitePath(BaseModel):
    """A site."""

    site: _SiteText


class MachinePath(SitePath):
    """A machine by its portal."""

    machine: Slug


class SlotPath(MachinePath):
    """A slot of a machine."""

    number: int = Field(ge=1, le=255)


class ItemPath(BaseModel):
    """An item."""

    item: str = Field(pattern="^[0-9a-f]{32}$")


class AllowanceOut(_Out):
    """How many drinks a site gives away."""

    site: SiteCode
    per_visit: int
    per_day: int | None


class ItemOut(_Out):
    """Something to drink or eat."""

    id: ItemId
    site: SiteCode
    name: str
    translations: dict[str, str]
    note: str
    note_translations: dict[str, str]
    picture: str = Field(description="SHA-256 of its picture in hexadecimal; empty: none.")


class ItemList(BaseModel):
    """The items of a site."""

    items: list[ItemOut]


class SlotOut(_Out):
    """One slot: what lies in it by our own count."""

    number: int
    item: ItemId | None
    capacity: int
    stock: int
    restocked_at: datetime | None = Field(
        description="The machine noticed a refill that nobody has counted yet."
    )


class MachineOut(_Out):
    """A vending machine."""

    site: SiteCode
    portal: PortalId
    offered_after: list[str]
    low_stock: int
    refill_person: PersonId | None
    refill_mail: str
    slots: list[SlotOut] = Field(default_factory=list[SlotOut])


class MachineList(BaseModel):
    """Machines."""

    items: list[MachineOut]


class MovementQuery(PageQuery):
    """Which movements a list shows."""

    site: _SiteText | None = None
    machine: Slug | None = None


class MovementOut(_Out):
    """One change of a slot's stock."""

    id: MovementId
    site: SiteCode
    machine: PortalId
    slot: int
    item: ItemId | None
    kind: MovementKind
    change: int
    stock: int
    person: PersonId | None
    order: OrderId | None
    note: str
    at: datetime


class MovementPage(BaseModel):
    """A page of movements."""

    items: list[MovementOut]
    next_cursor: str | None


class ConsumptionQuery(BaseModel):
    """How far back."""

    days: int = Field(default=14, ge=1, le=366)


class TakenOut(BaseModel):
    """How many of an item were taken in one day of the site."""

    day: date
    item: ItemId
    count: int


class ConsumptionOut(BaseModel):
    """What was taken; days and items of which nothing was taken are left out."""

    items: list[TakenOut]


@blueprint.get("/machines", {200: MachineList})
def list_machines() -> Response:
    """List the machines with their slots."""
    with reading() as work:
        found = [_machine(work.session, each) for each in actions.machines(work)]
        return answer(MachineList(items=found))


@blueprint.put("/machines/<site>/<machine>", {200: MachineOut})
def put_machine(path: MachinePath, body: MachineInput) -> Response:
    """Set a machine up, or change its settings; its portal must be a vending machine."""
    with begin() as work:
        made = actions.put_machine(work, SiteCode(path.site), PortalId(path.machine), body)
        return answer(_machine(work.session, made))


@blueprint.put("/machines/<site>/<machine>/slots/<number>", {200: SlotOut})
def put_slot(path: SlotPath, body: SlotInput) -> Response:
    """Say what lies in a slot and how much fits; another item begins with a stock of none."""
    with begin() as work:
        return answer(SlotOut.model_validate(actions.put_slot(work, *_slot(path), body)))


@blueprint.delete("/machines/<site>/<machine>/slots/<number>", {204: None})
def remove_slot(path: SlotPath) -> Response:
    """Take a slot off the machine."""
    with begin() as work:
        actions.remove_slot(work, *_slot(path))
    return no_content()


@blueprint.post("/machines/<site>/<machine>/slots/<number>/refill", {200: SlotOut})
def refill_slot(path: SlotPath, body: Refill) -> Response:
    """Note that so many more lie in a slot now."""
    with begin() as work:
        return answer(SlotOut.model_validate(actions.refill(work, *_slot(path), body)))


@blueprint.post("/machines/<site>/<machine>/slots/<number>/count", {200: SlotOut})
def count_slot(path: SlotPath, body: Correction) -> Response:
    """Note how many somebody counted in a slot."""
    with begin() as work:
        return answer(SlotOut.model_validate(actions.correct(work, *_slot(path), body)))


@blueprint.get("/items/<site>", {200: ItemList})
def list_items(path: SitePath) -> Response:
    """List what a site offers."""
    with reading() as work:
        require(work.principal, Right.REFRESHMENTS_MANAGE, SiteCode(path.site))
        found = models.items(work.session, SiteCode(path.site))
        return answer(ItemList(items=[ItemOut.model_validate(each) for each in found]))


@blueprint.post("/items/<site>", {201: ItemOut})
def create_item(path: SitePath, body: ItemInput) -> Response:
    """Add something to drink or eat."""
    with begin() as work:
        made: Item = actions.create_item(work, SiteCode(path.site), body)
        return answer(ItemOut.model_validate(made), 201)


@blueprint.put("/item/<item>", {200: ItemOut})
def change_item(path: ItemPath, body: ItemInput) -> Response:
    """Name an item otherwise."""
    with begin() as work:
        return answer(ItemOut.model_validate(actions.change_item(work, ItemId(path.item), body)))


@blueprint.delete("/item/<item>", {204: None})
def retire_item(path: ItemPath) -> Response:
    """Offer an item no more; it leaves its slots."""
    with begin() as work:
        actions.retire_item(work, ItemId(path.item))
    return no_content()


@blueprint.put("/item/<item>/picture", {200: ItemOut})
@at_most(actions.LARGEST_UPLOAD + 1)
def put_picture(path: ItemPath) -> Response:
    """Give an item a picture: the body is a PNG, JPEG or WebP file of at most 5 MB.

    It is written anew as WebP, at most 480 pixels wide and high, without anything but the picture itself.
    """
    body = request.get_data()
    with begin() as work:
        return answer(ItemOut.model_validate(actions.set_picture(work, ItemId(path.item), body)))


@blueprint.get("/allowance/<site>", {200: AllowanceOut})
def show_allowance(path: SitePath) -> Response:
    """Show how many drinks a site gives away."""
    with reading() as work:
        require(work.principal, Right.REFRESHMENTS_MANAGE, SiteCode(path.site))
        return answer(AllowanceOut.model_validate(actions.allowance_of(work, SiteCode(path.site))))


@blueprint.put("/allowance/<site>", {200: AllowanceOut})
def put_allowance(path: SitePath, body: AllowanceInput) -> Response:
    """Say how many drinks a site gives away."""
    with begin() as work:
        found = actions.set_allowance(work, SiteCode(path.site), body)
        return answer(AllowanceOut.model_validate(found))


@blueprint.get("/movements", {200: MovementPage})
def list_movements(query: MovementQuery) -> Response:
    """List refills, counts and what was taken, newest first."""
    with reading() as work:
        site = SiteCode(query.site) if query.site else None
        require(work.principal, Right.REFRESHMENTS_MANAGE, site)
        machine = PortalId(query.machine) if query.machine else None
        page = models.movements(work.session, query, site=site, machine=machine)
        return answer_page(page.map(MovementOut.model_validate))


@blueprint.get("/consumption/<site>", {200: ConsumptionOut})
def show_consumption(path: SitePath, query: ConsumptionQuery) -> Response:
    """Show what was taken at a site, by day and item."""
    with reading() as work:
        found = actions.consumption(work, SiteCode(path.site), query.days)
        taken = sorted(found.taken.items())
        rows = [TakenOut(day=day, item=item, count=count) for (day, item), count in taken]
        return answer(ConsumptionOut(items=rows))


def _slot(path: SlotPath) -> tuple[SiteCode, PortalId, int]:
    return SiteCode(path.site), PortalId(path.machine), path.number


def _machine(session: Session, machine: Machine) -> MachineOut:
    shown = MachineOut.model_validate(machine)
    every = models.slots(session, machine.site, machine.portal)
    shown.slots = [SlotOut.model_validate(each) for each in every]
    return shown
