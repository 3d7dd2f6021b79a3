"""One visitor's data over all subjects: seen as a whole, and forgotten as a whole."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, cast

from access_protocol.ids import CredentialId
from server.access import actions as access
from server.access import models as passages
from server.arrivals import actions as arrivals
from server.conversations import actions as conversations
from server.credentials import actions as credentials
from server.kernel import outbox
from server.kernel.errors import Conflict, NotFound
from server.kernel.ids import VisitorId
from server.kernel.wiping import KIND as WIPE
from server.kernel.work import Work
from server.meetings import actions as meetings
from server.notifications import actions as notifications
from server.refreshments import actions as refreshments
from server.visits import actions as visits
from server.visits import models
from server.visits.actions import VisitorForgotten
from server.visits.models import Visit, Visitor


@dataclass(frozen=True)
class Told:
    """All that is kept of one visitor: by subject, in values that JSON knows."""

    visitor: VisitorId
    at: datetime
    subjects: dict[str, Any]


def about(work: Work, visitor_id: VisitorId) -> Told:
    """Return all that any subject keeps of a visitor; the caller has made sure that they may see it."""
    _, visitor = _found(work, visitor_id)
    # Of an address that they typed at a poster only what went to them as this visitor is theirs to see.
    email = "" if visitor.address_unproven else visitor.email
    credential = CredentialId(visitor.credential)
    subjects = {
        "visit": visits.about_visitor(work, visitor.id),
        "arrival": arrivals.about_visitor(work, visitor.id),
        "passes": credentials.about_visitor(work, visitor.id),
        "doors": access.about_credential(work, credential),
        "conversation": conversations.about_visitor(work, visitor.id),
        "refreshments": refreshments.about_visitor(work, visitor.id),
        "meetings": meetings.about_visitor(work, visitor.id),
        "survey": conversations.about_survey(work, visitor.id),
        "messages": notifications.about_visitor(work, visitor.id, email),
    }
    return Told(visitor.id, work.now, _plain(subjects))


def may_be_forgotten(work: Work, visitor: Visitor) -> bool:
    """Tell whether a visitor's data can go now: not while they are in the building."""
    return not access.is_inside(work, CredentialId(visitor.credential))


def ask_to_be_forgotten(work: Work, visitor_id: VisitorId) -> None:
    """Forget a visitor who asked for it; who has not come yet declines with it. Refused while they are inside."""
    visit, visitor = _found(work, visitor_id)
    if not may_be_forgotten(work, visitor):
        raise Conflict(
            "You are still in the building. Your data can be deleted once you have left it."
        )
    if work.now < visit.ends_at and visitor.is_expected and not _came(work, visitor):
        visits.leave_list(work, visit, visitor)
    forget(work, visitor_id, profile=True)


def forget(work: Work, visitor_id: VisitorId, *, profile: bool = False) -> None:
    """Let every subject delete what it knows of a visitor; `profile`: also what they allowed us to keep.

    For visitors themselves and for retention; once is enough, twice changes nothing.
    """
    visit, visitor = _found(work, visitor_id)
    if visitor.forgotten_at is not None:
        return
    if profile:
        visits.forget_profile(work, visitor)
    work.record(VisitorForgotten(visitor=visitor.id, visit=visit.id, site=visit.site))


def _came(work: Work, visitor: Visitor) -> bool:
    credential = CredentialId(visitor.credential)
    left = visits.check_outs(work.session, [visitor.id])
    return bool(left or passages.passages_of(work.session, [credential]))


def forget_everywhere(work: Work, forgotten: VisitorForgotten) -> None:
    """Let each subject delete what it knows; visits come last, for by them the others know whom it is about."""
    visitor = work.session.get_one(Visitor, forgotten.visitor)
    email = "" if visitor.address_unproven else visitor.email
    last = not visits.still_named(work, visitor.email, visitor.id)
    references = visits.mail_references(work, visitor)
    credential = CredentialId(visitor.credential)
    credentials.withdraw(work, visitor.id)
    conversations.forget_visitor(work, visitor.id)
    conversations.forget_survey(work, visitor.id)
    refreshments.forget_visitor(work, visitor.id)
    meetings.forget_visitor(work, visitor.id)
    arrivals.forget_visitor(work, visitor.id)
    access.forget_visitor(work, visitor.id, credential)
    notifications.forget_visitor(work, visitor.id, email, references, last=last)
    visits.forget_visitor(work, visitor.id)
    credentials.forget_visitor(work, visitor.id)
    outbox.post(work, WIPE, "database", {"whole": False})


def _found(work: Work, visitor_id: VisitorId) -> tuple[Visit, Visitor]:
    found = models.with_visitor(work.session, visitor_id)
    if found is None:
        raise NotFound("There is no such visitor.")
    return found


def _plain(value: object) -> Any:  # noqa: ANN401  JSON is any of its types
    match value:
        case datetime():
            return value.isoformat()
        case Enum():
            return value.value
        case dict():
            known = cast("dict[str, object]", value)
            return {str(key): _plain(each) for key, each in known.items()}
        case list() | tuple():
            return [_plain(each) for each in cast("list[object]", value)]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
