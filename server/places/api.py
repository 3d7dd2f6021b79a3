"""Places as JSON: sites, and below each its floors, zones, portals, access points and rooms."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from access_protocol.credential import CredentialClass
from access_protocol.ids import AccessPointId, PortalId, SiteCode, ZoneNumber
from access_protocol.knowledge import AntiPassback, Direction
from access_protocol.presence import Presence
from access_protocol.wording import Language
from server.kernel.blueprint import ApiBlueprint
from server.kernel.ids import FloorId, RoomId
from server.kernel.pagination import Page, PageQuery
from server.kernel.request import answer, answer_page, begin, reading
from server.kernel.work import Work
from server.places import actions, models
from server.places.actions import (
    AccessPointInput,
    FloorInput,
    NewSite,
    PortalInput,
    RoomInput,
    SiteInput,
    ZoneInput,
)
from server.places.rules import FailMode, PortalKind, SiteCodeText, Slug, ZoneNo

blueprint = ApiBlueprint("Places", "Sites, zones, portals, access points and rooms.", "/sites")

OUT = ConfigDict(from_attributes=True)


class SitePath(BaseModel):
    """A site's code."""

    site: SiteCodeText


class FloorPath(SitePath):
    """A floor of a site."""

    floor: str = Field(pattern="^[0-9a-f]{32}$")


class ZonePath(SitePath):
    """A zone of a site."""

    number: ZoneNo


class PortalPath(SitePath):
    """A portal of a site."""

    portal: Slug


class AccessPointPath(SitePath):
    """An access point of a site."""

    access_point: Slug


class RoomPath(SitePath):
    """A room of a site."""

    room: str = Field(pattern="^[0-9a-f]{32}$")


class SiteOut(BaseModel):
    """A site."""

    model_config = OUT

    code: str
    name: str
    translations: dict[Language, str]
    address: str
    time_zone: str
    languages: list[Language]
    approval_required: bool
    static_zones: list[int]
    staff_zones: list[int]
    static_staleness_h: int
    staleness_h: int
    created_at: datetime


class FloorOut(BaseModel):
    """A floor."""

    model_config = OUT

    id: str
    number: int
    name: str
    translations: dict[Language, str]


class ZoneOut(BaseModel):
    """A zone."""

    model_config = OUT

    number: int
    name: str
    translations: dict[Language, str]
    floor: str | None
    anti_passback: AntiPassback
    forgiven_after_min: int | None


class PortalOut(BaseModel):
    """A portal."""

    model_config = OUT

    id: str
    name: str
    translations: dict[Language, str]
    kind: PortalKind
    fail_mode: FailMode


class AccessPointOut(BaseModel):
    """An access point."""

    model_config = OUT

    id: str
    portal: str
    zone: int
    direction: Direction
    classes: list[CredentialClass]
    single_entry: bool
    pulse_ms: int
    gate: str | None
    controller: str | None
    presence_ways: list[list[Presence]]


class RoomOut(BaseModel):
    """A room."""

    model_config = OUT

    id: str
    name: str
    translations: dict[Language, str]
    zone: int
    portal: str | None
    floor: str | None
    capacity: int | None
    bookable: bool


class SitePage(BaseModel):
    """Sites by code."""

    items: list[SiteOut]
    next_cursor: str | None


class FloorPage(BaseModel):
    """Floors from below upwards."""

    items: list[FloorOut]
    next_cursor: str | None


class ZonePage(BaseModel):
    """Zones by number."""

    items: list[ZoneOut]
    next_cursor: str | None


class PortalPage(BaseModel):
    """Portals by slug."""

    items: list[PortalOut]
    next_cursor: str | None


class AccessPointPage(BaseModel):
    """Access points by slug."""

    items: list[AccessPointOut]
    next_cursor: str | None


class RoomPage(BaseModel):
    """Rooms by name."""

    items: list[RoomOut]
    next_cursor: str | None


@blueprint.get("", {200: SitePage})
def list_sites(query: PageQuery) -> Response:
    """List sites."""
    with reading() as work:
        return answer_page(actions.list_sites(work, query).map(SiteOut.model_validate))


@blueprint.post("", {201: SiteOut})
def create_site(body: NewSite) -> Response:
    """Create a site."""
    with begin() as work:
        made = SiteOut.model_validate(actions.create_site(work, body))
    return answer(made, 201)


