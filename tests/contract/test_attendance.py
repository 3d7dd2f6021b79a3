"""Attendance and the record of a meeting follow from what doors report, in whatever order the reports arrive."""

from datetime import datetime, timedelta
from itertools import permutations

import pytest
from sqlalchemy import event
from sqlmodel import Session, select

from access_protocol.events import ControllerEventKind, Outcome
from access_protocol.ids import CredentialId
from server.kernel.audit import AuditLine
from server.kernel.errors import Forbidden, Invalid, NotFound
from server.kernel.pagination import PageQuery
from server.kernel.principal import Principal, Right
from server.meetings import actions, noting
from server.meetings.actions import (
    Certainty,
    Flag,
    MeetingRecord,
    NewCorrection,
    Standing,
    State,
)
from server.meetings.models import Meeting
from server.visits import actions as visits
from server.visits.models import Visit, Visitor
from tests.fakes.meeting_scene import ROOM_OUT, MeetingRoom
from tests.fakes.reception import MAIN_GATE, NOW, ROOM_DOOR, SYSTEM, Reception

TEN = NOW + timedelta(hours=1)
"""When the visit of two hours begins."""


@pytest.fixture
def room(reception: Reception) -> MeetingRoom:
    made = MeetingRoom(reception)
    made.read_on_leaving()
    made.devices()
    return made


def guest_of(reception: Reception, visit: Visit) -> Visitor:
    return reception.guests_of(visit)[0]


def held(guest: Visitor) -> CredentialId:
    return CredentialId(guest.credential)


def at(minutes: float) -> datetime:
    return TEN + timedelta(minutes=minutes)


def look(reception: Reception, visit: Visit) -> MeetingRecord:
    with reception.work("host") as work:
        return actions.record_of(work, visit.id)[1]


def visits_only(reception: Reception) -> Principal:
    """Somebody who may see every visit, and no meeting."""
    return Principal.for_person(reception.people["other"], [Right.VISITS_READ])


def told(reception: Reception) -> list[str]:
    """The names of what was recorded of meetings, in their order."""
    wanted = {"MeetingStarted", "MeetingEnded", "MeetingOverRan", "NoShow", "VisitorAttended"}
    with Session(reception.office.engine) as session:
        every = session.exec(select(AuditLine).order_by(AuditLine.id)).all()
    return [each.what for each in every if each.what in wanted]


def test_the_first_passage_into_the_visits_room_is_attendance(room: MeetingRoom) -> None:
    visit = room.reception.invite()
    guest = guest_of(room.reception, visit)
    room.passes(held(guest), at(1))
    (row,) = room.attendance()
    assert (row.visit, row.visitor, row.room) == (visit.id, guest.id, room.reception.room)
    assert (row.entered_at, row.certainty) == (at(1), Certainty.PASSED)


def test_another_door_or_an_unknown_credential_is_no_attendance(room: MeetingRoom) -> None:
    guest = guest_of(room.reception, room.reception.invite())
    room.passes(held(guest), at(1), MAIN_GATE, Outcome.PASSED)
    room.passes(CredentialId(bytes(16)), at(2))
    assert not room.attendance()


def test_who_was_let_in_and_did_not_go_through_did_not_come(room: MeetingRoom) -> None:
    guest = guest_of(room.reception, room.reception.invite())
    room.passes(held(guest), at(1), outcome=Outcome.NOT_PASSED)
    assert not room.attendance()


def test_the_earliest_entry_counts_whatever_order_reports_arrive_in(
    room: MeetingRoom,
) -> None:
    for order in permutations((1, 15, 30)):
        guest = guest_of(room.reception, room.reception.invite())
        for minutes in order:
            room.passes(held(guest), at(minutes))
        entered = {row.visitor: row.entered_at for row in room.attendance()}
        assert entered[guest.id] == at(1)


def test_the_record_is_the_same_in_whatever_order_the_journals_arrive(room: MeetingRoom) -> None:
    """The gate of the room was cut off for the whole meeting, and tells all of it afterwards."""
    reception, host = room.reception, room.staff("host")
    found: list[object] = []
    for order in permutations(range(3)):
        visit = reception.invite()
        base, guest = visit.starts_at, held(guest_of(reception, visit))
        reception.clock.set(base + timedelta(hours=3))
        happened = (
            (guest, base - timedelta(minutes=2), ROOM_DOOR),
            (host, base + timedelta(minutes=2), ROOM_DOOR),
            (guest, base + timedelta(minutes=50), ROOM_OUT),
        )
        for number in order:
            room.passes(*happened[number])
        seen = look(reception, visit)
        assert seen.started is not None
        assert seen.ended is not None
        found.append((seen.state, seen.started.at - base, seen.ended.at - base, seen.late_by))
        reception.clock.advance(timedelta(hours=12))
        room.elsewhere(host, base + timedelta(hours=3))
    minutes = [timedelta(minutes=each) for each in (2, 50, 2)]
    assert set(found) == {(State.ENDED, *minutes)}


