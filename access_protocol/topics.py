"""MQTT topics: ``genkan/<site>/<kind>/<device>/<subject>[/<addressee>]``, built and parsed here only.

A device writes only below its own id, and a message to another device ends in the addressee's id.
"""

from dataclasses import dataclass
from enum import StrEnum

from access_protocol.ids import DeviceId, MalformedIdError, SiteCode, device_id, site_code

ROOT = "genkan"
SERVER = DeviceId("server")
"""The device id under which the server's processes write."""
_PARTS_WITHOUT_ADDRESSEE = 5
_PARTS_WITH_ADDRESSEE = 6


class Kind(StrEnum):
    """What sort of device writes."""

    GATE = "gate"
    CONTROLLER = "controller"
    SERVER = "server"


class Subject(StrEnum):
    """What a message is about."""

    STATUS = "status"
    HEALTH = "health"
    STATE = "state"
    EVENT = "event"
    ASK = "ask"
    ANSWER = "answer"
    COMMAND = "command"
    ACKNOWLEDGEMENT = "acknowledgement"
    SYNC = "sync"
    JOURNAL = "journal"
    PASSAGE = "passage"
    RENEWAL = "renewal"
    CERTIFICATE = "certificate"
    RECEIPT = "receipt"
    KNOWLEDGE = "knowledge"
    KEYS = "keys"
    LIVE = "live"


WRITES: dict[Kind, dict[Subject, bool]] = {
    Kind.GATE: {
        Subject.STATUS: False,
        Subject.HEALTH: False,
        Subject.PASSAGE: False,
        Subject.JOURNAL: True,
        Subject.SYNC: True,
        Subject.RENEWAL: True,
        Subject.ASK: True,
        Subject.COMMAND: True,
    },
    Kind.CONTROLLER: {
        Subject.STATUS: False,
        Subject.STATE: False,
        Subject.EVENT: False,
        Subject.SYNC: True,
        Subject.RENEWAL: True,
        Subject.ANSWER: True,
        Subject.ACKNOWLEDGEMENT: True,
    },
    Kind.SERVER: {
        Subject.STATUS: False,
        Subject.LIVE: False,
        Subject.KNOWLEDGE: True,
        Subject.RECEIPT: True,
        Subject.KEYS: True,
        Subject.CERTIFICATE: True,
        Subject.ASK: True,
        Subject.COMMAND: True,
    },
}
"""Which subjects each kind of device writes, and whether the topic ends in an addressee."""


class MalformedTopicError(ValueError):
    """A topic that is not one of this protocol's."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic, taken apart."""

    site: SiteCode
    kind: Kind
    device: DeviceId
    subject: Subject
    addressee: DeviceId | None = None

    def __str__(self) -> str:
        """Return the topic as MQTT writes it."""
        parts = [ROOT, self.site, self.kind, self.device, self.subject]
        if self.addressee is not None:
            parts.append(self.addressee)
        return "/".join(parts)


def build(
    site: SiteCode,
    kind: Kind,
    device: DeviceId,
    subject: Subject,
    addressee: DeviceId | None = None,
) -> str:
    """Return the topic; raise `MalformedTopicError` where this kind writes no such subject."""
    addressed = WRITES[kind].get(subject)
    if addressed is None or addressed != (addressee is not None):
        reason = f"a {kind} has no topic {subject} {'with' if addressee else 'without'} addressee"
        raise MalformedTopicError(reason)
    return str(Topic(site, kind, device, subject, addressee))


def parse(topic: str) -> Topic:
    """Return the topic taken apart, or raise `MalformedTopicError`."""
    parts = topic.split("/")
    if not _PARTS_WITHOUT_ADDRESSEE <= len(parts) <= _PARTS_WITH_ADDRESSEE or parts[0] != ROOT:
        raise MalformedTopicError(topic)
    try:
        site, kind = site_code(parts[1]), Kind(parts[2])
        device, subject = device_id(parts[3]), Subject(parts[4])
        addressee = device_id(parts[5]) if len(parts) == _PARTS_WITH_ADDRESSEE else None
    except (MalformedIdError, ValueError) as error:
        raise MalformedTopicError(topic) from error
    if WRITES[kind].get(subject) != (addressee is not None):
        raise MalformedTopicError(topic)
    return Topic(site, kind, device, subject, addressee)


def everything_for(site: SiteCode, addressee: DeviceId) -> str:
    """Return the filter that matches every message addressed to a device, whoever wrote it."""
    return f"{ROOT}/{site}/+/+/+/{addressee}"


def below(site: SiteCode, kind: Kind, device: DeviceId) -> str:
    """Return the filter of all that a device may write."""
    return f"{ROOT}/{site}/{kind}/{device}/#"


def of_all(site: SiteCode | None, kind: Kind, subject: Subject) -> str:
    """Return the filter of one unaddressed subject of all devices of a kind (of all sites: None)."""
    return f"{ROOT}/{site or '+'}/{kind}/+/{subject}"


def to_all(kind: Kind, subject: Subject, addressee: DeviceId) -> str:
    """Return the filter of one addressed subject, at every site, from all devices of a kind."""
    return f"{ROOT}/+/{kind}/+/{subject}/{addressee}"


TRACKERS = "owntracks"
"""Root of the topics of visitors' OwnTracks apps, whose names that program gives: ``owntracks/<user>/<device>``."""
TRACKING_DEVICE = "phone"
"""Every visitor's app is one user of its own, with this one device."""


def of_tracker(user: str) -> tuple[str, ...]:
    """Return all that a visitor's OwnTracks app may write: where it is, and that it crossed a region's edge."""
    own = f"{TRACKERS}/{user}/{TRACKING_DEVICE}"
    return own, f"{own}/event"


def of_all_trackers() -> tuple[str, ...]:
    """Return the filters of what every visitor's OwnTracks app writes."""
    return of_tracker("+")


def tracker(topic: str) -> str:
    """Return the user that an OwnTracks topic belongs to, or raise `MalformedTopicError`."""
    parts = topic.split("/")
    if len(parts) < len((TRACKERS, "user", TRACKING_DEVICE)) or topic not in of_tracker(parts[1]):
        raise MalformedTopicError(topic)
    return parts[1]
