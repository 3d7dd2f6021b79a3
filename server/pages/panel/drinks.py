"""Drinks on the panel: what lies in each machine, refills and corrections, what was taken, and the settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.events import SlotCondition
from access_protocol.ids import PortalId, SiteCode
from access_protocol.wording import Language
from server.kernel.errors import GenkanError, NotFound
from server.kernel.ids import ItemId
from server.kernel.pagination import PageQuery
from server.kernel.principal import Right, require
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages import drinks
from server.pages.names import EVERYTHING, Names
from server.pages.panel import blueprint
from server.pages.panel.drink_fields import present
from server.pages.states import Badge
from server.places import models as places
from server.places.actions import PortalKind
from server.refreshments import actions, models
from server.refreshments.actions import (
    AllowanceInput,
    Consumption,
    Correction,
    ItemInput,
    MachineInput,
    MovementKind,
    NewSlot,
    Refill,
    SlotInput,
)
from server.refreshments.models import Machine, Slot
from server.web.forms import Form
from server.web.languages import gettext
from server.web.limits import at_most

DAYS = 14
_LATEST = PageQuery(limit=20, cursor=None)


@dataclass(frozen=True)
class SlotLine:
    """One slot as the page shows it."""

    slot: Slot
    name: str
    state: Badge
    waiting: int
    """How many of it are promised."""


@dataclass(frozen=True)
class MachineCard:
    """One machine as the page shows it."""

    machine: Machine
    name: str
    site: str
    is_online: bool
    slots: Sequence[SlotLine]

    @property
    def key(self) -> str:
        """Names it in forms."""
        return f"{self.machine.site}:{self.machine.portal}"


@dataclass(frozen=True)
class Taken:
    """What was taken at a site, for chart and table."""

    site: str
    days: Sequence[tuple[str, int, int]]
    """Each day, how many, and how high its bar stands in percent."""
    items: Sequence[tuple[str, Sequence[int], int]]
    """Each item, how many a day, and altogether."""


@blueprint.get("/drinks")
def drinks_page() -> AnyResponse:
    """Show machines, stock and what was taken."""
    return _page(Form.sent())


@blueprint.get("/drinks/now")
def drinks_now() -> str:
    """Return what changes by itself."""
    with reading() as work:
        require(work.principal, Right.REFRESHMENTS_MANAGE)
        return render_template("panel/drinks_now.html", form=Form.sent(), **_shown(work))


@blueprint.post("/drinks/<site>/<machine>/<int:slot>")
def count_drinks(site: str, machine: str, slot: int) -> AnyResponse:
    """Note a refill, a count, or what a slot is for."""
    form = Form.sent()
    place = (SiteCode(site[:3]), PortalId(machine[:32]), slot)
    prefix = f"{site}-{machine}-{slot}-"

    def do(work: Work) -> None:
        match form.value("do"):
            case "refill":
                typed = {"count": form.value(f"{prefix}count")}
                actions.refill(work, *place, Refill.model_validate(typed))
            case "count":
                typed = {"stock": form.value(f"{prefix}stock"), "note": form.value(f"{prefix}note")}
                actions.correct(work, *place, Correction.model_validate(typed))
            case "slot":
                item, capacity = form.value(f"{prefix}item"), form.value(f"{prefix}capacity")
                wanted = SlotInput.model_validate({"item": item or None, "capacity": capacity})
                actions.put_slot(work, *place, wanted)
            case "remove":
                actions.remove_slot(work, *place)
            case _:
                raise NotFound("There is no such way.")

    return _done(form, prefix, do, gettext("Noted. Thank you."))


@blueprint.post("/drinks/<site>/<machine>/slots")
def add_drink_slot(site: str, machine: str) -> AnyResponse:
    """Add a slot to a machine."""
    form, prefix = Form.sent(), f"{site}-{machine}-new-"

    def do(work: Work) -> None:
        typed = {each: form.value(f"{prefix}{each}") for each in ("number", "capacity")}
        wanted = NewSlot.model_validate(typed | {"item": form.value(f"{prefix}item") or None})
        here = SiteCode(site[:3]), PortalId(machine[:32])
        actions.put_slot(work, *here, wanted.number, wanted)

    return _done(form, prefix, do, gettext("The slot is there."))


@blueprint.post("/drinks/machines")
def set_up_machine() -> AnyResponse:
    """Set a machine up, or change its settings."""
    form = Form.sent()
    key = form.value("machine")
    site, _, portal = key.partition(":")
    prefix = f"{site}-{portal}-" if form.value("known") else ""

    def do(work: Work) -> None:
        wanted = {
            "offered_after": form.every(f"{prefix}offered_after"),
            "low_stock": form.value(f"{prefix}low_stock") or 2,
            "refill_person": form.value(f"{prefix}refill_person") or None,
            "refill_mail": form.value(f"{prefix}refill_mail") or None,
        }
        actions.put_machine(
            work, SiteCode(site[:3]), PortalId(portal[:32]), MachineInput.model_validate(wanted)
        )

    return _done(form, prefix, do, gettext("The settings count from now on."))


@blueprint.post("/drinks/allowance/<site>")
def set_drink_allowance(site: str) -> AnyResponse:
    """Say how many drinks a site gives away."""
    form, prefix = Form.sent(), f"{site}-"

    def do(work: Work) -> None:
        wanted = {
            "per_visit": form.value(f"{prefix}per_visit"),
            "per_day": form.value(f"{prefix}per_day") or None,
        }
        actions.set_allowance(work, SiteCode(site[:3]), AllowanceInput.model_validate(wanted))

    return _done(form, prefix, do, gettext("The settings count from now on."))


@blueprint.post("/drinks/items")
@at_most(actions.LARGEST_UPLOAD + 100_000)
def save_drink_item() -> AnyResponse:
    """Add an item, change it, give it a picture, or offer it no more."""
    form = Form.sent()
    known = form.value("item")
    prefix = f"{known}-" if known else ""

    def do(work: Work) -> None:
        if form.value("do") == "retire":
            actions.retire_item(work, ItemId(known[:32]))
            return
        wanted = ItemInput.model_validate(_item_fields(form, prefix))
        item = (
            actions.change_item(work, ItemId(known[:32]), wanted)
            if known
            else actions.create_item(work, SiteCode(form.value("site")[:3]), wanted)
        )
        sent = request.files.get(f"{prefix}picture")
        body = sent.read(actions.LARGEST_UPLOAD + 1) if sent else b""
        if body:
            actions.set_picture(work, item.id, body)

    return _done(form, prefix, do, gettext("Saved."))


@blueprint.get("/drinks/pictures/<item>")
def drink_item_picture(item: str) -> Response:
    """Return an item's picture."""
    with reading() as work:
        require(work.principal, Right.REFRESHMENTS_MANAGE)
        body = actions.picture_of(work, ItemId(item[:32]))
    if body is None:
        raise NotFound("There is no picture.")
    answer = Response(body, mimetype=actions.MEDIA_TYPE)
    answer.headers["Cache-Control"] = "private, max-age=86400, immutable"
    return answer


