"""How often one address may ask, and how much it may send: by view, and altogether where nobody is signed in.

Each web process counts for itself, in memory: a limit holds a flood back and needs no exact sum. What guards one
account or one code against guessing is `server.kernel.throttle`, in the database.
"""

import ipaddress
import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn, TypeVar, cast

from flask import Flask, current_app, request
from flask_limiter import ApplicationLimit, Limit, Limiter, RequestLimit
from limits import parse_many
from werkzeug.exceptions import RequestEntityTooLarge

from server.kernel.errors import TooMany
from server.kernel.principal import Kind
from server.kernel.request import caller

View = TypeVar("View", bound=Callable[..., Any])

CEILING = "1200 per minute"
"""Of all that one address asks without being signed in: an office full of guests behind one address stays below."""
SMALL = 16 * 1024
"""Bytes that suit a small form or JSON document."""
FACTOR = "GENKAN_LIMITS_FACTOR"
"""Where the application's configuration keeps `Settings.limits_factor`."""
_RATE = "__genkan_rate__"
_BYTES = "__genkan_bytes__"


class Busy(TooMany):
    """An address asks for more than its share."""

    title = "One moment, please"


def limited(rate: str) -> Callable[[View], View]:
    """Mark a view: one address may ask for it so often, for example "30 per minute" or "5 per minute; 40 per day".

    It stands below the line that gives the view its address. A rate that cannot be read is a ValueError at import.
    """
    parse_many(rate)
    return _marked(_RATE, rate)


def at_most(size: int) -> Callable[[View], View]:
    """Mark a view: a body of more bytes is refused with 413 before anything is read of it."""
    return _marked(_BYTES, size)


def install(app: Flask, factor: float) -> None:
    """Check every request; call it after the hook that finds the caller, and before any that reads a body."""
    app.config[FACTOR] = factor
    Limiter(
        address,
        application_limits=[ApplicationLimit(_ceiling, exempt_when=_is_known)],
        default_limits=[Limit(_rate_of_view)],
        storage_uri="memory://",
        on_breach=_refuse,
        # The library leaves out what has no view, and all that is called static.
        request_identifier=lambda: f"{request.endpoint or 'no'} view",
    ).init_app(app)
    app.before_request(_check_size)


def heed(rate: str, what: str, *whose: str, cost: int = 1) -> None:
    """Count something that costs far more than a request, for this address and for whoever else is named.

    Raises `Busy`, before anything of it is done, where one of them has had enough of it.
    """
    (limiter,) = cast("set[Limiter]", current_app.extensions["limiter"])
    counted = limiter.limiter
    limits = parse_many(_scaled(rate))
    for who in (address(), *whose):
        for limit in limits:
            if not counted.hit(limit, what, who, cost=cost):
                reset = counted.get_window_stats(limit, what, who).reset_time
                raise _busy(reset)


def address() -> str:
    """Return whom to count: the address after trusted proxies; of IPv6 the network, since each guest has 2^64."""
    return network_of(request.remote_addr or "")


def network_of(sender: str) -> str:
    """Return the address by which a sender is counted, or "unknown"."""
    try:
        found = ipaddress.ip_address(sender.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))


def rate_of(view: Callable[..., Any] | None) -> str:
    """Return the rate with which a view was marked, or nothing."""
    return str(getattr(view, _RATE, ""))


def size_of(view: Callable[..., Any] | None) -> int | None:
    """Return the bytes with which a view was marked, or None."""
    return cast("int | None", getattr(view, _BYTES, None))


def _marked(name: str, value: object) -> Callable[[View], View]:
    def mark(view: View) -> View:
        setattr(view, name, value)
        return view

    return mark


def _ceiling() -> str:
    return _scaled(CEILING)


def _rate_of_view() -> str:
    rate = rate_of(_view())
    return _scaled(rate) if rate else ""


def _view() -> Callable[..., Any] | None:
    return current_app.view_functions.get(request.endpoint or "")


def _is_known() -> bool:
    return caller().principal.kind is not Kind.ANONYMOUS


def _scaled(rate: str) -> str:
    factor = cast("dict[str, float]", current_app.config)[FACTOR]
    return ";".join(
        f"{max(1, math.floor(item.amount * factor))} per {item.multiples} {item.GRANULARITY.name}"
        for item in parse_many(rate)
    )


def _refuse(breached: RequestLimit) -> NoReturn:
    raise _busy(breached.reset_at)


def _busy(until: float) -> Busy:
    return Busy(
        "More came from your network in a short time than we can answer. "
        "Please wait a minute and try again.",
        timedelta(seconds=max(0.0, until - time.time())),
    )


def _check_size() -> None:
    size = size_of(_view())
    if size is None:
        return
    request.max_content_length = size
    if (request.content_length or 0) > size:
        raise RequestEntityTooLarge
