"""Access events, who is inside, doors with their true state, and opening one, as JSON."""

from datetime import datetime
from typing import Annotated

from flask import Response
from pydantic import BaseModel, Field

from access_protocol.commands import Action
from access_protocol.credential import CredentialClass
from access_protocol.decision import CommandRefusal, DenyReason
from access_protocol.events import Alarm, Contact, Lock, Outcome, SlotCondition
from access_protocol.ids import PortalId, SiteCode
from server.access import actions, models
from server.access.actions import (
    Acknowledge,
    Door,
    Inside,
    NewAmnesty,
    NewLockdown,
    OpenPortal,
    Reason,
)
from server.access.models import AccessEvent, AlarmKind, CommandState, DoorCommand, LedgerAlarm
from server.access.shapes import (
    AmnestyOut,
    ConflictOut,
    ConflictPage,
    LastingOut,
    LockdownList,
    LockdownOut,
    ToldOut,
)
from server.kernel.blueprint import ApiBlueprint
from server.kernel.clock import Moment
from server.kernel.errors import Forbidden
from server.kernel.pagination import PageQuery
from server.kernel.principal import Right
from server.kernel.request import answer, answer_page, begin, reading

blueprint = ApiBlueprint("Access", "The ledger of access events, who is inside, and doors.")

SiteText = Annotated[str, Field(pattern="^[A-Z]{1,3}$", examples=["TYO"])]
SlugText = Annotated[str, Field(pattern="^[a-z0-9-]{1,32}$", examples=["main-gate"])]


class EventsQuery(PageQuery):
    """Which access events to list, newest first."""

    site: SiteText | None = None
    portal: SlugText | None = None
    granted: bool | None = None
    reason: DenyReason | None = None
    credential: str | None = Field(None, pattern="^[0-9a-f]{32}$", description="A credential's id.")
    since: Moment | None = Field(None, description="Only events at this moment or later.")
    until: Moment | None = Field(None, description="Only events before this moment.")


class AccessEventOut(BaseModel):
    """A decision at an access point, and what became of it."""

    id: str
    event: str
    at: datetime
    received_at: datetime
    site: str
    gate: str = Field(description="Who decided; `server` for an operator at the panel.")
    portal: str | None
    access_point: str
    granted: bool
    reason: DenyReason | None = Field(description="Why it was denied.")
    credential: str | None
    credential_class: CredentialClass | None
    generation: int | None
    outcomes: list[Outcome] = Field(
        description="What the controller reported afterwards, in order."
    )
    outcome_times: list[datetime] = Field(description="When it did, in the same order.")

    @classmethod
    def of(
        cls, event: AccessEvent, outcomes: list[Outcome], times: list[datetime]
    ) -> "AccessEventOut":
        """Show a decision."""
        return cls(
            id=event.id,
            event=event.event or "",
            at=event.at,
            received_at=event.received_at,
            site=event.site,
            gate=event.gate,
            portal=event.portal,
            access_point=event.access_point or "",
            granted=bool(event.granted),
            reason=event.reason,
            credential=bytes(event.credential).hex() if event.credential is not None else None,
            credential_class=event.credential_class,
            generation=event.generation,
            outcomes=outcomes,
            outcome_times=times,
        )


class AccessEventPage(BaseModel):
    """Access events, newest first."""

    items: list[AccessEventOut]
    next_cursor: str | None


class SiteQuery(BaseModel):
    """Which site; left out: all."""

    site: SiteText | None = None


class InsideOut(BaseModel):
    """Somebody inside, by credential; the visit tells who it is to those who may know."""

    credential: str
    visitor: str | None
    visit: str | None
    person: str | None = Field(description="Set for the staff of the house.")
    site: str
    zone: int
    portal: str
    since: datetime

    @classmethod
    def of(cls, inside: Inside) -> "InsideOut":
        """Show somebody inside."""
        presence, holder = inside.presence, inside.holder
        return cls(
            credential=bytes(presence.credential).hex(),
            visitor=holder.visitor if holder is not None else None,
            visit=holder.visit if holder is not None else None,
            person=holder.person if holder is not None else None,
            site=presence.site,
            zone=presence.zone or 0,
            portal=presence.portal,
            since=presence.since,
        )


