"""When somebody whose positions are seen one after the other is approaching, near, or has left. Pure.

The phone's page does the same in web/static/coming_rule.js, so that positions need not leave the phone;
tests/vectors/fences.json holds the two to each other. What is remembered from one position to the next are counts
and times, never a place.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from server.arrivals.rules import CrossingKind
from server.arrivals.shapes import Circle, Polygon

MOST_UNCERTAIN_M = 1000
"""A fix less sure than this decides nothing, however large the fence is."""
FASTEST_MPS = 22.0
"""Whoever is faster (80 km/h) is passing, not arriving."""
FEWEST_FIXES = 3
LONGEST_GAP_S = 600
"""After so long without a fix, counting begins anew."""
LEAVING_S = 120
"""So many seconds outside the wider fence, and they have left."""
DETOUR = 1.3
"""Streets are about this much longer than the straight line."""
SLOWEST_MPS = 0.5
"""Whoever is slower is standing: nobody can say when they arrive."""
LONGEST_ESTIMATE_MIN = 60


class Place(StrEnum):
    """Where somebody is, as far as it has been decided."""

    AWAY = "away"
    APPROACHING = "approaching"
    NEAR = "near"


@dataclass(frozen=True)
class Rings:
    """The two fences of a site, and how many seconds within them count."""

    near: Circle | Polygon
    approaching: Circle | Polygon
    near_dwell_s: int
    approaching_dwell_s: int


class Fix(NamedTuple):
    """One position as a phone reports it."""

    latitude: float
    longitude: float
    accuracy_m: float
    """With 95 % (page) or 68 % (OwnTracks on Android) certainty they are within this of the place."""
    at_s: int
    """Seconds since 1970."""
    speed_mps: float | None = None


class Count(NamedTuple):
    """How many fixes in a row said the same, and since when."""

    fixes: int = 0
    since_s: int = 0

    def add(self, at_s: int, *, anew: bool) -> "Count":
        """Count one more."""
        return Count(1, at_s) if anew or not self.fixes else Count(self.fixes + 1, self.since_s)

    def lasted(self, at_s: int, seconds: int) -> bool:
        """Tell whether it was often and long enough."""
        return self.fixes >= FEWEST_FIXES and at_s - self.since_s >= seconds


NOTHING = Count()


@dataclass(frozen=True)
class Watched:
    """What is remembered: what was decided, and what speaks for the next decision."""

    place: Place = Place.AWAY
    near: Count = NOTHING
    approaching: Count = NOTHING
    outside: Count = NOTHING
    last_s: int = 0


class Noticed(NamedTuple):
    """A crossing that was decided, with an estimate in minutes where there is one."""

    kind: CrossingKind
    expected_min: int | None = None


def weigh(watched: Watched, fix: Fix, rings: Rings) -> tuple[Watched, Noticed | None]:
    """Take one more fix; return what is remembered from now on, and the crossing if this decides one.

    Its whole uncertainty counts: only a circle of uncertainty that lies wholly within a fence speaks for being
    there, only one wholly outside speaks against it, and any other changes nothing.
    """
    if fix.at_s <= watched.last_s or not 0 <= fix.accuracy_m <= MOST_UNCERTAIN_M:
        return watched, None
    anew = fix.at_s - watched.last_s > LONGEST_GAP_S
    passing = fix.speed_mps is not None and fix.speed_mps > FASTEST_MPS
    to_near = rings.near.distance(fix.longitude, fix.latitude)
    to_approaching = rings.approaching.distance(fix.longitude, fix.latitude)
    counted = replace(
        watched,
        near=_count(watched.near, to_near, fix, anew=anew, stays=not passing),
        approaching=_count(watched.approaching, to_approaching, fix, anew=anew, stays=not passing),
        outside=_count(watched.outside, -to_approaching, fix, anew=anew, stays=True),
        last_s=fix.at_s,
    )
    return decide(counted, fix.at_s, rings, expected_min=minutes_for(to_near, fix.speed_mps))


def _count(count: Count, to_edge_m: float, fix: Fix, *, anew: bool, stays: bool) -> Count:
    """Count a fix for an area of whose edge it is so far: negative within."""
    if to_edge_m <= -fix.accuracy_m:
        return count.add(fix.at_s, anew=anew) if stays else NOTHING
    if to_edge_m >= fix.accuracy_m:
        return NOTHING
    return NOTHING if anew else count


def decide(
    watched: Watched, at_s: int, rings: Rings, *, expected_min: int | None = None
) -> tuple[Watched, Noticed | None]:
    """Return what the counts say at this moment."""
    if watched.place is not Place.NEAR and watched.near.lasted(at_s, rings.near_dwell_s):
        return replace(watched, place=Place.NEAR), Noticed(CrossingKind.NEAR)
    if watched.place is Place.AWAY and watched.approaching.lasted(at_s, rings.approaching_dwell_s):
        noticed = Noticed(CrossingKind.APPROACHING, expected_min)
        return replace(watched, place=Place.APPROACHING), noticed
    if watched.place is not Place.AWAY and watched.outside.lasted(at_s, LEAVING_S):
        return replace(watched, place=Place.AWAY), Noticed(CrossingKind.LEFT)
    return watched, None


def entered(watched: Watched, ring: Place, at_s: int) -> Watched:
    """Note that the phone's own system saw it come into a ring; it will say so when it leaves."""
    inside = Count(FEWEST_FIXES, at_s)
    if ring is Place.NEAR:
        return replace(watched, near=inside, outside=NOTHING)
    return replace(watched, approaching=inside, outside=NOTHING)


def left(watched: Watched, ring: Place, at_s: int) -> Watched:
    """Note that the phone's own system saw it leave a ring."""
    if ring is Place.NEAR:
        return replace(watched, near=NOTHING)
    outside = Count(FEWEST_FIXES, at_s)
    return replace(watched, near=NOTHING, approaching=NOTHING, outside=outside)


def minutes_for(metres: float, speed_mps: float | None) -> int | None:
    """Return the minutes that are left, or None where speed or distance allow no honest guess."""
    if speed_mps is None or speed_mps < SLOWEST_MPS:
        return None
    minutes = max(1, math.ceil(max(metres, 0) * DETOUR / speed_mps / 60))
    return minutes if minutes <= LONGEST_ESTIMATE_MIN else None
