"""Ways in any building: there is one exactly where doors lead, it is no detour, and without steps it has none."""

import json
import math
from collections.abc import Callable
from itertools import product
from typing import Any

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from server.pages.floor_drawing import Marked, Page
from server.wayfinding import actions, routes
from server.wayfinding.assembly import assemble
from server.wayfinding.imdf import Mistake, NotAPlan, parse
from server.wayfinding.legs import LegKind, route
from server.wayfinding.plans import Climb, UnitId
from tests.fakes.buildings import SIDE_M, Cell, grid, name_of, sample_files

SIZE = 4
CELLS = list(product(range(SIZE), range(SIZE)))
WALLS = [
    (one, other)
    for one in CELLS
    for other in ((one[0] + 1, one[1]), (one[0], one[1] + 1))
    if other in CELLS
]
DOORS = st.sets(st.sampled_from(WALLS))
ROOM = st.sampled_from(CELLS)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


def doors_between(doors: set[tuple[Cell, Cell]], one: Cell, other: Cell) -> int | None:
    """Through how many doors one goes at least; None where no way leads there."""
    graph: nx.Graph[Cell] = nx.Graph()
    graph.add_nodes_from(CELLS)
    graph.add_edges_from(doors)
    try:
        return len(nx.bidirectional_shortest_path(graph, one, other)) - 1
    except nx.NetworkXNoPath:
        return None


def refused(bring: Callable[[], object]) -> list[Mistake]:
    """Return the mistakes for which a plan is refused, each with its reason; none where it is read."""
    try:
        bring()
    except NotAPlan as error:
        return [each for each in error.mistakes if each.why]
    return []


@settings(deadline=None, max_examples=40)
@given(DOORS, ROOM, ROOM)
def test_there_is_a_way_exactly_where_doors_lead_and_it_is_no_detour(
    doors: set[tuple[Cell, Cell]], start: Cell, end: Cell
) -> None:
    ways = routes.ways(grid(SIZE, SIZE, doors))
    nodes = [routes.at_unit(UnitId(name_of(0, each))) for each in (start, end)]
    found = route(ways, nodes[0], nodes[1])
    fewest = doors_between(doors, start, end)
    assert (found is None) == (fewest is None)
    if found is None or fewest is None:
        return
    # No farther than from the middle of each room to the middle of the next one; never nearer than as the crow flies.
    straight = math.dist(start, end) * SIDE_M
    assert straight - 0.1 <= found.metres <= fewest * SIDE_M + 0.1
    assert found.legs[-1].kind is LegKind.ARRIVE
    assert [leg.kind for leg in found.legs].count(LegKind.ARRIVE) == 1
    assert all(leg.kind is LegKind.WALK for leg in found.legs[:-1])


@settings(deadline=None, max_examples=40)
@given(DOORS, ROOM, ROOM, ROOM, ROOM)
def test_a_way_without_steps_never_uses_stairs_and_exists_where_a_lift_can_be_reached(
    doors: set[tuple[Cell, Cell]], start: Cell, end: Cell, stairs: Cell, lift: Cell
) -> None:
    climbs = {stairs: "stairs", lift: "elevator"}
    ways = routes.ways(grid(SIZE, SIZE, doors, climbs, floors=2))
    first = routes.at_unit(UnitId(name_of(0, start)))
    last = routes.at_unit(UnitId(name_of(1, end)))
    found = route(ways, first, last, step_free=True)
    open_doors = {each for each in doors if stairs == lift or stairs not in each}
    reaches = all(doors_between(open_doors, each, lift) is not None for each in (start, end))
    is_free = stairs == lift or stairs not in {start, end}
    if is_free:
        assert (found is not None) == reaches
    if found is not None:
        assert all(leg.climb in {None, Climb.ELEVATOR} for leg in found.legs)
        assert any(leg.kind is LegKind.RIDE for leg in found.legs)


@given(
    st.dictionaries(st.sampled_from(["level", "unit", "opening", "amenity", "relationship"]), JSON)
)
def test_whatever_json_is_brought_in_only_the_clear_error_is_raised(files: dict[str, Any]) -> None:
    assert refused(lambda: assemble(parse(files)))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_plan_in_which_anything_was_changed_is_read_or_refused_with_the_place(
    data: st.DataObject,
) -> None:
    files = sample_files()
    kind = data.draw(st.sampled_from(sorted(files)))
    feature = data.draw(st.sampled_from(files[kind]["features"]))
    holder = data.draw(
        st.sampled_from([feature, feature["properties"], feature["geometry"] or feature])
    )
    holder[data.draw(st.sampled_from(sorted(holder)))] = data.draw(JSON)
    if refused(lambda: actions.check_plan(files)):
        return
    building, documents, _ = actions.check_plan(files)
    assert all(json.loads(each.text) for each in documents)
    page = Page(building)
    for level in building.levels:
        assert page.picture(level, "ja", Marked()).view_box
