"""The meetings of a day at a glance, by room, and each with its sheet; live by the doors' reports."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from flask import render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.ids import VisitId
from server.kernel.pagination import MOST, PageQuery
from server.kernel.principal import Right, require
from server.kernel.request import reading
from server.kernel.work import Work
from server.meetings import actions as meetings
from server.meetings.actions import MeetingRecord, State
from server.pages import meeting_papers, meeting_views
from server.pages.meetings import Sheet, sheets
from server.pages.panel import blueprint
from server.visits import models as visits
from server.visits.models import Visit, VisitFilter, VisitState
from server.web.formats import from_local, local_date
from server.web.languages import gettext

_TEMPLATE = "panel/meeting.html"


class Figure(NamedTuple):
    """How many meetings of the day stand so."""

    word: str
    number: int


class InRoom(NamedTuple):
    """The meetings of one room, in the order in which they begin."""

    room: str
    sheets: Sequence[Sheet]


class Day(NamedTuple):
    """What the page shows."""

    at: datetime
    text: str
    """The date as YYYY-MM-DD."""
    before: str
    after: str
    is_today: bool
    figures: Sequence[Figure]
    rooms: Sequence[InRoom]


@blueprint.get("/meetings")
def meetings_today() -> str:
    """Show the meetings of today, or of the day that is asked for."""
    with reading() as work:
        return render_template("panel/meetings.html", day=_day(work))


@blueprint.get("/meetings/now")
def meetings_now() -> str:
    """Return the meetings alone, for a page that is open."""
    with reading() as work:
        return render_template("panel/meetings_now.html", day=_day(work))


@blueprint.get("/meetings.csv")
def meetings_csv() -> AnyResponse:
    """Return everybody in the meetings of a day as a table."""
    with reading() as work:
        day = _day(work)
        every = [each for room in day.rooms for each in room.sheets]
        return meeting_papers.table(every, f"genkan-meetings-{day.text}")


@blueprint.get("/meetings/<visit_id>")
def meeting(visit_id: str) -> AnyResponse:
    """Show one meeting."""
    return meeting_views.page(_TEMPLATE, VisitId(visit_id))


@blueprint.get("/meetings/<visit_id>/now")
def meeting_now(visit_id: str) -> str:
    """Return the record alone, for a page that is open."""
    return meeting_views.alone(VisitId(visit_id))


@blueprint.post("/meetings/<visit_id>")
def correct_meeting(visit_id: str) -> AnyResponse:
    """Set right what the door could not see."""
    back = url_for("panel.meeting", visit_id=visit_id)
    return meeting_views.corrected(_TEMPLATE, VisitId(visit_id), back)


@blueprint.get("/meetings/<visit_id>/sheet.pdf")
def meeting_pdf(visit_id: str) -> AnyResponse:
    """Return the sheet on paper."""
    return meeting_views.on_paper(VisitId(visit_id))


@blueprint.get("/meetings/<visit_id>/sheet.csv")
def meeting_csv(visit_id: str) -> AnyResponse:
    """Return the sheet as a table."""
    return meeting_views.as_table(VisitId(visit_id))


def _day(work: Work) -> Day:
    require(work.principal, Right.MEETINGS_READ)
    today = local_date(work.now)
    asked = _asked() or today
    midnight = from_local(f"{asked}T{time.min:%H:%M}")
    wanted = VisitFilter(
        ends_after=midnight,
        starts_before=midnight + timedelta(days=1),
        state=VisitState.CONFIRMED,
        search="",
    )
    found = visits.visits(work.session, PageQuery(limit=MOST, cursor=None), wanted).items
    records = meetings.records_of(work, found)
    noon = midnight + timedelta(hours=12)
    return Day(
        at=midnight,
        text=asked,
        before=local_date(noon - timedelta(days=1)),
        after=local_date(noon + timedelta(days=1)),
        is_today=asked == today,
        figures=_figures(list(records.values())),
        rooms=_by_room(work, [(visit, records[visit.id]) for visit in found]),
    )


def _asked() -> str:
    """Return the day that the address names, where it is one."""
    try:
        asked = datetime.strptime(request.args.get("day", ""), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return ""
    return f"{asked:%Y-%m-%d}" if 1970 < asked.year < 9000 else ""  # noqa: PLR2004  what any clock can show


def _figures(records: Sequence[MeetingRecord]) -> list[Figure]:
    states = [each.state for each in records]
    return [
        Figure(
            gettext("Running"),
            states.count(State.RUNNING) + states.count(State.OVER_RUNNING),
        ),
        Figure(
            gettext("To come"),
            states.count(State.TO_COME) + states.count(State.WAITING),
        ),
        Figure(gettext("Running over"), states.count(State.OVER_RUNNING)),
        Figure(gettext("Did not come"), sum(len(each.no_shows) for each in records)),
    ]


def _by_room(work: Work, found: Sequence[tuple[Visit, MeetingRecord]]) -> list[InRoom]:
    rooms: dict[str, list[Sheet]] = {}
    for each in sheets(work, found):
        rooms.setdefault(each.room, []).append(each)
    return [InRoom(room, rooms[room]) for room in sorted(rooms)]
