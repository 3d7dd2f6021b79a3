"""Forgetting a visitor: what was sent about one person or to them, and that all of it goes."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, delete, func, or_, select

from server.kernel.ids import VisitorId
from server.kernel.outbox import OutboxRow, State
from server.kernel.work import Work
from server.notifications.messenger_models import MessengerCode, MessengerLink
from server.notifications.messengers import joining
from server.notifications.models import CaughtMail, Delivery, Notice
from server.notifications.phone_models import PhonePush
from server.notifications.rules import KIND


def forget_visitor(
    work: Work, visitor: VisitorId, email: str, references: Collection[str], *, last: bool
) -> None:
    """Delete every notice about a visitor and every mail to them, sent, waiting or caught, and their messengers.

    `references` are the ids under which their mails went out; `last`: nobody else has this address, so that
    mails to it which name nothing go too.
    """
    links = [f"{each}" for each in _links(work, visitor)]
    joining.forget_visitor(work, visitor)
    work.session.exec(delete(MessengerCode).where(col(MessengerCode.visitor) == visitor))
    work.session.exec(delete(MessengerLink).where(col(MessengerLink.visitor) == visitor))
    work.session.exec(delete(PhonePush).where(col(PhonePush.visitor) == visitor))
    work.session.exec(delete(OutboxRow).where(col(OutboxRow.destination) == visitor))
    about = list(work.session.exec(select(Notice.id).where(Notice.visitor == visitor)).all())
    _forget_notices(work, about)
    known = [visitor, *references, *links]
    work.session.exec(delete(OutboxRow).where(col(OutboxRow.reference).in_(known)))
    for link in links:
        work.session.exec(delete(OutboxRow).where(col(OutboxRow.reference).startswith(link)))
    work.session.exec(delete(CaughtMail).where(col(CaughtMail.reference).in_(known)))
    if email:
        _forget_mails(work, email, last=last)
    work.session.expire_all()


def forget_notices_once(work: Work, once: str) -> None:
    """Delete what was told a single time under this key, and what deputies were told of it."""
    found = work.session.exec(select(Notice.id).where(Notice.once == once)).all()
    _forget_notices(work, list(found))


def about_visitor(work: Work, visitor: VisitorId, email: str) -> dict[str, Any]:
    """Return what is kept of what was sent about a visitor or to them, in values that JSON knows."""
    to_them = col(OutboxRow.reference) == visitor
    if email:
        to_them = or_(to_them, func.lower(OutboxRow.destination) == email.lower())
    mails = select(OutboxRow).where(OutboxRow.kind == KIND, to_them)
    notices = select(Notice).where(Notice.visitor == visitor).order_by(col(Notice.id))
    return {
        "mails": [
            {
                "subject": str(each.payload.get("subject", "")),
                "to": each.destination,
                "written_at": each.created_at,
            }
            for each in work.session.exec(mails.order_by(col(OutboxRow.id))).all()
        ],
        "hosts_were_told": [
            {"what": str(each.kind), "at": each.created_at}
            for each in work.session.exec(notices).all()
        ],
        "messengers": [
            {"messenger": str(each.kind), "since": each.since}
            for each in joining.joined_of(work, [visitor]).get(visitor, [])
        ],
    }


def prune_mails(work: Work, before: datetime, *, dry: bool) -> int:
    """Delete mails and other messages that came to their end before a moment; return how many."""
    return _gone(work, OutboxRow, col(OutboxRow.settled_at) < before, dry=dry) + _gone(
        work, CaughtMail, col(CaughtMail.caught_at) < before, dry=dry
    )


def prune_notices(work: Work, before: datetime, *, dry: bool) -> int:
    """Delete what hosts were told before a moment; return how many."""
    return _gone(work, Notice, col(Notice.created_at) < before, dry=dry)


def _gone(work: Work, table: Any, old: Any, *, dry: bool) -> int:  # noqa: ANN401  a table and a condition on it
    if dry:
        return work.session.exec(select(func.count()).select_from(table).where(old)).one()
    return work.session.exec(delete(table).where(old)).rowcount


def _forget_mails(work: Work, email: str, *, last: bool) -> None:
    to_them = func.lower(col(OutboxRow.destination)) == email.lower()
    over = or_(col(OutboxRow.state) != State.PENDING, col(OutboxRow.reference) == "")
    if last:
        work.session.exec(delete(OutboxRow).where(col(OutboxRow.kind) == KIND, to_them, over))
        caught = func.lower(col(CaughtMail.recipient)) == email.lower()
        work.session.exec(delete(CaughtMail).where(caught))


def _forget_notices(work: Work, notices: Sequence[str]) -> None:
    if not notices:
        return
    deputies = select(Notice.id).where(col(Notice.for_notice).in_(notices))
    known = [*notices, *work.session.exec(deputies).all()]
    sent = work.session.exec(select(Delivery.id).where(col(Delivery.notice).in_(known))).all()
    work.session.exec(delete(OutboxRow).where(col(OutboxRow.reference).in_(sent)))
    work.session.exec(delete(CaughtMail).where(col(CaughtMail.reference).in_(sent)))
    work.session.exec(delete(Delivery).where(col(Delivery.notice).in_(known)))
    work.session.exec(delete(Notice).where(col(Notice.id).in_(known)))


def _links(work: Work, visitor: VisitorId) -> Sequence[str]:
    return work.session.exec(select(MessengerLink.id).where(MessengerLink.visitor == visitor)).all()
