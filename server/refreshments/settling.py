"""What became of an order: by the gate's journal, by the machine's own word, or because nothing was heard in time.

Each may come first, come late or come twice; whichever tells something new counts once.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import col, select

from access_protocol.credential import CredentialClass
from access_protocol.decision import CommandRefusal
from access_protocol.events import ControllerEventKind, Outcome
from access_protocol.ids import DeviceId, SiteCode
from server.access.actions import AccessDecided, OutcomesReported
from server.access.models import DoorCommand
from server.devices.actions import DoorReported
from server.devices.models import DoorEvent
from server.kernel.ids import OrderId
from server.kernel.work import Work
from server.places import models as places
from server.places.models import AccessPoint
from server.refreshments import models, rules, stock
from server.refreshments.machines import lock
from server.refreshments.models import Machine, Order
from server.refreshments.orders import announce, end, used
from server.refreshments.rules import NOT_DISPENSED, OrderState, Why

EVERY = timedelta(seconds=1)
_WORDS = frozenset({ControllerEventKind.DISPENSING, ControllerEventKind.DISPENSED, *NOT_DISPENSED})
_ENDS = frozenset({Outcome.DISPENSED, Outcome.NOT_DISPENSED, *rules.FAILED})


def decided(work: Work, decision: AccessDecided) -> None:
    """Follow a voucher that a reader accepted; what the machine said of it already counts at once."""
    if not decision.granted or decision.credential is None:
        return
    if decision.credential_class is not CredentialClass.VOUCHER:
        return
    for order in models.by_voucher(work.session, [decision.credential]):
        _lock(work, order)
        anew = order.event != decision.event
        state = rules.begun(order.state, order.why, anew=anew)
        order.event = decision.event
        _begin(work, order, state)
        for word in _said(work, order):
            _take(work, order, word)


def outcomes(work: Work, reported: OutcomesReported) -> None:
    """Take what a journal tells of vouchers."""
    told = [each for each in reported.outcomes if each.outcome in _ENDS and each.credential]
    if not told:
        return
    vouchers = [each.credential for each in told if each.credential is not None]
    by_voucher = {
        bytes(each.credential): each for each in models.by_voucher(work.session, vouchers)
    }
    for each in told:
        order = by_voucher.get(bytes(each.credential or b""))
        if order is None:
            continue
        _lock(work, order)
        if order.event != each.event:
            continue
        if each.outcome is Outcome.DISPENSED:
            _dispensed(work, order)
        else:
            why = rules.FAILED.get(each.outcome, Why.FAILED)
            _returned(work, order, _known_reason(work, order) or why)


def reported(work: Work, report: DoorReported) -> None:
    """Take the machine's own word."""
    if report.what is ControllerEventKind.RESTOCKED:
        number = rules.slot_named(report.detail)
        for machine in _machines_of(work, report.site, report.controller) if number else ():
            stock.restocked(work, machine, number or 0)
        return
    if report.what not in _WORDS:
        return
    if report.event is not None:
        found: Sequence[Order] = models.by_event(work.session, [report.event])
    elif report.what is ControllerEventKind.INTERRUPTED:
        found = _interrupted(work, report)
    else:
        return
    for order in found:
        _lock(work, order)
        machines = _machines_of(work, report.site, report.controller)
        if (order.site, order.machine) in {(each.site, each.portal) for each in machines}:
            _take(work, order, report.what)


def overdue(work: Work) -> None:
    """End what took too long: vouchers that nobody showed, and machines that fell silent."""
    expired = select(Order).where(
        Order.state == OrderState.CHOSEN, Order.expires_at <= work.now - rules.REPORT_GRACE
    )
    silent = select(Order).where(
        Order.state == OrderState.DISPENSING,
        col(Order.begun_at) <= work.now - rules.SILENT_AFTER,
    )
    ids = [each.id for each in (*work.session.exec(expired), *work.session.exec(silent))]
    for order_id in sorted(ids):
        order = work.session.get_one(Order, OrderId(order_id))
        before = order.state
        _lock(work, order)
        if order.state is not before:
            continue
        if before is OrderState.CHOSEN:
            end(work, order, OrderState.EXPIRED)
        else:
            _returned(work, order, Why.NO_ANSWER)


