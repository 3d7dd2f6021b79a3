"""Calls on a chat page: what its script asks for and is told, for the visitor's page and the house's alike."""

from typing import Any, Literal

from flask import Response, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.conversations.actions import calls
from server.conversations.models import Conversation
from server.kernel.errors import Invalid
from server.kernel.ids import CallId, ConversationId
from server.kernel.refusals import invalid_from
from server.kernel.request import answer
from server.kernel.work import Work
from server.pages.chat import Place
from server.web import security

LARGEST_BODY = 128 * 1024
"""Bytes of what a page sends at once."""


class Wanted(BaseModel):
    """What an open page wants of a call."""

    model_config = ConfigDict(extra="forbid")

    do: Literal["look", "start", "answer", "decline", "hang_up", "signal", "here"]
    page: calls.Page
    call: CallId = Field(default=CallId(""), max_length=32)
    after: int = Field(default=0, ge=0, le=1_000_000)
    signals: list[calls.Signal] = Field(
        default_factory=list[calls.Signal], max_length=calls.MOST_AT_ONCE
    )


class SignalOut(BaseModel):
    """What the other page said."""

    number: int
    body: calls.Signal


class CallOut(BaseModel):
    """The latest call."""

    id: CallId
    state: calls.CallState
    outgoing: bool
    ours: bool


class NowOut(BaseModel):
    """How it stands, as this page may know it."""

    call: CallOut | None = None
    signals: list[SignalOut] = []
    ice: list[dict[str, Any]] = []


def can_ring(found: Conversation) -> bool:
    """Tell whether the visitor's side has a page that can ring."""
    return calls.has_page(found)


def shown(found: Conversation, place: Place, name: str) -> dict[str, object]:
    """Return what the template chat_call.html needs, and let the page ask for the microphone."""
    security.permit_calls()
    return {
        "call_url": f"{place.url}/call",
        "call_about": found.visitor or found.id,
        "call_name": name,
    }


def read() -> Wanted:
    """Return what the page's script sent."""
    try:
        return Wanted.model_validate_json(request.get_data())
    except ValidationError as error:
        raise invalid_from(error) from None


def looked(work: Work, conversation: ConversationId, place: Place, wanted: Wanted) -> Response:
    """Tell the page how it stands."""
    return answer(_now(work, conversation, place, wanted))


def done(work: Work, conversation: ConversationId, place: Place, wanted: Wanted) -> Response:
    """Do what the page wants, and tell it how it stands then."""
    side, call, page = place.side, wanted.call, wanted.page
    match wanted.do:
        case "start":
            calls.start(work, conversation, side, page)
        case "answer":
            calls.answer(work, conversation, side, call, page)
        case "decline":
            calls.decline(work, conversation, side, call)
        case "hang_up":
            calls.hang_up(work, conversation, side, call, page)
        case "signal":
            if not wanted.signals:
                raise Invalid([("signals", "is needed")])
            calls.send(work, conversation, side, call, page, wanted.signals)
        case "here":
            calls.attend(work, conversation, side, call, page)
        case "look":
            pass
    return answer(_now(work, conversation, place, wanted))


def _now(work: Work, conversation: ConversationId, place: Place, wanted: Wanted) -> NowOut:
    seen = calls.seen(work, conversation, place.side, wanted.page, wanted.after)
    return NowOut() if seen is None else _out(work, seen)


def _out(work: Work, seen: calls.Seen) -> NowOut:
    call = seen.call
    meets = seen.ours and call.state is calls.CallState.ACCEPTED
    servers = calls.ice_servers(work, call) if meets else []
    return NowOut(
        call=CallOut(id=call.id, state=call.state, outgoing=seen.outgoing, ours=seen.ours),
        signals=[
            SignalOut(number=each.number, body=calls.Signal.model_validate(each.body))
            for each in seen.signals
        ],
        ice=[
            {"urls": each.urls, "username": each.username, "credential": each.credential}
            if each.username
            else {"urls": each.urls}
            for each in servers
        ],
    )
