"""The drink: its offer on the visit page, and the page with the menu, the voucher and what became of it."""

from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.credentials.actions import qr_png
from server.kernel.errors import Conflict, Invalid, NotFound
from server.kernel.ids import ItemId, OrderId
from server.pages import drinks
from server.pages.drinks import Drink
from server.pages.visitor import blueprint
from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting, visiting
from server.refreshments import actions
from server.refreshments.models import Machine
from server.web.languages import gettext
from server.web.limits import SMALL, at_most, limited

_OPEN_MODES = frozenset({"voucher", "dispensing"})
_KEPT = "private, max-age=86400, immutable"


def section(now: Visiting) -> Shown | None:
    """Return the offer while there is one, and how an order stands."""
    machine = _machine(now)
    if machine is None or not now.counts:
        return None
    drink = _drink(now, machine)
    if drink.mode in ("closed", "none") or (drink.mode == "done" and not drink.more):
        return None
    asks = drink.mode in _OPEN_MODES or (drink.mode == "menu" and not drink.declined)
    return Shown({"drink": drink, "token": now.token}, asks=asks)


@blueprint.get("/<token>/drink")
@limited("120 per minute")
def drink(token: str) -> AnyResponse:
    """Show the menu, the voucher, or what becomes of it."""
    with visiting(token) as now:
        return _page(now, "visitor/drink.html")


@blueprint.get("/<token>/drink/now")
@limited("600 per minute")
def drink_now(token: str) -> AnyResponse:
    """Return what changes on an open page."""
    with visiting(token) as now:
        return _page(now, "visitor/drink_now.html")


@blueprint.post("/<token>/drink")
@limited("30 per minute")
@at_most(SMALL)
def choose_drink(token: str) -> AnyResponse:
    """Order one item, or say "no, thanks"; where it is gone meanwhile, show the menu anew and say so."""
    item = ItemId(request.form.get("item", "")[:32])
    try:
        with visiting(token, writes=True) as now:
            machine = _machine(now)
            if machine is None:
                raise NotFound("Drinks are offered once you are past the gate.")
            if request.form.get("no"):
                actions.decline(now.work, machine.site, machine.portal, now.visitor.id)
                return redirect(url_for("visitor.visit", token=token), 303)
            actions.choose(now.work, machine.site, machine.portal, now.visitor.id, item)
    except (Invalid, Conflict) as error:
        why = error.detail if isinstance(error, Conflict) else ""
        words = (
            gettext(why) if why else gettext("That one has just gone. Please choose another one.")
        )
        with visiting(token) as now:
            return _page(now, "visitor/drink.html", words, error.status)
    return redirect(url_for("visitor.drink", token=token), 303)


@blueprint.post("/<token>/drink/cancel")
@limited("30 per minute")
@at_most(SMALL)
def cancel_drink(token: str) -> AnyResponse:
    """Take a choice back; where the machine has begun already, its page shows that."""
    try:
        with visiting(token, writes=True) as now:
            actions.cancel(now.work, OrderId(request.form.get("order", "")[:32]))
    except Conflict:
        pass
    return redirect(url_for("visitor.drink", token=token), 303)


@blueprint.get("/<token>/drink/code.png")
@limited("120 per minute")
def drink_code(token: str) -> Response:
    """Return the voucher's QR code, for a browser without scripts."""
    with visiting(token) as now:
        machine = _machine(now)
        code = _drink(now, machine).code if machine else ""
    if not code:
        raise NotFound("There is no code now.")
    return Response(qr_png(code, module=10), mimetype="image/png")


@blueprint.get("/<token>/drink/picture/<item>")
@limited("600 per minute")
def drink_picture(token: str, item: str) -> Response:
    """Return an item's picture."""
    with visiting(token) as now:
        body = actions.picture_of(now.work, ItemId(item[:32]))
    if body is None:
        raise NotFound("There is no picture.")
    answer = Response(body, mimetype=actions.MEDIA_TYPE)
    answer.headers["Cache-Control"] = _KEPT
    return answer


def _page(now: Visiting, template: str, refused: str = "", status: int = 200) -> AnyResponse:
    machine = _machine(now)
    if machine is None and not template.endswith("_now.html"):
        return redirect(url_for("visitor.visit", token=now.token), 303)
    text = render_template(
        template,
        token=now.token,
        site_name=now.names.site(now.visit.site),
        machine=now.names.portal(machine.site, machine.portal) if machine else "",
        drink=_drink(now, machine) if machine else None,
        refused=refused,
        again=bool(request.args.get("again")),
    )
    return Response(text, status, mimetype="text/html")


def _machine(now: Visiting) -> Machine | None:
    return actions.machine_for(now.work, now.visitor.id)


def _drink(now: Visiting, machine: Machine) -> Drink:
    found = actions.standing(now.work, machine.site, machine.portal, now.visitor.id)
    return drinks.composed(now.work, found, again=bool(request.args.get("again")))
