"""Telling the host of a visit, and the host's deputy when nobody reacts."""

from collections.abc import Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from access_protocol.wording import Language
from server.kernel.ids import NoticeId, PersonId, VisitId, VisitorId
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications import models as told
from server.notifications.actions import (
    TOLD_ONCE,
    WORTHLESS_AFTERWARDS,
    NewNotice,
    NoticeKind,
    NoticeUnanswered,
    Recipient,
)
from server.people import models as people
from server.people.models import Person
from server.places.models import Site, name_in
from server.visits.models import Visit, Visitor

SHORTEST_WORTH = timedelta(hours=1)
"""News of a visit that should be over is worth something at least so long: visits run late."""


def tell_host(
    work: Work,
    visit_id: VisitId,
    visitor_id: VisitorId | None,
    kind: NoticeKind,
    values: Mapping[str, str] | None = None,
    *,
    path: str = "",
    once: str = "",
) -> NoticeId | None:
    """Tell the host of a visit what happened; None where they were told already.

    `values` holds what only the caller knows of `phrases`' details, for example `minutes` and `place`; names and
    the visit's title are filled in. `path` is where a tap leads: the visit on the host's page if left out. `once` names
    what is told a single time, where that is more than the kind in this visit.
    """
    visit = work.session.get(Visit, visit_id)
    host = work.session.get(Person, visit.host) if visit else None
    if visit is None or host is None:
        return None
    reader = host if host.active else people.deputy_of(work.session, host.id)
    if reader is None:
        return None
    news = NewNotice(
        kind=kind,
        path=path or f"/host/visits/{visit.id}",
        visit=visit.id,
        visitor=visitor_id,
        details=_details(work, visit, visitor_id, reader) | dict(values or {}),
        once=once_about(kind, once) if once else _once(work, visit, visitor_id, kind),
        expires_at=max(visit.ends_at, work.now + SHORTEST_WORTH)
        if kind in WORTHLESS_AFTERWARDS
        else None,
    )
    return notifications.tell(work, recipient(reader), news)


def tell_person(
    work: Work,
    person_id: PersonId,
    kind: NoticeKind,
    values: Mapping[str, str],
    path: str,
    once: str,
) -> NoticeId | None:
    """Tell a person of somebody who is not invited; `once` names what is told a single time."""
    person = work.session.get(Person, person_id)
    if person is None or not person.active:
        return None
    news = NewNotice(
        kind=kind,
        path=path,
        details=values,
        once=once_about(kind, once),
        expires_at=work.now + SHORTEST_WORTH,
    )
    return notifications.tell(work, recipient(person), news)


def tell_deputy(work: Work, unanswered: NoticeUnanswered) -> None:
    """Tell the deputy of a person what that person did not react to, where there is one."""
    notice = work.session.get_one(told.Notice, unanswered.notice)
    deputy = people.deputy_of(work.session, unanswered.person)
    if deputy is None:
        return
    news = NewNotice(
        kind=notice.kind,
        path=notice.path,
        visit=notice.visit,
        visitor=notice.visitor,
        details={**notice.details, "host": notice.name},
        once=f"deputy:{notice.id}",
        expires_at=notice.expires_at,
    )
    notifications.tell(work, recipient(deputy), news, for_notice=notice.id)


def _details(
    work: Work, visit: Visit, visitor_id: VisitorId | None, reader: Person
) -> dict[str, str]:
    visitor = work.session.get(Visitor, visitor_id) if visitor_id else None
    site = work.session.get_one(Site, visit.site)
    known = {"title": visit.title, "site": name_in(site, Language(reader.language))}
    if visitor is not None:
        known |= {"name": visitor.name, "company": visitor.company}
    return known


def once_about(kind: NoticeKind, about: str) -> str:
    """Return the key under which something is told a single time of somebody who is not invited."""
    return f"{kind}:{about}"


def _once(work: Work, visit: Visit, visitor_id: VisitorId | None, kind: NoticeKind) -> str:
    """Return the key under which it is told a single time: once a day of the site, for a visit may last several."""
    if kind not in TOLD_ONCE:
        return ""
    zone = ZoneInfo(work.session.get_one(Site, visit.site).time_zone)
    return f"{kind}:{visitor_id or visit.id}:{work.now.astimezone(zone).date()}:{visit.host}"


def recipient(person: Person) -> Recipient:
    """Return a person as somebody who is told something."""
    return Recipient(
        person=person.id,
        name=person.name,
        email=person.email,
        language=Language(person.language),
    )
