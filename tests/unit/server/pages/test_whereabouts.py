"""How far a visitor has come follows from the evidence, in whatever order it arrives."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_protocol.ids import AccessPointId
from server.pages.whereabouts import Evidence, Sign, Stage, Whereabouts, composed

INVITED_AT = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)
GATE = AccessPointId("main-gate-in")
DOORS = {
    Sign.CHECKED_IN: Stage.ARRIVED,
    Sign.PASSED_IN: Stage.AT_GATE,
    Sign.ENTERED_ROOM: Stage.IN_ROOM,
    Sign.PASSED_OUT: Stage.LEFT,
}
ANY = st.lists(
    st.builds(
        Evidence,
        at=st.integers(1, 600).map(lambda minutes: INVITED_AT + timedelta(minutes=minutes)),
        sign=st.sampled_from(Sign),
        access_point=st.sampled_from([None, GATE, AccessPointId("front-door-in")]),
    ),
    max_size=12,
)


def at(minute: int) -> datetime:
    return INVITED_AT + timedelta(minutes=minute)


def after(*signs: Sign) -> Whereabouts:
    """Where somebody is after these, a minute apart."""
    return composed(INVITED_AT, [Evidence(at(each), sign) for each, sign in enumerate(signs, 1)])


def test_who_was_only_invited_is_expected() -> None:
    assert after() == Whereabouts(Stage.INVITED, INVITED_AT)


@pytest.mark.parametrize(
    ("signs", "stage"),
    [
        ([Sign.ON_MY_WAY], Stage.ON_THE_WAY),
        ([Sign.APPROACHING], Stage.ON_THE_WAY),
        ([Sign.APPROACHING, Sign.NEAR], Stage.NEAR),
        ([Sign.NEAR, Sign.HERE], Stage.ARRIVED),
        ([Sign.NEAR, Sign.CHECKED_IN], Stage.ARRIVED),
        ([Sign.CHECKED_IN, Sign.PASSED_IN], Stage.AT_GATE),
        ([Sign.PASSED_IN, Sign.ENTERED_ROOM], Stage.IN_ROOM),
        ([Sign.ENTERED_ROOM, Sign.PASSED_OUT], Stage.LEFT),
    ],
)
def test_each_step_of_the_way_is_a_stage(signs: list[Sign], stage: Stage) -> None:
    assert after(*signs).stage is stage


def test_who_goes_out_and_comes_in_again_is_inside_again() -> None:
    out_and_in = [Sign.PASSED_IN, Sign.ENTERED_ROOM, Sign.PASSED_OUT, Sign.PASSED_IN]
    assert after(*out_and_in).stage is Stage.AT_GATE
    assert after(*out_and_in, Sign.ENTERED_ROOM).stage is Stage.IN_ROOM


def test_who_leaves_the_room_is_still_in_the_house() -> None:
    assert after(Sign.PASSED_IN, Sign.ENTERED_ROOM, Sign.LEFT_ROOM).stage is Stage.AT_GATE


def test_a_phone_that_says_near_is_no_news_of_somebody_inside() -> None:
    assert after(Sign.PASSED_IN, Sign.NEAR).stage is Stage.AT_GATE
    assert after(Sign.CHECKED_IN, Sign.HERE).since == at(1)


def test_a_phone_that_says_near_on_the_way_out_does_not_bring_its_owner_back() -> None:
    assert after(Sign.PASSED_IN, Sign.PASSED_OUT, Sign.NEAR).stage is Stage.LEFT


@pytest.mark.parametrize("again", [[Sign.WENT_AWAY, Sign.APPROACHING], [Sign.ON_MY_WAY]])
def test_who_left_and_comes_once_more_is_on_the_way_again(again: list[Sign]) -> None:
    assert after(Sign.PASSED_IN, Sign.PASSED_OUT, *again).stage is Stage.ON_THE_WAY


def test_who_drives_past_and_away_is_expected_as_before() -> None:
    assert after(Sign.APPROACHING, Sign.NEAR, Sign.WENT_AWAY).stage is Stage.INVITED


def test_who_went_away_from_inside_has_left_though_no_door_saw_it() -> None:
    assert after(Sign.PASSED_IN, Sign.WENT_AWAY).stage is Stage.LEFT


def test_who_declined_and_comes_all_the_same_is_seen() -> None:
    assert after(Sign.DECLINED).stage is Stage.DECLINED
    assert after(Sign.DECLINED, Sign.WENT_AWAY).stage is Stage.DECLINED
    assert after(Sign.DECLINED, Sign.PASSED_IN).stage is Stage.AT_GATE


def test_who_stays_has_been_there_since_the_first_word_and_is_expected_by_the_last() -> None:
    first = Evidence(at(1), Sign.ON_MY_WAY, expected=at(30))
    second = Evidence(at(5), Sign.APPROACHING, expected=at(12))
    assert composed(INVITED_AT, [second, first]) == Whereabouts(Stage.ON_THE_WAY, at(1), at(12))


def test_nobody_who_is_inside_is_expected_at_a_time() -> None:
    evidence = [Evidence(at(1), Sign.NEAR, expected=at(9)), Evidence(at(8), Sign.PASSED_IN, GATE)]
    assert composed(INVITED_AT, evidence) == Whereabouts(Stage.AT_GATE, at(8), None, GATE)


@given(evidence=ANY, seed=st.randoms(use_true_random=False))
def test_the_order_in_which_evidence_arrives_does_not_matter(
    evidence: list[Evidence], seed: object
) -> None:
    shuffled = list(evidence)
    getattr(seed, "shuffle")(shuffled)  # noqa: B009  hypothesis types it as Any
    assert composed(INVITED_AT, shuffled) == composed(INVITED_AT, evidence)


@given(evidence=ANY)
def test_evidence_that_comes_twice_changes_nothing(evidence: list[Evidence]) -> None:
    assert composed(INVITED_AT, evidence + evidence) == composed(INVITED_AT, evidence)


@given(evidence=ANY, sign=st.sampled_from(sorted(DOORS)))
def test_what_a_door_reported_last_is_where_they_are(evidence: list[Evidence], sign: Sign) -> None:
    last = Evidence(at(601), sign, GATE)
    now = composed(INVITED_AT, [*evidence, last])
    assert now.stage is DOORS[sign]
    assert now.since <= last.at


@given(evidence=ANY)
def test_nobody_is_anywhere_since_a_moment_at_which_nothing_was_noticed(
    evidence: list[Evidence],
) -> None:
    assert composed(INVITED_AT, evidence).since in {INVITED_AT, *(each.at for each in evidence)}
