"""What others ask of notifications: tell a host, send a letter or a mail, and read what the mail catcher holds."""

from dataclasses import replace
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
from server.notifications import channels, letters, mail, models, phone_push
from server.notifications.channels import (
    NewChannel,
    Subscription,
    add_channel,
    find_channel,
    forget_person,
    latest_test,
    list_channels,
    push_key,
    remove_channel,
    send_test,
)
from server.notifications.deliveries import settled, waiting_tries
from server.notifications.forgetting import (
    about_visitor,
    forget_notices_once,
    forget_visitor,
    prune_mails,
    prune_notices,
)
from server.notifications.handover import hand_over as hand_over_notices
from server.notifications.kinds import (
    TOLD_ONCE,
    WORTHLESS_AFTERWARDS,
    AccountState,
    ChannelKind,
    DeliveryState,
    Failure,
    JoinState,
    MailUse,
    MessengerFailure,
    MessengerKind,
    NewsKind,
    NoticeKind,
    QuietWay,
)
from server.notifications.letters import Letter, SeriesDate
from server.notifications.mail import Mail, ReadMail
from server.notifications.messenger_models import MessengerAccount
from server.notifications.messengers import accounts, joining
from server.notifications.messengers.accounts import (
    find as find_messenger,
)
from server.notifications.messengers.accounts import (
    list_accounts as list_messengers,
)
from server.notifications.messengers.accounts import (
    set_up as set_up_messenger,
)
from server.notifications.messengers.accounts import (
    take_away as take_messenger_away,
)
from server.notifications.messengers.accounts import (
    try_again as try_messenger,
)
from server.notifications.messengers.base import Asked, NotGenuine, Unreadable
from server.notifications.messengers.hooks import ask_hook, greet_hook
from server.notifications.messengers.joining import Joined, MessengerWrote, joined_of
from server.notifications.messengers.joining import Page as MessengerPage
from server.notifications.messengers.joining import choices as messenger_choices
from server.notifications.messengers.joining import forget_visitor as forget_at_messengers
from server.notifications.messengers.joining import join_url as messenger_url
from server.notifications.messengers.joining import leave as leave_messenger
from server.notifications.messengers.joining import tell as tell_at_messengers
from server.notifications.messengers.sending import settled as messenger_settled
from server.notifications.messengers.words import brief
from server.notifications.models import CaughtMail
from server.notifications.phone_push import forget as forget_phone
from server.notifications.phone_push import is_told as is_phone_told
from server.notifications.phone_push import settled as phone_settled
from server.notifications.phone_push import subscribe as subscribe_phone
from server.notifications.phone_push import tell as tell_phone
from server.notifications.phrases import Worded, word
from server.notifications.preferences import (
    PreferencesInput,
    is_quiet,
    preferences_of,
    set_preferences,
)
from server.notifications.rules import KIND, opened, sealed, sealed_anew
from server.notifications.services import NAMES as SERVICES
from server.notifications.telling import (
    NewNotice,
    NoticeUnanswered,
    Recipient,
    find_notice,
    notices_of,
    reacted,
    reacted_about,
    reacted_at,
    reacted_once,
    tell,
)
from server.notifications.wording import OVER, LetterKind

__all__ = [
    "OVER",
    "SERVICES",
    "TOLD_ONCE",
    "WORTHLESS_AFTERWARDS",
    "AccountState",
    "Asked",
    "ChannelKind",
    "DeliveryState",
    "Failure",
    "JoinState",
    "Joined",
    "Letter",
    "LetterKind",
    "Mail",
    "MailUse",
    "MessengerAccount",
    "MessengerFailure",
    "MessengerKind",
    "MessengerPage",
    "MessengerWrote",
    "NewChannel",
    "NewNotice",
    "NewsKind",
    "NotGenuine",
    "NoticeKind",
    "NoticeUnanswered",
    "PreferencesInput",
    "QuietWay",
    "ReadMail",
    "Recipient",
    "SeriesDate",
    "Subscription",
    "Unreadable",
    "Worded",
    "about_visitor",
    "add_channel",
    "ask_hook",
    "brief",
    "catch",
    "caught",
    "find_channel",
    "find_messenger",
    "find_notice",
    "forget_at_messengers",
    "forget_notices_once",
    "forget_person",
    "forget_phone",
    "forget_visitor",
    "get",
    "greet_hook",
    "hand_over_notices",
    "is_phone_told",
    "is_quiet",
    "joined_of",
    "latest_test",
    "leave_messenger",
    "list_channels",
    "list_messengers",
    "message_of",
    "messenger_choices",
    "messenger_settled",
    "messenger_url",
    "notices_of",
    "phone_settled",
    "preferences_of",
    "prune_mails",
    "prune_notices",
    "push_key",
    "reacted",
    "reacted_about",
    "reacted_at",
    "reacted_once",
    "read",
    "remove_channel",
    "seal_anew",
    "send_letter",
    "send_mail",
    "send_test",
    "set_preferences",
    "set_up_messenger",
    "settled",
    "subscribe_phone",
    "take_messenger_away",
    "tell",
    "tell_at_messengers",
    "tell_phone",
    "try_messenger",
    "waiting_tries",
    "word",
]


def send_letter(
    work: Work,
    letter: Letter,
    *,
    reference: str = "",
    deadline: datetime | None = None,
    reply_to: str = "",
) -> OutboxId:
    """Have a letter written and delivered; see `send_mail`."""
    written = replace(letters.write(letter, work.settings.mail_from, work.now), reply_to=reply_to)
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
    """Seal with the present master key mails, waiting or caught, and channels that the previous one sealed."""
    waiting = select(outbox.OutboxRow).where(
        outbox.OutboxRow.kind == KIND, outbox.OutboxRow.state == outbox.State.PENDING
    )
    for row in work.session.exec(waiting).all():
        row.body = sealed_anew(work.sealer, row.body) if row.body else None
    for found in work.session.exec(select(CaughtMail)).all():
        found.sealed_message = sealed_anew(work.sealer, found.sealed_message)
    channels.seal_anew(work)
    accounts.seal_anew(work)
    joining.seal_anew(work)
    phone_push.seal_anew(work)


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
