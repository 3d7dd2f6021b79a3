"""Telling a host: each notice goes to the channels of one person, once, and waits for somebody to react."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from access_protocol.wording import Language
from server.kernel import live
from server.kernel.errors import NotFound
from server.kernel.events import Event
from server.kernel.ids import NoticeId, PersonId, VisitId, VisitorId
from server.kernel.pagination import Page, PageQuery
from server.kernel.principal import Kind
from server.kernel.upsert import insert_once
from server.kernel.work import Work
from server.notifications import deliveries, models
from server.notifications.kinds import ON_THE_WAY, WANTS_REACTION, NoticeKind
from server.notifications.models import Notice

KEPT = timedelta(days=30)
"""Notices are forgotten after this time: they hold the names of visitors."""
_SAME_DAY = timedelta(hours=12)
_FURTHER = {NoticeKind.APPROACHING: 0, NoticeKind.NEAR: 1, NoticeKind.ARRIVED: 2}


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Whom to tell."""

    person: PersonId
    name: str
    email: str
    language: Language


@dataclass(frozen=True, kw_only=True)
class NewNotice:
    """What to tell them."""

    kind: NoticeKind
    path: str
    """Where a tap leads: a path on this server."""
    visit: VisitId | None = None
    visitor: VisitorId | None = None
    details: Mapping[str, str] = field(default_factory=dict[str, str])
    """What fills the wording; see `phrases`."""
    once: str = ""
    """The same is told a single time; empty: as often as asked."""
    expires_at: datetime | None = None
    """When it is worth nothing any more and is not sent."""


@dataclass(frozen=True, kw_only=True)
class NoticeUnanswered(Event):
    """Nobody reacted to a notice in the time that the person has set: their deputy is to be told."""

    notice: NoticeId
    person: PersonId


def tell(
    work: Work, to: Recipient, news: NewNotice, *, for_notice: NoticeId | None = None
) -> NoticeId | None:
    """Tell a person on each of their channels; None where they were told already, or know better.

    `for_notice` names the notice that nobody reacted to, where a deputy is told.
    """
    if _knows_better(work, to.person, news):
        return None
    notice = Notice(
        id=NoticeId(work.ids.new()),
        person=to.person,
        kind=news.kind,
        visit=news.visit,
        visitor=news.visitor,
        language=to.language,
        name=to.name,
        email=to.email,
        details=dict(news.details),
        path=news.path,
        once=news.once or None,
        created_at=work.now,
        expires_at=news.expires_at,
        for_notice=for_notice,
    )
    earlier = _superseded(work, notice)
    notice.deputy_at = _deputy_at(work, notice, earlier)
    if not insert_once(work.session, Notice, **notice.model_dump()):
        return None
    deliveries.withdraw(work, [each.id for each in earlier])
    for each in earlier:
        each.deputy_at = each.deputy_at if each.deputy_told_at else None
    deliveries.hand_over(work, work.session.get_one(Notice, notice.id))
    _show(work, to.person)
    return notice.id


def reacted(work: Work, notice_id: NoticeId) -> None:
    """Note that somebody opened or answered a notice: whatever else tells of this visitor is settled with it."""
    notice = find_notice(work, notice_id)
    if notice.visitor is not None:
        reacted_about(work, notice.visitor)
        return
    _settle(work, [notice])


def reacted_about(work: Work, visitor: VisitorId) -> None:
    """Note that somebody reacted to what was told about a visitor, be it the host or the deputy."""
    _settle(work, models.open_about(work.session, visitor))


def reacted_at(work: Work, path: str) -> None:
    """Note that somebody did what these notices led to, whoever was told of it."""
    _settle(work, models.open_at(work.session, path))


def reacted_once(work: Work, once: str) -> None:
    """Note that somebody did what was told a single time under this key, whoever was told of it."""
    _settle(work, models.open_once(work.session, once))


def notices_of(work: Work, person: PersonId, query: PageQuery | None = None) -> Page[Notice]:
    """Return what a person was told, newest first; one's own only."""
    _require_own(work, person)
    return models.notices(work.session, query or PageQuery(), person)


def find_notice(work: Work, notice_id: NoticeId) -> Notice:
    """Return one of the caller's own notices."""
    notice = work.session.get(Notice, notice_id)
    if notice is None or not _own(work, notice.person):
        raise NotFound("There is no such notice.")
    return notice


def escalate(work: Work) -> None:
    """Record `NoticeUnanswered` for each notice whose time to be reacted to is over; a timer calls it."""
    for notice in models.unanswered(work.session, work.now):
        notice.deputy_told_at = work.now
        if notice.expires_at is None or work.now < notice.expires_at:
            work.record(NoticeUnanswered(notice=notice.id, person=notice.person))
            _show(work, notice.person)


def forget(work: Work) -> None:
    """Delete old notices; a timer calls it."""
    models.forget_notices(work.session, work.now - KEPT)


def _knows_better(work: Work, person: PersonId, news: NewNotice) -> bool:
    """Tell whether the person was told of the visitor what comes after this: nobody approaches who has arrived."""
    if news.kind not in ON_THE_WAY or news.visitor is None:
        return False
    told = models.told_since(work.session, person, news.visitor, work.now - _SAME_DAY)
    return any(_FURTHER.get(each.kind, -1) > _FURTHER[news.kind] for each in told)


def _superseded(work: Work, notice: Notice) -> list[Notice]:
    if notice.kind not in ON_THE_WAY or notice.visitor is None:
        return []
    before = models.open_notices(work.session, notice.person, notice.visitor)
    return [each for each in before if each.kind in ON_THE_WAY]


def _deputy_at(work: Work, notice: Notice, earlier: list[Notice]) -> datetime | None:
    wanted = models.preferences_of(work.session, notice.person).deputy_after
    if not wanted or notice.kind not in WANTS_REACTION or notice.for_notice is not None:
        return None
    # Silence counts from the first news of this visitor; once the deputy was told, they are told all of it.
    return min(
        [
            work.now + timedelta(minutes=wanted),
            *(each.deputy_at for each in earlier if each.deputy_at is not None),
        ]
    )


def _settle(work: Work, open_ones: list[Notice]) -> None:
    for notice in open_ones:
        notice.reacted_at = work.now
        _show(work, notice.person)
    deliveries.withdraw(work, [notice.id for notice in open_ones])


def _require_own(work: Work, person: PersonId) -> None:
    if not _own(work, person):
        raise NotFound("These notices are not yours.")


def _own(work: Work, person: PersonId) -> bool:
    return work.principal.person == person or work.principal.kind is Kind.SYSTEM


def _show(work: Work, person: PersonId) -> None:
    live.notice(work, "notices", about=person)
