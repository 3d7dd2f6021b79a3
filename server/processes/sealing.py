"""Seals everything anew after the master key was changed, so that the previous one can be forgotten."""

from server.access import entrance_codes
from server.credentials import keys as issuer_keys
from server.devices import certification
from server.devices import keys as server_keys
from server.kernel.principal import Principal
from server.kernel.work import Office
from server.notifications import actions as notifications
from server.visits import guests, returning


def seal_anew(office: Office) -> None:
    """Seal with the present master key all that the previous one sealed: all of it, or nothing."""
    with office.begin(Principal.system("seal-anew")) as work:
        for renew in (
            issuer_keys.seal_anew,
            server_keys.seal_anew,
            certification.seal_anew,
            guests.seal_links_anew,
            returning.seal_anew,
            notifications.seal_anew,
            entrance_codes.seal_anew,
        ):
            renew(work)
