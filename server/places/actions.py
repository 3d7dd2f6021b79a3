"""What can be asked about places: see them, create and change them."""

from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, Field, model_validator

from access_protocol import presence
from access_protocol.credential import MOST_ZONES, CredentialClass
from access_protocol.ids import AccessPointId, PortalId, SiteCode, ZoneNumber
from access_protocol.knowledge import AntiPassback, Direction
from access_protocol.presence import Presence
from access_protocol.wording import Language
from server.kernel.errors import Conflict, Invalid, NotFound
from server.kernel.events import Event
from server.kernel.ids import FloorId, RoomId
from server.kernel.pagination import Page, PageQuery
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.places import models
from server.places.models import AccessPoint, Floor, Portal, Room, Site, Zone
from server.places.rules import (
    Address,
    DeviceText,
    FailMode,
    ForgivenAfterMinutes,
    Name,
    NewSiteCode,
    PortalKind,
    PresenceWays,
    PulseMs,
    Slug,
    StalenessHours,
    TimeZone,
    Translations,
    ZoneNo,
    unread_exits,
    usual_classes,
    usual_ways,
    why_not_classes,
)

P = TypeVar("P", Site, Floor, Zone, Portal, AccessPoint, Room)


@dataclass(frozen=True, kw_only=True)
class PlaceChanged(Event):
    """Something about a site was created or changed; gates may have to learn of it."""

    site: SiteCode
    what: str
    """site, floor, zone, portal, access_point or room."""
    id: str
    created: bool


class SiteInput(BaseModel):
    """Everything about a site but its code."""

    name: Name
    translations: Translations = Field(default_factory=dict[Language, Name])
    address: Address = ""
    time_zone: TimeZone
    languages: list[Language] = Field(
        default=list(Language), min_length=1, max_length=len(Language)
    )
    approval_required: bool = Field(
        default=False, description="Security approves visits before credentials are issued."
    )
    static_zones: list[ZoneNo] = Field(
        default=[], max_length=23, description="Zones that printed or mailed credentials may enter."
    )
    staff_zones: list[ZoneNo] = Field(
        default=[],
        max_length=MOST_ZONES,
        description="Zones that staff passes open, where nothing else is set for a person.",
    )
    static_staleness_h: StalenessHours = Field(
        default=24,
        description="Hours without contact after which gates admit no static credential.",
    )
    staleness_h: StalenessHours = Field(
        default=72, description="Hours without contact after which gates admit no visitor."
    )


class NewSite(SiteInput):
    """A site with its code, which never changes: credentials and topics carry it."""

    code: NewSiteCode


class FloorInput(BaseModel):
    """A floor."""

    number: int = Field(ge=-20, le=200, description="0 is the ground floor.")
    name: Name
    translations: Translations = Field(default_factory=dict[Language, Name])


class ZoneInput(BaseModel):
    """A zone; its number is in the path."""

    name: Name
    translations: Translations = Field(default_factory=dict[Language, Name])
    floor: str | None = Field(default=None, max_length=32, description="Id of its floor.")
    anti_passback: AntiPassback = Field(
        default=AntiPassback.OFF,
        description="A second entry without an exit between: hard refuses it, soft notes it.",
    )
    forgiven_after_min: ForgivenAfterMinutes | None = Field(
        default=None, description="Minutes after which an entry is forgiven; null: never by time."
    )


class PortalInput(BaseModel):
    """A portal; its slug is in the path."""

    name: Name
    translations: Translations = Field(default_factory=dict[Language, Name])
    kind: PortalKind
    fail_mode: FailMode = Field(
        default=FailMode.SAFE,
        description="What it does without power: safe opens, secure stays locked.",
    )


class AccessPointInput(BaseModel):
    """An access point; its slug is in the path."""

    portal: Slug
    zone: ZoneNo
    direction: Direction = Direction.IN
    classes: list[CredentialClass] | None = Field(
        default=None,
        min_length=1,
        max_length=len(CredentialClass),
        description="Left out: every kind of pass; at a vending machine vouchers, and it takes nothing else.",
    )
    single_entry: bool = True
    pulse_ms: PulseMs = 3000
    gate: DeviceText | None = Field(
        default=None, description="The gate agent whose reader is here."
    )
    controller: DeviceText | None = Field(
        default=None, description="The controller that opens the portal."
    )
    presence_ways: PresenceWays | None = Field(
        default=None,
        description="Left out: the phone's key and the code on the spot, or a yes; at a machine the key alone.",
    )

    @model_validator(mode="after")
    def _gate_has_a_controller(self) -> "AccessPointInput":
        if self.gate is not None and self.controller is None:
            raise ValueError("a gate needs a controller to command: give both, or neither")
        return self


