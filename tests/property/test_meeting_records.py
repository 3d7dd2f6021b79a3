"""The record of a meeting is the same whatever order the doors' reports arrive in, and however often they are told."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from access_protocol.events import ControllerEventKind
from access_protocol.ids import EventId
from server.kernel.ids import PersonId, VisitId, VisitorId
from server.meetings.rules import (
    Appointment,
    Certainty,
    DoorWord,
    Evidence,
    MeetingRecord,
    Movement,
    Standing,
    State,
    Way,
    Who,
    record,
)

TEN = datetime(2026, 4, 1, 10, 0, tzinfo=UTC)
FIRST = Appointment(
    VisitId("a"),
    TEN,
    TEN + timedelta(hours=1),
    PersonId("yui"),
    (VisitorId("taro"), VisitorId("mei")),
)
SECOND = Appointment(
    VisitId("b"),
    TEN + timedelta(hours=1),
    TEN + timedelta(hours=2),
    PersonId("ken"),
    (VisitorId("anna"),),
)
PEOPLE = (
    *FIRST.guests,
    *SECOND.guests,
    Who.person(PersonId("yui")),
    Who.person(PersonId("ken")),
    Who.person(PersonId("aoi")),
)
WORDS = (
    ControllerEventKind.OPENED,
    ControllerEventKind.CLOSED,
    ControllerEventKind.PASSED,
    ControllerEventKind.REQUEST_TO_EXIT,
    ControllerEventKind.HELD_OPEN,
    ControllerEventKind.FORCED_OPEN,
)
moments = st.integers(-40, 200).map(lambda minutes: TEN + timedelta(minutes=minutes))
events = st.integers(0, 25).map(lambda number: EventId(str(UUID(int=number))))
movements = st.lists(
    st.builds(
        Movement,
        who=st.sampled_from(PEOPLE),
        at=moments,
        way=st.sampled_from(Way),
        event=events,
        certainty=st.sampled_from([Certainty.PASSED, Certainty.UNLOCKED]),
    ),
    max_size=14,
    # One access is one person's passage one way; only how sure it is, and when, is told twice.
    unique_by=lambda each: each.event,
)
words = st.lists(
    st.builds(
        DoorWord,
        what=st.sampled_from(WORDS),
        at=moments,
        event=st.none() | events,
        boot=st.just("boot"),
        sequence=st.integers(0, 99),
    ),
    max_size=10,
    unique_by=lambda each: each.sequence,
)


def told(moved: list[Movement], said: list[DoorWord], now: datetime) -> MeetingRecord:
    return record(FIRST, [SECOND], Evidence(moved, said), now)


@given(movements, words, moments, st.data())
def test_late_repeated_and_shuffled_reports_lead_to_the_same_record(
    moved: list[Movement],
    said: list[DoorWord],
    now: datetime,
    data: st.DataObject,
) -> None:
    repeated = moved + data.draw(
        st.lists(st.sampled_from(moved), max_size=5) if moved else st.just([])
    )
    shuffled = data.draw(st.permutations(repeated))
    words_again = data.draw(st.permutations(said + said[:2]))
    assert told(shuffled, words_again, now) == told(moved, said, now)


@given(movements, words, moments)
def test_a_record_never_contradicts_itself(
    moved: list[Movement], said: list[DoorWord], now: datetime
) -> None:
    found = told(moved, said, now)
    by_who = {each.who: each for each in found.participants}
    assert set(FIRST.guests) <= set(by_who)
    assert not any(who in SECOND.guests for who in by_who)
    if found.ended is not None:
        assert found.started is not None
        assert found.started.at <= found.ended.at
    if found.state in {State.RUNNING, State.OVER_RUNNING}:
        assert found.ended is None
    for each in found.participants:
        assert (each.entered is not None) == (
            each.standing in {Standing.INSIDE, Standing.LEFT, Standing.LEFT_UNSEEN}
        )
        if each.left is not None and each.entered is not None:
            assert each.entered.at <= each.left.at
    named = {each.who for each in moved if each.way is not Way.ELSEWHERE}
    # Nobody is invented: whoever has a part came through the door by name.
    assert all(each.who in named for each in found.participants if each.entered is not None)


@given(movements, words, moments)
def test_the_neighbours_record_takes_none_of_its_visitors(
    moved: list[Movement], said: list[DoorWord], now: datetime
) -> None:
    other = record(SECOND, [FIRST], Evidence(moved, said), now)
    assert not any(each.who in FIRST.guests for each in other.participants)
