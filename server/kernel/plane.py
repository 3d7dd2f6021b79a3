"""A plane that touches the earth at one place: near it, degrees WGS 84 turn into metres and back."""

import math
from collections.abc import Sequence
from typing import Annotated, NamedTuple, cast

from pydantic import BeforeValidator, Field

EARTH_M = 6_371_008.8
"""Mean radius of the earth (IUGG)."""

Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-85, le=85)]


def _without_height(position: object) -> object:
    # RFC 7946, 3.1.1: a third number is the height, which maps of the ground know nothing of.
    if isinstance(position, Sequence) and len(cast("Sequence[object]", position)) == 3:  # noqa: PLR2004
        return list(cast("Sequence[object]", position))[:2]
    return cast("object", position)


Position = Annotated[tuple[Longitude, Latitude], BeforeValidator(_without_height)]
"""Longitude and latitude, in this order, as in GeoJSON."""


class Spot(NamedTuple):
    """A place on a plane, in metres east and north of its origin."""

    east: float
    north: float


class Plane(NamedTuple):
    """A plane that touches the earth at one place; near it, degrees turn into metres."""

    longitude: float
    latitude: float

    def spot(self, longitude: float, latitude: float) -> Spot:
        """Return where a place lies on the plane, the shorter way round the earth."""
        turn = (longitude - self.longitude + 540) % 360 - 180
        narrowing = math.cos(math.radians(self.latitude))
        return Spot(
            EARTH_M * math.radians(turn) * narrowing,
            EARTH_M * math.radians(latitude - self.latitude),
        )

    def position(self, spot: Spot) -> tuple[float, float]:
        """Return longitude and latitude of a spot."""
        narrowing = math.cos(math.radians(self.latitude))
        turned = self.longitude + math.degrees(spot.east / EARTH_M / narrowing)
        return (turned + 540) % 360 - 180, self.latitude + math.degrees(spot.north / EARTH_M)
