"""Tracks of people who come near, pass by or leave, and what must be noticed of each, by hand."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from server.arrivals.shapes import Plane, Spot


class Seen(NamedTuple):
    """A fix in metres around the middle of the fence."""

    east: float
    north: float
    at_s: int
    accuracy_m: float = 10
    speed_mps: float | None = None


@dataclass(frozen=True)
class Case:
    """A track and what must be noticed of it."""

    name: str
    track: Sequence[Seen]
    noticed: Sequence[str]
    fence: str = "office"


TOKYO, DATE_LINE, NORTH = Plane(139.7671, 35.6812), Plane(179.9995, -17.7), Plane(18.955, 69.65)


def _circle(plane: Plane, radius: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": list(plane), "radius_m": radius}


def _ring(plane: Plane, corners: Sequence[tuple[float, float]]) -> dict[str, Any]:
    ring = [[round(each, 7) for each in plane.position(Spot(*corner))] for corner in corners]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def _square(plane: Plane, half: float) -> dict[str, Any]:
    return _ring(plane, [(-half, -half), (half, -half), (half, half), (-half, half)])


# An L: the inner corner is at (0, 0), the arms reach to the west and to the south.
_L = [(-300, 0), (0, 0), (0, -300), (-100, -300), (-100, -100), (-300, -100)]
_STAR = [(0, 400), (80, 80), (400, 0), (80, -80), (0, -400), (-80, -80), (-400, 0), (-80, 80)]


def _rings(near: dict[str, Any], approaching: dict[str, Any]) -> dict[str, Any]:
    return {"near": near, "approaching": approaching, "near_dwell_s": 30, "approaching_dwell_s": 60}


FENCES = {
    "office": _rings(_circle(TOKYO, 150), _circle(TOKYO, 1500)),
    "block": _rings(_square(TOKYO, 150), _square(TOKYO, 1500)),
    "angle": _rings(_ring(TOKYO, _L), _circle(TOKYO, 2000)),
    "star": _rings(_ring(TOKYO, _STAR), _circle(TOKYO, 1500)),
    "date line": _rings(_circle(DATE_LINE, 150), _square(DATE_LINE, 1500)),
    "date line square": _rings(_square(DATE_LINE, 150), _circle(DATE_LINE, 1500)),
    "far north": _rings(_square(NORTH, 150), _square(NORTH, 1500)),
    "wide": _rings(_circle(TOKYO, 200), _circle(TOKYO, 10_000)),
}
PLANES = {"date line": DATE_LINE, "date line square": DATE_LINE, "far north": NORTH}


def _along(
    start: tuple[float, float],
    end: tuple[float, float],
    speed: float,
    *,
    every: int = 10,
    at: int = 0,
    accuracy: float = 10,
    told: bool = True,
) -> list[Seen]:
    """A straight way at a steady speed, with a fix every few seconds."""
    east, north = end[0] - start[0], end[1] - start[1]
    seconds = (east**2 + north**2) ** 0.5 / speed
    moments = [*range(0, int(seconds), every), int(seconds)]
    return [
        Seen(
            start[0] + east * moment / seconds,
            start[1] + north * moment / seconds,
            at + moment,
            accuracy,
            speed if told else None,
        )
        for moment in moments
    ]


def _stay(
    spot: tuple[float, float],
    seconds: int,
    *,
    every: int = 10,
    at: int = 0,
    accuracy: float = 10,
    speed: float | None = 0.0,
) -> list[Seen]:
    return [Seen(*spot, at + each, accuracy, speed) for each in range(0, seconds + 1, every)]


def _then(*parts: Sequence[Seen], pause: int = 10) -> list[Seen]:
    """One after the other; each part's own times count from 0."""
    track: list[Seen] = []
    for part in parts:
        begins = track[-1].at_s + pause if track else 0
        track += [each._replace(at_s=begins + each.at_s) for each in part]
    return track


def _noisy(track: Sequence[Seen], metres: float, seed: int) -> list[Seen]:
    chance = random.Random(seed)
    return [
        each._replace(
            east=each.east + chance.gauss(0, metres), north=each.north + chance.gauss(0, metres)
        )
        for each in track
    ]


def _each(track: Sequence[Seen], change: Callable[[int, Seen], Seen]) -> list[Seen]:
    return [change(index, each) for index, each in enumerate(track)]


A, N, L = "approaching", "near", "left"
_WALK_IN = _along((0, -2000), (0, 0), 1.4, every=15)
_TAXI = _then(_along((3000, 0), (20, 0), 8), _stay((20, 0), 60))
_LEAVES = _along((0, 0), (0, 2500), 6)


