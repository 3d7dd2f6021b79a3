"""Telling a visitor on the phone that keeps their visit: that there is news, and the page to read it on."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import col, delete, select

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.kernel import live, outbox
from server.kernel.ids import VisitorId
from server.kernel.outbox import OutboxSettled, Outgoing, State
from server.kernel.principal import Principal
from server.kernel.sealing import CannotUnseal
from server.kernel.work import Office, Work
from server.notifications import channels, post
from server.notifications.channels import Subscription
from server.notifications.kinds import Failure, NewsKind
from server.notifications.messengers.joining import FORGOTTEN_AFTER, REPLACES, Page
from server.notifications.messengers.words import brief
from server.notifications.phone_models import PhonePush
from server.notifications.push import topic_of
from server.notifications.web_push import WebPush

OUTBOX = "phone_push"
_URGENT = frozenset({NewsKind.ANSWERED, NewsKind.MESSAGE, NewsKind.DRINK, NewsKind.CANCELLED})
"""Whoever is on the way or in the house wants to know now, also where the phone saves its battery."""


def subscribe(
    work: Work,
    visitor: VisitorId,
    site: SiteCode,
    subscription: Subscription,
    language: Language,
    until: datetime,
) -> None:
    """Tell a visitor on this phone from now on, in place of any before; the caller has checked whose phone it is."""
    channels.push_key(work)  # its private part signs what is sent there
    found = work.session.get(PhonePush, visitor, with_for_update=True)
    if found is None:
        found = PhonePush(
            visitor=visitor,
            site=site,
            sealed_address=b"",
            language=language,
            asked_at=work.now,
            forget_at=until,
        )
    found.sealed_address = work.sealer.seal(
        subscription.model_dump_json().encode(), purpose(visitor)
    )
    found.language, found.asked_at = language, work.now
    found.forget_at = until + FORGOTTEN_AFTER
    work.session.add(found)
    work.session.flush()
    _show(work, found)


def is_told(work: Work, visitor: VisitorId) -> bool:
    """Tell whether a visitor is told on their phone."""
    return work.session.get(PhonePush, visitor) is not None


def tell(work: Work, visitor: VisitorId, news: NewsKind, page: Page) -> bool:
    """Tell a visitor on their phone, where they asked for it; return whether they did."""
    found = work.session.get(PhonePush, visitor)
    if found is None:
        return False
    found.forget_at = page.until + FORGOTTEN_AFTER
    for each in REPLACES[news]:
        outbox.withdraw(work, OUTBOX, _reference(visitor, each), "newer news")
    text = json.dumps(
        {
            "kind": news,
            "title": page.site_name,
            "body": brief(news, page.language),
            "lang": page.language,
            "path": page.path,
            "tag": topic_of(f"{visitor}:{news}"),
            "urgent": news in _URGENT,
            "at": work.now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
    outbox.post(
        work,
        OUTBOX,
        visitor,
        {"news": news},
        # The path is the visitor's own link, which opens their page.
        body=work.sealer.seal(text.encode(), OUTBOX),
        reference=_reference(visitor, news),
        deadline=max(page.until, work.now + timedelta(hours=1)),
    )
    return True


def forget(work: Work, visitor: VisitorId, keep: NewsKind | None = None) -> None:
    """Tell a visitor on this phone no more; `keep` is the one thing that still goes out, and the last.

    It ends with the visit, and when another phone takes the link over.
    """
    for each in NewsKind:
        if each is not keep:
            outbox.withdraw(work, OUTBOX, _reference(visitor, each), "nobody to tell")
    found = work.session.get(PhonePush, visitor)
    if found is None:
        return
    if keep is not None:
        found.forget_at = work.now + timedelta(hours=1)
        return
    _show(work, found)
    work.session.delete(found)
    work.session.flush()


def forget_old(work: Work) -> None:
    """Delete the subscriptions of visits that are over; a timer calls it."""
    work.session.exec(delete(PhonePush).where(col(PhonePush.forget_at) < work.now))


def settled(work: Work, it: OutboxSettled) -> None:
    """Note that a phone was told, or forget it where its browser takes nothing any more."""
    if it.kind != OUTBOX:
        return
    found = work.session.get(PhonePush, VisitorId(it.reference.partition(":")[0]))
    if found is None:
        return
    if it.state is State.SENT:
        found.sent_at = work.now
        return
    failure, _ = post.failure_in(it.error or "")
    if failure is Failure.GONE:
        _show(work, found)
        work.session.delete(found)


def seal_anew(work: Work) -> None:
    """Seal subscriptions with the present master key."""
    for found in work.session.exec(select(PhonePush)).all():
        found.sealed_address = work.sealer.renewed(found.sealed_address, purpose(found.visitor))
    waiting = select(outbox.OutboxRow).where(
        outbox.OutboxRow.kind == OUTBOX, outbox.OutboxRow.state == State.PENDING
    )
    for row in work.session.exec(waiting).all():
        row.body = work.sealer.renewed(row.body, OUTBOX) if row.body else None


class PhonePushSender:
    """The sender of outbox rows of kind `phone_push`."""

    def __init__(self, office: Office) -> None:
        """Read subscriptions from the office's database, when they are needed."""
        self._office = office
        self._web_push = WebPush(office)

    def __call__(self, row: Outgoing) -> None:
        """Push what the row holds, or raise `SendFailed`."""
        visitor = VisitorId(row.destination)
        subscription: dict[str, Any] = json.loads(self._address(visitor))
        try:
            text = self._office.sealer.unseal(row.body or b"", OUTBOX).decode()
        except CannotUnseal as error:
            raise post.failed(Failure.SEALED, "the message", final=True) from error
        news = NewsKind(str(row.payload.get("news")))
        headers = {
            "urgency": "high" if news in _URGENT else "normal",
            "topic": topic_of(f"{visitor}:{news}"),
        }
        self._web_push.push(subscription, text, headers, row.deadline)

    def _address(self, visitor: VisitorId) -> bytes:
        with self._office.reading(Principal.system("push")) as work:
            found = work.session.get(PhonePush, visitor)
            if found is None:
                raise post.failed(Failure.GONE, "the phone is told no more", final=True)
            try:
                return work.sealer.unseal(found.sealed_address, purpose(visitor))
            except CannotUnseal as error:
                raise post.failed(Failure.SEALED, "the subscription", final=True) from error


def purpose(visitor: VisitorId) -> str:
    """Return the purpose under which a subscription is sealed."""
    return f"phone-push:{visitor}"


def _reference(visitor: VisitorId, news: NewsKind) -> str:
    return f"{visitor}:{news}"


def _show(work: Work, found: PhonePush) -> None:
    live.notice(work, live.VISITOR, about=found.visitor, site=found.site)
    live.notice(work, "visits", site=found.site)
