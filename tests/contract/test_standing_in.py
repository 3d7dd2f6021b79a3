"""Who stands in for a silent host opens, answers and lets in: once they were told, and for that visit only."""

from datetime import timedelta

import pytest

from server.arrivals import actions as arrivals
from server.arrivals.actions import AnswerKind, NewAnswer
from server.kernel.errors import Forbidden, NotFound
from server.notifications.actions import NoticeKind
from server.people import actions as people
from server.visits import actions as visits
from server.visits.models import Visit
from tests.fakes.hosted import Hosted

COMING = NewAnswer(kind=AnswerKind.COMING_DOWN)


def silent(hosted: Hosted) -> None:
    """The host has a deputy, is told, and does not react."""
    with hosted.reception.work() as work:
        people.set_deputy(work, hosted.host, hosted.other)
    hosted.tell(NoticeKind.ARRIVED)
    hosted.reception.clock.advance(timedelta(minutes=5))
    hosted.look_for_silence()


def refused(hosted: Hosted, visit: Visit, name: str = "other") -> None:
    with hosted.reception.work(name) as work, pytest.raises(NotFound):
        visits.get(work, visit.id)
    with hosted.reception.work(name) as work, pytest.raises((NotFound, Forbidden)):
        arrivals.answer(work, visit.id, COMING)


def test_a_deputy_sees_and_answers_a_visit_once_they_were_told_of_it(hosted: Hosted) -> None:
    silent(hosted)
    with hosted.reception.work("other") as work:
        assert visits.get(work, hosted.visit.id).id == hosted.visit.id
        said = arrivals.answer(work, hosted.visit.id, COMING)
        assert said.person == hosted.other


def test_a_deputy_who_was_not_told_yet_sees_nothing(hosted: Hosted) -> None:
    with hosted.reception.work() as work:
        people.set_deputy(work, hosted.host, hosted.other)
    hosted.tell(NoticeKind.ARRIVED)
    refused(hosted, hosted.visit)


def test_a_deputy_who_was_told_of_one_visit_does_not_see_another(hosted: Hosted) -> None:
    another = hosted.reception.invite(title="Another")
    silent(hosted)
    refused(hosted, another)


def test_who_stands_in_no_longer_sees_nothing_any_more(hosted: Hosted) -> None:
    silent(hosted)
    with hosted.reception.work() as work:
        people.set_deputy(work, hosted.host, None)
    refused(hosted, hosted.visit)


def test_a_deputy_lets_in_and_answers_but_changes_nothing(hosted: Hosted) -> None:
    silent(hosted)
    with hosted.reception.work("other") as work, pytest.raises(Forbidden):
        visits.cancel(work, hosted.visit.id)


def test_an_answer_of_the_deputy_settles_what_the_host_was_told(hosted: Hosted) -> None:
    silent(hosted)
    with hosted.reception.work("other") as work:
        arrivals.answer(work, hosted.visit.id, COMING)
    assert hosted.open_notices() == []
