"""Doors that the server opens: a request is decided, journaled and sent; the door's state is its controller's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session, col, select

from access_protocol import rules
from access_protocol.codec import EventIdText
from access_protocol.commands import Acknowledgement, Action, Result
from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.events import OF_DOORS, OF_MACHINES, DecisionEntry, Outcome, OutcomeEntry
from access_protocol.ids import DeviceId, EventId, PortalId, SiteCode
from access_protocol.rules import Circumstances, OperatorRequest
from server.access import knowledge, ledger
from server.access.deciding import SiteHistory, SiteKnowledge
from server.access.lockdowns import ACKNOWLEDGED_WITHIN, DEADLINE, OUTBOX_KIND
from server.access.models import CommandState, DoorCommand
from server.credentials import models as credentials
from server.devices import models as devices
from server.devices.actions import DoorReported
from server.devices.models import Device, DoorState
from server.kernel import live, outbox
from server.kernel.errors import Conflict, Invalid, NotFound, SignInNeeded
from server.kernel.events import Event
from server.kernel.ids import PersonId, VisitorId
from server.kernel.outbox import OutboxRow
from server.kernel.principal import Kind as PrincipalKind
from server.kernel.principal import Right, require
from server.kernel.text import Line
from server.kernel.work import Work
from server.places.models import AccessPoint, Portal


@dataclass(frozen=True, kw_only=True)
class DoorCommandAsked(Event):
    """A person or a visitor asked to open a portal; `denied` says why it was refused at once, if it was."""

    event: EventId
    portal: PortalId
    site: SiteCode
    person: PersonId | None
    visitor: VisitorId | None = None
    reason: str
    denied: DenyReason | None


@dataclass(frozen=True, kw_only=True)
class DoorCommandSettled(Event):
    """A command of the server came to its end: done or refused by the controller, expired, or no answer."""

    event: EventId
    portal: PortalId
    site: SiteCode
    state: CommandState
    visitor: VisitorId | None = None


class OpenPortal(BaseModel):
    """A wish to open a portal; the reason stays in the audit trail."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[Line, Field(min_length=1, max_length=500, examples=["Delivery"])]
    access_point: str | None = Field(
        default=None, pattern="^[a-z0-9-]{1,32}$", description="Left out: the side that leads in."
    )
    visitor: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{32}$",
        description="Whom it is opened for, where their phone cannot: what their pass allows is looked at,"
        " and the passage counts as theirs.",
    )


@dataclass(frozen=True)
class Door:
    """A portal with its true state: None is unknown, because its controller is away or was never heard."""

    portal: Portal
    points: Sequence[AccessPoint]
    controller: Device | None
    state: DoorState | None
    last_command: DoorCommand | None


@dataclass(frozen=True)
class Asker:
    """Who asked for a portal: a person at the panel with a reason (for a visitor, perhaps), or who showed what.

    That is a visitor at a poster, or a person of the house there with their own pass.
    """

    person: PersonId | None = None
    reason: str = ""
    visitor: VisitorId | None = None
    shown: Sequence[str] = ()


def list_doors(work: Work, site: SiteCode | None = None) -> list[Door]:
    """Return every portal with its true state."""
    require(work.principal, Right.ACCESS_READ, site)
    statement = select(Portal).order_by(col(Portal.site), col(Portal.id))
    sides = select(AccessPoint).order_by(col(AccessPoint.id))
    if site is not None:
        statement, sides = (
            statement.where(Portal.site == site),
            sides.where(AccessPoint.site == site),
        )
    points: dict[tuple[SiteCode, PortalId], list[AccessPoint]] = {}
    for point in work.session.exec(sides).all():
        points.setdefault((point.site, point.portal), []).append(point)
    controllers = {
        portal: DeviceId(point.controller)
        for portal, found in points.items()
        for point in found
        if point.controller is not None
    }
    states = devices.door_states(work.session, controllers.values())
    known = devices.by_id(work.session, controllers.values())
    commands = _last_commands(work.session)
    doors: list[Door] = []
    for portal in work.session.exec(statement).all():
        key = portal.site, portal.id
        controller = controllers.get(key, DeviceId(""))
        doors.append(
            Door(
                portal,
                points.get(key, []),
                known.get(controller),
                states.get(controller),
                commands.get(key),
            )
        )
    return doors


