"""What the web process does with a request to a messenger's hook: find the account, check, handle."""

from access_protocol.ids import SiteCode
from server.kernel.errors import NotFound
from server.kernel.outbox import SendFailed
from server.kernel.work import Work
from server.notifications.kinds import MessengerKind
from server.notifications.messenger_models import MessengerAccount
from server.notifications.messengers import accounts, hearing
from server.notifications.messengers.base import Account, Asked, Messenger, NotGenuine


def greet_hook(work: Work, kind: MessengerKind, site: SiteCode, asked: Asked) -> str:
    """Return what a messenger wants to read when it tries a hook out; raises `NotGenuine`."""
    _, messenger, account = _known(work, kind, site)
    return messenger.greet(account, asked)


def ask_hook(work: Work, kind: MessengerKind, site: SiteCode, asked: Asked) -> None:
    """Handle a messenger's request; raises `NotGenuine` and `Unreadable`, and nothing has happened then."""
    row, messenger, account = _known(work, kind, site)
    hearing.hear(work, row, messenger.hear(account, asked))


def _known(
    work: Work, kind: MessengerKind, site: SiteCode
) -> tuple[MessengerAccount, Messenger, Account]:
    """Return the account of a hook; one that is not set up looks from outside like a wrong signature."""
    try:
        row = accounts.find(work, site, kind)
        messenger = accounts.adapters(work.settings)[kind]
        return row, messenger, accounts.opened(row, messenger, work.sealer)
    except (NotFound, SendFailed):
        raise NotGenuine from None