class RoomInput(BaseModel):
    """A room."""

    name: Name
    translations: Translations = Field(default_factory=dict[Language, Name])
    zone: ZoneNo
    portal: Slug | None = Field(default=None, description="Its own door, where it has one.")
    floor: str | None = Field(default=None, max_length=32, description="Id of its floor.")
    capacity: int | None = Field(default=None, ge=1, le=10_000)
    bookable: bool = True


def list_sites(work: Work, query: PageQuery) -> Page[Site]:
    """Return the sites."""
    require(work.principal, Right.PLACES_READ)
    return models.sites(work.session, query)


def find_site(work: Work, code: SiteCode) -> Site:
    """Return a site, for whoever may see places there; raises `NotFound`."""
    require(work.principal, Right.PLACES_READ, code)
    return _found(models.site_with(work.session, code), f"There is no site {code}.")


def create_site(work: Work, new: NewSite) -> Site:
    """Create a site; raises `Conflict` where the code is taken."""
    require(work.principal, Right.PLACES_MANAGE)
    code = SiteCode(new.code)
    if models.site_with(work.session, code) is not None:
        raise Conflict(f"There is already a site {code}.")
    site = Site(code=code, created_at=work.now, **new.model_dump(mode="json", exclude={"code"}))
    return _stored(work, site, code, "site", code, created=True)


def change_site(work: Work, code: SiteCode, wanted: SiteInput) -> Site:
    """Replace everything about a site but its code."""
    require(work.principal, Right.PLACES_MANAGE, code)
    site = find_site(work, code)
    _apply(site, wanted)
    return _stored(work, site, code, "site", code, created=False)


def create_floor(work: Work, site: SiteCode, wanted: FloorInput) -> Floor:
    """Add a floor to a site."""
    _may_change(work, site)
    floor = Floor(id=FloorId(work.ids.new()), site=site, **wanted.model_dump(mode="json"))
    return _stored(work, floor, site, "floor", floor.id, created=True)


def change_floor(work: Work, site: SiteCode, floor_id: FloorId, wanted: FloorInput) -> Floor:
    """Replace everything about a floor."""
    _may_change(work, site)
    floor = work.session.get(Floor, floor_id)
    if floor is None or floor.site != site:
        raise NotFound("There is no such floor at this site.")
    _apply(floor, wanted)
    return _stored(work, floor, site, "floor", floor_id, created=False)


def put_zone(work: Work, site: SiteCode, number: ZoneNumber, wanted: ZoneInput) -> Zone:
    """Create a zone, or replace everything about it but its number."""
    _may_change(work, site)
    _check_floor(work, site, wanted.floor)
    zone = work.session.get(Zone, (site, number))
    created = zone is None
    zone = zone or Zone(site=site, number=number, name=wanted.name)
    _apply(zone, wanted)
    _check_exits_are_read(work, zone)
    return _stored(work, zone, site, "zone", str(number), created=created)


def put_portal(work: Work, site: SiteCode, portal_id: PortalId, wanted: PortalInput) -> Portal:
    """Create a portal, or replace everything about it but its slug."""
    _may_change(work, site)
    portal = work.session.get(Portal, (site, portal_id))
    created = portal is None
    _check_kind(work, portal, wanted.kind)
    portal = portal or Portal(
        site=site,
        id=portal_id,
        name=wanted.name,
        kind=wanted.kind,
        fail_mode=wanted.fail_mode,
    )
    _apply(portal, wanted)
    return _stored(work, portal, site, "portal", portal_id, created=created)


def _check_kind(work: Work, portal: Portal | None, wanted: PortalKind) -> None:
    """A machine takes vouchers and a door does not: with access points there it stays what it is."""
    if portal is None or PortalKind.VENDING not in {portal.kind, wanted} or portal.kind is wanted:
        return
    if models.access_points_of_portal(work.session, portal.site, portal.id):
        raise Invalid([("kind", "cannot change between machine and door while it has a reader")])


def put_access_point(
    work: Work, site: SiteCode, point_id: AccessPointId, wanted: AccessPointInput
) -> AccessPoint:
    """Create an access point, or replace everything about it but its slug."""
    _may_change(work, site)
    wanted = _with_usual(wanted, _portal(work, site, wanted.portal))
    _check_only_reader(work, site, point_id, PortalId(wanted.portal))
    _check_zone(work, site, wanted.zone)
    point = work.session.get(AccessPoint, (site, point_id))
    created = point is None
    point = point or AccessPoint(
        site=site,
        id=point_id,
        portal=PortalId(wanted.portal),
        zone=wanted.zone,
        direction=wanted.direction,
        classes=[],
        pulse_ms=wanted.pulse_ms,
    )
    left = point.zone
    _apply(point, wanted)
    work.session.add(point)
    work.session.flush()
    for number in {left, wanted.zone}:
        _check_exits_are_read(work, work.session.get_one(Zone, (site, number)), "direction")
    return _stored(work, point, site, "access_point", point_id, created=created)


