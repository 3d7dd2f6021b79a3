"""The features of IMDF (OGC 20-094) as they stand in its files, checked one by one: types, categories, bounds.

Of the standard's properties only those are kept that a drawing or a way needs; what a file holds beyond them is
nobody's error. `genkan_portal` and `genkan_room` are ours.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from server.kernel.plane import Position
from server.kernel.text import Line

T = TypeVar("T")

MOST_CORNERS = 1000
UNIT_CATEGORIES = frozenset(
    [
        "auditorium",
        "brick",
        "classroom",
        "column",
        "concrete",
        "conferenceroom",
        "drywall",
        "elevator",
        "escalator",
        "fieldofplay",
        "firstaid",
        "fitnessroom",
        "foodservice",
        "footbridge",
        "glass",
        "huddleroom",
        "kitchen",
        "laboratory",
        "library",
        "lobby",
        "lounge",
        "mailroom",
        "mothersroom",
        "movietheater",
        "movingwalkway",
        "nonpublic",
        "office",
        "opentobelow",
        "parking",
        "phoneroom",
        "platform",
        "privatelounge",
        "ramp",
        "recreation",
        "restroom",
        "restroom.family",
        "restroom.female",
        "restroom.female.wheelchair",
        "restroom.male",
        "restroom.male.wheelchair",
        "restroom.transgender",
        "restroom.transgender.wheelchair",
        "restroom.unisex",
        "restroom.unisex.wheelchair",
        "restroom.wheelchair",
        "road",
        "room",
        "serverroom",
        "shower",
        "smokingarea",
        "stairs",
        "steps",
        "storage",
        "structure",
        "terrace",
        "theater",
        "unenclosedarea",
        "unspecified",
        "vegetation",
        "waitingroom",
        "walkway",
        "walkway.island",
        "wood",
    ]
)
OPENING_CATEGORIES = frozenset(
    "automobile bicycle emergencyexit pedestrian pedestrian.principal pedestrian.transit service".split()  # noqa: SIM905  words in rows
)
DOOR_TYPES = frozenset(
    [
        "door",
        "movablepartition",
        "open",
        "revolving",
        "shutter",
        "sliding",
        "swinging",
        "turnstile",
        "turnstile.fullheight",
        "turnstile.waistheight",
        "unspecified",
    ]
)


def _one_of(words: frozenset[str], otherwise: str) -> AfterValidator:
    def check(word: str) -> str:
        if word not in words:
            raise ValueError(otherwise)
        return word

    return AfterValidator(check)


def _closed(ring: list[T]) -> list[T]:
    if ring[0] != ring[-1]:
        raise ValueError("must end where it begins")
    return ring


class _Part(BaseModel):
    # Foreign members are allowed in GeoJSON (RFC 7946, 6.1) and mean nothing here.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


FeatureId = Annotated[str, Field(min_length=1, max_length=64)]
Category = Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z]+)*$", max_length=60)]
UnitCategory = Annotated[
    str,
    Field(max_length=60),
    _one_of(UNIT_CATEGORIES, "is not one of IMDF's categories of units"),
]
OpeningCategory = Annotated[
    str,
    Field(max_length=60),
    _one_of(OPENING_CATEGORIES, "is not one of IMDF's categories of openings"),
]
DoorType = Annotated[
    str, Field(max_length=60), _one_of(DOOR_TYPES, "is not one of IMDF's types of doors")
]
Labels = Annotated[
    dict[
        Annotated[str, Field(pattern="^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)],
        Annotated[Line, Field(min_length=1, max_length=80)],
    ],
    Field(max_length=20),
    BeforeValidator(lambda given: {} if given is None else given),
]
"""A name by language (BCP 47); null where there is none."""
Ring = Annotated[
    list[Position], Field(min_length=4, max_length=MOST_CORNERS + 1), AfterValidator(_closed)
]
Rings = Annotated[list[Ring], Field(min_length=1, max_length=50)]
PortalSlug = Annotated[str, Field(pattern="^[a-z0-9-]{1,32}$")]
RoomName = Annotated[Line, Field(min_length=1, max_length=80)]


class Point(_Part):
    """A point."""

    type: Literal["Point"]
    coordinates: Position


class LineString(_Part):
    """A line; only its two ends and its middle matter."""

    type: Literal["LineString"]
    coordinates: Annotated[list[Position], Field(min_length=2, max_length=50)]


class Polygon(_Part):
    """A polygon, perhaps with holes."""

    type: Literal["Polygon"]
    coordinates: Rings


class MultiPolygon(_Part):
    """Several polygons."""

    type: Literal["MultiPolygon"]
    coordinates: Annotated[list[Rings], Field(min_length=1, max_length=50)]


Polygonal = Annotated[Polygon | MultiPolygon, Field(discriminator="type")]


class LevelProperties(_Part):
    """What is said of a level."""

    category: Category = "unspecified"
    ordinal: int = Field(ge=-20, le=200)
    name: Labels = {}
    short_name: Labels = {}


class UnitProperties(_Part):
    """What is said of a unit."""

    category: UnitCategory
    restriction: Annotated[str, Field(max_length=60)] | None = None
    name: Labels = {}
    level_id: FeatureId
    display_point: Point | None = None
    genkan_room: RoomName | None = None


class Door(_Part):
    """What kind of door an opening has."""

    type: DoorType | None = None


class OpeningProperties(_Part):
    """What is said of an opening."""

    category: OpeningCategory
    accessibility: Annotated[list[Category], Field(max_length=20)] | None = None
    access_control: Annotated[list[Category], Field(max_length=20)] | None = None
    door: Door | None = None
    name: Labels = {}
    level_id: FeatureId
    genkan_portal: PortalSlug | None = None


class AmenityProperties(_Part):
    """What is said of an amenity."""

    category: Category
    name: Labels = {}
    unit_ids: Annotated[list[FeatureId], Field(min_length=1, max_length=50)]
    genkan_portal: PortalSlug | None = None


class FixtureProperties(_Part):
    """What is said of a fixture."""

    category: Category
    name: Labels = {}
    level_id: FeatureId
    genkan_portal: PortalSlug | None = None


class Reference(_Part):
    """A feature that another one names."""

    id: FeatureId
    feature_type: Annotated[str, Field(max_length=40)]


class RelationshipProperties(_Part):
    """Which features belong together, and how."""

    category: Category
    direction: Literal[
        "directed",
        "undirected",
    ] = "undirected"
    origin: Reference | None = None
    intermediary: Annotated[list[Reference], Field(max_length=100)] | None = None
    destination: Reference | None = None


class _Feature(_Part):
    type: Literal["Feature"]
    id: FeatureId


class LevelFeature(_Feature):
    """A feature of level.geojson."""

    feature_type: Literal["level",]
    geometry: Polygonal
    properties: LevelProperties


class UnitFeature(_Feature):
    """A feature of unit.geojson."""

    feature_type: Literal["unit",]
    geometry: Polygonal
    properties: UnitProperties


class OpeningFeature(_Feature):
    """A feature of opening.geojson."""

    feature_type: Literal["opening",]
    geometry: LineString
    properties: OpeningProperties


class AmenityFeature(_Feature):
    """A feature of amenity.geojson."""

    feature_type: Literal["amenity",]
    geometry: Point
    properties: AmenityProperties


class FixtureFeature(_Feature):
    """A feature of fixture.geojson."""

    feature_type: Literal["fixture",]
    geometry: Polygonal
    properties: FixtureProperties


class RelationshipFeature(_Feature):
    """A feature of relationship.geojson; its geometry means nothing here."""

    feature_type: Literal["relationship",]
    geometry: Any = None
    properties: RelationshipProperties


AnyFeature = (
    LevelFeature
    | UnitFeature
    | OpeningFeature
    | AmenityFeature
    | FixtureFeature
    | RelationshipFeature
)
KINDS: dict[str, type[AnyFeature]] = {
    "level": LevelFeature,
    "unit": UnitFeature,
    "opening": OpeningFeature,
    "amenity": AmenityFeature,
    "fixture": FixtureFeature,
    "relationship": RelationshipFeature,
}
"""Each kind of feature that is read, by the name of its file without .geojson."""
NEEDED = ("level", "unit", "opening")