def _item_fields(form: Form, prefix: str) -> dict[str, object]:
    def further(field: str) -> dict[str, str]:
        every = {each: form.value(f"{prefix}{field}-{each}") for each in Language}
        return {str(each): text for each, text in every.items() if text}

    return {
        "name": form.value(f"{prefix}name"),
        "note": form.value(f"{prefix}note"),
        "translations": further("name"),
        "note_translations": further("note"),
    }


def _done(form: Form, prefix: str, do: Callable[[Work], None], words: str) -> AnyResponse:
    """Do it, or show the page with what was typed and what is wrong with it beside the field."""
    found = Form()
    try:
        with begin() as work:
            do(work)
    except ValidationError as error:
        found.take_validation(error, known=_FIELDS)
    except GenkanError as error:
        if error.status in (401, 403, 404):
            raise
        found.take(error, known=_FIELDS)
    else:
        flash(words, "good")
        return redirect(url_for("panel.drinks_page"), 303)
    for each in found.errors:
        form.refuse(prefix + _as_typed(each.field), each.why)
    for why in found.general_errors:
        form.refuse("", why)
    return _page(form, 422)


def _as_typed(field: str) -> str:
    """Return the form's name of a field: `note_translations.ja` is typed into `note-ja`."""
    return field.replace("note_translations.", "note-").replace("translations.", "name-")


_FIELDS = (
    *(
        f"{each}.{language}"
        for each in ("translations", "note_translations")
        for language in Language
    ),
    *("count", "stock", "note", "item", "capacity", "number", "picture", "name"),
    *("offered_after", "low_stock", "refill_person", "refill_mail", "per_visit", "per_day"),
)


