"""The shapes of fences, what is refused, and the frozen table of tracks that both rules must agree on."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from server.arrivals.actions import FenceInput, drawn
from server.arrivals.shapes import Circle
from server.arrivals.watching import minutes_for
from tests.vectors import fences

FROZEN: dict[str, Any] = json.loads(fences.FILE.read_text("utf-8"))
CIRCLE = {"type": "Point", "coordinates": [139.7671, 35.6812], "radius_m": 150}
WIDER = CIRCLE | {"radius_m": 1500}
SQUARE = [[139.766, 35.68], [139.768, 35.68], [139.768, 35.682], [139.766, 35.682]]


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [*rings]}


def feature(geometry: dict[str, Any] | None, **properties: object) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def fence(near: object, approaching: object = WIDER, **more: object) -> FenceInput:
    return FenceInput.model_validate({"near": near, "approaching": approaching} | more)


def refusal(near: object, approaching: object = WIDER, **more: object) -> str:
    with pytest.raises(ValidationError) as refused:
        fence(near, approaching, **more)
    return str(refused.value)


def test_the_table_stands_as_it_is_made() -> None:
    assert fences.FILE.read_text("utf-8") == fences.text(fences.make())


def test_the_table_has_many_kinds_of_tracks() -> None:
    assert len(FROZEN["tracks"]) >= 60
    assert {kind for each in FROZEN["tracks"] for _, kind, _ in each["noticed"]} == {
        "approaching",
        "near",
        "left",
    }


@pytest.mark.parametrize("case", FROZEN["tracks"], ids=lambda case: case["name"])
def test_a_track_is_noticed_as_it_stands_in_the_table(case: dict[str, Any]) -> None:
    rings = fences.rings(FROZEN["fences"][case["fence"]])
    assert fences.noticed(case["track"], rings) == case["noticed"]


def test_a_polygon_as_drawing_programs_save_it_is_taken() -> None:
    ring = [[*corner, 12.5] for corner in [*SQUARE, SQUARE[0]]]
    collection = {"type": "FeatureCollection", "features": [feature(polygon(ring), name="Office")]}
    assert fence(collection).near == fence(polygon([*SQUARE, SQUARE[0]])).near


def test_a_circle_may_be_a_feature_with_a_radius() -> None:
    point = {"type": "Point", "coordinates": [139.7671, 35.6812]}
    assert fence(feature(point, radius_m=150)).near == fence(CIRCLE).near


@pytest.mark.parametrize(
    ("near", "why"),
    [
        (polygon(SQUARE), "is not closed"),
        (polygon([SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0]]), "crosses itself"),
        (polygon([*SQUARE, SQUARE[1], SQUARE[0]]), "names a corner twice"),
        (polygon([*SQUARE, SQUARE[0]], [*SQUARE, SQUARE[0]]), "one ring and no holes"),
        (polygon([[0, 0], [30, 0], [30, 30], [0, 0]]), "wider than 100 km"),
        (polygon([[0, 0], [0.01, 0], [0.01, 0.00001], [0, 0]]), "narrower than 20 m"),
        (polygon([[0, 0], [0, 0], [0, 0], [0, 0]]), "names a corner twice"),
        (polygon([[200, 0], [1, 0], [1, 1], [200, 0]]), "180"),
        (polygon([[0, 89], [1, 89], [1, 88], [0, 89]]), "85"),
        (CIRCLE | {"radius_m": 5}, "20"),
        (CIRCLE | {"radius_m": 60_000}, "50000"),
        ({"type": "LineString", "coordinates": [[0, 0], [1, 1]]}, "must be of the type"),
        ({"type": "FeatureCollection", "features": []}, "exactly one feature"),
        (feature(None), "without a geometry"),
        ("a circle", "dict"),
        ({}, "must be of the type"),
    ],
)
def test_a_shape_that_makes_no_fence_is_refused_with_the_reason(near: object, why: str) -> None:
    assert why in refusal(near)


def test_the_near_shape_must_lie_within_the_wider_one() -> None:
    assert "wholly within" in refusal(WIDER, CIRCLE)
    assert "wholly within" in refusal(CIRCLE, CIRCLE | {"coordinates": [139.7771, 35.6812]})
    assert fence(CIRCLE, CIRCLE).near == fence(CIRCLE, CIRCLE).approaching


def test_the_circle_around_a_polygon_holds_each_of_its_corners() -> None:
    shape = fence(polygon([*SQUARE, SQUARE[0]])).near
    around = shape.around()
    assert isinstance(around, Circle)
    assert all(around.distance(*corner) <= 0.5 for corner in SQUARE)
    assert 130 < around.radius_m < 150


def test_a_drawing_is_in_metres_with_north_upwards() -> None:
    wanted = fence(polygon([*SQUARE, SQUARE[0]]))
    drawing = drawn(wanted.near, wanted.approaching)
    # SVG counts downwards: the northern corners have the smaller number.
    assert {round(y) > 0 for _, y in drawing.near[:2]} == {True}
    assert drawing.reach_m == pytest.approx(1500)


@pytest.mark.parametrize(
    ("metres", "speed", "minutes"),
    [
        (1000, None, None),
        (1000, 0.4, None),
        (1000, 1.4, 16),
        (1000, 14, 2),
        (-30, 14, 1),
        (40_000, 1.4, None),
    ],
)
def test_an_estimate_is_given_where_it_is_honest(
    metres: float, speed: float | None, minutes: int | None
) -> None:
    assert minutes_for(metres, speed) == minutes