def test_a_meeting_is_told_to_have_begun_run_over_and_ended_once_each(room: MeetingRoom) -> None:
    reception, host = room.reception, room.staff("host")
    visit = reception.invite()
    guest = held(guest_of(reception, visit))
    for minutes, who, point in (
        (-2, guest, ROOM_DOOR),
        (2, host, ROOM_DOOR),
        (125, None, None),
        (130, guest, ROOM_OUT),
        (131, host, ROOM_OUT),
    ):
        reception.clock.set(at(minutes))
        if who is not None and point is not None:
            room.passes(who, at(minutes), point)
        with reception.office.begin(SYSTEM) as work:
            actions.note_due(work)
    assert told(reception) == [
        "VisitorAttended",
        "MeetingStarted",
        "MeetingOverRan",
        "MeetingEnded",
    ]


def test_who_does_not_come_is_told_when_time_is_over_and_only_once(room: MeetingRoom) -> None:
    reception = room.reception
    visit = reception.invite()
    for minutes in (119, 121, 122):
        reception.clock.set(at(minutes))
        with reception.office.begin(SYSTEM) as work:
            actions.note_due(work)
    assert told(reception) == ["NoShow"]
    assert look(reception, visit).state is State.NOT_HELD


def test_who_is_reported_late_was_no_no_show(room: MeetingRoom) -> None:
    reception = room.reception
    visit = reception.invite()
    guest = guest_of(reception, visit)
    reception.clock.set(at(121))
    with reception.office.begin(SYSTEM) as work:
        actions.note_due(work)
    room.passes(held(guest), at(5))
    assert look(reception, visit).no_shows == ()
    with reception.work("host") as work:
        assert work.session.get_one(Meeting, visit.id).no_shows == []


def test_a_silent_gate_makes_nobody_a_no_show(room: MeetingRoom) -> None:
    reception = room.reception
    visit = reception.invite()
    room.goes_away(at(-30))
    reception.clock.set(at(150))
    with reception.office.begin(SYSTEM) as work:
        actions.note_due(work)
    assert told(reception) == []
    found = look(reception, visit)
    assert (found.state, found.silent_since) == (State.UNCLEAR, at(-30))


def test_an_unlocked_door_that_says_nothing_more_is_not_so_sure(room: MeetingRoom) -> None:
    reception = room.reception
    visit = reception.invite()
    reception.clock.set(at(1))
    event_id = room.passes(held(guest_of(reception, visit)), at(1), outcome=None)
    room.says(ControllerEventKind.UNLOCKED, event_id)
    assert look(reception, visit).participants[0].standing is Standing.EXPECTED
    reception.clock.set(at(3))
    entered = look(reception, visit).participants[0].entered
    assert entered is not None
    assert entered.certainty is Certainty.UNLOCKED


def test_the_controllers_word_alone_brings_a_passage_and_a_doubt(room: MeetingRoom) -> None:
    reception, host = room.reception, room.staff("host")
    visit = reception.invite()
    reception.clock.set(at(0))
    one = room.passes(held(guest_of(reception, visit)), at(0), outcome=None)
    other = room.passes(host, at(0), outcome=None)
    room.says(ControllerEventKind.OPENED, one)
    room.says(ControllerEventKind.OPENED, other)
    room.says(ControllerEventKind.CLOSED, other)
    room.says(ControllerEventKind.REQUEST_TO_EXIT)
    reception.clock.set(at(5))
    found = look(reception, visit)
    assert found.state is State.RUNNING
    assert [each.flag for each in found.doubts] == [Flag.TWO_GRANTS]
    assert found.exits_by_button == 1


