"""The section about a series: the dates to come that this phone keeps, each with its own page."""

from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting
from server.visits import actions, models
from server.visits.models import VisitState
from server.web import phone
from server.web.formats import local, span
from server.web.languages import gettext


def section(now: Visiting) -> Shown | None:
    """Return the other dates to come of the same guest's series, where there are any."""
    if now.visit.series is None:
        return None
    # What this phone keeps and nothing else: a link that was replaced since, or that another keeps, is not shown.
    kept = models.by_phone(now.work.session, phone.secret())
    coming = [
        (visit, visitor)
        for visit, visitor in kept
        if visit.series == now.visit.series
        and visit.id != now.visit.id
        and visitor.email.lower() == now.visitor.email.lower()
        and visit.ends_at > now.work.now
        and visit.state in {VisitState.PENDING, VisitState.CONFIRMED}
    ]
    if not coming:
        return None
    return Shown(
        {
            "dates": [
                {
                    "when": f"{local(visit.starts_at, 'day')}, {span(visit.starts_at, visit.ends_at)}",
                    "url": actions.link_of(now.work, visitor),
                    "note": gettext("You have declined") if visitor.declined_at else "",
                }
                for visit, visitor in coming
            ]
        }
    )
