"""Positions and crossings in any order: nothing is told twice, nobody leaves who was not there."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from server.arrivals.rules import (
    MOST_CROSSINGS,
    QUIET_AFTER_LEAVING,
    CrossingKind,
    Verdict,
    weigh,
)
from server.arrivals.shapes import Circle, Plane, Spot
from server.arrivals.watching import (
    FEWEST_FIXES,
    Fix,
    Place,
    Rings,
    Watched,
    decide,
    entered,
    left,
)
from server.arrivals.watching import weigh as weigh_fix

MIDDLE = Plane(139.7671, 35.6812)
RINGS = Rings(
    near=Circle(type="Point", coordinates=(139.7671, 35.6812), radius_m=150),
    approaching=Circle(type="Point", coordinates=(139.7671, 35.6812), radius_m=1500),
    near_dwell_s=30,
    approaching_dwell_s=60,
)
NOON = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
START_S = int(NOON.timestamp())


@st.composite
def tracks(draw: st.DrawFn) -> list[Fix]:
    """Fixes anywhere within 4 km, of any accuracy and speed, mostly in order."""
    made: list[Fix] = []
    at = START_S
    for _ in range(draw(st.integers(1, 40))):
        at += draw(st.integers(-30, 200))
        spot = Spot(draw(st.floats(-4000, 4000)), draw(st.floats(-4000, 4000)))
        longitude, latitude = MIDDLE.position(spot)
        accuracy = draw(st.sampled_from([5.0, 30.0, 120.0, 900.0, 2000.0, -1.0]))
        speed = draw(st.sampled_from([None, 0.0, 1.4, 12.0, 40.0]))
        made.append(Fix(latitude, longitude, accuracy, at, speed))
    return made


def kinds_of(track: list[Fix]) -> list[CrossingKind]:
    watched, found = Watched(), list[CrossingKind]()
    for fix in track:
        watched, noticed = weigh_fix(watched, fix, RINGS)
        if noticed is not None:
            found.append(noticed.kind)
    return found


@given(tracks())
def test_between_two_departures_each_kind_is_noticed_once_and_in_order(track: list[Fix]) -> None:
    rounds: list[list[CrossingKind]] = [[]]
    for kind in kinds_of(track):
        if kind is CrossingKind.LEFT:
            assert rounds[-1]
            rounds.append([])
        else:
            rounds[-1].append(kind)
    allowed: tuple[list[CrossingKind], ...] = (
        [],
        [CrossingKind.APPROACHING],
        [CrossingKind.NEAR],
        [CrossingKind.APPROACHING, CrossingKind.NEAR],
    )
    assert all(each in allowed for each in rounds)


@given(tracks(), st.data())
def test_fixes_that_are_not_sure_or_come_late_change_nothing(
    track: list[Fix], data: st.DataObject
) -> None:
    disturbed: list[Fix] = []
    latest = 0
    for fix in track:
        disturbed.append(fix)
        if fix.at_s > latest and 0 <= fix.accuracy_m <= 1000:
            latest = fix.at_s
        unsure = fix._replace(accuracy_m=data.draw(st.sampled_from([1001.0, 5000.0, -3.0])))
        late = fix._replace(at_s=min(latest, fix.at_s))
        disturbed += data.draw(st.lists(st.sampled_from([unsure, late]), max_size=2))
    assert kinds_of(disturbed) == kinds_of(track)


@given(tracks())
def test_no_crossing_comes_from_fewer_fixes_than_it_needs(track: list[Fix]) -> None:
    assert len(kinds_of(track)) * FEWEST_FIXES <= len(track)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([entered, left]),
            st.sampled_from([Place.NEAR, Place.APPROACHING]),
            st.integers(0, 200),
        ),
        max_size=30,
    )
)
def test_the_phones_own_regions_never_tell_twice_nor_of_a_departure_before_an_arrival(
    steps: list[tuple[object, Place, int]],
) -> None:
    watched, at, inside = Watched(), START_S, False
    for move, ring, wait in steps:
        at += wait
        watched = (entered if move is entered else left)(watched, ring, at)
        for later in (at, at + wait):
            watched, noticed = decide(watched, later, RINGS)
            if noticed is not None and noticed.kind is CrossingKind.LEFT:
                assert inside
                inside = False
            elif noticed is not None:
                inside = True


@dataclass
class Kept:
    """A crossing as the database keeps it."""

    kind: CrossingKind
    at: datetime
    told: bool


@given(st.lists(st.tuples(st.sampled_from(CrossingKind), st.integers(0, 90)), max_size=80))
def test_whatever_is_reported_nobody_is_told_the_same_twice_within_an_hour(
    reports: list[tuple[CrossingKind, int]],
) -> None:
    kept, now = list[Kept](), NOON
    for kind, minutes in reports:
        now += timedelta(minutes=minutes)
        verdict = weigh(kept, kind, now)
        if verdict is not Verdict.KNOWN:
            kept.append(Kept(kind, now, verdict is Verdict.TOLD))
    assert len(kept) <= MOST_CROSSINGS
    for kind in CrossingKind:
        told = [each.at for each in kept if each.told and each.kind is kind]
        assert all(later - earlier >= QUIET_AFTER_LEAVING for earlier, later in pairwise(told))
    # Between two departures each kind is kept once, in the order of the way.
    ways: list[list[CrossingKind]] = [[]]
    for each in kept:
        if each.kind is CrossingKind.LEFT:
            ways.append([])
        else:
            ways[-1].append(each.kind)
    order = list(CrossingKind)
    assert all(way == sorted(set(way), key=order.index) for way in ways)
