"""Leaving: through the exit gate, by a guard or by itself; thanked once, asked, answered, and greeted again."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from access_protocol.events import DecisionEntry, Outcome, OutcomeEntry
from access_protocol.ids import AccessPointId, CredentialId, EventId
from access_protocol.knowledge import Direction
from access_protocol.wording import Language
from server.access import actions as access
from server.access import ledger
from server.arrivals import actions as arrivals
from server.arrivals import leaving, walk_ins
from server.arrivals.models import Poster
from server.conversations import actions as conversations
from server.conversations import surveys
from server.conversations.actions import NewSurveyAnswer, Question, SurveyInput, SurveyReply
from server.kernel.errors import Conflict, Forbidden
from server.kernel.outbox import OutboxRow
from server.kernel.principal import Principal
from server.notifications.models import Notice
from server.people import actions as people
from server.people.actions import GroupInput
from server.places import actions as places
from server.places.actions import AccessPointInput
from server.privacy import actions as privacy
from server.privacy.actions import Kept, RetentionInput
from server.visits import actions as visits
from server.visits import leaving as thanks
from server.visits.actions import CheckOutKind, LeavingInput, NeedsInput
from server.visits.models import Visitor
from tests.fakes.reception import MAIN_GATE, ROOM_DOOR, SITE, SYSTEM, Reception

OUT_GATE = AccessPointId("main-gate-out")
OUT_OF_ROOM = AccessPointId("sakura-out")


@pytest.fixture
def visitor(reception: Reception) -> Visitor:
    """A visitor whose visit has just begun, at a site whose ways out are read."""
    with reception.work("admin") as work:
        for point, portal, zone, controller in (
            (OUT_GATE, "main-gate", 2, "turnstile-1"),
            (OUT_OF_ROOM, "sakura-door", 3, "door-sakura"),
        ):
            way_out = AccessPointInput(
                portal=portal,
                zone=zone,
                direction=Direction.OUT,
                gate="gate-1",
                controller=controller,
            )
            places.put_access_point(work, SITE, point, way_out)
    visit = reception.invite("taro@example.jp")
    _later(reception, hours=1)
    return reception.guests_of(visit)[0]


def _later(reception: Reception, *, hours: float = 0, minutes: float = 0) -> None:
    reception.clock.set(reception.clock.now() + timedelta(hours=hours, minutes=minutes))


def _passes(reception: Reception, visitor: Visitor, point: AccessPointId) -> None:
    with reception.office.begin(SYSTEM) as work:
        event = EventId(ledger.new_event(work))
        credential = visitor.credential.hex()
        told: Sequence[DecisionEntry | OutcomeEntry] = (
            DecisionEntry(
                at=work.now, event=event, access_point=point, reason=None, credential=credential
            ),
            OutcomeEntry(at=work.now, event=event, access_point=point, outcome=Outcome.PASSED),
        )
        for each in told:
            ledger.append_own(work, SITE, each)


def _left(reception: Reception, visitor: Visitor) -> CheckOutKind | None:
    with Session(reception.office.engine) as session:
        found = visits.check_outs(session, [visitor.id]).get(visitor.id)
        return found.how if found else None


def _time_passes(reception: Reception) -> None:
    with reception.office.begin(SYSTEM) as work:
        leaving.check_out_unseen(work)
        thanks.thank_due(work)


def _thanks(reception: Reception) -> int:
    return reception.subjects().count("Thank you for your visit")


def test_whoever_goes_out_at_the_exit_gate_has_left_and_is_thanked_once(
    reception: Reception, visitor: Visitor
) -> None:
    _passes(reception, visitor, MAIN_GATE)
    _later(reception, minutes=90)
    _passes(reception, visitor, OUT_GATE)
    _time_passes(reception)
    assert _left(reception, visitor) is CheckOutKind.EXIT_GATE
    assert _thanks(reception) == 1
    assert "/survey" in reception.mails()[-1].text


def test_out_of_the_meeting_room_is_not_out_of_the_site(
    reception: Reception, visitor: Visitor
) -> None:
    _passes(reception, visitor, ROOM_DOOR)
    _passes(reception, visitor, OUT_OF_ROOM)
    assert _left(reception, visitor) is None


def test_who_steps_out_for_lunch_comes_in_again_with_the_same_pass_and_is_thanked_at_the_end(
    reception: Reception, visitor: Visitor
) -> None:
    _passes(reception, visitor, MAIN_GATE)
    _later(reception, minutes=5)
    _passes(reception, visitor, OUT_GATE)
    assert _left(reception, visitor) is CheckOutKind.EXIT_GATE
    assert (_thanks(reception), reception.pass_of(visitor.id) is not None) == (0, True)
    _later(reception, minutes=30)
    _passes(reception, visitor, MAIN_GATE)
    assert _left(reception, visitor) is None
    _later(reception, hours=2)
    _passes(reception, visitor, OUT_GATE)
    _time_passes(reception)
    assert (_thanks(reception), reception.pass_of(visitor.id)) == (1, None)


def test_a_site_may_let_the_pass_end_with_the_first_way_out(
    reception: Reception, visitor: Visitor
) -> None:
    with reception.work("admin") as work:
        visits.change_leaving(work, SITE, LeavingInput(ends_pass=True))
    _passes(reception, visitor, MAIN_GATE)
    _later(reception, minutes=5)
    _passes(reception, visitor, OUT_GATE)
    assert reception.pass_of(visitor.id) is None


def test_whom_nobody_saw_leave_is_taken_to_have_left_and_counts_as_outside(
    reception: Reception, visitor: Visitor
) -> None:
    _passes(reception, visitor, MAIN_GATE)
    _later(reception, hours=2, minutes=59)
    _time_passes(reception)
    assert _left(reception, visitor) is None
    _later(reception, minutes=2)
    _time_passes(reception)
    assert _left(reception, visitor) is CheckOutKind.BY_ITSELF
    with reception.office.reading(SYSTEM) as work:
        assert not access.is_inside(work, CredentialId(visitor.credential))


def test_who_never_came_is_neither_checked_out_nor_thanked(
    reception: Reception, visitor: Visitor
) -> None:
    _later(reception, hours=9)
    _time_passes(reception)
    assert (_left(reception, visitor), _thanks(reception)) == (None, 0)


def test_a_guard_checks_out_and_a_host_may_not(reception: Reception, visitor: Visitor) -> None:
    _passes(reception, visitor, MAIN_GATE)
    with pytest.raises(Forbidden), reception.work("host") as work:
        visits.check_out_by_guard(work, visitor.id)
    with reception.work("security") as work:
        visits.check_out_by_guard(work, visitor.id)
    assert _left(reception, visitor) is CheckOutKind.GUARD
    assert reception.pass_of(visitor.id) is None
    with pytest.raises(Conflict), reception.work("security") as work:
        visits.check_out_by_guard(work, visitor.id)


def test_a_low_score_is_told_to_the_group_which_answers_once(
    reception: Reception, visitor: Visitor
) -> None:
    with reception.work("admin") as work:
        wanted = GroupInput(
            name="Care", email="care@genkan.example", members=[reception.people["security"]]
        )
        group = people.create_group(work, SITE, wanted)
        room = Question(ja="部屋は？", en="The room?", zh="房间？")
        conversations.change_survey(work, SITE, SurveyInput(group=group.id, questions=[room]))
    with reception.office.begin(Principal.for_visitor(visitor.id)) as work:
        (question,) = conversations.survey_of(work, SITE).questions
        new = NewSurveyAnswer(
            score=1, answers={question["id"]: 4}, comment="Cold", language=Language.EN
        )
        made = conversations.answer_survey(work, visitor.id, new)
        # Sent twice, it is told once.
        conversations.answer_survey(work, visitor.id, new)
    assert [each.recipient for each in reception.mails()].count("Care <care@genkan.example>") == 1
    with Session(reception.office.engine) as session:
        told = session.exec(
            select(Notice).where(Notice.person == reception.people["security"])
        ).all()
        assert [str(each.kind) for each in told] == ["low_score"]
        assert "Cold" not in str(told[0].details)
    with pytest.raises(Forbidden), reception.work("host") as work:
        conversations.said(work, SITE, work.now - timedelta(days=1))
    with reception.work("security") as work:
        conversations.reply_to_comment(work, made.id, SurveyReply(text="We are sorry."))
        figures = conversations.figures(work, SITE, work.now - timedelta(days=1))
    assert (figures.mean, figures.questions, figures.response_rate) == (
        1,
        {question["id"]: 4},
        None,
    )
    assert reception.subjects()[-1] == "An answer to what you wrote"
    with pytest.raises(Conflict), reception.office.begin(SYSTEM) as work:
        conversations.answer_survey(work, visitor.id, new)


def test_a_comment_that_changes_again_and_again_is_told_once_in_a_while_and_never_lost(
    reception: Reception, visitor: Visitor
) -> None:
    with reception.work("admin") as work:
        group = people.create_group(
            work, SITE, GroupInput(name="Care", email="care@genkan.example", members=[])
        )
        conversations.change_survey(work, SITE, SurveyInput(group=group.id))

    def says(score: int, comment: str) -> int:
        with reception.office.begin(Principal.for_visitor(visitor.id)) as work:
            new = NewSurveyAnswer(score=score, comment=comment, language=Language.EN)
            conversations.answer_survey(work, visitor.id, new)
        return mails()

    def mails() -> int:
        with reception.office.begin(SYSTEM) as work:
            surveys.tell_waiting(work)
        return [each.recipient for each in reception.mails()].count("Care <care@genkan.example>")

    assert says(5, "") == 0, "a good score is no news"
    assert says(5, "The chairs") == 1
    assert says(4, "The chairs") == 1, "the comment is the same"
    assert says(4, "The chairs creak") == says(4, "The chairs do creak") == 1
    _later(reception, minutes=10)
    assert mails() == mails() == 2, "what came meanwhile is told together"
    _later(reception, minutes=10)
    assert says(4, "") == 2, "a comment that was taken back is no news"
    assert says(1, "") == 3
    assert says(2, "") == 3, "it was low before"


def test_who_allowed_it_is_known_again_and_may_take_it_back(
    reception: Reception, visitor: Visitor
) -> None:
    with reception.office.begin(Principal.for_visitor(visitor.id)) as work:
        visits.note_needs(work, visitor.visit, visitor.id, NeedsInput(step_free=True, needs="Seat"))
        visits.keep_profile(work, work.session.get_one(Visitor, visitor.id))
    again = reception.guests_of(reception.invite("Taro@example.jp"))[0]
    with reception.office.begin(SYSTEM) as work:
        found = work.session.get_one(Visitor, again.id)
        assert (found.step_free, visits.needs_of(work, found)) == (True, "Seat")
        assert visits.is_kept(work, found)
        assert visits.forget_profile(work, found)
    other = reception.guests_of(reception.invite("taro@example.jp"))[0]
    assert not other.step_free


def test_a_dry_run_counts_what_a_run_deletes_and_deletes_nothing(
    reception: Reception, visitor: Visitor
) -> None:
    with reception.work("admin") as work:
        privacy.change_policy(work, SITE, RetentionInput(days={Kept.VISITS: 5, Kept.AUDIT: 1}))
    _later(reception, hours=24 * 6)
    with reception.work("admin") as work:
        expected = {each.kind: each.count for each in privacy.preview(work)}
    assert expected[Kept.VISITS] == 1
    with Session(reception.office.engine) as session:
        assert session.get_one(Visitor, visitor.id).email == "taro@example.jp"
    with reception.work("admin") as work:
        ran = privacy.run(work, "tests").counts
    assert ran[Kept.VISITS] == 1
    assert ran[Kept.AUDIT] >= expected[Kept.AUDIT] > 0
    with Session(reception.office.engine) as session:
        assert session.get_one(Visitor, visitor.id).email == ""


def test_who_types_somebody_elses_address_at_a_poster_learns_and_changes_nothing_of_theirs(
    reception: Reception, visitor: Visitor
) -> None:
    needs = NeedsInput(step_free=True, needs="Qwxzneeds")
    with reception.office.begin(Principal.for_visitor(visitor.id)) as work:
        visits.note_needs(work, visitor.visit, visitor.id, needs)
        visits.keep_profile(work, work.session.get_one(Visitor, visitor.id))
    typed = {
        "name": "Mallory",
        "email": "taro@example.jp",
        "whom": "host@genkan.example",
        "purpose": "A parcel",
        "language": "en",
    }
    with reception.work("admin") as work:
        poster = arrivals.put_up_poster(work, SITE, arrivals.NewPoster(portal="main-gate"))
    with reception.office.begin(Principal.anonymous()) as work:
        new = arrivals.NewWalkIn.model_validate(typed)
        found = work.session.get_one(Poster, poster.id)
        walk_in = arrivals.register_walk_in(work, found, new, "a-phone")
    with reception.work() as work:
        visit = walk_ins.approve(work, walk_in.id, walk_ins.WalkInApproval())
    (mallory,) = reception.guests_of(visit)
    with reception.office.begin(Principal.for_visitor(mallory.id)) as work:
        guest = work.session.get_one(Visitor, mallory.id)
        assert not visits.is_kept(work, guest)
        assert visits.kept_of(work, guest) is None
        told = json.dumps(privacy.about(work, mallory.id).subjects)
        assert "Qwxzneeds" not in told
        own = [each["to"] for each in privacy.about(work, mallory.id).subjects["messages"]["mails"]]
        assert len(own) == 1  # their own invitation, and none of the true owner's
        with pytest.raises(Conflict):
            visits.keep_profile(work, guest)
        assert not visits.forget_profile(work, guest)
        privacy.forget(work, mallory.id, profile=True)
    with Session(reception.office.engine) as session:
        mails = session.exec(select(OutboxRow).where(OutboxRow.reference == visitor.id)).all()
    assert mails
    with reception.work() as work:
        assert visits.is_kept(work, work.session.get_one(Visitor, visitor.id))
