"""A way leg by leg: where to turn, how far to go, through which opening, by which lift, and where one arrives. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

import shapely

from server.kernel.plane import Spot
from server.wayfinding.plans import AnyArea, Climb, LandmarkId, LevelId, Opening, OpeningId, UnitId
from server.wayfinding.routes import Hop, Node, Ways, path

_AHEAD = math.radians(35)
_BEHIND = math.radians(145)
_BEND = math.radians(40)
_WORTH_A_LINE_M = 1.5
"""A bend shorter than this is no leg of its own."""


class LegKind(StrEnum):
    """What one does on a leg."""

    WALK = "walk"
    """Straight on within one unit, to an opening or a bend."""
    RIDE = "ride"
    """By lift, stairs, escalator or ramp to another level."""
    ARRIVE = "arrive"
    """The end: the place one looks for is here, and on which side."""


class Turn(StrEnum):
    """Where something lies from where one looks."""

    STRAIGHT = "straight"
    LEFT = "left"
    RIGHT = "right"
    BACK = "back"


@dataclass(frozen=True)
class Leg:
    """One leg of a way; it is one line of text and one stroke of the drawing."""

    kind: LegKind
    level: LevelId
    unit: UnitId
    """The unit walked through, ridden in, or arrived at."""
    points: tuple[Spot, ...]
    metres: float = 0
    seconds: float = 0
    turn: Turn | None = None
    """Where to turn first, seen from where one came; None: not known."""
    side: Turn | None = None
    """On which side the end of the leg lies once one is there."""
    opening: OpeningId | None = None
    """The opening at its end, or at which one arrives."""
    landmark: LandmarkId | None = None
    """What one arrives at."""
    climb: Climb | None = None
    to_level: LevelId | None = None


@dataclass(frozen=True)
class Route:
    """A way, leg by leg; its last leg is the arrival."""

    legs: Sequence[Leg]

    @property
    def metres(self) -> float:
        """Its length on foot."""
        return sum(leg.metres for leg in self.legs)

    @property
    def seconds(self) -> float:
        """How long it takes at an easy pace, waiting for lifts included."""
        return sum(leg.seconds for leg in self.legs)


def route(ways: Ways, start: Node, end: Node, *, step_free: bool = False) -> Route | None:
    """Return the quickest way leg by leg, or None where there is none (without steps, if that is asked)."""
    nodes = path(ways, start, end, step_free=step_free)
    return None if nodes is None else Route(_Walk(ways, nodes).legs())


@dataclass(frozen=True)
class _Stroke:
    """A part of the path within one unit, up to an opening; or one climb."""

    nodes: tuple[Node, ...]
    hops: tuple[Hop, ...]

    @property
    def climb(self) -> Climb | None:
        return self.hops[0].climb

    @property
    def unit(self) -> UnitId:
        return self.hops[0].unit


class _Walk:
    """A path on its way to becoming legs."""

    def __init__(self, ways: Ways, nodes: Sequence[Node]) -> None:
        self._ways = ways
        self._building = ways.building
        self._nodes = nodes
        self._heading: float | None = None
        """Where one looks, in radians from east to north."""

    def legs(self) -> list[Leg]:
        strokes = _strokes(self._ways, self._nodes)
        legs: list[Leg] = []
        end = self._nodes[-1]
        for number, stroke in enumerate(strokes):
            before = strokes[number - 1] if number else None
            after = strokes[number + 1] if number + 1 < len(strokes) else None
            if stroke.climb is not None:
                self._ride(stroke, legs)
            elif after is not None and after.climb is not None and self._leads_in(stroke, after):
                self._step_in(stroke, legs)
            elif before is not None and before.climb is not None and self._leads_in(stroke, before):
                self._step_out(stroke, legs)
            elif after is None and end.kind == "unit" and len(strokes) > 1 and legs:
                # The last steps, within the room itself, belong to the arrival.
                return [*legs, self._arrival(end, stroke, legs[-1])]
            else:
                legs += self._walks(stroke, is_last=after is None)
        return [*legs, self._arrival(end, None, legs[-1] if legs else None)]

    def _leads_in(self, stroke: _Stroke, climb: _Stroke) -> bool:
        """Tell whether a stroke is but the step into or out of the lift or the stairs."""
        units = {self._building.units[UnitId(node.id)].id for node in climb.nodes}
        return stroke.unit in units

    def _step_in(self, stroke: _Stroke, legs: list[Leg]) -> None:
        self._look_along(stroke)
        if legs:
            last = legs[-1]
            points = (*last.points, *self._spots(stroke)[1:])
            legs[-1] = replace(last, points=points, seconds=last.seconds + _seconds(stroke))

    def _step_out(self, stroke: _Stroke, legs: list[Leg]) -> None:
        self._look_along(stroke)
        last = stroke.nodes[-1]
        if last.kind == "opening":
            self._heading = self._through(OpeningId(last.id), stroke.unit, outwards=True)
        legs[-1] = replace(
            legs[-1], points=self._spots(stroke), seconds=legs[-1].seconds + _seconds(stroke)
        )

    def _ride(self, stroke: _Stroke, legs: list[Leg]) -> None:
        first, last = stroke.nodes[0], stroke.nodes[-1]
        legs.append(
            Leg(
                LegKind.RIDE,
                self._ways.levels[first],
                UnitId(first.id),
                (self._ways.spots[last],),
                sum(hop.metres for hop in stroke.hops),
                _seconds(stroke),
                climb=stroke.climb,
                to_level=self._ways.levels[last],
            )
        )
        self._heading = None

    def _walks(self, stroke: _Stroke, *, is_last: bool) -> Iterator[Leg]:
        """Return the legs of a stroke, one for each straight part of it."""
        if self._heading is None and stroke.nodes[0].kind == "opening":
            self._heading = self._through(
                OpeningId(stroke.nodes[0].id), stroke.unit, outwards=False
            )
        spots = self._spots(stroke)
        total, seconds = sum(hop.metres for hop in stroke.hops), _seconds(stroke)
        parts = _straights(spots)
        for number, points in enumerate(parts):
            ends = number == len(parts) - 1
            metres = _length(points)
            turn = self._turn_to(_heading(points[0], points[1]))
            self._heading = _heading(points[-2], points[-1])
            yield Leg(
                LegKind.WALK,
                self._ways.levels[stroke.nodes[0]],
                stroke.unit,
                tuple(points),
                metres,
                seconds * metres / total if total else 0,
                turn=turn,
                side=self._pass(stroke) if ends else None,
                opening=_opening(stroke.nodes[-1]) if ends and not is_last else None,
            )

    def _pass(self, stroke: _Stroke) -> Turn | None:
        """Go through the opening at the end of a stroke; return on which side it was."""
        last = stroke.nodes[-1]
        if last.kind != "opening":
            return None
        through = self._through(OpeningId(last.id), stroke.unit, outwards=True)
        side = self._turn_to(through)
        self._heading = through
        return side

    def _arrival(self, end: Node, stroke: _Stroke | None, before: Leg | None) -> Leg:
        level, spot = self._ways.levels[end], self._ways.spots[end]
        points = self._spots(stroke) if stroke else (spot,)
        metres = sum(hop.metres for hop in stroke.hops) if stroke else 0
        side = before.side if before else None
        match end.kind:
            case "opening":
                opening, landmark = OpeningId(end.id), None
                unit = self._building.openings[opening].units[0]
            case "landmark":
                opening, landmark = None, LandmarkId(end.id)
                unit = before.unit if before else UnitId("")
                thing = self._building.landmarks[landmark]
                side = self._turn_to(_heading(spot, thing.point)) if before else None
            case _:
                opening = before.opening if before else None
                unit, landmark = UnitId(end.id), None
        return Leg(
            LegKind.ARRIVE,
            level,
            unit,
            points,
            metres,
            _seconds(stroke) if stroke else 0,
            side=side,
            opening=opening,
            landmark=landmark,
        )

    def _through(self, opening: OpeningId, unit: UnitId, *, outwards: bool) -> float | None:
        """Return where one looks while one goes through an opening out of a unit, or into it."""
        found = self._building.openings[opening]
        inwards = _inwards(found, self._building.units[unit].shape)
        return inwards + math.pi if outwards else inwards

    def _turn_to(self, heading: float | None) -> Turn | None:
        if self._heading is None or heading is None:
            return None
        angle = _angle(heading - self._heading)
        if abs(angle) <= _AHEAD:
            return Turn.STRAIGHT
        if abs(angle) >= _BEHIND:
            return Turn.BACK
        return Turn.LEFT if angle > 0 else Turn.RIGHT

    def _look_along(self, stroke: _Stroke) -> None:
        spots = self._spots(stroke)
        self._heading = _heading(spots[-2], spots[-1])

    def _spots(self, stroke: _Stroke) -> tuple[Spot, ...]:
        return tuple(self._ways.spots[node] for node in stroke.nodes)


def _strokes(ways: Ways, nodes: Sequence[Node]) -> list[_Stroke]:
    """Cut a path where it goes through an opening, into another unit, or changes between walking and climbing."""
    found: list[_Stroke] = []
    for start, end in pairwise(nodes):
        hop = ways.hop(start, end)
        last = found[-1] if found else None
        goes_on = last is not None and (
            (hop.climb is not None and last.climb is hop.climb)
            or (
                hop.climb is None
                and last.climb is None
                and last.unit == hop.unit
                and start.kind != "opening"
            )
        )
        if last is not None and goes_on:
            found[-1] = _Stroke((*last.nodes, end), (*last.hops, hop))
        else:
            found.append(_Stroke((start, end), (hop,)))
    return found


def _straights(spots: Sequence[Spot]) -> list[list[Spot]]:
    """Cut a line at its bends; those that are but a step stay in one piece."""
    parts = [[spots[0], spots[1]]]
    for spot in spots[2:]:
        part = parts[-1]
        bend = _angle((_heading(part[-1], spot) or 0) - (_heading(part[-2], part[-1]) or 0))
        short = min(_length(part), math.dist(part[-1], spot)) < _WORTH_A_LINE_M
        if abs(bend) > _BEND and not short:
            parts.append([part[-1], spot])
        else:
            part.append(spot)
    return parts


def _inwards(opening: Opening, shape: AnyArea) -> float:
    """Return the direction across an opening into a unit, in radians."""
    (x0, y0), (x1, y1) = opening.line
    along = math.atan2(y1 - y0, x1 - x0)
    across = along + math.pi / 2
    middle = opening.point
    probe = 0.8
    sides: list[float] = [
        shape.distance(
            shapely.Point(
                middle.east + math.cos(each) * probe, middle.north + math.sin(each) * probe
            )
        )
        for each in (across, across + math.pi)
    ]
    return across if sides[0] <= sides[1] else across + math.pi


def _opening(node: Node) -> OpeningId | None:
    return OpeningId(node.id) if node.kind == "opening" else None


def _heading(start: Spot, end: Spot) -> float | None:
    if math.dist(start, end) < 1e-6:  # noqa: PLR2004  the same place
        return None
    return math.atan2(end.north - start.north, end.east - start.east)


def _angle(turned: float) -> float:
    """Return an angle between -pi and pi."""
    return (turned + math.pi) % (2 * math.pi) - math.pi


def _length(spots: Sequence[Spot]) -> float:
    return sum(math.dist(start, end) for start, end in pairwise(spots))


def _seconds(stroke: _Stroke) -> float:
    return sum(hop.seconds for hop in stroke.hops)
