"""Lockdown and release: entry to a zone or a whole site is stopped, by gates and by controllers; exit never is.

Gates get it with their policy. Controllers get a signed command, and again until they report that they did it: unlike
an order to open, this one is as right a minute later. What a door is, only its controller says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import col, select

from access_protocol.commands import Acknowledgement, Action, Result
from access_protocol.documents import DocumentKind
from access_protocol.events import Lock
from access_protocol.ids import DeviceId, Direction, SiteCode, ZoneNumber
from server.access import knowledge, ledger, models
from server.access.models import CommandState, Lockdown, LockdownOrder
from server.devices import models as devices
from server.devices.models import Device, DoorState
from server.kernel import live, outbox
from server.kernel.errors import Conflict, Invalid, NotFound
from server.kernel.events import Event
from server.kernel.principal import Right, require
from server.kernel.text import Line
from server.kernel.work import Work
from server.places import models as places
from server.places.models import AccessPoint, Zone

OUTBOX_KIND = "door_command"
DEADLINE = timedelta(seconds=5)
ACKNOWLEDGED_WITHIN = timedelta(seconds=2)
"""How long after the deadline a controller's word on a command sent in time may still be on its way."""
AGAIN_AFTER = timedelta(seconds=10)
LOOKED_EVERY = timedelta(seconds=2)


@dataclass(frozen=True, kw_only=True)
class LockdownBegan(Event):
    """A guard stopped entry to a zone, or to the whole site."""

    lockdown: str
    site: SiteCode
    zone: ZoneNumber | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class LockdownReleased(Event):
    """A guard ended a lockdown."""

    lockdown: str
    site: SiteCode
    zone: ZoneNumber | None
    reason: str


class Reason(BaseModel):
    """Why; it stays in the audit trail."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[Line, Field(min_length=1, max_length=500, examples=["Alarm in the hall"])]


class NewLockdown(Reason):
    """Where entry is to be stopped, and why."""

    zone: int | None = Field(default=None, ge=1, le=23, description="Left out: the whole site.")


@dataclass(frozen=True)
class Told:
    """One controller of a lockdown: what it last said of its lock (None: unknown), and of the command."""

    controller: DeviceId
    name: str
    lock: Lock | None
    answer: CommandState | None

    @property
    def locked_down(self) -> bool:
        """Whether the controller reports that it is locked down."""
        return self.lock is Lock.LOCKED_DOWN


@dataclass(frozen=True)
class Lasting:
    """A lockdown that lasts, and the controllers that it concerns."""

    lockdown: Lockdown
    told: tuple[Told, ...]

    @property
    def missing(self) -> tuple[Told, ...]:
        """Those that do not report to be locked down."""
        return tuple(each for each in self.told if not each.locked_down)


def lock_down(work: Work, site: SiteCode, wanted: NewLockdown) -> Lockdown:
    """Stop entry to a zone or the whole site until somebody releases it."""
    require(work.principal, Right.DOORS_LOCKDOWN, site)
    if places.site_with(work.session, site) is None:
        raise NotFound(f"There is no site {site}.")
    zone = None if wanted.zone is None else ZoneNumber(wanted.zone)
    if zone is not None and work.session.get(Zone, (site, zone)) is None:
        raise Invalid([("zone", f"site {site} has no zone {zone}")])
    if any(each.zone == zone for each in models.lockdowns(work.session, site)):
        raise Conflict("This is locked down already.")
    row = Lockdown(
        id=work.ids.new(),
        site=site,
        zone=zone,
        reason=wanted.reason,
        began_at=work.now,
        began_by=work.principal.person,
    )
    work.session.add(row)
    work.session.flush()
    work.record(LockdownBegan(lockdown=row.id, site=site, zone=zone, reason=row.reason))
    _carry_through(work, site)
    return row


def release(work: Work, lockdown: str, wanted: Reason) -> Lockdown:
    """End a lockdown; where another one still covers a door, it stays locked down."""
    row = work.session.get(Lockdown, lockdown, with_for_update=True)
    if row is None:
        raise NotFound("There is no such lockdown.")
    require(work.principal, Right.DOORS_LOCKDOWN, row.site)
    if row.released_at is not None:
        raise Conflict("This lockdown was released already.")
    row.released_at, row.released_by = work.now, work.principal.person
    row.release_reason = wanted.reason
    work.session.add(row)
    work.session.flush()
    work.record(
        LockdownReleased(lockdown=row.id, site=row.site, zone=row.zone, reason=wanted.reason)
    )
    _carry_through(work, row.site)
    return row


def lasting(work: Work, site: SiteCode | None = None) -> list[Lasting]:
    """Return the lockdowns that last, and what each controller reports."""
    require(work.principal, Right.ACCESS_READ, site)
    found = models.lockdowns(work.session, site)
    return [Lasting(each, tuple(_told(work, each))) for each in found]


def unanswered_releases(work: Work, site: SiteCode | None = None) -> list[Told]:
    """Return the controllers that were told to release and still report to be locked down, or are away."""
    require(work.principal, Right.ACCESS_READ, site)
    orders = select(LockdownOrder).where(
        LockdownOrder.action == Action.RELEASE, LockdownOrder.state != CommandState.DONE
    )
    rows = [row for row in work.session.exec(orders).all() if site in (None, row.site)]
    states = devices.door_states(work.session, [row.controller for row in rows])
    told = [_word(work, row.controller, states, {row.controller: row}) for row in rows]
    return [each for each in told if each.lock is None or each.locked_down]


def controller_came(work: Work, site: SiteCode, controller: DeviceId) -> None:
    """Tell a controller that comes back, or is new, what holds now."""
    _tell(work, site, only=controller)


def carry_out(work: Work) -> None:
    """Repeat what a controller did not do, and note which answers did not come. For the timer."""
    overdue = select(LockdownOrder).where(
        LockdownOrder.state == CommandState.WAITING,
        LockdownOrder.deadline <= work.now - ACKNOWLEDGED_WITHIN,
    )
    for order in work.session.exec(overdue.with_for_update(skip_locked=True)).all():
        _settle(work, order, CommandState.NO_ANSWER)
    active = {each.site for each in models.lockdowns(work.session)}
    ordered = {order.site for order in work.session.exec(select(LockdownOrder)).all()}
    for site in sorted(active | ordered):
        _tell(work, site)


def acknowledged(work: Work, controller: DeviceId, word: Acknowledgement) -> None:
    """Take a controller's word on a lockdown or release; one about an earlier command changes nothing."""
    order = work.session.get(LockdownOrder, controller, with_for_update=True)
    if order is None or order.event != word.event or order.state is CommandState.DONE:
        return
    order.refusal = word.refusal
    done = word.result is Result.DONE
    _settle(work, order, CommandState.DONE if done else CommandState.REFUSED)


