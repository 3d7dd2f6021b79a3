"""What becomes of a visitor's app, crossings, approvals and of what their host was told, when the visit changes."""

import threading
from datetime import timedelta
from typing import cast

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session, select

from server.arrivals import actions as arrivals
from server.arrivals import check_in, models, owntracks, walk_ins
from server.arrivals.actions import AnswerKind, CrossingKind, CrossingSource, NewAnswer
from server.arrivals.models import Crossing, Poster, Tracker, WalkIn
from server.devices import models as devices
from server.kernel.errors import Conflict, NotFound
from server.kernel.principal import Principal
from server.notifications.models import Notice
from server.visits import actions as visits
from server.visits.actions import NewCompanion, NewVisitor, VisitChange
from server.visits.models import Visitor
from tests.contract.test_posters import ask_for
from tests.fakes.arriving import Arriving
from tests.fakes.reception import MAIN_GATE, SITE, SYSTEM, Reception


@pytest.fixture
def guest(reception: Reception) -> Arriving:
    return Arriving(reception).fence()


def set_up(guest: Arriving) -> None:
    with guest.reception.office.begin(SYSTEM) as work:
        arrivals.set_up_tracker_for_broker(work, guest.visitor.id)


def tracker_of(guest: Arriving) -> Tracker | None:
    with Session(guest.reception.office.engine) as session:
        return session.get(Tracker, guest.visitor.id)


def guests_at_broker(guest: Arriving) -> int:
    now = guest.reception.clock.now()
    with Session(guest.reception.office.engine) as session:
        return len(devices.guest_clients(session, now))


def unseen(reception: Reception) -> list[str]:
    """What hosts were told and nobody reacted to."""
    with Session(reception.office.engine) as session:
        found = session.exec(select(Notice).order_by(Notice.id)).all()
        return [each.kind.value for each in found if each.reacted_at is None]


def test_the_app_of_a_cancelled_visit_has_no_credentials_any_more(guest: Arriving) -> None:
    set_up(guest)
    with guest.reception.work() as work:
        visits.cancel(work, guest.visit.id)
    assert tracker_of(guest) is None
    assert guests_at_broker(guest) == 0


def test_the_app_of_a_removed_visitor_has_no_credentials_any_more(guest: Arriving) -> None:
    set_up(guest)
    with guest.reception.work() as work:
        visits.add_visitors(work, guest.visit.id, [NewVisitor(name="B", email="b@example.jp")])
        visits.remove_visitor(work, guest.visit.id, guest.visitor.id)
    assert tracker_of(guest) is None


def test_the_app_of_who_declines_has_no_credentials_any_more(guest: Arriving) -> None:
    set_up(guest)
    with guest.reception.office.begin(Principal.for_visitor(guest.visitor.id)) as work:
        visits.decline_invitation(work, guest.visit.id, guest.visitor.id)
    assert tracker_of(guest) is None


def test_a_replaced_link_ends_the_app_that_was_set_up_behind_it(guest: Arriving) -> None:
    set_up(guest)
    with guest.reception.work() as work:
        visits.replace_link(work, guest.visit.id, guest.visitor.id)
    assert tracker_of(guest) is None


def test_the_app_counts_as_long_as_the_visit_that_moves(guest: Arriving) -> None:
    set_up(guest)
    for hours in (2, -1):
        ends_at = guest.visit.ends_at + timedelta(hours=hours, minutes=30)
        with guest.reception.work() as work:
            visits.change(work, guest.visit.id, VisitChange(ends_at=ends_at))
        found = tracker_of(guest)
        assert found is not None
        assert found.ends_at == ends_at


def test_of_who_declined_nothing_is_noticed_any_more(guest: Arriving) -> None:
    with guest.reception.office.begin(Principal.for_visitor(guest.visitor.id)) as work:
        visits.decline_invitation(work, guest.visit.id, guest.visitor.id)
    with pytest.raises(NotFound):
        guest.notice(CrossingKind.NEAR)


