"""What the worker sends for notifications: mail, pushes and messages to messengers; and when it looks for silence."""

from datetime import timedelta

import structlog

from server.kernel.desk import Desk
from server.kernel.outbox import Outgoing, Sender
from server.kernel.principal import Principal
from server.kernel.work import Office, Work
from server.notifications import actions, deliveries, models, phone_push, telling
from server.notifications.messenger import MessengerSender
from server.notifications.messengers import joining
from server.notifications.messengers.accounts import OUTBOX
from server.notifications.messengers.sending import ChatSender
from server.notifications.push import PushSender
from server.notifications.rules import KIND, unsealed
from server.notifications.smtp import MailServer, SmtpSender

log = structlog.get_logger(__name__)

KEPT = timedelta(days=30)
"""Caught mails are forgotten after this time: they hold names and addresses."""

SILENCE_LOOKED_FOR = timedelta(seconds=5)


class Catcher:
    """The sender of outbox rows of kind `mail` where no mail server is set: keeps them to be looked at."""

    def __init__(self, office: Office) -> None:
        """Keep the mails in the office's database."""
        self._office = office

    def __call__(self, row: Outgoing) -> None:
        """Keep the row's message."""
        with self._office.begin(Principal.system("mail catcher")) as work:
            actions.catch(work, row, unsealed(self._office.sealer, row))


def mail_sender(office: Office) -> Sender:
    """Return the sender that the settings ask for; ValueError for a URL that is none."""
    url = office.settings.smtp_url.get_secret_value()
    if not url:
        return Catcher(office)
    return SmtpSender(MailServer.from_url(url), office.settings.mail_from, office.sealer)


def register(desk: Desk) -> None:
    """Send mail, pushes and messages, tell deputies in time, and forget what is old."""
    desk.sends(KIND, mail_sender(desk.office))
    desk.sends(deliveries.PUSH, PushSender(desk.office))
    desk.sends(phone_push.OUTBOX, phone_push.PhonePushSender(desk.office))
    desk.sends(deliveries.SERVICE, MessengerSender(desk.office))
    desk.sends(OUTBOX, ChatSender(desk.office))
    desk.every(SILENCE_LOOKED_FOR, "tell deputies", telling.escalate)
    desk.every(timedelta(hours=1), "forget caught mail", forget)
    desk.every(timedelta(hours=1), "forget old notices", telling.forget)
    desk.every(timedelta(hours=1), "forget who had joined a messenger", joining.forget)
    desk.every(timedelta(hours=1), "forget phones that were told", phone_push.forget_old)


def forget(work: Work) -> None:
    """Delete caught mails that are old enough."""
    if count := models.forget(work.session, work.now - KEPT):
        log.info("forgot caught mail", count=count)