class Occupancy(BaseModel):
    """Who is inside."""

    count: int
    items: list[InsideOut]


class DoorStateOut(BaseModel):
    """A door by its controller's own and present word."""

    lock: Lock
    contact: Contact
    alarms: list[Alarm]
    slots: dict[int, SlotCondition] = Field(
        description="Of a vending machine: the condition of each slot by its number."
    )
    since: datetime
    reported_at: datetime


class CommandOut(BaseModel):
    """A command of an operator, or of a visitor who scanned the poster there (`visitor`).

    Its state is not the door's: that is the controller's word.
    """

    event: str
    site: str
    portal: str
    access_point: str
    action: Action
    slot: int | None = Field(description="What a vending machine is to give out.")
    state: CommandState
    denied: DenyReason | None
    refusal: CommandRefusal | None
    reason: str
    visitor: str | None
    asked_at: datetime
    deadline: datetime
    settled_at: datetime | None

    @classmethod
    def of(cls, command: DoorCommand) -> "CommandOut":
        """Show a command."""
        return cls.model_validate(command, from_attributes=True)


class DoorOut(BaseModel):
    """A portal; `state` null is unknown: its controller is away, or was never heard."""

    site: str
    portal: str
    name: str
    controller: str | None
    online: bool
    state: DoorStateOut | None
    last_command: CommandOut | None

    @classmethod
    def of(cls, door: Door) -> "DoorOut":
        """Show a door."""
        state, command = door.state, door.last_command
        return cls(
            site=door.portal.site,
            portal=door.portal.id,
            name=door.portal.name,
            controller=door.controller.id if door.controller is not None else None,
            online=door.controller is not None and door.controller.online,
            state=None
            if state is None
            else DoorStateOut(
                lock=state.lock,
                contact=state.contact,
                alarms=list(state.lasting_alarms),
                slots=state.slot_conditions,
                since=state.since,
                reported_at=state.reported_at,
            ),
            last_command=CommandOut.of(command) if command is not None else None,
        )


class DoorList(BaseModel):
    """Every portal."""

    items: list[DoorOut]


class AlarmOut(BaseModel):
    """Something wrong with a gate's journal."""

    gate: str
    site: str
    journal: str
    sequence: int
    kind: AlarmKind
    raised_at: datetime

    @classmethod
    def of(cls, alarm: LedgerAlarm) -> "AlarmOut":
        """Show an alarm."""
        return cls.model_validate(alarm, from_attributes=True)


class AlarmList(BaseModel):
    """The newest alarms of the ledger."""

    items: list[AlarmOut]


class DoorPath(BaseModel):
    """A portal of a site."""

    site: SiteText
    portal: SlugText


