"""The worker's side: tries out keys, fetches what waits at a messenger, and writes."""

import json

import requests

from server.kernel import outbound
from server.kernel.ids import MessengerAccountId, MessengerLinkId
from server.kernel.outbox import OutboxSettled, Outgoing, SendFailed, State
from server.kernel.principal import Principal
from server.kernel.sealing import CannotUnseal
from server.kernel.work import Office, Work
from server.notifications.kinds import AccountState, JoinState, MessengerFailure
from server.notifications.messenger_models import MessengerAccount, MessengerLink
from server.notifications.messengers import accounts, hearing, joining
from server.notifications.messengers.accounts import FETCH, OUTBOX, SAY, SET_UP
from server.notifications.messengers.base import (
    Account,
    Message,
    Messenger,
    failed,
    failure_in,
)

MOST_PAGES = 50
"""Fetched in one go; the rest with the next."""
_SYSTEM = Principal.system("messengers")


class ChatSender:
    """The sender of outbox rows of kind `messenger`."""

    def __init__(self, office: Office) -> None:
        """Keep one adapter of each messenger for the life of this process."""
        self._office = office
        self._messengers = accounts.adapters(office.settings)

    def __call__(self, row: Outgoing) -> None:
        """Do what the row asks for, or raise `SendFailed`."""
        account_id = MessengerAccountId(row.destination)
        messenger, account = self._account(account_id)
        try:
            with outbound.session(self._office.settings) as http:
                match row.payload.get("do"):
                    case accounts.SET_UP:
                        self._set_up(messenger, account, http)
                    case accounts.FETCH:
                        self._fetch(messenger, account, http, str(row.payload.get("errand", "")))
                    case _:
                        messenger.send(account, http, self._message(row))
        except SendFailed as error:
            self._note(account_id, error, tried=row.payload.get("do") == SET_UP)
            raise
        self._note(account_id, None, tried=False, sent=row.payload.get("do") == SAY)

    def _account(self, account_id: MessengerAccountId) -> tuple[Messenger, Account]:
        with self._office.reading(_SYSTEM) as work:
            found = work.session.get(MessengerAccount, account_id)
            if found is None:
                raise failed(MessengerFailure.REMOVED, "the account was taken away", final=True)
            messenger = self._messengers[found.kind]
            return messenger, accounts.opened(found, messenger, work.sealer)

    def _set_up(self, messenger: Messenger, account: Account, http: requests.Session) -> None:
        address = messenger.set_up(account, http)
        with self._office.begin(_SYSTEM) as work:
            if found := work.session.get(MessengerAccount, account.id):
                found.address = address[:500]

    def _fetch(
        self, messenger: Messenger, account: Account, http: requests.Session, errand: str
    ) -> None:
        for _ in range(MOST_PAGES):
            got = messenger.fetch(account, http, errand)
            with self._office.begin(_SYSTEM) as work:
                found = work.session.get(MessengerAccount, account.id, with_for_update=True)
                if found is None:
                    return
                hearing.take(work, found, got.events)
                found.cursor = got.cursor[:500]
            if not got.more:
                return
            account = Account(account.id, account.keys, account.address, got.cursor)

    def _message(self, row: Outgoing) -> Message:
        try:
            body = json.loads(self._office.sealer.unseal(row.body or b"", OUTBOX))
        except CannotUnseal as error:
            raise failed(MessengerFailure.SEALED, "the message", final=True) from error
        return Message(body["to"], body["text"], row.id, body["reply"])

    def _note(
        self,
        account_id: MessengerAccountId,
        error: SendFailed | None,
        *,
        tried: bool,
        sent: bool = False,
    ) -> None:
        """Note on the account how it does: what the messenger refuses to us, and not to one user."""
        failure, why = failure_in(str(error)) if error else (None, "")
        if (
            error
            and not tried
            and failure not in (MessengerFailure.OUR_KEYS, MessengerFailure.QUOTA)
        ):
            return
        with self._office.begin(_SYSTEM) as work:
            found = work.session.get(MessengerAccount, account_id)
            if found is None:
                return
            if sent:
                found.sent_at = work.now
            waits = error is not None and failure in (
                MessengerFailure.BUSY,
                MessengerFailure.UNREACHABLE,
            )
            state = AccountState.FAILING if error else AccountState.READY
            accounts.note(found, AccountState.CHECKING if waits else state, failure, why)


def settled(work: Work, it: OutboxSettled) -> None:
    """Note on a visitor's link what became of a message to them."""
    link_id, _, what = it.reference.partition(":")
    if it.kind != OUTBOX or what in ("", FETCH, SET_UP):
        return
    link = work.session.get(MessengerLink, MessengerLinkId(link_id))
    if link is None:
        return
    account = work.session.get_one(MessengerAccount, link.account)
    if it.state is State.SENT:
        link.sent_at, link.failure = work.now, None
        return
    link.failure, _ = failure_in(it.error or "")
    if link.failure is MessengerFailure.BLOCKED:
        joining.block(work, link, account)
    elif link.failure is MessengerFailure.MUTE:
        link.state = JoinState.MUTE
    joining.show(work, link, account.site)
