"""The section with what the host has just answered: "coming down", "five minutes", or words of their own."""

from server.arrivals import actions as arrivals
from server.arrivals.actions import AnswerKind
from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting
from server.web.languages import gettext


def section(now: Visiting) -> Shown | None:
    """Return the latest answer while it is fresh and the visit stands."""
    if not now.counts:
        return None
    said = arrivals.latest_for(now.work, now.visit.id, now.visitor.id)
    if said is None:
        return None
    return Shown(
        {
            "key": said.id,
            "who": now.names.person(said.person) or now.names.person(now.visit.host),
            "words": said.text if said.kind is AnswerKind.TEXT else words(said.kind),
            "at": said.at,
        }
    )


def words(kind: AnswerKind) -> str:
    """Return a ready answer as the visitor reads it."""
    match kind:
        case AnswerKind.COMING_DOWN:
            return gettext("I am coming down to meet you.")
        case AnswerKind.FIVE_MINUTES:
            return gettext("I will be with you in about five minutes.")
        case AnswerKind.PLEASE_WAIT:
            return gettext("Please wait in the hall. I will come to you.")
        case AnswerKind.TEXT:
            return ""
