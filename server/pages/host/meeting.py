"""The meeting of a visit as its host sees it: live by the door's reports, to set right, and to keep."""

from flask import url_for
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.ids import VisitId
from server.pages import meeting_views
from server.pages.host import blueprint

_TEMPLATE = "host/meeting.html"


@blueprint.get("/visits/<visit_id>/meeting")
def meeting(visit_id: str) -> AnyResponse:
    """Show the meeting."""
    return meeting_views.page(_TEMPLATE, VisitId(visit_id))


@blueprint.get("/visits/<visit_id>/meeting/now")
def meeting_now(visit_id: str) -> str:
    """Return the record alone, for a page that is open."""
    return meeting_views.alone(VisitId(visit_id))


@blueprint.post("/visits/<visit_id>/meeting")
def correct_meeting(visit_id: str) -> AnyResponse:
    """Set right what the door could not see."""
    back = url_for("host.meeting", visit_id=visit_id)
    return meeting_views.corrected(_TEMPLATE, VisitId(visit_id), back)


@blueprint.get("/visits/<visit_id>/meeting.pdf")
def meeting_pdf(visit_id: str) -> AnyResponse:
    """Return the sheet on paper."""
    return meeting_views.on_paper(VisitId(visit_id))


@blueprint.get("/visits/<visit_id>/meeting.csv")
def meeting_csv(visit_id: str) -> AnyResponse:
    """Return the sheet as a table."""
    return meeting_views.as_table(VisitId(visit_id))
