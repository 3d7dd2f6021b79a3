"""Mail that the local catcher holds, where no mail server is set."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, Session, col, delete, select

from server.kernel.database import ID_COLUMN, Record
from server.kernel.ids import MailId
from server.kernel.pagination import Page, PageQuery, paginate


class CaughtMail(Record, table=True):
    """One caught mail; the message as it would have gone out is sealed: it holds links and passes."""

    __tablename__ = "notifications_caught_mail"  # pyright: ignore[reportAssignmentType]

    id: MailId = Field(primary_key=True, sa_type=ID_COLUMN)
    caught_at: datetime = Field(index=True)
    recipient: str = Field(max_length=254, index=True)
    subject: str = Field(max_length=400)
    reference: str = Field(default="", max_length=64, index=True)
    size: int = Field(sa_type=BigInteger)
    """Bytes of the message."""
    sealed_message: bytes


def caught(session: Session, query: PageQuery, *, recipient: str | None = None) -> Page[CaughtMail]:
    """Return caught mails, newest first."""
    statement = select(CaughtMail)
    if recipient:
        statement = statement.where(CaughtMail.recipient == recipient)
    return paginate(session, statement, [col(CaughtMail.id)], query, newest_first=True)


def about(session: Session, reference: str) -> Sequence[CaughtMail]:
    """Return the caught mails with a reference, oldest first."""
    statement = select(CaughtMail).where(CaughtMail.reference == reference)
    return session.exec(statement.order_by(col(CaughtMail.id))).all()


def forget(session: Session, before: datetime) -> int:
    """Delete mails caught before a moment; return how many."""
    return session.exec(delete(CaughtMail).where(col(CaughtMail.caught_at) < before)).rowcount
