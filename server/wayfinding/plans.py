"""A building as its floor plans say: levels, units, openings and what stands in them, in metres. Pure.

The words are those of the Indoor Mapping Data Format (IMDF 1.0.0, OGC 20-094): a *level* is a floor, a *unit* a room,
corridor, lift or flight of stairs on it, an *opening* a door or gate between units, a *landmark* (IMDF's amenity or
fixture) what stands in a unit. `genkan_portal` and `genkan_room` tie them to this site's portals and rooms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

import shapely

from access_protocol.ids import PortalId
from server.kernel.plane import Plane, Spot

LevelId = NewType("LevelId", str)
UnitId = NewType("UnitId", str)
OpeningId = NewType("OpeningId", str)
LandmarkId = NewType("LandmarkId", str)

AnyArea = shapely.Polygon | shapely.MultiPolygon


class Climb(StrEnum):
    """How a unit leads to other levels; the values are IMDF's categories of units."""

    ELEVATOR = "elevator"
    ESCALATOR = "escalator"
    RAMP = "ramp"
    STAIRS = "stairs"
    STEPS = "steps"

    @property
    def is_step_free(self) -> bool:
        """Whether somebody in a wheelchair can use it."""
        return self in {Climb.ELEVATOR, Climb.RAMP}


@dataclass(frozen=True)
class Words:
    """A name in several languages; `tags` as IMDF's LABELS have them (BCP 47)."""

    tags: Mapping[str, str] = field(default_factory=dict[str, str])

    def __bool__(self) -> bool:
        """Whether there is a name at all."""
        return bool(self.tags)

    def of(self, language: str) -> str:
        """Return the name in a language, or in English, or in any; empty where there is none."""
        for wanted in (language, "en"):
            for tag, text in self.tags.items():
                if tag.lower() == wanted or tag.lower().startswith(f"{wanted}-"):
                    return text
        return next(iter(self.tags.values()), "")


@dataclass(frozen=True)
class Level:
    """A floor."""

    id: LevelId
    ordinal: int
    """Storeys above the ground floor, which is 0."""
    name: Words
    short_name: Words
    outline: AnyArea


@dataclass(frozen=True)
class Unit:
    """A room, corridor, lift, flight of stairs or the like."""

    id: UnitId
    level: LevelId
    category: str
    name: Words
    shape: AnyArea
    point: Spot
    """A place inside: where its name stands, and where ways to it end."""
    room: str | None = None
    """The room of this site that it is: its id or its name."""
    is_restricted: bool = False
    """Not for the public; ways lead through only where there is none around."""

    @property
    def climb(self) -> Climb | None:
        """How it leads to other levels, if it does."""
        return Climb(self.category) if self.category in set(Climb) else None


@dataclass(frozen=True)
class Opening:
    """A door, gate or mere passage in the wall of a unit."""

    id: OpeningId
    level: LevelId
    category: str
    name: Words
    line: tuple[Spot, Spot]
    """Its two ends; the length is the width one passes through."""
    units: tuple[UnitId, ...]
    """The units on its two sides; one only where the other side is outdoors."""
    portal: PortalId | None = None
    is_open: bool = False
    """A passage without anything that opens or closes."""
    is_step_free: bool = True
    is_passable: bool = True
    """Whether visitors pass here at all: no emergency exit, no drive, not out of service."""

    @property
    def point(self) -> Spot:
        """Its middle."""
        (x0, y0), (x1, y1) = self.line
        return Spot((x0 + x1) / 2, (y0 + y1) / 2)


@dataclass(frozen=True)
class Landmark:
    """Something in a unit: a vending machine, a desk, a wall that stands free."""

    id: LandmarkId
    level: LevelId
    category: str
    name: Words
    point: Spot
    portal: PortalId | None = None
    shape: AnyArea | None = None
    """Its outline; None for IMDF's amenities, which are points and stand in nobody's way."""


@dataclass(frozen=True)
class Link:
    """Units of different levels joined by a lift, stairs or the like, in the order in which one comes past them."""

    climb: Climb
    units: tuple[UnitId, ...]
    both_ways: bool = True


@dataclass(frozen=True)
class Building:
    """All floors of one site that were imported together."""

    plane: Plane
    levels: Sequence[Level]
    """From below upwards."""
    units: Mapping[UnitId, Unit]
    openings: Mapping[OpeningId, Opening]
    landmarks: Mapping[LandmarkId, Landmark]
    links: Sequence[Link]

    def level(self, level: LevelId) -> Level:
        """Return one floor."""
        return next(each for each in self.levels if each.id == level)

    def opening_of(self, portal: PortalId) -> Opening | None:
        """Return the opening that is a portal."""
        return next((each for each in self.openings.values() if each.portal == portal), None)

    def landmark_of(self, portal: PortalId) -> Landmark | None:
        """Return the machine that is a portal."""
        return next((each for each in self.landmarks.values() if each.portal == portal), None)

    def unit_of(self, *room: str) -> Unit | None:
        """Return the unit that is a room, called by its id or one of its names."""
        return next((each for each in self.units.values() if each.room in room), None)
