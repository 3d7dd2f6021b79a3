"""What each gate must know to decide by itself: its sections, pushed when they change, given when asked for."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from access_protocol import knowledge as sections
from access_protocol.documents import DocumentKind
from access_protocol.ids import AccessPointId, DeviceId, PortalId, SiteCode, ZoneNumber
from access_protocol.knowledge import Policy
from access_protocol.topics import Kind
from server.credentials import models as credentials
from server.devices import actions as devices
from server.devices import models as device_models
from server.kernel.work import Work
from server.places import models as places
from server.places.models import AccessPoint, Site

SECTIONS = (DocumentKind.KEYS, DocumentKind.POLICY, DocumentKind.REVOCATIONS)
TIME_EVERY = timedelta(minutes=1)


def refresh(work: Work, site: SiteCode, kinds: Iterable[DocumentKind] = SECTIONS) -> None:
    """Tell every gate of the site which of these sections changed. Call after whatever may change them."""
    for gate in device_models.devices(work.session, site=site, kind=Kind.GATE):
        if not gate.admitted:
            continue
        for kind in kinds:
            row, changed = devices.issue(work, gate.id, kind, _body(work, site, gate.id, kind))
            if changed:
                devices.send(work, site, row)


def answer(work: Work, site: SiteCode, gate: DeviceId, held: Mapping[str, int]) -> None:
    """Send a gate the sections that are newer than those it holds, and the time."""
    versions = devices.held_versions(held)
    for kind in SECTIONS:
        row, _ = devices.issue(work, gate, kind, _body(work, site, gate, kind))
        if devices.catch_up(work, row, versions.get(kind)):
            devices.send(work, site, row)
    tell_time(work, site, gate)


def tell_time(work: Work, site: SiteCode, gate: DeviceId) -> None:
    """Send a gate the signed time; its version is the time itself, in Unix seconds."""
    version = int(work.now.timestamp())
    devices.send_body(work, site, gate, DocumentKind.TIME, version, b"")


def tell_everyone_the_time(work: Work) -> None:
    """Send the signed time to every gate that is there."""
    for gate in device_models.devices(work.session, kind=Kind.GATE):
        if gate.admitted and gate.online:
            tell_time(work, gate.site, gate.id)


def policy_of(work: Work, site: SiteCode, points: Iterable[AccessPoint]) -> Policy:
    """Return the site's policy at these access points, as gates and `rules.decide` read it."""
    found = work.session.get_one(Site, site)
    entries = [_point(point, found) for point in points if point.controller is not None]
    return Policy({entry.id: entry for entry in entries})


def _point(point: AccessPoint, site: Site) -> sections.AccessPoint:
    return sections.AccessPoint(
        id=AccessPointId(point.id),
        portal=PortalId(point.portal),
        controller=DeviceId(point.controller or ""),
        zone=ZoneNumber(point.zone),
        direction=point.direction,
        classes=point.admitted(site),
        pulse=point.pulse,
    )


def _body(work: Work, site: SiteCode, gate: DeviceId, kind: DocumentKind) -> Callable[[], bytes]:
    return lambda: _WRITERS[kind](work, site, gate)


def _keys(work: Work, site: SiteCode, _gate: DeviceId) -> bytes:
    return sections.write_keys(credentials.key_ring(work.session, site, work.now))


def _policy(work: Work, site: SiteCode, gate: DeviceId) -> bytes:
    points = places.access_points_of_gate(work.session, site, gate)
    return sections.write_policy(policy_of(work, site, points))


def _revocations(work: Work, site: SiteCode, _gate: DeviceId) -> bytes:
    return sections.write_revocations(credentials.revocations(work.session, site, work.now))


_WRITERS = {
    DocumentKind.KEYS: _keys,
    DocumentKind.POLICY: _policy,
    DocumentKind.REVOCATIONS: _revocations,
}
