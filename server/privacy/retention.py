"""Retention: what is older than the sites decided goes, counted by kind; a dry run counts and deletes nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field, field_validator
from sqlmodel import col, delete, func, select

from access_protocol.ids import SiteCode
from server.arrivals import actions as arrivals
from server.conversations import actions as conversations
from server.credentials import actions as credentials
from server.kernel import outbox
from server.kernel.audit import AuditLine
from server.kernel.errors import NotFound
from server.kernel.events import Event
from server.kernel.ids import RetentionRunId
from server.kernel.principal import Right, require
from server.kernel.wiping import KIND as WIPE
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.places.models import Site, all_sites
from server.privacy import models
from server.privacy.forgetting import forget
from server.privacy.models import RetentionPolicy, RetentionRun
from server.privacy.rules import (
    LONGEST_DAYS,
    MOST_DAYS,
    OF_A_SITE,
    USUAL_DAYS,
    Kept,
    before,
    days_of,
)
from server.visits import actions as visits
from server.visits.actions import Input

MOST_VISITORS = 1_000
"""So many visitors are forgotten in one run; the rest waits for the next one."""
Days = Annotated[int, Field(ge=1, le=LONGEST_DAYS)]
Progress = Callable[["RetentionLine"], None]


class RetentionInput(Input):
    """After how many days each kind of data goes."""

    days: dict[Kept, Days]

    @field_validator("days")
    @classmethod
    def _not_too_many(cls, days: dict[Kept, int]) -> dict[Kept, int]:
        for kind, most in MOST_DAYS.items():
            if days.get(kind, 0) > most:
                raise ValueError(f"{kind.value} may be kept for {most} days at most")
        return days


@dataclass(frozen=True, kw_only=True)
class RetentionChanged(Event):
    """A site decided anew how long it keeps what."""

    site: SiteCode


@dataclass(frozen=True, kw_only=True)
class RetentionLine:
    """How much of one kind goes, at a site or (None) at all of them."""

    kind: Kept
    site: SiteCode | None
    days: int
    count: int


def policy(work: Work, site: SiteCode) -> dict[Kept, int]:
    """Return after how many days each kind goes at a site."""
    if work.session.get(Site, site) is None:
        raise NotFound("There is no such site.")
    decided = models.policy_of(work.session, site)
    return {kind: days_of(decided.days if decided else None, kind) for kind in Kept}


def change_policy(work: Work, site: SiteCode, wanted: RetentionInput) -> dict[Kept, int]:
    """Decide how long a site keeps what; what is left out stays as it is."""
    require(work.principal, Right.PLACES_MANAGE, site)
    present = policy(work, site)
    found = models.policy_of(work.session, site) or RetentionPolicy(site=site, changed_at=work.now)
    found.days = {kind.value: wanted.days.get(kind, days) for kind, days in present.items()}
    found.changed_at = work.now
    work.session.add(found)
    work.session.flush()
    work.record(RetentionChanged(site=site))
    return policy(work, site)


def preview(work: Work, progress: Progress | None = None) -> list[RetentionLine]:
    """Return what a run would delete now, and delete nothing."""
    require(work.principal, Right.PLACES_MANAGE)
    return _each(work, progress, dry=True)


def run(work: Work, by: str, progress: Progress | None = None) -> RetentionRun:
    """Delete what is older than decided, note how much it was, and have the file wiped after the commit."""
    require(work.principal, Right.PLACES_MANAGE)
    lines = _each(work, progress, dry=False)
    credentials.forget_expired(work)
    made = RetentionRun(
        id=RetentionRunId(work.ids.new()),
        began_at=work.now,
        ended_at=work.now,
        by=by[:64],
        counts={
            kind.value: sum(each.count for each in lines if each.kind is kind) for kind in Kept
        },
    )
    work.session.add(made)
    work.session.flush()
    outbox.post(work, WIPE, "database", {"whole": any(each.count for each in lines)})
    return made


def steps(work: Work) -> int:
    """Return how many lines a run has, for who shows how far it is."""
    return len(list(_wanted(work)))


def days_everywhere(work: Work, kind: Kept) -> int:
    """Return the shortest time that any site decided, for what belongs to no site."""
    sites = all_sites(work.session)
    return min([policy(work, each.code)[kind] for each in sites] or [USUAL_DAYS[kind]])


def _each(work: Work, progress: Progress | None, *, dry: bool) -> list[RetentionLine]:
    lines: list[RetentionLine] = []
    for kind, site, days in _wanted(work):
        count = _of_kind(work, kind, site, before(work.now, days), dry=dry)
        line = RetentionLine(kind=kind, site=site, days=days, count=count)
        lines.append(line)
        if progress is not None:
            progress(line)
    return lines


def _wanted(work: Work) -> Iterable[tuple[Kept, SiteCode | None, int]]:
    sites = all_sites(work.session)
    for kind in Kept:
        if kind in OF_A_SITE:
            for site in sites:
                yield kind, site.code, policy(work, site.code)[kind]
        else:
            yield kind, None, days_everywhere(work, kind)


def _of_kind(work: Work, kind: Kept, site: SiteCode | None, old: datetime, *, dry: bool) -> int:
    if site is not None:
        return _of_site(work, kind, site, old, dry=dry)
    match kind:
        case Kept.NOTICES:
            return notifications.prune_notices(work, old, dry=dry)
        case Kept.MAILS:
            return notifications.prune_mails(work, old, dry=dry)
        case Kept.RETURNING:
            return visits.forget_unused_profiles(work, old, dry=dry)
        case _:
            return _audit(work, old, dry=dry)


def _of_site(work: Work, kind: Kept, site: SiteCode, old: datetime, *, dry: bool) -> int:
    match kind:
        case Kept.VISITS:
            found = visits.over_since(work, site, old, MOST_VISITORS)
            for visitor in () if dry else found:
                forget(work, visitor)
            return len(found)
        case Kept.CONVERSATIONS:
            return conversations.forget_before(work, site, old, dry_run=dry)
        case Kept.COMMENTS:
            return conversations.prune_comments(work, site, old, dry=dry)
        case _:
            links = visits.prune_traces(work, site, old, dry=dry)
            return links + arrivals.prune_approvals(work, site, old, dry=dry)


def _audit(work: Work, old: datetime, *, dry: bool) -> int:
    if dry:
        lines = select(func.count()).select_from(AuditLine).where(col(AuditLine.at) < old)
        return work.session.exec(lines).one()
    return work.session.exec(delete(AuditLine).where(col(AuditLine.at) < old)).rowcount
