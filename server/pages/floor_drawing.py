"""Draws a floor as SVG: in metres, its walls straight on the page, names where there is room for them, the way on top.

Pure. Here are numbers and words; how they look is `floor_plan.html` and the stylesheet.
"""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import shapely

from server.kernel.plane import Spot
from server.wayfinding.plans import AnyArea, Building, Climb, Landmark, Level, Opening, Unit

_LETTERS_ACROSS = 26
"""So many times the height of a letter goes into the width of a drawing: 12 px or more on a phone."""
_MARGIN = 0.04
_SCALES_M = (1, 2, 5, 10, 20, 50, 100, 200)
_CLOSED = frozenset(
    {
        "brick",
        "column",
        "concrete",
        "drywall",
        "glass",
        "nonpublic",
        "opentobelow",
        "structure",
        "wood",
    }
)
_WAYS = frozenset({"walkway", "lobby", "platform", "footbridge", "ramp", "unenclosedarea"})


class At(NamedTuple):
    """A place on the page, in metres from its left and upper edge on."""

    x: float
    y: float


class Label(NamedTuple):
    """Words on the drawing."""

    text: str
    at: At
    kind: str


class Shape(NamedTuple):
    """An area on the drawing."""

    path: str
    kind: str


class Door(NamedTuple):
    """An opening on the drawing."""

    start: At
    end: At
    kind: str


class Symbol(NamedTuple):
    """A lift, stairs or machine on the drawing."""

    at: At
    size: float
    kind: str


@dataclass
class Marked:
    """What is to be seen on a floor besides the floor; whatever lies on other floors is left out."""

    way: Sequence[Sequence[Spot]] = ()
    """The way on this floor, in one or several strokes."""
    here: Spot | None = None
    here_words: str = ""
    next: Opening | None = None
    next_words: str = ""
    target: Unit | None = None
    machines: Sequence[tuple[Landmark, str]] = ()
    portals: frozenset[str] = field(default_factory=frozenset[str])
    """Openings that are portals of the site."""
    missing: frozenset[str] = field(default_factory=frozenset[str])


class Picture(NamedTuple):
    """A floor as it is drawn."""

    id: str
    name: str
    view_box: str
    letter: float
    """Height of a letter in metres."""
    north: float
    """Where north is, in degrees clockwise from up."""
    shapes: Sequence[Shape]
    doors: Sequence[Door]
    symbols: Sequence[Symbol]
    way: Sequence[str]
    here: At | None
    next: At | None
    target: At | None
    labels: Sequence[Label]
    scale_m: int
    scale_at: At


class Page:
    """How a building lies on the page: turned so that its walls are straight, as little as that needs."""

    def __init__(self, building: Building) -> None:
        """Look at all of its floors, so that each lies the same way."""
        self._turn = _turn([each.outline for each in building.levels])
        self._building = building

    def picture(self, level: Level, language: str, marked: Marked) -> Picture:
        """Return a floor as it is drawn."""
        return _Sheet(self._building, level, language, marked, self._turn).picture()