def test_a_host_who_answers_has_reacted(guest: Arriving) -> None:
    guest.notice(CrossingKind.NEAR)
    assert unseen(guest.reception) == ["near"]
    with guest.reception.work() as work:
        arrivals.answer(work, guest.visit.id, NewAnswer(kind=AnswerKind.COMING_DOWN))
    assert unseen(guest.reception) == []


def test_a_yes_at_the_door_settles_what_the_host_was_asked(guest: Arriving) -> None:
    ask_for(guest.reception, ["approval"])
    with guest.reception.office.begin(Principal.for_visitor(guest.visitor.id)) as work:
        asked = arrivals.ask_approval(work, guest.visit, guest.visitor, MAIN_GATE)
    assert unseen(guest.reception) == ["approval_asked"]
    with guest.reception.work("security") as work:
        arrivals.approve_entry(work, asked.id)
    assert unseen(guest.reception) == []


def test_nobody_is_told_any_more_of_the_guests_of_a_cancelled_visit(guest: Arriving) -> None:
    guest.notice(CrossingKind.NEAR)
    with guest.reception.work() as work:
        visits.cancel(work, guest.visit.id)
    assert unseen(guest.reception) == []


def stranger_at(reception: Reception) -> WalkIn:
    with reception.work("admin") as work:
        poster = arrivals.put_up_poster(work, SITE, arrivals.NewPoster(portal="main-gate"))
    new = {"name": "Mei", "whom": "host@genkan.example", "purpose": "A parcel", "language": "en"}
    with reception.office.begin(Principal.anonymous()) as work:
        poster = work.session.get_one(Poster, poster.id)
        wanted = arrivals.NewWalkIn.model_validate(new)
        return arrivals.register_walk_in(work, poster, wanted, "a-phone")


def test_the_host_is_not_asked_any_more_what_a_removed_visitor_wished_for(guest: Arriving) -> None:
    with guest.reception.office.begin(Principal.for_visitor(guest.visitor.id)) as work:
        new = NewCompanion(name="C", email="c@example.jp", company="")
        brought = visits.bring(work, guest.visit.id, guest.visitor.id, new)
    with guest.reception.work() as work:
        visits.add_visitors(work, guest.visit.id, [NewVisitor(name="B", email="b@example.jp")])
        visits.remove_visitor(work, guest.visit.id, guest.visitor.id)
    with guest.reception.work() as work, pytest.raises(Conflict):
        visits.answer_companion(work, guest.visit.id, brought.id, accept=True)


def test_that_a_visitor_declined_takes_the_place_of_what_was_told_before(guest: Arriving) -> None:
    guest.notice(CrossingKind.APPROACHING)
    with guest.reception.office.begin(Principal.for_visitor(guest.visitor.id)) as work:
        visits.decline_invitation(work, guest.visit.id, guest.visitor.id)
    assert unseen(guest.reception) == ["declined"]


def test_a_guards_answer_to_a_walk_in_settles_what_the_host_was_told(reception: Reception) -> None:
    walk_in = stranger_at(reception)
    assert unseen(reception) == ["walk_in"]
    with reception.work("security") as work:
        arrivals.refuse_walk_in(work, walk_in.id, arrivals.WalkInRefusal())
    assert unseen(reception) == []


def test_walk_ins_are_forgotten_after_a_month(reception: Reception) -> None:
    stranger_at(reception)
    for days, left in ((29, 1), (2, 0)):
        reception.clock.advance(timedelta(days=days))
        with reception.office.begin(SYSTEM) as work:
            walk_ins.forget_old(work)
        with Session(reception.office.engine) as session:
            assert len(session.exec(select(WalkIn)).all()) == left


def test_nobody_is_let_in_to_a_visit_that_was_cancelled_meanwhile(guest: Arriving) -> None:
    ask_for(guest.reception, ["approval"])
    with guest.reception.office.begin(Principal.for_visitor(guest.visitor.id)) as work:
        asked = arrivals.ask_approval(work, guest.visit, guest.visitor, MAIN_GATE)
    with guest.reception.work() as work:
        visits.cancel(work, guest.visit.id)
        assert check_in.list_asked(work) == []
        with pytest.raises(Conflict):
            arrivals.approve_entry(work, asked.id)


