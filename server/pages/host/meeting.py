"""The meeting of a visit as its host sees it: live by the door's reports, to set right, and to keep."""

from flask import Response, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.errors import Invalid
from server.kernel.ids import VisitId
from server.kernel.request import reading
from server.kernel.work import Work
from server.meetings import actions as meetings
from server.pages import meeting_forms, meeting_papers
from server.pages.host import blueprint
from server.pages.meetings import sheet
from server.web.forms import Form
from server.web.languages import gettext


@blueprint.get("/visits/<visit_id>/meeting")
def meeting(visit_id: str) -> AnyResponse:
    """Show the meeting."""
    with reading() as work:
        return _page(work, VisitId(visit_id), Form())


@blueprint.get("/visits/<visit_id>/meeting/now")
def meeting_now(visit_id: str) -> str:
    """Return the record alone, for a page that is open."""
    with reading() as work:
        found = sheet(work, *meetings.record_of(work, VisitId(visit_id)))
        return render_template("meeting_sheet.html", sheet=found)


@blueprint.post("/visits/<visit_id>/meeting")
def correct_meeting(visit_id: str) -> AnyResponse:
    """Set right what the door could not see."""
    form = meeting_forms.take(VisitId(visit_id))
    if form is None:
        flash(gettext("It stands beside the record now."), "good")
        return redirect(url_for("host.meeting", visit_id=visit_id), 303)
    with reading() as work:
        return _page(work, VisitId(visit_id), form, Invalid.status)


@blueprint.get("/visits/<visit_id>/meeting.pdf")
def meeting_pdf(visit_id: str) -> AnyResponse:
    """Return the sheet on paper."""
    with reading() as work:
        return meeting_papers.pdf(
            sheet(work, *meetings.record_of(work, VisitId(visit_id))), work.now
        )


@blueprint.get("/visits/<visit_id>/meeting.csv")
def meeting_csv(visit_id: str) -> AnyResponse:
    """Return the sheet as a table."""
    with reading() as work:
        return meeting_papers.table([sheet(work, *meetings.record_of(work, VisitId(visit_id)))])


def _page(work: Work, visit_id: VisitId, form: Form, status: int = 200) -> Response:
    visit, record = meetings.record_of(work, visit_id)
    found = sheet(work, visit, record)
    text = render_template(
        "host/meeting.html",
        sheet=found,
        form=form,
        correcting=meeting_forms.correcting(work, visit, found),
    )
    return Response(text, status, mimetype="text/html")
