"""Floor plans as JSON: bring one in, see what is placed on it, and ask for a way."""

from typing import Annotated

from flask import Response, request
from pydantic import BaseModel, Field

from access_protocol.ids import PortalId, SiteCode
from access_protocol.wording import Language
from server.kernel.blueprint import ApiBlueprint
from server.kernel.errors import Invalid, NotFound
from server.kernel.principal import Right, require
from server.kernel.request import answer, begin, no_content, reading
from server.kernel.work import Work
from server.places.models import Room
from server.wayfinding import actions
from server.wayfinding.imdf_archive import read_archive
from server.wayfinding.legs import Leg, LegKind, Turn, route
from server.wayfinding.plans import Building, Climb
from server.wayfinding.routes import Node

blueprint = ApiBlueprint("Wayfinding", "Floor plans, and ways through a building.", "/sites")

SiteText = Annotated[str, Field(pattern="^[A-Z]{1,3}$", description="For example TYO.")]


class SitePath(BaseModel):
    """A site's code."""

    site: SiteText


class RouteQuery(BaseModel):
    """From where to where."""

    start: str = Field(alias="from", max_length=32, description="A portal; for example main-gate.")
    to: str = Field(max_length=32, description="A portal, or the id of a room.")
    step_free: bool = Field(
        default=False, description="Whether stairs and escalators are left out."
    )


class FloorOut(BaseModel):
    """A floor of the plan."""

    ordinal: int = Field(description="0 is the ground floor.")
    name: dict[str, str]
    units: int
    openings: int


class PlacedOut(BaseModel):
    """A portal or room, and where the plan has it."""

    id: str
    floor: int | None = Field(
        description="Its floor's ordinal; null where it is missing on the plan."
    )


class PlanOut(BaseModel):
    """A site's floor plan."""

    floors: list[FloorOut]
    portals: list[PlacedOut]
    rooms: list[PlacedOut]
    unknown: list[str] = Field(description="What the plan names and the site does not have.")


class LegOut(BaseModel):
    """One leg of a way."""

    kind: LegKind
    floor: int
    place: dict[Language, str] = Field(description="The unit that it leads through, or to.")
    metres: float
    seconds: float
    turn: Turn | None = Field(description="Where to turn first; null where it is not known.")
    side: Turn | None = Field(description="On which side its end lies.")
    portal: str | None = Field(description="The portal at its end.")
    climb: Climb | None
    to_floor: int | None


class RouteOut(BaseModel):
    """A way, leg by leg; the last one is the arrival."""

    metres: float
    seconds: float
    legs: list[LegOut]


@blueprint.get("/<site>/floor-plan", {200: PlanOut})
def get_floor_plan(path: SitePath) -> Response:
    """Return what is on a site's floor plan."""
    with reading() as work:
        return answer(_plan(work, SiteCode(path.site)))


@blueprint.put("/<site>/floor-plan", {200: PlanOut})
def put_floor_plan(path: SitePath) -> Response:
    """Replace a site's floor plan; the body is a zip archive of IMDF's files (application/zip)."""
    with reading() as work:
        require(work.principal, Right.PLACES_MANAGE, SiteCode(path.site))
    # Before the work begins: while a plan is unpacked and read others go on writing.
    plan = actions.check_plan(read_archive(request.get_data(cache=False)))
    with begin() as work:
        actions.import_plan(work, SiteCode(path.site), plan)
    with reading() as work:
        return answer(_plan(work, SiteCode(path.site)))


@blueprint.delete("/<site>/floor-plan", {204: None})
def delete_floor_plan(path: SitePath) -> Response:
    """Take a site's floor plan away."""
    with begin() as work:
        actions.remove_plan(work, SiteCode(path.site))
    return no_content()


@blueprint.get("/<site>/floor-plan/route", {200: RouteOut})
def get_route(path: SitePath, query: RouteQuery) -> Response:
    """Return the quickest way between two portals, or to a room."""
    site = SiteCode(path.site)
    with reading() as work:
        require(work.principal, Right.PLACES_READ, site)
        ways = actions.ways_of(work.session, site)
        if ways is None:
            raise NotFound("There is no floor plan of this site.")
        start = _node(work, site, ways.building, "from", query.start)
        end = _node(work, site, ways.building, "to", query.to)
        found = route(ways, start, end, step_free=query.step_free)
    if found is None:
        raise NotFound("The plan has no such way.")
    legs = [_leg(ways.building, each) for each in found.legs]
    return answer(RouteOut(metres=round(found.metres, 1), seconds=round(found.seconds), legs=legs))


def _plan(work: Work, site: SiteCode) -> PlanOut:
    placing = actions.placing(work, site)
    building = actions.building_of(work.session, site)
    if building is None:
        raise NotFound("There is no floor plan of this site.")
    return PlanOut(
        floors=[
            FloorOut(
                ordinal=each.ordinal,
                name=dict(each.name.tags),
                units=sum(unit.level == each.id for unit in building.units.values()),
                openings=sum(opening.level == each.id for opening in building.openings.values()),
            )
            for each in building.levels
        ],
        portals=[_placed(each) for each in placing.portals],
        rooms=[_placed(each) for each in placing.rooms],
        unknown=list(placing.unknown),
    )


def _placed(placed: actions.Placed) -> PlacedOut:
    return PlacedOut(id=placed.id, floor=placed.level.ordinal if placed.level else None)


def _node(work: Work, site: SiteCode, building: Building, field: str, name: str) -> Node:
    room = work.session.get(Room, name)
    found = (
        actions.node_of_room(building, room)
        if room is not None and room.site == site
        else actions.node_of_portal(building, PortalId(name))
    )
    if found is None:
        raise Invalid([(field, "is no portal or room on the plan")])
    return found


def _leg(building: Building, leg: Leg) -> LegOut:
    unit = building.units.get(leg.unit)
    opening = building.openings[leg.opening] if leg.opening else None
    landmark = building.landmarks[leg.landmark] if leg.landmark else None
    portal = (opening.portal if opening else None) or (landmark.portal if landmark else None)
    return LegOut(
        kind=leg.kind,
        floor=building.level(leg.level).ordinal,
        place={each: unit.name.of(each) for each in Language} if unit else {},
        metres=round(leg.metres, 1),
        seconds=round(leg.seconds),
        turn=leg.turn,
        side=leg.side,
        portal=portal,
        climb=leg.climb,
        to_floor=building.level(leg.to_level).ordinal if leg.to_level else None,
    )
