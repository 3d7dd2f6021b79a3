"""What may become of an order, how many drinks are left to a visitor, and what a machine's words mean. Pure."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from access_protocol.commands import HIGHEST_SLOT
from access_protocol.events import ControllerEventKind, Outcome

VOUCHER_LIFE = timedelta(minutes=5)
"""From the choice to the machine is a short walk; whoever lost the page chooses again."""
REPORT_GRACE = timedelta(seconds=15)
"""A gate that accepted a voucher in its last second has so long to say so before it frees anything."""
SILENT_AFTER = timedelta(seconds=60)
"""A turn takes some seven seconds: a machine that has said nothing by then is not expected to."""
TELLS_WITHIN = timedelta(seconds=90)
"""A gate that was away asks once a minute, more or less, whether its journal can be taken: so long it may know more."""


class OrderState(StrEnum):
    """Where an order stands."""

    CHOSEN = "chosen"
    """Its voucher counts, and one item is reserved for it."""
    DISPENSING = "dispensing"
    """The machine's reader accepted it, or the server ordered it: what comes of it is the machine's word."""
    DONE = "done"
    """The machine said that the item has dropped."""
    RETURNED = "returned"
    """Nothing dropped: the visitor may choose again."""
    EXPIRED = "expired"
    CANCELLED = "cancelled"


OPEN = frozenset({OrderState.CHOSEN, OrderState.DISPENSING})
"""Orders for which an item is reserved."""
COUNTED = OPEN | {OrderState.DONE}
"""Orders that use the allowance."""


class Why(StrEnum):
    """Why nothing dropped."""

    EMPTY = "empty"
    JAMMED = "jammed"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"
    """The machine lost power, or somebody opened it in the middle of a turn."""
    REFUSED = "refused"
    """The machine did not begin: it was busy, open, locked down or out of order."""
    FAILED = "failed"
    """The machine gave nothing out, and has not said why."""
    NO_ANSWER = "no_answer"
    """Nothing was heard of the machine: whether something dropped is not known."""


class MovementKind(StrEnum):
    """Why a stock changed."""

    REFILL = "refill"
    DISPENSED = "dispensed"
    CORRECTION = "correction"
    RESTOCKED = "restocked"
    """The machine noticed that a slot which was empty holds something again; how much it cannot say."""


NOT_DISPENSED = {
    ControllerEventKind.EMPTY: Why.EMPTY,
    ControllerEventKind.JAMMED: Why.JAMMED,
    ControllerEventKind.TIMED_OUT: Why.TIMED_OUT,
    ControllerEventKind.INTERRUPTED: Why.INTERRUPTED,
}
"""The machine's own words for that nothing dropped."""

FAILED = {Outcome.REFUSED: Why.REFUSED, Outcome.NO_ANSWER: Why.NO_ANSWER}
"""What a journal tells of an order that the machine did not begin, or of which nothing was heard."""

VAGUE = frozenset({Why.FAILED, Why.NO_ANSWER})
"""Reasons that a better one takes the place of."""

_SLOT = re.compile(r"slot ([1-9][0-9]{0,2})")


def begun(state: OrderState, why: Why | None, *, anew: bool) -> OrderState:
    """Return the state after the machine's reader or the machine itself said that it begins.

    `anew`: under another event than before. It may begin with a voucher that the server had ended meanwhile,
    because its gate had not heard of that yet; and words of a machine may arrive in another order than said.
    """
    if state is OrderState.DONE:
        return state
    if state is OrderState.RETURNED and not anew and why is not Why.NO_ANSWER:
        return state
    return OrderState.DISPENSING


def not_dispensed(state: OrderState) -> OrderState:
    """Return the state after word came that nothing dropped."""
    return OrderState.RETURNED if state in OPEN else state


def left(allowance: int | None, states: Iterable[OrderState]) -> int:
    """Return how many more may be ordered where these orders were made; None: as many as anybody likes."""
    used = sum(1 for each in states if each in COUNTED)
    return HIGHEST_SLOT if allowance is None else max(0, allowance - used)


def untold(
    chosen_at: datetime, expires_at: datetime, here_since: datetime | None, now: datetime
) -> bool:
    """Tell whether a machine's gate may accept a voucher, or have accepted it, that the server does not know of.

    `here_since`: since when the gate is there; None: it is away.
    """
    if here_since is None:
        return now < expires_at + REPORT_GRACE
    return chosen_at < here_since and now < here_since + TELLS_WITHIN


def slot_named(detail: str | None) -> int | None:
    """Return the slot that a machine's report names in its detail ("slot 3"), or None."""
    found = _SLOT.fullmatch(detail or "")
    number = int(found[1]) if found else 0
    return number if 1 <= number <= HIGHEST_SLOT else None
