"""Visitors at a messenger: joined by a one-time code, told that there is news, and let go."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from sqlmodel import Session, col, delete, select

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.kernel import live, outbox
from server.kernel.errors import NotFound
from server.kernel.events import Event
from server.kernel.ids import MessengerLinkId, VisitorId
from server.kernel.sealing import CannotUnseal
from server.kernel.work import Work
from server.notifications.kinds import AccountState, JoinState, MessengerKind, NewsKind
from server.notifications.messenger_models import (
    MessengerAccount,
    MessengerCode,
    MessengerEvent,
    MessengerLink,
)
from server.notifications.messengers import accounts, words
from server.notifications.messengers.accounts import OUTBOX, SAY

LIFE = timedelta(minutes=15)
"""How long a code counts."""
REMEMBERED = timedelta(days=3)
"""How long it is remembered which events were handled. What is older when it comes is not looked at."""
FORGOTTEN_AFTER = timedelta(days=1)
"""How long after the end of a visit nobody is left joined to it."""
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHARACTERS = 12
"""60 random bits."""
_CODE = re.compile(rf"GENKAN[-\s]?([0-9A-Za-z]{{{_CHARACTERS}}})(?![0-9A-Za-z])", re.IGNORECASE)
REPLACES = {
    NewsKind.ANSWERED: (NewsKind.ANSWERED,),
    NewsKind.PASS: (NewsKind.PASS,),
    NewsKind.CHANGED: (NewsKind.CHANGED, NewsKind.PASS),
    NewsKind.MESSAGE: (NewsKind.MESSAGE,),
    NewsKind.DRINK: (NewsKind.DRINK,),
    NewsKind.CANCELLED: tuple(NewsKind),
}
"""What still waits to be sent is taken back for the newer: it leads to the same page."""


@dataclass(frozen=True)
class Page:
    """What a message may say of a visit: where its page is, what the site is called, and until when it matters."""

    url: str
    site_name: str
    language: Language
    until: datetime
    path: str = ""
    """The page on our own site where the news is read; it needs the phone that keeps the visit."""


@dataclass(frozen=True)
class Joined:
    """How a visitor is joined to one messenger."""

    kind: MessengerKind
    state: JoinState
    since: datetime


@dataclass(frozen=True, kw_only=True)
class MessengerJoined(Event):
    """A visitor is told news at a messenger from now on."""

    link: MessengerLinkId
    visitor: VisitorId
    site: SiteCode
    kind: MessengerKind


@dataclass(frozen=True, kw_only=True)
class MessengerLeft(Event):
    """A visitor is not written to at a messenger any more: by their own word, or because they blocked it."""

    link: MessengerLinkId
    visitor: VisitorId
    site: SiteCode
    kind: MessengerKind
    blocked: bool


@dataclass(frozen=True, kw_only=True)
class MessengerWrote(Event):
    """A joined visitor wrote something at a messenger that is no code."""

    audited: ClassVar[bool] = False  # it holds their words

    visitors: tuple[VisitorId, ...]
    """Who they are in each of the visits that they joined with this account."""
    site: SiteCode
    kind: MessengerKind
    event: str
    """Names it among all that the messenger tells: the same one comes again."""
    text: str


def join_url(
    work: Work, visitor: VisitorId, site: SiteCode, kind: MessengerKind, page: Page
) -> str:
    """Return the address that opens the chat with a new one-time code; the codes before it count no more."""
    account = accounts.account_at(work.session, site, kind)
    if account is None or not account.address:
        raise NotFound("This messenger is not set up for the site.")
    work.session.exec(
        delete(MessengerCode).where(
            col(MessengerCode.account) == account.id, col(MessengerCode.visitor) == visitor
        )
    )
    drawn = work.ids.random_bytes(_CHARACTERS)
    code = "".join(_ALPHABET[each % len(_ALPHABET)] for each in drawn)
    sealed = json.dumps({"url": page.url, "site": page.site_name}).encode()
    work.session.add(
        MessengerCode(
            code_hash=hash_of(code),
            account=account.id,
            visitor=visitor,
            language=page.language,
            sealed_page=work.sealer.seal(sealed, hash_of(code)),
            expires_at=work.now + LIFE,
            forget_at=page.until + FORGOTTEN_AFTER,
        )
    )
    messenger = accounts.adapters(work.settings)[kind]
    return messenger.join_url(accounts.opened(account, messenger, work.sealer), f"GENKAN-{code}")


def code_in(text: str) -> str:
    """Return the code in what somebody wrote, or nothing; small letters and a blank for the dash will do."""
    found = _CODE.search(text)
    return found[1].upper() if found else ""


def take_code(work: Work, account: MessengerAccount, code: str) -> MessengerCode | None:
    """Return what a code stands for and use it up; None for an unknown, used or old one, or another account's."""
    found = work.session.get(MessengerCode, hash_of(code), with_for_update=True)
    if found is None or found.account != account.id or found.expires_at <= work.now:
        return None
    work.session.delete(found)
    return found


