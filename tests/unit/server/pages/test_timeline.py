"""The timeline of a visit: the same times for everybody, and for a visitor nothing that is not theirs."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from access_protocol.decision import DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import CredentialId
from access_protocol.wording import Language
from server.app import create_office
from server.arrivals import actions as arrivals
from server.arrivals.rules import CrossingKind, CrossingSource
from server.conversations import actions as conversations
from server.conversations.actions import NewSurveyAnswer, SurveyReply
from server.kernel.clock import FixedClock
from server.kernel.ids import VisitId
from server.kernel.principal import Principal, Right
from server.kernel.settings import Settings
from server.meetings import actions as meetings
from server.pages.timeline import whole
from server.pages.timeline.entry import Entry, Kind, Told
from server.people import models as people
from server.visits import actions as visits
from server.visits import models
from server.visits.actions import CheckOutKind
from server.visits.models import Visitor
from tests.fakes.application import application
from tests.fakes.meeting_site import MeetingSite
from tests.fakes.panel_site import NOON, PASSWORD, PanelSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[PanelSite]:
    settings = Settings(demo=True, data_folder=tmp_path, worker_wake="")
    office = create_office(settings, FixedClock(NOON))
    clock = office.clock
    assert isinstance(clock, FixedClock)
    yield PanelSite(office, clock)
    office.close()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[MeetingSite]:
    settings = Settings(demo=True, data_folder=tmp_path, worker_wake="")
    clock = FixedClock(NOON)
    office = create_office(settings, clock)
    yield MeetingSite(office, clock)
    office.close()


@pytest.fixture
def browser(site: PanelSite) -> FlaskClient:
    return application(site.office).test_client()


def told(
    site: PanelSite,
    visit: VisitId,
    reader: Visitor | None = None,
    by: Principal | None = None,
) -> list[Entry]:
    """The entries of a visit, as staff or one of its visitors reads them."""
    app = application(site.office)
    with app.test_request_context(), site.office.reading(by or Principal.system()) as work:
        found = visits.get(work, visit)
        guests = models.visitors_of(work.session, visit) if reader is None else [reader]
        return whole.entries(Told(work, found, guests, to_visitor=reader is not None))


def comes_in(site: PanelSite, visitor: Visitor) -> None:
    with site.office.begin(Principal.system()) as work:
        arrivals.notice_crossing(work, visitor.id, CrossingKind.NEAR, CrossingSource.PAGE)
    site.clock.advance(timedelta(minutes=3, seconds=11))
    credential = CredentialId(visitor.credential)
    site.presented("main-gate-in", credential, None, Outcome.OPENED, Outcome.PASSED)
    site.clock.advance(timedelta(seconds=42))
    site.presented("server-room-in", credential, DenyReason.WRONG_ZONE)


def test_everything_stands_newest_first_with_its_second(site: PanelSite) -> None:
    visit, (anna,) = site.invite(("Anna Keller", ""), starts_in=timedelta(minutes=5))
    comes_in(site, anna)
    found = told(site, visit.id)
    assert [(each.kind, each.at - NOON) for each in found[:4]] == [
        (Kind.DOOR, timedelta(minutes=3, seconds=53)),
        (Kind.PASSAGE, timedelta(minutes=3, seconds=11)),
        (Kind.DOOR, timedelta(minutes=3, seconds=11)),
        (Kind.COMING, timedelta()),
    ]
    assert "Please follow the way" in found[0].detail
    assert found[-1].state.word == "Visit made"


def test_an_entry_keeps_its_key_when_it_is_fetched_again(site: PanelSite) -> None:
    visit, (anna, _) = site.invite(("Anna Keller", ""), ("Tom Becker", ""))
    comes_in(site, anna)
    keys = [(each.kind, each.key) for each in told(site, visit.id)]
    assert len(set(keys)) == len(keys)
    assert [(each.kind, each.key) for each in told(site, visit.id)] == keys


def test_a_visitor_reads_nothing_of_the_others(site: PanelSite) -> None:
    visit, (anna, tom) = site.invite(("Anna Keller", ""), ("Tom Becker", ""))
    comes_in(site, anna)
    about_tom = told(site, visit.id, tom)
    assert {each.visitor for each in about_tom} == {None, tom.id}
    assert not {each.kind for each in about_tom} & {Kind.DOOR, Kind.PASSAGE, Kind.COMING}
    assert {Kind.DOOR, Kind.PASSAGE, Kind.COMING} <= {
        each.kind for each in told(site, visit.id, anna)
    }


def test_what_staff_wrote_for_each_other_is_not_told_to_the_visitor(site: PanelSite) -> None:
    visit, (anna,) = site.invite(("Anna Keller", ""))
    with site.office.begin(Principal.system()) as work:
        visits.cancel(work, visit.id, "Somebody of that name stole here")
    assert "stole" in "".join(each.detail for each in told(site, visit.id))
    assert "stole" not in "".join(each.detail + each.who for each in told(site, visit.id, anna))


def test_the_visitors_page_shows_it_once_the_link_is_opened(
    site: PanelSite, browser: FlaskClient
) -> None:
    _, (anna,) = site.invite(("Anna Keller", ""), starts_in=timedelta(minutes=5))
    path = site.link(anna)
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(path).text)
    assert token is not None
    assert browser.get(f"{path}/timeline").status_code == 303
    browser.post(f"{path}/open", data={"csrf_token": token[1]})
    comes_in(site, anna)
    page = browser.get(f"{path}/timeline").text
    assert "14:17:18" in page  # the passage, on the clocks of Tokyo
    assert "14:17:18" in browser.get(f"{path}/timeline/now").text
    assert f"{path}/timeline" in browser.get(path).text


def test_the_api_tells_the_same(site: PanelSite, browser: FlaskClient) -> None:
    visit, (anna,) = site.invite(("Anna Keller", ""), starts_in=timedelta(minutes=5))
    comes_in(site, anna)
    path = f"/api/v1/visits/{visit.id}/timeline"
    assert browser.get(path).status_code == browser.get(f"/api/v1/visits/{visit.id}").status_code
    credentials = {"email": "security@genkan.example", "password": PASSWORD}
    assert browser.post("/api/v1/session", json=credentials).status_code in {200, 201}
    items = browser.get(path).json
    assert items is not None
    assert [(each["kind"], each["at"]) for each in items["items"][:2]] == [
        ("door", "2026-04-01T05:18:00Z"),
        ("passage", "2026-04-01T05:17:18Z"),
    ]


def of_kind(found: list[Entry], *kinds: Kind) -> list[tuple[str, timedelta]]:
    """What was told of some kinds, the first first, and how long after the beginning."""
    return [(each.state.word, each.at - NOON) for each in found[::-1] if each.kind in kinds]


def test_the_meeting_begins_and_ends_at_the_seconds_of_the_door(room: MeetingSite) -> None:
    visit, (anna, tom) = room.invite(("Anna Keller", ""), ("Tom Becker", ""))
    start = visit.starts_at - NOON
    room.enters(anna)
    room.clock.advance(timedelta(minutes=2, seconds=9))
    room.enters("host")
    room.minutes_pass(30)
    room.leaves(anna, "host")
    room.minutes_pass(40)
    found = told(room, visit.id)
    assert of_kind(found, Kind.MEETING) == [
        ("The meeting began", start + timedelta(minutes=2, seconds=9)),
        ("The meeting ended", start + timedelta(minutes=32, seconds=9)),
        ("Did not come to the meeting", start + timedelta(hours=1)),
    ]
    began = next(each for each in found if each.state.word == "The meeting began")
    assert "2 minutes late (the host's side)" in began.detail
    to_anna = told(room, visit.id, anna)
    assert [word for word, _ in of_kind(to_anna, Kind.MEETING)] == [
        "The meeting began",
        "The meeting ended",
    ]
    assert not any("host's side" in each.detail for each in to_anna)
    no_show = next(each for each in told(room, visit.id, tom) if "not come" in each.state.word)
    assert no_show.visitor == tom.id


def test_a_correction_stands_in_the_timeline_and_its_reason_is_for_staff(room: MeetingSite) -> None:
    visit, (anna, tom) = room.invite(("Anna Keller", ""), ("Tom Becker", ""))
    room.minutes_pass(70)
    with room.office.reading(Principal.system()) as work:
        host = people.by_email(work.session, "host@genkan.example")
    assert host is not None
    own = Principal.for_person(host.id, frozenset({Right.VISITS_INVITE}))
    with room.office.begin(own) as work:
        said = meetings.NewCorrection(came=[tom.id], reason="He came in behind me.")
        meetings.correct(work, visit.id, said)
    (corrected,) = [each for each in told(room, visit.id) if "corrected" in each.state.word]
    assert corrected.detail == "Was there: Tom Becker\nHe came in behind me."
    assert (corrected.who, corrected.at) == ("Sato Misaki", room.clock.now())
    (to_tom,) = [each for each in told(room, visit.id, tom) if "corrected" in each.state.word]
    assert to_tom.detail == "Was there"
    assert not any("corrected" in each.state.word for each in told(room, visit.id, anna))


def test_leaving_and_the_survey_end_the_timeline(site: PanelSite) -> None:
    visit, (anna,) = site.invite(("Anna Keller", ""))
    comes_in(site, anna)
    site.clock.advance(timedelta(minutes=20))
    with site.office.begin(Principal.system()) as work:
        visits.check_out(work, anna.id, CheckOutKind.GUARD)
    site.clock.advance(timedelta(seconds=71))
    with site.office.begin(Principal.for_visitor(anna.id)) as work:
        said = NewSurveyAnswer(score=4, comment="A fine hall", language=Language.EN)
        answer = conversations.answer_survey(work, anna.id, said)
    site.clock.advance(timedelta(seconds=5))
    with site.office.begin(Principal.system()) as work:
        conversations.reply_to_comment(work, answer.id, SurveyReply(text="Thank you"))
    found = told(site, visit.id, anna)
    assert [(each.kind, each.state.word, each.detail) for each in found[:3]] == [
        (Kind.SURVEY, "Answer to the survey", "Thank you"),
        (Kind.SURVEY, "Survey answered", "4 · Good\nA fine hall"),
        (Kind.CHECK_OUT, "Checked out", "Said at the panel"),
    ]
    assert found[0].at - found[2].at == timedelta(seconds=76)


def test_who_may_not_read_the_survey_learns_only_that_it_was_answered(site: PanelSite) -> None:
    visit, (anna,) = site.invite(("Anna Keller", ""), as_host=True)
    with site.office.begin(Principal.for_visitor(anna.id)) as work:
        said = NewSurveyAnswer(score=1, comment="The host was rude", language=Language.EN)
        conversations.answer_survey(work, anna.id, said)
    reader = Principal.for_person(visit.host, frozenset({Right.VISITS_INVITE}))
    (survey,) = [each for each in told(site, visit.id, by=reader) if each.kind is Kind.SURVEY]
    assert (survey.state.word, survey.detail) == ("Survey answered", "")
