"""The way of one visitor: where they stand by what the doors reported, where they go, how, and how it is drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from access_protocol.ids import CredentialId, PortalId
from access_protocol.knowledge import Direction
from server.access import models as access
from server.arrivals import actions as arrivals
from server.kernel.plane import Spot
from server.kernel.work import Work
from server.pages import whereabouts
from server.pages.floor_drawing import Marked, Page, Picture
from server.pages.names import Names
from server.pages.way_words import Speaker
from server.pages.whereabouts import Stage, Whereabouts
from server.places import models as places
from server.places.actions import PortalKind
from server.places.models import AccessPoint, Room
from server.visits.models import Visit, Visitor
from server.wayfinding import actions as plans
from server.wayfinding.legs import Leg, LegKind, Route, route
from server.wayfinding.plans import Building, Landmark, Level, Opening, OpeningId, Unit
from server.wayfinding.routes import Node, Ways
from server.web.languages import current, gettext

_OUTSIDE = frozenset({Stage.INVITED, Stage.ON_THE_WAY, Stage.NEAR})
_SHOWN_AFTER = timedelta(minutes=20)
"""So long somebody who went out through a gate is shown the rest of the way out."""


class Goal(StrEnum):
    """Where somebody wants to go."""

    ROOM = "room"
    DRINK = "drink"
    OUT = "out"


@dataclass(frozen=True)
class Way:
    """The way as the page shows it."""

    goal: Goal
    goals: Sequence[Goal]
    """Those that can be chosen here."""
    target: str
    """What the goal is called."""
    here: str
    """The portal passed last; empty before the first one."""
    next_door: str
    """The portal that comes next; empty where none is left."""
    is_there: bool
    is_known: bool
    """Whether there is such a way at all; if not, it is said and the plan is shown without."""
    step_free: bool
    lines: Sequence[str]
    floors: Sequence[Picture]
    """Those on which the way lies, in its order; the first one is where the visitor stands."""
    metres: int
    minutes: int


@dataclass(frozen=True)
class _Situation:
    """Where somebody stands, and between what they can choose."""

    work: Work
    visit: Visit
    ways: Ways
    start: Node | None
    last: PortalId | None
    stage: Stage
    was_in_room: bool
    room: Room | None

    @property
    def building(self) -> Building:
        return self.ways.building


def way_of(
    work: Work,
    visit: Visit,
    visitor: Visitor,
    names: Names,
    goal: Goal | None = None,
    *,
    step_free: bool | None = None,
) -> Way | None:
    """Return the way of a visitor, or None where there is nothing to show: no plan, not the day, gone again."""
    ways = plans.ways_of(work.session, visit.site)
    if ways is None:
        return None
    where = whereabouts.of_visits(work, [visit], {visit.id: [visitor]})[visitor.id]
    if not _is_time(work, visit, where):
        return None
    found = _situation(work, visit, visitor, ways, where)
    chosen = goal or _usual(work, found)
    return _Composition(
        found, names, chosen, visitor.step_free if step_free is None else step_free
    ).way()


def _is_time(work: Work, visit: Visit, where: Whereabouts) -> bool:
    if where.stage is Stage.LEFT:
        return work.now - where.since < _SHOWN_AFTER
    if where.stage is Stage.DECLINED:
        return False
    # The plan of a building is for those who come today, and for whoever is still inside.
    return arrivals.is_day_of(work, visit) or where.stage in {Stage.AT_GATE, Stage.IN_ROOM}


def _situation(
    work: Work, visit: Visit, visitor: Visitor, ways: Ways, where: Whereabouts
) -> _Situation:
    room = work.session.get(Room, visit.room) if visit.room else None
    last: PortalId | None = None
    if where.access_point is not None and where.stage not in _OUTSIDE:
        point = work.session.get(AccessPoint, (visit.site, where.access_point))
        last = point.portal if point else None
    if where.stage is Stage.IN_ROOM and room is not None:
        last = room.portal or last
    passed = access.passages_of(work.session, [CredentialId(visitor.credential)])
    was_in_room = where.stage is Stage.IN_ROOM or (
        room is not None
        and any(each.portal == room.portal and each.direction is Direction.IN for each in passed)
    )
    building = ways.building
    start = plans.node_of_portal(building, last) if last else None
    start = start or plans.entrance(building)
    return _Situation(work, visit, ways, start, last, where.stage, was_in_room, room)


def _usual(work: Work, now: _Situation) -> Goal:
    """Return where somebody wants to go who says nothing: to the room, and after the meeting out."""
    if now.stage is Stage.LEFT or work.now >= now.visit.ends_at:
        return Goal.OUT
    return Goal.OUT if now.was_in_room and now.stage is not Stage.IN_ROOM else Goal.ROOM


class _Composition:
    """A way while it is composed."""

    def __init__(self, now: _Situation, names: Names, goal: Goal, step_free: bool) -> None:  # noqa: FBT001
        self._now, self._names, self._step_free = now, names, step_free
        self._building = now.building
        self._portals = {
            str(each.id): places.name_in(each, current())
            for each in places.portals_of(now.work.session, now.visit.site)
        }
        self._machines = self._placed_machines()
        goals = [Goal.ROOM, *([Goal.DRINK] if self._machines else []), Goal.OUT]
        self._goals = [each for each in goals if self._ends(each)]
        self._goal = goal if goal in self._goals else (self._goals or [goal])[0]

    def way(self) -> Way:
        now = self._now
        is_there = now.stage is Stage.IN_ROOM and self._goal is Goal.ROOM
        found = None if is_there else self._route()
        speaker = Speaker(self._building, current(), self._portals, self._room_name())
        legs = list(found.legs) if found else []
        next_door = self._next(legs)
        return Way(
            goal=self._goal,
            goals=self._goals,
            target=self._target_name(),
            here=self._portals.get(now.last or "", "") if now.last else "",
            next_door=speaker.door(next_door.id) if next_door else "",
            is_there=is_there or self._is_out(legs),
            is_known=found is not None or is_there,
            step_free=self._step_free,
            lines=speaker.lines(found) if found else [],
            floors=list(self._pictures(legs, next_door, speaker)),
            metres=round(found.metres) if found else 0,
            minutes=max(1, -(-round(found.seconds) // 60)) if found else 0,
        )

    def _ends(self, goal: Goal) -> list[Node]:
        """Return where a goal leads, one place after the other."""
        now, building = self._now, self._building
        room = plans.node_of_room(building, now.room) if now.room else None
        match goal:
            case Goal.ROOM:
                return [room] if room else []
            case Goal.DRINK:
                machine = plans.node_of_portal(
                    building, PortalId(self._machines[0][0].portal or "")
                )
                onwards = [room] if room and not now.was_in_room else []
                return [machine, *onwards] if machine else []
            case Goal.OUT:
                way_out = plans.entrance(building)
                return [way_out] if way_out else []

    def _route(self) -> Route | None:
        start, legs = self._now.start, list[Leg]()
        for end in self._ends(self._goal):
            found = (
                None
                if start is None
                else route(self._now.ways, start, end, step_free=self._step_free)
            )
            if found is None:
                return None
            legs += found.legs
            start = end
        return Route(legs) if legs else None

    def _is_out(self, legs: Sequence[Leg]) -> bool:
        """Tell whether nothing is left to walk: somebody stands at the way out."""
        return len(legs) == 1 and legs[0].kind is LegKind.ARRIVE and legs[0].metres == 0

    def _next(self, legs: Sequence[Leg]) -> Opening | None:
        """Return the next portal on the way; who has not come yet begins at the entrance."""
        openings = [leg.opening for leg in legs if leg.opening]
        if self._now.last is None and self._now.start is not None:
            openings.insert(0, OpeningId(self._now.start.id))
        for each in openings:
            found = self._building.openings.get(each)
            if found is not None and found.portal and found.portal != self._now.last:
                return found
        return None

    def _pictures(
        self, legs: Sequence[Leg], next_door: Opening | None, speaker: Speaker
    ) -> Iterator[Picture]:
        page, building = Page(self._building), self._building
        start = self._now.start
        spot = self._now.ways.spots.get(start) if start else None
        level_here = self._now.ways.levels.get(start) if start else None
        target = plans.unit_of(building, self._now.room) if self._now.room else None
        for level in self._levels(legs, target):
            marked = Marked(
                way=_drawn(legs, level),
                machines=self._machines,
                portals=frozenset(self._portals),
                target=target
                if target
                and target.level == level.id
                and self._goal is not Goal.OUT
                and self._now.stage is not Stage.IN_ROOM
                else None,
            )
            if next_door is not None and next_door.level == level.id:
                marked = replace(marked, next=next_door, next_words=speaker.door(next_door.id))
            if self._now.last is not None and level.id == level_here:
                marked = replace(
                    marked, here=self._place_here(spot, legs), here_words=gettext("You are here")
                )
            yield page.picture(level, current(), marked)

    def _place_here(self, spot: Spot | None, legs: Sequence[Leg]) -> Spot | None:
        """Return where somebody stands: just behind the portal passed, or in the room."""
        room = plans.unit_of(self._building, self._now.room) if self._now.room else None
        if self._now.stage is Stage.IN_ROOM and room is not None:
            return room.point
        first = next((leg for leg in legs if len(leg.points) > 1), None)
        if spot is None or first is None:
            return spot
        east, north = first.points[1].east - spot.east, first.points[1].north - spot.north
        length = max((east**2 + north**2) ** 0.5, 1e-6)
        step = min(0.9, length / 3)
        return Spot(spot.east + east / length * step, spot.north + north / length * step)

    def _levels(self, legs: Sequence[Leg], target: Unit | None) -> list[Level]:
        """Return the floors of the way in its order; without a way that of where one stands, or of the room."""
        order = [each.level for each in legs]
        start = self._now.start
        if not order and start is not None:
            order = [self._now.ways.levels[start]]
        if not order and target is not None:
            order = [target.level]
        return [self._building.level(each) for each in dict.fromkeys(order)]

    def _placed_machines(self) -> list[tuple[Landmark, str]]:
        session, site = self._now.work.session, self._now.visit.site
        return [
            (landmark, self._portals[each.id])
            for each in places.portals_of(session, site)
            if each.kind is PortalKind.VENDING
            for landmark in [self._building.landmark_of(each.id)]
            if landmark is not None
        ]

    def _room_name(self) -> str:
        return self._names.room(self._now.visit.room)

    def _target_name(self) -> str:
        match self._goal:
            case Goal.ROOM:
                return self._room_name()
            case Goal.DRINK:
                return self._machines[0][1]
            case Goal.OUT:
                return gettext("The way out")


def _drawn(legs: Sequence[Leg], level: Level) -> list[list[Spot]]:
    """Return the strokes of a way on one floor; it is interrupted where it leaves the floor and comes back."""
    strokes: list[list[Spot]] = []
    goes_on = False
    for leg in legs:
        ends_here = leg.to_level or leg.level
        if level.id not in {ends_here, leg.level}:
            goes_on = False
            continue
        if leg.kind is LegKind.RIDE:
            # Its points are those with which one steps out, on the other floor.
            if ends_here == level.id:
                strokes.append(list(leg.points))
            goes_on = ends_here == level.id
            continue
        if goes_on and strokes:
            strokes[-1] += leg.points[1:] if strokes[-1][-1] == leg.points[0] else leg.points
        else:
            strokes.append(list(leg.points))
        goes_on = True
    return [each for each in strokes if len(each) > 1]