def _page(form: Form, status: int = 200) -> AnyResponse:
    with reading() as work:
        require(work.principal, Right.REFRESHMENTS_MANAGE)
        names = Names(work)
        sites = [
            (SiteCode(code), name)
            for code, name in names.sites()
            if work.principal.may(Right.REFRESHMENTS_MANAGE, SiteCode(code))
        ]
        form.values = present(work, sites) | form.values
        text = render_template(
            "panel/drinks.html",
            form=form,
            sites=sites,
            new_machines=_new_machines(work, names, sites),
            doors={code: _doors(work, names, code) for code, _ in sites},
            people=names.hosts(),
            items={code: models.items(work.session, code) for code, _ in sites},
            item_names={
                code: [
                    (item.id, drinks.line(item).name) for item in models.items(work.session, code)
                ]
                for code, _ in sites
            },
            languages=_languages(),
            **_shown(work),
        )
    return Response(text, status, mimetype="text/html")


def _shown(work: Work) -> dict[str, object]:
    names = Names(work)
    machines = actions.machines(work)
    sites = list(dict.fromkeys(each.site for each in machines))
    return {
        "machines": [_card(work, names, each) for each in machines],
        "taken": [_taken(work, names, site) for site in sites],
        "movements": [
            (
                each,
                names.portal(each.site, each.machine),
                _item_name(work, each.item),
                _kind(each.kind),
            )
            for each in models.movements(work.session, _LATEST).items
            if each.site in sites
        ],
        "person": names.person,
    }


def _card(work: Work, names: Names, machine: Machine) -> MachineCard:
    online, conditions = actions.condition_of(work, machine)
    waiting = models.reserved(work.session, machine.site, machine.portal)
    lines = [
        SlotLine(
            slot,
            _item_name(work, slot.item),
            _state(machine, slot, conditions.get(slot.number), online=online),
            waiting.get(slot.number, 0),
        )
        for slot in models.slots(work.session, machine.site, machine.portal)
    ]
    name = names.portal(machine.site, machine.portal)
    return MachineCard(machine, name, names.site(machine.site), online, lines)


def _state(  # noqa: PLR0911  one line each
    machine: Machine, slot: Slot, said: SlotCondition | None, *, online: bool
) -> Badge:
    if slot.restocked_at is not None:
        return Badge("waiting", "edit", gettext("Refilled: how many lie in it?"))
    if online and said is SlotCondition.OUT_OF_ORDER:
        return Badge("bad", "alarm", gettext("Out of order, by the machine's word"))
    if online and said is SlotCondition.EMPTY and slot.stock:
        return Badge("bad", "alarm", gettext("Empty, by the machine's word"))
    if slot.item is None:
        return Badge("", "information", gettext("Not in use"))
    if slot.stock == 0:
        return Badge("bad", "refused", gettext("Sold out"))
    if slot.stock <= machine.low_stock:
        return Badge("waiting", "information", gettext("Runs low"))
    return Badge("good", "granted", gettext("In stock"))


def _taken(work: Work, names: Names, site: SiteCode) -> Taken:
    found: Consumption = actions.consumption(work, site, DAYS)
    totals = [found.of_day(day) for day in found.days]
    most = max(totals, default=0) or 1
    return Taken(
        names.site(site),
        [
            (day.strftime("%m-%d"), total, -(-total * 100 // most))
            for day, total in zip(found.days, totals, strict=True)
        ],
        [
            (
                _item_name(work, item),
                [found.taken[day, item] for day in found.days],
                found.of_item(item),
            )
            for item in found.items
        ],
    )


def _kind(kind: MovementKind) -> str:
    match kind:
        case MovementKind.REFILL:
            return gettext("Refilled")
        case MovementKind.DISPENSED:
            return gettext("Taken")
        case MovementKind.CORRECTION:
            return gettext("Counted")
        case MovementKind.RESTOCKED:
            return gettext("Refilled, by the machine's word")


def _item_name(work: Work, item: ItemId | None) -> str:
    found = work.session.get(models.Item, item) if item else None
    return drinks.line(found).name if found else ""


def _new_machines(
    work: Work, names: Names, sites: Sequence[tuple[SiteCode, str]]
) -> list[tuple[str, str]]:
    return [
        (f"{code}:{portal.id}", names.portal(code, portal.id))
        for code, _ in sites
        for portal in places.portals(work.session, code, EVERYTHING).items
        if portal.kind is PortalKind.VENDING
        and work.session.get(Machine, (code, portal.id)) is None
    ]


def _doors(work: Work, names: Names, site: SiteCode) -> list[tuple[str, str]]:
    return [
        (portal.id, names.portal(site, portal.id))
        for portal in places.portals(work.session, site, EVERYTHING).items
        if portal.kind is not PortalKind.VENDING
    ]


def _languages() -> list[tuple[str, str]]:
    return [("ja", "日本語"), ("zh", "中文"), ("en", "English")]
