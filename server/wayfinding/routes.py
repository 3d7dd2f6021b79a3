"""Ways through a building: a graph over its openings, inner points, lifts and stairs, and the quickest way in it.

Pure. Nodes are openings, landmarks, the inner points of units, and the corners around which one has to walk; an edge
within a unit never crosses its walls. Lifts and ramps join levels, stairs and escalators do so too but are not
step-free. Lengths are metres, times seconds. What one does on the way, leg by leg, is `legs`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, Literal, NamedTuple

import networkx as nx
import shapely

from server.kernel.plane import Spot
from server.wayfinding.plans import (
    AnyArea,
    Building,
    Climb,
    Landmark,
    LandmarkId,
    LevelId,
    Opening,
    OpeningId,
    Unit,
    UnitId,
)
from server.wayfinding.walking import TooCrowded, standing, walks

PACE_M_S = 1.1
"""An easy pace, of somebody who looks around."""
_NOT_WALKED = frozenset(
    {
        "brick",
        "column",
        "concrete",
        "drywall",
        "glass",
        "nonpublic",
        "opentobelow",
        "structure",
        "vegetation",
        "wood",
    }
)
_WALKED_THROUGH = frozenset(
    {
        "elevator",
        "escalator",
        "foodservice",
        "footbridge",
        "lobby",
        "lounge",
        "movingwalkway",
        "parking",
        "platform",
        "ramp",
        "road",
        "stairs",
        "steps",
        "terrace",
        "unenclosedarea",
        "unspecified",
        "waitingroom",
        "walkway",
        "walkway.island",
    }
)
_DETOUR = 5.0
"""So many times longer a way may be that does not lead through somebody's room."""
_LEAST_ABOVE = 0.3
"""The part of the smaller of two lifts that lies above the other, if they are one lift on two levels."""


class Node(NamedTuple):
    """A place in the graph."""

    kind: Literal["opening", "unit", "landmark", "corner"]
    id: str
    number: int = 0
    """Of a corner, which one of its unit."""


def at_opening(opening: OpeningId) -> Node:
    """Return the node of an opening."""
    return Node("opening", opening)


def at_unit(unit: UnitId) -> Node:
    """Return the node of a unit's inner point."""
    return Node("unit", unit)


def at_landmark(landmark: LandmarkId) -> Node:
    """Return the node before a landmark."""
    return Node("landmark", landmark)


@dataclass(frozen=True)
class Hop:
    """One edge of the graph."""

    unit: UnitId
    """The unit walked through, or that one climbs in."""
    metres: float
    seconds: float
    cost: float
    """Seconds, more where the way leads through rooms that are not there to be walked through."""
    is_step_free: bool
    climb: Climb | None = None


class TooComplex(Exception):
    """A unit has more corners and openings than a way can be reckoned through."""

    def __init__(self, unit: UnitId) -> None:
        """Name the unit."""
        super().__init__(unit)
        self.unit = unit


@dataclass(frozen=True)
class Ways:
    """The graph of a building."""

    building: Building
    graph: "nx.DiGraph[Node]"
    spots: Mapping[Node, Spot]
    levels: Mapping[Node, LevelId]

    def hop(self, start: Node, end: Node) -> Hop:
        """Return the edge between two nodes that are next to each other."""
        found: Hop = self.graph.edges[start, end]["hop"]
        return found


def ways(building: Building) -> Ways:
    """Return the graph of a building; raises `TooComplex`."""
    return _Weaving(building).woven()


def path(found: Ways, start: Node, end: Node, *, step_free: bool = False) -> list[Node] | None:
    """Return the nodes of the quickest way, or None where there is none."""

    def cost(_start: Node, _end: Node, edge: dict[str, Any]) -> float | None:
        hop: Hop = edge["hop"]
        return None if step_free and not hop.is_step_free else hop.cost

    if start not in found.graph or end not in found.graph:
        return None
    try:
        return nx.dijkstra_path(found.graph, start, end, weight=cost)
    except nx.NetworkXNoPath:
        return None


