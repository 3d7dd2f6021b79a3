"""The outbox: what is to be sent is written with the work that wants it, and sent after the commit.

A use case calls `post`. The worker calls `send_due` with a sender for each kind: a callable that sends one
`Outgoing` or raises `SendFailed`. Sending is at least once, except for rows posted with `once=True`, which are
tried a single time. A row past its deadline is never sent.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

import structlog
from sqlalchemy import JSON, BigInteger, Index, or_
from sqlmodel import Field, Session, col, delete, select, update

from server.kernel.database import ID_COLUMN, Record, stored_as_text
from server.kernel.events import Event
from server.kernel.ids import OutboxId
from server.kernel.principal import Principal
from server.kernel.work import Office, Work

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
"""How long a worker may take to send a row before another may try; senders must give up sooner."""
FIRST_RETRY = timedelta(seconds=1)
LONGEST_RETRY = timedelta(minutes=10)
MOST_ATTEMPTS = 200
"""At ten minutes each about a day and a half; then the row has failed and stays to be seen."""


class State(StrEnum):
    """What became of a row."""

    PENDING = "pending"
    SENT = "sent"
    EXPIRED = "expired"
    FAILED = "failed"


class OutboxRow(Record, table=True):
    """Something to be sent."""

    __tablename__ = "kernel_outbox"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "state", "kind", "due_at"),)

    id: OutboxId = Field(primary_key=True, sa_type=ID_COLUMN)
    kind: str = Field(max_length=32)
    destination: str = Field(max_length=255)
    payload: dict[str, Any] = Field(sa_type=JSON)
    body: bytes | None = None
    reference: str = Field(default="", max_length=64, index=True)
    created_at: datetime
    due_at: datetime
    deadline: datetime | None = None
    once: bool = False
    state: State = Field(default=State.PENDING, sa_type=stored_as_text(State))
    attempts: int = Field(default=0, sa_type=BigInteger)
    claimed_until: datetime | None = None
    settled_at: datetime | None = None
    last_error: str | None = Field(default=None, max_length=500)


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A row as its sender sees it."""

    id: OutboxId
    kind: str
    destination: str
    payload: dict[str, Any]
    body: bytes | None
    reference: str
    created_at: datetime
    deadline: datetime | None
    attempt: int
    """1 for the first try; a mail server that sees the same row twice can tell by the id."""


class SendFailed(Exception):
    """The sender could not send; `final` where trying again cannot help."""

    def __init__(
        self,
        reason: str,
        *,
        final: bool = False,
        again_in: timedelta | None = None,
        longest_retry: timedelta | None = None,
    ) -> None:
        """Say why, without secrets: the text is kept and shown.

        `again_in` is how long the other side asks to wait; `longest_retry` shortens `LONGEST_RETRY`.
        """
        super().__init__(reason)
        self.final = final
        self.again_in = again_in or timedelta()
        self.longest_retry = longest_retry or LONGEST_RETRY


Sender = Callable[[Outgoing], None]


@dataclass(frozen=True, kw_only=True)
class OutboxSettled(Event):
    """A row came to its end; react to it to show, for example, that a door command expired."""

    audited: ClassVar[bool] = False

    row: OutboxId
    kind: str
    reference: str
    state: State
    error: str | None


def post(  # noqa: PLR0913  each is one column that the caller chooses by name
    work: Work,
    kind: str,
    destination: str,
    payload: Mapping[str, Any] | None = None,
    *,
    body: bytes | None = None,
    reference: str = "",
    due_at: datetime | None = None,
    deadline: datetime | None = None,
    once: bool = False,
) -> OutboxId:
    """Write a row in the work's transaction: sent after the commit, not before `due_at`, not after `deadline`.

    `payload` holds JSON values, `body` bytes as they go out; `reference` names what it is about (a command's
    event id, a visitor's id) and comes back in `OutboxSettled`.
    """
    row = OutboxRow(
        id=OutboxId(work.ids.new()),
        kind=kind,
        destination=destination,
        payload=dict(payload or {}),
        body=body,
        reference=reference,
        created_at=work.now,
        due_at=due_at or work.now,
        deadline=deadline,
        once=once,
    )
    work.session.add(row)
    work.posted.add(kind)
    return row.id


