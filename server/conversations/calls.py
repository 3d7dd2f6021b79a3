"""Calls between a visitor's page and the house's: who may ring whom, and the mailbox by which their browsers meet.

Sound and picture go from browser to browser and never through here. Every step holds the conversation, so that there
is one call at a time and one page answers it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.conversations import call_models, handing, reception, thread, turn
from server.conversations.call_models import UNDER_WAY, Call, CallSignal, CallState
from server.conversations.events import CallBegun
from server.conversations.finding import find, hold
from server.conversations.models import Conversation
from server.conversations.rules import Author, Note, Side, State, after_person
from server.kernel import live
from server.kernel.errors import Conflict, NotFound, TooMany
from server.kernel.ids import CallId, CallSignalId, ConversationId
from server.kernel.work import Work
from server.notifications import actions as notifications

RINGS = timedelta(seconds=45)
UNSEEN = timedelta(minutes=1)
"""Both pages tell that they are there every 20 s; after this silence of both the call has ended."""
LONGEST = timedelta(hours=2)
SIGNALS_KEPT = timedelta(minutes=1)
MOST_SIGNALS = 200
"""Signals of one call that may lie in the mailbox."""
MOST_AT_ONCE = 20
MOST_CALLS = 5
"""Calls that one party may begin in `COUNTED`."""
COUNTED = timedelta(minutes=10)
SHOWN = timedelta(minutes=1)
"""So long a page can still learn what became of its call."""

Page = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class Description(BaseModel):
    """A session description (RFC 8866), as the browser made it."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["offer", "answer", "pranswer", "rollback"]
    sdp: str = Field(max_length=20_000)


class Candidate(BaseModel):
    """One address at which the browser may be reached (RFC 8839)."""

    model_config = ConfigDict(extra="forbid")

    candidate: str = Field(max_length=1000)
    sdpMid: str | None = Field(default=None, max_length=100)  # noqa: N815  the browser's own names
    sdpMLineIndex: int | None = Field(default=None, ge=0, le=100)  # noqa: N815
    usernameFragment: str | None = Field(default=None, max_length=300)  # noqa: N815


class Signal(BaseModel):
    """What one browser tells the other: a description or a candidate."""

    model_config = ConfigDict(extra="forbid")

    description: Description | None = None
    candidate: Candidate | None = None


@dataclass(frozen=True)
class Seen:
    """A call as one page sees it."""

    call: Call
    outgoing: bool
    """Whether this side began it."""
    ours: bool
    """Whether this very page is one of its two ends."""
    signals: Sequence[CallSignal]


def has_page(found: Conversation) -> bool:
    """Tell whether the visitor's side has a page that can ring: of their visit, or of a sign that they scanned."""
    return found.visitor is not None or found.stranger is not None


def start(work: Work, conversation: ConversationId, side: Side, page: str) -> Call:
    """Ring on the other side's open pages, and tell them by the ways they chose."""
    found = hold(work, conversation, side)
    if not has_page(found):
        raise Conflict("There is no page to call: they wrote from elsewhere.")
    if _under_way(work, found) is not None:
        raise Conflict("There is a call already.")
    by_visitor = side is Side.VISITOR
    since = work.now - COUNTED
    begun = call_models.begun_since(work.session, found.id, by_visitor=by_visitor, at=since)
    if begun >= MOST_CALLS:
        raise TooMany("That was often enough for now. Please write instead.", COUNTED)
    made = Call(
        id=CallId(work.ids.new()),
        conversation=found.id,
        caller=side,
        caller_page=page,
        person=None if by_visitor else work.principal.person,
        state=CallState.RINGING,
        started_at=work.now,
        seen_at=work.now,
    )
    work.session.add(made)
    work.session.flush()
    work.record(
        CallBegun(
            call=made.id,
            conversation=found.id,
            site=found.site,
            visit=found.visit,
            visitor=found.visitor,
            by_visitor=by_visitor,
        )
    )
    thread.show(work, found)
    _tell(work, found)
    return made


def answer(work: Work, conversation: ConversationId, side: Side, call: CallId, page: str) -> None:
    """Answer with this page; `Conflict` where another one did, or the call is over."""
    found = hold(work, conversation, side)
    held = _of(work, found, call)
    if held.state is not CallState.RINGING or _began(held, side):
        raise Conflict("This call was answered elsewhere, or is over.")
    held.state, held.callee_page = CallState.ACCEPTED, page
    held.answered_at = held.seen_at = work.now
    if side is not Side.VISITOR:
        held.person = found.person = work.principal.person
        found.state = after_person(Author.HOST if side is Side.HOST else Author.RECEPTION)
        found.due_at = found.waiting_since = None
        if found.visitor is not None:
            notifications.reacted_about(work, found.visitor)
        notifications.reacted_at(work, reception.inbox_path(found.id))
        thread.show(work, found)
    _tell(work, found)


def decline(work: Work, conversation: ConversationId, side: Side, call: CallId) -> None:
    """Do not answer; whoever rang is told."""
    found = hold(work, conversation, side)
    held = _of(work, found, call)
    if held.state is CallState.RINGING and not _began(held, side):
        _finish(work, found, held, CallState.DECLINED)


def hang_up(work: Work, conversation: ConversationId, side: Side, call: CallId, page: str) -> None:
    """End a call at one of its two pages; one that rang is missed then."""
    found = hold(work, conversation, side)
    held = _end_of(work, found, side, call, page)
    if held.state in UNDER_WAY:
        rang = held.state is CallState.RINGING
        _finish(work, found, held, CallState.MISSED if rang else CallState.ENDED)


