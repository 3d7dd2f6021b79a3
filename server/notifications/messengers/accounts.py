"""The accounts that sites have at messengers: set up, tried out, shown without their keys, taken away."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from access_protocol.ids import SiteCode
from server.kernel import outbox
from server.kernel.errors import NotFound
from server.kernel.events import Event
from server.kernel.ids import MessengerAccountId
from server.kernel.principal import Kind, Right, require
from server.kernel.sealing import CannotUnseal, Sealer
from server.kernel.settings import Settings
from server.kernel.work import Work
from server.notifications.kinds import AccountState, MessengerFailure, MessengerKind
from server.notifications.messenger_models import MessengerAccount
from server.notifications.messengers.base import Account, Keys, Messenger, failed
from server.notifications.messengers.line import Line
from server.notifications.messengers.wecom import Wecom

OUTBOX = "messenger"
"""Kind of the rows by which anything is asked of a messenger."""
SET_UP, FETCH, SAY = "set_up", "fetch", "say"
"""What such a row asks for."""


@dataclass(frozen=True, kw_only=True)
class MessengerSetUp(Event):
    """An administrator gave a site's account at a messenger its keys."""

    account: MessengerAccountId
    site: SiteCode
    kind: MessengerKind


@dataclass(frozen=True, kw_only=True)
class MessengerTakenAway(Event):
    """A site does not use a messenger any more; who had joined is written to no more."""

    account: MessengerAccountId
    site: SiteCode
    kind: MessengerKind


def adapters(settings: Settings) -> dict[MessengerKind, Messenger]:
    """Return an adapter for each messenger."""
    every: tuple[Messenger, ...] = (
        Line(str(settings.line_api_url)),
        Wecom(str(settings.wecom_api_url)),
    )
    return {each.kind: each for each in every}


def set_up(
    work: Work, site: SiteCode, kind: MessengerKind, given: Mapping[str, Any]
) -> MessengerAccount:
    """Keep the keys of a site's account in place of any before, and have them tried.

    Raises pydantic's `ValidationError` for keys that cannot be any.
    """
    require(work.principal, Right.PLACES_MANAGE, site)
    keys = adapters(work.settings)[kind].keys.model_validate(dict(given))
    row = account_at(work.session, site, kind)
    if row is None:
        row = MessengerAccount(
            id=MessengerAccountId(work.ids.new()),
            site=site,
            kind=kind,
            sealed_keys=b"",
            state=AccountState.CHECKING,
            changed_at=work.now,
        )
    row.sealed_keys = work.sealer.seal(keys.model_dump_json().encode(), purpose(row.id))
    row.changed_at, row.state = work.now, AccountState.CHECKING
    row.address = row.cursor = row.why = ""
    row.failure = None
    work.session.add(row)
    work.session.flush()
    try_again(work, row)
    work.record(MessengerSetUp(account=row.id, site=site, kind=kind))
    return row


def try_again(work: Work, row: MessengerAccount) -> None:
    """Have the keys of an account tried now."""
    require(work.principal, Right.PLACES_MANAGE, row.site)
    reference = f"{row.id}:{SET_UP}"
    outbox.withdraw(work, OUTBOX, reference, "tried anew")
    outbox.post(work, OUTBOX, row.id, {"do": SET_UP}, reference=reference)


def take_away(work: Work, site: SiteCode, kind: MessengerKind) -> None:
    """Forget a site's account with its keys, its codes and who had joined."""
    require(work.principal, Right.PLACES_MANAGE, site)
    row = find(work, site, kind)
    work.record(MessengerTakenAway(account=row.id, site=site, kind=kind))
    work.session.delete(row)
    work.session.flush()


def find(work: Work, site: SiteCode, kind: MessengerKind) -> MessengerAccount:
    """Return a site's account, for whoever may change the site, and for us."""
    if work.principal.kind is not Kind.SYSTEM:
        require(work.principal, Right.PLACES_MANAGE, site)
    row = account_at(work.session, site, kind)
    if row is None:
        raise NotFound("This messenger is not set up for the site.")
    return row


def list_accounts(work: Work, site: SiteCode) -> Sequence[MessengerAccount]:
    """Return the accounts of a site."""
    require(work.principal, Right.PLACES_MANAGE, site)
    return accounts_of(work.session, site)


def accounts_of(session: Session, site: SiteCode) -> Sequence[MessengerAccount]:
    """Return the accounts of a site, always in the same order."""
    every = select(MessengerAccount).where(MessengerAccount.site == site)
    return session.exec(every.order_by(col(MessengerAccount.kind))).all()


def account_at(session: Session, site: SiteCode, kind: MessengerKind) -> MessengerAccount | None:
    """Return the account of a site at a messenger, if it is set up."""
    return session.exec(
        select(MessengerAccount).where(MessengerAccount.site == site, MessengerAccount.kind == kind)
    ).first()


def opened(row: MessengerAccount, messenger: Messenger, sealer: Sealer) -> Account:
    """Return an account as its adapter is given it; raises `SendFailed` where its keys cannot be unsealed."""
    try:
        stored: dict[str, Any] = json.loads(sealer.unseal(row.sealed_keys, purpose(row.id)))
    except CannotUnseal as error:
        raise failed(MessengerFailure.SEALED, "the account's keys", final=True) from error
    keys: Keys = messenger.keys.model_validate(stored)
    return Account(row.id, keys, row.address, row.cursor)


def note(
    row: MessengerAccount, state: AccountState, failure: MessengerFailure | None, why: str = ""
) -> None:
    """Note how an account does."""
    row.state, row.failure, row.why = state, failure, why[:500]


def seal_anew(work: Work) -> None:
    """Seal the keys with the present master key."""
    for row in work.session.exec(select(MessengerAccount)).all():
        row.sealed_keys = work.sealer.renewed(row.sealed_keys, purpose(row.id))


def purpose(account: MessengerAccountId) -> str:
    """Return the purpose under which an account's keys are sealed."""
    return f"messenger:{account}"
