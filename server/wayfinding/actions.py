"""Floor plans of a site: bring them in, keep them, see what is placed on them, and find ways."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from sqlmodel import Session

from access_protocol.ids import PortalId, SiteCode
from server.kernel.errors import NotFound
from server.kernel.events import Event
from server.kernel.ids import FloorId
from server.kernel.principal import Right, require
from server.kernel.refusals import Reason
from server.kernel.work import Work
from server.places import models
from server.places.models import Floor, FloorPlan, Room
from server.wayfinding import imdf_features as imdf
from server.wayfinding import routes
from server.wayfinding.assembly import assemble
from server.wayfinding.imdf import Features, Mistake, NotAPlan, joined, level_name, parse
from server.wayfinding.plans import Building, Level, Unit, Words
from server.wayfinding.routes import Node, TooComplex, Ways

_LANGUAGES = ("ja", "en", "zh")


@dataclass(frozen=True, kw_only=True)
class FloorPlanChanged(Event):
    """The plans of a site's floors were brought in, or taken away."""

    site: SiteCode
    floors: int
    """How many there are now."""


class Document(NamedTuple):
    """The plan of one floor as it is kept."""

    ordinal: int
    name: Words
    text: str


class Placed(NamedTuple):
    """A portal or room of the site, and where it is on the plan."""

    id: str
    name: models.Named
    level: Level | None
    """None: it is missing on the plan."""


class Placing(NamedTuple):
    """What of a site is on its plan and what is missing."""

    portals: Sequence[Placed]
    rooms: Sequence[Placed]
    unknown: Sequence[str]
    """What the plan names and the site does not have."""


class Plan(NamedTuple):
    """A plan that was read and is in order, to be brought in."""

    building: Building
    documents: Sequence[Document]
    digest: str


def check_plan(files: Mapping[str, object]) -> Plan:
    """Return the plan that IMDF's files describe; raises `NotAPlan`.

    It may take seconds: do it before the work that brings the plan in begins, so that nobody waits for it.
    """
    features = parse(files)
    building = assemble(features)
    try:
        routes.ways(building)
    except TooComplex as error:
        reason = Reason("has more corners and openings than a way can be reckoned through")
        raise NotAPlan([Mistake("unit.geojson", error.unit, "geometry", reason)]) from None
    return Plan(building, *_documents(features))


def import_plan(work: Work, site: SiteCode, plan: Plan) -> None:
    """Replace a site's floor plans by this one; floors are added and named as the levels are."""
    _may_change(work, site)
    _clear(work, site)
    floors = {each.number: each for each in models.floors_of(work.session, site)}
    for each in plan.documents:
        floor = floors.get(each.ordinal)
        if floor is None:
            floor = Floor(id=FloorId(work.ids.new()), site=site, number=each.ordinal, name="")
        floor.name = each.name.of("en")
        floor.translations = {
            language: each.name.of(language) for language in _LANGUAGES if language != "en"
        }
        work.session.add(floor)
        work.session.flush()
        work.session.add(
            FloorPlan(
                site=site,
                ordinal=each.ordinal,
                floor=floor.id,
                document=each.text,
                digest=plan.digest,
                imported_at=work.now,
            )
        )
    work.session.flush()
    work.record(FloorPlanChanged(site=site, floors=len(plan.documents)))


def remove_plan(work: Work, site: SiteCode) -> None:
    """Take a site's floor plans away; its floors stay. Raises `NotFound` where there is none."""
    _may_change(work, site)
    if not _clear(work, site):
        raise NotFound("There is no floor plan of this site.")
    work.record(FloorPlanChanged(site=site, floors=0))


def building_of(session: Session, site: SiteCode) -> Building | None:
    """Return a site's building, or None where no plan was brought in."""
    found = ways_of(session, site)
    return found.building if found else None


def ways_of(session: Session, site: SiteCode) -> Ways | None:
    """Return the graph of a site's building, or None where no plan was brought in."""
    texts = tuple(each.document for each in models.floor_plans(session, site))
    return _restored(texts) if texts else None


def placing(work: Work, site: SiteCode) -> Placing:
    """Return which portals and rooms of a site are on its plan, and what the plan names besides."""
    require(work.principal, Right.PLACES_READ, site)
    building = building_of(work.session, site)
    portals = [
        Placed(each.id, each, _level_of_portal(building, each.id))
        for each in models.portals_of(work.session, site)
    ]
    every = models.rooms_of(work.session, site)
    rooms = [
        Placed(each.id, each, building.level(unit.level) if building and unit else None)
        for each in every
        for unit in [unit_of(building, each) if building else None]
    ]
    return Placing(portals, rooms, _unknown(building, [p.id for p in portals], every))