def attend(work: Work, conversation: ConversationId, side: Side, call: CallId, page: str) -> None:
    """Note that a page of the call is there."""
    found = hold(work, conversation, side)
    _end_of(work, found, side, call, page).seen_at = work.now


def send(
    work: Work,
    conversation: ConversationId,
    side: Side,
    call: CallId,
    page: str,
    signals: Sequence[Signal],
) -> None:
    """Lay signals into the mailbox for the other page of an answered call."""
    found = hold(work, conversation, side)
    held = _end_of(work, found, side, call, page)
    if held.state is not CallState.ACCEPTED:
        raise Conflict("Nobody is on the other end.")
    call_models.drop_old_signals(work.session, work.now - SIGNALS_KEPT)
    if call_models.signals_waiting(work.session, held.id) + len(signals) > MOST_SIGNALS:
        raise TooMany("That was a lot at once.", SIGNALS_KEPT)
    for each in signals[:MOST_AT_ONCE]:
        held.last_number += 1
        work.session.add(
            CallSignal(
                id=CallSignalId(work.ids.new()),
                call=held.id,
                number=held.last_number,
                from_caller=_began(held, side),
                body=each.model_dump(exclude_none=True),
                at=work.now,
            )
        )
    held.seen_at = work.now
    work.session.flush()
    _tell(work, found)


def seen(
    work: Work, conversation: ConversationId, side: Side, page: str, after: int = 0
) -> Seen | None:
    """Return the latest call as a page sees it, with the signals for it; None where there is none to speak of."""
    found = find(work, conversation, side)
    call = call_models.latest(work.session, found.id)
    if call is None or (call.ended_at is not None and call.ended_at <= work.now - SHOWN):
        return None
    outgoing = _began(call, side)
    ours = page == (call.caller_page if outgoing else call.callee_page)
    signals: Sequence[CallSignal] = []
    if ours and call.state is CallState.ACCEPTED:
        since = work.now - SIGNALS_KEPT
        signals = call_models.signals_for(
            work.session, call.id, to_caller=outgoing, after=after, since=since
        )
    return Seen(call, outgoing, ours, signals)


def ice_servers(work: Work, call: Call) -> list[turn.IceServer]:
    """Return the servers that help the two pages of a call to find each other."""
    settings = work.settings
    secret = settings.turn_secret.get_secret_value()
    return turn.servers(settings.turn_urls, secret, call.id, call.started_at + LONGEST)


def settle_over_time(work: Work) -> None:
    """End what rang or was silent for too long, and empty the mailbox; a timer calls it."""
    now = work.now
    late = call_models.over_time(
        work.session,
        rung_before=now - RINGS,
        unseen_since=now - UNSEEN,
        begun_before=now - LONGEST,
    )
    for each in late:
        found = hold(work, each.conversation)
        _under_way(work, found)
    call_models.drop_old_signals(work.session, now - SIGNALS_KEPT)


def _under_way(work: Work, found: Conversation) -> Call | None:
    """Return the call of a held conversation that goes on, once what is over by time was ended."""
    call = call_models.latest(work.session, found.id)
    if call is None:
        return None
    work.session.refresh(call)
    if call.state is CallState.RINGING and call.started_at <= work.now - RINGS:
        _finish(work, found, call, CallState.MISSED)
    elif call.state is CallState.ACCEPTED and _is_silent(call, work.now):
        _finish(work, found, call, CallState.ENDED)
    return call if call.state in UNDER_WAY else None


def _is_silent(call: Call, now: datetime) -> bool:
    return call.seen_at <= now - UNSEEN or call.started_at <= now - LONGEST


def _of(work: Work, found: Conversation, call: CallId) -> Call:
    """Return the latest call of a held conversation, as it stands now, where it is the one that is meant."""
    _under_way(work, found)
    latest = call_models.latest(work.session, found.id)
    if latest is None or latest.id != call:
        raise NotFound("There is no such call.")
    return latest


def _end_of(work: Work, found: Conversation, side: Side, call: CallId, page: str) -> Call:
    """Return the same for one of its two pages."""
    held = _of(work, found, call)
    if page != (held.caller_page if _began(held, side) else held.callee_page):
        raise NotFound("There is no such call.")
    return held


def _began(call: Call, side: Side) -> bool:
    return (call.caller is Side.VISITOR) == (side is Side.VISITOR)


def _finish(work: Work, found: Conversation, call: Call, state: CallState) -> None:
    call.state, call.ended_at = state, work.now
    call_models.drop_signals(work.session, call.id)
    match state:
        case CallState.DECLINED:
            thread.add(work, found, Author.SYSTEM, note=Note.CALL_DECLINED)
        case CallState.MISSED:
            thread.add(work, found, Author.SYSTEM, note=Note.CALL_MISSED)
            _wait_for_house(work, found, call)
        case _:
            minutes = max(
                1, round((work.now - (call.answered_at or work.now)).total_seconds() / 60)
            )
            thread.add(work, found, Author.SYSTEM, str(minutes), note=Note.CALLED)
    _tell(work, found)


def _wait_for_house(work: Work, found: Conversation, call: Call) -> None:
    """Let a visitor whose call nobody took wait for a person, as if they had asked for one."""
    if call.caller is not Side.VISITOR:
        return
    if found.state in {State.BOT, State.CLOSED}:
        handing.to_person(work, found)
    else:
        found.waiting_since = found.waiting_since or work.now
        if found.state is State.HOST:
            found.due_at = found.due_at or handing.due(work, found)


def _tell(work: Work, found: Conversation) -> None:
    live.notice(work, live.CALL, about=found.visitor or found.id, site=found.site)