def create_room(work: Work, site: SiteCode, wanted: RoomInput) -> Room:
    """Add a room to a site."""
    _may_change(work, site)
    _check_room(work, site, wanted)
    room = Room(id=RoomId(work.ids.new()), site=site, **wanted.model_dump(mode="json"))
    return _stored(work, room, site, "room", room.id, created=True)


def change_room(work: Work, site: SiteCode, room_id: RoomId, wanted: RoomInput) -> Room:
    """Replace everything about a room."""
    _may_change(work, site)
    room = work.session.get(Room, room_id)
    if room is None or room.site != site:
        raise NotFound("There is no such room at this site.")
    _check_room(work, site, wanted)
    _apply(room, wanted)
    return _stored(work, room, site, "room", room_id, created=False)


def _may_change(work: Work, site: SiteCode) -> None:
    require(work.principal, Right.PLACES_MANAGE, site)
    if models.site_with(work.session, site) is None:
        raise NotFound(f"There is no site {site}.")


def _check_room(work: Work, site: SiteCode, wanted: RoomInput) -> None:
    _check_zone(work, site, wanted.zone)
    _check_floor(work, site, wanted.floor)
    if wanted.portal is not None:
        _portal(work, site, wanted.portal)


def _with_usual(wanted: AccessPointInput, portal: Portal) -> AccessPointInput:
    """Return an access point with what nobody chose; raises `Invalid` for classes that do not fit its portal."""
    classes = wanted.classes or list(usual_classes(portal.kind))
    why = why_not_classes(portal.kind, classes)
    if why is not None:
        raise Invalid([("classes", why)])
    ways = wanted.presence_ways or [
        [Presence(each) for each in way] for way in presence.written(usual_ways(portal.kind))
    ]
    return wanted.model_copy(update={"classes": classes, "presence_ways": ways})


def _check_only_reader(work: Work, site: SiteCode, point: AccessPointId, portal: PortalId) -> None:
    """A machine has one place to show a voucher: two readers could take the same one at once."""
    if work.session.get_one(Portal, (site, portal)).kind is not PortalKind.VENDING:
        return
    others = models.access_points_of_portal(work.session, site, portal)
    if any(other.id != point for other in others):
        raise Invalid([("portal", "has a reader already, and a vending machine has one")])


def _check_zone(work: Work, site: SiteCode, zone: int) -> None:
    if work.session.get(Zone, (site, zone)) is None:
        raise Invalid([("zone", f"site {site} has no zone {zone}")])


def _check_exits_are_read(work: Work, zone: Zone, field: str = "anti_passback") -> None:
    """Hard anti-passback would lock people out for good where nothing reads how they leave."""
    if zone.anti_passback is not AntiPassback.HARD or zone.forgiven_after_min is not None:
        return
    points = models.access_points_of_site(work.session, zone.site)
    sides: dict[Direction, list[str]] = {Direction.IN: [], Direction.OUT: []}
    for point in points:
        if point.zone == zone.number and not point.gives_out:
            sides[point.direction].append(point.portal)
    if unread_exits(sides[Direction.IN], sides[Direction.OUT]):
        why = (
            "cannot be hard where nothing reads who leaves by one of the doors: "
            "add readers there, or minutes after which it is forgiven"
        )
        raise Invalid([(field, why)])


def _portal(work: Work, site: SiteCode, portal: str) -> Portal:
    found = work.session.get(Portal, (site, portal))
    if found is None:
        raise Invalid([("portal", f"site {site} has no portal {portal}")])
    return found


def _check_floor(work: Work, site: SiteCode, floor: str | None) -> None:
    if floor is None:
        return
    found = work.session.get(Floor, floor)
    if found is None or found.site != site:
        raise Invalid([("floor", f"site {site} has no such floor")])


def _apply(place: P, wanted: BaseModel) -> None:
    for field, value in wanted.model_dump().items():
        setattr(place, field, value)
    # JSON columns hold plain values: languages and classes become their texts.
    for field, value in wanted.model_dump(mode="json").items():
        if isinstance(value, list | dict):
            setattr(place, field, value)


def _stored(work: Work, place: P, site: SiteCode, what: str, name: str, *, created: bool) -> P:
    work.session.add(place)
    work.session.flush()
    work.record(PlaceChanged(site=site, what=what, id=name, created=created))
    return place


def _found(site: Site | None, why_not: str) -> Site:
    if site is None:
        raise NotFound(why_not)
    return site