def _lock(work: Work, order: Order) -> None:
    lock(work, order.site)
    work.session.refresh(order)


def _take(work: Work, order: Order, word: ControllerEventKind) -> None:
    if word is ControllerEventKind.DISPENSED:
        _dispensed(work, order)
    elif word is ControllerEventKind.DISPENSING:
        _begin(work, order, rules.begun(order.state, order.why, anew=False))
    else:
        _returned(work, order, NOT_DISPENSED[word])


def _begin(work: Work, order: Order, state: OrderState) -> None:
    if state is order.state:
        work.session.add(order)
        return
    order.state, order.why, order.settled_at = state, None, None
    order.begun_at = work.now
    work.session.add(order)
    work.session.flush()
    _keep_to_allowance(work, order)
    announce(work, order)


def _dispensed(work: Work, order: Order) -> None:
    if order.state is OrderState.DONE:
        return
    order.state, order.why, order.settled_at = OrderState.DONE, None, work.now
    work.session.add(order)
    work.session.flush()
    stock.take_one(work, order)
    _keep_to_allowance(work, order)
    announce(work, order)


def _returned(work: Work, order: Order, why: Why) -> None:
    if rules.not_dispensed(order.state) is not order.state:
        end(work, order, OrderState.RETURNED, why)
    elif order.state is OrderState.RETURNED and order.why in rules.VAGUE and why not in rules.VAGUE:
        # The journal told that nothing dropped, and only now the machine itself why.
        order.why = why
        work.session.add(order)
        announce(work, order)


def _keep_to_allowance(work: Work, order: Order) -> None:
    """Take other choices back where an order that had been given up came to a drink after all."""
    if order.visitor is None:
        return
    allowance = lock(work, order.site)
    mine = models.orders_of(work.session, order.visitor)
    over = used(mine) - allowance.per_visit
    for each in mine:
        if over > 0 and each.id != order.id and each.state is OrderState.CHOSEN:
            end(work, each, OrderState.CANCELLED)
            over -= 1


def _known_reason(work: Work, order: Order) -> Why | None:
    """Return what the machine itself said, or why it refused the server's own command."""
    for word in _said(work, order):
        if word in NOT_DISPENSED:
            return NOT_DISPENSED[word]
    command = work.session.get(DoorCommand, order.event) if order.event else None
    refused = command is not None and command.refusal is CommandRefusal.SLOT_EMPTY
    return Why.EMPTY if refused else None


def _said(work: Work, order: Order) -> list[ControllerEventKind]:
    """Return what the order's machine reported of its event so far."""
    if order.event is None:
        return []
    points = places.access_points_of_portal(work.session, order.site, order.machine)
    controllers = [each.controller for each in points if each.controller is not None]
    said = (
        select(DoorEvent.what)
        .where(
            col(DoorEvent.device).in_(controllers),
            DoorEvent.event == order.event,
            col(DoorEvent.what).in_(_WORDS),
        )
        .order_by(col(DoorEvent.sequence))
    )
    return [ControllerEventKind(each) for each in work.session.exec(said).all()]


def _interrupted(work: Work, report: DoorReported) -> list[Order]:
    """Return what was under way in the slot that a machine found in the middle of a turn when it came back.

    Where it was away for so long that its order was given up, that is the one that began last in this slot.
    """
    number = rules.slot_named(report.detail)
    found: list[Order] = []
    for machine in _machines_of(work, report.site, report.controller):
        begun = select(Order).where(
            Order.site == machine.site,
            Order.machine == machine.portal,
            Order.slot == number,
            col(Order.begun_at).is_not(None),
        )
        under_way = work.session.exec(begun.where(Order.state == OrderState.DISPENSING)).all()
        latest = begun.order_by(col(Order.begun_at).desc(), col(Order.id).desc()).limit(1)
        found.extend(under_way or work.session.exec(latest).all())
    return found


def _machines_of(work: Work, site: SiteCode, controller: DeviceId) -> list[Machine]:
    points = select(AccessPoint.portal).where(
        AccessPoint.site == site, AccessPoint.controller == controller
    )
    portals = dict.fromkeys(work.session.exec(points).all())
    every = [work.session.get(Machine, (site, portal)) for portal in portals]
    return [each for each in every if each is not None]
