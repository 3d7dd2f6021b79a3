"""What gates and controllers report over MQTT, and what the worker tells controllers."""

from collections.abc import Callable
from datetime import timedelta

from access_protocol import topics
from access_protocol.codec import encode
from access_protocol.documents import DocumentKind
from access_protocol.events import (
    ControllerEvent,
    ControllerState,
    EventReceipt,
    GateHealth,
    Status,
    SyncRequest,
)
from access_protocol.topics import SERVER, Kind, Subject
from server.devices import actions, documents, reports
from server.devices.documents import KEPT
from server.devices.incoming import read, sender_of
from server.devices.key_lists import key_list
from server.kernel import outbox
from server.kernel.desk import Desk, Incoming
from server.kernel.principal import Principal
from server.kernel.work import Work

RECEIPT_KEPT = timedelta(seconds=10)
"""A controller that got no receipt by then tells the event again, and then gets one."""


def register(desk: Desk) -> None:
    """Take the reports of devices, and notice when the broker is lost."""
    for kind in (Kind.GATE, Kind.CONTROLLER):
        desk.on(kind, Subject.STATUS, _status)
        desk.on(kind, Subject.RENEWAL, renewal)
    desk.on(Kind.GATE, Subject.HEALTH, _health)
    desk.on(Kind.CONTROLLER, Subject.STATE, _door_state)
    desk.on(Kind.CONTROLLER, Subject.EVENT, _door_event)
    desk.on(Kind.CONTROLLER, Subject.SYNC, _sync)
    desk.sends(documents.OUTBOX_KIND, documents.sender(desk.transport))
    _forget_presence(desk)()
    desk.transport.on_connection(lambda there: None if there else _forget_presence(desk)())


def _forget_presence(desk: Desk) -> Callable[[], None]:
    def forget() -> None:
        with desk.office.begin(Principal.system("worker")) as work:
            reports.everyone_is_away(work)

    return forget


def _status(work: Work, incoming: Incoming) -> None:
    reports.status(work, sender_of(work, incoming), read(Status, incoming))


def renewal(work: Work, incoming: Incoming) -> None:
    """Answer a device that asks for its next certificate, where it is time."""
    device = sender_of(work, incoming)
    issued = actions.renew_certificate(work, device, incoming.payload)
    if issued is None:
        return
    topic = topics.build(device.site, Kind.SERVER, SERVER, Subject.CERTIFICATE, device.id)
    outbox.post(work, "mqtt", topic, body=encode(issued), deadline=work.now + KEPT)


def _health(work: Work, incoming: Incoming) -> None:
    reports.health(work, sender_of(work, incoming), read(GateHealth, incoming))


def _door_state(work: Work, incoming: Incoming) -> None:
    device = sender_of(work, incoming)
    reports.door_state(work, device, read(ControllerState, incoming), retained=incoming.retained)


def _door_event(work: Work, incoming: Incoming) -> None:
    """Store an event once; its receipt is in the outbox, so it leaves after the commit or not at all.

    One that was stored before is answered as well: its first receipt may be lost.
    """
    device, report = sender_of(work, incoming), read(ControllerEvent, incoming)
    reports.door_event(work, device, report)
    outbox.post(
        work,
        "mqtt",
        topics.build(device.site, Kind.SERVER, SERVER, Subject.RECEIPT, device.id),
        body=encode(EventReceipt(boot=report.boot, sequence=report.sequence)),
        reference=report.boot,
        deadline=work.now + RECEIPT_KEPT,
    )


def _sync(work: Work, incoming: Incoming) -> None:
    device = sender_of(work, incoming)
    held = actions.held_versions(read(SyncRequest, incoming).held)
    row, _ = actions.issue(
        work, device.id, DocumentKind.KEY_LIST, lambda: key_list(work, device.id, device.site)
    )
    if actions.catch_up(work, row, held.get(DocumentKind.KEY_LIST)):
        actions.send(work, device.site, row)
