"""Ways through a building: a graph over its openings, inner points, lifts and stairs, and the quickest way in it.

Pure. Nodes are openings, landmarks, the inner points of units, and the corners around which one has to walk; an edge
within a unit never crosses its walls. Lifts and ramps join levels, stairs and escalators do so too but are not
step-free. Lengths are metres, times seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from server.kernel.plane import Spot
from server.places.plans import Climb, LandmarkId, LevelId, OpeningId, UnitId


class LegKind(StrEnum):
    """What one does on a leg."""

    WALK = "walk"
    """Within one unit, to an opening, to a landmark, or to the inner point."""
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
    metres: float
    seconds: float
    turn: Turn | None = None
    """Where to turn first, seen from where one came; on arrival, on which side it is. None: not known."""
    opening: OpeningId | None = None
    """The opening through which the leg ends."""
    landmark: LandmarkId | None = None
    """What it leads to."""
    climb: Climb | None = None
    to_level: LevelId | None = None


@dataclass(frozen=True)
class Route:
    """A way, leg by leg."""

    legs: Sequence[Leg]

    @property
    def metres(self) -> float:
        """Its length on foot."""
        return sum(leg.metres for leg in self.legs)

    @property
    def seconds(self) -> float:
        """How long it takes at an easy pace, waiting for lifts included."""
        return sum(leg.seconds for leg in self.legs)