def _last_commands(session: Session) -> dict[tuple[SiteCode, PortalId], DoorCommand]:
    """Return the newest operator's command at each portal; no older one is looked at."""
    newest = (
        select(DoorCommand.event)
        .where(DoorCommand.site == Portal.site, DoorCommand.portal == Portal.id)
        .order_by(col(DoorCommand.asked_at).desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = select(DoorCommand).where(
        col(DoorCommand.event).in_(select(newest).select_from(Portal))
    )
    return {(each.site, each.portal): each for each in session.exec(statement).all()}


def open_portal(work: Work, site: SiteCode, portal: PortalId, wish: OpenPortal) -> DoorCommand:
    """Decide an operator's request, journal it, and let the worker send the command within five seconds.

    A refusal is journaled too and comes back as a command in state DENIED: raising would undo its journal.
    """
    if work.principal.kind is PrincipalKind.ANONYMOUS:
        raise SignInNeeded("Sign in to open a door.")
    point, _ = _side(work, site, portal, wish.access_point)
    policy = knowledge.policy_of(work, site, [point])
    visitor = None if wish.visitor is None else VisitorId(wish.visitor)
    bearer = None if visitor is None else _pass_of(work, site, visitor)
    request = OperatorRequest(work.principal.may(Right.DOORS_COMMAND, site), bearer)
    decision = rules.decide(
        request,
        policy.access_points[point.id],
        SiteKnowledge(work, site, policy),
        SiteHistory(work, site),
        up_to_date(work),
    )
    return carry_out(work, point, decision, Asker(work.principal.person, wish.reason, visitor))


def _pass_of(work: Work, site: SiteCode, visitor: VisitorId) -> str:
    """Return the text of what a visitor was issued last: whether it still counts is for the rules to say."""
    ledger.lock_own(work, site)
    held = credentials.of_visitor(work.session, visitor)
    issue = credentials.newest_issue(work.session, visitor)
    if held is None or issue is None or held.site != site:
        raise Invalid([("visitor", "holds no pass for this site")])
    return issue.text


def up_to_date(work: Work) -> Circumstances:
    """Return what holds when the server decides: its clock is the site's, and nothing it knows is old."""
    return Circumstances(now=work.now, clock_trusted=True, knowledge_age=timedelta())


def carry_out(
    work: Work, point: AccessPoint, decision: AccessDecision, asker: Asker
) -> DoorCommand:
    """Journal a decision of the server, and where it is granted have the worker send the command in time.

    Both are in one transaction: nothing is sent that is not written down.
    """
    if point.controller is None:
        raise Conflict("This door has no controller yet, so it cannot be opened from here.")
    command = DoorCommand(
        event=ledger.new_event(work),
        site=point.site,
        portal=point.portal,
        access_point=point.id,
        controller=point.controller,
        pulse_ms=point.pulse_ms,
        action=Action.UNLOCK if decision.slot is None else Action.DISPENSE,
        slot=decision.slot,
        person=asker.person,
        visitor=asker.visitor,
        credential=decision.credential_id,
        credential_class=decision.credential_class,
        presented_at=decision.presented_at,
        shown=list(asker.shown),
        reason=asker.reason,
        asked_at=work.now,
        deadline=work.now + DEADLINE,
        state=CommandState.WAITING if decision.granted else CommandState.DENIED,
        denied=decision.reason,
    )
    work.session.add(command)
    entry = DecisionEntry(
        at=work.now,
        event=command.event,
        access_point=point.id,
        reason=decision.reason,
        credential=None if decision.credential_id is None else decision.credential_id.hex(),
        credential_class=decision.credential_class,
        generation=decision.generation,
        presented_at=decision.presented_at,
        warning=decision.warning,
    )
    ledger.append_own(work, point.site, entry)
    _announce(work, command)
    if decision.granted:
        outbox.post(
            work,
            OUTBOX_KIND,
            command.controller,
            {
                "site": point.site,
                "pulse_ms": 0 if decision.slot is not None else point.pulse_ms,
                "action": command.action,
                "slot": decision.slot,
            },
            reference=command.event,
            deadline=command.deadline,
        )
    return command


def find_command(work: Work, event: EventIdText) -> DoorCommand:
    """Return an operator's command, or raise `NotFound`."""
    found = work.session.get(DoorCommand, event)
    if found is None:
        raise NotFound("There is no such command.")
    require(work.principal, Right.ACCESS_READ, found.site)
    return found


def acknowledged(work: Work, controller: DeviceId, word: Acknowledgement) -> None:
    """Take a controller's word on an operator's command; a repeated one changes nothing."""
    command = work.session.get(DoorCommand, word.event or "", with_for_update=True)
    if command is None or command.controller != controller:
        return
    if command.state not in (CommandState.WAITING, CommandState.NO_ANSWER):
        return
    done = word.result is Result.DONE
    command.refusal = word.refusal
    _settle(work, command, CommandState.DONE if done else CommandState.REFUSED)


def settle_overdue(work: Work) -> None:
    """Close the commands that nobody answered: expired where never sent, otherwise without an answer."""
    overdue = select(DoorCommand).where(
        DoorCommand.state == CommandState.WAITING,
        DoorCommand.deadline <= work.now - ACKNOWLEDGED_WITHIN,
    )
    for command in work.session.exec(overdue.with_for_update(skip_locked=True)).all():
        row = work.session.exec(
            select(OutboxRow).where(
                OutboxRow.kind == OUTBOX_KIND, OutboxRow.reference == command.event
            )
        ).first()
        sent = row is not None and row.state is outbox.State.SENT
        _settle(work, command, CommandState.NO_ANSWER if sent else CommandState.EXPIRED)


def door_reported(work: Work, happened: DoorReported) -> None:
    """Journal who passed, or did not, and what a machine gave out, or not, after a command of ours."""
    if happened.event is None:
        return
    command = work.session.get(DoorCommand, happened.event)
    if command is None or command.controller != happened.controller:
        return
    at_machine = command.action is Action.DISPENSE
    outcome = (OF_MACHINES if at_machine else OF_DOORS).get(happened.what)
    if outcome is Outcome.OPENED and command.credential is None:
        outcome = None  # an operator's command was journaled as opened when the controller took it
    if outcome is not None:
        _journal(work, command, outcome)
    _tell_visitor(work, command)


_OUTCOMES = {
    CommandState.DONE: Outcome.OPENED,
    CommandState.REFUSED: Outcome.REFUSED,
    CommandState.EXPIRED: Outcome.NO_ANSWER,
    CommandState.NO_ANSWER: Outcome.NO_ANSWER,
}
_OUTCOMES_OF_A_BEARER = {
    CommandState.REFUSED: Outcome.REFUSED,
    CommandState.EXPIRED: Outcome.NO_ANSWER,
}
"""As a gate has it: that somebody went through is the door's own word, not the acknowledgement; and a command that
went out without an answer may have been obeyed, so that a single entry stays reserved."""


def _settle(work: Work, command: DoorCommand, state: CommandState) -> None:
    command.state, command.settled_at = state, work.now
    work.session.add(command)
    outcomes = _OUTCOMES if command.credential is None else _OUTCOMES_OF_A_BEARER
    if state in outcomes:
        _journal(work, command, outcomes[state])
    work.record(
        DoorCommandSettled(
            event=command.event,
            portal=command.portal,
            site=command.site,
            state=state,
            visitor=command.visitor,
        )
    )
    live.notice(work, "doors", about=command.portal, site=command.site)
    _tell_visitor(work, command)


def _tell_visitor(work: Work, command: DoorCommand) -> None:
    if command.visitor is not None:
        live.notice(work, "visitor", about=command.visitor, site=command.site)


def _journal(work: Work, command: DoorCommand, outcome: Outcome) -> None:
    entry = OutcomeEntry(
        at=work.now, event=command.event, access_point=command.access_point, outcome=outcome
    )
    ledger.append_own(work, command.site, entry)


def _announce(work: Work, command: DoorCommand) -> None:
    work.record(
        DoorCommandAsked(
            event=command.event,
            portal=command.portal,
            site=command.site,
            person=command.person,
            visitor=command.visitor,
            reason=command.reason,
            denied=command.denied,
        )
    )
    live.notice(work, "doors", about=command.portal, site=command.site)


def _side(
    work: Work, site: SiteCode, portal: PortalId, wanted: str | None
) -> tuple[AccessPoint, DeviceId]:
    """Return the access point that is asked for, the first that leads in where none is named."""
    statement = select(AccessPoint).where(AccessPoint.site == site, AccessPoint.portal == portal)
    sides = work.session.exec(statement.order_by(col(AccessPoint.direction), col(AccessPoint.id)))
    for side in sides.all():
        if wanted in (None, side.id):
            if side.gives_out:
                raise Conflict("This is a vending machine: there is nothing to open from here.")
            if side.controller is None:
                raise Conflict("This door has no controller yet, so it cannot be opened from here.")
            return side, side.controller
    raise NotFound("There is no such door, or it has no such side.")
