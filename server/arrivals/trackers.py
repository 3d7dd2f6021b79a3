"""A visitor's OwnTracks app: its credentials for one visit, and the configuration that one tap puts into it."""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from access_protocol import certificates, topics
from server.arrivals import fences, models
from server.arrivals.crossings import is_day_of, locked
from server.arrivals.models import Tracker, Watch
from server.arrivals.shapes import Circle, Polygon
from server.arrivals.watching import Place, Rings
from server.devices import actions as devices
from server.kernel.errors import Conflict, NotFound, SignInNeeded
from server.kernel.events import Event
from server.kernel.ids import VisitId, VisitorId
from server.kernel.settings import Settings
from server.kernel.work import Work
from server.visits import models as visits
from server.visits.models import Visit

_NAME_BYTES = 9
_PASSPHRASE_BYTES = 9
"""Short enough to be typed, and the file it opens is worth nothing after the visit."""
_MONITORING_REGIONS_ONLY = 0
"""OwnTracks' "manual" mode: nothing but regions is watched, so no track ever leaves the phone."""
_MODE_HTTP, _MODE_MQTT = 3, 0
_MQTT_3_1_1 = 4
_KEEPALIVE_S = 60
"""The broker takes nobody whose sign of life comes less often than every 120 s."""
KEY_FILE = "genkan.otrp"


class Region(StrEnum):
    """The names of our two regions in the app; its messages carry them."""

    NEAR = "Genkan: near"
    APPROACHING = "Genkan: approaching"

    @classmethod
    def ring_of(cls, name: str) -> Place | None:
        """Return which of a site's fences a region is; None for the visitor's own regions."""
        return _RINGS.get(name)


_RINGS = {Region.NEAR.value: Place.NEAR, Region.APPROACHING.value: Place.APPROACHING}


@dataclass(frozen=True, kw_only=True)
class TrackerSetUp(Event):
    """A visitor let their OwnTracks app tell when they come near."""

    visitor: VisitorId
    visit: VisitId


@dataclass(frozen=True, kw_only=True)
class TrackerEnded(Event):
    """A visitor's OwnTracks app has no credentials any more."""

    visitor: VisitorId


@dataclass(frozen=True)
class Setup:
    """What an app needs, shown once and kept nowhere."""

    name: str
    secret: str = field(repr=False)
    link: str = field(repr=False)
    """`owntracks:///config?inline=…`: a tap opens the app and configures it."""


@dataclass(frozen=True)
class BrokerSetup:
    """What an app needs that talks to the broker itself: a key file, the word that opens it, and the link."""

    link: str = field(repr=False)
    key_file: bytes = field(repr=False)
    """PKCS #12 with key, certificate and our authority."""
    passphrase: str = field(repr=False)


def set_up(work: Work, visitor: VisitorId) -> Setup:
    """Give a visitor's app fresh credentials for HTTP, and end those it had; raise `Conflict` on any other day."""
    visit, rings = _may(work, visitor)
    tracker, secret = _anew(work, visitor, visit.ends_at)
    settings = {
        "mode": _MODE_HTTP,
        "url": f"{str(work.settings.base_url).rstrip('/')}/owntracks/{tracker.name}",
        "auth": True,
        "username": tracker.name,
        "password": secret,
    }
    work.record(TrackerSetUp(visitor=visitor, visit=visit.id))
    return Setup(tracker.name, secret, _link(_configuration(tracker, rings, settings)))


def set_up_for_broker(work: Work, visitor: VisitorId) -> BrokerSetup:
    """Give a visitor's app a certificate for the broker, until the visit ends; the broker takes no passwords."""
    visit, rings = _may(work, visitor)
    tracker, _ = _anew(work, visitor, visit.ends_at)
    passphrase = work.ids.secret(_PASSPHRASE_BYTES)
    identity = devices.admit_guest(work, tracker.name, visit.ends_at)
    own, _ = topics.of_tracker(tracker.name)
    settings = {
        "mode": _MODE_MQTT,
        "host": _public_host(work.settings),
        "port": work.settings.broker_port,
        "tls": True,
        "auth": True,
        "username": tracker.name,
        "clientId": tracker.name,
        "mqttProtocolLevel": _MQTT_3_1_1,
        "keepalive": _KEEPALIVE_S,
        "cleanSession": True,
        "pubTopicBase": own,
        "pubRetain": False,
        "sub": False,
        # iOS finds the file by its name; Android asks for the certificate in its own store.
        "clientpkcs": KEY_FILE,
        "passphrase": passphrase,
        "tlsClientCrt": tracker.name,
    }
    key_file = pkcs12.serialize_key_and_certificates(
        tracker.name.encode(),
        certificates.read_key(identity.key),
        certificates.read_certificate(identity.certificate),
        [certificates.read_certificate(identity.authority)],
        # The older algorithms: their documentation asks for them, phones read no others.
        PrivateFormat.PKCS12.encryption_builder()
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(SHA1())  # noqa: S303  the same
        .build(passphrase.encode()),
    )
    work.record(TrackerSetUp(visitor=visitor, visit=visit.id))
    return BrokerSetup(_link(_configuration(tracker, rings, settings)), key_file, passphrase)


