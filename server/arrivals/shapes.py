"""The shapes of fences: circles and polygons in degrees WGS 84, how far a place is from them, and what is refused.

A polygon is written as in GeoJSON (RFC 7946), a circle as a GeoJSON point with a radius. Distances are in metres on
a plane around the shape, exact to about 0.3 % within 50 km; further away only "outside" matters. The same arithmetic
stands in web/static/coming_rule.js: tests/vectors/fences.json holds the two to each other.
"""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, cast

import shapely
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from server.kernel.plane import Plane, Position, Spot

SMALLEST_M, LARGEST_M = 20, 50_000
"""Bounds of a circle's radius, and of half a polygon's width; a phone is rarely surer than 10 m."""
MOST_CORNERS = 100


class _Geometry(BaseModel):
    # Foreign members are allowed in GeoJSON (RFC 7946, 6.1) and mean nothing here.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Circle(_Geometry):
    """A circle: `{"type": "Point", "coordinates": [139.7671, 35.6812], "radius_m": 150}`."""

    type: Literal["Point"]
    coordinates: Position = Field(description="Longitude and latitude of the centre.")
    radius_m: float = Field(ge=SMALLEST_M, le=LARGEST_M, description="Radius in metres.")

    @property
    def plane(self) -> Plane:
        """The plane on which its distances are measured."""
        return Plane(*self.coordinates)

    def distance(self, longitude: float, latitude: float) -> float:
        """Return the metres from a place to the edge; negative within."""
        return math.hypot(*self.plane.spot(longitude, latitude)) - self.radius_m

    def outline(self, plane: Plane) -> shapely.Polygon:
        """Return its area on a plane."""
        return shapely.Point(plane.spot(*self.coordinates)).buffer(self.radius_m, quad_segs=32)

    def around(self) -> "Circle":
        """Return the smallest circle around it: itself."""
        return self


class Polygon(_Geometry):
    """A polygon of one ring: the first corner stands again at the end."""

    type: Literal["Polygon"]
    coordinates: list[Annotated[list[Position], Field(min_length=4, max_length=MOST_CORNERS + 1)]]

    @property
    def plane(self) -> Plane:
        """The plane on which its distances are measured."""
        return Plane(*self.coordinates[0][0])

    @cached_property
    def _own(self) -> shapely.Polygon:
        return self.outline(self.plane)

    def distance(self, longitude: float, latitude: float) -> float:
        """Return the metres from a place to the edge; negative within."""
        there = shapely.Point(self.plane.spot(longitude, latitude))
        away = self._own.exterior.distance(there)
        return -away if self._own.covers(there) else away

    def outline(self, plane: Plane) -> shapely.Polygon:
        """Return its area on a plane."""
        return shapely.Polygon([plane.spot(*corner) for corner in self.coordinates[0]])

    def around(self) -> Circle:
        """Return the smallest circle around it; OwnTracks knows no other regions."""
        bound = shapely.minimum_bounding_circle(self._own)
        centre = self.plane.position(Spot(bound.centroid.x, bound.centroid.y))
        radius = _half_width(self._own)
        return Circle.model_construct(type="Point", coordinates=centre, radius_m=radius)


def _half_width(area: shapely.Polygon) -> float:
    return float(shapely.minimum_bounding_radius(area))  # pyright: ignore[reportUnknownMemberType]


def _unwrapped(value: object) -> object:
    """Return the geometry of a feature, or of a collection of one, as drawing programs save them."""
    if not isinstance(value, Mapping):
        return value
    found = cast("Mapping[str, Any]", value)
    if found.get("type") == "FeatureCollection":
        features: object = found.get("features")
        if not isinstance(features, list) or len(cast("list[object]", features)) != 1:
            raise ValueError("must hold exactly one feature")
        return _unwrapped(cast("list[object]", features)[0])
    if found.get("type") == "Feature":
        geometry: object = found.get("geometry")
        if not isinstance(geometry, Mapping):
            raise ValueError("is a feature without a geometry")
        properties: object = found.get("properties") or {}
        radius = (
            cast("Mapping[str, object]", properties).get("radius_m")
            if isinstance(properties, Mapping)
            else None
        )
        extra = {} if radius is None else {"radius_m": radius}
        return {**cast("Mapping[str, object]", geometry), **extra}
    if found.get("type") not in {"Point", "Polygon"}:
        raise ValueError('must be of the type "Point" (a circle, with "radius_m") or "Polygon"')
    return found


def _sound(shape: "Circle | Polygon") -> "Circle | Polygon":
    if isinstance(shape, Circle):
        return shape
    if len(shape.coordinates) != 1:
        raise ValueError("must have one ring and no holes")
    ring = shape.coordinates[0]
    if ring[0] != ring[-1]:
        raise ValueError("is not closed: repeat the first corner at the end")
    if len(set(ring)) < len(ring) - 1:
        raise ValueError("names a corner twice")
    area = shape.outline(shape.plane)
    if not area.is_valid:
        raise ValueError("crosses itself")
    if _half_width(area) > LARGEST_M:
        raise ValueError(f"is wider than {2 * LARGEST_M // 1000} km")
    if area.buffer(-SMALLEST_M / 2).is_empty:
        raise ValueError(f"is narrower than {SMALLEST_M} m everywhere: no phone could tell")
    return shape


Shape = Annotated[
    Annotated[Circle | Polygon, Field(discriminator="type")],
    BeforeValidator(_unwrapped),
    AfterValidator(_sound),
]
"""A circle or a polygon as it may be sent: checked, and taken out of its GeoJSON feature."""


def lies_within(inner: Circle | Polygon, outer: Circle | Polygon) -> bool:
    """Tell whether the inner shape lies wholly within the outer one."""
    plane = inner.plane
    # Half a metre is less than what rounding degrees to six places does.
    return bool(outer.outline(plane).buffer(0.5).covers(inner.outline(plane)))
