"""Puts the features of a floor plan together to a building in metres, and says which do not fit.

Pure. Every cross-reference, the shapes themselves, and what may be placed only once are checked here, so that whoever
has a building need not ask again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import shapely

from access_protocol.ids import PortalId
from server.kernel.plane import Plane, Spot
from server.kernel.refusals import Reason
from server.wayfinding import imdf_features as imdf
from server.wayfinding.imdf import Features, Mistake, NotAPlan, called, joined, level_name
from server.wayfinding.plans import (
    AnyArea,
    Building,
    Climb,
    Landmark,
    LandmarkId,
    Level,
    LevelId,
    Link,
    Opening,
    OpeningId,
    Unit,
    UnitId,
    Words,
)

REACH_M = 1000
"""From the middle of the building; beyond it, a plan is of somewhere else."""
NARROWEST_M = 0.3
_NEAR_M = 0.35
"""How far the wall of a unit may stand from an opening in it: walls are drawn thick or as lines."""
_NOT_FOR_WHEELS = frozenset({"revolving", "turnstile.fullheight"})
_NOT_FOR_VISITORS = frozenset({"automobile", "emergencyexit"})


def assemble(features: Features) -> Building:
    """Return the building, or raise `NotAPlan` where its features do not fit together."""
    return _Assembly(features).building()


class _Assembly:
    """The building while it is put together."""

    def __init__(self, features: Features) -> None:
        self._features = features
        self._mistakes: list[Mistake] = []
        self._plane = Plane(*_middle(features))

    def building(self) -> Building:
        levels = self._levels()
        units = self._units(levels)
        self._raise()
        openings = self._openings(levels, units)
        landmarks = self._landmarks(levels, units)
        links = self._links(units)
        self._placed_once([*openings.values(), *landmarks.values()], units.values())
        self._raise()
        order = sorted(levels.values(), key=lambda each: each.ordinal)
        return Building(self._plane, order, units, openings, landmarks, links)

    def _raise(self) -> None:
        if self._mistakes:
            raise NotAPlan(self._mistakes)

    def _wrong(self, kind: str, number: int, own: str, field: str, reason: Reason) -> None:
        self._mistakes.append(Mistake(f"{kind}.geojson", called(number, own), field, reason))

    def _levels(self) -> dict[LevelId, Level]:
        levels: dict[LevelId, Level] = {}
        ordinals: set[int] = set()
        if not self._features.level:
            none = Reason("must have a level")
            self._mistakes.append(Mistake("level.geojson", "", "features", none))
        for number, each in enumerate(self._features.level, start=1):
            said = each.properties
            shape = self._area("level", number, each.id, each.geometry)
            if self._is_double("level", number, each.id, levels) or shape is None:
                continue
            if said.ordinal in ordinals:
                taken = Reason("is that of another level")
                self._wrong("level", number, each.id, "properties.ordinal", taken)
            ordinals.add(said.ordinal)
            level = LevelId(each.id)
            short = Words(said.short_name) or Words({"en": str(said.ordinal)})
            levels[level] = Level(level, said.ordinal, level_name(each), short, shape)
        return levels

    def _units(self, levels: Mapping[LevelId, Level]) -> dict[UnitId, Unit]:
        units: dict[UnitId, Unit] = {}
        for number, each in enumerate(self._features.unit, start=1):
            said = each.properties
            shape = self._area("unit", number, each.id, each.geometry)
            known = self._on_level("unit", number, each.id, said.level_id, levels)
            if self._is_double("unit", number, each.id, units) or shape is None or not known:
                continue
            unit = UnitId(each.id)
            units[unit] = Unit(
                id=unit,
                level=LevelId(said.level_id),
                category=said.category,
                name=Words(said.name),
                shape=shape,
                point=self._inside(shape, said.display_point),
                room=said.genkan_room,
                is_restricted=said.restriction is not None,
            )
        return units

    def _openings(
        self, levels: Mapping[LevelId, Level], units: Mapping[UnitId, Unit]
    ) -> dict[OpeningId, Opening]:
        openings: dict[OpeningId, Opening] = {}
        around = _by_level(units.values())
        for number, each in enumerate(self._features.opening, start=1):
            said = each.properties
            known = self._on_level("opening", number, each.id, said.level_id, levels)
            if self._is_double("opening", number, each.id, openings) or not known:
                continue
            ends = [self._plane.spot(*each.geometry.coordinates[end]) for end in (0, -1)]
            line = (ends[0], ends[1])
            if shapely.LineString(line).length < NARROWEST_M:
                narrow = Reason("must be %(least)s m wide or more", {"least": NARROWEST_M})
                self._wrong("opening", number, each.id, "geometry", narrow)
                continue
            level, opening = LevelId(said.level_id), OpeningId(each.id)
            joined = _touched(line, around.get(level, []))
            if not joined:
                aside = Reason("lies on the edge of no unit of its level")
                self._wrong("opening", number, each.id, "geometry", aside)
            door = said.door.type if said.door else None
            wheels = "wheelchair" in (said.accessibility or [])
            openings[opening] = Opening(
                id=opening,
                level=level,
                category=said.category,
                name=Words(said.name),
                line=line,
                units=joined,
                portal=PortalId(said.genkan_portal) if said.genkan_portal else None,
                is_open=door == "open",
                is_step_free=wheels or door not in _NOT_FOR_WHEELS,
                is_passable=said.category not in _NOT_FOR_VISITORS
                and "outofservice" not in (said.access_control or []),
            )
        return openings

    def _landmarks(
        self, levels: Mapping[LevelId, Level], units: Mapping[UnitId, Unit]
    ) -> dict[LandmarkId, Landmark]:
        found: dict[LandmarkId, Landmark] = {}
        for number, each in enumerate(self._features.amenity, start=1):
            unit = units.get(UnitId(each.properties.unit_ids[0]))
            if self._is_double("amenity", number, each.id, found):
                continue
            if unit is None:
                field = "properties.unit_ids.0"
                self._wrong("amenity", number, each.id, field, Reason("is no unit of this plan"))
                continue
            spot = self._plane.spot(*each.geometry.coordinates)
            found[LandmarkId(each.id)] = _landmark(each, unit.level, spot, None)
        for number, each in enumerate(self._features.fixture, start=1):
            level = each.properties.level_id
            shape = self._area("fixture", number, each.id, each.geometry)
            known = self._on_level("fixture", number, each.id, level, levels)
            if self._is_double("fixture", number, each.id, found) or shape is None or not known:
                continue
            spot = self._inside(shape, None)
            found[LandmarkId(each.id)] = _landmark(each, LevelId(level), spot, shape)
        return found

    def _links(self, units: Mapping[UnitId, Unit]) -> list[Link]:
        links: list[Link] = []
        for number, each in enumerate(self._features.relationship, start=1):
            said = each.properties
            known = [UnitId(own) for own in joined(each) if UnitId(own) in units]
            if not known:
                nowhere = Reason("names no unit of this plan")
                self._wrong("relationship", number, each.id, "properties", nowhere)
            elif said.category in set(Climb):
                both = said.direction == "undirected"
                links.append(Link(Climb(said.category), tuple(known), both))
        return links

    def _placed_once(self, portals: Iterable[Opening | Landmark], units: Iterable[Unit]) -> None:
        places = [
            *(("genkan_portal", each.id, each.portal) for each in portals if each.portal),
            *(("genkan_room", each.id, each.room) for each in units if each.room),
        ]
        first: dict[tuple[str, str], str] = {}
        for field, own, value in places:
            other = first.setdefault((field, value), own)
            if other != own:
                words = "%(name)s is placed twice: at %(other)s and here"
                reason = Reason(words, {"name": value, "other": other})
                self._mistakes.append(Mistake("", own, f"properties.{field}", reason))

    def _area(
        self, kind: str, number: int, own: str, geometry: imdf.Polygon | imdf.MultiPolygon
    ) -> AnyArea | None:
        """Return an area in metres, or note why it is none."""
        parts = (
            geometry.coordinates
            if isinstance(geometry, imdf.MultiPolygon)
            else [geometry.coordinates]
        )
        polygons = [
            shapely.Polygon(
                *_shell_and_holes([[self._plane.spot(*at) for at in ring] for ring in rings])
            )
            for rings in parts
        ]
        area: AnyArea = polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
        if not area.is_valid or area.is_empty:
            said = {"reason": shapely.is_valid_reason(area)}
            reason = Reason("is not a clean shape: %(reason)s", said)
            self._wrong(kind, number, own, "geometry", reason)
            return None
        west, south, east, north = area.bounds
        if max(-west, -south, east, north) > REACH_M:
            words = "lies more than %(most)s m from the middle of the plan"
            reason = Reason(words, {"most": REACH_M})
            self._wrong(kind, number, own, "geometry", reason)
            return None
        return area

    def _inside(self, shape: AnyArea, given: imdf.Point | None) -> Spot:
        if given is not None:
            spot = self._plane.spot(*given.coordinates)
            if shape.covers(shapely.Point(spot)):
                return spot
        point = shape.representative_point()
        return Spot(point.x, point.y)

    def _is_double(self, kind: str, number: int, own: str, known: Mapping[Any, Any]) -> bool:
        if own not in known:
            return False
        self._wrong(kind, number, own, "id", Reason("is that of another feature"))
        return True

    def _on_level(
        self, kind: str, number: int, own: str, level: str, levels: Mapping[LevelId, Level]
    ) -> bool:
        if LevelId(level) in levels:
            return True
        nowhere = Reason("is no level of this plan")
        self._wrong(kind, number, own, "properties.level_id", nowhere)
        return False


def _shell_and_holes(
    rings: Sequence[Sequence[Spot]],
) -> tuple[Sequence[Spot], Sequence[Sequence[Spot]]]:
    return rings[0], rings[1:]


def _landmark(
    feature: imdf.AmenityFeature | imdf.FixtureFeature,
    level: LevelId,
    spot: Spot,
    shape: AnyArea | None,
) -> Landmark:
    said = feature.properties
    portal = PortalId(said.genkan_portal) if said.genkan_portal else None
    return Landmark(
        LandmarkId(feature.id), level, said.category, Words(said.name), spot, portal, shape
    )


def _middle(features: Features) -> tuple[float, float]:
    """Return longitude and latitude of a corner near which the building stands: that of its first level."""
    for each in features.level:
        shape = each.geometry
        ring = (
            shape.coordinates[0][0]
            if isinstance(shape, imdf.MultiPolygon)
            else shape.coordinates[0]
        )
        longitudes, latitudes = [at[0] for at in ring], [at[1] for at in ring]
        return (min(longitudes) + max(longitudes)) / 2, (min(latitudes) + max(latitudes)) / 2
    return 0.0, 0.0


def _by_level(units: Iterable[Unit]) -> dict[LevelId, list[Unit]]:
    found: dict[LevelId, list[Unit]] = {}
    for each in units:
        found.setdefault(each.level, []).append(each)
    return found


def _touched(line: tuple[Spot, Spot], units: Sequence[Unit]) -> tuple[UnitId, ...]:
    """Return the one or two units between which an opening is: those along whose edge most of it lies."""
    drawn = shapely.LineString(line)
    reach = drawn.bounds
    along: list[tuple[float, UnitId]] = []
    for each in units:
        west, south, east, north = each.shape.bounds
        if not (
            west - _NEAR_M <= reach[2]
            and east + _NEAR_M >= reach[0]
            and south - _NEAR_M <= reach[3]
            and north + _NEAR_M >= reach[1]
        ):
            continue
        length = float(each.shape.buffer(_NEAR_M).intersection(drawn).length)
        if length >= drawn.length / 2:
            along.append((length, each.id))
    along.sort(key=lambda found: (-found[0], found[1]))
    return tuple(own for _, own in along[:2])