def end(work: Work, visitor: VisitorId) -> None:
    """Take the credentials of a visitor's app away, and forget what was weighed of its messages."""
    tracker = work.session.get(Tracker, visitor)
    if tracker is not None:
        _forget(work, tracker)
        work.record(TrackerEnded(visitor=visitor))


def follow_visit(work: Work, visitor: VisitorId) -> None:
    """Let a visitor's app count as long as the visit does now; a certificate for the broker never lasts longer."""
    tracker, found = work.session.get(Tracker, visitor), visits.with_visitor(work.session, visitor)
    if tracker is not None and found is not None:
        tracker.ends_at = found[0].ends_at
        devices.keep_guest(work, tracker.name, tracker.ends_at)


def forget_ended(work: Work) -> None:
    """Forget the apps of visits that are over."""
    for tracker in models.ended_trackers(work.session, work.now):
        _forget(work, tracker)


def signed_in(work: Work, name: str, secret: str) -> Tracker:
    """Return the tracker with these credentials, or raise `SignInNeeded`."""
    tracker = named(work, name)
    given = sha256(secret.encode()).hexdigest()
    if tracker is None or not compare_digest(given, tracker.secret_hash):
        raise SignInNeeded("These credentials do not count, or not any more.")
    return tracker


def named(work: Work, name: str) -> Tracker | None:
    """Return the tracker of this name while its visit lasts."""
    tracker = models.tracker_named(work.session, name)
    return tracker if tracker is not None and tracker.ends_at > work.now else None


def _may(work: Work, visitor: VisitorId) -> tuple[Visit, Rings]:
    # Of two taps the second one waits, and ends what the first one set up.
    visit = locked(work, visitor)
    if visit is None:
        raise NotFound("Nobody of that name is expected.")
    if not is_day_of(work, visit):
        raise Conflict("This can be set up on the day of the visit, until it ends.")
    rings = fences.rings_of(work.session, visit.site)
    if rings is None:
        raise Conflict("This site does not notice who comes near. Please use the buttons.")
    return visit, rings


def _anew(work: Work, visitor: VisitorId, ends_at: datetime) -> tuple[Tracker, str]:
    end(work, visitor)
    secret = work.ids.secret()
    tracker = Tracker(
        visitor=visitor,
        name=f"guest-{work.ids.random_bytes(_NAME_BYTES).hex()}",
        secret_hash=sha256(secret.encode()).hexdigest(),
        created_at=work.now,
        ends_at=ends_at,
    )
    work.session.add(tracker)
    work.session.flush()
    return tracker, secret


def _forget(work: Work, tracker: Tracker) -> None:
    watch = work.session.get(Watch, tracker.visitor)
    if watch is not None:
        work.session.delete(watch)
    devices.dismiss_guest(work, tracker.name)
    work.session.delete(tracker)
    work.session.flush()


def _configuration(tracker: Tracker, rings: Rings, settings: dict[str, Any]) -> dict[str, Any]:
    """Return a `configuration` message; both platforms take what they know of it and leave the rest."""
    born = int(tracker.created_at.timestamp())
    return {
        "_type": "configuration",
        **settings,
        "deviceId": topics.TRACKING_DEVICE,
        "tid": "GK",
        "monitoring": _MONITORING_REGIONS_ONLY,
        "cmd": False,
        "remoteConfiguration": False,
        "allowRemoteLocation": False,
        "extendedData": False,
        "waypoints": [
            _waypoint(Region.NEAR, rings.near, born),
            _waypoint(Region.APPROACHING, rings.approaching, born + 1),
        ],
    }


def _waypoint(region: Region, shape: Circle | Polygon, born: int) -> dict[str, Any]:
    circle = shape.around()
    return {
        "_type": "waypoint",
        "desc": region.value,
        "lat": round(circle.coordinates[1], 6),
        "lon": round(circle.coordinates[0], 6),
        "rad": round(circle.radius_m),
        # Tells waypoints apart in the app, so no two may have the same.
        "tst": born,
    }


def _link(configuration: dict[str, Any]) -> str:
    written = json.dumps(configuration, separators=(",", ":")).encode()
    # Their documentation leaves the plus of Base64 as it is; readers of queries take that for a blank.
    return f"owntracks:///config?inline={quote(base64.b64encode(written), safe='')}"


def _public_host(settings: Settings) -> str:
    """Return the host by which a phone reaches the broker: the page's own, where the broker is on this machine."""
    local = settings.broker_host in {"127.0.0.1", "localhost", "::1"}
    return (settings.base_url.host or settings.broker_host) if local else settings.broker_host
