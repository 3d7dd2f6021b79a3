"""Whom each controller obeys: the gates whose access points name it, and the server for operators."""

from access_protocol.commands import Action
from access_protocol.documents import DocumentKind
from access_protocol.ids import DeviceId, SiteCode
from access_protocol.knowledge import Obeyed, write_key_list
from access_protocol.topics import SERVER, Kind
from server.devices import models
from server.devices.documents import issue, send
from server.devices.keys import signing_key
from server.devices.models import KeyPurpose
from server.kernel.work import Work
from server.places import models as places

GATE_ACTIONS = frozenset({Action.UNLOCK})


def key_list(work: Work, controller: DeviceId, site: SiteCode) -> bytes:
    """Return the body of a controller's key list as it should be now."""
    points = places.access_points_of_controller(work.session, site, controller)
    gates = {point.gate for point in points}
    obeyed = [
        Obeyed(gate.id, gate.public_key, GATE_ACTIONS)
        for gate in models.devices(work.session, site=site, kind=Kind.GATE)
        if gate.id in gates and gate.admitted and gate.public_key is not None
    ]
    own = signing_key(work, site, KeyPurpose.COMMAND).public
    return write_key_list((*obeyed, Obeyed(SERVER, own, frozenset(Action))))


def refresh_key_lists(work: Work, site: SiteCode) -> None:
    """Tell every controller of the site whose list changed; call when gates, keys or access points change."""
    for controller in models.devices(work.session, site=site, kind=Kind.CONTROLLER):
        device = controller.id
        row, changed = issue(
            work, device, DocumentKind.KEY_LIST, lambda of=device: key_list(work, of, site)
        )
        if changed and controller.admitted:
            send(work, site, row)
