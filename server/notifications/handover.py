"""A person leaves: what they were told and nobody reacted to is told to their successor."""

from server.kernel.ids import PersonId
from server.kernel.work import Work
from server.notifications import models
from server.notifications.telling import NewNotice, Recipient, tell


def hand_over(work: Work, person: PersonId, to: Recipient) -> None:
    """Tell a successor what a person did not react to, where it is worth something still. For reactions."""
    for notice in models.open_of(work.session, person, work.now):
        notice.reacted_at = work.now
        work.session.add(notice)
        work.session.flush()
        news = NewNotice(
            kind=notice.kind,
            path=notice.path,
            visit=notice.visit,
            visitor=notice.visitor,
            details=notice.details,
            once=f"handover:{notice.id}",
            expires_at=notice.expires_at,
        )
        tell(work, to, news)