def send_due(
    office: Office, senders: Mapping[str, Sender], *, limit: int = 50, together: bool = False
) -> int:
    """Send what is due of the kinds that have a sender; return how many rows were settled or tried.

    Several workers may run it at once: a row is claimed before it is sent. Call again while it returns `limit`.
    With `together` all that was sent is settled in one transaction at the end: for rows of which nobody minds
    that they are sent twice where a worker dies.
    """
    if not due_kinds(office, senders):
        return 0
    with office.begin(Principal.system("outbox")) as work:
        expired = _expire(work, tuple(senders))
        rows = _claim(work, tuple(senders), limit)
    tried: list[_Tried] = []
    for row in rows:
        if _still_ours(office, row):
            tried.append(_send(office, senders[row.kind], row))
            if not together:
                _tell(office, tried[-1:])
    if together:
        _tell(office, tried)
    return expired + len(rows)


def due_kinds(office: Office, kinds: Iterable[str]) -> set[str]:
    """Return those of the kinds of which something is due that nobody is sending."""
    # Asked often: a query takes no lock, claiming does.
    with office.reading(Principal.system("outbox")) as work:
        due = select(OutboxRow.kind).where(
            OutboxRow.state == State.PENDING,
            col(OutboxRow.kind).in_(list(kinds)),
            or_(col(OutboxRow.due_at) <= work.now, col(OutboxRow.deadline) <= work.now),
            or_(col(OutboxRow.claimed_until).is_(None), col(OutboxRow.claimed_until) <= work.now),
        )
        return set(work.session.exec(due.distinct()).all())


def _expire(work: Work, kinds: tuple[str, ...]) -> int:
    late = select(OutboxRow).where(
        OutboxRow.state == State.PENDING,
        col(OutboxRow.kind).in_(kinds),
        col(OutboxRow.deadline) <= work.now,
        or_(col(OutboxRow.claimed_until).is_(None), col(OutboxRow.claimed_until) <= work.now),
    )
    rows = work.session.exec(late.with_for_update(skip_locked=True)).all()
    for row in rows:
        _settle(work, row, State.EXPIRED, row.last_error or "not sent before its deadline")
    return len(rows)