def _carry_through(work: Work, site: SiteCode) -> None:
    knowledge.refresh(work, site, (DocumentKind.POLICY,))
    _tell(work, site)
    live.notice(work, "lockdown", site=site)
    live.notice(work, "doors", site=site)


def _tell(work: Work, site: SiteCode, only: DeviceId | None = None) -> None:
    """Give each controller the command that it has not carried out yet."""
    wanted = _wanted(work, site)
    statement = select(LockdownOrder).where(LockdownOrder.site == site)
    orders = {row.controller: row for row in work.session.exec(statement).all()}
    states = devices.door_states(work.session, wanted)
    for controller, action in wanted.items():
        order = orders.get(controller)
        if only not in (None, controller) or (order is None and action is Action.RELEASE):
            continue
        if order is not None and order.action is action:
            came = only == controller
            if _done(order, states.get(controller)) or not _due(work, order, came=came):
                continue
        _order(work, site, controller, action)


def _wanted(work: Work, site: SiteCode) -> dict[DeviceId, Action]:
    """Return what holds for each controller that lets people in somewhere."""
    active = models.lockdowns(work.session, site)
    wanted: dict[DeviceId, Action] = {}
    for point in _entries(work, site):
        controller = DeviceId(point.controller or "")
        stopped = any(each.covers(point.zone) for each in active)
        if stopped or controller not in wanted:
            wanted[controller] = Action.LOCK_DOWN if stopped else Action.RELEASE
    return wanted


def _entries(work: Work, site: SiteCode) -> Iterable[AccessPoint]:
    for point in places.access_points_of_site(work.session, site):
        if point.direction is Direction.IN and point.controller is not None:
            device = work.session.get(Device, point.controller)
            if device is not None and device.admitted:
                yield point


def _done(order: LockdownOrder, state: DoorState | None) -> bool:
    """Tell whether a controller reports that it did what it was told; of a release its word is enough."""
    if state is None:
        return order.action is Action.RELEASE and order.state is CommandState.DONE
    return (state.lock is Lock.LOCKED_DOWN) == (order.action is Action.LOCK_DOWN)


def _due(work: Work, order: LockdownOrder, *, came: bool) -> bool:
    device = work.session.get(Device, order.controller)
    if device is None or not device.online or order.state is CommandState.WAITING:
        return False
    return came or order.asked_at <= work.now - AGAIN_AFTER


def _order(work: Work, site: SiteCode, controller: DeviceId, action: Action) -> None:
    order = LockdownOrder(
        controller=controller,
        site=site,
        action=action,
        event=ledger.new_event(work),
        asked_at=work.now,
        deadline=work.now + DEADLINE,
        state=CommandState.WAITING,
    )
    work.session.merge(order)
    outbox.post(
        work,
        OUTBOX_KIND,
        controller,
        {"site": site, "pulse_ms": 0, "action": str(action)},
        reference=order.event,
        deadline=order.deadline,
    )


def _settle(work: Work, order: LockdownOrder, state: CommandState) -> None:
    order.state = state
    work.session.add(order)
    live.notice(work, "lockdown", about=order.controller, site=order.site)


def _told(work: Work, lockdown: Lockdown) -> Iterable[Told]:
    concerned = dict.fromkeys(
        DeviceId(point.controller or "")
        for point in _entries(work, lockdown.site)
        if lockdown.covers(point.zone)
    )
    states = devices.door_states(work.session, concerned)
    statement = select(LockdownOrder).where(col(LockdownOrder.controller).in_(list(concerned)))
    orders = {row.controller: row for row in work.session.exec(statement).all()}
    for controller in concerned:
        yield _word(work, controller, states, orders)


def _word(
    work: Work,
    controller: DeviceId,
    states: dict[DeviceId, DoorState],
    orders: dict[DeviceId, LockdownOrder],
) -> Told:
    device, state, order = (
        work.session.get(Device, controller),
        states.get(controller),
        orders.get(controller),
    )
    return Told(
        controller=controller,
        name=device.name if device is not None else controller,
        lock=None if state is None else state.lock,
        answer=None if order is None else order.state,
    )
