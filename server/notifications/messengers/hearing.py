"""What comes of events in a chat: a code joins, a block ends, and everything else is answered kindly."""

from collections.abc import Iterable
from datetime import timedelta

from server.kernel import outbox, throttle
from server.kernel.errors import GenkanError, TooMany
from server.kernel.ids import VisitorId
from server.kernel.upsert import insert_once
from server.kernel.work import Work
from server.notifications.kinds import JoinState, MessengerKind
from server.notifications.messenger_models import MessengerAccount, MessengerEvent
from server.notifications.messengers import joining, words
from server.notifications.messengers.accounts import FETCH, OUTBOX
from server.notifications.messengers.base import Event, EventKind, Heard
from server.notifications.messengers.words import Reply

ANSWERED_WITHIN = timedelta(hours=1)
"""An answer that comes later than this is worth nothing."""
WELCOMED_WITHIN = timedelta(seconds=20)
"""How long WeChat Work takes an answer to somebody's coming in."""


def hear(work: Work, account: MessengerAccount, heard: Heard) -> None:
    """Handle what a genuine request to a hook brought, or have it fetched."""
    account.heard_at = work.now
    take(work, account, heard.events)
    if heard.errand:
        reference = f"{account.id}:{FETCH}"
        # The newer token fetches what the older one would have.
        outbox.withdraw(work, OUTBOX, reference, "more came meanwhile")
        outbox.post(
            work, OUTBOX, account.id, {"do": FETCH, "errand": heard.errand}, reference=reference
        )


def take(work: Work, account: MessengerAccount, events: Iterable[Event]) -> None:
    """Handle each event once, however often and in whatever order it comes."""
    for event in events:
        if event.at < work.now - joining.REMEMBERED:
            # It may have been handled and forgotten: the same block or word must not count a second time.
            continue
        known = joining.hash_of(event.id)
        if insert_once(
            work.session, MessengerEvent, account=account.id, event=known, seen_at=work.now
        ):
            _take(work, account, event)


def _take(work: Work, account: MessengerAccount, event: Event) -> None:
    match event.kind:
        case EventKind.WROTE | EventKind.ENTERED:
            _listen(work, account, event)
        case EventKind.FOLLOWED:
            _revive(work, account, event, JoinState.BLOCKED)
        case EventKind.LEFT:
            for link in joining.joined_as(work.session, account, event.user):
                joining.block(work, link, account)
        case EventKind.MUTE:
            for link in joining.joined_as(work.session, account, event.user):
                if link.state is JoinState.JOINED:
                    link.state = JoinState.MUTE
                    joining.show(work, link, account.site)


def _listen(work: Work, account: MessengerAccount, event: Event) -> None:
    wrote = event.kind is EventKind.WROTE
    # Whoever writes can be written to.
    spoke = wrote and _revive(work, account, event, JoinState.MUTE, JoinState.BLOCKED)
    code = joining.code_in(event.text)
    if code:
        _join(work, account, event, code)
    elif spoke and not event.text.strip():
        _answer(work, account, event, words.say_to_stranger(Reply.THANKS))
    elif wrote or event.reply:
        _hand_on(work, account, event, wrote=wrote)


def _hand_on(work: Work, account: MessengerAccount, event: Event, *, wrote: bool) -> None:
    """Let those who answer visitors have what a joined one wrote; everybody else learns how to join."""
    known = joining.joined_as(work.session, account, event.user)
    if not known:
        _answer(work, account, event, words.say_to_stranger(Reply.HOW_TO_JOIN))
        return
    if not wrote:
        return
    said = Reply.ON_THE_PAGE
    if event.text.strip():
        told = joining.MessengerWrote(
            visitors=tuple(VisitorId(each.visitor) for each in known),
            site=account.site,
            kind=account.kind,
            event=joining.hash_of(event.id),
            text=event.text,
        )
        try:
            work.record(told)
            said = Reply.PASSED_ON
        except GenkanError:
            # Too much at once, or more than fits: their page says what is wrong.
            said = Reply.ON_THE_PAGE
    _answer(work, account, event, words.say(said, known[-1].language))


def _join(work: Work, account: MessengerAccount, event: Event, code: str) -> None:
    guessing = f"messenger:{joining.user_hash(account, event.user)}"
    try:
        throttle.check(work, guessing)
    except TooMany:
        return
    found = joining.take_code(work, account, code)
    if found is None:
        throttle.failed(work, guessing)
        _answer(work, account, event, words.say_to_stranger(Reply.UNKNOWN_CODE))
        return
    page, site = joining.page_of(work, found)
    may_write = account.kind is not MessengerKind.WECOM or event.kind is EventKind.WROTE
    said = Reply.JOINED if may_write else Reply.JOINED_WRITE_FIRST
    state = JoinState.JOINED if may_write else JoinState.MUTE
    joining.join(work, account, found, event.user, state)
    _answer(work, account, event, words.say(said, found.language, site, page))


def _revive(work: Work, account: MessengerAccount, event: Event, *states: JoinState) -> bool:
    """Let those be written to again who were not; tell whether there were any."""
    found = [
        link
        for link in joining.joined_as(work.session, account, event.user)
        if link.state in states
    ]
    for link in found:
        link.state, link.failure = JoinState.JOINED, None
        joining.show(work, link, account.site)
    return bool(found)


def _answer(work: Work, account: MessengerAccount, event: Event, text: str) -> None:
    welcome = account.kind is MessengerKind.WECOM and event.reply
    deadline = work.now + (WELCOMED_WITHIN if welcome else ANSWERED_WITHIN)
    joining.write(work, account.id, event.user, text, reply=event.reply, deadline=deadline)