def page_of(work: Work, code: MessengerCode) -> tuple[str, str]:
    """Return address and site's name that a code carries; nothing of both where the master key was changed."""
    try:
        found = json.loads(work.sealer.unseal(code.sealed_page, code.code_hash))
    except CannotUnseal:
        return "", ""
    return str(found["url"]), str(found["site"])


def join(
    work: Work, account: MessengerAccount, code: MessengerCode, user: str, state: JoinState
) -> MessengerLink:
    """Join the code's visitor to a user of the messenger, in place of whoever was joined before."""
    link = work.session.exec(
        select(MessengerLink).where(
            MessengerLink.account == account.id, MessengerLink.visitor == code.visitor
        )
    ).first()
    if link is None:
        link = MessengerLink(
            id=MessengerLinkId(work.ids.new()),
            account=account.id,
            visitor=code.visitor,
            user_hash="",
            sealed_user=b"",
            language=code.language,
            state=state,
            joined_at=work.now,
            forget_at=code.forget_at,
        )
    elif link.user_hash != user_hash(account, user):
        _withdraw(work, link, NewsKind)
    link.user_hash = user_hash(account, user)
    link.sealed_user = work.sealer.seal(user.encode(), purpose(link.id))
    link.language, link.state, link.failure = code.language, state, None
    link.joined_at, link.forget_at = work.now, code.forget_at
    work.session.add(link)
    work.session.flush()
    work.record(
        MessengerJoined(link=link.id, visitor=link.visitor, site=account.site, kind=account.kind)
    )
    show(work, link, account.site)
    return link


def joined_as(session: Session, account: MessengerAccount, user: str) -> Sequence[MessengerLink]:
    """Return the visits that one user of a messenger is joined to."""
    statement = select(MessengerLink).where(
        MessengerLink.account == account.id, MessengerLink.user_hash == user_hash(account, user)
    )
    return session.exec(statement.order_by(col(MessengerLink.id))).all()


def joined_of(work: Work, visitors: Iterable[VisitorId]) -> dict[VisitorId, list[Joined]]:
    """Return how visitors are joined; the caller has made sure that they may be looked at."""
    statement = (
        select(MessengerLink, MessengerAccount)
        .join(MessengerAccount, col(MessengerAccount.id) == col(MessengerLink.account))
        .where(col(MessengerLink.visitor).in_(list(visitors)))
        .order_by(col(MessengerAccount.kind))
    )
    found: dict[VisitorId, list[Joined]] = {}
    for link, account in work.session.exec(statement).all():
        found.setdefault(link.visitor, []).append(Joined(account.kind, link.state, link.joined_at))
    return found


def choices(session: Session, site: SiteCode) -> list[MessengerKind]:
    """Return the messengers that a visitor of a site can join now."""
    every = accounts.accounts_of(session, site)
    return [each.kind for each in every if each.address and each.state is not AccountState.FAILING]


def tell(work: Work, visitor: VisitorId, news: NewsKind, page: Page) -> int:
    """Tell a visitor at each messenger that they joined; return at how many."""
    links = work.session.exec(select(MessengerLink).where(MessengerLink.visitor == visitor)).all()
    told = 0
    for link in links:
        link.forget_at = page.until + FORGOTTEN_AFTER
        if link.state is JoinState.BLOCKED:
            continue
        _withdraw(work, link, REPLACES[news])
        text = words.say(news, page.language, page.site_name, page.url)
        user = work.sealer.unseal(link.sealed_user, purpose(link.id)).decode()
        write(
            work,
            link.account,
            user,
            text,
            reference=f"{link.id}:{news}",
            deadline=max(page.until, work.now + timedelta(hours=1)),
        )
        told += 1
    return told


