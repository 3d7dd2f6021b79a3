"""The two checks at the start of every message: who wrote it, and whether it can be read."""

from typing import TypeVar

from access_protocol.codec import MalformedReportError, Report, decode
from server.devices.models import Device
from server.kernel.desk import Incoming, Malformed
from server.kernel.work import Work

R = TypeVar("R", bound=Report)


def sender_of(work: Work, incoming: Incoming) -> Device:
    """Return the device that wrote a message; raise `Malformed` where the topic does not fit what is registered."""
    device = work.session.get(Device, incoming.topic.device)
    if (
        device is None
        or not device.admitted
        or (device.site, device.kind) != (incoming.topic.site, incoming.topic.kind)
    ):
        raise Malformed("not from a device that is enrolled at this site")
    return device


def read(kind: type[R], incoming: Incoming) -> R:
    """Return the report in a message, or raise `Malformed`."""
    try:
        return decode(kind, incoming.payload)
    except MalformedReportError as error:
        raise Malformed(str(error)) from error
