"""The timeline's part of the drinks: offered, chosen, and what the machine gave out, by the ledger's times."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlmodel import col, select

from access_protocol.events import Outcome
from access_protocol.ids import EventId
from server.access.models import AccessEvent, EntryKind
from server.pages.drinks import line
from server.pages.states import Badge
from server.pages.timeline.entry import Entry, Kind, Told
from server.refreshments import models
from server.refreshments.actions import OrderState, Why
from server.refreshments.models import Item, Order
from server.web.languages import gettext

_LAST_WORDS = (Outcome.DISPENSED, Outcome.NOT_DISPENSED, Outcome.REFUSED, Outcome.NO_ANSWER)


def drinks(told: Told) -> Iterator[Entry]:
    """Tell what was offered, chosen, given out or given back."""
    session = told.work.session
    offered = Badge("", "drink", gettext("A drink was offered"))
    for guest in told.guests:
        for offer in models.offers_of(session, guest.id):
            where = told.names.portal(offer.site, offer.machine)
            key = f"{guest.id}-{offer.site}-{offer.machine}-offer"
            yield Entry(Kind.DRINK, key, offer.at, offered, guest.id, where)
    found = models.of_visitors(session, told.visitors)
    ledger = _last_words(told, (each.event for each in found if each.event))
    chosen = Badge("", "drink", gettext("Drink chosen"))
    for order in found:
        where = told.names.portal(order.site, order.machine)
        what = f"{line(session.get_one(Item, order.item)).name} · {where}"
        yield Entry(Kind.DRINK, f"{order.id}-chosen", order.chosen_at, chosen, order.visitor, what)
        badge = _came_to(order)
        if badge is not None and order.settled_at is not None:
            at = ledger.get(order.event, order.settled_at) if order.event else order.settled_at
            yield Entry(Kind.DRINK, f"{order.id}-settled", at, badge, order.visitor, what)


def _came_to(order: Order) -> Badge | None:
    """Return how an order ended; None while it is open."""
    match order.state:
        case OrderState.DONE:
            return Badge("good", "drink", gettext("Drink given out"))
        case OrderState.RETURNED:
            return Badge("waiting", "drink", _nothing_dropped(order.why))
        case OrderState.EXPIRED:
            return Badge("", "expired", gettext("The code for the drink ran out"))
        case OrderState.CANCELLED:
            return Badge("", "cancelled", gettext("Drink taken back"))
        case _:
            return None


def _nothing_dropped(why: Why | None) -> str:
    words = {
        Why.EMPTY: gettext("No drink came: sold out"),
        Why.JAMMED: gettext("No drink came: it got stuck"),
        Why.TIMED_OUT: gettext("No drink came: nothing dropped"),
        Why.INTERRUPTED: gettext("No drink came: the machine was interrupted"),
        Why.REFUSED: gettext("No drink came: the machine could not begin"),
        Why.NO_ANSWER: gettext("Whether a drink came is not known: the machine did not answer"),
    }
    return words.get(why or Why.FAILED, gettext("No drink came"))


def _last_words(told: Told, events: Iterable[EventId]) -> dict[EventId, datetime]:
    """Return when, by the ledger, the machine said what came of each order."""
    statement = select(AccessEvent.event, AccessEvent.at).where(
        AccessEvent.kind == EntryKind.OUTCOME,
        col(AccessEvent.event).in_(list(events)),
        col(AccessEvent.outcome).in_(_LAST_WORDS),
    )
    in_order = statement.order_by(col(AccessEvent.sequence))
    return {EventId(event): at for event, at in told.work.session.exec(in_order) if event}
