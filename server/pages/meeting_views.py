"""What the host's page and the panel do alike with one meeting: show it, set it right, keep it."""

from flask import Response, flash, redirect, render_template
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.errors import Invalid
from server.kernel.ids import VisitId
from server.kernel.request import reading
from server.meetings import actions as meetings
from server.pages import meeting_forms, meeting_papers
from server.pages.meetings import sheet
from server.web.forms import Form
from server.web.languages import gettext


def page(template: str, visit: VisitId, form: Form | None = None, status: int = 200) -> Response:
    """Return the page of a meeting with the form that sets it right."""
    with reading() as work:
        of, record = meetings.record_of(work, visit)
        found = sheet(work, of, record)
        text = render_template(
            template,
            sheet=found,
            form=form or Form(),
            correcting=meeting_forms.correcting(work, of, found),
        )
    return Response(text, status, mimetype="text/html")


def alone(visit: VisitId) -> str:
    """Return the record alone, for a page that is open."""
    with reading() as work:
        found = sheet(work, *meetings.record_of(work, visit))
        return render_template("meeting_sheet.html", sheet=found)


def corrected(template: str, visit: VisitId, back: str) -> AnyResponse:
    """Take what was typed: lead back to the page at `back`, or show it again with what is wrong."""
    form = meeting_forms.take(visit)
    if form is not None:
        return page(template, visit, form, Invalid.status)
    flash(gettext("It stands beside the record now."), "good")
    return redirect(back, 303)


def on_paper(visit: VisitId) -> AnyResponse:
    """Return the sheet as PDF."""
    with reading() as work:
        found = sheet(work, *meetings.record_of(work, visit))
        return meeting_papers.pdf(found, work.now)


def as_table(visit: VisitId) -> AnyResponse:
    """Return the sheet as CSV."""
    with reading() as work:
        return meeting_papers.table([sheet(work, *meetings.record_of(work, visit))])