class _Weaving:
    """The graph while it is made."""

    def __init__(self, building: Building) -> None:
        self._building = building
        self._graph: nx.DiGraph[Node] = nx.DiGraph()
        self._spots: dict[Node, Spot] = {}
        self._levels: dict[Node, LevelId] = {}

    def woven(self) -> Ways:
        building = self._building
        doors: dict[UnitId, list[Opening]] = {}
        for opening in building.openings.values():
            if opening.is_passable:
                self._put(at_opening(opening.id), opening.point, opening.level)
                for unit in opening.units:
                    doors.setdefault(unit, []).append(opening)
        things = _by_unit(building)
        for unit in building.units.values():
            if unit.category not in _NOT_WALKED:
                self._weave(unit, doors.get(unit.id, []), things.get(unit.id, []))
        for one, other, climb, both_ways in _climbs(building):
            self._climb(one, other, climb, both_ways=both_ways)
        return Ways(building, self._graph, self._spots, self._levels)

    def _put(self, node: Node, spot: Spot, level: LevelId) -> None:
        self._graph.add_node(node)
        self._spots[node], self._levels[node] = spot, level

    def _weave(self, unit: Unit, doors: Sequence[Opening], things: Sequence[Landmark]) -> None:
        """Add the ways within one unit."""
        nodes = [*(at_opening(each.id) for each in doors), at_unit(unit.id)]
        self._put(nodes[-1], unit.point, unit.level)
        obstacles: list[AnyArea] = []
        for each in things:
            node = at_landmark(each.id)
            nodes.append(node)
            spot = standing(unit.shape, each.shape) if each.shape else each.point
            self._put(node, spot, unit.level)
            if each.shape is not None and not each.shape.covers(shapely.Point(unit.point)):
                obstacles.append(each.shape)
        try:
            found = walks(unit.shape, obstacles, [self._spots[node] for node in nodes])
        except TooCrowded:
            raise TooComplex(unit.id) from None
        for number, spot in enumerate(found.places[len(nodes) :]):
            nodes.append(Node("corner", unit.id, number))
            self._put(nodes[-1], spot, unit.level)
        for start, end, metres in found.stretches:
            hop = _walked(unit, metres)
            passable = [self._is_step_free(nodes[end]), self._is_step_free(nodes[start])]
            self._join(nodes[start], nodes[end], _only_if(hop, all(passable)))
            self._join(nodes[end], nodes[start], _only_if(hop, all(passable)))

    def _is_step_free(self, node: Node) -> bool:
        return node.kind != "opening" or self._building.openings[OpeningId(node.id)].is_step_free

    def _join(self, start: Node, end: Node, hop: Hop) -> None:
        """Add an edge; of two between the same places, through two rooms, the quicker one stays."""
        if self._graph.has_edge(start, end):
            known: Hop = self._graph.edges[start, end]["hop"]
            if (not known.is_step_free, known.cost) <= (not hop.is_step_free, hop.cost):
                return
        self._graph.add_edge(start, end, hop=hop)

    def _climb(self, one: Unit, other: Unit, climb: Climb, *, both_ways: bool) -> None:
        floors = abs(self._ordinal(one) - self._ordinal(other)) or 1
        metres, seconds = _effort(climb, floors)
        hop = Hop(one.id, metres, seconds, seconds, climb.is_step_free, climb)
        if at_unit(one.id) in self._graph and at_unit(other.id) in self._graph:
            self._join(at_unit(one.id), at_unit(other.id), hop)
            if both_ways:
                self._join(at_unit(other.id), at_unit(one.id), hop)

    def _ordinal(self, unit: Unit) -> int:
        return self._building.level(unit.level).ordinal


def _only_if(hop: Hop, passable: bool) -> Hop:  # noqa: FBT001  read as a sentence
    if passable or not hop.is_step_free:
        return hop
    return Hop(hop.unit, hop.metres, hop.seconds, hop.cost, is_step_free=False, climb=hop.climb)


def _walked(unit: Unit, metres: float) -> Hop:
    seconds = metres / PACE_M_S
    through = unit.category in _WALKED_THROUGH and not unit.is_restricted
    cost = seconds * (1 if through else _DETOUR)
    return Hop(unit.id, metres, seconds, cost, unit.climb is None or unit.climb.is_step_free)


def _effort(climb: Climb, floors: int) -> tuple[float, float]:
    """Return the metres on foot and the seconds that it takes."""
    match climb:
        case Climb.ELEVATOR:
            return 0, 25 + 5 * floors
        case Climb.ESCALATOR:
            return 0, 22 * floors
        case Climb.RAMP:
            return 40 * floors, 40 * floors / PACE_M_S
        case Climb.STAIRS | Climb.STEPS:
            return 8 * floors, 20 * floors


def _by_unit(building: Building) -> dict[UnitId, list[Landmark]]:
    """Return what stands in each unit."""
    found: dict[UnitId, list[Landmark]] = {}
    for thing in building.landmarks.values():
        point = shapely.Point(thing.point)
        homes = (
            unit
            for unit in building.units.values()
            if unit.level == thing.level
            and unit.category not in _NOT_WALKED
            and unit.shape.covers(point)
        )
        home = next(homes, None)
        if home is not None:
            found.setdefault(home.id, []).append(thing)
    return found


def _climbs(building: Building) -> Iterator[tuple[Unit, Unit, Climb, bool]]:
    """Return the units between which one can change the level: as the plan says, or as they lie above each other."""
    told: set[tuple[UnitId, Climb]] = set()
    for link in building.links:
        units = [building.units[each] for each in link.units]
        told |= {(each.id, link.climb) for each in units}
        # A lift goes from each of its levels to each; stairs from one to the next.
        pairs = combinations(units, 2) if link.climb is Climb.ELEVATOR else pairwise(units)
        for one, other in pairs:
            if one.level != other.level:
                yield one, other, link.climb, link.both_ways
    for climb in Climb:
        untold = [
            each
            for each in building.units.values()
            if each.climb is climb and (each.id, climb) not in told
        ]
        for stack in _stacks(building, untold):
            pairs = combinations(stack, 2) if climb is Climb.ELEVATOR else pairwise(stack)
            for one, other in pairs:
                yield one, other, climb, True


def _stacks(building: Building, units: Iterable[Unit]) -> Iterator[list[Unit]]:
    """Return those that lie above each other on levels that follow each other, from below upwards."""
    order = {level.id: number for number, level in enumerate(building.levels)}
    above: nx.Graph[UnitId] = nx.Graph()
    known = {each.id: each for each in units}
    above.add_nodes_from(known)
    for one, other in combinations(known.values(), 2):
        if abs(order[one.level] - order[other.level]) == 1 and _lie_together(one, other):
            above.add_edge(one.id, other.id)
    for group in nx.connected_components(above):
        yield sorted((known[each] for each in group), key=lambda unit: order[unit.level])


def _lie_together(one: Unit, other: Unit) -> bool:
    smaller = min(one.shape.area, other.shape.area)
    return float(one.shape.intersection(other.shape).area) >= _LEAST_ABOVE * smaller
