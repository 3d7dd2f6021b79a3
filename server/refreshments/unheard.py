"""Vouchers of which a machine's gate may know more than the server does, because the two did not hear of each other.

A gate decides by what it knows. While it is away it does not hear that a voucher counts no more, and once it is back
it needs a while to tell which ones it accepted. So long nothing is given in the place of what may have been had.
"""

from datetime import datetime

from access_protocol.ids import PortalId, SiteCode
from server.devices.models import Device
from server.kernel.ids import VisitorId
from server.kernel.work import Work
from server.places import models as places
from server.refreshments import models, rules
from server.refreshments.models import Order
from server.refreshments.rules import OrderState


def may_be_had(work: Work, visitor: VisitorId) -> list[Order]:
    """Return the visitor's orders whose voucher a gate may have accepted, or accept still, without our knowing.

    Those that wait are among them, and those that ended without a drink; not those of which the machine told.
    """
    return [
        each
        for each in models.orders_of(work.session, visitor)
        if each.state not in (OrderState.DISPENSING, OrderState.DONE) and _is_untold(work, each)
    ]


def _is_untold(work: Work, order: Order) -> bool:
    return any(
        rules.untold(order.chosen_at, order.expires_at, since, work.now)
        for since in _here_since(work, order.site, order.machine)
    )


def _here_since(work: Work, site: SiteCode, portal: PortalId) -> list[datetime | None]:
    """Return since when each gate at the machine is there; None for one that is away."""
    points = places.access_points_of_portal(work.session, site, portal)
    names = {point.gate for point in points if point.gate is not None}
    gates = (work.session.get(Device, name) for name in names)
    return [gate.status_at if gate is not None and gate.online else None for gate in gates]
