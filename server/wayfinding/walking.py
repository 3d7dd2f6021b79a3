"""Walking within one unit: from door to door in a straight line where its walls allow, and around corners else.

Pure; metres on the plan's plane. What stands in the unit (IMDF's fixtures) is walked around. Corners are passed at
`CLEARANCE_M` where there is room for it, and hugged where there is not.
"""
# pyright: reportUnknownMemberType=false
# shapely leaves the types of its keyword arguments open.

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import networkx as nx
import numpy as np
import shapely
from shapely.geometry.polygon import orient

from server.kernel.plane import Spot
from server.wayfinding.plans import AnyArea

CLEARANCE_M = 0.4
MOST_PLACES = 300
"""Doors, landmarks and corners of one unit; each pair of them is looked at."""
_SLACK_M = 0.02
"""A line along a wall is within the unit, whatever the last digits of the coordinates say."""


class TooCrowded(Exception):
    """A unit has more corners and openings than are reckoned with."""


class Stretch(NamedTuple):
    """A straight way between two places of a unit, by their numbers."""

    start: int
    end: int
    metres: float


class Walks(NamedTuple):
    """How one walks in a unit."""

    places: list[Spot]
    """First those that were asked for, in their order, then the corners around which one walks."""
    stretches: list[Stretch]


def walks(shape: AnyArea, obstacles: Sequence[AnyArea], stops: Sequence[Spot]) -> Walks:
    """Return the straight ways between the stops of a unit and the corners that lie between them.

    Stops may lie a little outside, as doors in thick walls do. What stands in the way is given up where no way would
    be left otherwise: plans draw tables larger than they are.
    """
    free: AnyArea = shape
    for each in obstacles:
        rest = free.difference(each)
        free = rest if isinstance(rest, AnyArea) else free
    best: Walks | None = None
    for area in (free, shape) if free is not shape else (shape,):
        for corners in (_corners(area, CLEARANCE_M), _corners(area, 0)):
            found = _seen(area, stops, corners)
            if best is None or _parts(found, len(stops)) < _parts(best, len(stops)):
                best = found
            if _parts(best, len(stops)) == 1:
                return best
    return best or Walks(list(stops), [])


def standing(shape: AnyArea, thing: AnyArea) -> Spot:
    """Return where one stands before a thing in a unit."""
    around = shape.difference(thing.buffer(CLEARANCE_M))
    if around.is_empty:
        point = thing.representative_point()
        return Spot(point.x, point.y)
    x, y = shapely.get_coordinates(shapely.shortest_line(thing.representative_point(), around))[-1]
    return Spot(float(x), float(y))


def _seen(area: AnyArea, stops: Sequence[Spot], corners: Sequence[Spot]) -> Walks:
    places = [*stops, *corners]
    if len(places) > MOST_PLACES:
        raise TooCrowded
    pairs = list(combinations(range(len(places)), 2))
    if not pairs:
        return Walks(places, [])
    # A door in a thick wall is entered at the nearest place of the unit.
    entered = [
        shapely.get_coordinates(shapely.shortest_line(area, shapely.Point(spot)))[0]
        for spot in places
    ]
    lines = shapely.linestrings([[entered[start], entered[end]] for start, end in pairs])
    within = area.buffer(_SLACK_M)
    shapely.prepare(within)
    clear: list[bool] = np.atleast_1d(shapely.covers(within, lines)).tolist()
    return Walks(
        places,
        [
            Stretch(start, end, _apart(places[start], places[end]))
            for (start, end), is_clear in zip(pairs, clear, strict=True)
            if is_clear
        ],
    )


def _parts(found: Walks, stops: int) -> int:
    """Return into how many groups the stops fall between which there is no way."""
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(found.places)))
    graph.add_edges_from((each.start, each.end) for each in found.stretches)
    return sum(1 for group in nx.connected_components(graph) if any(n < stops for n in group))


def _corners(area: AnyArea, clearance: float) -> list[Spot]:
    """Return the corners around which a way may have to bend, this far from the walls."""
    kept = area.buffer(-clearance, join_style="mitre") if clearance else area
    found: list[Spot] = []
    for polygon in _polygons(kept):
        turned = orient(polygon)
        for ring in (turned.exterior, *turned.interiors):
            found += _bends([Spot(float(x), float(y)) for x, y in shapely.get_coordinates(ring)])
    return found


def _bends(ring: Sequence[Spot]) -> Iterator[Spot]:
    """Return the corners of a ring at which the inside, which is on its left, is on the wider side."""
    corners = ring[:-1]
    for number, here in enumerate(corners):
        before, after = corners[number - 1], corners[(number + 1) % len(corners)]
        turn = (here.east - before.east) * (after.north - here.north) - (
            here.north - before.north
        ) * (after.east - here.east)
        if turn < -1e-6:  # noqa: PLR2004  a right turn, and no straight line
            yield here


def _polygons(area: shapely.Geometry) -> list[shapely.Polygon]:
    if isinstance(area, shapely.Polygon):
        return [] if area.is_empty else [area]
    if isinstance(area, shapely.MultiPolygon):
        return list(area.geoms)
    return []


def _apart(one: Spot, other: Spot) -> float:
    return ((one.east - other.east) ** 2 + (one.north - other.north) ** 2) ** 0.5
