"""Buildings for tests: the sample office, and grids of rooms with doors where a test wants them."""

import copy
import io
import json
import zipfile
from collections.abc import Collection, Mapping
from typing import Any

from server.wayfinding.assembly import assemble
from server.wayfinding.imdf import parse
from server.wayfinding.imdf_archive import SAMPLE, read_archive
from server.wayfinding.plans import Building

SIDE_M = 4.0
"""Of each room of a grid."""
_DEGREES = SIDE_M / 6_371_008.8 * 57.29577951308232
Cell = tuple[int, int]


def sample_files() -> dict[str, Any]:
    """Return the sample building's files, to be changed at will."""
    return copy.deepcopy(dict(read_archive(SAMPLE)))


def zipped(files: Mapping[str, object], folder: str = "") -> bytes:
    """Return files as an archive."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind, content in files.items():
            archive.writestr(f"{folder}{kind}.geojson", json.dumps(content))
    return held.getvalue()


def grid(
    width: int,
    height: int,
    doors: Collection[tuple[Cell, Cell]],
    climbs: Mapping[Cell, str] | None = None,
    floors: int = 1,
) -> Building:
    """Return floors of square rooms, all alike, with doors between some, and lifts or stairs in some."""
    climbs = climbs or {}
    features: dict[str, list[dict[str, Any]]] = {"level": [], "unit": [], "opening": []}
    for floor in range(floors):
        features["level"].append(
            _feature("level", f"level-{floor}", _square(0, 0, width, height), {"ordinal": floor})
        )
        level = {"level_id": f"level-{floor}"}
        for x in range(width):
            for y in range(height):
                category = climbs.get((x, y), "walkway")
                features["unit"].append(
                    _feature(
                        "unit",
                        name_of(floor, (x, y)),
                        _square(x, y, x + 1, y + 1),
                        {"category": category} | level,
                    )
                )
        for number, (one, other) in enumerate(sorted(doors)):
            features["opening"].append(
                _feature(
                    "opening",
                    f"door-{floor}-{number}",
                    _door(one, other),
                    {"category": "pedestrian", "name": {"en": f"Door {number}"}} | level,
                )
            )
    files = {
        kind: {"type": "FeatureCollection", "features": listed} for kind, listed in features.items()
    }
    return assemble(parse(files))


def name_of(floor: int, cell: Cell) -> str:
    """Return the id of a room of a grid."""
    return f"room-{floor}-{cell[0]}-{cell[1]}"


def _feature(
    kind: str, own: str, geometry: dict[str, Any], properties: dict[str, Any]
) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": own,
        "feature_type": kind,
        "geometry": geometry,
        "properties": properties,
    }


def _square(x0: float, y0: float, x1: float, y1: float) -> dict[str, Any]:
    ring = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
    return {
        "type": "Polygon",
        "coordinates": [[[x * _DEGREES, y * _DEGREES] for x, y in ring]],
    }


def _door(one: Cell, other: Cell) -> dict[str, Any]:
    (x0, y0), (x1, y1) = sorted((one, other))
    ends = [(x1, y0 + 0.4), (x1, y0 + 0.6)] if x1 > x0 else [(x0 + 0.4, y1), (x0 + 0.6, y1)]
    return {"type": "LineString", "coordinates": [[x * _DEGREES, y * _DEGREES] for x, y in ends]}
