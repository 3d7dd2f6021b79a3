"""How a mail lies in the outbox: its message is sealed, for it holds links and passes."""

from server.kernel.outbox import Outgoing, SendFailed
from server.kernel.sealing import CannotUnseal, Sealer

KIND = "mail"
_PURPOSE = "mail"


def sealed(sealer: Sealer, message: bytes) -> bytes:
    """Return the message sealed, as it is stored."""
    return sealer.seal(message, _PURPOSE)


def opened(sealer: Sealer, stored: bytes) -> bytes:
    """Return the message that `sealed` was given."""
    return sealer.unseal(stored, _PURPOSE)


def sealed_anew(sealer: Sealer, stored: bytes) -> bytes:
    """Return the same message sealed with the present master key."""
    return sealer.renewed(stored, _PURPOSE)


def unsealed(sealer: Sealer, row: Outgoing) -> bytes:
    """Return the message of an outbox row, or raise `SendFailed` for good."""
    try:
        return opened(sealer, row.body or b"")
    except CannotUnseal as error:
        raise SendFailed("the message was sealed with another master key", final=True) from error