def unit_of(building: Building, room: Room) -> Unit | None:
    """Return the unit that is a room: the plan calls it by its id, or by its name in any language."""
    return building.unit_of(room.id, room.name, *room.translations.values())


def node_of_portal(building: Building, portal: PortalId) -> Node | None:
    """Return where in the graph a portal is: an opening, or a machine."""
    opening = building.opening_of(portal)
    if opening is not None:
        return routes.at_opening(opening.id)
    landmark = building.landmark_of(portal)
    return routes.at_landmark(landmark.id) if landmark else None


def node_of_room(building: Building, room: Room) -> Node | None:
    """Return where in the graph a room is, or else its door."""
    unit = unit_of(building, room)
    if unit is not None:
        return routes.at_unit(unit.id)
    return node_of_portal(building, room.portal) if room.portal else None


def entrance(building: Building) -> Node | None:
    """Return the opening by which one comes in: of those between outdoors and a unit the main one, lowest first."""
    ordinals = {each.id: each.ordinal for each in building.levels}
    outer = [
        each for each in building.openings.values() if len(each.units) == 1 and each.is_passable
    ]
    outer.sort(
        key=lambda each: (
            each.portal is None,
            each.category != "pedestrian.principal",
            abs(ordinals[each.level]),
            each.id,
        )
    )
    return routes.at_opening(outer[0].id) if outer else None


def _level_of_portal(building: Building | None, portal: PortalId) -> Level | None:
    if building is None:
        return None
    found = building.opening_of(portal) or building.landmark_of(portal)
    return building.level(found.level) if found else None


def _unknown(building: Building | None, portals: Sequence[str], rooms: Sequence[Room]) -> list[str]:
    if building is None:
        return []
    names = {name for each in rooms for name in (each.id, each.name, *each.translations.values())}
    placed = [*building.openings.values(), *building.landmarks.values()]
    return sorted(
        {
            *(each.portal for each in placed if each.portal and each.portal not in portals),
            *(
                each.room
                for each in building.units.values()
                if each.room and each.room not in names
            ),
        }
    )


def _documents(features: Features) -> tuple[list[Document], str]:
    """Return each floor's features as they are kept, from below upwards, and the digest of all."""
    level_of = {unit.id: unit.properties.level_id for unit in features.unit}
    homes: dict[str, dict[str, list[Any]]] = {
        each.id: {kind: [] for kind in imdf.KINDS} for each in features.level
    }
    for kind, listed in features._asdict().items():
        for each in listed:
            kept = each.model_dump(mode="json", exclude_none=True)
            homes[_home(kind, each, level_of)][kind].append(kept)
    levels = sorted(features.level, key=lambda each: each.properties.ordinal)
    documents = [
        Document(
            each.properties.ordinal,
            level_name(each),
            json.dumps(homes[each.id], ensure_ascii=False, separators=(",", ":")),
        )
        for each in levels
    ]
    every = "\n".join(each.text for each in documents)
    return documents, hashlib.sha256(every.encode()).hexdigest()


def _home(kind: str, feature: Any, level_of: Mapping[str, str]) -> str:  # noqa: ANN401  any feature
    match kind:
        case "level":
            return feature.id
        case "amenity":
            return level_of[feature.properties.unit_ids[0]]
        case "relationship":
            return next(level_of[each] for each in joined(feature) if each in level_of)
        case _:
            return feature.properties.level_id


@lru_cache(maxsize=8)
def _restored(texts: tuple[str, ...]) -> Ways:
    """Return the graph of the building whose floors' documents these are."""
    files: dict[str, dict[str, Any]] = {
        kind: {"type": "FeatureCollection", "features": []} for kind in imdf.KINDS
    }
    for text in texts:
        for kind, listed in json.loads(text).items():
            files[kind]["features"] += listed
    return routes.ways(assemble(parse(files)))


def _clear(work: Work, site: SiteCode) -> bool:
    found = models.floor_plans(work.session, site)
    for each in found:
        work.session.delete(each)
    work.session.flush()
    return bool(found)


def _may_change(work: Work, site: SiteCode) -> None:
    require(work.principal, Right.PLACES_MANAGE, site)
    if models.site_with(work.session, site) is None:
        raise NotFound(f"There is no site {site}.")