def write(
    work: Work,
    account: str,
    user: str,
    text: str,
    *,
    reply: str = "",
    reference: str = "",
    deadline: datetime | None = None,
) -> None:
    """Have a text sent to a user of a messenger. It lies sealed in the outbox: it holds the visitor's link."""
    body = json.dumps({"to": user, "text": text, "reply": reply}, ensure_ascii=False).encode()
    outbox.post(
        work,
        OUTBOX,
        account,
        {"do": SAY},
        body=work.sealer.seal(body, OUTBOX),
        reference=reference,
        deadline=deadline,
    )


def leave(work: Work, visitor: VisitorId, kind: MessengerKind) -> None:
    """Take a visitor away from a messenger; what waits to be sent there is taken back."""
    for link, account in _links_of(work, visitor):
        if account.kind is kind:
            let_go(work, link, account)


def forget_visitor(work: Work, visitor: VisitorId, keep: NewsKind | None = None) -> None:
    """End every link of a visitor who shall not come any more; `keep` is the one message that still goes out."""
    for link, account in _links_of(work, visitor):
        let_go(work, link, account, keep=keep)
    work.session.exec(delete(MessengerCode).where(col(MessengerCode.visitor) == visitor))


def let_go(
    work: Work, link: MessengerLink, account: MessengerAccount, keep: NewsKind | None = None
) -> None:
    """End one link."""
    _withdraw(work, link, [each for each in NewsKind if each is not keep])
    work.record(
        MessengerLeft(
            link=link.id,
            visitor=link.visitor,
            site=account.site,
            kind=account.kind,
            blocked=False,
        )
    )
    show(work, link, account.site)
    work.session.delete(link)
    work.session.flush()


def block(work: Work, link: MessengerLink, account: MessengerAccount) -> None:
    """Note that a user blocked the account: nothing waits for them, and host and visitor see it."""
    if link.state is JoinState.BLOCKED:
        return
    link.state = JoinState.BLOCKED
    _withdraw(work, link, NewsKind)
    work.record(
        MessengerLeft(
            link=link.id, visitor=link.visitor, site=account.site, kind=account.kind, blocked=True
        )
    )
    show(work, link, account.site)


def show(work: Work, link: MessengerLink, site: SiteCode) -> None:
    """Let open pages show anew how a visitor is joined."""
    live.notice(work, live.VISITOR, about=link.visitor, site=site)
    live.notice(work, "visits", site=site)


def forget(work: Work) -> None:
    """Delete codes, events and links that count no longer; a timer calls it."""
    old = delete(MessengerCode).where(col(MessengerCode.expires_at) < work.now)
    work.session.exec(old)
    seen = delete(MessengerEvent).where(col(MessengerEvent.seen_at) < work.now - 2 * REMEMBERED)
    work.session.exec(seen)
    work.session.exec(delete(MessengerLink).where(col(MessengerLink.forget_at) < work.now))


def seal_anew(work: Work) -> None:
    """Seal who has joined, and what waits to be sent, with the present master key."""
    for link in work.session.exec(select(MessengerLink)).all():
        link.sealed_user = work.sealer.renewed(link.sealed_user, purpose(link.id))
    for code in work.session.exec(select(MessengerCode)).all():
        code.sealed_page = work.sealer.renewed(code.sealed_page, code.code_hash)
    waiting = select(outbox.OutboxRow).where(
        outbox.OutboxRow.kind == OUTBOX, outbox.OutboxRow.state == outbox.State.PENDING
    )
    for row in work.session.exec(waiting).all():
        row.body = work.sealer.renewed(row.body, OUTBOX) if row.body else None


def hash_of(text: str) -> str:
    """Return the hash under which a code or an event's id is kept."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def user_hash(account: MessengerAccount, user: str) -> str:
    """Return the hash by which a user of one account is found."""
    return hash_of(f"{account.id}:{user}")


def purpose(link: MessengerLinkId) -> str:
    """Return the purpose under which a user's id is sealed."""
    return f"messenger-user:{link}"


def _links_of(work: Work, visitor: VisitorId) -> list[tuple[MessengerLink, MessengerAccount]]:
    statement = (
        select(MessengerLink, MessengerAccount)
        .join(MessengerAccount, col(MessengerAccount.id) == col(MessengerLink.account))
        .where(MessengerLink.visitor == visitor)
    )
    return list(work.session.exec(statement).all())


def _withdraw(work: Work, link: MessengerLink, news: Iterable[NewsKind]) -> None:
    for each in news:
        outbox.withdraw(work, OUTBOX, f"{link.id}:{each}", "newer news, or nobody to tell")