def test_the_exit_gate_says_when_somebody_was_out_at_the_latest(room: MeetingRoom) -> None:
    reception, host = room.reception, room.staff("host")
    visit = reception.invite()
    guest = held(guest_of(reception, visit))
    reception.clock.set(at(60))
    room.passes(guest, at(0))
    room.passes(host, at(1))
    room.elsewhere(guest, at(50))
    found = look(reception, visit)
    assert found.ended is not None
    assert (found.ended.at, found.ended.certainty) == (at(50), Certainty.AT_THE_LATEST)
    assert "MeetingEnded" in told(reception)


def test_a_correction_stands_beside_the_record_and_changes_nothing_of_it(
    room: MeetingRoom,
) -> None:
    reception = room.reception
    visit = reception.invite()
    guest = guest_of(reception, visit)
    reception.clock.set(at(130))
    before = look(reception, visit)
    said = NewCorrection(
        came=[guest.id], started_at=at(3), ended_at=at(100), reason="They came in with me."
    )
    with reception.work("host") as work:
        actions.correct(work, visit.id, said)
    with reception.work("host") as work:
        seen, after = actions.record_of(work, visit.id)
        (stands,) = actions.corrections_of(work, seen)
    assert after == before
    assert (stands.came, stands.started_at, stands.made_by, stands.made_at) == (
        [guest.id],
        at(3),
        reception.people["host"],
        at(130),
    )


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "came"),
        ({"came": ["0" * 32]}, "came"),
        ({"started_at": at(500)}, "started_at"),
        ({"started_at": at(20), "ended_at": at(10)}, "ended_at"),
    ],
)
def test_a_correction_that_cannot_be_is_refused_and_says_where(
    room: MeetingRoom, said: dict[str, object], field: str
) -> None:
    reception = room.reception
    visit = reception.invite()
    reception.clock.set(at(130))
    new = NewCorrection.model_validate({"reason": "So it was."} | said)
    with pytest.raises(Invalid) as refused, reception.work("host") as work:
        actions.correct(work, visit.id, new)
    assert refused.value.errors[0][0] == field


def test_only_the_host_and_who_manages_visits_correct(room: MeetingRoom) -> None:
    reception = room.reception
    visit = reception.invite()
    reception.clock.set(at(130))
    said = NewCorrection(started_at=at(3), reason="So it was.")
    with pytest.raises(NotFound), reception.work("other") as work:
        actions.correct(work, visit.id, said)
    with pytest.raises(NotFound), reception.work("other") as work:
        actions.record_of(work, visit.id)
    with reception.work("admin") as work:
        actions.correct(work, visit.id, said)
    with pytest.raises(Forbidden), reception.office.reading(visits_only(reception)) as work:
        actions.record_of(work, visit.id)


def test_what_is_kept_of_a_visitor_can_be_seen_and_forgotten(room: MeetingRoom) -> None:
    reception = room.reception
    visit = reception.invite()
    guest = guest_of(reception, visit)
    reception.clock.set(at(130))
    room.passes(held(guest), at(1))
    with reception.work("host") as work:
        said = NewCorrection(came=[guest.id], reason="Taro was there.")
        actions.correct(work, visit.id, said)
    with reception.office.begin(SYSTEM) as work:
        known = actions.about_visitor(work, guest.id)
        assert known["standing"] == "inside"
        assert known["host_said"]
        actions.forget_visitor(work, guest.id)
    assert not room.attendance()
    with reception.work("host") as work:
        (left,) = actions.corrections_of(work, visits.get(work, visit.id))
    assert (left.came, left.reason) == ([], "")


def test_a_long_journal_asks_the_database_no_more_often_than_a_short_one(
    room: MeetingRoom,
) -> None:
    guest = held(guest_of(room.reception, room.reception.invite()))
    room.passes(guest, at(1))
    asked: list[str] = []

    def note(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    event.listen(room.reception.office.engine, "before_cursor_execute", note)
    costs: list[int] = []
    for batch in ((guest,) * 2, (guest,) * 100):
        reported = room.outcomes(batch, at(2))
        asked.clear()
        with room.reception.office.begin(SYSTEM) as work:
            noting.note_outcomes(work, reported)
        costs.append(len(asked))
    assert costs[0] == costs[1]


def test_hosts_see_who_came_to_their_own_visits(room: MeetingRoom) -> None:
    guest = guest_of(room.reception, room.reception.invite())
    room.passes(held(guest), at(1))
    seen: dict[str, int] = {}
    for name in ("host", "other", "security"):
        with room.reception.work(name) as work:
            seen[name] = len(actions.find(work, PageQuery(limit=10)).items)
    assert seen == {"host": 1, "other": 0, "security": 1}
