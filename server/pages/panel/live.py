"""The live page: who is inside, what happens at the doors, the doors and the rooms, as it happens."""

from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from typing import NamedTuple

from flask import render_template

from access_protocol.events import Outcome
from access_protocol.ids import CredentialId
from access_protocol.wording import Language, sentence
from server.access import models as access
from server.access.models import AccessEvent, Presence
from server.kernel.ids import VisitorId
from server.kernel.pagination import MOST, PageQuery
from server.kernel.principal import Kind, Principal, Right, require
from server.kernel.request import caller, office, reading
from server.kernel.work import Work
from server.meetings import actions as meetings
from server.meetings.actions import MeetingRecord, State
from server.pages import bearers, states
from server.pages.bearers import Bearer
from server.pages.meetings import state_of
from server.pages.names import Names
from server.pages.panel import blueprint, doors, passback
from server.pages.panel.visits import badge, names_of
from server.pages.states import Badge
from server.pages.thresholds import tell_times_of_the_site
from server.visits import models as visits
from server.visits.models import Visit, Visitor, VisitState
from server.web.formats import from_local, local, local_date, span
from server.web.languages import current, gettext
from server.web.shared import Shared

EVENTS_SHOWN = 20
ALARMS_SHOWN_FOR = timedelta(days=1)


class EventLine(NamedTuple):
    """One decision at a door."""

    key: str
    at: datetime
    state: Badge
    who: str
    company: str
    where: str
    why: str
    outcome: str


class InsideLine(NamedTuple):
    """Somebody inside."""

    key: str
    name: str
    detail: str
    url: str
    since: datetime


class RoomLine(NamedTuple):
    """A room with one of today's visits and who came."""

    name: str
    when: str
    people: Sequence[str]
    state: Badge


@blueprint.get("/live")
def live() -> str:
    """Show the whole page."""
    with reading() as work:
        require(work.principal, Right.ACCESS_READ)
        return render_template(
            "panel/live.html",
            now=work.now,
            may_lock_down=work.principal.may(Right.DOORS_LOCKDOWN),
            events=_events(work),
            doors=doors.shown(work),
            rooms=_rooms(work),
            **_presence(work),
        )


@blueprint.get("/live/now")
def live_now() -> str:
    """Return what follows from who comes and goes, and the doors: each part goes to its place on the page."""
    return _together(
        "now",
        lambda work: {
            "events": _events(work),
            "doors": doors.shown(work),
            **_presence(work),
        },
    )


@blueprint.get("/live/events")
def live_events() -> str:
    """Return the newest decisions alone."""
    return _together("events", lambda work: {"events": _events(work)})


@blueprint.get("/live/rooms")
def live_rooms() -> str:
    """Return the rooms alone."""
    return _together("rooms", lambda work: {"rooms": _rooms(work)})


_SHARED = Shared()


def _together(name: str, query: Callable[[Work], dict[str, object]]) -> str:
    """Render a part of the page once for all who may see it, in one language, at the same time."""
    principal = caller().principal
    require(principal, Right.ACCESS_READ)
    # It is rendered for whoever has just this right: nothing in it can come from the one who asked first, nor from
    # what else they may do.
    anybody = Principal(Kind.SYSTEM, "live page", frozenset({Right.ACCESS_READ}), principal.site)

    def make() -> str:
        with office().reading(anybody) as work:
            tell_times_of_the_site(work)
            return render_template(f"panel/live_{name}.html", **query(work))

    return _SHARED.render((name, anybody, current()), make)


def _today(work: Work) -> tuple[datetime, datetime]:
    midnight = from_local(f"{local_date(work.now)}T{time.min:%H:%M}")
    return midnight, midnight + timedelta(days=1)


def _visits_of_today(work: Work) -> Sequence[Visit]:
    midnight, tomorrow = _today(work)
    wanted = visits.VisitFilter(
        ends_after=midnight,
        starts_before=tomorrow,
        state=VisitState.CONFIRMED,
        search="",
    )
    query = PageQuery(limit=MOST, cursor=None)
    return visits.visits(work.session, query, wanted).items


def _presence(work: Work) -> dict[str, object]:
    present = access.inside(work.session)
    return {"figures": _figures(work, present), "inside": _inside(work, present)}


class Figures(NamedTuple):
    """A few numbers of the day, double entries to look into, and what is wrong with a gate's journal."""

    inside: int
    expected: int
    refused: int
    alarms: Sequence[str]
    conflicts: int


def _figures(work: Work, present: Sequence[Presence]) -> Figures:
    midnight, tomorrow = _today(work)
    inside = {CredentialId(each.credential) for each in present}
    awaited = visits.awaited(work.session, work.now, tomorrow)
    return Figures(
        inside=len(inside),
        expected=len(awaited - inside),
        refused=access.count_refused(work.session, midnight),
        alarms=_alarms(work),
        conflicts=passback.waiting(work),
    )


