"""Whom each controller obeys: the gates whose access points name it, and the server for operators."""

from dataclasses import dataclass

from access_protocol.commands import Action
from access_protocol.documents import DocumentKind
from access_protocol.ids import DeviceId, SiteCode
from access_protocol.knowledge import Obeyed, write_key_list
from access_protocol.topics import SERVER, Kind
from server.devices import models
from server.devices.documents import issue, send
from server.devices.keys import OVERLAP, make, obeyed_keys
from server.devices.models import KeyPurpose, ServerKey
from server.kernel.errors import Conflict, NotFound
from server.kernel.events import Event
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.places import models as places
from server.places.models import Site

GATE_ACTIONS = {False: frozenset({Action.UNLOCK}), True: frozenset({Action.DISPENSE})}
"""What a gate may have done: at a door or turnstile, and at a vending machine (True)."""
LOCKDOWN = frozenset({Action.LOCK_DOWN, Action.RELEASE})


@dataclass(frozen=True, kw_only=True)
class CommandKeyRotated(Event):
    """A new key will sign the server's commands at a site, once its controllers know it."""

    site: SiteCode
    new_key: bytes


def rotate_command_key(work: Work, site: SiteCode) -> ServerKey:
    """Make the key that signs commands in five minutes; until then controllers learn that they obey both."""
    require(work.principal, Right.KEYS_MANAGE, site)
    if work.session.get(Site, site) is None:
        raise NotFound("There is no such site.")
    obeyed_keys(work, site)
    newest = models.server_keys(work.session, site, KeyPurpose.COMMAND)[0]
    if newest.number > 1 and work.now < newest.created_at + OVERLAP:
        raise Conflict("A new key is on its way already. Wait five minutes.")
    made = make(work, site, KeyPurpose.COMMAND, newest.number + 1)
    work.session.flush()
    work.record(CommandKeyRotated(site=site, new_key=made.public))
    refresh_key_lists(work, site)
    return made


def key_list(work: Work, controller: DeviceId, site: SiteCode) -> bytes:
    """Return the body of a controller's key list as it should be now: nobody opens a machine, or is given a door."""
    points = places.access_points_of_controller(work.session, site, controller)
    gates = {point.gate for point in points}
    actions = frozenset[Action]().union(*(GATE_ACTIONS[point.gives_out] for point in points))
    obeyed = [
        Obeyed(gate.id, gate.public_key, actions)
        for gate in models.devices(work.session, site=site, kind=Kind.GATE)
        if gate.id in gates and gate.admitted and gate.public_key is not None
    ]
    own = [Obeyed(SERVER, public, actions | LOCKDOWN) for public in obeyed_keys(work, site)]
    return write_key_list((*obeyed, *own))


def refresh_key_lists(work: Work, site: SiteCode) -> None:
    """Tell every controller of the site whose list changed; call when gates, keys or access points change."""
    for controller in models.devices(work.session, site=site, kind=Kind.CONTROLLER):
        device = controller.id
        row, changed = issue(
            work, device, DocumentKind.KEY_LIST, lambda of=device: key_list(work, of, site)
        )
        if changed and controller.admitted:
            send(work, site, row)
