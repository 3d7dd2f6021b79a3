"""What each gate must know to decide by itself: pushed when it changes, given with the time to a gate that asks."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from access_protocol import knowledge as sections
from access_protocol.documents import DocumentKind
from access_protocol.events import SyncRequest
from access_protocol.feeds import FEEDS
from access_protocol.ids import AccessPointId, DeviceId, PortalId, SiteCode, ZoneNumber
from access_protocol.knowledge import AntiPassback, Policy, TimeAnswer, ZonePolicy
from access_protocol.topics import Kind
from server.access import amnesties, feeds, models
from server.credentials import models as credentials
from server.devices import actions as devices
from server.devices import models as device_models
from server.devices.actions import Section
from server.devices.models import Device
from server.kernel.work import Work
from server.places import models as places
from server.places.models import AccessPoint, Site

SECTIONS = (DocumentKind.KEYS, DocumentKind.POLICY)
"""What is sent as a whole; what grows is sent as feeds."""


def refresh(work: Work, site: SiteCode, kinds: Iterable[DocumentKind] = SECTIONS) -> None:
    """Tell every gate of the site which of these sections changed. Call after whatever may change them."""
    wanted, news = tuple(kinds), list[tuple[DeviceId, list[Section]]]()
    for gate in device_models.devices(work.session, site=site, kind=Kind.GATE):
        if not gate.admitted:
            continue
        issued = [
            devices.issue(work, gate.id, kind, _body(work, site, gate.id, kind)) for kind in wanted
        ]
        changed = [Section(row.kind, row.version, row.body) for row, is_new in issued if is_new]
        news.append((gate.id, changed))
    devices.send_many(work, site, news)


def answer(work: Work, gate: Device, asked: SyncRequest) -> None:
    """Send a gate what is newer than what it holds, and last the time, which answers its very question.

    The time names what the gate should hold now: all of this is one transaction.
    """
    held = devices.held_versions(asked.held)
    wanted: dict[DocumentKind, int] = {}
    missing: list[Section] = []
    for kind in SECTIONS:
        row, _ = devices.issue(work, gate.id, kind, _body(work, gate.site, gate.id, kind))
        if devices.catch_up(work, row, held.get(kind)):
            missing.append(Section(kind, row.version, row.body))
        wanted[kind] = row.version
    feeds.catch_up(work, gate.site, held)
    for kind in FEEDS:
        version, chunks = feeds.chunks(work, gate.site, kind, held.get(kind, 0))
        missing += chunks
        if version:
            wanted[kind] = version
    if asked.nonce is not None:
        body = sections.write_time(
            TimeAnswer(asked.nonce, {str(kind): version for kind, version in wanted.items()})
        )
        missing.append(Section(DocumentKind.TIME, int(work.now.timestamp()), body))
    devices.send_all(work, gate.site, gate.id, missing)


def policy_of(work: Work, site: SiteCode, points: Iterable[AccessPoint]) -> Policy:
    """Return the site's policy at these access points, as gates and `rules.decide` read it."""
    found = work.session.get_one(Site, site)
    entries = [_point(point, found) for point in points if point.controller is not None]
    return Policy(
        access_points={entry.id: entry for entry in entries},
        static_staleness=timedelta(hours=found.static_staleness_h),
        staleness=timedelta(hours=found.staleness_h),
        locked_down=_locked_down(work, site),
        zones=_zones(work, site),
    )


def _locked_down(work: Work, site: SiteCode) -> frozenset[ZoneNumber]:
    lasting = models.lockdowns(work.session, site)
    if not lasting:
        return frozenset()
    zones = [ZoneNumber(zone.number) for zone in places.all_zones(work.session, site)]
    return frozenset(zone for zone in zones if any(each.covers(zone) for each in lasting))


def _zones(work: Work, site: SiteCode) -> dict[ZoneNumber, ZonePolicy]:
    """Return what there is to say about zones: nothing about those without anti-passback."""
    said = {
        ZoneNumber(zone.number): zone
        for zone in places.all_zones(work.session, site)
        if zone.anti_passback is not AntiPassback.OFF
    }
    forgiven = amnesties.newest(work.session, site)
    return {
        number: ZonePolicy(
            anti_passback=zone.anti_passback,
            forgiven_after=zone.forgiven_after,
            amnesty=_whole_second(
                max(filter(None, (forgiven.get(None), forgiven.get(number))), default=None)
            ),
        )
        for number, zone in said.items()
    }


def _whole_second(at: datetime | None) -> datetime | None:
    """Round up: an entry in the second in which a guard forgave is forgiven too."""
    if at is None or not at.microsecond:
        return at
    return at.replace(microsecond=0) + timedelta(seconds=1)


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


_WRITERS = {DocumentKind.KEYS: _keys, DocumentKind.POLICY: _policy}
