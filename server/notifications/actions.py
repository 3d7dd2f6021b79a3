"""Mail: hand a letter or a mail over for delivery, and read what the local catcher holds."""

from datetime import datetime

from sqlmodel import select

from server.kernel import live, outbox
from server.kernel.errors import NotFound
from server.kernel.ids import MailId, OutboxId
from server.kernel.outbox import Outgoing
from server.kernel.pagination import Page, PageQuery
from server.kernel.principal import Right, require
from server.kernel.text import on_one_line
from server.kernel.work import Work
from server.notifications import letters, mail, models
from server.notifications.letters import Letter
from server.notifications.mail import Mail, ReadMail
from server.notifications.models import CaughtMail
from server.notifications.rules import KIND, opened, sealed, sealed_anew
from server.notifications.wording import LetterKind

__all__ = [
    "Letter",
    "LetterKind",
    "Mail",
    "ReadMail",
    "catch",
    "caught",
    "get",
    "message_of",
    "read",
    "seal_anew",
    "send_letter",
    "send_mail",
]


def send_letter(
    work: Work, letter: Letter, *, reference: str = "", deadline: datetime | None = None
) -> OutboxId:
    """Have a letter written and delivered; see `send_mail`."""
    written = letters.write(letter, work.settings.mail_from, work.now)
    return send_mail(work, written, reference=reference, deadline=deadline)


def send_mail(
    work: Work, wanted: Mail, *, reference: str = "", deadline: datetime | None = None
) -> OutboxId:
    """Have a mail delivered after the commit: by the mail server of the settings, or by the catcher.

    A mail with the same `reference` that still waits is taken back: the newer one says how things stand.
    What became of it comes back as `OutboxSettled` of kind `mail` with this reference.
    """
    if reference:
        outbox.withdraw(work, KIND, reference, "a newer mail took its place")
    message = mail.compose(wanted, work.settings.mail_from, work.ids.new(), work.now)
    return outbox.post(
        work,
        KIND,
        wanted.recipient,
        {"subject": on_one_line(wanted.subject)},
        body=sealed(work.sealer, message),
        reference=reference,
        deadline=deadline,
    )


def seal_anew(work: Work) -> None:
    """Seal with the present master key the mails, waiting or caught, that the previous one sealed."""
    waiting = select(outbox.OutboxRow).where(
        outbox.OutboxRow.kind == KIND, outbox.OutboxRow.state == outbox.State.PENDING
    )
    for row in work.session.exec(waiting).all():
        row.body = sealed_anew(work.sealer, row.body) if row.body else None
    for found in work.session.exec(select(CaughtMail)).all():
        found.sealed_message = sealed_anew(work.sealer, found.sealed_message)


def catch(work: Work, row: Outgoing, message: bytes) -> None:
    """Keep a mail that would have gone out; the same row twice is kept once."""
    mail_id = MailId(row.id)
    if work.session.get(CaughtMail, mail_id) is not None:
        return
    work.session.add(
        CaughtMail(
            id=mail_id,
            caught_at=work.now,
            recipient=row.destination,
            subject=str(row.payload.get("subject", ""))[:400],
            reference=row.reference,
            size=len(message),
            sealed_message=sealed(work.sealer, message),
        )
    )
    live.notice(work, "mail")


def caught(work: Work, query: PageQuery, *, recipient: str | None = None) -> Page[CaughtMail]:
    """Return the caught mails, newest first."""
    require(work.principal, Right.MAIL_READ)
    return models.caught(work.session, query, recipient=recipient)


def message_of(work: Work, mail_id: MailId) -> bytes:
    """Return a caught message as it would have gone out (RFC 5322)."""
    return opened(work.sealer, get(work, mail_id).sealed_message)


def read(work: Work, mail_id: MailId) -> ReadMail:
    """Return a caught mail as somebody reads it."""
    return mail.read(message_of(work, mail_id))


def get(work: Work, mail_id: MailId) -> CaughtMail:
    """Return what is known of a caught mail without opening it."""
    require(work.principal, Right.MAIL_READ)
    found = work.session.get(CaughtMail, mail_id)
    if found is None:
        raise NotFound("There is no such mail.")
    return found