def test_a_crossing_and_the_removal_of_its_visitor_wait_for_each_other(guest: Arriving) -> None:
    """Both lock the visit first: on PostgreSQL two that lock in different orders kill each other."""
    office, failed = guest.reception.office, list[BaseException]()
    with guest.reception.work() as work:
        visits.add_visitors(work, guest.visit.id, [NewVisitor(name="B", email="b@example.jp")])
    locked = threading.Event()

    def crosses() -> None:
        locked.wait(timeout=60)
        try:
            with office.begin(SYSTEM) as work:
                arrivals.notice_crossing(
                    work, guest.visitor.id, CrossingKind.NEAR, CrossingSource.PAGE
                )
        except NotFound:
            pass  # the removal came first
        except BaseException as error:  # noqa: BLE001  the thread's own end, for the test to see
            failed.append(error)

    thread = threading.Thread(target=crosses)
    thread.start()
    with guest.reception.work() as work:
        visits.changeable(work, guest.visit.id)
        other_waits = _once_it_waits(cast("Engine", work.session.get_bind()), locked)
        other_waits.wait(timeout=2)
        visits.remove_visitor(work, guest.visit.id, guest.visitor.id)
    thread.join(timeout=120)
    assert not failed


def _once_it_waits(engine: Engine, locked: threading.Event) -> threading.Event:
    """Let the other thread begin; the event comes once it asks for its first lock."""
    asked = threading.Event()

    def sees(*happened: object) -> None:
        if "FOR UPDATE" in str(happened[2]):
            asked.set()

    event.listen(engine, "after_cursor_execute", sees)
    locked.set()
    return asked


def test_what_a_phone_says_while_it_is_decided_who_stayed_is_not_lost(guest: Arriving) -> None:
    with guest.reception.office.begin(SYSTEM) as work:
        setup = arrivals.set_up_tracker(work, guest.visitor.id)
    tell(guest, setup.name, "enter")
    guest.passes(minutes=3)
    with guest.reception.office.reading(SYSTEM) as work:
        before = models.watched_by_region(work.session, work.now)
        assert len(before) == 1
    with guest.reception.work() as work:
        visits.cancel(work, guest.visit.id)
    with guest.reception.office.begin(SYSTEM) as work:
        owntracks.settle(work)
    with Session(guest.reception.office.engine) as session:
        assert session.exec(select(Crossing)).all() == []
    assert guest.watch() is None


def tell(guest: Arriving, name: str, what: str) -> None:
    now = int(guest.reception.clock.now().timestamp())
    message = f'{{"_type": "transition", "event": "{what}", "desc": "Genkan: near", "tst": {now}}}'
    with guest.reception.office.begin(SYSTEM) as work:
        tracker = models.tracker_named(work.session, name)
        assert tracker is not None
        owntracks.received(work, tracker, message.encode())


def test_two_set_ups_at_once_leave_one_app(guest: Arriving) -> None:
    failed, barrier = list[BaseException](), threading.Barrier(3)

    def set_up_one() -> None:
        barrier.wait(timeout=60)
        try:
            with guest.reception.office.begin(SYSTEM) as work:
                arrivals.set_up_tracker(work, guest.visitor.id)
        except BaseException as error:  # noqa: BLE001  the thread's own end, for the test to see
            failed.append(error)

    threads = [threading.Thread(target=set_up_one) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=120)
    assert not failed
    assert tracker_of(guest) is not None


def test_two_wishes_for_a_code_at_once_send_two_codes_and_fail_neither(guest: Arriving) -> None:
    with guest.reception.work() as work:
        found = work.session.get_one(Visitor, guest.visitor.id)
        token = visits.link_of(work, found).rpartition("/")[2]
    failed, barrier = list[BaseException](), threading.Barrier(2)

    def asks() -> None:
        barrier.wait(timeout=60)
        try:
            with guest.reception.office.begin(Principal.anonymous()) as work:
                visits.request_code(work, token)
        except BaseException as error:  # noqa: BLE001  the thread's own end, for the test to see
            failed.append(error)

    threads = [threading.Thread(target=asks) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=120)
    assert not failed