def _coming() -> Iterator[Case]:
    yield Case("walks to the door", _WALK_IN, [A, N])
    yield Case("walks to a square", _WALK_IN, [A, N], "block")
    yield Case("walks to a square in the far north", _WALK_IN, [A, N], "far north")
    yield Case(
        "walks over the date line to the door",
        _along((1800, 0), (-100, 0), 1.4),
        [A, N],
        "date line",
    )
    yield Case(
        "walks over the date line to a square",
        _along((-1800, 0), (100, 0), 1.4),
        [A, N],
        "date line square",
    )
    yield Case("comes by taxi", _TAXI, [A, N])
    yield Case(
        "comes by taxi, no speed told",
        _each(_TAXI, lambda _, it: it._replace(speed_mps=None)),
        [A, N],
    )
    yield Case(
        "comes by car and stops at the door",
        _then(_along((4000, 900), (30, 30), 13), _stay((30, 30), 60)),
        [A, N],
    )
    yield Case("leaves the underground at the door", _stay((40, 40), 60), [N])
    yield Case("opens the page when in the lobby", _stay((0, 0), 30), [N])
    yield Case("waits in the park inside the wider fence", _stay((700, 300), 300), [A])
    yield Case(
        "walks with fixes every minute",
        _then(_along((0, -2000), (0, 0), 1.4, every=60), _stay((0, 0), 60)),
        [A, N],
    )
    yield Case("walks with a fix a second", _along((0, -1600), (0, 0), 4, every=1), [A, N])
    yield Case(
        "bicycle, noisy by 8 m",
        _noisy(_then(_along((2000, 0), (0, 0), 5), _stay((0, 0), 60)), 8, 1),
        [A, N],
    )
    yield Case(
        "on foot, noisy by 25 m and saying 60",
        _noisy(_along((0, -2000), (0, 0), 1.4, accuracy=60), 25, 2),
        [A, N],
    )
    yield Case(
        "train slows down to the station",
        _then(_along((6000, 0), (1600, 0), 20), _along((1600, 0), (400, 0), 10)),
        [A],
    )
    yield Case("far away, then near at once", _then(_stay((90_000, 0), 60), _stay((0, 0), 60)), [N])


def _not_coming() -> Iterator[Case]:
    yield Case("never comes", _stay((8000, 8000), 600), [])
    yield Case("is on another continent", _stay((0, 5_000_000), 60), [])
    yield Case("drives past the door at 40 km/h", _along((-1400, 0), (1400, 0), 11.1, every=5), [A])
    yield Case("drives past on the motorway", _along((-3000, 0), (3000, 0), 27.8, every=2), [])
    yield Case(
        "drives past on the motorway through a square",
        _along((-3000, 0), (3000, 0), 27.8, every=2),
        [],
        "block",
    )
    yield Case(
        "train passes at 130 km/h with a fix a second",
        _along((0, -5000), (0, 5000), 36, every=1),
        [],
    )
    yield Case(
        "cuts a corner of the wider square", _along((1450, 1600), (1600, 1450), 4), [], "block"
    )
    yield Case(
        "cuts the edge of the wider circle by car",
        _along((-600, 1460), (600, 1460), 14, every=5),
        [],
    )
    yield Case(
        "walks along the fence, 15 m outside", _along((-1000, 1515), (1000, 1515), 1.4), [], "block"
    )
    yield Case(
        "walks along the fence, on its line", _along((-1000, 1500), (1000, 1500), 1.4), [], "block"
    )
    yield Case("one fix inside, then silence", [Seen(0, 0, 0)], [])
    yield Case("two fixes inside are too few", [Seen(0, 0, 0), Seen(0, 0, 300)], [])
    yield Case("three fixes within ten seconds are too short", _stay((0, 0), 10, every=5), [])
    yield Case("a second short of the time", [Seen(0, 0, 0), Seen(0, 0, 15), Seen(0, 0, 29)], [])


