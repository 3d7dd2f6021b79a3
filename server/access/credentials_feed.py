"""What gates are told of credentials: those bound to phones that count soon, and what no longer counts."""

from datetime import timedelta

from sqlalchemy import and_
from sqlmodel import col, select

from access_protocol.credential import CredentialClass
from access_protocol.documents import DocumentKind
from access_protocol.feeds import Revocation
from access_protocol.ids import CredentialId, SiteCode
from server.access import feeds
from server.access.feeds import Change, FeedChange
from server.credentials import models
from server.credentials.models import SLOWEST_CLOCK, Credential, Issue
from server.kernel.work import Work

AHEAD = timedelta(hours=48)
"""Gates hold the bound credentials that begin within this time, so that they open while they are cut off."""
LOOKED_EVERY = timedelta(minutes=5)
MOST_AT_ONCE = 5000


def changed(work: Work, site: SiteCode, credential: CredentialId) -> None:
    """Tell the gates what holds now about one holder's credentials, when this work ends.

    The feeds are locked last by everybody: two works that end two passes each would wait for each other.
    """
    held = work.session.get_one(Credential, credential)
    changes: list[Change] = []
    if held.lowest_valid:
        until = held.last_expires + SLOWEST_CLOCK
        changes.append(feeds.revocation(Revocation(held.id, held.lowest_valid, until)))
    bound = models.bound_issue(work.session, credential)
    if bound is not None and bound.not_before <= work.now + AHEAD:
        changes.append(_bound(bound))
    if changes:
        # Each by itself and in order: what was said first may be forgotten with its holder before the end.
        work.at_the_end(object(), lambda later: feeds.publish(later, site, changes))


def of_the_day(work: Work) -> None:
    """Give the gates the bound credentials that began to lie in the next two days."""
    known = and_(
        col(FeedChange.site) == col(Credential.site),
        col(FeedChange.kind) == DocumentKind.CREDENTIALS,
        col(FeedChange.key) == col(Issue.credential),
        col(FeedChange.body) == col(Issue.message),
    )
    missing = (
        select(Issue, Credential.site)
        .join(Credential, col(Credential.id) == col(Issue.credential))
        .outerjoin(FeedChange, known)
        .where(
            Issue.credential_class == CredentialClass.BOUND,
            Issue.expires > work.now,
            Issue.not_before <= work.now + AHEAD,
            col(Issue.generation) >= col(Credential.lowest_valid),
            col(FeedChange.number).is_(None),
        )
    )
    by_site: dict[SiteCode, list[Change]] = {}
    for issue, site in work.session.exec(missing.limit(MOST_AT_ONCE)).all():
        by_site.setdefault(SiteCode(site), []).append(_bound(issue))
    for site in sorted(by_site):
        feeds.publish(work, site, by_site[site])


def _bound(issue: Issue) -> Change:
    return feeds.credential(issue.credential, issue.message, issue.expires)
