"""A machine on the way offers a drink: one choice makes a voucher, and only the machine says that it dropped."""

from contextlib import suppress
from typing import Any

from demo.caller import PATIENCE
from demo.cast import DRINKS, MACHINE, Cast
from demo.timeline import StepFailedError

_TRIES = 4


def is_offered(cast: Cast) -> None:
    """Wait until the open page of the visit asks by itself."""
    cast.visitor.sees_visit()
    cast.visitor.reads("Would you like a drink?")
    cast.timeline.happened("past the gate the page asks: would you like a drink?")


def is_had(cast: Cast) -> None:
    """Choose, hold the voucher before the machine, and wait for the bottle; then try the same voucher again."""
    before = _stock(cast)
    drink = cast.visitor.chooses_a_drink()
    cast.timeline.happened(
        f"the visitor chooses {drink}; a voucher for this one machine stands on the phone"
    )
    voucher = cast.visitor.voucher_picture()
    cast.holds(DRINKS, "voucher", voucher)
    event = cast.ledger.decided(DRINKS)
    cast.ledger.reported(event, MACHINE, "dispensed")
    cast.timeline.happened(
        "the machine's reader accepts it; the bottle has dropped past the sensor"
    )
    cast.visitor.reads("Enjoy")
    after = cast.waits("one bottle less in the stock", lambda: _less(cast, before))
    cast.timeline.happened(f"the page says so, and the stock went from {before} to {after}")
    _shows_again(cast, voucher, event["credential"])
    cast.ledger.refused(DRINKS, "voucher_spent", event["credential"])
    cast.timeline.refused("the same voucher a second time: refused as voucher_spent")


def _shows_again(cast: Cast, voucher: bytes, credential: str) -> None:
    """Hold the voucher there until the reader decides: what it decided on it does not decide anew for 10 s."""
    for _ in range(_TRIES):
        cast.holds(DRINKS, "again", voucher)
        with suppress(StepFailedError):
            patience = PATIENCE / _TRIES
            cast.ledger.decided(
                DRINKS, credential=credential, reason="voucher_spent", patience=patience
            )
            return


def _stock(cast: Cast) -> int:
    machines: list[dict[str, Any]] = cast.admin.get("/api/v1/refreshments/machines")["items"]
    if len(machines) != 1:
        raise StepFailedError(f"{len(machines)} machines instead of one")
    return sum(int(slot["stock"]) for slot in machines[0]["slots"])


def _less(cast: Cast, before: int) -> int | None:
    after = _stock(cast)
    return after if after == before - 1 else None