def _uncertain() -> Iterator[Case]:
    yield Case("good to 2 km at the door", _stay((0, 0), 600, accuracy=2000), [])
    yield Case(
        "good to 2 km within a very wide fence", _stay((0, 0), 600, accuracy=2000), [], "wide"
    )
    yield Case(
        "good to 900 m within a very wide fence", _stay((0, 0), 600, accuracy=900), [A], "wide"
    )
    yield Case("good to exactly 1 km counts", _stay((0, 0), 90, accuracy=1000), [A])
    yield Case("good to 1001 m does not", _stay((0, 0), 600, accuracy=1001), [])
    yield Case("good to 100 m, 60 m from the middle of 150", _stay((60, 0), 120, accuracy=100), [A])
    yield Case("good to 85 m, 60 m from the middle of 150", _stay((60, 0), 120, accuracy=85), [N])
    yield Case("an accuracy of nothing is taken at its word", _stay((0, 149), 60, accuracy=0), [N])
    yield Case("an accuracy below nothing is none", _stay((0, 0), 600, accuracy=-1), [])
    yield Case(
        "bad fixes between good ones do not disturb",
        _each(_stay((0, 0), 60), lambda i, it: it._replace(accuracy_m=3000 if i % 2 else 10)),
        [N],
    )
    yield Case(
        "one wild fix begins the count anew",
        _each(_stay((0, 0), 60), lambda i, it: it._replace(north=4000) if i == 2 else it),
        [N],
    )
    yield Case(
        "wild fixes again and again",
        _each(_stay((0, 0), 300), lambda i, it: it._replace(north=4000) if i % 3 == 2 else it),
        [],
    )
    yield Case(
        "is inside by its middle but never by its whole", _stay((0, 100), 300, accuracy=80), [A]
    )
    yield Case(
        "leaves by its middle but not by its whole",
        _then(_stay((0, 0), 60), _stay((0, 1520), 300, accuracy=40)),
        [N],
    )


def _corners() -> Iterator[Case]:
    yield Case("in the arm of an L", _stay((-250, -50), 60), [N], "angle")
    yield Case("in the elbow of an L", _stay((-50, -50), 60), [N], "angle")
    yield Case("in the empty corner of an L", _stay((-200, -200), 120), [A], "angle")
    yield Case("15 m beyond the outer corner of an L", _stay((12, 12), 120), [A], "angle")
    yield Case("8 m from the inner corner, good to 10", _stay((-94, -94), 120), [A], "angle")
    yield Case("13 m from the edge, good to 10", _stay((-87, -87), 60), [N], "angle")
    yield Case("in a spike of a star", _stay((0, 300), 60, accuracy=5), [N], "star")
    yield Case("between two spikes of a star", _stay((200, 200), 120), [A], "star")
    yield Case("level with a corner of a star", _stay((600, 0), 120), [A], "star")
    yield Case("in the corner of a square", _stay((138, 138), 60), [N], "block")
    yield Case("on the corner of a square", _stay((150, 150), 120), [A], "block")
    yield Case("beyond a corner of a square, within its circle", _stay((165, 0), 120), [A], "block")


def _order() -> Iterator[Case]:
    yield Case(
        "comes, leaves and comes again",
        _then(_TAXI, _along((0, 0), (0, 3000), 8), _along((0, 3000), (0, 0), 8), _stay((0, 0), 60)),
        [A, N, L, A, N],
    )
    yield Case(
        "comes near and goes home", _then(_stay((0, 0), 60), _along((0, 0), (0, 3500), 6)), [N, L]
    )
    yield Case("drives through slowly", _along((-2600, 0), (2600, 0), 6), [A, N, L])
    yield Case(
        "steps out for a coffee and back",
        _then(_stay((0, 0), 60), _stay((0, 500), 300), _stay((0, 0), 60)),
        [N],
    )
    yield Case(
        "is beyond the fence for a minute only",
        _then(_stay((0, 0), 60), _stay((0, 1700), 60), _stay((0, 0), 60)),
        [N],
    )
    yield Case(
        "is beyond the fence for two minutes",
        _then(_stay((0, 0), 60), _stay((0, 1700), 120), _stay((0, 0), 60)),
        [N, L, N],
    )
    yield Case("was never inside and goes further away", _LEAVES[30:], [])
    yield Case(
        "fixes that come late are left out",
        _each(
            _stay((0, 0), 80),
            lambda i, it: it._replace(at_s=it.at_s - 300, north=3000) if i in {2, 5} else it,
        ),
        [N],
    )
    yield Case("the same fix over and over", [Seen(0, 0, 0)] * 9, [])
    yield Case(
        "three fixes, each after a long silence",
        [Seen(0, 0, 0), Seen(0, 0, 700), Seen(0, 0, 1400)],
        [],
    )
    yield Case(
        "three fixes, each after ten minutes",
        [Seen(0, 0, 0), Seen(0, 0, 600), Seen(0, 0, 1200)],
        [N],
    )
    yield Case(
        "comes back after a silence to an unclear place",
        _then(_stay((0, 0), 10), [Seen(0, 150, 700, 80)], _stay((0, 0), 20)),
        [],
    )
    yield Case(
        "too fast at first, then stands",
        _then(_along((-1400, 0), (0, 0), 25, every=5), _stay((0, 0), 60)),
        [N],
    )
    yield Case("exactly as fast as may be", _along((-1490, 0), (1490, 0), 22, every=5), [A])


def cases() -> list[Case]:
    """Every case."""
    return [*_coming(), *_not_coming(), *_uncertain(), *_corners(), *_order()]
