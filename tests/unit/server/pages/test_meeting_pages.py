"""The meeting on the host's, the panel's and the visitor's page, on paper and in a table."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pypdfium2 import PdfDocument
from werkzeug.test import TestResponse

from server.app import create_office
from server.kernel.clock import FixedClock
from server.kernel.settings import Settings
from server.visits.models import Visit, Visitor
from tests.fakes.application import application
from tests.fakes.meeting_site import MeetingSite
from tests.fakes.panel_site import NOON, PASSWORD


@dataclass(frozen=True)
class Scene:
    """A site with a meeting, and one browser."""

    site: MeetingSite
    browser: FlaskClient

    def post(self, path: str, form_at: str, **values: str) -> TestResponse:
        """Send a form as the page `form_at` holds it."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.browser.get(form_at).text)
        token = found[1] if found else ""
        return self.browser.post(path, data={"csrf_token": token, **values})

    def sign_in(self, who: str) -> None:
        """Sign in."""
        at = "/panel/sign-in"
        self.post(at, at, email=f"{who}@genkan.example", password=PASSWORD, next="/panel/")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    settings = Settings(demo=True, data_folder=tmp_path, worker_wake="")
    clock = FixedClock(NOON)
    office = create_office(settings, clock)
    site = MeetingSite(office, clock)
    yield Scene(site, application(office).test_client())
    office.close()


def running(scene: Scene, name: str = "Anna Keller") -> tuple[Visit, list[Visitor]]:
    """A meeting that began two minutes late, with one of two visitors."""
    visit, guests = scene.site.invite((name, "Nordwind"), ("Tom Becker", ""))
    scene.site.enters(guests[0])
    scene.site.minutes_pass(2)
    scene.site.enters("host")
    return visit, guests


@pytest.mark.parametrize("who", ["host", "security"])
def test_a_running_meeting_shows_who_is_inside_and_how_late_it_began(
    scene: Scene, who: str
) -> None:
    visit, _ = running(scene)
    scene.sign_in(who)
    path = f"/host/visits/{visit.id}/meeting" if who == "host" else f"/panel/meetings/{visit.id}"
    for each in (path, f"{path}/now"):
        page = scene.browser.get(each).text
        assert "They are together in the room." in page
        assert "2 minutes late (the host&#39;s side)" in page
        assert "came in 14:15:07" in page


def test_the_day_counts_what_runs_comes_runs_over_and_who_did_not_come(scene: Scene) -> None:
    running(scene)
    scene.sign_in("security")
    figures = re.findall(r"<dd>(\d+)</dd>", scene.browser.get("/panel/meetings").text)
    assert figures == ["1", "0", "0", "0"]
    scene.site.minutes_pass(63)
    page = scene.browser.get("/panel/meetings/now").text
    assert re.findall(r"<dd>(\d+)</dd>", page) == ["1", "0", "1", "1"]
    assert "Tom Becker: Did not come" in page


def test_a_day_without_meetings_says_so(scene: Scene) -> None:
    scene.sign_in("security")
    assert "No meetings on this day." in scene.browser.get("/panel/meetings").text
    assert scene.browser.get("/panel/meetings?day=2026-13-40").status_code == 200


def test_hosts_see_their_own_meetings_and_not_the_panels_list(scene: Scene) -> None:
    scene.sign_in("host")
    assert scene.browser.get("/panel/meetings").status_code == 403
    assert scene.browser.get("/host/visits/nothing/meeting").status_code == 404


def test_a_correction_stands_beside_the_record_with_who_and_when(scene: Scene) -> None:
    visit, guests = running(scene)
    scene.site.minutes_pass(80)
    scene.sign_in("host")
    path = f"/host/visits/{visit.id}/meeting"
    sent = scene.post(
        path,
        path,
        **{f"part-{guests[1].id}": "came"},
        started_at="2026-04-01T14:16",
        reason="He came in with me.",
    )
    assert sent.status_code == 303
    page = scene.browser.get(path).text
    assert "Did not come" in page
    assert "Was there:</span> Tom Becker" in page
    assert "He came in with me." in page
    assert "Sato Misaki" in page


def test_a_correction_without_a_reason_is_refused_and_keeps_what_was_chosen(scene: Scene) -> None:
    visit, guests = running(scene)
    scene.sign_in("host")
    path = f"/host/visits/{visit.id}/meeting"
    field = f"part-{guests[1].id}"
    sent = scene.post(path, path, **{field: "came"}, ended_at="soon")
    assert sent.status_code == 422
    sent = scene.post(path, path, **{field: "came"})
    assert sent.status_code == 422
    assert '<option value="came" selected>' in sent.text
    assert "reason-error" in sent.text


def test_the_visitor_reads_who_is_there(scene: Scene) -> None:
    visit, (anna, _) = scene.site.invite(("Anna Keller", ""), ("Tom Becker", ""))
    link = scene.site.link(anna)
    scene.post(f"{link}/open", link)
    assert "The meeting room" not in scene.browser.get(f"{link}/parts").text
    scene.site.enters(anna)
    assert (
        "You are in Sakura. Sato Misaki is on the way." in scene.browser.get(f"{link}/parts").text
    )
    scene.site.enters("host")
    assert "You are in Sakura. Sato Misaki has come in." in scene.browser.get(f"{link}/parts").text
    scene.site.minutes_pass(10)
    scene.site.leaves(anna)
    assert "The meeting room" not in scene.browser.get(f"{link}/parts").text
    assert visit.id


@pytest.mark.parametrize("name", ["=1+1", "\uff1dSUM(A1)", "@cmd", "+81", "-2"])
def test_a_hostile_name_runs_nothing_in_the_table(scene: Scene, name: str) -> None:
    visit, _ = running(scene, name)
    scene.sign_in("host")
    answer = scene.browser.get(f"/host/visits/{visit.id}/meeting.csv")
    assert answer.mimetype == "text/csv"
    head, first, *_ = csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""))
    assert first[head.index("Name")] == f"'{name}"
    assert first[head.index("First came in")] == "2026-04-01T05:15:07Z"


def test_the_paper_says_what_the_page_says(scene: Scene) -> None:
    visit, _ = running(scene, '<script>"Anna"')
    scene.sign_in("security")
    answer = scene.browser.get(f"/panel/meetings/{visit.id}/sheet.pdf")
    assert answer.mimetype == "application/pdf"
    with PdfDocument(answer.data) as paper:
        text = "".join(page.get_textpage().get_text_range() for page in paper)
    for words in ("Acceptance of the new optics", '<script>"Anna"', "Sato Misaki", "14:17:07"):
        assert words in text


def test_the_whole_day_is_one_table(scene: Scene) -> None:
    running(scene)
    scene.sign_in("security")
    answer = scene.browser.get("/panel/meetings.csv?day=2026-04-01")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    assert len(rows) == 1 + 3


def test_the_api_tells_the_same_record(scene: Scene) -> None:
    visit, guests = running(scene)
    scene.sign_in("security")
    told = scene.browser.get(f"/api/v1/meetings/{visit.id}").get_json()
    assert (told["state"], told["late_s"], told["late_hosts"]) == ("running", 120, True)
    assert told["started"] == {
        "at": "2026-04-01T05:17:07Z",
        "certainty": "passed",
        "event": None,
    }
    anna = told["participants"][0]
    assert (anna["visitor"], anna["standing"]) == (guests[0].id, "inside")
    rows = scene.browser.get(f"/api/v1/attendance?visit={visit.id}").get_json()["items"]
    assert [row["entered_at"] for row in rows] == [anna["entered"]["at"]]