def _claim(work: Work, kinds: tuple[str, ...], limit: int) -> list[OutboxRow]:
    due = (
        select(OutboxRow)
        .where(
            OutboxRow.state == State.PENDING,
            col(OutboxRow.kind).in_(kinds),
            OutboxRow.due_at <= work.now,
            or_(col(OutboxRow.claimed_until).is_(None), col(OutboxRow.claimed_until) <= work.now),
        )
        .order_by(col(OutboxRow.due_at), col(OutboxRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed: list[OutboxRow] = []
    for row in work.session.exec(due).all():
        if row.once and row.attempts:
            # A worker died between claiming and telling: it may have been sent, so it is not sent again.
            _settle(work, row, State.FAILED, "the worker stopped while sending")
            continue
        row.attempts += 1
        row.claimed_until = work.now + LEASE
        claimed.append(row)
    return claimed


def _still_ours(office: Office, row: OutboxRow) -> bool:
    """Tell whether nobody took the row over while those before it were sent; its lease then begins anew."""
    if row.claimed_until is not None and office.clock.now() < row.claimed_until - LEASE / 2:
        return True
    with office.begin(Principal.system("outbox")) as work:
        found = work.session.get_one(OutboxRow, row.id, with_for_update=True)
        if found.state != State.PENDING or found.attempts != row.attempts:
            return False
        found.claimed_until = work.now + LEASE
    return True


class _Tried(NamedTuple):
    """A row and what came of sending it."""

    row: OutboxRow
    state: State
    error: SendFailed | None


def _send(office: Office, sender: Sender, row: OutboxRow) -> _Tried:
    if row.deadline is not None and office.clock.now() >= row.deadline:
        return _Tried(row, State.EXPIRED, None)
    try:
        sender(_outgoing(row))
    except SendFailed as failed:
        return _Tried(row, State.FAILED, failed)
    except Exception as failed:
        # One broken sender must not stop everything else that waits to be sent.
        log.exception("sender failed", kind=row.kind, row=row.id)
        why = SendFailed(f"{type(failed).__name__} in the sender; see the log")
        return _Tried(row, State.FAILED, why)
    return _Tried(row, State.SENT, None)


def _tell(office: Office, tried: Sequence[_Tried]) -> None:
    """Write down what came of rows."""
    if not tried:
        return
    with office.begin(Principal.system("outbox")) as work:
        wanted = select(OutboxRow).where(col(OutboxRow.id).in_([each.row.id for each in tried]))
        stored = {row.id: row for row in work.session.exec(wanted).all()}
        for each in tried:
            row = stored.get(each.row.id)
            if row is not None and row.state == State.PENDING:
                _note(work, row, each.state, each.error)


def _note(work: Work, row: OutboxRow, state: State, error: SendFailed | None) -> None:
    row.claimed_until = None
    if error is None:
        _settle(work, row, state, None if state is State.SENT else "not sent before its deadline")
        return
    row.last_error = str(error)[:500]
    pause = min(retry_after(row.attempts), error.longest_retry)
    again = work.now + max(pause, min(error.again_in, LONGEST_RETRY))
    if error.final or row.once or row.attempts >= MOST_ATTEMPTS:
        _settle(work, row, State.FAILED, row.last_error)
    elif row.deadline is not None and again >= row.deadline:
        row.due_at = row.deadline
        log.debug("will expire", kind=row.kind, row=row.id, error=row.last_error)
    else:
        row.due_at = again
        # What is perishable is often and harmlessly late; what must arrive is worth a line.
        say = log.warning if row.deadline is None else log.debug
        say("not sent, will try again", kind=row.kind, row=row.id, error=row.last_error)


def retry_after(attempts: int) -> timedelta:
    """Return how long to wait after the n-th failed attempt: doubling, with jitter, up to ten minutes."""
    longest = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(attempts - 1, 16))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  spreads load, hides nothing


def _settle(work: Work, row: OutboxRow, state: State, error: str | None) -> None:
    row.state, row.last_error, row.settled_at, row.claimed_until = state, error, work.now, None
    if state is not State.SENT:
        say = log.warning if row.deadline is None or row.once else log.info
        say("not sent", kind=row.kind, row=row.id, state=state, error=error)
    work.record(
        OutboxSettled(row=row.id, kind=row.kind, reference=row.reference, state=state, error=error)
    )


def withdraw(work: Work, kind: str, reference: str, why: str) -> int:
    """Take back rows that were not sent yet, for example the mail of a visit just cancelled."""
    changed = work.session.exec(
        update(OutboxRow)
        .where(
            col(OutboxRow.kind) == kind,
            col(OutboxRow.reference) == reference,
            col(OutboxRow.state) == State.PENDING,
            col(OutboxRow.claimed_until).is_(None),
        )
        .values(state=State.EXPIRED, last_error=why[:500], settled_at=work.now)
    )
    return changed.rowcount


def last_errors(session: Session, references: Iterable[str]) -> dict[str, str]:
    """Return, by reference, why the latest try of rows failed that wait to be tried again."""
    waiting = select(OutboxRow).where(
        col(OutboxRow.reference).in_(list(references)), OutboxRow.state == State.PENDING
    )
    return {row.reference: row.last_error for row in session.exec(waiting) if row.last_error}


def prune(session: Session, before: datetime) -> int:
    """Delete rows that were sent before a moment; the others stay to be seen."""
    sent = col(OutboxRow.state) == State.SENT
    done = session.exec(delete(OutboxRow).where(sent, col(OutboxRow.settled_at) < before))
    return done.rowcount


def _outgoing(row: OutboxRow) -> Outgoing:
    return Outgoing(
        id=row.id,
        kind=row.kind,
        destination=row.destination,
        payload=row.payload,
        body=row.body,
        reference=row.reference,
        created_at=row.created_at,
        deadline=row.deadline,
        attempt=row.attempts,
    )
