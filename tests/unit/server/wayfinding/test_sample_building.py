"""The sample office: its ways, the words for them, and what is refused of a plan that is wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from access_protocol.ids import PortalId
from server.app import create_app
from server.kernel.settings import Settings
from server.pages.way_words import Speaker
from server.wayfinding import actions, routes
from server.wayfinding.imdf import NotAPlan
from server.wayfinding.imdf_archive import read_archive
from server.wayfinding.legs import LegKind, Route, route
from server.wayfinding.plans import Building, Climb
from server.wayfinding.routes import Node
from server.web.languages import speaking
from tests.fakes.buildings import sample_files, zipped


@pytest.fixture(scope="module")
def building() -> Building:
    return actions.check_plan(sample_files())[0]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = create_app(Settings(demo=True, data_folder=tmp_path, worker_wake=""))
    with app.test_request_context():
        yield app


def at(building: Building, portal: str) -> Node:
    found = actions.node_of_portal(building, PortalId(portal))
    assert found is not None
    return found


def to_sakura(building: Building, start: str, *, step_free: bool = False) -> Route:
    unit = building.unit_of("Sakura")
    assert unit is not None
    found = route(
        routes.ways(building), at(building, start), routes.at_unit(unit.id), step_free=step_free
    )
    assert found is not None
    return found


def test_from_the_gate_the_lift_leads_to_the_room(building: Building) -> None:
    found = to_sakura(building, "main-gate")
    assert [leg.kind for leg in found.legs] == [
        LegKind.WALK,
        LegKind.RIDE,
        LegKind.WALK,
        LegKind.WALK,
        LegKind.ARRIVE,
    ]
    assert found.legs[1].climb is Climb.ELEVATOR
    assert 15 < found.metres < 35


def test_stairs_are_quicker_for_one_floor_and_left_out_without_steps(building: Building) -> None:
    ways = routes.ways(building)
    start, machine = at(building, "main-gate"), at(building, "drinks")
    quick, free = route(ways, start, machine), route(ways, start, machine, step_free=True)
    assert quick is not None
    assert free is not None
    assert [leg.climb for leg in quick.legs if leg.climb] == [Climb.STAIRS]
    assert [leg.climb for leg in free.legs if leg.climb] == [Climb.ELEVATOR]


def test_the_way_back_leads_to_the_main_door_and_not_to_the_emergency_exit(
    building: Building,
) -> None:
    way_out = actions.entrance(building)
    assert way_out is not None
    assert way_out == at(building, "front-door")
    found = route(routes.ways(building), at(building, "sakura-door"), way_out)
    assert found is not None
    assert all(
        building.openings[leg.opening].category != "emergencyexit"
        for leg in found.legs
        if leg.opening
    )


@pytest.mark.parametrize("language", ["ja", "en", "zh"])
def test_each_leg_is_one_line_in_each_language(
    app: Flask, building: Building, language: str
) -> None:
    del app
    found = to_sakura(building, "front-door")
    with speaking(language):
        lines = Speaker(building, language, {}, "桜").lines(found)
    assert len(lines) == len(found.legs)
    assert all(line and "\n" not in line for line in lines)
    assert "桜" in lines[-1]


def test_the_lines_say_where_to_turn_and_through_which_door(app: Flask, building: Building) -> None:
    del app
    with speaking("en"):
        lines = Speaker(building, "en", {"main-gate": "Main gate"}, "Sakura").lines(
            to_sakura(building, "front-door")
        )
    assert lines == [
        "Go straight on for 8 m. Go through Main gate.",
        "Turn left and go 5 m. On your right: the lift.",
        "Take the lift to 3F.",
        "Turn left and go 8 m.",
        "Turn right and go 5 m.",
        "On your right: Sakura. Go in through Door of Sakura.",
    ]


def test_a_mistake_is_told_by_file_feature_and_field() -> None:
    files = sample_files()
    files["unit"]["features"][6]["properties"]["category"] = "hall"
    files["opening"]["features"][0]["properties"]["level_id"] = None
    with pytest.raises(NotAPlan) as refused:
        actions.check_plan(files)
    told = [(each.file, each.feature.split(" (")[0], each.field) for each in refused.value.mistakes]
    assert told == [
        ("unit.geojson", "feature 7", "properties.category"),
        ("opening.geojson", "feature 1", "properties.level_id"),
    ]


def test_a_portal_that_is_placed_twice_is_refused() -> None:
    files = sample_files()
    for number in (6, 9):
        files["opening"]["features"][number]["properties"]["genkan_portal"] = "main-gate"
    with pytest.raises(NotAPlan, match="placed twice"):
        actions.check_plan(files)


def test_a_wall_that_crosses_itself_is_refused() -> None:
    files = sample_files()
    ring = files["unit"]["features"][0]["geometry"]["coordinates"][0]
    ring[1], ring[2] = ring[2], ring[1]
    with pytest.raises(NotAPlan, match="is not a clean shape"):
        actions.check_plan(files)


def test_a_door_away_from_every_wall_is_refused() -> None:
    files = sample_files()
    line = files["opening"]["features"][0]["geometry"]["coordinates"]
    for spot in line:
        spot[1] += 0.001
    with pytest.raises(NotAPlan, match="lies on the edge of no unit"):
        actions.check_plan(files)


def test_an_archive_may_hold_its_files_in_a_folder() -> None:
    assert set(read_archive(zipped(sample_files(), "plan/"))) == set(sample_files())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "zip archive"),
        (b"PK\x03\x04 and nothing", "zip archive"),
        (zipped({"level": " " * 9_000_000}), "at most 8 MB"),
        (zipped({f"other-{number}": 1 for number in range(201)}), "at most 200 files"),
    ],
)
def test_an_archive_that_is_none_or_too_large_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(NotAPlan, match=why):
        read_archive(content)
