"""Forgetting a visitor: what visits know of one person, and that nothing of it is left but ids."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, delete, func, select

from access_protocol.ids import SiteCode
from server.kernel import live
from server.kernel.ids import VisitorId
from server.kernel.work import Work
from server.notifications.actions import NoticeKind
from server.visits import guests, host_notices, models, returning
from server.visits.leaving_models import CheckOut
from server.visits.link_models import PhoneBinding, PhoneCode, RetiredLink
from server.visits.models import Agreement, Companion, Visit, Visitor, Wish
from server.visits.series_models import SeriesGuest, guest_of

NOBODY = "—"
"""Stands where a name stood: what is left of a visit still counts its visitors."""


def forget_visitor(work: Work, visitor_id: VisitorId) -> None:
    """Delete all that tells who a visitor was. Their row stays without a word: the ledger's ids lead to it."""
    found = models.with_visitor(work.session, visitor_id)
    if found is None:
        return
    visit, visitor = found
    name, email = visitor.name, visitor.email
    for table, column in (
        (RetiredLink, RetiredLink.visitor),
        (PhoneBinding, PhoneBinding.visitor),
        (PhoneCode, PhoneCode.visitor),
        (Agreement, Agreement.visitor),
        (Wish, Wish.visitor),
        (Companion, Companion.brought_by),
        (Companion, Companion.visitor),
    ):
        work.session.exec(delete(table).where(col(column) == visitor.id))
    _forget_series(work, visit, visitor)
    visitor.name, visitor.email, visitor.company = NOBODY, "", ""
    visitor.step_free, visitor.sealed_needs, visitor.sealed_link = False, b"", b""
    visitor.link_hash = models.link_hash(work.ids.secret())
    visitor.link_revoked_at = visitor.link_revoked_at or work.now
    visitor.forgotten_at = work.now
    work.session.flush()
    _forget_in_visit(work, visit, name, email)
    guests.tell_page(work, visit, visitor)


def about_visitor(work: Work, visitor_id: VisitorId) -> dict[str, Any]:
    """Return all that visits keep of one visitor, in values that JSON knows."""
    found = models.with_visitor(work.session, visitor_id)
    if found is None:
        return {}
    visit, visitor = found
    left = work.session.get(CheckOut, visitor.id)
    phone = models.phone_of(work.session, visitor.id)
    return {
        "visitor": {
            "name": visitor.name,
            "email": visitor.email,
            "company": visitor.company,
            "language": str(visitor.language),
            "step_free": visitor.step_free,
            "needs": guests.needs_of(work, visitor),
            "invited_at": visitor.created_at,
            "declined_at": visitor.declined_at,
        },
        "visit": {
            "title": visit.title,
            "note": visit.note,
            "bring": visit.bring,
            "site": visit.site,
            "starts_at": visit.starts_at,
            "ends_at": visit.ends_at,
        },
        "phone": {"browser": phone.user_agent, "since": phone.bound_at} if phone else None,
        "agreements": [
            {
                "document": str(terms.kind),
                "version": terms.version,
                "language": str(agreed.language),
                "agreed_at": agreed.agreed_at,
            }
            for agreed, terms in models.agreements_of(work.session, visitor.id)
        ],
        "wishes": [
            {
                "message": each.message,
                "starts_at": each.starts_at,
                "ends_at": each.ends_at,
                "made_at": each.made_at,
            }
            for each in models.wishes_of(work.session, visit.id)
            if each.visitor == visitor.id
        ],
        "companions": [
            {"name": each.name, "email": each.email, "company": each.company}
            for each in models.companions_of(work.session, visit.id)
            if each.brought_by == visitor.id
        ],
        "left": {"at": left.at, "how": str(left.how)} if left else None,
        "kept_for_next_time": returning.is_kept(work, visitor),
    }


def over_since(work: Work, site: SiteCode, before: datetime, most: int) -> Sequence[VisitorId]:
    """Return visitors of visits that ended before a moment and were not forgotten yet, the oldest first."""
    statement = (
        select(Visitor.id)
        .where(Visitor.visit == Visit.id, Visit.site == site)
        .where(Visit.ends_at < before, col(Visitor.forgotten_at).is_(None))
        .order_by(col(Visit.ends_at), col(Visitor.id))
        .limit(most)
    )
    return [VisitorId(each) for each in work.session.exec(statement).all()]


def prune_traces(work: Work, site: SiteCode, before: datetime, *, dry: bool) -> int:
    """Delete replaced links and phone codes of visits that ended before a moment; return how many."""
    over = (
        select(Visitor.id)
        .where(Visitor.visit == Visit.id, Visit.site == site, Visit.ends_at < before)
        .scalar_subquery()
    )
    count = 0
    for table in (RetiredLink, PhoneCode):
        old = col(table.visitor).in_(over)
        if dry:
            count += work.session.exec(select(func.count()).select_from(table).where(old)).one()
        else:
            count += work.session.exec(delete(table).where(old)).rowcount
    return count


def leave_list(work: Work, visit: Visit, visitor: Visitor) -> None:
    """Take somebody off the list who will not come and wants to be forgotten: the host is told, without a name."""
    visitor.declined_at = visitor.declined_at or work.now
    work.session.flush()
    host_notices.tell_host(work, visit.id, None, NoticeKind.DECLINED)
    live.notice(work, "visits", about=visit.id, site=visit.site)


def _forget_series(work: Work, visit: Visit, visitor: Visitor) -> None:
    """Forget the calendar entry of a series with the last of its dates."""
    if visit.series is None or not visitor.email:
        return
    others = (
        select(func.count())
        .select_from(Visitor)
        .where(
            Visitor.visit == Visit.id,
            Visit.series == visit.series,
            func.lower(col(Visitor.email)) == visitor.email.lower(),
            Visitor.id != visitor.id,
        )
    )
    if not work.session.exec(others).one():
        work.session.exec(
            delete(SeriesGuest).where(
                col(SeriesGuest.series) == visit.series,
                func.lower(col(SeriesGuest.email)) == visitor.email.lower(),
            )
        )


def _forget_in_visit(work: Work, visit: Visit, name: str, email: str) -> None:
    """Forget the host's words about a visit with its last visitor, or at once where they name this one."""
    others = select(Visitor.id).where(
        Visitor.visit == visit.id, col(Visitor.forgotten_at).is_(None)
    )
    last = work.session.exec(others.limit(1)).first() is None
    named = [each.lower() for each in (name, email) if each and each != NOBODY]
    for field in ("title", "note", "bring", "reason"):
        words: str = getattr(visit, field)
        if words and (last or any(each in words.lower() for each in named)):
            setattr(visit, field, NOBODY if field == "title" else "")


def mail_references(work: Work, visitor: Visitor) -> list[str]:
    """Return the ids under which mails to a visitor went out, beside their own: that of their series."""
    visit = work.session.get_one(Visit, visitor.visit)
    if visit.series is None or not visitor.email:
        return []
    guest = guest_of(work.session, visit.series, visitor.email)
    return [guest.id] if guest is not None else []


def still_named(work: Work, email: str, besides: VisitorId) -> bool:
    """Tell whether the same address belongs to another visitor who was not forgotten."""
    statement = select(Visitor.id).where(
        func.lower(col(Visitor.email)) == email.lower(), Visitor.id != besides
    )
    return work.session.exec(statement.limit(1)).first() is not None
