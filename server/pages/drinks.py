"""How a drink stands, in words: for the visitor's own page and for the page behind a machine's poster."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from server.kernel.ids import ItemId, OrderId
from server.kernel.work import Work
from server.pages.states import Badge
from server.places.models import name_in
from server.refreshments import actions as refreshments
from server.refreshments.actions import OrderState, Standing, Why
from server.refreshments.models import Item, Order, note_in
from server.web.languages import current, gettext


@dataclass(frozen=True)
class Line:
    """One item as the reader sees it."""

    id: ItemId
    name: str
    note: str
    picture: str
    """Names its picture's content; empty: there is none."""


@dataclass(frozen=True)
class Drink:
    """What the page shows: a menu, a voucher, or what became of it."""

    mode: str
    """menu, voucher, dispensing, done, none (nothing to choose from) or closed (nothing offered)."""
    menu: Sequence[Line]
    notice: Badge | None
    order: OrderId | None
    item: Line | None
    """What was chosen."""
    code: str
    """The text of the QR code; empty but for a voucher that counts."""
    left_ms: int
    """How long it counts from now on."""
    more: bool
    """Whether another one may be had afterwards."""
    declined: bool


def composed(work: Work, standing: Standing, *, again: bool = False) -> Drink:
    """Return what to show; `again`: whoever has had a drink wants another."""
    order = standing.order
    menu = [line(each.item) for each in standing.menu]
    chosen = line(work.session.get_one(Item, order.item)) if order else None
    declined = standing.offer is not None and standing.offer.declined_at is not None
    mode, notice, code, left_ms = "", None, "", 0
    left = standing.left
    if order is not None and order.state is OrderState.CHOSEN:
        code = refreshments.voucher_text(work, order)
        left_ms = max(0, (order.expires_at - work.now) // timedelta(milliseconds=1))
        mode = "voucher" if code else ""
        # What ran out is still counted for a moment; choosing again takes it back.
        left += 0 if code else 1
    elif order is not None and order.state is OrderState.DISPENSING:
        mode = "dispensing"
    elif order is not None and order.state is OrderState.DONE and not (again and left):
        mode = "done"
    if not mode:
        notice = _notice(order)
        mode = _choosing(standing, left, has_menu=bool(menu))
    return Drink(
        mode=mode,
        menu=menu,
        notice=notice,
        order=order.id if order else None,
        item=chosen,
        code=code,
        left_ms=left_ms,
        more=left > 0 and bool(menu),
        declined=declined,
    )


def line(item: Item) -> Line:
    """Return an item in the reader's language."""
    language = current()
    return Line(item.id, name_in(item, language), note_in(item, language), item.picture[:16])


def _choosing(standing: Standing, left: int, *, has_menu: bool) -> str:
    if standing.offer is None or left <= 0:
        return "closed"
    return "menu" if has_menu else "none"


def _notice(order: Order | None) -> Badge | None:
    """Return why there is something to choose again."""
    if order is None:
        return None
    if order.state in (OrderState.EXPIRED, OrderState.CHOSEN):
        words = gettext("Your code has run out. No harm done: please choose again.")
        return Badge("waiting", "expired", words)
    if order.state is OrderState.RETURNED and order.why is not None:
        return Badge("waiting", "information", given_back(order.why))
    return None


def given_back(why: Why) -> str:  # noqa: PLR0911  one line each
    """Return why nothing dropped, and what to do now."""
    match why:
        case Why.EMPTY:
            return gettext("That one is sold out after all. Please choose another one.")
        case Why.JAMMED:
            return gettext("Your drink got stuck in the machine. Sorry! Please choose another one.")
        case Why.TIMED_OUT:
            return gettext(
                "The machine turned, but nothing dropped. Sorry! Please choose another one."
            )
        case Why.INTERRUPTED:
            return gettext(
                "The machine was interrupted before your drink dropped. Please choose again."
            )
        case Why.REFUSED:
            return gettext("The machine cannot serve you just now. Please try again in a moment.")
        case Why.FAILED:
            return gettext("The machine did not give out your drink. Please choose again.")
        case Why.NO_ANSWER:
            return gettext(
                "The machine does not answer. If a drink lies there, it is yours; if not, please choose again."
            )
