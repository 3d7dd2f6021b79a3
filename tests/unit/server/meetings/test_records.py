"""What the doors' reports tell of a meeting, and what they do not."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from access_protocol.events import ControllerEventKind
from access_protocol.ids import EventId
from server.kernel.ids import PersonId, VisitId, VisitorId
from server.meetings.rules import (
    Appointment,
    Certainty,
    DoorWord,
    Evidence,
    Flag,
    MeetingRecord,
    Movement,
    Standing,
    State,
    Way,
    Who,
    record,
)

TEN = datetime(2026, 4, 1, 10, 0, tzinfo=UTC)
TARO, MEI, ANNA = VisitorId("taro"), VisitorId("mei"), VisitorId("anna")
YUI, KEN, AOI = PersonId("yui"), PersonId("ken"), PersonId("aoi")
HOUR = timedelta(hours=1)
MEETING = Appointment(VisitId("a"), TEN, TEN + HOUR, YUI, (TARO, MEI))
NEXT = Appointment(VisitId("b"), TEN + HOUR, TEN + 2 * HOUR, KEN, (ANNA,))
OPENED, BUTTON = ControllerEventKind.OPENED, ControllerEventKind.REQUEST_TO_EXIT


def at(minutes: float) -> datetime:
    return TEN + timedelta(minutes=minutes)


def moves(
    who: str,
    minutes: float,
    way: Way = Way.IN,
    certainty: Certainty = Certainty.PASSED,
    event: str = "",
) -> Movement:
    kind = "person" if who in {YUI, KEN, AOI} else "visitor"
    return Movement(Who(kind, who), at(minutes), way, EventId(event or str(uuid4())), certainty)


def word(what: ControllerEventKind, minutes: float, event: str = "", number: int = 0) -> DoorWord:
    return DoorWord(what, at(minutes), EventId(event) if event else None, "boot", number)


def seen(
    *moved: Movement,
    now: float = 30,
    words: tuple[DoorWord, ...] = (),
    came: frozenset[VisitorId] = frozenset(),
    silent_since: datetime | None = None,
    no_show_after: timedelta | None = None,
    meeting: Appointment = MEETING,
) -> MeetingRecord:
    others = [each for each in (MEETING, NEXT) if each != meeting]
    evidence = Evidence(moved, words, came, silent_since)
    return record(meeting, others, evidence, at(now), no_show_after=no_show_after)


def standing(found: MeetingRecord, who: str) -> Standing:
    return next(each.standing for each in found.participants if each.who.id == who)


def test_it_begins_when_host_and_a_visitor_are_both_inside() -> None:
    found = seen(moves(TARO, -3), moves(YUI, 2))
    assert found.state is State.RUNNING
    assert found.started is not None
    assert (found.started.at, found.started.certainty) == (at(2), Certainty.PASSED)
    assert {each.who.id for each in found.inside} == {TARO, YUI}


def test_who_was_late_is_who_came_after_the_appointment_began() -> None:
    found = seen(moves(TARO, -3), moves(YUI, 2))
    assert found.late_by == timedelta(minutes=2)
    assert (found.late_hosts, found.late_visitors) == (True, False)


def test_less_than_a_minute_is_on_time() -> None:
    found = seen(moves(TARO, 0.5), moves(YUI, 0.9))
    assert (found.late_by, found.late_hosts, found.late_visitors) == (timedelta(), False, False)


def test_another_of_the_staff_begins_it_too() -> None:
    found = seen(moves(TARO, 0), moves(AOI, 1))
    assert found.state is State.RUNNING
    assert standing(found, AOI) is Standing.INSIDE
    assert standing(found, YUI) is Standing.EXPECTED


def test_visitors_alone_wait() -> None:
    found = seen(moves(TARO, -5), now=7)
    assert found.state is State.WAITING
    assert found.late_by == timedelta(minutes=7)
    assert (found.late_hosts, found.late_visitors) == (True, False)


def test_it_ends_when_the_last_visitor_leaves() -> None:
    found = seen(moves(TARO, 0), moves(YUI, 0), moves(TARO, 55, Way.OUT), now=56)
    assert found.state is State.ENDED
    assert found.ended is not None
    assert (found.ended.at, found.ended.certainty) == (at(55), Certainty.PASSED)
    assert standing(found, TARO) is Standing.LEFT


def test_a_host_who_steps_out_for_a_moment_does_not_end_it() -> None:
    moved = [moves(TARO, 0), moves(YUI, 0), moves(YUI, 20, Way.OUT)]
    assert seen(*moved, now=25).state is State.RUNNING
    assert seen(*moved, now=31).state is State.ENDED
    back = seen(*moved, moves(YUI, 35), now=36)
    assert (back.state, back.ended) == (State.RUNNING, None)


def test_leaving_by_the_button_is_known_only_by_what_follows_elsewhere() -> None:
    found = seen(
        moves(TARO, 0), moves(YUI, 0), moves(TARO, 50, Way.ELSEWHERE), now=51,
        words=(word(BUTTON, 48),),
    )  # fmt: skip
    assert found.ended is not None
    assert (found.ended.at, found.ended.certainty) == (at(50), Certainty.AT_THE_LATEST)
    assert found.exits_by_button == 1


def test_an_end_that_nobody_saw_is_said_to_be_unseen() -> None:
    moved = (moves(TARO, 0), moves(YUI, 0))
    button = (word(BUTTON, 58),)
    assert seen(*moved, now=70, words=button).state is State.OVER_RUNNING
    found = seen(*moved, now=80, words=button)
    assert (found.state, found.ended, found.over_by) == (State.ENDED, None, timedelta())
    assert standing(found, TARO) is Standing.LEFT_UNSEEN
    assert seen(*moved, now=80).over_by == timedelta(minutes=20)


def test_an_unlocked_door_is_not_as_sure_as_one_that_opened() -> None:
    found = seen(moves(TARO, 0), moves(YUI, 1, certainty=Certainty.UNLOCKED))
    assert found.started is not None
    assert found.started.certainty is Certainty.UNLOCKED


def test_who_is_read_only_on_leaving_was_inside_before() -> None:
    found = seen(moves(YUI, 0), moves(TARO, 40, Way.OUT), now=41)
    assert found.started is not None
    assert (found.started.at, found.started.certainty) == (at(40), Certainty.AT_THE_LATEST)
    assert found.state is State.ENDED


def test_who_does_not_come_is_a_no_show_when_it_is_over() -> None:
    moved = (moves(TARO, 0), moves(YUI, 0))
    assert seen(*moved, now=59).no_shows == ()
    assert seen(*moved, now=60).no_shows == (MEI,)


def test_who_does_not_come_is_a_no_show_after_the_time_that_was_set() -> None:
    after = timedelta(minutes=20)
    assert seen(now=19, no_show_after=after).no_shows == ()
    assert seen(now=20, no_show_after=after).no_shows == (TARO, MEI)


def test_who_came_to_the_site_is_no_no_show() -> None:
    assert standing(seen(now=70, came=frozenset({MEI})), MEI) is Standing.CAME


def test_nobody_is_called_a_no_show_while_the_gate_is_silent() -> None:
    found = seen(now=70, silent_since=at(-10))
    assert found.no_shows == ()
    assert (found.state, standing(found, MEI)) == (State.UNCLEAR, Standing.UNCLEAR)


def test_nobody_is_called_a_no_show_where_several_may_have_come_in_at_once() -> None:
    held = (word(ControllerEventKind.HELD_OPEN, 1),)
    found = seen(moves(TARO, 0), moves(YUI, 0), now=61, words=held)
    assert [each.flag for each in found.doubts] == [Flag.HELD_OPEN]
    assert standing(found, MEI) is Standing.UNCLEAR


def test_who_has_declined_is_no_no_show() -> None:
    declined = Appointment(
        MEETING.visit, TEN, TEN + HOUR, YUI, (TARO, MEI), declined=frozenset({MEI})
    )
    found = seen(moves(TARO, 0), moves(YUI, 0), now=61, meeting=declined)
    assert standing(found, MEI) is Standing.DECLINED


def test_two_accesses_in_one_opening_are_flagged() -> None:
    found = seen(
        moves(TARO, 0, event="one"),
        moves(YUI, 0, event="two"),
        words=(
            word(OPENED, 0, "one", 1),
            word(OPENED, 0, "two", 2),
            word(ControllerEventKind.CLOSED, 1, "two", 3),
        ),
    )
    assert [each.flag for each in found.doubts] == [Flag.TWO_GRANTS]


def test_two_openings_for_two_accesses_leave_no_doubt() -> None:
    found = seen(
        moves(TARO, 0, event="one"),
        moves(YUI, 1, event="two"),
        words=(
            word(OPENED, 0, "one", 1),
            word(ControllerEventKind.CLOSED, 0.5, "one", 2),
            word(OPENED, 1, "two", 3),
            word(ControllerEventKind.CLOSED, 1.5, "two", 4),
        ),
    )
    assert found.doubts == ()


@pytest.mark.parametrize(
    ("what", "event", "flag"),
    [
        (ControllerEventKind.FORCED_OPEN, "", Flag.FORCED_OPEN),
        (ControllerEventKind.PASSED, "", Flag.MORE_PASSAGES),
        (OPENED, "a guard's", Flag.UNNAMED_OPENING),
    ],
)
def test_what_names_nobody_is_flagged_and_names_nobody(
    what: ControllerEventKind, event: str, flag: Flag
) -> None:
    found = seen(words=(word(what, 5, event),))
    assert [each.flag for each in found.doubts] == [flag]
    assert found.inside == ()


def test_a_meeting_that_nobody_came_to_was_not_held() -> None:
    assert seen(now=61).state is State.NOT_HELD
    assert seen(now=-5).state is State.TO_COME


def test_a_room_without_a_door_of_its_own_has_no_record() -> None:
    found = record(MEETING, [], Evidence(has_door=False), at(30))
    assert (found.state, found.participants) == (State.NOT_RECORDED, ())


def test_over_run_is_counted_from_the_appointments_end() -> None:
    moved = (moves(TARO, 0), moves(YUI, 0))
    running = seen(*moved, now=72)
    assert (running.state, running.over_by) == (State.OVER_RUNNING, timedelta(minutes=12))
    ended = seen(*moved, moves(YUI, 75, Way.OUT), moves(TARO, 75, Way.OUT), now=90)
    assert (ended.state, ended.over_by) == (State.ENDED, timedelta(minutes=15))


BACK_TO_BACK = (
    moves(TARO, 0),
    moves(YUI, 0),
    moves(AOI, 0),
    moves(KEN, 58),
    moves(ANNA, 59),
    moves(TARO, 63, Way.OUT),
    moves(YUI, 63, Way.OUT),
)


def test_back_to_back_meetings_are_told_apart() -> None:
    first, second = (seen(*BACK_TO_BACK, now=65, meeting=each) for each in (MEETING, NEXT))
    assert first.ended is not None
    assert (first.state, first.ended.at) == (State.ENDED, at(63))
    assert second.started is not None
    assert (second.state, second.started.at) == (State.RUNNING, at(59))
    assert KEN not in {each.who.id for each in first.participants}
    assert YUI not in {each.who.id for each in second.participants}


def test_the_host_of_the_meeting_before_does_not_begin_the_next_one() -> None:
    moved = (moves(TARO, 0), moves(YUI, 0), moves(ANNA, 61))
    found = seen(*moved, now=62, meeting=NEXT)
    assert (found.state, found.late_hosts) == (State.WAITING, True)