@blueprint.get("/<site>", {200: SiteOut})
def get_site(path: SitePath) -> Response:
    """Return one site."""
    with reading() as work:
        return answer(SiteOut.model_validate(actions.find_site(work, SiteCode(path.site))))


@blueprint.put("/<site>", {200: SiteOut})
def change_site(path: SitePath, body: SiteInput) -> Response:
    """Change a site."""
    with begin() as work:
        changed = SiteOut.model_validate(actions.change_site(work, SiteCode(path.site), body))
    return answer(changed)


@blueprint.get("/<site>/floors", {200: FloorPage})
def list_floors(path: SitePath, query: PageQuery) -> Response:
    """List floors."""
    return _listed(path, query, models.floors, FloorOut)


@blueprint.post("/<site>/floors", {201: FloorOut})
def create_floor(path: SitePath, body: FloorInput) -> Response:
    """Add a floor."""
    with begin() as work:
        made = FloorOut.model_validate(actions.create_floor(work, SiteCode(path.site), body))
    return answer(made, 201)


@blueprint.put("/<site>/floors/<floor>", {200: FloorOut})
def change_floor(path: FloorPath, body: FloorInput) -> Response:
    """Change a floor."""
    with begin() as work:
        floor = actions.change_floor(work, SiteCode(path.site), FloorId(path.floor), body)
        changed = FloorOut.model_validate(floor)
    return answer(changed)


@blueprint.get("/<site>/zones", {200: ZonePage})
def list_zones(path: SitePath, query: PageQuery) -> Response:
    """List zones."""
    return _listed(path, query, models.zones, ZoneOut)


@blueprint.put("/<site>/zones/<number>", {200: ZoneOut})
def put_zone(path: ZonePath, body: ZoneInput) -> Response:
    """Create or change a zone."""
    with begin() as work:
        zone = actions.put_zone(work, SiteCode(path.site), ZoneNumber(path.number), body)
        stored = ZoneOut.model_validate(zone)
    return answer(stored)


@blueprint.get("/<site>/portals", {200: PortalPage})
def list_portals(path: SitePath, query: PageQuery) -> Response:
    """List portals."""
    return _listed(path, query, models.portals, PortalOut)


@blueprint.put("/<site>/portals/<portal>", {200: PortalOut})
def put_portal(path: PortalPath, body: PortalInput) -> Response:
    """Create or change a portal."""
    with begin() as work:
        portal = actions.put_portal(work, SiteCode(path.site), PortalId(path.portal), body)
        stored = PortalOut.model_validate(portal)
    return answer(stored)


@blueprint.get("/<site>/access-points", {200: AccessPointPage})
def list_access_points(path: SitePath, query: PageQuery) -> Response:
    """List access points."""
    return _listed(path, query, models.access_points, AccessPointOut)


@blueprint.put("/<site>/access-points/<access_point>", {200: AccessPointOut})
def put_access_point(path: AccessPointPath, body: AccessPointInput) -> Response:
    """Create or change an access point."""
    with begin() as work:
        point = actions.put_access_point(
            work, SiteCode(path.site), AccessPointId(path.access_point), body
        )
        stored = AccessPointOut.model_validate(point)
    return answer(stored)


@blueprint.get("/<site>/rooms", {200: RoomPage})
def list_rooms(path: SitePath, query: PageQuery) -> Response:
    """List rooms."""
    return _listed(path, query, models.rooms, RoomOut)


@blueprint.post("/<site>/rooms", {201: RoomOut})
def create_room(path: SitePath, body: RoomInput) -> Response:
    """Add a room."""
    with begin() as work:
        made = RoomOut.model_validate(actions.create_room(work, SiteCode(path.site), body))
    return answer(made, 201)


@blueprint.put("/<site>/rooms/<room>", {200: RoomOut})
def change_room(path: RoomPath, body: RoomInput) -> Response:
    """Change a room."""
    with begin() as work:
        room = actions.change_room(work, SiteCode(path.site), RoomId(path.room), body)
        changed = RoomOut.model_validate(room)
    return answer(changed)


Query = Callable[[Any, SiteCode, PageQuery], Page[Any]]


def _listed(path: SitePath, query: PageQuery, ask: Query, out: type[BaseModel]) -> Response:
    with reading() as work:
        return answer_page(_of_site(work, path, query, ask).map(out.model_validate))


def _of_site(work: Work, path: SitePath, query: PageQuery, ask: Query) -> Page[Any]:
    site = actions.find_site(work, SiteCode(path.site))
    return ask(work.session, site.code, query)
