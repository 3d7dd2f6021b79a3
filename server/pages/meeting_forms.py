"""The form by which a host sets the record of a meeting right: read, checked, and handed to the action."""

from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from server.kernel.errors import GenkanError
from server.kernel.ids import VisitId
from server.kernel.principal import Right
from server.kernel.request import begin
from server.kernel.work import Work
from server.meetings import actions as meetings
from server.pages.meetings import Sheet
from server.visits import actions as visits
from server.visits import models
from server.visits.models import Visit
from server.web.formats import from_local
from server.web.forms import Form
from server.web.languages import gettext

_KNOWN = ("came", "started_at", "ended_at", "reason")


class Correcting(NamedTuple):
    """What the form shows; `may` is False for who only looks on, and before there is anything to set right."""

    may: bool
    guests: list[tuple[str, str]]


def correcting(work: Work, visit: Visit, sheet: Sheet) -> Correcting:
    """Return what the form needs."""
    allowed = visits.receives(work, visit) or work.principal.may(Right.VISITS_MANAGE, visit.site)
    begun = work.now >= visit.starts_at or bool(sheet.started.words)
    guests = models.visitors_of(work.session, visit.id)
    return Correcting(allowed and begun, [(guest.id, guest.name) for guest in guests])


def take(visit_id: VisitId) -> Form | None:
    """Set right what the browser sent; return the form where something in it is wrong, with what was typed."""
    form = Form.sent()
    started, ended = _moment(form, "started_at"), _moment(form, "ended_at")
    parts = {
        name.removeprefix("part-"): value
        for name, value in form.values.items()
        if name.startswith("part-")
    }
    if form.has_errors:
        return form
    try:
        new = meetings.NewCorrection.model_validate(
            {
                "came": [guest for guest, part in parts.items() if part == "came"],
                "stayed_away": [guest for guest, part in parts.items() if part == "stayed_away"],
                "started_at": started,
                "ended_at": ended,
                "reason": form.value("reason"),
            }
        )
        with begin() as work:
            meetings.correct(work, visit_id, new)
    except ValidationError as error:
        form.take_validation(error, _KNOWN)
    except GenkanError as error:
        form.take(error, _KNOWN)
    return form if form.has_errors else None


def _moment(form: Form, field: str) -> datetime | None:
    text = form.value(field)
    if not text:
        return None
    try:
        return from_local(text)
    except ValueError:
        form.refuse(field, gettext("Please write date and time."))
        return None
