"""What is kept of calls: who rang, whether somebody answered and how long they spoke; never what was said."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, Session, col, delete, func, or_, select

from server.conversations.rules import Side
from server.kernel.database import ID_COLUMN, Record, stored_as_text
from server.kernel.ids import CallId, CallSignalId, ConversationId, PersonId


class CallState(StrEnum):
    """How far a call has come."""

    RINGING = "ringing"
    ACCEPTED = "accepted"
    ENDED = "ended"
    MISSED = "missed"
    """Nobody answered in time, or whoever rang gave up."""
    DECLINED = "declined"


UNDER_WAY = (CallState.RINGING, CallState.ACCEPTED)


class Call(Record, table=True):
    """A call between the page of a visitor and one page of the house."""

    __tablename__ = "conversations_call"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(None, "conversation", "started_at"),
        Index(None, "state", "started_at"),
    )

    id: CallId = Field(primary_key=True, sa_type=ID_COLUMN)
    conversation: ConversationId = Field(
        sa_type=ID_COLUMN, foreign_key="conversations_conversation.id", ondelete="CASCADE"
    )
    caller: Side = Field(sa_type=stored_as_text(Side))
    caller_page: str = Field(max_length=32)
    """Which of the caller's open pages rang: a random number that the page made up."""
    callee_page: str = Field(default="", max_length=32)
    """Which page answered; the others stop ringing."""
    person: PersonId | None = Field(default=None, sa_type=ID_COLUMN, foreign_key="people_person.id")
    """Who spoke for the house, or rang."""
    state: CallState = Field(sa_type=stored_as_text(CallState))
    started_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    seen_at: datetime
    """When one of its two pages was heard of last."""
    last_number: int = 0
    """The number of the newest signal."""


class CallSignal(Record, table=True):
    """What one page wants to tell the other so that they find each other; gone after a minute, or with the call."""

    __tablename__ = "conversations_call_signal"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("call", "number"),)

    id: CallSignalId = Field(primary_key=True, sa_type=ID_COLUMN)
    call: CallId = Field(sa_type=ID_COLUMN, foreign_key="conversations_call.id", ondelete="CASCADE")
    number: int
    from_caller: bool
    body: dict[str, Any] = Field(sa_type=JSON)
    at: datetime = Field(index=True)


def latest(session: Session, conversation: ConversationId) -> Call | None:
    """Return the newest call of a conversation."""
    statement = select(Call).where(Call.conversation == conversation)
    return session.exec(
        statement.order_by(col(Call.started_at).desc(), col(Call.id).desc())
    ).first()


def ringing(session: Session, conversations: Iterable[ConversationId]) -> set[ConversationId]:
    """Return in which of these conversations a visitor rings."""
    statement = select(Call.conversation).where(
        col(Call.conversation).in_(list(conversations)),
        Call.state == CallState.RINGING,
        Call.caller == Side.VISITOR,
    )
    return {ConversationId(each) for each in session.exec(statement).all()}


def begun_since(
    session: Session, conversation: ConversationId, *, by_visitor: bool, at: datetime
) -> int:
    """Return how many calls one party began after a moment."""
    caller = col(Call.caller)
    statement = select(func.count()).where(
        Call.conversation == conversation,
        caller == Side.VISITOR if by_visitor else caller != Side.VISITOR,
        col(Call.started_at) > at,
    )
    return session.exec(statement).one()


def signals_for(
    session: Session, call: CallId, *, to_caller: bool, after: int, since: datetime
) -> Sequence[CallSignal]:
    """Return what the other page said after a number, if it is not too old."""
    statement = select(CallSignal).where(
        CallSignal.call == call,
        CallSignal.from_caller == (not to_caller),
        col(CallSignal.number) > after,
        col(CallSignal.at) > since,
    )
    return session.exec(statement.order_by(col(CallSignal.number))).all()


def signals_waiting(session: Session, call: CallId) -> int:
    """Return how many signals of a call are kept."""
    statement = select(func.count()).where(CallSignal.call == call)
    return session.exec(statement).one()


def over_time(
    session: Session, *, rung_before: datetime, unseen_since: datetime, begun_before: datetime
) -> Sequence[Call]:
    """Return the calls that rang, were silent or went on for too long."""
    rings = (col(Call.state) == CallState.RINGING) & (col(Call.started_at) <= rung_before)
    speaks = (col(Call.state) == CallState.ACCEPTED) & or_(
        col(Call.seen_at) <= unseen_since, col(Call.started_at) <= begun_before
    )
    return session.exec(select(Call).where(or_(rings, speaks)).order_by(col(Call.id))).all()


def drop_signals(session: Session, call: CallId) -> None:
    """Delete what the pages of a call told each other."""
    session.exec(delete(CallSignal).where(col(CallSignal.call) == call))


def drop_old_signals(session: Session, before: datetime) -> None:
    """Delete every signal that is older than this."""
    session.exec(delete(CallSignal).where(col(CallSignal.at) <= before))


def drop_calls(session: Session, conversation: ConversationId) -> None:
    """Delete the calls of a conversation with their signals."""
    calls = select(Call.id).where(Call.conversation == conversation)
    session.exec(delete(CallSignal).where(col(CallSignal.call).in_(calls)))
    session.exec(delete(Call).where(col(Call.conversation) == conversation))