def _alarms(work: Work) -> list[str]:
    gates = {
        alarm.gate: alarm.raised_at
        for alarm in reversed(access.alarms(work.session))
        if work.now - alarm.raised_at < ALARMS_SHOWN_FOR
    }
    return [
        gettext(
            "The journal of %(gate)s does not fit what is stored here (%(time)s). "
            "Please have the gate looked at.",
            gate=gate,
            time=local(raised_at, "both"),
        )
        for gate, raised_at in gates.items()
    ]


def _events(work: Work) -> list[EventLine]:
    query = access.EventQuery(limit=EVENTS_SHOWN, cursor=None)
    decisions = access.decisions(work.session, query).items
    outcomes = access.outcomes_of(work.session, [each.event for each in decisions])
    known = bearers.of(work, [each.credential for each in decisions])
    commands = access.commands_of(work.session, [each.event for each in decisions if each.event])
    names, language = Names(work), Language(current())

    def line(event: AccessEvent) -> EventLine:
        bearer = known.get(event.credential) if event.credential else None
        asked = commands.get(event.event) if event.event else None
        if asked is not None and asked.credential is None and asked.visitor is None:
            return _by_an_operator(names, event, asked)
        return EventLine(
            key=event.id,
            at=event.at,
            state=states.granted() if event.granted else states.refused(),
            who=bearer.name if bearer else gettext("Unknown pass"),
            company=_beside(names, bearer, asked),
            where=names.access_point(event.site, event.access_point),
            why=sentence(event.reason, language) if event.reason else asked.reason if asked else "",
            outcome=_outcome(outcomes.get((event.gate, event.event), []), asked),
        )

    return [line(event) for event in decisions]


def _outcome(outcomes: Sequence[Outcome], asked: access.DoorCommand | None) -> str:
    """Return what the door reported; for a visitor at a poster, how the command stands until it does."""
    if outcomes or asked is None or asked.denied is not None:
        return states.outcome(outcomes)
    return states.commanded(asked.state)


def _by_an_operator(names: Names, event: AccessEvent, asked: access.DoorCommand) -> EventLine:
    why = sentence(event.reason, Language(current())) if event.reason else asked.reason
    return EventLine(
        key=event.id,
        at=event.at,
        state=states.granted() if event.granted else states.refused(),
        who=names.person(asked.person),
        company=gettext("at the panel"),
        where=names.access_point(event.site, event.access_point),
        why=why,
        outcome=states.commanded(asked.state),
    )


def _beside(names: Names, bearer: Bearer | None, asked: access.DoorCommand | None) -> str:
    """Return the company, and who let them through where somebody did."""
    detail = bearer.detail if bearer else ""
    if asked is None or asked.visitor is None or asked.person is None:
        return detail
    by = gettext("let through by %(name)s", name=names.person(asked.person))
    return " · ".join(filter(None, (detail, by)))


def _inside(work: Work, present: Sequence[Presence]) -> list[InsideLine]:
    known = bearers.of(work, [each.credential for each in present])
    names = Names(work)
    lines: list[InsideLine] = []
    for each in present:
        bearer = known.get(each.credential)
        zone = names.zone(each.site, each.zone)
        lines.append(
            InsideLine(
                key=each.credential.hex(),
                name=bearer.name if bearer else each.credential.hex()[:8],
                detail=" · ".join(part for part in (bearer.detail if bearer else "", zone) if part),
                url=bearer.url if bearer else "",
                since=each.since,
            )
        )
    return lines


def _rooms(work: Work) -> list[RoomLine]:
    today = [visit for visit in _visits_of_today(work) if visit.room]
    guests = visits.visitors_by_visit(work.session, [visit.id for visit in today])
    records = meetings.records_of(work, today)
    names = Names(work)
    return [
        RoomLine(
            name=names.room(visit.room),
            when=f"{span(visit.starts_at, visit.ends_at)} · {names_of(guests.get(visit.id, []))}",
            people=_came(records[visit.id], guests.get(visit.id, [])),
            state=_state(visit, records[visit.id], work.now),
        )
        for visit in today
    ]


def _state(visit: Visit, record: MeetingRecord, now: datetime) -> Badge:
    """Return how a meeting stands by its door, or the visit by the clock where no door tells."""
    return badge(visit, now) if record.state is State.NOT_RECORDED else state_of(record.state)


def _came(record: MeetingRecord, guests: Sequence[Visitor]) -> list[str]:
    names = {guest.id: guest.name for guest in guests}
    return [
        f"{names.get(VisitorId(each.who.id), '')} {local(each.entered.at)}"
        for each in record.participants
        if each.who.is_visitor and each.entered is not None
    ]