class _Sheet:
    def __init__(
        self, building: Building, level: Level, language: str, marked: Marked, turn: float
    ) -> None:
        self._building, self._level, self._language = building, level, language
        self._marked, self._turn = marked, turn
        corners = [self._at(Spot(x, y)) for x, y in shapely.get_coordinates(level.outline)]
        left, right = min(at.x for at in corners), max(at.x for at in corners)
        top, bottom = min(at.y for at in corners), max(at.y for at in corners)
        margin = _MARGIN * max(right - left, bottom - top) + 0.5
        self._width = right - left + 2 * margin
        self._letter = self._width / _LETTERS_ACROSS
        self._bottom = bottom
        self._left = left
        # Below the floor there is room for the scale, and for words at a door in its lower wall.
        height = bottom - top + 2 * margin + 2 * self._letter
        self._box = f"{left - margin:.2f} {top - margin:.2f} {self._width:.2f} {height:.2f}"
        self._taken: list[tuple[float, float, float, float]] = []
        self._inner = (left - margin, left - margin + self._width)

    def picture(self) -> Picture:
        building, marked, level = self._building, self._marked, self._level
        units = [each for each in building.units.values() if each.level == level.id]
        here = self._at(marked.here) if marked.here else None
        following = self._at(marked.next.point) if marked.next else None
        symbols = self._symbols(units)
        labels = self._labels(units, here, following)
        scale = max((each for each in _SCALES_M if each <= self._width * 0.25), default=1)
        return Picture(
            id=f"floor-{level.ordinal}",
            name=level.name.of(self._language),
            view_box=self._box,
            letter=round(self._letter, 3),
            north=round(math.degrees(self._turn), 1),
            shapes=[*self._areas(units), *self._things()],
            doors=list(self._doors()),
            symbols=symbols,
            way=[
                " ".join(f"{at.x:.2f},{at.y:.2f}" for at in map(self._at, line))
                for line in marked.way
            ],
            here=here,
            next=following,
            target=self._at(marked.target.point) if marked.target else None,
            labels=labels,
            scale_m=scale,
            scale_at=At(round(self._left, 2), round(self._bottom + self._letter * 2.2, 2)),
        )

    def _areas(self, units: Iterable[Unit]) -> Iterable[Shape]:
        yield Shape(self._path(self._level.outline), "outline")
        for unit in units:
            yield Shape(self._path(unit.shape), self._kind(unit))

    def _kind(self, unit: Unit) -> str:
        if self._marked.target is not None and unit.id == self._marked.target.id:
            return "target"
        if unit.category in _CLOSED or unit.is_restricted:
            return "closed"
        if unit.climb is not None:
            return "climb"
        return "way" if unit.category in _WAYS else "room"

    def _things(self) -> Iterable[Shape]:
        for thing in self._building.landmarks.values():
            if thing.level == self._level.id and thing.shape is not None:
                yield Shape(self._path(thing.shape), "machine" if thing.portal else "thing")

    def _doors(self) -> Iterable[Door]:
        for opening in self._building.openings.values():
            if opening.level == self._level.id:
                kind = "door"
                if self._marked.next is not None and opening.id == self._marked.next.id:
                    kind = "next"
                elif opening.portal in self._marked.missing:
                    kind = "missing"
                elif opening.portal in self._marked.portals:
                    kind = "portal"
                elif not opening.is_passable:
                    kind = "shut"
                start, end = opening.line
                yield Door(self._at(start), self._at(end), kind)

    def _symbols(self, units: Iterable[Unit]) -> list[Symbol]:
        size = self._letter * 1.5
        found = [
            Symbol(self._at(each.point), size, "lift" if each.climb is Climb.ELEVATOR else "stairs")
            for each in units
            if each.climb is not None
        ]
        for thing, _ in self._marked.machines:
            if thing.level == self._level.id:
                found.append(Symbol(self._at(thing.point), size * 1.1, "machine"))
        for each in found:
            half = each.size / 2
            self._taken.append(
                (each.at.x - half, each.at.y - half, each.at.x + half, each.at.y + half)
            )
        return found

    def _labels(self, units: Sequence[Unit], here: At | None, following: At | None) -> list[Label]:
        """Return the words that find room, what matters most first."""
        labels: list[Label] = []
        marked, letter = self._marked, self._letter
        for line in marked.way:
            self._keep_clear(line)
        if here is not None:
            self._take(here, letter * 1.6, letter * 1.6)
            self._beside(labels, marked.here_words, here, "here")
        if following is not None and marked.next_words:
            self._take(following, letter * 1.2, letter * 1.2)
            self._beside(labels, marked.next_words, following, "next")
        if marked.target is not None:
            at = self._at(marked.target.point)
            self._take(at, letter, letter)
            self._beside(labels, marked.target.name.of(self._language), at, "target")
        for thing, words in marked.machines:
            if thing.level == self._level.id and words:
                self._beside(labels, words, self._at(thing.point), "machine")
        for unit in units:
            if unit.climb is None and unit.category not in _CLOSED and unit is not marked.target:
                self._within(labels, unit, "unit")
        return labels

    def _keep_clear(self, line: Sequence[Spot]) -> None:
        """Let no words stand on the way."""
        drawn = shapely.LineString(line)
        steps = max(1, round(drawn.length / (self._letter * 0.7)))
        for number in range(steps + 1):
            point = drawn.interpolate(number / steps, normalized=True)
            self._take(self._at(Spot(point.x, point.y)), self._letter * 0.5, self._letter * 0.5)

    def _beside(self, labels: list[Label], words: str, at: At, kind: str) -> None:
        """Put words above or below a place, or beside it, where nothing else stands."""
        letter = self._letter
        # These are written bold.
        width = _width(words) * letter * 1.12
        x = min(max(at.x, self._inner[0] + width / 2), self._inner[1] - width / 2)
        aside = width / 2 + letter * 1.3
        left, right = (
            max(at.x - aside, self._inner[0] + width / 2),
            min(at.x + aside, self._inner[1] - width / 2),
        )
        places = [
            At(each, at.y + dy * letter) for dy in (-1.6, 1.8, 0) for each in (x, right, left)
        ]
        for centre in (*places, At(x, at.y - 2.8 * letter), At(x, at.y + 3 * letter)):
            if self._is_free(centre, width, letter * 1.1):
                self._take(centre, width, letter * 1.1)
                labels.append(Label(words, _rounded(centre), kind))
                return
        labels.append(Label(words, _rounded(At(x, at.y - 1.5 * letter)), kind))

    def _within(self, labels: list[Label], unit: Unit, kind: str) -> None:
        """Put a unit's name into it, where it fits."""
        words = unit.name.of(self._language)
        if not words:
            return
        width, letter = _width(words) * self._letter, self._letter
        area = self._on_page(unit.shape)
        left, top, right, bottom = area.bounds
        point = self._at(unit.point)
        for centre in (point, At((left + right) / 2, point.y), At(point.x, (top + bottom) / 2)):
            x, y = width / 2 * 0.96, letter * 0.55
            frame = shapely.box(centre.x - x, centre.y - y, centre.x + x, centre.y + y)
            if area.covers(frame) and self._is_free(centre, width, letter * 1.1):
                self._take(centre, width, letter * 1.1)
                labels.append(Label(words, _rounded(centre), kind))
                return

    def _on_page(self, area: AnyArea) -> AnyArea:
        return shapely.transform(
            area, lambda spots: np.array([self._at(Spot(*each)) for each in spots])
        )

    def _take(self, at: At, width: float, height: float) -> None:
        self._taken.append(
            (at.x - width / 2, at.y - height / 2, at.x + width / 2, at.y + height / 2)
        )

    def _is_free(self, at: At, width: float, height: float) -> bool:
        left, right, top, bottom = (
            at.x - width / 2,
            at.x + width / 2,
            at.y - height / 2,
            at.y + height / 2,
        )
        return not any(
            left < x1 and x0 < right and top < y1 and y0 < bottom for x0, y0, x1, y1 in self._taken
        )

    def _at(self, spot: Spot) -> At:
        cosine, sine = math.cos(self._turn), math.sin(self._turn)
        x = cosine * spot.east - sine * spot.north
        y = -(sine * spot.east + cosine * spot.north)
        return At(round(x, 2), round(y, 2))

    def _path(self, area: AnyArea) -> str:
        polygons = [area] if isinstance(area, shapely.Polygon) else list(area.geoms)
        rings = [ring for each in polygons for ring in (each.exterior, *each.interiors)]
        lines = [
            "L".join(
                f"{at.x:.2f} {at.y:.2f}"
                for at in (self._at(Spot(x, y)) for x, y in shapely.get_coordinates(ring)[:-1])
            )
            for ring in rings
        ]
        return "".join(f"M{line}Z" for line in lines)


def _turn(outlines: Sequence[AnyArea]) -> float:
    """Return by how much to turn a building, in radians and by 45° at most, so that its walls are straight."""
    around = shapely.union_all(list(outlines)).minimum_rotated_rectangle
    corners = shapely.get_coordinates(around)
    sides = [(math.dist(one, other), one, other) for one, other in pairwise(corners)]
    if not sides:
        return 0.0
    _, one, other = max(sides, key=lambda side: side[0])
    angle = math.atan2(float(other[1] - one[1]), float(other[0] - one[0]))
    return -((angle + math.pi / 4) % (math.pi / 2) - math.pi / 4)


def _width(words: str) -> float:
    """Return about how wide words are, in heights of a letter."""
    return sum(1.0 if unicodedata.east_asian_width(each) in "WF" else 0.56 for each in words)


def _rounded(at: At) -> At:
    return At(round(at.x, 2), round(at.y, 2))
