"""Makes fences.json: tracks and what must be noticed of each, for the server's rule and the phone's alike.

What must be noticed stands in `fence_tracks`, by hand. At which fix exactly, and with which estimate, is filled in
when the file is made, and from then on both rules must say the same: `python -m tests.vectors.fences` writes it.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter

from server.arrivals.shapes import Circle, Polygon, Shape, Spot
from server.arrivals.watching import Fix, Rings, Watched, weigh
from tests.vectors.fence_tracks import FENCES, PLANES, TOKYO, Case, cases

FILE = Path(__file__).with_name("fences.json")
SHAPE: TypeAdapter[Circle | Polygon] = TypeAdapter(Shape)
START_S = 1_775_000_000


@dataclass
class Frozen:
    """The content of the file."""

    start_s: int = START_S
    fences: dict[str, Any] = field(default_factory=dict[str, Any])
    distances: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    tracks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def rings(written: dict[str, Any]) -> Rings:
    """The fences of a case as the rule takes them."""
    return Rings(
        near=SHAPE.validate_python(written["near"]),
        approaching=SHAPE.validate_python(written["approaching"]),
        near_dwell_s=written["near_dwell_s"],
        approaching_dwell_s=written["approaching_dwell_s"],
    )


def fix(written: Sequence[Any]) -> Fix:
    """A fix as it stands in the file: longitude, latitude, accuracy, seconds since the start, speed."""
    longitude, latitude, accuracy, after, speed = written
    return Fix(latitude, longitude, accuracy, START_S + after, speed)


def noticed(track: Sequence[Sequence[Any]], fence: Rings) -> list[list[Any]]:
    """What the server's rule notices: at which fix, what, and the minutes that are left."""
    watched, found = Watched(), list[list[Any]]()
    for index, each in enumerate(track):
        watched, crossing = weigh(watched, fix(each), fence)
        if crossing is not None:
            found.append([index, crossing.kind.value, crossing.expected_min])
    return found


def _written(case: Case) -> list[list[Any]]:
    plane = PLANES.get(case.fence, TOKYO)
    return [
        [
            *(round(degrees, 7) for degrees in plane.position(Spot(each.east, each.north))),
            each.accuracy_m,
            each.at_s,
            each.speed_mps,
        ]
        for each in case.track
    ]


def make() -> Frozen:
    """Return the content of the file; raise where a rule says something else than the case."""
    made = Frozen(fences=dict(FENCES))
    for case in cases():
        track = _written(case)
        found = noticed(track, rings(FENCES[case.fence]))
        if [each[1] for each in found] != list(case.noticed):
            raise ValueError(f"{case.name}: noticed {found}, expected {case.noticed}")
        made.tracks.append(
            {"name": case.name, "fence": case.fence, "track": track, "noticed": found}
        )
    chance = random.Random(4)
    for name, fence in FENCES.items():
        plane = PLANES.get(name, TOKYO)
        for _ in range(12):
            place = plane.position(Spot(chance.uniform(-2500, 2500), chance.uniform(-2500, 2500)))
            longitude, latitude = (round(each, 7) for each in place)
            metres = [
                round(SHAPE.validate_python(fence[each]).distance(longitude, latitude), 2)
                for each in ("near", "approaching")
            ]
            made.distances.append({"fence": name, "place": [longitude, latitude], "metres": metres})
    return made


def text(frozen: Frozen) -> str:
    """The file's text: one case a line."""
    parts = [f'"start_s": {frozen.start_s}', f'"fences": {json.dumps(frozen.fences)}']
    for name in ("distances", "tracks"):
        rows = ",\n".join(json.dumps(each) for each in cast("list[Any]", getattr(frozen, name)))
        parts.append(f'"{name}": [\n{rows}\n]')
    return "{" + ",\n".join(parts) + "}\n"


if __name__ == "__main__":
    FILE.write_text(text(make()), encoding="utf-8")