class CommandPath(BaseModel):
    """A command's event id."""

    event: str = Field(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


class LockdownPath(BaseModel):
    """A lockdown's id."""

    lockdown: str = Field(pattern="^[0-9a-f]{32}$")


class ConflictPath(BaseModel):
    """The id of a double entry."""

    conflict: str = Field(pattern="^[0-9a-f]{32}$")


class SitePath(BaseModel):
    """A site's code."""

    site: SiteText


class ConflictsQuery(PageQuery):
    """Which double entries to list."""

    waiting_only: bool = Field(default=False, description="Only those not acknowledged yet.")


@blueprint.get("/access/events", {200: AccessEventPage})
def list_events(query: EventsQuery) -> Response:
    """List access events, newest first."""
    wanted = models.EventQuery(
        **query.model_dump(exclude={"credential"}),
        credential=bytes.fromhex(query.credential) if query.credential else None,
    )
    with reading() as work:
        page = actions.list_events(work, wanted)
        events = [event.event for event in page.items]
        outcomes = models.outcomes_of(work.session, events)
        times = models.outcome_times_of(work.session, events)
        return answer_page(
            page.map(
                lambda one: AccessEventOut.of(
                    one,
                    outcomes.get((one.gate, one.event), []),
                    times.get((one.gate, one.event), []),
                )
            )
        )


@blueprint.get("/access/occupancy", {200: Occupancy})
def occupancy(query: SiteQuery) -> Response:
    """Tell who is inside, by the passages that controllers reported."""
    with reading() as work:
        inside = actions.list_inside(work, SiteCode(query.site) if query.site else None)
        shown = [InsideOut.of(each) for each in inside]
    return answer(Occupancy(count=len(shown), items=shown))


@blueprint.get("/access/alarms", {200: AlarmList})
def list_alarms() -> Response:
    """List what is wrong with gates' journals."""
    with reading() as work:
        return answer(AlarmList(items=[AlarmOut.of(each) for each in actions.list_alarms(work)]))


@blueprint.get("/doors", {200: DoorList})
def list_doors(query: SiteQuery) -> Response:
    """List doors with their true state."""
    with reading() as work:
        found = actions.list_doors(work, SiteCode(query.site) if query.site else None)
        return answer(DoorList(items=[DoorOut.of(door) for door in found]))


@blueprint.post("/sites/<site>/doors/<portal>/open", {202: CommandOut})
def open_portal(path: DoorPath, body: OpenPortal) -> Response:
    """Ask for a door to be opened; the answer is the command, whose state tells what became of it."""
    with begin() as work:
        command = actions.open_portal(work, SiteCode(path.site), PortalId(path.portal), body)
    if command.denied is DenyReason.NOT_PERMITTED:
        raise Forbidden(f"This needs the right {Right.DOORS_COMMAND}. The request was recorded.")
    return answer(CommandOut.of(command), 202)


@blueprint.get("/doors/commands/<event>", {200: CommandOut})
def get_command(path: CommandPath) -> Response:
    """Tell what became of a command."""
    with reading() as work:
        return answer(CommandOut.of(actions.find_command(work, path.event)))


@blueprint.get("/lockdowns", {200: LockdownList})
def list_lockdowns(query: SiteQuery) -> Response:
    """List the lockdowns that last, and which doors do not report to be as they should."""
    site = SiteCode(query.site) if query.site else None
    with reading() as work:
        lasting = [LastingOut.with_doors(each) for each in actions.lasting(work, site)]
        open_yet = [ToldOut.of(each) for each in actions.unanswered_releases(work, site)]
    return answer(LockdownList(items=lasting, not_released=open_yet))


@blueprint.post("/sites/<site>/lockdowns", {201: LockdownOut})
def lock_down(path: SitePath, body: NewLockdown) -> Response:
    """Stop entry to a zone or the whole site; exit is never stopped."""
    with begin() as work:
        made = LockdownOut.of(actions.lock_down(work, SiteCode(path.site), body))
    return answer(made, 201)


@blueprint.post("/lockdowns/<lockdown>/release", {200: LockdownOut})
def release(path: LockdownPath, body: Reason) -> Response:
    """End a lockdown."""
    with begin() as work:
        return answer(LockdownOut.of(actions.release(work, path.lockdown, body)))


@blueprint.post("/sites/<site>/amnesties", {201: AmnestyOut})
def forgive(path: SitePath, body: NewAmnesty) -> Response:
    """Forgive entries up to now, so that anti-passback lets people in again."""
    with begin() as work:
        made = AmnestyOut.of(actions.grant_amnesty(work, SiteCode(path.site), body))
    return answer(made, 201)


@blueprint.get("/access/conflicts", {200: ConflictPage})
def list_conflicts(query: ConflictsQuery) -> Response:
    """List double entries that were found when the journals of gates met."""
    with reading() as work:
        page = actions.list_conflicts(work, query, waiting_only=query.waiting_only)
        return answer_page(page.map(ConflictOut.of))


@blueprint.post("/access/conflicts/<conflict>/acknowledgement", {200: ConflictOut})
def acknowledge_conflict(path: ConflictPath, body: Acknowledge) -> Response:
    """Note that somebody looked into a double entry."""
    with begin() as work:
        return answer(ConflictOut.of(actions.acknowledge_conflict(work, path.conflict, body)))
