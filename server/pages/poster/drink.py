"""The page behind a vending machine's poster: whoever may have a drink chooses it here, and gets it."""

from dataclasses import replace

from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.arrivals import actions as arrivals
from server.arrivals.models import Poster
from server.kernel.errors import Conflict, Invalid, NotFound
from server.kernel.ids import ItemId
from server.kernel.principal import Principal
from server.kernel.request import office
from server.kernel.work import Work
from server.pages import drinks
from server.pages.drinks import Drink
from server.pages.names import Names
from server.pages.poster import blueprint, scanned, standing
from server.pages.poster.standing import Guest
from server.refreshments import actions
from server.refreshments.actions import OPEN
from server.refreshments.models import Machine, Offer
from server.web import languages
from server.web.languages import gettext
from server.web.limits import SMALL, at_most, limited


def is_machine(work: Work, poster: Poster) -> bool:
    """Tell whether the poster hangs at a vending machine that gives out drinks."""
    return work.session.get(Machine, (poster.site, poster.portal)) is not None


@blueprint.get("/<code>/drink")
@limited("120 per minute")
def drink(code: str) -> AnyResponse:
    """Show what the machine holds, to whoever this phone is bound to."""
    with office().begin(Principal.anonymous()) as work:
        return _page(work, _poster(work, code))


@blueprint.post("/<code>/drink")
@limited("30 per minute")
@at_most(SMALL)
def order_drink(code: str) -> AnyResponse:
    """Have the machine give out what is chosen here, or what was chosen on the way."""
    item = ItemId(request.form.get("item", "")[:32])
    try:
        with office().begin(Principal.anonymous()) as work:
            guest = _ordered(work, _poster(work, code), item)
            where = url_for("visitor.drink", token=scanned.token_of(work, guest))
    except (Invalid, Conflict) as error:
        why = error.detail if isinstance(error, Conflict) else ""
        words = (
            gettext(why) if why else gettext("That one has just gone. Please choose another one.")
        )
        with office().begin(Principal.anonymous()) as work:
            return _page(work, _poster(work, code), words, error.status)
    return redirect(where, 303)


def _ordered(work: Work, poster: Poster, item: ItemId) -> Guest:
    guest = _guest(work, poster)
    if guest is None:
        raise Conflict("Please scan the code at the machine again.")
    standing.become(work, guest)
    # Whoever orders here locks the ledger first, for the machine's command is journaled.
    actions.lock_for_machine(work, poster.site)
    found = actions.standing(work, poster.site, poster.portal, guest.visitor.id).order
    order = found if found is not None and found.state in OPEN else None
    unseen = False
    if item and (order is None or order.item != item):
        unseen = True
        order = actions.choose(work, poster.site, poster.portal, guest.visitor.id, item)
    if order is None:
        raise Conflict("That took a little long. Please choose again.")
    actions.dispense_here(work, order.id, unseen=unseen)
    return guest


def _guest(work: Work, poster: Poster) -> Guest | None:
    """Return whose drink it is: of several visits on one phone the one that was offered one."""
    found = standing.guests(work, poster)
    one = scanned.chosen(found)
    if one is not None or request.values.get("visitor"):
        return one
    offered = (each for each in found if _was_offered(work, poster, each))
    return next(offered, None)


def _was_offered(work: Work, poster: Poster, guest: Guest) -> bool:
    key = (guest.visitor.id, poster.site, poster.portal)
    return guest.can_enter and work.session.get(Offer, key) is not None


def _page(work: Work, poster: Poster, refused: str = "", status: int = 200) -> AnyResponse:
    guest, names = _guest(work, poster), Names(work)
    languages.prefer(
        languages.of_browser() or (guest.visitor.language if guest else None),
        names.time_zone(poster.site),
    )
    shown: Drink | None = None
    token = ""
    if guest is not None:
        standing.become(work, guest)
        token = scanned.token_of(work, guest)
        machine = work.session.get_one(Machine, (poster.site, poster.portal))
        if guest.can_enter and not machine.offered_after:
            # It stands where everybody may come: its poster is the offer.
            actions.offer(work, poster.site, poster.portal, guest.visitor.id)
        stands = actions.standing(work, poster.site, poster.portal, guest.visitor.id)
        shown = drinks.composed(work, stands, again=True)
        if shown.mode == "closed" and stands.offer is None:
            shown = replace(shown, mode="before")
    text = render_template(
        "poster/drink.html",
        code=poster.code,
        site=names.site(poster.site),
        portal=names.portal(poster.site, poster.portal),
        number=arrivals.as_read(poster.check_number),
        drink=shown,
        by_poster=guest is None or not _holds_a_code(work, poster, guest),
        token=token,
        visitor=guest.visitor.id if guest else "",
        refused=refused,
    )
    return Response(text, status, mimetype="text/html")


def _holds_a_code(work: Work, poster: Poster, guest: Guest) -> bool:
    """Tell whether the machine's reader may take, or have taken, a code of the guest's without our knowing."""
    found = actions.may_be_had(work, guest.visitor.id)
    return any(each.machine == poster.portal for each in found)


def _poster(work: Work, code: str) -> Poster:
    poster = arrivals.poster_found(work, code)
    if poster is None or poster.ended_at is not None or not is_machine(work, poster):
        raise NotFound("This poster is old. Please look for the one that hangs there now.")
    return poster
